"""Threads: the turns of one conversation, as rules look at them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monitor.store.room import Room, to_text, to_time
from monitor.types import Role, Selection


@dataclass(frozen=True)
class StoredTurn:
    """One text of a thread.

    ``carries``: whether it has every label that was asked for, ``None`` where a task says nothing of
    it (an abstention, a text that waits to be classified).
    """

    id: int
    at: datetime
    role: Role
    live: bool
    carries: bool | None


class Threads(Room):
    """Documents by ``(source, thread)``."""

    def turns(self, source: str, thread: str, labels: Selection) -> list[StoredTurn]:
        """The texts of a thread by time, those that wait included."""
        values = [part for pair in labels.items() for part in pair]
        rows = self.rows(
            "select id, event_at, role, live,"
            f" {_number('l.task = ? and l.label = ?', labels)} carried,"
            f" {_number('l.task = ?', labels)} said"
            " from documents d where thread = ? and source = ? order by event_at, id",
            [*values, *labels, thread, source],
        )
        return [
            StoredTurn(
                row["id"],
                to_time(row["event_at"]),
                row["role"],
                bool(row["live"]),
                row["carried"] == len(labels) if row["said"] == len(labels) else None,
            )
            for row in rows
        ]

    def unanswered(self, labels: Selection, since: datetime, until: datetime) -> list[tuple[str, str]]:
        """``(source, thread)`` where a customer's live text of that time has no agent's after it.

        :param labels: which the customer's text carries; :param until: its latest time.
        """
        carried = (
            " and exists (select 1 from labelled l where l.document_id = d.id and l.task = ? and l.label = ?)"
        )
        rows = self.rows(
            "select distinct source, thread from documents d where event_at >= ? and event_at <= ?"
            f" and role = 'customer' and thread <> '' and live = 1 and counted = 1{carried * len(labels)}"
            " and not exists (select 1 from documents a where a.thread = d.thread and a.source = d.source"
            " and a.role = 'agent' and a.event_at > d.event_at)",
            [to_text(since), to_text(until), *(part for pair in labels.items() for part in pair)],
        )
        return [(row["source"], row["thread"]) for row in rows]


def _number(condition: str, labels: Selection) -> str:
    """How many of ``labels`` a document fulfils ``condition`` for; takes its values for each."""
    each = f"exists (select 1 from labelled l where l.document_id = d.id and {condition})"
    return " + ".join([each] * len(labels)) or "0"
