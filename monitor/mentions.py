"""Which names a text mentions: whole words, whatever their case, the longest name first."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
"""Scripts that put no spaces between words, for a class of a regular expression: there a word ends wherever it ends."""
_HANGUL = "\uac00-\ud7a3"  # words begin behind a blank, and particles are written onto them
_BEGINS_ANYWHERE, _ENDS_ANYWHERE = re.compile(f"[{UNSPACED}]"), re.compile(f"[{UNSPACED}{_HANGUL}]")
_BEGIN, _GOES_ON = rf"(?<![^\W{UNSPACED}])", re.compile(rf"[^\W{UNSPACED}{_HANGUL}]")
_PREFIX = 3
"""Letters by which aliases are looked up."""
_SHAPELESS = re.compile("[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
"""Soft hyphens, places to break a line, and what turns the direction of writing."""
_ALIKE = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u2010": "-"})
"""Apostrophes and hyphens, as typesetters write them and as keyboards do."""
_HYPHENATED = re.compile(r"(?<=\w)-(?=\w)")
"""A hyphen between words: a "class-action suit" is a "class action"."""


class Mentions:
    """Finds names by their aliases; a name is an alias of itself.

    Texts and aliases are compared after Unicode normalisation (NFKC) and case folding, blanks and
    line ends and hyphens between words alike, and so are kinds of apostrophes; soft hyphens do not count.
    Where a script puts no blanks between words, a name may begin and end anywhere, and beside such letters any may.
    A name in Hangul begins a word, and may end before a particle.

    Where aliases overlap, the one that begins first counts, and of those the longest: with ``Acme`` and
    ``Acme Bank`` known, ``Acme Bank`` mentions the bank alone.
    """

    def __init__(self, aliases: Mapping[str, Iterable[str]]) -> None:
        self._names: dict[str, str] = {}
        for name, others in aliases.items():
            for alias in (name, *others):
                if plain(alias):
                    self._names.setdefault(plain(alias), name)
        lengths: dict[str, set[int]] = {}
        for alias in self._names:
            lengths.setdefault(alias[:_PREFIX], set()).add(len(alias))
        self._lengths = {prefix: sorted(found, reverse=True) for prefix, found in lengths.items()}
        letters = {alias[0] for alias in self._names}
        self._begin = re.compile(
            "|".join(_BEGIN * (not _BEGINS_ANYWHERE.match(x)) + re.escape(x) for x in letters)
        )

    def of(self, title: str, text: str = "") -> list[str]:
        """The names that are mentioned, each once, in the order of the first mention."""
        found: dict[str, None] = {}
        for part in (plain(title), plain(text)) if self._names else ():
            place = 0
            while begin := self._begin.search(part, place):
                place = begin.start() + 1
                if alias := self._longest(part, begin.start()):
                    found.setdefault(self._names[alias])
                    place = begin.start() + len(alias)
        return list(found)

    def _longest(self, text: str, start: int) -> str:
        """The longest alias that stands there and ends with a word, if any."""
        for size in range(_PREFIX, 0, -1):
            for length in self._lengths.get(text[start : start + size], ()):
                alias = text[start : start + length]
                if alias in self._names and _ends(text, start + length):
                    return alias
        return ""


def _ends(text: str, stop: int) -> bool:
    """Whether what stands before ``stop`` may be the end of a name."""
    if stop >= len(text):
        return True
    # a combining mark goes on with the word, which \w does not know
    goes_on = unicodedata.category(text[stop]).startswith("M")
    return not goes_on and bool(_ENDS_ANYWHERE.match(text[stop - 1]) or not _GOES_ON.match(text[stop]))


def plain(text: str) -> str:
    """A text as it is compared."""
    seen = text if text.isascii() else _SHAPELESS.sub("", text)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", seen).casefold())
    return " ".join(_HYPHENATED.sub(" ", folded.translate(_ALIKE)).split())


def clashes(aliases: Mapping[str, Iterable[str]]) -> Iterable[tuple[str, str]]:
    """What is wrong with lists of aliases: ``(name, reason)``."""
    owner: dict[str, str] = {}
    for name, others in aliases.items():
        for alias in (name, *others):
            if not any(c.isalnum() for c in plain(alias)) or alias == "*":
                yield name, f"{alias!r} cannot be found in a text: it has no letters"
            elif owner.setdefault(plain(alias), name) != name:
                yield name, f"{alias!r} is also a name of {owner[plain(alias)]!r}"
