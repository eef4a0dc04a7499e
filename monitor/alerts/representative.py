"""A few texts that stand for many: central, unlike each other, one a story. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np

DIVERSITY = 0.4
"""Weight of being unlike what is chosen already, against being like all of them.

Maximal marginal relevance: Carbonell and Goldstein, "The use of MMR, diversity-based reranking for
reordering documents and producing summaries", SIGIR 1998.
"""

SAME = 0.8
"""Texts so near each other (cosine) say the same: one of them is enough."""
TELLING = 8
"""Words and pairs from which on a text is long enough to tell what it is about."""
STRESS = 3.0
"""How much more a word weighs that is new."""


def representative(
    texts: Sequence[Collection[str]],
    groups: Sequence[str],
    earlier: Sequence[Collection[str]],
    most: int,
    stressed: Collection[str] = (),
) -> list[int]:
    """Indices of at most ``most`` texts, the most typical first, one of each group, no two that say the same.

    :param texts: the words of each, as :func:`monitor.alerts.words.terms` gives them.
    :param groups: what each belongs to (a story, a conversation); a larger group counts more.
    :param earlier: other texts: words that are common there weigh little.
    :param stressed: words that weigh more, since they are what is new.
    """
    if not texts:
        return []
    sizes = Counter(groups)
    often = Counter(word for text in [*earlier, *texts] for word in text)
    # in an order of their own: sums of floats, and so what is nearly as typical, would change with that of a set
    number = {word: place for place, word in enumerate(sorted({word for text in texts for word in text}))}
    weights = np.zeros((len(texts), max(1, len(number))), dtype=np.float32)
    total = len(earlier) + len(texts)
    for row, text in enumerate(texts):
        for word in text:
            weights[row, number[word]] = np.log((1 + total) / (1 + often[word]))
            if word in stressed:
                weights[row, number[word]] *= STRESS
    rows = weights / np.maximum(np.linalg.norm(weights, axis=1, keepdims=True), 1e-6)
    centre = rows.sum(axis=0)
    central = rows @ (centre / max(float(np.linalg.norm(centre)), 1e-6))
    # two words say little of what it is about
    central *= np.sqrt(np.minimum(1.0, np.array([len(text) for text in texts]) / TELLING))
    # what was repeated most is what most people read
    central += np.array([sizes[group] for group in groups]) / len(texts)
    chosen: list[int] = []
    alike = np.zeros(len(texts), dtype=np.float32)
    free = np.ones(len(texts), dtype=bool)
    while free.any() and len(chosen) < most:
        score = np.where(free, (1 - DIVERSITY) * central - DIVERSITY * alike, -np.inf)
        best = int(np.argmax(score))
        chosen.append(best)
        free &= np.array([group != groups[best] for group in groups])
        alike = np.maximum(alike, rows @ rows[best])
        free &= alike < SAME
    return chosen
