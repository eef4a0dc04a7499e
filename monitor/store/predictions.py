"""Predictions, written together with the counts that follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from monitor.store.room import Room, to_text
from monitor.types import ENTITY, READ_BY, Prediction

PART = 500


@dataclass(frozen=True)
class Answer:
    """What a task said of a document, and by which head."""

    predictions: Sequence[Prediction]
    head_id: int


@dataclass(frozen=True)
class Reread:
    """What a task says of a document, read again, and of which text; ``None``: it does not apply to it."""

    document_id: int
    content_hash: str
    answer: Answer | None


class Predictions(Room):
    """Document x task: labels or an abstention."""

    def record(self, document_id: int, answers: Mapping[str, Answer], entities: Sequence[str] = ()) -> None:
        """Replace what is said of a document, and move its counts along: one transaction.

        ``entities``: what its text mentions, counted like labels of the task ``entity``.

        Tasks that ``answers`` does not name lose what they said (they do not apply any more).
        The series that a live document counts in are due to be judged, unless it is only read again.
        """
        with self.store.transaction() as connection:
            document = connection.execute(
                "select bucket, live, counted, reread from documents where id = ?", [document_id]
            ).fetchone()
            if document["counted"]:
                before = self.of([document_id]).get(document_id, {})
                mentioned = self.store.mentions.of([document_id]).get(document_id, [])
                self.store.series.move(
                    _labels(before, mentioned), document["bucket"], bool(document["live"]), -1
                )
                connection.execute("delete from predictions where document_id = ?", [document_id])
            connection.executemany(
                "insert into predictions (document_id, task, label, probability, abstained, head_id) "
                "values (?, ?, ?, ?, ?, ?)",
                [
                    (document_id, task, p.label, p.probability, int(p.abstained), answer.head_id)
                    for task, answer in answers.items()
                    for p in answer.predictions
                ],
            )
            if not document["counted"]:
                connection.execute("update documents set counted = 1 where id = ?", [document_id])
            after = {task: answer.predictions for task, answer in answers.items()}
            self.store.mentions.replace(document_id, entities)
            labels = _labels(after, entities)
            touched = self.store.series.move(labels, document["bucket"], bool(document["live"]), 1)
            if document["live"] and not document["reread"]:
                self.store.series.put_due(touched, document["bucket"])

    def of(self, document_ids: Sequence[int]) -> dict[int, dict[str, list[Prediction]]]:
        """``{document: {task: predictions, most probable first}}``."""
        found: dict[int, dict[str, list[Prediction]]] = {}
        for row in self.rows_of(
            "select * from predictions where document_id in ({}) "
            "order by document_id, task, probability desc, label",
            document_ids,
        ):
            tasks = found.setdefault(row["document_id"], {})
            tasks.setdefault(row["task"], []).append(
                Prediction(row["label"], row["probability"], bool(row["abstained"]))
            )
        return found

    def shown(self, document_ids: Sequence[int]) -> dict[int, dict[str, list[Prediction]]]:
        """What :meth:`of` says, of tasks in use alone."""
        used = self.store.tasks.in_use()
        return {
            id_: {task: found for task, found in said.items() if task in used}
            for id_, said in self.of(document_ids).items()
        }

    def labels(self, document_ids: Sequence[int]) -> dict[int, dict[str, list[str]]]:
        """``{document: {task: labels}}`` without abstentions.

        Of the task ``entity``, what is mentioned; of :data:`READ_BY`, the tasks that read it.
        """
        said = self.of(document_ids)
        named = self.store.mentions.of(document_ids)
        return {id_: _labels(said.get(id_, {}), named.get(id_, ())) for id_ in document_ids}

    def answers(self, task: str, since: datetime, until: datetime) -> list[tuple[int, str | None, int]]:
        """How often ``task`` said what: ``(day, label, number)``, ``None`` for abstentions.

        Days are of 24 hours and are counted from ``since``, by event time; backfill counts as well.
        """
        start = int(since.timestamp())
        rows = self.rows(
            "select (bucket - ?) / 86400 day, case abstained when 0 then label end said, "
            "count(distinct document_id) from documents d join predictions p on p.document_id = d.id "
            "where bucket >= ? and bucket < ? and task = ? group by day, said",
            [start, start, int(until.timestamp()), task],
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def abstained(
        self, task: str, since: datetime, until: datetime, limit: int, *, live: bool = False
    ) -> list[int]:
        """Ids of documents that ``task`` gave no label, newest first, each text once.

        By event time; :param live: without backfill.
        """
        rows = self.rows(
            "select max(d.id) id from documents d where bucket >= ? and bucket < ? and live >= ? "
            "and exists (select 1 from predictions p where p.document_id = d.id and p.task = ?) "
            "and not exists (select 1 from predictions p where p.document_id = d.id and p.task = ? "
            "and p.abstained = 0) group by story order by id desc limit ?",
            [int(since.timestamp()), int(until.timestamp()), int(live), task, task, limit],
        )
        return [row[0] for row in rows]

    def stale(self, task: str, head_id: int, after: int, limit: int) -> list[int]:
        """Counted documents above id ``after`` that ``head_id`` has not read for ``task``, by id."""
        rows = self.rows(
            "select id from documents where counted = 1 and id > ? and not exists (select 1 from predictions p "
            "where p.document_id = documents.id and p.task = ? and p.head_id = ?) order by id limit ?",
            [after, task, head_id, limit],
        )
        return [row[0] for row in rows]

    def certain(self, task: str, document_ids: Sequence[int]) -> set[int]:
        """Those of the documents of which ``task`` left no doubt, as of texts that are examples."""
        sql = "select document_id from predictions where task = ? and probability = 1 and document_id in ({})"
        return {row[0] for row in self.rows_of(sql, document_ids, [task])}

    def swap(
        self, task: str, head_id: int, answers: Iterable[Reread], *, since: datetime | None = None
    ) -> int:
        """Replace what ``task`` says of many documents and move its series along: one transaction.

        It begins when the last of ``answers`` was given: until then they are kept in a temporary
        table, so that nobody waits for them and a process that is killed leaves what was. A document
        whose text changed meanwhile keeps what is said of the new one, and all do where another head was
        put to use meanwhile, which may have read them already. Nothing becomes due to be
        judged: a changed mind is no news. Returns how many documents got other labels.

        :param since: where another head answered a document of this time or later meanwhile, the past is not read yet.
        """
        connection = self.store.connection
        try:
            connection.execute("create temp table reread (id integer primary key, content_hash text)")
            connection.execute(
                "create temp table reread_labels (id integer, label text, probability real, abstained integer, "
                "head_id integer, primary key (id, label)) without rowid"
            )
            given = iter(answers)
            while part := list(islice(given, PART)):
                connection.executemany(
                    "insert into reread values (?, ?)", [(one.document_id, one.content_hash) for one in part]
                )
                connection.executemany(
                    "insert into reread_labels values (?, ?, ?, ?, ?)",
                    [
                        (one.document_id, p.label, p.probability, int(p.abstained), one.answer.head_id)
                        for one in part
                        if one.answer is not None
                        for p in one.answer.predictions
                    ],
                )
            with self.store.transaction():
                return self._swap(task, head_id, since)
        finally:
            # where the disk for them is full, one may be there without the other
            connection.execute("drop table if exists temp.reread")
            connection.execute("drop table if exists temp.reread_labels")

    def _swap(self, task: str, head_id: int, since: datetime | None) -> int:
        if not self.value("select active from heads where id = ?", [head_id]):
            return 0
        self.write(
            "delete from reread where not exists (select 1 from documents d "
            "where d.id = reread.id and d.content_hash = reread.content_hash)"
        )
        self.write("delete from reread_labels where id not in (select id from reread)")
        changed = {
            row[0]
            for row in self.rows(
                "select id from (select document_id id, label from predictions where task = ? and abstained = 0 "
                "and document_id in (select id from reread) "
                "union all select id, label from reread_labels where abstained = 0) "
                "group by id, label having count(*) = 1",
                [task],
            )
        }
        of_task = (
            "select document_id from predictions where task = ? and document_id in (select id from reread)"
        )
        one_side = self.rows(
            f"select * from ({of_task} except select id from reread_labels) union "
            f"select * from (select id from reread_labels except {of_task})",
            [task, task],
        )
        self.store.series.restate(
            task, sorted(changed | {row[0] for row in one_side}), lambda: self._replace(task)
        )
        if since is None or not self._left(task, head_id, since):
            self.store.heads.relabelled(head_id)
        return len(changed)

    def _replace(self, task: str) -> None:
        self.write(
            "delete from predictions where task = ? and document_id in (select id from reread)", [task]
        )
        self.write(
            "insert into predictions (document_id, task, label, probability, abstained, head_id) "
            "select id, ?, label, probability, abstained, head_id from reread_labels",
            [task],
        )

    def _left(self, task: str, head_id: int, since: datetime) -> bool:
        """Whether another head answered a classified document for ``task``."""
        found = self.value(
            "select exists (select 1 from predictions p join documents d on d.id = p.document_id where p.task = ?1 "
            "and (p.head_id < ?2 or p.head_id > ?2) and d.event_at >= ?3 and d.state = 'classified')",
            [task, head_id, to_text(since)],
        )
        return bool(found)


def _labels(
    predictions: Mapping[str, Sequence[Prediction]], entities: Sequence[str] = ()
) -> dict[str, list[str]]:
    labels = {task: sorted(p.label for p in found if not p.abstained) for task, found in predictions.items()}
    labels[ENTITY] = sorted(entities)
    labels[READ_BY] = sorted(predictions)
    return {task: names for task, names in labels.items() if names}
