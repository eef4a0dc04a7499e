"""A tiny encoder for tests: a text is the sum of its words' random directions."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np

DIMENSION = 64


def encode(texts: Sequence[str]) -> np.ndarray:
    """Texts to unit rows ``(n, DIMENSION)``; texts that share words are similar."""
    rows = np.zeros((len(texts), DIMENSION), np.float32)
    for row, text in zip(rows, texts, strict=True):
        for word in ["", *text.lower().replace(":", " ").split()]:
            row += np.random.default_rng(crc32(word.encode())).standard_normal(DIMENSION).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def by_view(texts: Sequence[str], views: Sequence[str]) -> dict[str, np.ndarray]:
    """The same features in every view."""
    return dict.fromkeys(views, encode(texts))
