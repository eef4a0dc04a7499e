"""Which names a text mentions: whole words, whatever their case, the longest name first."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

_END = ""
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
"""Scripts that put no spaces between words: there a name ends wherever it ends."""


class Mentions:
    """Finds names by their aliases; a name is an alias of itself.

    Texts and aliases are compared after Unicode normalisation (NFKC) and case folding, blanks and
    line ends alike. Where aliases overlap, the one that begins first counts, and of those the
    longest: with ``Acme`` and ``Acme Bank`` known, ``Acme Bank`` mentions the bank alone.
    """

    def __init__(self, aliases: Mapping[str, Iterable[str]]) -> None:
        self._names: dict[str, str] = {}
        for name, others in aliases.items():
            for alias in (name, *others):
                if plain(alias):
                    self._names.setdefault(plain(alias), name)
        self._pattern = re.compile(_pattern(self._names)) if self._names else None

    def of(self, title: str, text: str = "") -> list[str]:
        """The names that are mentioned, each once, in the order of the first mention."""
        if self._pattern is None:
            return []
        found: dict[str, None] = {}
        for part in (plain(title), plain(text)):
            place = 0
            while match := self._pattern.search(part, place):
                # a combining mark goes on with the word, which \w does not know
                if match.end() < len(part) and unicodedata.category(part[match.end()]).startswith("M"):
                    place = match.start() + 1
                    continue
                found.setdefault(self._names[match.group()])
                place = match.end()
        return list(found)


def plain(text: str) -> str:
    """A text as it is compared."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())


def clashes(aliases: Mapping[str, Iterable[str]]) -> Iterable[tuple[str, str]]:
    """What is wrong with lists of aliases: ``(name, reason)``."""
    owner: dict[str, str] = {}
    for name, others in aliases.items():
        for alias in (name, *others):
            if not any(c.isalnum() for c in plain(alias)) or alias == "*":
                yield name, f"{alias!r} cannot be found in a text: it has no letters"
            elif owner.setdefault(plain(alias), name) != name:
                yield name, f"{alias!r} is also a name of {owner[plain(alias)]!r}"


def _pattern(words: Iterable[str]) -> str:
    """One expression for all words, which shares their beginnings: its cost hardly grows with their number."""
    trie: dict[str, Any] = {}
    for word in words:
        node = trie
        for letter in word:
            node = node.setdefault(letter, {})
        node[_END] = {}
    branches = [
        ("" if _UNSPACED.match(letter) else r"(?<!\w)") + re.escape(letter) + _branch(node, letter)
        for letter, node in trie.items()
    ]
    return "|".join(branches)


def _branch(node: dict[str, Any], last: str) -> str:
    # what goes on comes before what ends here: the longest first
    parts = [re.escape(letter) + _branch(below, letter) for letter, below in node.items() if letter != _END]
    if _END in node:
        parts.append("" if _UNSPACED.match(last) else r"(?!\w)")
    return parts[0] if len(parts) == 1 else f"(?:{'|'.join(parts)})"
