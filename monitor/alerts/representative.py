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

STRESS = 3.0
"""How much more a word weighs that is new."""


def representative(
    texts: Sequence[Collection[str]],
    groups: Sequence[str],
    earlier: Sequence[Collection[str]],
    most: int,
    stressed: Collection[str] = (),
) -> list[int]:
    """Indices of at most ``most`` texts, the most typical first, one of each group.

    :param texts: the words of each, as :func:`monitor.alerts.words.terms` gives them.
    :param groups: what each belongs to (a story, a conversation); a larger group counts more.
    :param earlier: other texts: words that are common there weigh little.
    :param stressed: words that weigh more, since they are what is new.
    """
    first: dict[str, int] = {}
    for index, group in enumerate(groups):
        first.setdefault(group, index)
    kept = sorted(first.values())
    if len(kept) <= 1:
        return kept
    sizes = Counter(groups)
    often = Counter(word for text in [*earlier, *(texts[i] for i in kept)] for word in text)
    number = {word: place for place, word in enumerate({word for i in kept for word in texts[i]})}
    weights = np.zeros((len(kept), max(1, len(number))), dtype=np.float32)
    total = len(earlier) + len(kept)
    for row, i in enumerate(kept):
        for word in texts[i]:
            weights[row, number[word]] = np.log((1 + total) / (1 + often[word]))
            if word in stressed:
                weights[row, number[word]] *= STRESS
    lengths = np.linalg.norm(weights, axis=1, keepdims=True)
    rows = weights / np.maximum(lengths, 1e-6)
    size = np.array([sizes[groups[i]] for i in kept], dtype=np.float32)
    centre = size @ rows
    central = rows @ (centre / max(float(np.linalg.norm(centre)), 1e-6))
    central += size / len(texts)  # what was repeated most is what most people read
    chosen: list[int] = []
    alike = np.zeros(len(kept), dtype=np.float32)
    for _ in range(min(most, len(kept))):
        score = (1 - DIVERSITY) * central - DIVERSITY * alike
        score[chosen] = -np.inf
        best = int(np.argmax(score))
        chosen.append(best)
        alike = np.maximum(alike, rows @ rows[best])
    return [kept[i] for i in chosen]
