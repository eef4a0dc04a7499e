"""Texts as a tokenizer cuts them, and how well an encoder can read them by that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from monitor.learn.glosses import Glossary, Glossed, read_glossary
from monitor.learn.ngrams import ngrams

WHOLE, TORN = 0.5, 0.8
"""Pieces a letter that is not ASCII: up to ``WHOLE`` words are read, from ``TORN`` on letters are."""
MOST_TORN = 0.7
"""How far letters that are known one by one are beyond an encoder; letters that it does not know are so wholly."""
ENTIRE, BROKEN = 1.4, 1.55
"""Pieces a word: up to ``ENTIRE`` the words are mostly known, from ``BROKEN`` on the language is another."""
MOST_BROKEN = 0.35
"""How far words in pieces are beyond an encoder: some it has in common with the language that it knows."""
MOST_PIECES = 256
"""So many pieces tell what language a text is in."""
OWN = 0.6
"""A text so many of whose words are in the list of the encoder's language is in it, however rare the others are."""
GRANTED = 2
"""So many words of the usual number of pieces are taken for granted beside those that are there: a few prove little."""
_USUAL = 1.15  # pieces a word
_SPELT = re.compile(r"[a-z\u00aa-\u024f\u3040-\u30ff]+", re.IGNORECASE)  # Latin letters and kana
_IDEOGRAPHS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


class Cut(NamedTuple):
    """A text in pieces: their ``ids``, the part of the text that they stand for, and :func:`unread` of it."""

    ids: list[int]
    text: str
    unread: float


def cut(tokenizer: Any, text: str, unknown: int | None, glossary: Glossary | None = None) -> Cut:
    """Cut a text, as far as the tokenizer is set to read.

    :param tokenizer: one of the ``tokenizers`` library.
    :param unknown: the id that stands for what it does not know, where it has one.
    :param glossary: what puts words of other languages into the encoder's own.
    """
    clean = _characters(text)
    glossed = Glossed(clean, ()) if glossary is None else glossary.english(clean)
    found = tokenizer.encode(glossed.text)
    places = found.offsets
    end = max((stop for _, stop in places), default=0)
    read = glossed.text[:end]
    # Encoders read ASCII, figures and marks among it: only what else is there can be beyond one.
    beyond = 0.0 if read.isascii() else unread(read, found.ids, places, unknown)
    return Cut(found.ids, clean[: glossed.reached(end)], beyond)


def words(text: str, of: Sequence[int | None], places: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """How many words of Latin letters or kana a text has, and in how many pieces these are; others are told by letter.

    :param of: which word each piece is of, if any; :param places: see :func:`unread`.
    """
    count: dict[int, int] = {}
    odd = set()
    for (start, stop), word in dict(zip(places, of, strict=True)).items():
        if word is not None:
            count[word] = count.get(word, 0) + 1
            if _SPELT.fullmatch(text, start, stop) is None:
                odd.add(word)
    spelt = [pieces for word, pieces in count.items() if word not in odd]
    return len(spelt), sum(spelt)


def broken(tokenizer: Any, text: str, glossary: Glossary | None = None) -> float:
    """How far the language of a text is beyond the encoder of a tokenizer: 0 to :data:`MOST_BROKEN`.

    A tokenizer has most words of its language whole, and cuts those of others into pieces. A headline of a few
    names looks foreign as well, unless a glossary knows its other words.
    """
    clean = _characters(text)
    if glossary is not None:
        clean = glossary.english(clean).text
        if glossary.share(clean) >= OWN:
            return 0.0
    found = tokenizer.encode(clean)
    count, cuts = words(clean, found.word_ids, found.offsets)
    each = (cuts + GRANTED * _USUAL) / (count + GRANTED)
    return MOST_BROKEN * min(1.0, max(0.0, (each - ENTIRE) / (BROKEN - ENTIRE)))


def _characters(text: str) -> str:
    """The text as a tokenizer takes it: a lone surrogate is no character."""
    return text.encode("utf-8", "replace").decode("utf-8")


def unread(text: str, ids: Sequence[int], places: Sequence[tuple[int, int]], unknown: int | None) -> float:
    """How far a text is beyond the encoder whose tokenizer cut it: 0 (not at all) to 1.

    The share of its letters that the tokenizer does not know; those beside ASCII that it knows count
    as far as it has to take them one by one, unless each is a word or nearly so, as in Chinese. A text
    without letters is as far beyond as its pieces are unknown.

    :param places: start and end of each piece; those of one character that are in several pieces (bytes)
        count once, and what stands for no part of the text, ``(0, 0)``, does not.
    """
    letters = foreign = torn = lost = pieces = strange = 0
    for (start, stop), id_ in dict(zip(places, ids, strict=True)).items():
        piece = text[start:stop]
        count = sum(map(str.isalpha, piece))
        letters += count
        pieces += bool(piece)
        if piece.isascii():
            continue
        if id_ == unknown:
            lost += count
            strange += 1
        elif count and not _IDEOGRAPHS.search(piece):
            foreign += count
            torn += 1
    if not letters:
        return strange / max(1, pieces)
    apart = min(1.0, max(0.0, (torn / max(1, foreign) - WHOLE) / (TORN - WHOLE)))
    return (lost + MOST_TORN * apart * foreign) / letters


def spelling(cuts: Sequence[Cut]) -> tuple[np.ndarray, np.ndarray]:
    """How texts are spelt ``(n, w)``, and how far each is beyond the encoder ``(n,)``."""
    return ngrams([one.text for one in cuts]), np.array([one.unread for one in cuts], np.float32)


def unknown_id(tokenizer: Any) -> int | None:
    """What a tokenizer says for letters that it does not know; ``None`` where it knows all."""
    for token in ("[UNK]", "<unk>"):
        if (found := tokenizer.token_to_id(token)) is not None:
            return int(found)
    return None


class Reading:
    """How well a model's tokenizer reads texts, told without loading the model.

    :param wordlists: see :class:`monitor.learn.encoder.TransformerEncoder`.
    """

    def __init__(self, folder: Path, wordlists: Sequence[Path] = ()) -> None:
        from tokenizers import Tokenizer

        self._glossary = read_glossary(*wordlists) if wordlists else None

        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MOST_PIECES)
        self._unknown = unknown_id(self._tokenizer)

    def unread(self, text: str) -> float:
        """How far a text, of which the beginning is read, is beyond the encoder: 0 to 1."""
        beginning = text[: MOST_PIECES * 10]
        return max(
            cut(self._tokenizer, beginning, self._unknown, self._glossary).unread,
            broken(self._tokenizer, beginning, self._glossary),
        )
