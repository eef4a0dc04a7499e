"""A rule that fails keeps neither the other rules from watching nor texts from being classified."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from monitor.alerts.rules import Rule
from monitor.errors import MonitorError
from monitor.store import Store

Attempt = Callable[[Rule], AbstractContextManager[None]]
"""What a rule does goes on in here."""


def plainly(rule: Rule) -> AbstractContextManager[None]:
    """Whatever it raises goes up."""
    return nullcontext()


class Attempts:
    """What rules raised in one round: undone, kept, and told when the round's work is done.

    Faults of the database concern all rules and go up at once.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._errors: dict[str, Exception] = {}

    @contextmanager
    def of(self, rule: Rule) -> Iterator[None]:
        """An :data:`Attempt` of a rule."""
        try:
            with self._store.part():
                yield
        except (MonitorError, sqlite3.Error):
            raise
        except Exception as error:
            error.add_note(f"This was the rule {rule.name!r} (kind {rule.kind}).")
            self._errors.setdefault(rule.name, error)

    def tell(self) -> None:
        """Raise what was kept, each rule's first.

        :raises ExceptionGroup: if any rule raised something.
        """
        if self._errors:
            raise ExceptionGroup(f"rules that failed: {', '.join(self._errors)}", list(self._errors.values()))
