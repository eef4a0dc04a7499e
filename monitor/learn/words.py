"""Word lists of languages: what a word is in English, and how much it speaks for its language."""

from __future__ import annotations

import hashlib
import math
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from pathlib import Path

from monitor.errors import LearnError

SHIPPED_WORDLISTS = Path(__file__).parent / "wordlists"
ENGLISH = "en"
"""The list that has no glosses."""
VERSION = 1
"""Raised when the same text becomes other words by the same lists."""

PART = 4
"""Letters that a part of a compound has at least."""
STEM = 0.7
"""The share of two words' letters that they begin with in common, where one is taken for a form of the other."""
LONGEST = 12
"""Signs of the longest word that is looked for in scripts that leave no blanks between words."""
DENSE = "dense"
UNSPACED = (DENSE, "HANGUL", "THAI")
"""Scripts that leave no blanks between words, or between a word and its endings."""
ACCENTED = ("LATIN", "GREEK", "CYRILLIC")
"""Scripts whose accents people leave out."""
_SCRIPTS = dict.fromkeys(("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"), DENSE)
_RARE = math.log(60_000)  # what a word costs that is in no list
_COMMON = 20  # the ranks of the commonest words differ less than their numbers
_STRAIGHT = str.maketrans("’ʼ", "''")
_DIGRAPHS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "å": "aa", "ø": "oe", "æ": "ae"})
_BARE = str.maketrans({"ß": "ss", "ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ı": "i"})


class Words:
    """The words of one language, the commonest first, and what each is in English; ``=`` where it is the same.

    ``weight`` is by how much each speaks for the language: the logarithm of how much likelier it is than a word that
    is in no list, by Zipf's law; nothing where it is the same in English, as names are.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self.rank: dict[str, int] = {}
        self.english: list[str] = []
        self.typed: dict[str, str] = {}  # as a word is typed where its accents are not at hand: the word
        for line in lines:
            word, _, gloss = line.strip().partition("=")
            word = small(word.strip())
            if word and word[0] != "#" and word not in self.rank:
                self.rank[word] = len(self.english)
                self.english.append(gloss.strip())
        self.weight = [
            0.0 if gloss == "=" else max(0.0, _RARE - math.log(rank + _COMMON))
            for rank, gloss in enumerate(self.english)
        ]
        self.script = script(next(iter(self.rank), ""))
        if self.script in ACCENTED:
            for word in self.rank:
                if not word.isascii():
                    for typed in (plain(word), word.translate(_DIGRAPHS)):
                        self.typed.setdefault(typed, word)

    @cached_property
    def order(self) -> list[str]:
        """All words, alphabetically."""
        return sorted(self.rank)

    def evidence(self, words: Iterable[str]) -> float:
        """By how much words speak for this language."""
        rank, weight = self.rank, self.weight
        return sum(weight[rank[word]] for word in words if word in rank)

    def gloss(self, word: str) -> str | None:
        """A word of small letters in English; itself where it is the same, ``None`` where it is not in the list."""
        rank = self.rank.get(word)
        if rank is None:
            rank = self.rank.get(self.typed.get(word) or self.typed.get(plain(word), ""))
        if rank is None:
            return None
        return word if self.english[rank] == "=" else self.english[rank]

    def guess(self, word: str) -> str | None:
        """The same of a word that is not in the list, by its parts or its stem."""
        if self.script in UNSPACED:
            return " ".join(self.gloss(part) or part for part in self._cut(word))
        return self._compound(word) or self._form(word)

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
                    for start in range(max(0, stop - LONGEST), stop)
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


def small(word: str) -> str:
    """A word as the lists have it: small letters, each in its usual form (NFKC), a straight apostrophe."""
    if word.isascii():
        return word.lower()
    return unicodedata.normalize("NFKC", word).lower().translate(_STRAIGHT)


def plain(word: str) -> str:
    """A word as it is typed where accents are not at hand."""
    bare = "".join(sign for sign in unicodedata.normalize("NFD", word) if not unicodedata.combining(sign))
    return bare.translate(_BARE)


def script(word: str) -> str:
    """The script of a word, by its first letter; Chinese and Japanese are ``dense``."""
    return _script(word[0]) if word else ""


@lru_cache(maxsize=8192)
def _script(letter: str) -> str:
    name = unicodedata.name(letter, "").split(" ")[0]
    return _SCRIPTS.get(name, name)


@lru_cache(maxsize=4)
def wordlists_digest(*folders: Path) -> str:
    """sha256 (hex) of the lists in some folders, by name; they are looked at once."""
    whole = hashlib.sha256(str(VERSION).encode())
    for folder in folders:
        for file in _lists(folder):
            whole.update(f"\0{file.name}\0".encode() + _read(file).encode())
    return whole.hexdigest()


@lru_cache(maxsize=4)
def read_wordlists(*folders: Path) -> tuple[Words, Mapping[str, Words]]:
    """The list of English, and those of other languages by code, of some folders; they are read once.

    Each is a ``LANGUAGE.txt``: ``word=gloss`` a line, the commonest first, ``word==`` where it is the same in English;
    of English the words alone. Where two folders have a list of one language, the first one's words come first.

    :raises LearnError: a folder has none, or one cannot be read, or none is of English.
    """
    lines: dict[str, list[str]] = {}
    for folder in folders:
        for file in _lists(folder):
            found = _read(file).splitlines()
            if file.stem != ENGLISH:
                _check(file, found)
            lines.setdefault(file.stem, []).extend(found)
    words = {code: Words(found) for code, found in lines.items()}
    own = words.pop(ENGLISH, None)
    if own is None:
        raise LearnError(f"{folders[0]} holds no list of English words (en.txt): install the monitor again")
    return own, words


def _lists(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.txt"))
    if not found:
        raise LearnError(
            f"{folder} holds no word lists: one is a file such as de.txt, with word=gloss a line"
        )
    return found


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LearnError(f"the word list {file} cannot be read: {error}") from error


def _check(file: Path, lines: Iterable[str]) -> None:
    for number, line in enumerate(lines, 1):
        word, _, gloss = line.partition("=")
        if line.strip() and line[0] != "#" and not (word.strip() and gloss.strip()):
            raise LearnError(
                f"{file}, line {number}: {line.strip()!r} is not word=gloss, such as karte=card "
                "(berlin== where it is the same in English)"
            )
