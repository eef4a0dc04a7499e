"""What the rooms of the store share: times as text, rows, and the way to the connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monitor.store.store import Store

BUCKET_S = 300
"""Width of the stored count buckets, in seconds; rules look at windows of several."""
PART = 500
"""Values that one statement is given."""


class Room:
    """Statements about one noun. Writes join the caller's transaction or make their own."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self.store.connection.execute(sql, values).fetchall()

    def rows_of(self, sql: str, those: Sequence[Any], values: Sequence[Any] = ()) -> Iterator[sqlite3.Row]:
        """All rows of a query about ``those``, whose places in it are ``{}`` and come last.

        They are asked for in parts, for SQLite takes only so many values at once.
        """
        for start in range(0, len(those), PART):
            part = those[start : start + PART]
            yield from self.rows(sql.format(marks(part)), [*values, *part])

    def row(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Row | None:
        """The first row of a query, or ``None``."""
        found: sqlite3.Row | None = self.store.connection.execute(sql, values).fetchone()
        return found

    def value(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """The first value of the first row, or ``None``."""
        row = self.row(sql, values)
        return None if row is None else row[0]

    def write(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """One statement in a transaction."""
        with self.store.transaction() as connection:
            return connection.execute(sql, values)

    def write_many(self, sql: str, values: Iterable[Sequence[Any]]) -> None:
        """One statement for many rows, in one transaction."""
        with self.store.transaction() as connection:
            connection.executemany(sql, values)


def to_text(time: datetime) -> str:
    """A UTC time as stored; :func:`to_time` reads it back, whatever its year.

    :raises OverflowError: in UTC it lies outside of the years 1 to 9999.
    """
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def to_text_or_none(time: datetime | None) -> str | None:
    """Likewise, where there may be none."""
    return None if time is None else to_text(time)


def to_time(text: str) -> datetime:
    """An aware UTC time from its stored text."""
    return datetime.fromisoformat(text)


def to_time_or_none(text: str | None) -> datetime | None:
    """Likewise, where there may be none."""
    return None if text is None else to_time(text)


def bucket_of(time: datetime) -> int:
    """The bucket that ``time`` falls in: the epoch second at which it starts."""
    return int(time.timestamp()) // BUCKET_S * BUCKET_S


def marks(values: Collection[Any]) -> str:
    """Placeholders for a SQL list."""
    return ",".join("?" * len(values))
