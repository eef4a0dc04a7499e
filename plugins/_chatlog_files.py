"""Which files there are, and which of them is which: rotation, truncation, moves."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.errors import SourceError
from monitor_plugins._chatlog_position import Found, Number, Position

SUFFIXES = {".jsonl", ".ndjson", ".csv", ".tsv", ".log"}
"""What is read of a folder."""
COMPRESSED = {".gz", ".bz2", ".xz", ".zst", ".zip", ".lz4"}
ROTATED = re.compile(r"[.\-_]\d[\d.\-_T]*")
"""What rotation puts after a name: .1, -20250131, .2025-01-31"""


@dataclass
class Folders:
    """What the patterns name: ``files``, each once, in any order; ``faults``, a line for each that cannot be looked at.

    ``others``: how many files are there with a suffix that is not read.
    """

    files: list[Found]
    faults: list[str]
    others: Counter[str]


def find(base: Path, patterns: Sequence[str]) -> Folders:
    """The files that the patterns name. A file that does not exist yet is no fault, a folder is."""
    found: dict[Number, Found] = {}
    faults: list[str] = []
    others: Counter[str] = Counter()
    for pattern in patterns:
        try:
            for path in _expand(base, os.path.expanduser(pattern), others):
                one = look(base, path)
                if one is not None:
                    found.setdefault(one.number, one)
        except SourceError as error:
            faults.append(str(error))
    return Folders(list(found.values()), faults, others)


def _expand(base: Path, pattern: str, others: Counter[str]) -> list[Path]:
    path = base / pattern
    if os.path.isdir(path):
        _enter(path)
        entries = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
        others.update(entry.suffix.lower() for entry in entries if entry.suffix and os.path.isfile(entry))
        return [entry for entry in entries if entry.suffix.lower() in SUFFIXES]
    if glob.has_magic(pattern) and not os.path.exists(path):
        _enter(base.joinpath(*_plain_parts(pattern)))
        matches = [base / match for match in glob.glob(pattern, root_dir=base, recursive=True)]
        others.update(match.suffix.lower() for match in matches if match.suffix.lower() in COMPRESSED)
        return [match for match in matches if match.suffix.lower() not in COMPRESSED]
    _enter(path.parent, listed=False)
    return [path]


def _enter(folder: Path, *, listed: bool = True) -> None:
    """See that a folder can be entered, and ``listed``.

    :raises SourceError: if not, with the folder.
    """
    try:
        os.stat(f"{folder}/.")
        if listed:
            os.scandir(folder).close()
    except (FileNotFoundError, NotADirectoryError):
        raise SourceError(f"there is no folder {folder}; make it, or mend the setting path") from None
    except OSError as error:
        raise SourceError(f"{_barred(folder)} may not be read: {error.strerror}") from None


def _barred(folder: Path) -> Path:
    """The outermost folder that bars the way to this one."""
    for outer in [*reversed(folder.parents), folder]:
        try:
            os.stat(f"{outer}/.")
        except OSError:
            return outer
    return folder


def nothing(patterns: Sequence[str], there: Folders) -> str:
    """That there is nothing to read, and what is there instead."""
    named = ", ".join(patterns)
    if not there.others:
        return f"no file is there yet: {named}"
    others = ", ".join(f"{count} {suffix}" for suffix, count in there.others.most_common(5))
    return (
        f"no file that is read is there yet: {named}; there are {others}, and what is read of a folder is "
        f"{' '.join(sorted(SUFFIXES))}; name others as in {patterns[0].rstrip('/*')}/*.txt, and unpack what is packed"
    )


def closed(base: Path, patterns: Sequence[str], missed: Sequence[Position], *, empty: bool) -> list[str]:
    """Why files that were read are not found: their folders cannot be looked at, or (where it is
    ``empty``, that is no file at all is left) are gone. A folder that no pattern names counts not.
    """
    parents = {(base / position.path).parent for position in missed if not position.aside}
    faults = []
    for pattern in map(os.path.expanduser, patterns):
        if not (parents and glob.has_magic(pattern)):
            continue
        folders = {base / name for name in glob.glob(os.path.dirname(pattern), root_dir=base, recursive=True)}
        for parent in sorted(parents):
            if parent not in folders and not (empty and not parent.exists()):
                continue
            try:
                _enter(parent)
            except SourceError as error:
                faults.append(str(error))
    return list(dict.fromkeys(faults))


def _plain_parts(pattern: str) -> list[str]:
    parts = Path(pattern).parts
    magic = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    return list(parts[:magic])


def look(base: Path, path: Path) -> Found | None:
    """What is at ``path``, if it is a file: pipes and devices would wait for news."""
    try:
        seen = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(seen.st_mode):
        return None
    key = path.relative_to(base) if path.is_relative_to(base) else path
    return Found(path, key.as_posix(), seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns)


def assign(
    base: Path, found: Sequence[Found], known: Sequence[Position]
) -> tuple[list[tuple[Found, Position | None]], list[Position]]:
    """Give every file its position, ``None`` where it is new; the positions left over are lost.

    A file is known by its number, wherever in its folder it was moved to; else by its name; else
    by its content (the copy that was made before a truncation). What was read must be at its
    beginning in any case. Files come in the order in which they were last written.
    """
    matching = _Matching(base, found, known)
    matching.by_number()
    matching.by_name()
    matching.by_content()
    matching.rotated_unseen()
    pairs = [(one, matching.matched.get(one.number)) for one in matching.found.values()]
    return sorted(pairs, key=lambda pair: (pair[0].mtime, pair[0].key)), list(matching.free.values())


class _Matching:
    """``found``: files by number; ``free``: positions without a file; ``matched``: positions by number."""

    def __init__(self, base: Path, found: Sequence[Found], known: Sequence[Position]) -> None:
        self.base = base
        self.found = {one.number: one for one in found}
        self.free = dict(enumerate(known))
        self.matched: dict[Number, Position] = {}
        self._listings: dict[Path, list[tuple[str, int]]] = {}

    def by_number(self) -> None:
        """Files that are there under their number, also those that were rotated away."""
        for index, position in list(self.free.items()):
            one = self.found.get(position.number)
            if one is None:
                one = look(self.base, self.base / position.path)
                if one is None or one.number != position.number:
                    one = next((o for o in self._beside(position) if o.number == position.number), None)
                elif not position.aside:
                    del self.free[index]  # it is where it was, and no pattern names it any more
                    continue
            if one is not None:
                self._match(one, index)

    def by_name(self) -> None:
        """Files that were written anew under the name, what was read still in them."""
        names: dict[str, list[int]] = {}
        for index, position in self.free.items():
            names.setdefault(position.path, []).append(index)
        for one in list(self.found.values()):
            for index in names.get(one.key, ()):
                self._match(one, index)

    def by_content(self) -> None:
        """Files that begin with what was read elsewhere; the longest reading first."""
        read = sorted((i for i, position in self.free.items() if position.offset), key=self._offset)
        for index in read:
            position = self.free[index]
            beside = [one for one in self._beside(position) if _rotated(one, position)]
            for one in [*self.found.values(), *beside]:
                if self._match(one, index):
                    break

    def _offset(self, index: int) -> int:
        return -self.free[index].offset

    def _match(self, one: Found, index: int) -> bool:
        if index not in self.free or one.number in self.matched or not one.continues(self.free[index]):
            return False
        self.found.setdefault(one.number, one)
        self.matched[one.number] = self.free.pop(index)
        return True

    def rotated_unseen(self) -> None:
        """Add what was written after the last look and rotated away before this one."""
        here = [(position, False) for position in self.matched.values()]
        for position, lost in [*here, *((position, True) for position in self.free.values())]:
            one = look(self.base, self.base / position.path)
            if position.aside or (one is not None and one.unchanged(position)):
                continue
            for other in self._beside(position):
                copy = position.offset and not lost and other.continues(position)
                if _rotated(other, position) and other.mtime > position.mtime and not copy:
                    self.found[other.number] = other

    def _beside(self, position: Position) -> list[Found]:
        """Files in the folder of a missing one that might be it and are not known yet."""
        path = self.base / position.path
        if path.parent not in self._listings:
            try:
                with os.scandir(path.parent) as entries:
                    self._listings[path.parent] = sorted((entry.name, entry.inode()) for entry in entries)
            except OSError:
                self._listings[path.parent] = []
        files = [
            look(self.base, path.parent / name)
            for name, inode in self._listings[path.parent]
            if (inode == position.ino or name.startswith(path.name))
            and Path(name).suffix.lower() not in COMPRESSED
        ]
        return [one for one in files if one is not None and one.number not in self.found]


def _rotated(one: Found, position: Position) -> bool:
    """Whether the file's name is that of the position and what rotation puts after it."""
    return bool(ROTATED.fullmatch(one.path.name.removeprefix(Path(position.path).name)))
