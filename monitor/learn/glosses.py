"""Texts in other languages, word by word in English, for an encoder that reads English.

Lists of the most frequent word forms of each language, and of those of the trade, have an English word beside each.
A text in such a language is handed to the encoder with its words replaced; word order and grammar stay as they are.
That is how dictionaries have long served search across languages (Ballesteros and Croft 1996, Pirkola 1998): an
encoder that averages over words asks for little more. Pure functions of the lists; nothing is downloaded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from monitor.learn.words import DENSE, UNSPACED, Words, read_wordlists, script, small

MARGIN = 2.0
"""So much likelier, in natural logarithms, a text must be in another language than in English."""
KNOWN = 0.3
"""So large a share of its words is in the list of the language that a text is in: other languages look like it, too."""
INITIALS = 4
"""Letters of the longest word in capitals that tells nothing of the language: NOK, a currency, is a word in Danish."""
ASKED = 200
"""So many words tell what language a text is in."""
# Vowel signs and tones of Hebrew, Arabic, Indian scripts and Thai are no letters by Unicode, nor are accents.
_MARKS = (
    "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0903\u093a-\u094f\u0981-\u0983\u09bc-\u09cd"
    "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
)
# Of scripts without blanks a word is what is in one: in them, words in Latin letters stand next to others.
_RUNS = ("\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff", "\uac00-\ud7a3", "\u0e01-\u0e4e")
_WORD = re.compile(
    "|".join(f"[{run}]+" for run in _RUNS)
    + rf"|[^\W\d_{''.join(_RUNS)}](?:[^\W\d_{''.join(_RUNS)}]|[{_MARKS}])*"
)
_JOINED = re.compile(rf"(?:{_WORD.pattern})(?:['’ʼ](?:{_WORD.pattern}))*")
_LINK = re.compile(r"(?:https?://|www\.|[@#])\S+")
_KANA = re.compile(r"[\u3040-\u30ff]")


class Glossed(NamedTuple):
    """A text as the encoder reads it, and for each word that was replaced where it ends there and in the text."""

    text: str
    ends: Sequence[tuple[int, int]]

    def reached(self, end: int) -> int:
        """How far the text was read, if of this one the first ``end`` characters were."""
        here, there = max((pair for pair in self.ends if pair[0] <= end), default=(0, 0))
        return there + end - here


class Glossary:
    """Lists of words by language.

    :param own: the words of the language that the encoder reads.
    :param others: those of other languages by code.
    """

    def __init__(self, own: Words, others: Mapping[str, Words]) -> None:
        self.own = own
        self.others = others

    def languages(self, text: str) -> dict[str, str]:
        """The language of a text by script (:func:`script`), where it is another one than the encoder's."""
        by: dict[str, list[str]] = {}
        for word in _WORD.findall(_LINK.sub(" ", text))[:ASKED]:
            initials = len(word) == 1 or (len(word) <= INITIALS and word.isupper())
            if not (initials and word.isascii()):
                by.setdefault(script(word), []).append(small(word))
        found = {kind: self._language(kind, words) for kind, words in by.items()}
        return {kind: code for kind, code in found.items() if code}

    def english(self, text: str) -> Glossed:
        """A text with the words of other languages replaced; as it is where there are none."""
        languages = self.languages(text)
        if not languages:
            return Glossed(text, ())
        parts: list[str] = []
        ends: list[tuple[int, int]] = []
        length = done = 0
        for match in _JOINED.finditer(text):
            code = languages.get(script(match[0]))
            if code is None:
                continue
            start, stop = match.span()
            word = self._word(self.others[code], small(match[0]))
            before, after = text[start - 1 : start].isalnum(), text[stop : stop + 1].isalnum()
            parts += [text[done:start], f"{' ' * before}{word}{' ' * after}"]
            length += len(parts[-2]) + len(parts[-1])
            done = stop
            ends.append((length, done))
        return Glossed("".join([*parts, text[done:]]), ends)

    def _word(self, words: Words, word: str) -> str:
        if "'" in word and word not in words.rank:  # l'application; but aujourd'hui, and об'єкт
            return _WORD.sub(lambda part: self._word(words, part[0]), word)
        return words.gloss(word) or (word if word in self.own.rank else words.guess(word) or word)

    def _language(self, kind: str, words: Sequence[str]) -> str | None:
        codes = [code for code, one in self.others.items() if one.script == kind]
        if kind == DENSE:
            codes = [code for code in codes if (code == "ja") == any(map(_KANA.search, words))]
        if kind in UNSPACED:
            return codes[0] if codes else None
        found = {code: self.others[code].evidence(words) for code in codes}
        best = max(found, key=lambda code: found[code], default=None)
        if best is None or found[best] - self.own.evidence(words) <= MARGIN:
            return None
        return best if sum(word in self.others[best].rank for word in words) >= KNOWN * len(words) else None


@lru_cache(maxsize=4)
def read_glossary(*folders: Path) -> Glossary:
    """What the lists of some folders tell (:func:`monitor.learn.words.read_wordlists`), read once."""
    return Glossary(*read_wordlists(*folders))
