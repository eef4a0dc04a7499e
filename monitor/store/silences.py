"""Silences: what nobody is to be notified of for a while, who said so, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor.errors import MonitorError
from monitor.matching import Matcher, all_match, parse_matchers
from monitor.store.room import Room, to_text, to_time


@dataclass(frozen=True)
class Silence:
    """Alerts that fulfil every matcher are not notified of from ``starts_at`` until ``ends_at``."""

    id: int
    matchers: Sequence[Matcher]
    author: str
    comment: str
    created_at: datetime
    starts_at: datetime
    ends_at: datetime

    def covers(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels is meant."""
        return all_match(self.matchers, labels)

    def state(self, now: datetime) -> str:
        """``pending``, ``active`` or ``expired``."""
        if now >= self.ends_at:
            return "expired"
        return "active" if now >= self.starts_at else "pending"


class Silences(Room):
    """Silences. They are kept when they are over."""

    def add(
        self,
        matchers: Sequence[Matcher],
        *,
        author: str,
        comment: str,
        starts_at: datetime,
        ends_at: datetime,
        now: datetime,
    ) -> int:
        """A new silence; returns its id.

        :raises MonitorError: if it has no matcher or ends before it starts.
        """
        if not matchers:
            raise MonitorError("a silence needs a matcher, such as rule=bad-news")
        if ends_at <= starts_at:
            raise MonitorError("the silence would end before it starts")
        cursor = self.write(
            "insert into silences (matchers, author, comment, created_at, starts_at, ends_at) "
            "values (?, ?, ?, ?, ?, ?)",
            [
                json.dumps([str(m) for m in matchers], ensure_ascii=False),
                author,
                comment,
                to_text(now),
                to_text(starts_at),
                to_text(ends_at),
            ],
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def active(self, now: datetime) -> list[Silence]:
        """The silences in force at ``now``."""
        rows = self.rows(
            "select * from silences where starts_at <= ? and ends_at > ? order by id", [to_text(now)] * 2
        )
        return [_silence(row) for row in rows]

    def all(self) -> list[Silence]:
        """Every silence, newest first."""
        return [_silence(row) for row in self.rows("select * from silences order by id desc")]

    def expire(self, silence_id: int, now: datetime) -> Silence:
        """End a silence now; one that is over stays as it was.

        :raises MonitorError: if there is none.
        """
        with self.store.transaction():
            row = self.row("select * from silences where id = ?", [silence_id])
            if row is None:
                raise MonitorError(
                    f"there is no silence {silence_id}; `monitor silences list --all` shows them"
                )
            # one that was to come never begins
            self.write(
                "update silences set ends_at = ?, starts_at = min(starts_at, ?) where id = ? and ends_at > ?",
                [to_text(now), to_text(now), silence_id, to_text(now)],
            )
            row = self.row("select * from silences where id = ?", [silence_id])
        return _silence(row)


def _silence(row: Any) -> Silence:
    return Silence(
        id=row["id"],
        matchers=parse_matchers(json.loads(row["matchers"])),
        author=row["author"],
        comment=row["comment"],
        created_at=to_time(row["created_at"]),
        starts_at=to_time(row["starts_at"]),
        ends_at=to_time(row["ends_at"]),
    )
