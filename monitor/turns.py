"""Whose turn it is: what one source or one notifier does, one thread does at a time."""

from __future__ import annotations

import threading


class Turns:
    """A lock for each source and each notifier, which outlive the configuration that they are in.

    A reload does not interrupt what talks to the other side, so it may still be under way when the new
    configuration runs: a notification must not be sent twice, nor a cursor be put back.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}

    def source(self, name: str) -> threading.Lock:
        """The lock of a source."""
        return self._of(f"source {name}")

    def notifier(self, name: str) -> threading.Lock:
        """The lock of a notifier."""
        return self._of(f"notifier {name}")

    def taken(self) -> list[str]:
        """Who has something under way, by name."""
        with self._guard:
            return sorted(name for name, lock in self._locks.items() if lock.locked())

    def _of(self, name: str) -> threading.Lock:
        with self._guard:
            return self._locks.setdefault(name, threading.Lock())
