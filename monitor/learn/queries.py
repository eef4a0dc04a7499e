"""Which texts to ask a person about: those the head is least sure of, and no two alike.

Least sure is the smallest margin between the two likeliest labels (Scheffer, Decomain and Wrobel
2001). Among those the choice is greedy, farthest first (k-center, as in Sener and Savarese 2018),
with distances weighed by how unsure the head is, so that neither an odd text that is clear nor
the tenth copy of an unclear one is asked. Pure functions of arrays.
"""

from __future__ import annotations

import numpy as np

POOL = 8
"""Of so many least sure texts for each that is asked, the most diverse are taken."""
LEAST_POOL = 48
SAME = 0.02
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

    Each time the row with the largest ``unsure * distance`` is taken, where distance is one less
    the cosine to the nearest row that is known or taken. Rows that are nearly the same as one of
    those are never taken, so fewer may come back.

    :param unsure: ``(n,)``, see :func:`uncertainty`; :param features: ``(n, d)``, rows of length 1.
    :param known: ``(m, d)`` features of the texts whose label is known; ``m`` may be 0.
    """
    pool = least_sure(unsure, count)
    rows = features[pool]
    distance = np.ones(len(pool))
    if len(known):
        distance = 1 - (rows @ known.T).max(axis=1)
    taken: list[int] = []
    while len(taken) < count and len(pool):
        worth = np.where(distance > SAME, unsure[pool] * distance, -1.0)
        best = int(worth.argmax())
        if worth[best] < 0:
            break
        taken.append(int(pool[best]))
        distance = np.minimum(distance, 1 - rows @ rows[best])
    return taken
