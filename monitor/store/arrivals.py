"""Documents in the order in which they became known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor.store.room import Room, bucket_of, to_text, to_time, to_time_or_none

PART = 500


@dataclass(frozen=True)
class Arrival:
    """A document that was classified: when it came, where it counts, and what it is said to carry now."""

    id: int
    at: datetime
    bucket: int
    live: bool
    labels: Mapping[str, Sequence[str]]


class Arrivals(Room):
    """What came, and when."""

    def count(self, since: datetime, *, as_live: bool = False) -> int:
        """How many of them :meth:`all` gives."""
        sql, given = _from(since, as_live)
        return int(self.value(f"select count(*) from documents where {sql}", given))

    def backfill(self) -> int:
        """How many of them were backfill."""
        return int(self.value("select count(*) from documents where counted = 1 and live = 0"))

    def first_live(self) -> datetime | None:
        """When the first of them came that was no backfill."""
        return to_time_or_none(
            self.value("select min(fetched_at) from documents where counted = 1 and live = 1")
        )

    def oldest(self) -> int | None:
        """The oldest bucket that one of them counts in, however long before the others."""
        found = self.value("select min(bucket) from counts")
        return None if found is None else int(found)

    def all(self, since: datetime, *, as_live: bool = False) -> Iterator[Arrival]:
        """Those that came at ``since`` or later, or count in its bucket or later, by the time at which they came.

        :param as_live: backfill came live, at its own time.
        """
        return self._read(*_from(since, as_live), as_live)

    def late(self, since: datetime, *, as_live: bool = False) -> Iterator[Arrival]:
        """Those of :meth:`all` that count in a bucket before that of ``since``."""
        sql, given = _from(since, as_live)
        return self._read(f"{sql} and bucket < ?", [*given, bucket_of(since)], as_live)

    def _read(self, where: str, given: Sequence[Any], as_live: bool) -> Iterator[Arrival]:
        cursor = self.store.connection.execute(
            f"select id, {_came(as_live)} came, bucket, max(live, ?) live from documents where {where} "
            "order by came, id",
            [int(as_live), *given],
        )
        while rows := cursor.fetchmany(PART):
            labels = self.store.predictions.labels([row["id"] for row in rows])
            for row in rows:
                yield Arrival(
                    row["id"], to_time(row["came"]), row["bucket"], bool(row["live"]), labels[row["id"]]
                )


def _came(as_live: bool) -> str:
    return "case live when 1 then fetched_at else event_at end" if as_live else "fetched_at"


def _from(since: datetime, as_live: bool) -> tuple[str, list[Any]]:
    return f"counted = 1 and (bucket >= ? or {_came(as_live)} >= ?)", [bucket_of(since), to_text(since)]
