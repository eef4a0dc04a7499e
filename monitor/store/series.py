"""Series: counts per bucket for every label, every pair of labels of two tasks, and what each task read.

What a text mentions counts like labels of a task called ``entity``. Derived from predictions and
mentions; :mod:`monitor.store.recount` proves it, and makes them anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from monitor.store.room import Room
from monitor.types import ENTITY, READ_BY, Selection

SMALL = 20
"""One in so many counts may be looked up one by one."""


@dataclass(frozen=True)
class Count:
    """Documents of one bucket; ``live`` of them may raise alerts, the others are backfill."""

    bucket: int
    total: int
    live: int


def selection_text(selection: Selection) -> str:
    """A selection as it is stored: canonical JSON."""
    return json.dumps(dict(selection), sort_keys=True, ensure_ascii=False)


def selections(labels: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """Every selection that a document with these labels (by task) counts in.

    All documents, each label, and each pair of labels of two tasks. The tasks that read it, where they are
    given as labels of :data:`READ_BY`, make no pairs.
    """
    yield {}
    for task in labels:
        for label in labels[task]:
            yield {task: label}
    for one, other in combinations(sorted(labels.keys() - {READ_BY}), 2):
        for label in labels[one]:
            for second in labels[other]:
                yield {one: label, other: second}


def _labels_of(key: str, name: str) -> tuple[str, list[str]]:
    """A join of ``moving`` with the labels of ``key`` that its documents carry, called ``name``, and its values."""
    # in this order: each document's labels are looked up, whatever SQLite thinks of the tables' sizes
    if key == ENTITY:
        return (
            f"cross join (select document_id, entity label from mentions) {name} on {name}.document_id = moving.id",
            [],
        )
    of_task = "select document_id, label from predictions where task = ? and abstained = 0"
    return f"cross join ({of_task}) {name} on {name}.document_id = moving.id", [key]


def wholes(selection: Selection) -> list[Selection]:
    """What the texts of a selection are a part of: all texts, and what each of its tasks read."""
    return [{}, *({READ_BY: task} for task in selection if task != ENTITY)]


class SeriesCounts(Room):
    """Counts by selection and bucket."""

    def move(self, labels: Mapping[str, Sequence[str]], bucket: int, live: bool, by: int) -> set[str]:
        """Add (``by = 1``) or take away (``-1``) one document; returns the selections that rules may watch of those.

        :param labels: by task, and the tasks that read it as those of :data:`READ_BY`.
        """
        touched = {selection_text(s): READ_BY not in s for s in selections(labels)}
        with self.store.transaction() as connection:
            for text in touched:
                connection.execute(
                    "insert into counts (series_id, bucket, total, live) values (?, ?, ?, ?) on conflict "
                    "do update set total = total + excluded.total, live = live + excluded.live",
                    [self._id(text), bucket, by, by * live],
                )
            if by < 0:
                connection.execute("delete from counts where bucket = ? and total = 0", [bucket])
        return {text for text, watched in touched.items() if watched}

    def due(self) -> dict[str, list[int]]:
        """``{selection text: buckets}`` that got live documents and were not judged since."""
        found: dict[str, list[int]] = {}
        for row in self.rows("select selection, bucket from due_judgements order by selection, bucket"):
            found.setdefault(row[0], []).append(row[1])
        return found

    def put_due(self, selections: Iterable[str], bucket: int) -> None:
        """Have series judged again at ``bucket``."""
        self.write_many(
            "insert or ignore into due_judgements values (?, ?)", [(s, bucket) for s in selections]
        )

    def clear_due(self) -> None:
        """All that was due has been judged."""
        self.write("delete from due_judgements")

    def all(self) -> list[dict[str, str]]:
        """Every selection that was ever counted."""
        return [json.loads(row[0]) for row in self.rows("select selection from series order by selection")]

    def busy(self, since: int, at_least: float) -> list[dict[str, str]]:
        """Selections with at least so many documents in buckets from ``since`` on."""
        bucket = "bucket" if self._is_short(since) else "+bucket"
        rows = self.rows(
            f"select selection from counts join series on series.id = series_id where {bucket} >= ? "
            "group by +series_id having sum(total) >= ? order by selection",
            [since, at_least],
        )
        return [json.loads(row[0]) for row in rows]

    def counts(self, selection: Selection, since: int = 0, until: int | None = None) -> list[Count]:
        """Non-empty buckets of one series in ``[since, until)``, by time."""
        rows = self.rows(
            "select bucket, total, live from counts join series on series.id = series_id "
            "where selection = ? and bucket >= ? and bucket < ? order by bucket",
            [selection_text(selection), since, 2**62 if until is None else until],
        )
        return [Count(*row) for row in rows]

    def totals(self, since: int = 0, until: int | None = None) -> list[tuple[dict[str, str], int]]:
        """Number of documents by selection in ``[since, until)``, most first, of tasks in use."""
        used = self.store.tasks.in_use()
        # of a large part of the past, one walk along all counts is faster than to look each of them up
        bucket = "bucket" if self._is_short(since) else "+bucket"
        rows = self.rows(
            f"select selection, n from (select series_id, sum(total) n from counts where {bucket} >= ?1 and "
            f"{bucket} < ?2 group by series_id) join series on series.id = series_id order by n desc, selection",
            [since, 2**62 if until is None else until],
        )
        found = [(json.loads(row[0]), row[1]) for row in rows]
        return [(selection, total) for selection, total in found if selection.keys() <= used]

    def whole_of(self, selection: Selection, since: int) -> Selection:
        """The texts that could have been a series': the fewest of :func:`wholes` from bucket ``since`` on.

        What its tasks never read, such as news where they read chats, says nothing of it.
        """
        found = wholes(selection)
        return found[0] if len(found) == 1 else min(found, key=lambda whole: self._size(whole, since))

    def _size(self, selection: Selection, since: int) -> int:
        sql = (
            "select coalesce(sum(total), 0) from counts where bucket >= ? "
            "and series_id = (select id from series where selection = ?)"
        )
        return int(self.value(sql, [since, selection_text(selection)]))

    def _is_short(self, since: int) -> bool:
        """Whether what counts from ``since`` on is a small part of all that was counted."""
        oldest, newest = (
            self.value("select min(bucket) from counts"),
            self.value("select max(bucket) from counts"),
        )
        return oldest is None or newest - since < (newest - oldest) / SMALL

    def restate(self, key: str, document_ids: Sequence[int], change: Callable[[], None]) -> None:
        """Let ``change`` rewrite what is said of documents, and move the series along that name ``key``.

        One transaction. Nothing becomes due to be judged: a changed mind is no news.

        :param key: a task, or ``entity``.
        """
        with self.store.transaction() as connection:
            connection.execute(
                "create temp table moving (id integer primary key, bucket integer, live integer)"
            )
            connection.execute(
                "create temp table moved "
                "(key text, label text, other text, bucket integer, total integer, live integer)"
            )
            try:
                connection.execute(
                    "insert into moving select id, bucket, live from documents where counted = 1 "
                    "and id in (select value from json_each(?))",
                    [json.dumps(list(document_ids))],
                )
                self._note(key, -1)
                change()
                self._note(key, 1)
                self._follow(key)
            finally:
                connection.execute("drop table if exists moving")
                connection.execute("drop table if exists moved")

    def _note(self, key: str, by: int) -> None:
        """Add what the ``moving`` documents count in series that name ``key`` to ``moved``, or take it away (-1)."""
        own, own_values = _labels_of(key, "p")
        counted = "bucket, ? * count(*), ? * sum(live) from moving"
        self.write(
            f"insert into moved select '', p.label, '', {counted} {own} group by p.label, bucket",
            [by, by, *own_values],
        )
        if key != ENTITY:
            self.write(
                f"insert into moved select ?, ?, '', {counted} where exists "
                "(select 1 from predictions where document_id = moving.id and task = ?) group by bucket",
                [READ_BY, key, by, by, key],
            )
        tasks = [row[0] for row in self.rows("select name from tasks")]
        for other in {*tasks, ENTITY} - {key}:
            second, second_values = _labels_of(other, "q")
            self.write(
                f"insert into moved select ?, p.label, q.label, {counted} {own} {second} "
                "group by p.label, q.label, bucket",
                [other, by, by, *own_values, *second_values],
            )

    def _follow(self, key: str) -> None:
        """Move the counts by what is in ``moved``."""
        connection = self.store.connection
        connection.execute(
            "create temp table places (key text, label text, other text, series_id integer, "
            "primary key (key, label, other)) without rowid"
        )
        try:
            for of, label, other in self.rows("select distinct key, label, other from moved"):
                selection = {READ_BY: label} if of == READ_BY else {key: label, **({of: other} if of else {})}
                connection.execute(
                    "insert into places values (?, ?, ?, ?)",
                    [of, label, other, self._id(selection_text(selection))],
                )
            connection.execute(
                "insert into counts (series_id, bucket, total, live) "
                "select series_id, bucket, sum(total) n, sum(live) m from moved join places using (key, label, other) "
                "group by series_id, bucket having n <> 0 or m <> 0 on conflict "
                "do update set total = total + excluded.total, live = live + excluded.live"
            )
            connection.execute(
                "delete from counts where total = 0 and series_id in (select series_id from places)"
            )
        finally:
            connection.execute("drop table if exists places")

    def put(self, text: str, bucket: int, total: int, live: int) -> None:
        """Set one count of the series with this :func:`selection_text`."""
        self.write("insert or replace into counts values (?, ?, ?, ?)", [self._id(text), bucket, total, live])

    def _id(self, text: str) -> int:
        connection = self.store.connection
        row = connection.execute("select id from series where selection = ?", [text]).fetchone()
        if row is None:
            connection.execute("insert into series (selection) values (?)", [text])
            row = connection.execute("select id from series where selection = ?", [text]).fetchone()
        return int(row[0])
