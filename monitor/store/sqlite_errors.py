"""What SQLite says of a file that a person has to mend, in one clear line."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor.errors import StoreError


@contextmanager
def friendly(path: Path) -> Iterator[None]:
    """Turn such an error about ``path`` into a :class:`StoreError`; others go on as they are."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        text = str(error)
        for sign, message in (
            ("readonly", "is read-only: change its owner or mode, or name another database"),
            ("unable to open", "cannot be opened: check that its folder exists and may be written"),
            ("disk is full", "cannot grow, the disk is full: free some space; nothing stored is lost"),
            ("disk I/O", "cannot be written (disk I/O error): check the disk; nothing stored is lost"),
            ("locked", "is locked by another program for too long; stop that, or try again"),
            ("not a database", "is not a SQLite database"),
            ("disk image is malformed", "is damaged; restore a backup (`monitor db backup` makes them)"),
        ):
            if sign in text:
                raise StoreError(f"{path} {message}") from error
        raise
