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
    """What rules raised, while texts were classified or as time went by: undone, kept, and told once a round is done.

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
        """Raise what was kept since this was asked last, each rule's first.

        :raises ExceptionGroup: if any rule raised something.
        """
        errors, self._errors = self._errors, {}
        if errors:
            raise ExceptionGroup(f"rules that failed: {', '.join(errors)}", list(errors.values()))
