"""Heads: what adaptation made of a task's seeds, in versions, one of them in use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor.store.room import Room, to_text, to_time


@dataclass(frozen=True)
class StoredHead:
    """A version of a task's head. ``inputs`` identifies what it was made from (labels,
    descriptions, seeds, encoder); ``seeds`` is how many it saw; ``relabelled``: it has read the past."""

    id: int
    task: str
    version: int
    inputs: str
    encoder: str
    seeds: int
    data: bytes
    active: bool
    relabelled: bool
    created_at: datetime


class Heads(Room):
    """Versions of heads by task."""

    def active(self, task: str) -> StoredHead | None:
        """The head in use."""
        row = self.row("select * from heads where task = ? and active = 1", [task])
        return None if row is None else _head(row)

    def versions(self, task: str) -> list[StoredHead]:
        """All versions, newest first."""
        return [
            _head(row)
            for row in self.rows("select * from heads where task = ? order by version desc", [task])
        ]

    def add(
        self, task: str, *, inputs: str, encoder: str, seeds: int, data: bytes, now: datetime
    ) -> StoredHead:
        """Add a version and put it to use."""
        with self.store.transaction() as connection:
            connection.execute("update heads set active = 0 where task = ?", [task])
            version = 1 + int(
                self.value("select coalesce(max(version), 0) from heads where task = ?", [task])
            )
            connection.execute(
                "insert into heads (task, version, inputs, encoder, seeds, data, active, created_at) "
                "values (?, ?, ?, ?, ?, ?, 1, ?)",
                [task, version, inputs, encoder, seeds, data, to_text(now)],
            )
        found = self.active(task)
        assert found is not None
        return found

    def relabelled(self, head_id: int) -> None:
        """The head has read the past. Belongs into the transaction that writes what it said."""
        self.write("update heads set relabelled = 1 where id = ?", [head_id])


def _head(row: Any) -> StoredHead:
    return StoredHead(
        id=row["id"],
        task=row["task"],
        version=row["version"],
        inputs=row["inputs"],
        encoder=row["encoder"],
        seeds=row["seeds"],
        data=row["data"],
        active=bool(row["active"]),
        relabelled=bool(row["relabelled"]),
        created_at=to_time(row["created_at"]),
    )
