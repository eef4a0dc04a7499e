"""Digests: which were sent, and the sums that they are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from monitor.store.room import Room, to_text, to_time


@dataclass(frozen=True)
class Fit:
    """Of ``texts`` that a task applies to, ``without`` fit none of its labels."""

    texts: int
    without: int


class Digests(Room):
    """What is remembered of digests, by name."""

    def until(self, name: str) -> datetime | None:
        """The end of the last period that is done with."""
        text = self.value("select until from digests where name = ?", [name])
        return None if text is None else to_time(text)

    def done(self, name: str, until: datetime) -> None:
        """The period that ends at ``until`` is done with."""
        self.write(
            "insert into digests (name, until) values (?, ?) on conflict(name) do update set until = excluded.until",
            [name, to_text(until)],
        )

    def per_source(self, since: datetime, until: datetime) -> dict[str, int]:
        """Texts of a time by source."""
        rows = self.rows(
            "select source, count(*) from documents where event_at >= ? and event_at < ? group by source",
            [to_text(since), to_text(until)],
        )
        return {row[0]: row[1] for row in rows}

    def fits(self, since: datetime, until: datetime) -> Mapping[str, Fit]:
        """By task in use, how many texts of a time fit none of its labels."""
        rows = self.rows(
            "select task, count(*), sum(fits = 0) from (select task, document_id, max(1 - abstained) fits "
            "from documents d join predictions p on p.document_id = d.id "
            "where event_at >= ? and event_at < ? and task in (select name from tasks where active = 1) "
            "group by task, document_id) group by task",
            [to_text(since), to_text(until)],
        )
        return {row[0]: Fit(row[1], row[2]) for row in rows}
