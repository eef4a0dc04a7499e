"""Texts in other languages, word by word in English, for an encoder that reads English.

Lists of the most frequent word forms of each language, and of those of the trade, have an English word beside each.
A text in such a language is handed to the encoder with its words replaced; word order and grammar stay as they are.
That is how dictionaries have long served search across languages (Ballesteros and Croft 1996, Pirkola 1998): an
encoder that averages over words asks for little more. Pure functions of the lists; nothing is downloaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from monitor.learn.word_files import read_wordlists
from monitor.learn.words import DENSE, MOST, PLAIN_WORD, UNSPACED, WORD, Words, plain, script, small

MARGIN = 2.0
"""So much likelier, in natural logarithms, a text must be in another language than in English."""
KNOWN = 0.3
"""So large a share of its words is in the list of the language that a text is in: other languages look like it, too."""
INITIALS = 4
"""Letters of the longest word in capitals that tells nothing of the language: NOK, a currency, is a word in Danish."""
FEW, COMMON = 2, 3000
"""So few words are English if they are all among so many commonest English ones: "hi" is a word in Catalan, too."""
UNITS = "km"
"""Units that stand behind a number and a blank, too: thousand, or metres."""
ASKED = 200
"""So many words tell what language a text is in."""
RARER = {"ca": 3.0}
"""How much rarer, in natural logarithms, texts in a language are than in one that looks alike: there, Spanish."""
KANA = 1 / 12
"""So large a share of kana among Chinese signs makes a text Japanese: a single one stands in Chinese, too."""
HALF = 0.5
"""A text of which fewer words are English is looked at once more without accents."""
_LINK = r"(?:https?://|www\.)\S+|@\S+|#[^\s#]+#?"
_TOKEN = re.compile(rf"{_LINK}|(?P<word>{WORD.pattern})")
_KANA = re.compile(r"[\u3040-\u30ff]")


class Glossed(NamedTuple):
    """A text as the encoder reads it, and where each word is that was replaced: from and to there, and in the text."""

    text: str
    places: Sequence[tuple[int, int, int, int]]

    def reached(self, end: int) -> int:
        """How far the text was read, if of this one the first ``end`` characters were; in a word by its share."""
        here = there = 0
        for start, stop, original, beyond in self.places:
            if start >= end:
                break
            if stop > end:
                return original + (beyond - original) * (end - start) // (stop - start)
            here, there = stop, beyond
        return there + end - here


class Glossary:
    """Lists of words by language.

    :param own: the words of the language that the encoder reads.
    :param others: those of other languages by code.
    """

    def __init__(self, own: Words, others: Mapping[str, Words]) -> None:
        self.own = own
        self.others = others
        self._index: dict[str, dict[str, list[tuple[str, float]]]] = {}

    def languages(self, text: str) -> dict[str, str]:
        """The language of a text by script (:func:`monitor.learn.words.script`), where it is not the encoder's."""
        by: dict[str, list[str]] = {}
        for match in islice(self._words(text), ASKED):
            for word in PLAIN_WORD.findall(match[0]):
                if len(word) > 1 or not word.isascii():
                    by.setdefault(script(word), []).append(small(word))
        found = {kind: self._language(kind, words) for kind, words in by.items()}
        return {kind: code for kind, code in found.items() if code}

    def english(self, text: str) -> Glossed:
        """A text with the words of other languages replaced; as it is where there are none."""
        languages = self.languages(text)
        if not languages:
            return Glossed(text, ())
        parts: list[str] = []
        places: list[tuple[int, int, int, int]] = []
        length = done = 0
        for start, stop, word in self._replaced(text, languages):
            before, after = text[start - 1 : start].isalnum(), text[stop : stop + 1].isalnum()
            parts += [text[done:start], f"{' ' * before}{word}{' ' * after}"]
            begin = length + len(parts[-2])
            length = begin + len(parts[-1])
            done = stop
            places.append((begin, length, start, stop))
        return Glossed("".join([*parts, text[done:]]), places)

    def share(self, text: str) -> float:
        """Which share of a text's words is in the list of the encoder's language; none where there are no words."""
        words = [small(match[0]) for match in islice(self._words(text), ASKED)]
        return sum(word in self.own.rank for word in words) / max(1, len(words))

    def _replaced(self, text: str, languages: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
        """From where to where words are replaced, and by what."""
        matches = list(self._words(text))
        place = 0
        while place < len(matches):
            start, count = matches[place].start(), 1
            if code := languages.get(script(matches[place][0])):
                count, word = self._entry(self.others[code], text, matches[place : place + MOST])
                yield start, matches[place + count - 1].end(), word
            place += count

    def _entry(self, words: Words, text: str, matches: Sequence[re.Match[str]]) -> tuple[int, str]:
        """How many of a text's words, from the first on, are one entry of a list, and what it is in English."""
        first = small(matches[0][0])
        for count in range(min(words.phrases.get(plain(first), 1), len(matches)), 1, -1):
            phrase = text[matches[0].start() : matches[count - 1].end()]
            if (gloss := words.gloss(small(" ".join(phrase.split())))) is not None:
                return count, gloss
        return 1, self._word(words, first)

    @staticmethod
    def _words(text: str) -> Iterator[re.Match[str]]:
        """The words of a text, but for those of links, names after ``@`` and ``#``, initials, and units: 70k, 5 m."""
        shouts = text.isupper()
        for match in _TOKEN.finditer(text):
            word, start = match["word"], match.start()
            if not word or _is_unit(word, text[max(0, start - 2) : start]):
                continue
            if shouts or not (len(word) <= INITIALS and word.isascii() and word.isupper() and len(word) > 1):
                yield match

    def _word(self, words: Words, word: str) -> str:
        if word not in words.rank and not PLAIN_WORD.fullmatch(word):
            # l'application, and ("in the") before an abbreviation; but aujourd'hui, and об'єкт
            return words.prefixed(word) or PLAIN_WORD.sub(lambda part: self._word(words, part[0]), word)
        return words.gloss(word) or (word if word in self.own.rank else words.guess(word) or word)

    def _language(self, kind: str, words: Sequence[str]) -> str | None:
        codes = [code for code, one in self.others.items() if one.script == kind]
        if kind == DENSE:
            signs = "".join(words)
            japanese = len(_KANA.findall(signs)) >= KANA * len(signs)
            codes = [code for code in codes if (code == "ja") == japanese]
        if kind in UNSPACED:
            return codes[0] if codes else None
        if len(words) <= FEW and all(self.own.rank.get(word, COMMON) < COMMON for word in words):
            return None
        english = sum(word in self.own.rank for word in words)
        bare = english < HALF * len(words)
        if bare and all(word.isascii() for word in words):
            return self._likeliest(codes, words, typed=True)
        return self._likeliest(codes, words) or (self._likeliest(codes, words, typed=True) if bare else None)

    def _speaks(self, kind: str) -> Mapping[str, Sequence[tuple[str, float]]]:
        """The words of all languages of a script: for which each speaks, and by how much."""
        if kind not in self._index:
            found: dict[str, list[tuple[str, float]]] = {}
            for code, one in self.others.items():
                if one.script == kind:
                    for word, weight in zip(one.rank, one.weight, strict=True):
                        if weight:
                            found.setdefault(word, []).append((code, weight))
            self._index[kind] = found
        return self._index[kind]

    def _likeliest(self, codes: Sequence[str], words: Sequence[str], *, typed: bool = False) -> str | None:
        found = {code: -RARER.get(code, 0.0) for code in codes}
        if typed:
            for code in codes:
                found[code] += self.others[code].evidence(words, typed=True)
        else:
            speaks = self._speaks(self.others[codes[0]].script) if codes else {}
            for word in words:
                for code, weight in speaks.get(word, ()):
                    found[code] += weight
        best = max(found, key=lambda code: found[code], default=None)
        if best is None or found[best] - self.own.evidence(words) <= MARGIN:
            return None
        known = sum(self.others[best].find(word, typed=typed) is not None for word in words)
        return best if known >= KNOWN * len(words) else None


def _is_unit(word: str, before: str) -> bool:
    """Whether a letter is one of a number's: of those that are words elsewhere, it must touch it."""
    if len(word) != 1 or not word.isascii():
        return False
    return before[-1:].isdigit() or (word in UNITS and before.rstrip(" \u00a0")[-1:].isdigit())


@lru_cache(maxsize=4)
def read_glossary(*folders: Path) -> Glossary:
    """What the lists of some folders tell (:func:`monitor.learn.word_files.read_wordlists`), read once."""
    return Glossary(*read_wordlists(*folders))
