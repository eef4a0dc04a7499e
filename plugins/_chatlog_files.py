"""Which file is which: rotation, truncation, moves."""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from pathlib import Path

from monitor_plugins._chatlog_position import COMPRESSED, LARGEST, PACKED, TORN, Found, Number, Position, look

ROTATED = re.compile(r"[.\-_]\d[\d.\-_T]*")
"""What rotation puts after a name: .1, -20250131, .2025-01-31"""
SECOND = 10**9


def assign(
    base: Path, found: Sequence[Found], known: Sequence[Position]
) -> tuple[list[tuple[Found, Position | None]], list[Position], list[Position]]:
    """Give every file its position, ``None`` where it is new.

    Returns the pairs, the positions left over, and those of the latter whose files may have had an unread end.

    A file is known by its number, wherever in its folder it was moved to; else by its name; else
    by its content (the copy that was made before a truncation). What was read must be at its
    beginning in any case, or half of it where records are known by their place: somebody
    edited the file. Files come in the order in which they were last written.
    """
    matching = _Matching(base, found, known)
    matching.by_number()
    matching.by_name()
    matching.by_content()
    torn = matching.packed()
    matching.by_beginning()
    torn = [position for position in torn if position in matching.free.values()]
    matching.rotated_unseen()
    pairs = [(one, matching.matched.get(one.number)) for one in matching.found.values()]
    return sorted(pairs, key=lambda pair: (pair[0].mtime, pair[0].key)), list(matching.free.values()), torn


class _Matching:
    """``found``: files by number; ``free``: positions without a file; ``matched``: positions by number."""

    def __init__(self, base: Path, found: Sequence[Found], known: Sequence[Position]) -> None:
        self.base = base
        self.found = {one.number: one for one in found}
        self.free = dict(enumerate(known))
        self.matched: dict[Number, Position] = {}
        self._listings: dict[Path, _Listing] = {}

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
        # many files may have gone, and many be there
        unread = [one for one in self.found.values() if one.number not in self.matched]
        for index in read:
            position = self.free[index]
            beside = [one for one in self._beside(position) if _rotated(one, position)]
            for one in [*unread, *beside]:
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

    def by_beginning(self) -> None:
        """Files that were edited where their records are known by their place: they keep what is before."""
        named: dict[str, list[Found]] = {}
        for one in self.found.values():
            named.setdefault(one.key, []).append(one)
        for index, position in list(self.free.items()):
            for one in named.get(position.path, ()):
                if one.number in self.matched or not position.marks:
                    continue
                try:
                    with one.open() as file:
                        same = position.rewind(file)
                except (OSError, *TORN):
                    continue
                if same:
                    self.matched[one.number] = self.free.pop(index)
                    break

    def packed(self) -> list[Position]:
        """Find files that were rotated and compressed since the last look.

        Returns positions of files that probably were, but are not found: their ends are lost.
        """
        torn = []
        for index, position in list(self.free.items()):
            if position.gone or position.fault or position.path.endswith(PACKED):
                continue
            since = position.mtime - SECOND * (position.offset > 0)  # every file begins with nothing
            later = [one for one in self._beside(position, COMPRESSED) if one.mtime > since]
            later = [one for one in later if _rotated(one, position)]
            for one in sorted(later, key=lambda one: one.mtime):
                if one.packed and position.offset <= LARGEST and self._match(one, index):
                    break
            else:
                if any(one.mtime > position.mtime + SECOND for one in later):
                    torn.append(position)
        return torn

    def rotated_unseen(self) -> None:
        """Add what was written after the last look and rotated away before this one."""
        here = [(position, self.found[number]) for number, position in self.matched.items()]
        for position, now in [*here, *((position, None) for position in self.free.values())]:
            one = look(self.base, self.base / position.path)
            if position.aside or (one is not None and one.unchanged(position)):
                continue
            others = [*self._beside(position), *self._packed_unseen(position, now)]
            for other in others:
                copy = position.offset and now is not None and other.continues(position)
                if _rotated(other, position) and other.mtime > position.mtime and not copy:
                    self.found[other.number] = other

    def _packed_unseen(self, position: Position, now: Found | None) -> list[Found]:
        """Compressed files with nothing in them that was read; ``now``: where the position is now, if anywhere."""
        if not position.mtime or position.fault or position.gone:
            return []
        packed = [one for one in self._beside(position, COMPRESSED) if one.packed]
        if not position.offset:  # it was seen empty
            return packed
        if now is None:  # its own rotation is not there any more, or damaged
            return [one for one in packed if _rotated(one, position) and one.is_another(position)]
        return [one for one in packed if now.packed and one.mtime > now.mtime]

    def _beside(self, position: Position, suffixes: Iterable[str] = ()) -> list[Found]:
        """Files in the folder of a missing one that might be it and are not known yet.

        ``suffixes``: of files that are compressed; none of them otherwise.
        """
        files = []
        for path in _places(self.base, position):
            for name in self._listing(path.parent).like(path.name, position.ino):
                suffix = Path(name).suffix.lower()
                if suffix in suffixes or (not suffixes and suffix not in COMPRESSED):
                    files.append(look(self.base, path.parent / name))
        return [one for one in files if one is not None and one.number not in self.found]

    def _listing(self, folder: Path) -> _Listing:
        if folder not in self._listings:
            try:
                with os.scandir(folder) as entries:
                    self._listings[folder] = _Listing((entry.name, entry.inode()) for entry in entries)
            except OSError:
                self._listings[folder] = _Listing(())
        return self._listings[folder]


class _Listing:
    """What is in a folder, by the beginnings of names and by number."""

    def __init__(self, entries: Iterable[tuple[str, int]]) -> None:
        found = sorted(entries)
        self._names = [name for name, _ in found]
        self._numbers: dict[int, list[str]] = {}
        for name, inode in found:
            self._numbers.setdefault(inode, []).append(name)

    def like(self, beginning: str, inode: int) -> list[str]:
        """Names that begin so, and those of the file with that number, in order."""
        first = last = bisect_left(self._names, beginning)
        while last < len(self._names) and self._names[last].startswith(beginning):
            last += 1
        return sorted({*self._names[first:last], *self._numbers.get(inode, ())})


def _places(base: Path, position: Position) -> list[Path]:
    """Where the file was: under its name and, if that was a link, where it led to."""
    return [base / position.path, *([Path(position.target)] if position.target else [])]


def _rotated(one: Found, position: Position) -> bool:
    """Whether the file's name is that of the position and what rotation puts after it, or only gzip."""
    name = one.path.stem if one.path.suffix.lower() in COMPRESSED else one.path.name
    names = [Path(place).name for place in (position.path, position.target) if place]
    if one.packed and name in names:
        return True
    return any(ROTATED.fullmatch(name.removeprefix(known)) for known in names)
