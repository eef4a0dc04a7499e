"""Seeds and label names in, a head out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import expit, log_softmax

from monitor.errors import LearnError, UnknownName
from monitor.learn import calibrate
from monitor.learn.head import Head, Reach, fit_sigmoid, fit_softmax
from monitor.learn.views import BASE
from monitor.types import Seed, Task

STRENGTH = 10.0
"""Inverse of the regularisation, in seeds."""
HELD_OUT_ITERATIONS = 16
"""Enough for held-out scores: the temperature they give differs by less than one percent."""
NAME_WEIGHT = 2.0
"""How many seeds a label's name counts for where names agree with the seeds."""
EVIDENCE = 1.0
"""How much a seed's log-likelihood counts when a view is chosen; less than one, for seeds are not independent."""
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


Encode = Callable[[Sequence[str], Sequence[str]], Mapping[str, np.ndarray]]
"""Texts and views to features by view, each ``(n, d)``, rows of length 1 (the caller may cache)."""
Prior = Callable[[Sequence[str]], Mapping[str, float]]
"""What a task's labels say of themselves to the log-odds of each view (see :class:`monitor.interfaces.Encoder`)."""


def adapt(
    task: Task,
    seeds: Sequence[Seed],
    encode: Encode,
    *,
    encoder_fingerprint: str,
    views: Sequence[str] = (BASE,),
    prior: Prior | None = None,
) -> Head:
    """Learn a task from its seeds, with label names and descriptions as a prior.

    Works from names alone, and with labels that have no seeds yet. The same input gives the
    same head. Of several views the head reads the one that suits the task: views that were
    learned are preferred to ``base``, and seeds decide between them, from names alone the prior.

    :param views: what the encoder offers.
    :raises LearnError: the task has too few labels to tell anything apart.
    :raises UnknownName: a seed carries a label that the task does not have.
    """
    candidates = [view for view in views if view != BASE] or [BASE]
    supports = gather(task, seeds, encode, candidates)
    view = candidates[0]
    if len(candidates) > 1:
        said = prior(label_texts(task)) if prior else {}
        view = choose_view(supports, said)
    fitted = (_fit_multi if task.multi else _fit_single)(supports[view])
    thresholds = fitted.thresholds
    if task.threshold is not None:
        thresholds = np.full(len(task.labels), task.threshold)
    return Head(
        labels=tuple(task.labels),
        view=view,
        encoder=encoder_fingerprint,
        weight=fitted.weight.astype(np.float32),
        bias=fitted.bias.astype(np.float32),
        temperature=fitted.temperature,
        thresholds=thresholds.astype(np.float32),
        multi=task.multi,
        reach=fitted.reach,
    )


def label_texts(task: Task) -> list[str]:
    """What each label of a task says of itself."""
    return [name_text(label, description) for label, description in task.labels.items()]


def gather(task: Task, seeds: Sequence[Seed], encode: Encode, views: Sequence[str]) -> dict[str, Support]:
    """Seeds, names and background texts as features, by view.

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
    found = encode([*texts, *label_texts(task), *extra], views)
    ends = [len(texts), len(texts) + len(labels)]
    supports = {}
    for view in views:
        own, names, background = np.split(np.asarray(found[view], np.float32), ends)
        supports[view] = Support(own, targets, names, background)
    return supports


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


def choose_view(supports: Mapping[str, Support], prior: Mapping[str, float]) -> str:
    """The view in which a task is learned best; the first of equals.

    The evidence is the log-likelihood of the seeds under fits that have not seen them, one label
    against the rest being judged like any other; ``prior`` is in the same unit.
    """

    def evidence(support: Support) -> float:
        labels = support.targets.shape[1]

        def fit(part: Support) -> tuple[np.ndarray, np.ndarray]:
            return _softmax(part, HELD_OUT_ITERATIONS)

        counts = support.targets.sum(axis=1)
        if labels < 2 or not len(counts):
            return 0.0
        single = support.without(counts != 1, np.ones(len(support.background), bool))
        held, targets = _held_out(single, fit)
        heat = calibrate.temperature(held, targets)
        return EVIDENCE * float((targets * log_softmax(held / heat, axis=1)).sum())

    scores = {view: prior.get(view, 0.0) + evidence(support) for view, support in supports.items()}
    return max(scores, key=lambda view: scores[view])


def _softmax(support: Support, iterations: int = 200) -> tuple[np.ndarray, np.ndarray]:
    labels = support.targets.shape[1]
    return fit_softmax(
        np.vstack([support.seeds, support.names]),
        np.vstack([support.targets, np.eye(labels)]),
        np.concatenate([np.ones(len(support.seeds)), name_weights(support)]),
        strength=STRENGTH,
        iterations=iterations,
    )


class Fitted(NamedTuple):
    """What a head is made of, but for its names."""

    weight: np.ndarray
    bias: np.ndarray
    temperature: float
    thresholds: np.ndarray
    reach: Reach | None


def _fit_single(support: Support) -> Fitted:
    labels = support.targets.shape[1]
    weight, bias = _softmax(support)
    held, targets = _held_out(support, lambda part: _softmax(part, HELD_OUT_ITERATIONS))
    heat = calibrate.temperature(held, targets)
    reach, chance = None, np.ones(len(held))
    if found := calibrate.reach(nearest := _held_out_nearest(support)):
        reach = Reach(centres(support), *found)
        chance = expit((nearest - reach.middle) / reach.width)
    return Fitted(
        weight, bias, heat, np.full(labels, calibrate.threshold(held / heat, labels, chance)), reach
    )


def centres(support: Support) -> np.ndarray:
    """The mean of each label's seeds, scaled to length 1: ``(L, d)``; of a label without seeds, its name."""
    sums = support.targets.T @ support.seeds
    seeded = np.asarray(support.targets.any(axis=0))
    sums = np.where(seeded[:, None], sums, support.names)
    found: np.ndarray = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    return found.astype(np.float32)


def _held_out_nearest(support: Support) -> np.ndarray:
    """Each seed's greatest similarity to centres that were made without it: ``(n,)``."""
    fold = calibrate.folds(support.targets)
    nearest = np.zeros(len(fold), np.float32)
    for part in np.unique(fold):
        out = fold == part
        left = support.without(out, np.zeros(len(support.background), bool))
        nearest[out] = (support.seeds[out] @ centres(left).T).max(axis=1)
    return nearest


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
    return Fitted(weight, bias + shift / slope, 1 / slope, thresholds, None)


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
