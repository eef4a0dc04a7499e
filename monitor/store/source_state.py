"""What is known of a source, and when it is due."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from monitor.store.room import to_time_or_none

CLOCK_SLACK = timedelta(minutes=1)
"""A clock that is set back by less is one that is kept right."""
LONGEST_ASKED = timedelta(hours=48)
"""Nobody asks to be left alone for longer by this clock."""


@dataclass(frozen=True)
class SourceState:
    """What is known of a source; ``every`` in seconds, ``failures`` in a row.

    ``live_since``: the end of the first fetch that found something at the present address; all up to then is history.
    ``asked_until``: the other side asked to be left alone until then; ``asked_with``: the digest of the settings
    at that time. ``again``: all that was read is to be read again with the settings of now.
    """

    name: str
    plugin: str
    every: float
    active: bool
    cursor: Mapping[str, Any]
    first_success_at: datetime | None
    last_attempt_at: datetime | None
    last_success_at: datetime | None
    next_at: datetime | None
    failures: int
    last_error: str | None
    bad_total: int
    live_since: datetime | None
    asked_until: datetime | None
    asked_with: str | None
    again: bool

    def due(self, now: datetime) -> bool:
        """Whether it is to be read; by a clock that was put back since the last attempt, too, unless asked to wait."""
        if self.next_at is None or self.next_at <= now:
            return True
        if self.last_attempt_at is None or self.last_attempt_at <= now + CLOCK_SLACK:
            return False
        # read in a future that the clock has left: nobody knows how long ago that was
        return self.asked_until is None or self.asked_until > now + LONGEST_ASKED


def sooner(state: SourceState, every: float, settings: str | None) -> datetime | None:
    """When a source is due that was to wait for longer than its interval; ``None``: it is not to be read at all yet.

    :param settings: their digest; a pause that was asked for while they were other ones does not count.
    """
    if state.next_at is None or state.last_attempt_at is None:
        return None
    due = min(state.next_at, state.last_attempt_at + timedelta(seconds=every))
    if state.asked_until is None or settings != state.asked_with:
        return due
    return max(due, min(state.next_at, state.asked_until))


def state_of(row: Any) -> SourceState:
    """What a row of the table says."""
    return SourceState(
        name=row["name"],
        plugin=row["plugin"],
        every=row["every"],
        active=bool(row["active"]),
        cursor=json.loads(row["cursor"]),
        first_success_at=to_time_or_none(row["first_success_at"]),
        last_attempt_at=to_time_or_none(row["last_attempt_at"]),
        last_success_at=to_time_or_none(row["last_success_at"]),
        next_at=to_time_or_none(row["next_at"]),
        failures=row["failures"],
        last_error=row["last_error"],
        bad_total=row["bad_total"],
        live_since=to_time_or_none(row["live_since"]),
        asked_until=to_time_or_none(row["asked_until"]),
        asked_with=row["asked_with"],
        again=bool(row["again"]),
    )
