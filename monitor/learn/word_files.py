"""Folders of word lists: which there are, what they hold, and whether they are whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from monitor.errors import LearnError, plain
from monitor.learn.words import MOST, WORD, Words

SHIPPED_WORDLISTS = Path(__file__).parent / "wordlists"
ENGLISH = "en"
"""The list that has no glosses."""
VERSION = 3
"""Raised when the same text becomes other words by the same lists."""


@lru_cache(maxsize=4)
def wordlists_digest(*folders: Path) -> str:
    """sha256 (hex) of the lists in some folders, by name; as :func:`read_wordlists` has them, and as often read."""
    whole = hashlib.sha256(str(VERSION).encode())
    for folder in folders:
        for code, text in _lists(folder):
            whole.update(f"\0{code}\0{text}".encode())
    return whole.hexdigest()


@lru_cache(maxsize=4)
def read_wordlists(*folders: Path) -> tuple[Words, Mapping[str, Words]]:
    """The list of English, and those of other languages by code, of some folders.

    Each is a ``LANGUAGE.txt``: ``word=gloss`` a line, the commonest first, ``word==`` where it is the same in English;
    of English the words alone. Where two folders have a list of one language, the first one's glosses count, and its
    other words are taken for rare ones. Files are read once in a process: a digest is always that of the lists in use.

    :raises LearnError: a folder has none, or one cannot be read, or none is of English.
    """
    texts: dict[str, list[str]] = {}
    for folder in reversed(folders):
        for code, text in _lists(folder):
            if folder != SHIPPED_WORDLISTS:  # of these a test sees that they are whole
                _check(folder / f"{code}.txt", text.splitlines())
            texts.setdefault(code, []).append(text)
    words = {code: Words(*found) for code, found in texts.items()}
    own = words.pop(ENGLISH, None)
    if own is None:
        raise LearnError(f"there is no list of English words ({ENGLISH}.txt): install the monitor again")
    return own, words


@lru_cache(maxsize=4)
def _lists(folder: Path) -> tuple[tuple[str, str], ...]:
    """The lists of a folder by code, as they were when they were first asked for."""
    found = tuple((file.stem.lower(), _read(file)) for file in sorted(folder.glob("*.txt")))
    if not found:
        raise LearnError(
            f"{folder} holds no word lists: one is a file such as de.txt, with word=gloss a line"
        )
    return found


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LearnError(f"the word list {file} cannot be read: {plain(error)}") from error


def _check(file: Path, lines: Iterable[str]) -> None:
    for number, line in enumerate(lines, 1):
        if line.strip() and line[0] != "#":
            word, _, gloss = line.partition("=")
            if not gloss.strip() and file.stem != ENGLISH:
                raise LearnError(
                    f"{file}, line {number}: {line.strip()!r} is not word=gloss, such as karte=card "
                    "(berlin== where it is the same in English)"
                )
            parts = word.strip().split(" ")
            if len(parts) > MOST or not all(map(WORD.fullmatch, parts)):
                what = f"one word of letters alone, or up to {MOST} with single blanks"
                raise LearnError(f"{file}, line {number}: {word.strip()!r} is not {what}")
