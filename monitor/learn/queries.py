"""Which texts to ask a person about: what the head is unsure of, one text for each kind of it.

Unsure is the small margin between the two likeliest labels (Scheffer, Decomain and Wrobel 2001). Asking
for the least sure ones, or for those farthest from each other, asks for odd texts, of which little can be
learned from few answers. So the least sure are put into as many groups as texts are asked, by k-means in
which a text counts as much as it is unsure (Zhdanov 2019), and the text in the middle of each group is
asked. Pure functions of arrays.
"""

from __future__ import annotations

import numpy as np

POOL = 20
"""So many least sure texts for each that is asked are put into groups."""
LEAST_POOL = 48
_ROUNDS = 10
SAME = 0.04
"""Texts that are nearer than this (one less the cosine) say the same in other words."""


def uncertainty(probabilities: np.ndarray, thresholds: np.ndarray, *, multi: bool) -> np.ndarray:
    """How unsure a head is which label a text carries: ``(n,)`` in [0, 1], one for the toss of a coin.

    With one label a text it is one less the margin, of what the labels have between them: where rows
    sum to less than one, because the text may carry none, there is less to learn from asking.

    :param probabilities: ``(n, L)``; :param thresholds: ``(L,)``, which matter to ``multi`` only:
        there it is how near the least clear label is to its threshold.
    """
    if multi:
        span = np.maximum(thresholds, 1 - thresholds)
        return np.asarray(1 - (np.abs(probabilities - thresholds) / span).min(axis=1))
    two = np.sort(probabilities, axis=1)[:, -2:]
    return np.asarray(np.maximum(probabilities.sum(axis=1) - (two[:, 1] - two[:, 0]), 0))


def least_sure(unsure: np.ndarray, count: int) -> np.ndarray:
    """Rows of those that :func:`choose` looks at when ``count`` are asked, least sure first."""
    order = np.argsort(-unsure, kind="stable")
    return np.asarray(order[: max(LEAST_POOL, POOL * count)])


def choose(unsure: np.ndarray, features: np.ndarray, known: np.ndarray, count: int) -> list[int]:
    """Pick up to ``count`` rows, the most worth asking first.

    That is the one whose group is unsure of most, summed over its rows. Rows that are nearly the same as
    one that is known or taken are never taken, so fewer may come back.

    :param unsure: ``(n,)``, see :func:`uncertainty`; :param features: ``(n, d)``, rows of length 1.
    :param known: ``(m, d)`` features of the texts whose label is known; ``m`` may be 0.
    """
    pool = least_sure(unsure, count)
    if len(known):
        pool = pool[1 - (features[pool] @ known.T).max(axis=1, initial=-1) > SAME]
    taken: list[int] = []
    # Where groups hold copies of each other, others take their place.
    while len(taken) < count and len(pool):
        rows, weights, before = features[pool], unsure[pool], len(taken)
        centres, group = _groups(rows, weights, count - len(taken))
        worth = np.bincount(group, weights, len(centres))
        for place in np.argsort(-worth, kind="stable"):
            own = np.flatnonzero(group == place)
            middle = int(pool[own[(rows[own] @ centres[place]).argmax()]]) if len(own) else -1
            if own.size and (not taken or 1 - (features[taken] @ features[middle]).max() > SAME):
                taken.append(middle)
        if len(taken) == before:
            break
        pool = pool[(1 - (rows @ features[taken].T).max(axis=1) > SAME) & ~np.isin(pool, taken)]
    return taken


def _groups(rows: np.ndarray, weights: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Spherical k-means of ``rows`` ``(n, d)``: centres of length 1 ``(k, d)``, and the group of each row ``(n,)``.

    It starts from the heaviest row, then each time from the one with the largest weight times distance.
    """
    chosen = [int(weights.argmax())]
    distance = 1 - rows @ rows[chosen[0]]
    while len(chosen) < min(count, len(rows)) and distance.max() > SAME:
        chosen.append(int(np.where(distance > SAME, (weights + 1e-6) * distance, -1.0).argmax()))
        distance = np.minimum(distance, 1 - rows @ rows[chosen[-1]])
    centres = rows[chosen]
    group = (rows @ centres.T).argmax(axis=1)
    for _ in range(_ROUNDS):
        sums = np.stack([(weights + 1e-6)[group == k] @ rows[group == k] for k in range(len(centres))])
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 1e-9, sums / np.maximum(lengths, 1e-9), centres)
        moved = (rows @ centres.T).argmax(axis=1)
        if (moved == group).all():
            break
        group = moved
    return centres, group
