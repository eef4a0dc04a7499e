"""Series: counts per bucket for every label, every pair of labels of two tasks, and what each task read.

What a text mentions counts like labels of a task called ``entity``. Derived from predictions and
mentions; :meth:`SeriesCounts.differences` proves it, and any task's series can be rebuilt.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from monitor.store.room import Room
from monitor.types import ENTITY, READ_BY, Selection


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

    def active(self, since: int) -> list[dict[str, str]]:
        """Selections with live documents in buckets from ``since`` on."""
        rows = self.rows(
            "select distinct selection from counts join series on series.id = series_id "
            "where bucket >= ? and live > 0 order by selection",
            [since],
        )
        return [json.loads(row[0]) for row in rows]

    def busy(self, since: int, at_least: float) -> list[dict[str, str]]:
        """Selections with at least so many documents in buckets from ``since`` on."""
        rows = self.rows(
            "select selection from counts join series on series.id = series_id where bucket >= ? "
            "group by series_id having sum(total) >= ? order by selection",
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
        rows = self.rows(
            "select selection, sum(total) n from counts join series on series.id = series_id "
            "where bucket >= ? and bucket < ? group by selection order by n desc, selection",
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

    def rebuild(self, task: str) -> None:
        """Make the series that name ``task`` anew from predictions and mentions: one transaction."""
        with self.store.transaction() as connection:
            true = self._from_predictions(task)
            ids = {row[0]: row[1] for row in self.rows("select selection, id from series")}
            connection.executemany(
                "delete from counts where series_id = ?",
                [
                    (id_,)
                    for text, id_ in ids.items()
                    if task in (selection := json.loads(text)) or selection == {READ_BY: task}
                ],
            )
            for text in {text for text, _ in true} - ids.keys():
                ids[text] = self._id(text)
            connection.executemany(
                "insert into counts values (?, ?, ?, ?)",
                [(ids[text], bucket, *count) for (text, bucket), count in true.items()],
            )

    def differences(self) -> list[str]:
        """Where stored counts and predictions disagree, a line each; empty when all is well."""
        stored = {
            (row[0], row[1]): (row[2], row[3])
            for row in self.rows(
                "select selection, bucket, total, live from counts join series on series.id = series_id"
            )
        }
        true = self._from_predictions(None)
        return [
            f"series {text} at {bucket}: stored {stored.get((text, bucket))}, "
            f"counted {true.get((text, bucket))}"
            for text, bucket in sorted(stored.keys() | true.keys())
            if stored.get((text, bucket)) != true.get((text, bucket))
        ]

    def _from_predictions(self, task: str | None) -> dict[tuple[str, int], tuple[int, int]]:
        """``{(selection, bucket): (total, live)}`` of the series that name ``task`` (``None``: all)."""
        sql = "select '', '', '', '', bucket, count(*), sum(live) from documents where counted = 1 group by bucket"
        rows = self.rows(sql) if task is None else []
        rows += self.rows(
            "select p.task, p.label, '', '', bucket, count(*), sum(live) from predictions p "
            "join documents d on d.id = p.document_id where p.abstained = 0 and counted = 1 "
            "and (?1 is null or p.task = ?1) group by p.task, p.label, bucket",
            [task],
        )
        rows += self.rows(
            "select p.task, p.label, q.task, q.label, bucket, count(*), sum(live) from predictions p "
            "join predictions q on q.document_id = p.document_id and q.task > p.task and q.abstained = 0 "
            "join documents d on d.id = p.document_id where p.abstained = 0 and counted = 1 "
            "and (?1 is null or ?1 in (p.task, q.task)) group by p.task, p.label, q.task, q.label, bucket",
            [task],
        )
        rows += self.rows(
            "select ?2, task, '', '', bucket, count(*), sum(live) from "
            "(select distinct task, document_id from predictions where ?1 is null or task = ?1) "
            "join documents d on d.id = document_id where counted = 1 group by task, bucket",
            [task, READ_BY],
        )
        if task in (None, ENTITY):
            rows += self.rows(
                "select ?1, entity, '', '', bucket, count(*), sum(live) from mentions m "
                "join documents d on d.id = m.document_id where counted = 1 group by entity, bucket",
                [ENTITY],
            )
        rows += self.rows(
            "select ?2, entity, p.task, p.label, bucket, count(*), sum(live) from mentions m "
            "join predictions p on p.document_id = m.document_id and p.abstained = 0 "
            "join documents d on d.id = m.document_id where counted = 1 "
            "and (?1 is null or ?1 in (?2, p.task)) group by entity, p.task, p.label, bucket",
            [task, ENTITY],
        )
        texts: dict[tuple[str, ...], str] = {}
        found: dict[tuple[str, int], tuple[int, int]] = {}
        for *pairs, bucket, total, live in rows:
            key = tuple(pairs)
            if key not in texts:
                one, label, other, second = key
                texts[key] = selection_text({k: v for k, v in ((one, label), (other, second)) if k})
            found[texts[key], bucket] = (total, live)
        return found

    def _id(self, text: str) -> int:
        connection = self.store.connection
        row = connection.execute("select id from series where selection = ?", [text]).fetchone()
        if row is None:
            connection.execute("insert into series (selection) values (?)", [text])
            row = connection.execute("select id from series where selection = ?", [text]).fetchone()
        return int(row[0])
