"""Heads: what adaptation made of a task's seeds, in versions, one of them in use.

Versions are numbered as they are made and never change what they hold. Each knows the one
that was in use before it, which can be put to use again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor.store.room import Room, marks, to_text, to_time

ENOUGH_TO_TELL = 20
"""Left-out seeds; a score of fewer says next to nothing of how good a head is: each counts for 5 % and more."""


def enough_to_tell(seeds: int, judged: int | None) -> bool:
    """Whether a head's score says how good it is. ``judged``: the seeds it rests on; not known of old heads."""
    return (seeds if judged is None else judged) >= ENOUGH_TO_TELL


@dataclass(frozen=True)
class StoredHead:
    """A version of a task's head. ``inputs`` identifies what it was made from (labels,
    descriptions, seeds, encoder); ``seeds`` is how many it saw; ``relabelled``: it has read the past.

    ``depth`` says what it was learned from: ``names`` alone, ``seeds``, or more. ``view`` is what it
    reads of a text. ``log_loss`` and ``accuracy`` are its score on ``judged`` seeds that were left out, ``None``
    where that is not known. ``reason`` says in one sentence how it came about. ``previous`` is the version
    that was in use before it. ``kept_for`` is set where it was put to use again: what the task
    was made from then.
    """

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
    depth: str
    view: str
    log_loss: float | None
    accuracy: float | None
    judged: int | None
    reason: str
    previous: int | None
    kept_for: str | None


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

    def made(self, task: str) -> int:
        """How many versions there are."""
        return int(self.value("select count(*) from heads where task = ?", [task]))

    def add(
        self,
        task: str,
        *,
        inputs: str,
        encoder: str,
        seeds: int,
        data: bytes,
        now: datetime,
        depth: str = "seeds",
        view: str = "base",
        log_loss: float | None = None,
        accuracy: float | None = None,
        judged: int | None = None,
        reason: str = "",
    ) -> StoredHead:
        """Add a version and put it to use."""
        with self.store.transaction() as connection:
            before = self.active(task)
            connection.execute("update heads set active = 0 where task = ?", [task])
            version = 1 + int(
                self.value("select coalesce(max(version), 0) from heads where task = ?", [task])
            )
            values = {
                "task": task,
                "version": version,
                "inputs": inputs,
                "encoder": encoder,
                "seeds": seeds,
                "data": data,
                "active": 1,
                "created_at": to_text(now),
                "depth": depth,
                "view": view,
                "log_loss": log_loss,
                "accuracy": accuracy,
                "judged": judged,
                "reason": reason,
                "previous": None if before is None else before.version,
            }
            connection.execute(
                f"insert into heads ({', '.join(values)}) values ({marks(values)})",
                list(values.values()),
            )
            self._changed()
        return self._need(task)

    def before(self, head: StoredHead) -> StoredHead | None:
        """The version that was in use before ``head``; ``None`` for the first one."""
        row = self.row("select * from heads where task = ? and version = ?", [head.task, head.previous])
        return None if row is None else _head(row)

    def use_again(self, head: StoredHead, *, kept_for: str) -> StoredHead:
        """Put a version to use again in place of the one in use, whose reason says so from now on.

        It is to read the past again. :param kept_for: what the task is made from at this time.
        """
        with self.store.transaction() as connection:
            connection.execute(
                "update heads set active = 0, reason = reason || ? where task = ? and active = 1",
                [f"; reverted to version {head.version}", head.task],
            )
            connection.execute(
                "update heads set active = 1, relabelled = 0, kept_for = ? where id = ?", [kept_for, head.id]
            )
        return self._need(head.task)

    def unread(self) -> list[int]:
        """Ids of the heads in use, of tasks in use, that have not read the past."""
        rows = self.rows(
            "select heads.id from heads join tasks on tasks.name = heads.task "
            "where heads.active = 1 and relabelled < 1 and tasks.active = 1"
        )
        return [row[0] for row in rows]

    def relabelled(self, head_id: int) -> None:
        """The head has read the past. Belongs into the transaction that writes what it said.

        It is to do so once more where texts came meanwhile without it: see :meth:`answered`.
        """
        self.write("update heads set relabelled = min(1, relabelled + 1) where id = ?", [head_id])

    def answered(self, used: Mapping[str, int]) -> None:
        """Say which heads (ids by task) just answered. Belongs into the transaction that writes what they said.

        Where another one was put to use meanwhile and has read the past, it is to read it again: these answers are past
        as well. That counts as a change of what is learned, so that the daemon looks. So is the head of a task that did
        not answer, to be read when it does: it was removed, or has just been added, or its adapter could not be used.
        """
        for task, head_id in used.items():
            overtaken = self.write(
                "update heads set relabelled = 0 where task = ? and active = 1 and id <> ? and relabelled = 1",
                [task, head_id],
            ).rowcount
            if overtaken:
                self._changed()
        self.write(
            "update heads set relabelled = -1 where active = 1 and relabelled >= 0 "
            f"and task not in ({marks(used)})",
            list(used),
        )

    def _changed(self) -> None:
        """Have whoever learns look: a head that another process made is to be taken up."""
        self.write("update revisions set value = value + 1 where name = 'learning'")

    def _need(self, task: str) -> StoredHead:
        found = self.active(task)
        assert found is not None
        return found


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
        relabelled=row["relabelled"] == 1,
        created_at=to_time(row["created_at"]),
        depth=row["depth"],
        view=row["view"],
        log_loss=row["log_loss"],
        accuracy=row["accuracy"],
        judged=row["judged"],
        reason=row["reason"],
        previous=row["previous"],
        kept_for=row["kept_for"],
    )
