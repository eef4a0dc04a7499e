"""Which entities a document mentions; they are counted as labels of the task ``entity``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from monitor.store.room import Room
from monitor.types import ENTITY

PART = 500


@dataclass(frozen=True)
class Mentioning:
    """What was found in a text, and in which (``content_hash``)."""

    document_id: int
    content_hash: str
    entities: Sequence[str]


class Mentioned(Room):
    """Document x entity, and the lists of aliases that they were found with."""

    def of(self, document_ids: Sequence[int]) -> dict[int, list[str]]:
        """Entities by document, those without any left out."""
        found: dict[int, list[str]] = {}
        for row in self.rows_of(
            "select * from mentions where document_id in ({}) order by document_id, entity", document_ids
        ):
            found.setdefault(row["document_id"], []).append(row["entity"])
        return found

    def lists(self) -> dict[str, list[str]]:
        """The aliases by entity that the stored mentions were found with."""
        return {row[0]: json.loads(row[1]) for row in self.rows("select name, aliases from entities")}

    def texts(self, after: int, limit: int) -> list[tuple[int, str, str, str]]:
        """``(id, content hash, title, text)`` of counted documents above id ``after``, by id."""
        rows = self.rows(
            "select id, content_hash, title, text from documents where counted = 1 and id > ? order by id limit ?",
            [after, limit],
        )
        return [tuple(row) for row in rows]

    def swap(self, lists: Mapping[str, Sequence[str]], found: Iterable[Mentioning]) -> int:
        """Replace what documents mention and move the series of entities along: one transaction.

        It begins when the last of ``found`` was given. A document whose text changed meanwhile keeps what was found
        in the new one. Nothing becomes due to be judged. Returns how many documents mention something.
        """
        connection = self.store.connection
        connection.execute("create temp table searched (id integer primary key, content_hash text)")
        connection.execute(
            "create temp table named (id integer, entity text, primary key (id, entity)) without rowid"
        )
        try:
            given = iter(found)
            while part := list(islice(given, PART)):
                connection.executemany(
                    "insert into searched values (?, ?)",
                    [(one.document_id, one.content_hash) for one in part],
                )
                connection.executemany(
                    "insert into named values (?, ?)",
                    [(one.document_id, entity) for one in part for entity in one.entities],
                )
            with self.store.transaction():
                return self._swap(lists)
        finally:
            connection.execute("drop table searched")
            connection.execute("drop table named")

    def _swap(self, lists: Mapping[str, Sequence[str]]) -> int:
        self.write(
            "delete from searched where not exists (select 1 from documents d "
            "where d.id = searched.id and d.content_hash = searched.content_hash)"
        )
        self.write("delete from named where id not in (select id from searched)")
        before = "select document_id id, entity from mentions where document_id in (select id from searched)"
        changed = self.rows(
            f"select distinct id from (select * from ({before} except select id, entity from named) "
            f"union all select * from (select id, entity from named except {before}))"
        )
        self.write("create temp table differing as select 0 id where 0")
        try:
            self.write_many("insert into differing values (?)", [(row[0],) for row in changed])
            self.store.series.restate(ENTITY, [row[0] for row in changed], self._replace_differing)
        finally:
            self.write("drop table if exists differing")
        self.write("delete from entities")
        self.write_many(
            "insert into entities values (?, ?)",
            [(name, json.dumps(list(aliases), ensure_ascii=False)) for name, aliases in lists.items()],
        )
        return int(self.value("select count(distinct id) from named"))

    def _replace_differing(self) -> None:
        self.write("delete from mentions where document_id in (select id from differing)")
        self.write("insert into mentions select id, entity from named where id in (select id from differing)")

    def replace(self, document_id: int, entities: Iterable[str]) -> None:
        """Write down what a document mentions; counts are the caller's."""
        self.write("delete from mentions where document_id = ?", [document_id])
        self.write_many("insert into mentions values (?, ?)", [(document_id, name) for name in entities])
