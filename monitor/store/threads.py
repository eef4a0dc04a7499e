"""Threads: the turns of one conversation, as rules look at them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monitor.store.carrying import carries
from monitor.store.room import Room, to_text, to_time
from monitor.types import ENTITY, Role, Selection, StoredDocument

OF_THREAD = "thread = ? and thread <> ''"
"""As the index of threads says. A source has many more texts than a thread: ``+source`` asks for no index of it."""


@dataclass(frozen=True)
class StoredTurn:
    """One text of a thread. ``at``: when it counts; ``came``: when it was fetched.

    ``carries``: whether it has every label that was asked for, ``None`` where a task says nothing of
    it (an abstention, a text that waits to be classified).
    """

    id: int
    at: datetime
    came: datetime
    role: Role
    live: bool
    carries: bool | None


class Threads(Room):
    """Documents by ``(source, thread)``."""

    def turns(self, source: str, thread: str, labels: Selection) -> list[StoredTurn]:
        """The texts of a thread by time, and as they were stored where times are equal; those that wait included."""
        carried, values = carries(labels.items(), "d.id")
        tasks = [task for task in labels if task != ENTITY]  # of mentions, something is said of every text
        said = [
            "exists (select 1 from predictions p where p.document_id = d.id and p.task = ? and p.abstained = 0)"
        ] * len(tasks)
        rows = self.rows(
            f"select id, event_at, fetched_at, role, live, {' + '.join(carried) or 0} carried,"
            f" {' + '.join(['counted', *said])} said"
            f" from documents d where {OF_THREAD} and +source = ? order by event_at, id",
            [*values, *tasks, thread, source],
        )
        return [
            StoredTurn(
                row["id"],
                to_time(row["event_at"]),
                to_time(row["fetched_at"]),
                row["role"],
                bool(row["live"]),
                row["carried"] == len(labels) if row["said"] == 1 + len(tasks) else None,
            )
            for row in rows
        ]

    def before(self, document: StoredDocument) -> StoredDocument | None:
        """The text before ``document`` in its thread, in the order of :meth:`turns`; ``None`` for the first."""
        found = self.value(
            f"select id from documents where {OF_THREAD} and +source = ?"
            " and (event_at, id) < (?, ?) order by event_at desc, id desc limit 1",
            [document.thread, document.source, to_text(document.event_at), document.id],
        )
        return None if found is None else self.store.documents.get(found)

    def all(self) -> list[tuple[str, str]]:
        """``(source, thread)`` of every conversation in which a customer wrote."""
        rows = self.rows(
            "select distinct source, thread from documents where thread <> '' and role = 'customer'"
            " order by source, thread"
        )
        return [(row["source"], row["thread"]) for row in rows]

    def unanswered(self, labels: Selection, since: datetime, until: datetime) -> list[tuple[str, str]]:
        """``(source, thread)`` where a customer's live text of that time has no agent's after it.

        Of two texts of the same time, the one that was stored later is the later one, as in :meth:`turns`. What was
        read again is no news.

        :param labels: which the customer's text carries; :param until: its latest time.
        """
        carried, values = carries(labels.items(), "d.id")
        rows = self.rows(
            "select distinct source, thread from documents d where event_at >= ? and event_at <= ?"
            " and role = 'customer' and thread <> '' and live = 1 and counted = 1 and reread = 0"
            f"{''.join(f' and {condition}' for condition in carried)}"
            " and not exists (select 1 from documents a where a.thread = d.thread and a.thread <> ''"
            " and +a.source = d.source"
            " and a.role = 'agent' and (a.event_at, a.id) > (d.event_at, d.id))",
            [to_text(since), to_text(until), *values],
        )
        return [(row["source"], row["thread"]) for row in rows]
