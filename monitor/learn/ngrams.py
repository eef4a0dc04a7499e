"""How a text is spelt, as features: hashed character n-grams, beside what an encoder makes of it.

An encoder reads meanings, of the languages that it was trained on. Spelling knows no meanings, but
names, numbers and idioms, and every script: both together tell more texts right than either. N-grams
of letters as in Cavnar and Trenkle 1994 (and fastText: Bojanowski et al. 2017), in a fixed number of
places by feature hashing (Weinberger et al. 2009). Pure numpy.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

WIDTH = 512
SIZES = (2, 3, 4)
"""Letters in a row that are looked at, blanks between words included."""
DENSE_SIZES = (1, 2)
"""The same where one of them is a syllable or a word by itself, as in Chinese, Japanese and Korean."""
VERSION = 2
"""Raised when the same text gets other numbers, so that what was kept of it is made anew."""

_SPELT = "LNM"
_PICTURES = "So"  # what people draw between words says something, too
_ODD = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)
_BLANKS = re.compile(r"\s+")
_DENSE = ((0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0x20000, 0x323AF))


def ngrams(texts: Sequence[str]) -> np.ndarray:
    """How texts are spelt, whatever the case: ``(len(texts), WIDTH)`` float32.

    Rows have length 1; those of texts without a letter, digit or picture are zero. Each n-gram counts once.
    """
    rows = np.zeros((len(texts), WIDTH), np.float32)
    for row, text in enumerate(texts):
        found = _hashes(text)
        if len(found):
            signs = np.where(found >> np.uint64(63), 1.0, -1.0)
            rows[row] = np.bincount((found % np.uint64(WIDTH)).astype(np.intp), signs, WIDTH)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return rows


def beside(features: np.ndarray, spelling: np.ndarray, share: float, unread: np.ndarray) -> np.ndarray:
    """Features ``(n, d)`` and spelling ``(n, w)``, side by side: ``(n, d + w)`` float32, rows of length 1.

    :param share: of a row's square that is spelling's, where the encoder can read the text; it grows to
        all of it with ``unread`` ``(n,)``. A row without spelling is all features.
    """
    own = share + (1 - share) * unread
    own = np.where(spelling.any(axis=1), own, 0.0)[:, None].astype(np.float32)
    return np.hstack([np.sqrt(1 - own) * features, np.sqrt(own) * spelling])


def _hashes(text: str) -> np.ndarray:
    """A well-mixed number for each distinct n-gram: ``(k,)`` uint64."""
    words = _BLANKS.sub(" ", "".join(map(_plain, unicodedata.normalize("NFKC", text).lower()))).strip()
    if not words:
        return np.zeros(0, np.uint64)
    codes = np.frombuffer(f" {words} ".encode("utf-32-le", "replace"), "<u4").astype(np.uint64)
    dense = np.zeros(len(codes), bool)
    for first, last in _DENSE:
        dense |= (codes >= first) & (codes <= last)
    rolling, within, found = np.zeros(len(codes), np.uint64), np.zeros(len(codes), bool), []
    for size in range(1, min(max(*SIZES, *DENSE_SIZES), len(codes)) + 1):
        count = len(codes) - size + 1
        rolling = rolling[:count] * _ODD + codes[size - 1 :]
        within = within[:count] | dense[size - 1 :]
        found.append(rolling[np.where(within, size in DENSE_SIZES, size in SIZES)] + np.uint64(size))
    mixed = np.unique(np.concatenate(found))
    for _ in range(2):
        mixed = (mixed ^ (mixed >> _HALF)) * _MIX
    mixed ^= mixed >> _HALF
    return mixed


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    """A letter, digit or picture as it is, anything else as a blank."""
    kind = unicodedata.category(character)
    return character if kind[0] in _SPELT or kind == _PICTURES else " "
