"""How far a file has been read, and whether a file is the one that was read."""

from __future__ import annotations

import gzip
import stat
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, cast

HEAD, TAIL = 1024, 256
COMPRESSED = {".gz", ".bz2", ".xz", ".zst", ".zip", ".lz4"}
PACKED = ".gz"
"""What is read of a file that was rotated and compressed before it was read to its end."""
LARGEST = 1 << 30
"""Bytes of a compressed file that are passed over at most, to come to those that were not read."""
TORN = (EOFError, zlib.error)
"""What reading a damaged compressed file raises, beside errors of the system."""
Number = tuple[int, int]
"""Device and inode."""


def fingerprint(data: bytes) -> str:
    """16 hex digits."""
    return blake2b(data, digest_size=8).hexdigest()


@dataclass
class Position:
    """The state of one followed file: what the cursor holds of it.

    ``path`` as shown. ``dev``, ``ino``: the file by its number. ``offset``: bytes that are
    done, ``line``: lines in them. ``head``, ``tail``: fingerprints of the first and last bytes
    of what is done. ``size``, ``mtime`` (ns) as last seen, since ``since`` (epoch second).
    ``identity``: tells files apart whose records have no id. ``taken``: the last line was taken
    without its newline. ``skipped``: bytes so far of an overlong line. ``recent``: the latest
    records without an id, each with how often it came. ``fault``: why nothing can be read.
    ``bad``: records put aside. ``aside``: no pattern names the file, it was rotated away.
    ``gone``: the epoch second at which the file was missed. ``open_since``: likewise, at which the
    record of CSV at the position was first seen with a quote open and lines behind.
    ``target``: the file that a link led to. ``marks``: of a file whose records have neither id nor time,
    ends of records as offset, lines and fingerprint: the last two, and earlier ones ever farther apart.
    ``again``: the records before this offset were read before, perhaps with other settings.
    """

    path: str
    dev: int = 0
    ino: int = 0
    offset: int = 0
    line: int = 0
    head: str = fingerprint(b"")
    tail: str = fingerprint(b"")
    size: int = 0
    mtime: int = 0
    since: int = 0
    format: str = ""
    delimiter: str = ""
    header: list[str] | None = None
    identity: str = ""
    taken: bool = False
    skipped: int = 0
    recent: list[list[Any]] = field(default_factory=list)
    fault: str = ""
    bad: int = 0
    aside: bool = False
    gone: int = 0
    open_since: int = 0
    target: str = ""
    marks: list[list[Any]] = field(default_factory=list)
    again: int = 0

    @classmethod
    def load(cls, path: str, data: Mapping[str, Any]) -> Position:
        """From a cursor; what is not said has its default."""
        known = {item.name for item in fields(cls)} - {"path"}
        return cls(path, **{key: value for key, value in data.items() if key in known})

    def dump(self) -> dict[str, Any]:
        """JSON-able, without what has its default."""
        empty = Position(self.path)
        return {
            key: value
            for key, value in asdict(self).items()
            if value != getattr(empty, key) and key != "path"
        }

    @property
    def number(self) -> Number:
        return self.dev, self.ino

    def mark(self, head: bytes, tail: bytes) -> None:
        """Remember that a record ends here; ``head`` and ``tail`` are the first and the last bytes before."""
        marks = self.marks
        marks.append([self.offset, self.line, fingerprint(head + tail)])
        if len(marks) > 3 and marks[-3][0] < 1.25 * marks[-4][0]:
            del marks[-3]

    def rewind(self, file: BinaryIO) -> bool:
        """Go back to where a file that was edited still is as it was read; says whether that is half of it at least."""
        for number, (offset, line, wanted) in reversed([*enumerate(self.marks)]):
            if offset * 2 < self.offset:
                break
            head, tail = read_marks(file, offset)
            if fingerprint(head + tail) == wanted:
                self.offset, self.line, self.marks = offset, line, self.marks[: number + 1]
                self.head, self.tail = fingerprint(head), fingerprint(tail)
                self.taken, self.skipped, self.open_since, self.recent = False, 0, 0, []
                return True
        return False

    def restart(self) -> None:
        """Read the same file from its beginning again."""
        new = Position(self.path, self.dev, self.ino, identity=self.identity)
        new.size, new.mtime, new.since = self.size, self.mtime, self.since
        new.again = max(self.again, self.offset)
        for item in fields(self):
            setattr(self, item.name, getattr(new, item.name))


@dataclass(frozen=True)
class Found:
    """A file that is there: ``path`` to open, ``key`` to show, and what its stat says."""

    path: Path
    key: str
    dev: int
    ino: int
    size: int
    mtime: int

    @property
    def number(self) -> Number:
        """What identifies a file as long as it is there; afterwards it is used again."""
        return self.dev, self.ino

    @property
    def packed(self) -> bool:
        """Whether it is a compressed one, which nobody writes to any more."""
        return self.path.suffix.lower() == PACKED

    def open(self) -> BinaryIO:
        """What it holds, decompressed."""
        return cast(BinaryIO, gzip.open(self.path)) if self.packed else self.path.open("rb")

    def unchanged(self, position: Position) -> bool:
        """Whether size and time of change are as when the position was written."""
        return self.number == position.number and (self.size, self.mtime) == (position.size, position.mtime)

    def continues(self, position: Position) -> bool:
        """Whether the file still begins with what was read to that position."""
        if self.unchanged(position):
            return True
        shrunk = self.number == position.number and self.size < position.size
        if shrunk or (self.size < position.offset and not self.packed):
            return False
        try:
            with self.open() as file:
                head, tail = read_marks(file, position.offset)
        except (OSError, *TORN):
            return self.number == position.number and self.key == position.path
        return (fingerprint(head), fingerprint(tail)) == (position.head, position.tail)

    def is_another(self, position: Position) -> bool:
        """Whether the file, which is compressed, can be read to its end and begins with something else."""
        if self.size > LARGEST:
            return False
        try:
            with self.open() as file:
                head, _ = read_marks(file, position.offset)
                while file.read(1 << 20):
                    pass
        except (OSError, *TORN):
            return False
        return fingerprint(head) != position.head


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


def read_marks(file: Any, offset: int) -> tuple[bytes, bytes]:
    """The first and the last bytes of the first ``offset`` ones."""
    file.seek(0)
    head = file.read(min(HEAD, offset))
    file.seek(max(0, offset - TAIL))
    return head, file.read(min(TAIL, offset))
