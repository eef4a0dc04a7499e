"""Locks: one daemon for a database, and one process that migrates it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self

from monitor.errors import StoreError
from monitor.store.files import private


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Wait until no other process is in here with this path, a file that is there only meanwhile."""
    while True:
        with open(path, "w", opener=private) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # who was here before took the file away, and another one may have made a new one since
            if not _is_at(file, path):
                continue
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def _is_at(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


class DaemonLock:
    """Held by the one daemon of a database; the kernel frees it when the process dies."""

    def __init__(self, database: Path) -> None:
        self.path = Path(f"{database}.lock")
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take the lock.

        :raises StoreError: if another process has it; the message names that process.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = open(self.path, "a+", opener=private)  # noqa: SIM115  # open for as long as it is held
        except OSError as error:
            raise StoreError(f"{self.path} cannot be written: {error.strerror}") from None
        for attempt in range(10):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                # holder() takes the lock for a moment; a daemon keeps it
                if attempt < 9:
                    time.sleep(0.05)
        else:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise StoreError(
                f"another monitor (process {holder}) runs on this database; stop it first"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def holder(self) -> int | None:
        """The process that has the lock, or ``None``."""
        try:
            with self.path.open("r") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except OSError:
                    text = file.read().strip()
                    return int(text) if text.isdigit() else -1
        except OSError:
            return None
        return None
