"""Heads fitted to features of seeds and names, and what held-out seeds say of their probabilities."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from monitor.learn import calibrate
from monitor.learn.head import Reach, carried, fit_sigmoid, fit_softmax
from monitor.learn.names import imagined, name_worth
from monitor.learn.support import Support

STRENGTH = 2.0
"""Inverse of the regularisation, in seeds, where a text has one label and seeds do not ask for another."""
NAME_PULL = 3.0
"""How long the weights are that names give a label before there are seeds, and that seeds pull away from."""
NAME_WEIGHT = 1.0
"""How many seeds a label's name counts for besides."""
MULTI_STRENGTH, MULTI_NAME_WEIGHT = 10.0, 2.0
"""The same where a text has several labels."""
EVEN = 0.5
"""How much of an uneven number of seeds is made up for by weighing them; the rest is taken out of the bias."""
HELD_OUT_ITERATIONS = 16
"""Enough for held-out scores: the temperature they give differs by less than one percent."""

Scores = tuple[np.ndarray, np.ndarray]
"""Weight ``(L, d)`` and bias ``(L,)``."""


class Fitted(NamedTuple):
    """What a head is made of, but for its names."""

    weight: np.ndarray
    bias: np.ndarray
    temperature: float
    thresholds: np.ndarray
    reach: Reach | None
    strength: float = STRENGTH


def fit_scores(
    support: Support,
    iterations: int = 200,
    *,
    strength: float = STRENGTH,
    weights: np.ndarray | None = None,
    texts: np.ndarray | None = None,
    soft: np.ndarray | None = None,
) -> Scores:
    """Fit a head of one label a text to seeds and names, and to ``texts`` that may carry several labels in part.

    A label's weights start from its name, seen from the middle of all names (a Gaussian prior),
    and its name is an example besides. How many seeds a label has says who collected them, not how
    often it will come: the head takes all labels for equally frequent (half by weights, half by an adjusted
    bias, as in Menon et al. 2021; both together tell more texts right than either). Texts of no label are one label
    more, without a name, as frequent as any other: its score is taken from those of the others, so that 0 is what a
    text of no label scores (:attr:`monitor.learn.head.Head.none`), and nothing changes between the others.

    :param weights: how much each seed counts, ``(n,)``; one where not given.
    :param texts: further features ``(m, d)``, which count ``soft`` ``(m, L)`` for each label.
    """
    seeds, targets, names = support.seeds, support.targets, support.names
    worth = name_worth(support)
    counted = targets if weights is None else targets * weights[:, None]
    if texts is None or soft is None:
        texts, soft = seeds[:0], targets[:0]
    more, owners = imagined(support)
    rows, examples = np.vstack([seeds, texts, more]), np.vstack([counted, soft, owners])
    prior = NAME_PULL * worth[:, None] * (names - names.mean(axis=0))
    labels, none = len(names), len(support.background)
    if none:
        rows, prior = np.vstack([rows, support.background]), np.vstack([prior, np.zeros_like(prior[:1])])
        examples = np.pad(examples, ((0, none), (0, 1)))
        examples[-none:, labels] = 1
    evenness = _evenness(examples.sum(axis=0))
    examples = examples * evenness**EVEN
    total = examples.sum(axis=1)
    used = total > 1e-3
    weight, bias = fit_softmax(
        np.vstack([rows[used], names]),
        np.vstack([examples[used] / total[used, None], np.eye(labels, len(evenness))]),
        np.concatenate([total[used], NAME_WEIGHT * worth]),
        strength=strength,
        prior=prior,
        iterations=iterations,
    )
    bias = bias + (1 - EVEN) * np.log(evenness).astype(np.float32)
    return (weight[:labels] - weight[-1], bias[:labels] - bias[-1]) if none else (weight, bias)


def _evenness(count: np.ndarray) -> np.ndarray:
    """What would make labels with so many examples each ``(L,)`` equally frequent: the factor of each.

    A label without examples has its name, which is one.
    """
    there = np.maximum(count, 1.0)
    return np.asarray(there.mean() / there)


def with_chances(
    support: Support,
    scores: Scores,
    held: np.ndarray,
    targets: np.ndarray,
    nearest: np.ndarray,
    strength: float,
) -> Fitted:
    """Give scores that were fitted with ``strength`` their temperature, threshold and reach.

    :param held: held-out scores of the seeds ``(n, L)``, and ``targets`` ``(n, L)`` theirs.
    :param nearest: how similar each seed is to the centres of labels that were made without it: ``(n,)``.
    """
    labels = support.targets.shape[1]
    heat = calibrate.temperature(held, targets, strength)
    reach, chance = None, np.ones(len(held))
    if found := calibrate.reach(nearest):
        reach = Reach(centres(support), *found)
        chance = reach.at(nearest)
    chance = chance * carried(held / heat, none=len(support.background) > 0)
    threshold = calibrate.threshold(held / heat, labels, chance)
    return Fitted(*scores, heat, np.full(labels, threshold), reach, strength)


def centres(support: Support) -> np.ndarray:
    """The mean of each label's seeds, scaled to length 1: ``(L, d)``; where it has none, what is imagined of it."""
    sums = support.targets.T @ support.seeds
    seeded = np.asarray(support.targets.any(axis=0))
    if not seeded.all():
        sums[~seeded] = imagined(support)[0] if seeded.any() else support.names
    found: np.ndarray = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    return found.astype(np.float32)


def held_out_nearest(support: Support) -> np.ndarray:
    """Each seed's greatest similarity to centres that were made without it: ``(n,)``."""
    fold = calibrate.folds(support.targets)
    nearest = np.zeros(len(fold), np.float32)
    for part in np.unique(fold):
        out = fold == part
        left = support.without(out, np.zeros(len(support.background), bool))
        nearest[out] = (support.seeds[out] @ centres(left).T).max(axis=1)
    return nearest


def fit_multi(support: Support) -> Fitted:
    """A head of several labels a text: each is told from the others, and from texts of no label."""
    labels = support.targets.shape[1]

    def fit(part: Support, iterations: int = 200) -> Scores:
        more, owners = imagined(part)
        targets = np.vstack(
            [part.targets, owners > 0, np.eye(labels), np.zeros((len(part.background), labels))]
        )
        of_none = max(1.0, len(part.seeds) / max(1, len(part.background)))
        named = MULTI_NAME_WEIGHT * name_worth(part)
        each = np.concatenate(
            [np.ones(len(part.seeds)), owners.sum(axis=1), named, np.full(len(part.background), of_none)]
        )
        weights = np.repeat(each[:, None], labels, axis=1)
        positive = (weights * targets).sum(axis=0)
        negative = (weights * (1 - targets)).sum(axis=0)
        # A label has few texts of its own against those of all the others: meet halfway. And how many seeds it
        # has says nothing of how often it comes.
        own = np.sqrt(np.maximum(1, negative / np.maximum(positive, 1e-6)))
        evenness = _evenness(part.targets.sum(axis=0) + owners.sum(axis=0))
        weights = np.where(targets > 0, weights * own * evenness, weights)
        return fit_sigmoid(
            np.vstack([part.seeds, more, part.names, part.background]),
            targets,
            weights,
            strength=MULTI_STRENGTH,
            iterations=iterations,
        )

    weight, bias = fit(support)
    held, targets = held_out(support, lambda part: fit(part, HELD_OUT_ITERATIONS))
    slope, shift = calibrate.slope_and_shift(held, targets)
    thresholds = calibrate.label_thresholds(slope * held + shift, targets)
    return Fitted(weight, bias + shift / slope, 1 / slope, thresholds, None)


def held_out(support: Support, fit: Callable[[Support], Scores]) -> tuple[np.ndarray, np.ndarray]:
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
    return np.vstack([held, held_none]), np.vstack([targets, of_none])
