"""A rule that fails keeps neither the other rules from watching nor texts from being classified."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType

from monitor.alerts.redelivery import pause
from monitor.alerts.rules import Rule
from monitor.errors import MonitorError
from monitor.store import Store

Attempt = Callable[[Rule], AbstractContextManager[None]]
"""What a rule does goes on in here."""


def plainly(rule: Rule) -> AbstractContextManager[None]:
    """Whatever it raises goes up."""
    return nullcontext()


Again = Callable[[Rule, datetime], AbstractContextManager[None]]
"""Inside an attempt: what a rule does as time goes by goes on in here, unless it failed just before."""


def at_once(rule: Rule, now: datetime) -> AbstractContextManager[None]:
    """However often it failed."""
    return nullcontext()


@dataclass(frozen=True)
class Failure:
    """What a rule raised when it was tried ``at`` a time, for the ``times``-th time in a row."""

    error: Exception
    traceback: TracebackType | None
    times: int
    at: datetime


class Backoff:
    """A rule that fails is tried again after 10 s, 20 s, ... an hour, like deliveries; till then it is failed."""

    def __init__(self) -> None:
        self._failed: dict[str, Failure] = {}

    @contextmanager
    def of(self, rule: Rule, now: datetime) -> Iterator[None]:
        """An :data:`Again` of a rule.

        :raises Exception: what it raised when it was tried last, if that was just before.
        """
        last = self._failed.get(rule.name)
        if last is not None and last.at <= now < last.at + timedelta(seconds=pause(last.times)):
            raise last.error.with_traceback(last.traceback)
        try:
            yield
        except (MonitorError, sqlite3.Error):
            raise
        except Exception as error:
            times = 1 if last is None else last.times + 1
            self._failed[rule.name] = Failure(error, error.__traceback__, times, now)
            raise
        self._failed.pop(rule.name, None)


class Attempts:
    """What rules raised, while texts were classified or as time went by: undone, kept, reported once a round is done.

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
            note = f"This was the rule {rule.name!r} (kind {rule.kind})."
            if note not in getattr(error, "__notes__", ()):
                error.add_note(note)
            self._errors.setdefault(rule.name, error)

    def report(self) -> None:
        """Raise what was kept since this was asked last, each rule's first.

        :raises ExceptionGroup: if any rule raised something.
        """
        errors, self._errors = self._errors, {}
        if errors:
            raise ExceptionGroup(f"rules that failed: {', '.join(errors)}", list(errors.values()))
