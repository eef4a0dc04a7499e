"""Seeds and label names in, a head out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.errors import LearnError, UnknownName
from monitor.learn import calibrate
from monitor.learn.head import Head, fit_sigmoid, fit_softmax
from monitor.types import Seed, Task

STRENGTH = 10.0
"""Inverse of the regularisation, in seeds."""
HELD_OUT_ITERATIONS = 16
"""Enough for held-out scores: the temperature they give differs by less than one percent."""
NAME_WEIGHT = 2.0
"""How many seeds a label's name counts for where names agree with the seeds."""
EXPECTED_AGREEMENT, AGREEMENT_TRUST = 0.75, 4
"""What names are taken for before there are seeds, and how many seeds it takes to think otherwise."""

BACKGROUND = (
    "The weather was mild and dry this morning.",
    "We had dinner with friends and watched a film.",
    "The team won the match in the last minute.",
    "How long do I boil an egg?",
    "The museum opens a new exhibition of paintings.",
    "Scientists found water on a distant planet.",
    "Thank you and have a nice day.",
    "Hello, how are you?",
    "The train leaves from platform two.",
    "She is reading a book about history.",
    "The recipe needs two cups of flour.",
    "Ok, one moment please.",
    "The city plants trees along the river.",
    "My dog likes long walks in the park.",
    "The concert was sold out.",
    "What time is it in Tokyo?",
)
"""Texts of no label: what a ``multi`` task's labels are told apart from, besides each other."""

_BOUNDARY = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\s_\-./]+")


def name_text(name: str, description: str) -> str:
    """What a label says of itself: its name in plain words, then its description.

    >>> name_text("cardLost_orStolen", "")
    'card lost or stolen'
    >>> name_text("M&A", "One company buys another.")
    'M&A: One company buys another.'
    """
    words = [word for word in _BOUNDARY.split(name) if word]
    plain = " ".join(word if word.isupper() else word.lower() for word in words) or name.strip()
    return f"{plain}: {description.strip()}" if description.strip() else plain


def adapt(
    task: Task,
    seeds: Sequence[Seed],
    encode: Callable[[Sequence[str]], np.ndarray],
    *,
    encoder_fingerprint: str,
    view: str = "base",
) -> Head:
    """Learn a task from its seeds, with label names and descriptions as a prior.

    Works from names alone, and with labels that have no seeds yet. The same input gives the
    same head.

    :param encode: texts to features ``(n, d)``, rows of length 1 (the caller may cache).
    :raises LearnError: the task has too few labels to tell anything apart.
    :raises UnknownName: a seed carries a label that the task does not have.
    """
    labels = tuple(task.labels)
    if not labels:
        raise LearnError(f"task {task.name!r} has no labels: give it some")
    if len(labels) < 2 and not task.multi:
        raise LearnError(
            f"task {task.name!r} has the one label {labels[0]!r}: give it a second one, or set multi = true"
        )
    place = {label: index for index, label in enumerate(labels)}
    for seed in seeds:
        if seed.label not in place:
            raise UnknownName(f"label of task {task.name!r}", seed.label, labels)
    names = [name_text(label, description) for label, description in task.labels.items()]
    if task.multi:
        texts = list(dict.fromkeys(seed.text for seed in seeds))
        targets = np.zeros((len(texts), len(labels)), np.float32)
        row = {text: index for index, text in enumerate(texts)}
        for seed in seeds:
            targets[row[seed.text], place[seed.label]] = 1
        extra: tuple[str, ...] = BACKGROUND
    else:
        texts = [seed.text for seed in seeds]
        targets = np.eye(len(labels), dtype=np.float32)[[place[seed.label] for seed in seeds]]
        extra = ()
    features = np.asarray(encode([*texts, *names, *extra]), np.float32)
    count = len(texts)
    support = Support(
        features[:count], targets, features[count : count + len(labels)], features[count + len(labels) :]
    )
    weight, bias, temperature, thresholds = (_fit_multi if task.multi else _fit_single)(support)
    if task.threshold is not None:
        thresholds = np.full(len(labels), task.threshold)
    return Head(
        labels=labels,
        view=view,
        encoder=encoder_fingerprint,
        weight=weight.astype(np.float32),
        bias=bias.astype(np.float32),
        temperature=temperature,
        thresholds=thresholds.astype(np.float32),
        multi=task.multi,
    )


@dataclass(frozen=True)
class Support:
    """What a head is fitted to: ``n`` seeds, ``L`` label names, ``m`` texts of no label.

    ``seeds`` (n, d), ``targets`` (n, L) of 0 and 1, ``names`` (L, d), ``background`` (m, d).
    """

    seeds: np.ndarray
    targets: np.ndarray
    names: np.ndarray
    background: np.ndarray

    def without(self, seeds: np.ndarray, background: np.ndarray) -> Support:
        """The support without the seeds and background texts of two masks."""
        return Support(self.seeds[~seeds], self.targets[~seeds], self.names, self.background[~background])


def name_weights(support: Support) -> np.ndarray:
    """How many seeds each label's name counts for: ``(L,)``.

    Names are worth as much as they agree with the seeds. Agreement is the share of other
    labels whose name is less similar to a seed than its own label's: one half for names that
    say nothing, such as "0" and "1", which then count for nothing. A label without seeds has
    only its name.
    """
    seeds, targets = support.seeds, support.targets
    count, labels = targets.shape
    if labels < 2 or not count:
        return np.full(labels, NAME_WEIGHT)
    similar = seeds @ support.names.T
    similar = similar - similar.mean(axis=0)
    row, own = np.nonzero(targets)
    others = targets[row] == 0
    beaten = ((similar[row, own][:, None] > similar[row]) & others).sum() / max(1, others.sum())
    agreement = (count * beaten + AGREEMENT_TRUST * EXPECTED_AGREEMENT) / (count + AGREEMENT_TRUST)
    worth = min(1.0, max(0.0, (agreement - 0.5) / 0.15)) ** 2
    return np.where(targets.any(axis=0), NAME_WEIGHT * worth, NAME_WEIGHT)


Fitted = tuple[np.ndarray, np.ndarray, float, np.ndarray]
"""Weight, bias, temperature, thresholds."""


def _fit_single(support: Support) -> Fitted:
    labels = support.targets.shape[1]

    def fit(part: Support, iterations: int = 200) -> tuple[np.ndarray, np.ndarray]:
        return fit_softmax(
            np.vstack([part.seeds, part.names]),
            np.vstack([part.targets, np.eye(labels)]),
            np.concatenate([np.ones(len(part.seeds)), name_weights(part)]),
            strength=STRENGTH,
            iterations=iterations,
        )

    weight, bias = fit(support)
    held, targets = _held_out(support, lambda part: fit(part, HELD_OUT_ITERATIONS))
    heat = calibrate.temperature(held, targets)
    return weight, bias, heat, np.full(labels, calibrate.threshold(held / heat, labels))


def _fit_multi(support: Support) -> Fitted:
    labels = support.targets.shape[1]

    def fit(part: Support, iterations: int = 200) -> tuple[np.ndarray, np.ndarray]:
        targets = np.vstack([part.targets, np.eye(labels), np.zeros((len(part.background), labels))])
        of_none = max(1.0, len(part.seeds) / max(1, len(part.background)))
        each = np.concatenate(
            [np.ones(len(part.seeds)), name_weights(part), np.full(len(part.background), of_none)]
        )
        weights = np.repeat(each[:, None], labels, axis=1)
        positive = (weights * targets).sum(axis=0)
        negative = (weights * (1 - targets)).sum(axis=0)
        # A label has few texts of its own against those of all the others: meet halfway.
        weights = np.where(
            targets > 0, weights * np.sqrt(np.maximum(1, negative / np.maximum(positive, 1e-6))), weights
        )
        return fit_sigmoid(
            np.vstack([part.seeds, part.names, part.background]),
            targets,
            weights,
            strength=STRENGTH,
            iterations=iterations,
        )

    weight, bias = fit(support)
    held, targets = _held_out(support, lambda part: fit(part, HELD_OUT_ITERATIONS))
    slope, shift = calibrate.slope_and_shift(held, targets)
    thresholds = calibrate.label_thresholds(slope * held + shift, targets)
    return weight, bias + shift / slope, 1 / slope, thresholds


def _held_out(
    support: Support, fit: Callable[[Support], tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """Scores ``(n + m, L)`` of seeds and background texts by fits that left them out, and their targets."""
    seeds, targets, background = support.seeds, support.targets, support.background
    of_none = np.zeros((len(background), targets.shape[1]))
    held, held_none = np.zeros(targets.shape), np.zeros(of_none.shape)
    if not len(seeds):
        return held, targets
    fold, fold_none = calibrate.folds(targets), calibrate.folds(of_none)
    for part in np.unique(fold):
        out, out_none = fold == part, fold_none == part
        weight, bias = fit(support.without(out, out_none))
        held[out] = seeds[out] @ weight.T + bias
        held_none[out_none] = background[out_none] @ weight.T + bias
    judged = np.isin(fold_none, fold)
    return np.vstack([held, held_none[judged]]), np.vstack([targets, of_none[judged]])
