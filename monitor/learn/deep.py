"""The deepest way to learn a task: upper layers of its own, fine-tuned on its seeds, where that wins.

Two fine-tunings that each see half of the seeds are judged on the other half, against heads in
the view as it was, made of the same halves. If they win, a third one sees all seeds, and its view
is the head's. Probabilities rest on the scores of the first two: seeds that a view was tuned
on say nothing about how sure to be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from scipy.special import log_softmax

from monitor.learn import calibrate
from monitor.learn.fit import STRENGTH, centres, fit_scores, with_chances
from monitor.learn.head import Head, with_threshold
from monitor.learn.support import Encode, Support, gather, label_texts, labelled
from monitor.learn.threads import single_threaded
from monitor.types import Seed, Task

LEAST_SEEDS = 4
"""Seeds that every label needs: with fewer, the halves have too little to learn from."""


class Tunable(Protocol):
    """What is asked of an encoder: see :class:`monitor.interfaces.Encoder`."""

    def encode(self, texts: Sequence[str], views: Sequence[str]) -> Mapping[str, np.ndarray]: ...

    def fine_tune(
        self,
        view: str,
        texts: Sequence[str],
        targets: np.ndarray,
        names: Sequence[str],
        parts: Sequence[np.ndarray],
        *,
        progress: Callable[[int], None] | None = None,
    ) -> list[bytes]: ...

    def offer(self, change: bytes) -> str: ...


@dataclass(frozen=True, eq=False)
class DeepFit:
    """What came of it: ``head`` is the deep one if it was ``promoted``, else the one before.

    ``score`` is the mean log-likelihood of held-out seeds with fine-tuning, ``score_before`` without
    (nan where it was not measured); ``accuracy`` the share of them told right by the former.
    """

    head: Head
    promoted: bool
    reason: str
    score: float = float("nan")
    score_before: float = float("nan")
    accuracy: float = float("nan")


@single_threaded
def fit_deep(
    task: Task,
    seeds: Sequence[Seed],
    encoder: Tunable,
    head: Head,
    *,
    progress: Callable[[int], None] | None = None,
) -> DeepFit:
    """Fine-tune the view of ``head``, which these seeds made, for its task.

    :param progress: called with 1 after every step of :data:`monitor.learn.tune.STEPS`.
    :raises LearnError: the encoder cannot be fine-tuned, or memory runs out.
    """
    if task.multi:
        return DeepFit(head, False, "a task with several labels a text is not fine-tuned")
    before = gather(task, seeds, encoder.encode, [head.view])[head.view]
    tuned_on = labelled(seeds)
    fewest = int(before.targets.sum(axis=0).min()) if tuned_on else 0
    if fewest < LEAST_SEEDS:
        return DeepFit(
            head, False, f"a label has {fewest} seeds, and views are fine-tuned from {LEAST_SEEDS} on"
        )
    targets = before.targets.argmax(axis=1)
    half = calibrate.folds(before.targets) % 2 == 0
    changes = encoder.fine_tune(
        head.view,
        [seed.text for seed in tuned_on],
        targets,
        label_texts(task),
        [~half, half, np.ones(len(tuned_on), bool)],
        progress=progress,
    )
    halves = []
    for out, change in ((half, changes[0]), (~half, changes[1])):
        view = encoder.offer(change)
        halves.append((out, gather(task, seeds, encoder.encode, [view])[view]))
    judged = {strength: _judge(halves, strength) for strength in dict.fromkeys((STRENGTH, head.strength))}
    strength = max(judged, key=lambda value: calibrate.evidence(judged[value], before.targets))
    held, held_before = judged[strength], _judge([(half, before), (~half, before)], head.strength)
    lost = _likelihood(held_before, before.targets, head.strength)
    gain = _likelihood(held, before.targets, strength) - lost
    score_before = float(lost.mean())
    figures = {
        "score": score_before + float(gain.mean()),
        "score_before": score_before,
        "accuracy": float((held.argmax(axis=1) == targets).mean()),
    }
    if gain.mean() <= 0:
        return DeepFit(
            head, False, "held-out seeds are classified worse with fine-tuning than without", **figures
        )
    view = encoder.offer(changes[2])
    support = gather(task, seeds, encoder.encode, [view])[view]
    scores = fit_scores(support, strength=strength)
    fitted = with_chances(support, scores, held, support.targets, _nearest(halves), strength)
    deep = replace(
        head,
        view=view,
        change=changes[2],
        weight=fitted.weight,
        bias=fitted.bias,
        temperature=fitted.temperature,
        thresholds=fitted.thresholds.astype(np.float32),
        reach=fitted.reach,
        strength=strength,
    )
    return DeepFit(
        with_threshold(deep, task.threshold),
        True,
        "held-out seeds are classified better with fine-tuning than without",
        **figures,
    )


def fits_again(head: Head, task: Task) -> bool:
    """Whether the layers that ``head`` brings can serve the task as it is now: see :func:`refit`."""
    same = head.labels == tuple(task.labels) and not task.multi
    return bool(head.change) and same and (task.threshold is not None or not head.owned)


@single_threaded
def refit(task: Task, seeds: Sequence[Seed], encode: Encode, head: Head) -> Head:
    """Learn changed seeds in the layers that were fine-tuned for the seeds before.

    A correction must count at once, and must not cost what fine-tuning gained. The layers stay, and how sure the
    head is, and how far its labels reach: most of the seeds have been practised on and say nothing of that.

    :param head: for which :func:`fits_again`.
    """
    support = gather(task, seeds, encode, [head.view])[head.view]
    weight, bias = fit_scores(support, strength=head.strength)
    reach = None if head.reach is None else replace(head.reach, centres=centres(support))
    none = len(support.background) > 0
    made = replace(
        head, weight=weight.astype(np.float32), bias=bias.astype(np.float32), reach=reach, none=none
    )
    return with_threshold(made, task.threshold)


Halves = Sequence[tuple[np.ndarray, Support]]
"""Masks ``(n,)`` of the seeds that are judged, each with the features to judge them by."""


def _judge(halves: Halves, strength: float) -> np.ndarray:
    """Scores ``(n, L)`` of every seed by a head of the other half."""
    held = np.zeros(halves[0][1].targets.shape)
    for out, support in halves:
        weight, bias = fit_scores(_rest(support, out), strength=strength)
        held[out] = support.seeds[out] @ weight.T + bias
    return held


def _nearest(halves: Halves) -> np.ndarray:
    """How similar each seed is to the nearest centre of the other half's labels: ``(n,)``."""
    nearest = np.zeros(len(halves[0][0]))
    for out, support in halves:
        nearest[out] = (support.seeds[out] @ centres(_rest(support, out)).T).max(axis=1)
    return nearest


def _rest(support: Support, out: np.ndarray) -> Support:
    return support.without(out, np.zeros(len(support.background), bool))


def _likelihood(held: np.ndarray, targets: np.ndarray, strength: float) -> np.ndarray:
    """Log-likelihood of each held-out seed at the temperature that its head would have: ``(n,)``."""
    heat = calibrate.temperature(held, targets, strength)
    return np.asarray((targets * log_softmax(held / heat, axis=1)).sum(axis=1))
