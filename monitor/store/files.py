"""Making files that hold what people wrote: for their owner alone."""

from __future__ import annotations

import os
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
