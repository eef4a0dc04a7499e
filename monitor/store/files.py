"""Making files that hold what people wrote: for their owner alone, and whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PRIVATE = 0o600


def private(path: str, flags: int) -> int:
    """Open a file as ``open(opener=private)`` does: one that is made is its owner's alone.

    One that is there keeps its mode, which may have been set on purpose.
    """
    return os.open(path, flags, PRIVATE)


def make_private(path: Path) -> None:
    """Make an empty file of its owner's alone, unless there is one. SQLite gives -wal and -shm its mode."""
    os.close(private(str(path), os.O_CREAT | os.O_RDWR))


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """A private file beside ``target`` to write to: it becomes ``target`` at the end, or goes on any error.

    :raises OSError: if it cannot be made, or not become ``target``.
    """
    handle, name = tempfile.mkstemp(prefix=f"{target.name}.", suffix=".part", dir=target.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        _sync(part)
        part.rename(target)
        with suppress(OSError):  # some network file systems cannot
            _sync(target.parent)
    finally:
        for end in ("", "-journal", "-wal", "-shm"):
            Path(f"{part}{end}").unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
