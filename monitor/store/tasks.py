"""Tasks and their seeds: from the configuration, or added by commands."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from monitor.errors import MonitorError, UnknownName
from monitor.store.room import Room, to_text
from monitor.types import ENTITY, NO_LABEL, Seed, Task, label_twins, legible

Origin = Literal["config", "command"]
SeedOrigin = Literal["adapter", "file", "command"]


@dataclass(frozen=True)
class StoredTask:
    """A task, the adapter that reads documents for it, and who owns it."""

    task: Task
    adapter: str
    settings: Mapping[str, Any]
    origin: Origin
    active: bool


@dataclass(frozen=True)
class StoredSeed:
    """A seed and where it comes from.

    ``among``: the labels that there were when a command said that the text carries none of them.
    """

    id: int
    task: str
    seed: Seed
    origin: SeedOrigin
    document_id: int | None
    among: frozenset[str] | None = None

    def counts_for(self, labels: Collection[str]) -> bool:
        """Whether a task of these labels learns from it: a label that came later may be the text's."""
        if self.seed.label == NO_LABEL:
            return self.among is None or self.among.issuperset(labels)
        return self.seed.label in labels


class Tasks(Room):
    """What to tell apart, and the examples of it."""

    def sync(self, tasks: Iterable[tuple[Task, str, Mapping[str, Any]]], now: datetime) -> None:
        """Make the configuration's tasks those of ``tasks``: ``(task, adapter, settings)`` each.

        A task that left the configuration is put to rest with its predictions; one that a
        command had added under the same name goes over to the configuration, with its seeds.
        """
        with self.store.transaction() as connection:
            wanted = {task.name: _columns(task, adapter, settings) for task, adapter, settings in tasks}
            for name, columns in wanted.items():
                row = connection.execute("select * from tasks where name = ?", [name]).fetchone()
                if row is None:
                    self._insert(name, columns, "config", now)
                elif (
                    any(row[k] != v for k, v in columns.items())
                    or row["origin"] != "config"
                    or not row["active"]
                ):
                    sets = ", ".join(f"{key} = ?" for key in columns)
                    connection.execute(
                        f"update tasks set {sets}, origin = 'config', active = 1 where name = ?",
                        [*columns.values(), name],
                    )
            for row in connection.execute(
                "select name from tasks where origin = 'config' and active = 1"
            ).fetchall():
                if row["name"] not in wanted:
                    connection.execute("update tasks set active = 0 where name = ?", [row["name"]])

    def add(self, task: Task, adapter: str, settings: Mapping[str, Any], now: datetime) -> None:
        """Add a task by command.

        :raises MonitorError: if there is one of that name, saying where it comes from.
        """
        with self.store.transaction():
            known = self.get(task.name)
            if known is not None and known.active:
                where = (
                    "the configuration file: edit it there" if known.origin == "config" else "the database"
                )
                raise MonitorError(f"there is a task {task.name!r} already, in {where}")
            columns = _columns(task, adapter, settings)
            if known is None:
                self._insert(task.name, columns, "command", now)
            else:
                sets = ", ".join(f"{key} = ?" for key in columns)
                self.write(
                    f"update tasks set {sets}, origin = 'command', active = 1 where name = ?",
                    [*columns.values(), task.name],
                )

    def extend(self, name: str, label: str, description: str) -> bool:
        """Give a task that a command added another label; says whether it is new. A description is kept also if not.

        :raises MonitorError: if the configuration owns the task and does not have the label, or the task
            has one that differs only in case.
        """
        with self.store.transaction():
            stored = self.need(name)
            if label in stored.task.labels and (stored.origin == "config" or not description):
                return False
            if label in stored.task.labels:
                self._describe(name, {**stored.task.labels, label: description})
                return False
            if stored.origin == "config":
                raise MonitorError(
                    f"the task {name!r} comes from the configuration file: add the label {label!r} there, beside "
                    "those that it has (which are gone otherwise), and give the command again"
                )
            # an older version let labels in that differ only in case: they do not stand in the way of others
            if twin := next((old for old in stored.task.labels if label_twins([old, label])), None):
                raise MonitorError(
                    f"the task {name!r} has the label {twin!r}, which differs from {label!r} only in case "
                    "or spaces: use that one"
                )
            self._describe(name, {**stored.task.labels, label: description})
            return True

    def _describe(self, name: str, labels: Mapping[str, str]) -> None:
        self.write(
            "update tasks set labels = ? where name = ?", [json.dumps(labels, ensure_ascii=False), name]
        )

    def get(self, name: str) -> StoredTask | None:
        """One task, or ``None``."""
        row = self.row("select * from tasks where name = ?", [name])
        return None if row is None else _task(row)

    def need(self, name: str) -> StoredTask:
        """One task that is in use.

        :raises UnknownName: if there is none; it lists those there are.
        """
        found = self.get(name)
        if found is None or not found.active:
            raise UnknownName("task", name, [t.task.name for t in self.active()])
        return found

    def in_use(self) -> set[str]:
        """What counts and labels may be shown of: tasks in use, and ``entity``.

        What a task said stays when it is removed, for the day it comes back.
        """
        return {row[0] for row in self.rows("select name from tasks where active = 1")} | {ENTITY}

    def active(self) -> list[StoredTask]:
        """The tasks in use, by name."""
        return [_task(row) for row in self.rows("select * from tasks where active = 1 order by name")]

    def retire(self, name: str) -> None:
        """Put a task that a command added to rest.

        :raises MonitorError: if the configuration owns it.
        """
        if self.need(name).origin == "config":
            raise MonitorError(f"the task {name!r} comes from the configuration file: remove it there")
        self.write("update tasks set active = 0 where name = ?", [name])

    # -- seeds -------------------------------------------------------------------------

    def seeds(self, task: str) -> list[StoredSeed]:
        """The seeds of a task whose label it still has, and of no label, oldest first."""
        labels = self.need(task).task.labels
        return [stored for stored in self.all_seeds(task) if stored.counts_for(labels)]

    def all_seeds(self, task: str) -> list[StoredSeed]:
        """Likewise, also of labels that the task had once; empty for a task that nobody knows."""
        return [_seed(row) for row in self.rows("select * from seeds where task = ? order by id", [task])]

    def sync_seeds(self, task: str, seeds: Mapping[SeedOrigin, Sequence[Seed]], now: datetime) -> None:
        """Make the task's seeds of each origin exactly what ``seeds`` has; others stay.

        Nothing is written where nothing changed. A seed of several origins belongs to the first. An adapter's texts
        of no label carry none of the labels that the task has now.
        """
        labels = self.need(task).task.labels
        wanted = {
            origin: {seed: _among(seed, labels if origin == "adapter" else None) for seed in found}
            for origin, found in seeds.items()
        }
        every = {seed for found in wanted.values() for seed in found}
        with self.store.transaction():
            # first what goes, for it may be what another origin still has
            for stored in self.all_seeds(task):
                own = wanted.get(stored.origin)
                gone = own is not None and (stored.seed not in own or own[stored.seed] != stored.among)
                if gone or (stored.seed in every and not stored.counts_for(labels)):
                    self.write("delete from seeds where id = ?", [stored.id])
            for origin, found in wanted.items():
                for seed, among in found.items():
                    self._add_seed(task, seed, origin, now, None, among)

    def add_seeds(
        self,
        task: str,
        seeds: Sequence[Seed],
        now: datetime,
        *,
        document_id: int | None = None,
        among: Collection[str] | None = None,
    ) -> int:
        """Add seeds by command and say how many are new.

        :param among: of what labels texts of no label carry none; those of the task where not given.
        :raises UnknownName: for a label that the task does not have; nothing is added then.
        :raises MonitorError: for an empty text; likewise.
        """
        labels = self.need(task).task.labels
        for seed in seeds:
            if seed.label not in (*labels, NO_LABEL):
                raise UnknownName(f"label of {task!r}", seed.label, (*labels, NO_LABEL))
            if not legible(seed.text):
                raise MonitorError("a seed needs a text")
        with self.store.transaction():
            shown = labels if among is None else among
            return sum(
                self._add_seed(task, seed, "command", now, document_id, _among(seed, shown)) for seed in seeds
            )

    def remove_seed(self, seed_id: int) -> None:
        """Remove a seed that a command added.

        :raises MonitorError: if there is none, or a file or plugin owns it.
        """
        row = self.row("select origin from seeds where id = ?", [seed_id])
        if row is None:
            raise MonitorError(f"there is no seed {seed_id}; `monitor seeds list` shows them")
        if row["origin"] != "command":
            owner = "the seeds file: remove it there" if row["origin"] == "file" else "the task's adapter"
            raise MonitorError(f"seed {seed_id} comes from {owner}")
        self.give_up_seed(seed_id)

    def give_up_seed(self, seed_id: int) -> None:
        """Remove a seed whoever owns it, for another one is to take its place."""
        self.write("delete from seeds where id = ?", [seed_id])

    def restore_seed(self, stored: StoredSeed, now: datetime) -> None:
        """Put a seed that was removed back as it was, also of a label that the task no longer has."""
        self._add_seed(stored.task, stored.seed, stored.origin, now, stored.document_id, stored.among)

    def _add_seed(
        self,
        task: str,
        seed: Seed,
        origin: SeedOrigin,
        now: datetime,
        document_id: int | None,
        among: frozenset[str] | None = None,
    ) -> int:
        said_of = None if among is None else json.dumps(sorted(among), ensure_ascii=False)
        return self.write(
            "insert or ignore into seeds (task, label, text, origin, document_id, created_at, among) "
            "values (?, ?, ?, ?, ?, ?, ?)",
            [task, seed.label, seed.text, origin, document_id, to_text(now), said_of],
        ).rowcount

    def _insert(self, name: str, columns: Mapping[str, Any], origin: Origin, now: datetime) -> None:
        values = {"name": name, **columns, "origin": origin, "created_at": to_text(now)}
        self.write(
            f"insert into tasks ({', '.join(values)}) values ({', '.join('?' * len(values))})",
            list(values.values()),
        )


def _among(seed: Seed, labels: Collection[str] | None) -> frozenset[str] | None:
    return None if labels is None or seed.label != NO_LABEL else frozenset(labels)


def _columns(task: Task, adapter: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "adapter": adapter,
        "family": task.family,
        "multi": int(task.multi),
        "threshold": task.threshold,
        "labels": json.dumps(dict(task.labels), ensure_ascii=False),
        "settings": json.dumps(dict(settings), ensure_ascii=False, default=str),
    }


def _task(row: Any) -> StoredTask:
    task = Task(row["name"], json.loads(row["labels"]), row["family"], bool(row["multi"]), row["threshold"])
    return StoredTask(task, row["adapter"], json.loads(row["settings"]), row["origin"], bool(row["active"]))


def _seed(row: Any) -> StoredSeed:
    among = None if row["among"] is None else frozenset(json.loads(row["among"]))
    seed = Seed(row["text"], row["label"])
    return StoredSeed(row["id"], row["task"], seed, row["origin"], row["document_id"], among)
