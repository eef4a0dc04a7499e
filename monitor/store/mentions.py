"""Which entities a document mentions; they are counted as labels of the task ``entity``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitor.store.room import Room, marks
from monitor.types import ENTITY


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
        for start in range(0, len(document_ids), 500):
            part = list(document_ids[start : start + 500])
            for row in self.rows(
                f"select * from mentions where document_id in ({marks(part)}) order by document_id, entity",
                part,
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

    def swap(self, lists: Mapping[str, Sequence[str]], found: Iterable[Mentioning]) -> None:
        """Replace what documents mention and rebuild the series of entities: one transaction.

        A document whose text changed meanwhile keeps what was found in the new one. Nothing
        becomes due to be judged.
        """
        with self.store.transaction() as connection:
            for one in found:
                stands = connection.execute(
                    "select 1 from documents where id = ? and content_hash = ?",
                    [one.document_id, one.content_hash],
                ).fetchone()
                if stands is not None:
                    self.replace(one.document_id, one.entities)
            connection.execute("delete from entities")
            connection.executemany(
                "insert into entities values (?, ?)",
                [(name, json.dumps(list(aliases), ensure_ascii=False)) for name, aliases in lists.items()],
            )
            self.store.series.rebuild(ENTITY)

    def replace(self, document_id: int, entities: Iterable[str]) -> None:
        """Write down what a document mentions; counts are the caller's."""
        self.write("delete from mentions where document_id = ?", [document_id])
        self.write_many("insert into mentions values (?, ?)", [(document_id, name) for name in entities])
