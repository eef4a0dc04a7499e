"""Texts as a tokenizer cuts them, and how well an encoder can read them by that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from monitor.learn.ngrams import ngrams, unread


class Cut(NamedTuple):
    """A text in pieces: their ``ids``, the part of the text that they stand for, and :func:`unread` of it."""

    ids: list[int]
    text: str
    unread: float


def cut(tokenizer: Any, text: str, unknown: int | None) -> Cut:
    """Cut a text, as far as the tokenizer is set to read.

    :param tokenizer: one of the ``tokenizers`` library.
    :param unknown: the id that stands for what it does not know, where it has one.
    """
    # A lone surrogate is no character; the tokenizer would refuse it.
    clean = text.encode("utf-8", "replace").decode("utf-8")
    found = tokenizer.encode(clean)
    pieces = end = 0
    for id_, (start, stop), special in zip(found.ids, found.offsets, found.special_tokens_mask, strict=True):
        if id_ == unknown:
            pieces += stop - start
        elif not special:
            pieces += 1
        end = max(end, stop)
    return Cut(found.ids, clean[:end], unread(pieces, len("".join(clean[:end].split()))))


def spelling(cuts: Sequence[Cut]) -> tuple[np.ndarray, np.ndarray]:
    """How texts are spelt ``(n, w)``, and how far each is beyond the encoder ``(n,)``."""
    return ngrams([one.text for one in cuts]), np.array([one.unread for one in cuts], np.float32)


def unknown_id(tokenizer: Any) -> int | None:
    """What a tokenizer says for letters that it does not know; ``None`` where it knows all."""
    for token in ("[UNK]", "<unk>"):
        if (found := tokenizer.token_to_id(token)) is not None:
            return int(found)
    return None
