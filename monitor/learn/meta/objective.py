"""What meta-training minimises: the loss of small heads, fitted to an episode's seeds, on its queries.

Pure functions of tensors. ``d`` features, ``s`` seeds, ``q`` queries, ``N`` labels; features are
rows of length 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

HEADS = ("prototype", "ridge", "gradient")
INNER_STEPS = 4
INNER_RATE = 2.0


@dataclass(frozen=True, eq=False)
class Scales:
    """What the heads share and training learns, as logarithms (scalars).

    ``heat``: what similarities are multiplied by; ``name``: how many seeds a name counts for;
    ``ridge``: the regularisation of the ridge head.
    """

    heat: torch.Tensor
    name: torch.Tensor
    ridge: torch.Tensor


def head_scores(
    kind: str,
    query: torch.Tensor,
    support: torch.Tensor,
    targets: torch.Tensor,
    names: torch.Tensor | None,
    scales: Scales,
) -> torch.Tensor:
    """Scores ``(q, N)`` of queries by a head that was fitted to the seeds.

    :param kind: one of ``HEADS``: class means (Snell et al. 2017), ridge regression in closed
        form (Bertinetto et al. 2019), or steps of gradient descent from the class means, first
        order (Raghu et al. 2020).
    :param targets: ``(s, N)`` of 0 and 1; :param names: ``(N, d)``, or ``None`` where they are missing.
    """
    worth = scales.name.exp()
    rows, wanted = support, targets
    if names is not None:
        import torch

        rows = torch.cat([support, names])
        wanted = torch.cat(
            [targets, worth * torch.eye(len(names), dtype=targets.dtype, device=targets.device)]
        )
    if kind == "ridge":
        return scales.heat.exp() * _ridge(query, rows, wanted, scales.ridge.exp())
    means = _means(rows, wanted)
    if kind == "gradient":
        return query @ _descend(means * scales.heat.exp(), rows, wanted).T
    scores: torch.Tensor = scales.heat.exp() * query @ means.T
    return scores


def episode_loss(
    kind: str,
    query: torch.Tensor,
    query_targets: torch.Tensor,
    support: torch.Tensor,
    support_targets: torch.Tensor,
    names: torch.Tensor | None,
    scales: Scales,
    names_alone: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss of one episode and the share of queries that got their label: two scalars.

    Cross-entropy of the queries under the head; where there are names, ``names_alone`` times
    that of queries and seeds under the names by themselves is added.

    :param query_targets: ``(q,)`` and ``support_targets`` ``(s,)``, from 0 to N - 1.
    """
    import torch
    from torch.nn.functional import cross_entropy, one_hot

    labels = int(query_targets.max()) + 1 if names is None else len(names)
    hot = one_hot(support_targets, labels).to(query.dtype)
    scores = head_scores(kind, query, support, hot, names, scales)
    loss = cross_entropy(scores, query_targets)
    right = (scores.argmax(1) == query_targets).float().mean()
    if names is not None and names_alone and len(support):
        every, truth = torch.cat([query, support]), torch.cat([query_targets, support_targets])
        loss = loss + names_alone * cross_entropy(scales.heat.exp() * every @ names.T, truth)
    return loss, right.detach()


def held_geometry(features: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
    """How far similarities between texts went from the public model's: the mean squared difference.

    Both ``(n, d)``. This is what keeps a view good at what the public model was good at.
    """
    moved: torch.Tensor = features @ features.T - base @ base.T
    return moved.square().mean()


def away(states: torch.Tensor, gradient: torch.Tensor, size: float) -> torch.Tensor:
    """Hidden states a step of length ``size`` (relative to each text's own) up the loss's gradient.

    The fast gradient method of Miyato et al. (2017), for each text ``(t, d)`` of ``(n, t, d)``.
    """
    length = gradient.flatten(1).norm(dim=1).clamp(min=1e-12)[:, None, None]
    own = states.flatten(1).norm(dim=1)[:, None, None]
    moved: torch.Tensor = states + size * own * gradient / length
    return moved.detach()


def _means(rows: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    import torch

    means: torch.Tensor = torch.nn.functional.normalize(wanted.T @ rows, dim=1)
    return means


def _ridge(
    query: torch.Tensor, rows: torch.Tensor, wanted: torch.Tensor, strength: torch.Tensor
) -> torch.Tensor:
    import torch

    weight = wanted.sum(1).clamp(min=1e-6).sqrt()[:, None]
    inner, outer = rows * weight, (wanted > 0).to(rows.dtype) * weight
    gram = inner @ inner.T + strength * torch.eye(len(rows), dtype=rows.dtype, device=rows.device)
    scores: torch.Tensor = query @ inner.T @ torch.linalg.solve(gram, outer)
    return scores


def _descend(start: torch.Tensor, rows: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Gradient descent on the seeds' cross-entropy; the steps are taken for constants (first order)."""
    import torch

    weight, step = start, torch.zeros_like(start)
    with torch.no_grad():
        share = wanted / wanted.sum().clamp(min=1e-6)
        for _ in range(INNER_STEPS):
            chances = torch.softmax(rows @ (weight + step).T, dim=1)
            slope = (chances * share.sum(1, keepdim=True) - share).T @ rows
            step = step - INNER_RATE * len(start) * start.norm(dim=1).mean() * slope
    return weight + step
