"""Word lists of languages: what a word is in English, and how much it speaks for its language."""

from __future__ import annotations

import math
import re
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from functools import cached_property, lru_cache
from io import StringIO
from itertools import islice

PART = 4
"""Letters that a part of a compound has at least."""
PREFIXES = frozenset("משהוכלב")
"""Hebrew letters that are "from", "that", "the", "and", "like", "to" and "in" before a word."""
PREFIX = 3
"""So many of them there are at most, and letters of the word behind them at least."""
STEM = 0.7
"""The share of two words' letters that they begin with in common, where one is taken for a form of the other."""
MOST_LETTERS = 64
"""A longer word is no word."""
MOST = 6
"""Words that an entry of several words has at most."""
MANY = 200
"""So many words of a list tell what script its language is written in."""
DENSE = "dense"
UNSPACED = (DENSE, "HANGUL", "THAI")
"""Scripts that leave no blanks between words, or between a word and its endings."""
ACCENTED = ("LATIN", "GREEK", "CYRILLIC")
"""Scripts whose accents people leave out."""
_SCRIPTS = dict.fromkeys(("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "IDEOGRAPHIC"), DENSE)
# Vowel signs and tones of Hebrew, Arabic, Indian scripts and Thai are no letters by Unicode, nor are accents.
_MARKS = (
    "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0903\u093a-\u094f\u0981-\u0983\u09bc-\u09cd"
    "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
    "\u200c\u200d"  # the joiners of Persian and of Indian scripts
)
# Of scripts without blanks a word is what is in one: in them, words in Latin letters stand next to others.
_RUNS = ("\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff", "\uac00-\ud7a3", "\u0e01-\u0e4e")
PLAIN_WORD = re.compile(
    "|".join(f"[{run}]+" for run in _RUNS)
    + rf"|[^\W\d_{''.join(_RUNS)}](?:[^\W\d_{''.join(_RUNS)}]|[{_MARKS}])*"
)
"""A word of one script without marks in it."""
_BETWEEN = "['’ʼ׳-]|(?<=[\u05d0-\u05ea])[\"״]|(?<=[lL])·(?=[lL])"  # Hebrew abbreviations, Catalan
WORD = re.compile(rf"(?:{PLAIN_WORD.pattern})(?:(?:{_BETWEEN})(?:{PLAIN_WORD.pattern}))*")
"""Such words with an apostrophe or a hyphen between them, or one alone."""
_RARE = math.log(60_000)  # what a word costs that is in no list
_COMMON = 20  # the ranks of the commonest words differ less than their numbers
_STRAIGHT = str.maketrans("’ʼ׳״", "'''\"", "\u200c\u200d")
_ARABIC_KEYS = str.maketrans("یک", "يك")  # Persian as keyboards for Arabic write it
_DIGRAPHS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "å": "aa", "ø": "oe", "æ": "ae"})
_BARE = str.maketrans({"ß": "ss", "ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ı": "i"})


class Words:
    """The words of one language, the commonest first, and what each is in English.

    A list is parsed when it is first asked for a word: most texts are in few scripts.

    :param texts: ``word=gloss`` a line; of a word that comes again, the first place and the last gloss count.
    """

    def __init__(self, *texts: str) -> None:
        self._texts = texts
        words = (word for text in texts for line in StringIO(text) if (word := _entry(line)[0]))
        usual = Counter(map(script, islice(words, MANY))).most_common(1)
        self.script = usual[0][0] if usual else ""

    @cached_property
    def _glosses(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for text in self._texts:
            found.update(map(_entry, text.splitlines()))
        found.pop("", None)
        return found

    @cached_property
    def rank(self) -> dict[str, int]:
        """Words by their place in the list."""
        return {word: rank for rank, word in enumerate(self._glosses)}

    @cached_property
    def english(self) -> list[str]:
        """What each is in English; ``=`` where it is the same."""
        return list(self._glosses.values())

    @cached_property
    def weight(self) -> list[float]:
        """By how much each word speaks for the language; nothing where it is the same in English, as names are.

        The logarithm of how much likelier it is than a word that is in no list, by Zipf's law.
        """
        return [
            0.0 if gloss in ("=", word) else max(0.0, _RARE - math.log(rank + _COMMON))
            for rank, (word, gloss) in enumerate(self._glosses.items())
        ]

    @cached_property
    def typed(self) -> dict[str, str]:
        """As a word is typed where its accents, or its letters, are not at hand: the word."""
        found: dict[str, str] = {}
        for word in self.rank:
            if self.script in ACCENTED and not word.isascii():
                for typed in (plain(word), word.translate(_DIGRAPHS)):
                    found.setdefault(typed, word)
            elif self.script == "ARABIC" and (typed := word.translate(_ARABIC_KEYS)) != word:
                found.setdefault(typed, word)
        return found

    @cached_property
    def told_apart(self) -> frozenset[str]:
        """What is left, without accents, of several words that nothing else tells apart."""
        return frozenset(word for word, count in Counter(map(plain, self.rank)).items() if count > 1)

    @cached_property
    def longest(self) -> int:
        """Letters of the longest word, in a script without blanks."""
        return max(map(len, self.rank), default=0) if self.script in UNSPACED else 0

    @cached_property
    def order(self) -> list[str]:
        """All single words, alphabetically."""
        return sorted(word for word in self.rank if " " not in word)

    @cached_property
    def phrases(self) -> dict[str, int]:
        """How many words the longest entry has that begins with a word, as that may be typed, and has several."""
        found: dict[str, int] = {}
        for phrase in self.rank:
            first, *more = phrase.split(" ")
            for typed in {plain(first), plain(first).translate(_ARABIC_KEYS)} if more else ():
                found[typed] = max(found.get(typed, 0), 1 + len(more))
        return found

    def find(self, word: str, *, typed: bool = True) -> int | None:
        """Which word of the list that is, if any; ``typed``: without its accents, or with wrong ones, too.

        Where accents tell words apart, as in Vietnamese, wrong ones make another word.
        """
        rank = self.rank.get(word)
        if rank is None and typed and self.typed:
            bare = plain(word)
            known = self.typed.get(word) or self.typed.get(bare, "")
            clear = " " not in word and bare not in self.told_apart
            if word == bare or clear or _accents(word) == _accents(known):
                rank = self.rank.get(known)
        return rank

    def evidence(self, words: Iterable[str], *, typed: bool = False) -> float:
        """By how much words speak for this language."""
        if typed:
            found = (self.find(word) for word in words)
            return sum(self.weight[rank] for rank in found if rank is not None)
        rank, weight = self.rank, self.weight
        return sum(weight[rank[word]] for word in words if word in rank)

    def gloss(self, word: str) -> str | None:
        """A word of small letters in English; itself where it is the same, ``None`` where it is not in the list."""
        rank = self.find(word)
        if rank is None:
            return None
        return word if self.english[rank] == "=" else self.english[rank]

    def guess(self, word: str) -> str | None:
        """The same of a word that is not in the list, by its parts or its stem."""
        if len(word) > MOST_LETTERS and self.script not in UNSPACED:
            return None
        if self.script in UNSPACED:
            return " ".join(self.gloss(part) or part for part in self._cut(word))
        return self.prefixed(word) or self._compound(word) or self._form(word)

    def prefixed(self, word: str) -> str | None:
        """A known word behind little ones, as in Hebrew; with as few of them as possible."""
        for cut in range(1, min(PREFIX, len(word) - PREFIX) + 1):
            first, last = word[:cut], word[cut:]
            if not PREFIXES.issuperset(first):
                break
            if first in self.rank and last in self.rank:
                return f"{self.gloss(first)} {self.gloss(last)}"
        return None

    def _compound(self, word: str) -> str | None:
        """Two known words in one, such as Kundenkonto; the most even cut of those that are possible."""
        cuts = sorted(range(PART, len(word) - PART + 1), key=lambda cut: abs(2 * cut - len(word)))
        for cut in cuts:
            first, last = word[:cut], word[cut:]
            if last in self.rank:
                for own in (first, first[:-1]) if first.endswith("s") and cut > PART else (first,):
                    if own in self.rank:
                        return f"{self.gloss(own)} {self.gloss(last)}"
        return None

    def _form(self, word: str) -> str | None:
        """What a word that begins alike says, where that is most of both."""
        place = bisect_left(self.order, word)
        best: tuple[float, str] | None = None
        for other in self.order[max(0, place - 3) : place + 3]:
            common = 0
            for one, two in zip(word, other, strict=False):
                if one != two:
                    break
                common += 1
            share = common / max(len(word), len(other))
            if common >= PART and share >= STEM and (best is None or share > best[0]):
                best = share, other
        return None if best is None else self.gloss(best[1])

    def _cut(self, word: str) -> list[str]:
        """The likeliest words that signs without blanks between them can be cut into."""
        best: list[tuple[float, int]] = [(0.0, 0)]
        for stop in range(1, len(word) + 1):
            best.append(
                min(
                    (best[start][0] + self._price(word[start:stop]), start)
                    for start in range(max(0, stop - self.longest), stop)
                )
            )
        parts, stop = [], len(word)
        while stop:
            start = best[stop][1]
            parts.append(word[start:stop])
            stop = start
        return parts[::-1]

    def _price(self, part: str) -> float:
        """What a part costs: minus its log-probability, up to a constant; signs that are no word are dear."""
        rank = self.rank.get(part)
        return 1.5 * _RARE * len(part) if rank is None else math.log(rank + _COMMON)


def _entry(line: str) -> tuple[str, str]:
    """The word of a line of a list, which a note has not, and its gloss."""
    word, _, gloss = line.partition("=")
    word = word.strip()
    return "" if word.startswith("#") else small(word), gloss.strip()


def small(word: str) -> str:
    """A word as the lists have it: small letters, each in its usual form (NFKC), a straight apostrophe."""
    if word.isascii():
        return word.lower()
    # a capital I with its dot, as in Turkish, would become two signs
    return unicodedata.normalize("NFKC", word).replace("İ", "i").lower().translate(_STRAIGHT)


def plain(word: str) -> str:
    """A word as it is typed where accents are not at hand."""
    bare = "".join(sign for sign in unicodedata.normalize("NFD", word) if not unicodedata.combining(sign))
    return bare.translate(_BARE)


def _accents(word: str) -> list[str]:
    """The accents of a word, wherever they stand, and its letters that have no bare form by Unicode."""
    return sorted(
        sign
        for sign in unicodedata.normalize("NFD", word)
        if unicodedata.combining(sign) or ord(sign) in _BARE
    )


def script(word: str) -> str:
    """The script of a word, by its first letter; Chinese and Japanese are ``dense``."""
    return _script(word[0]) if word else ""


@lru_cache(maxsize=8192)
def _script(letter: str) -> str:
    name = unicodedata.name(letter, "").split(" ")[0]
    return _SCRIPTS.get(name, name)
