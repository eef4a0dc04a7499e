"""What an alert is held against: counts by column and earlier texts. Every read is bounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.store.room import Room, marks
from monitor.store.series import selection_text
from monitor.types import ENTITY, Selection

EXCERPT = 400
"""Characters of a text that are read where only its words matter."""
LOOKED_AT = 1500
"""At most so many documents of one label are looked at for those that have a second one."""


@dataclass(frozen=True)
class Excerpt:
    """The beginning of a text, the story it tells, and its id."""

    story: str
    text: str
    id: int


class Background(Room):
    """Sums and samples of what is stored."""

    def knows(self, selection: Selection) -> bool:
        """Whether the selection is a series that was ever counted."""
        found = self.value("select 1 from series where selection = ?", [selection_text(selection)])
        return found is not None

    def columns(self, selection: Selection, start: int, step: int, number: int) -> list[int]:
        """Documents of a series in ``number`` columns of ``step`` seconds from ``start`` on."""
        found = [0] * number
        rows = self.rows(
            "select (bucket - ?1) / ?2 place, sum(total) from counts join series on series.id = series_id "
            "where selection = ?3 and bucket >= ?1 and bucket < ?4 group by place",
            [start, step, selection_text(selection), start + number * step],
        )
        for place, count in rows:
            found[place] = count
        return found

    def sum(self, selection: Selection, since: int, until: int, *, live: bool = False) -> int:
        """Documents of a series in ``[since, until)``, or the live ones among them."""
        which = "live" if live else "total"
        return int(
            self.value(
                f"select coalesce(sum({which}), 0) from counts join series on series.id = series_id "
                "where selection = ? and bucket >= ? and bucket < ?",
                [selection_text(selection), since, until],
            )
        )

    def stories(self, document_ids: Sequence[int]) -> dict[int, str]:
        """The story of each document, by id."""
        found: dict[int, str] = {}
        for row in self.rows_of("select id, story from documents where id in ({})", document_ids):
            found[row[0]] = row[1]
        return found

    def of_sources(self, document_id: int, sources: Sequence[str], limit: int) -> list[Excerpt]:
        """Excerpts of documents with smaller ids, the newest first, from these sources."""
        rows = self.rows(
            f"select story, substr(title || '. ' || text, 1, {EXCERPT}), id from "
            "(select * from documents where id < ? order by id desc limit ?) "
            f"where source in ({marks(sources)}) order by id desc limit ?",
            [document_id, LOOKED_AT, *sources, limit],
        )
        return [Excerpt(*row) for row in rows]

    def before(self, document_id: int, labels: Selection, limit: int) -> list[Excerpt]:
        """Excerpts of documents with smaller ids, the newest first, those that have all ``labels``."""
        if not labels:
            rows = self.rows(
                f"select story, substr(title || '. ' || text, 1, {EXCERPT}), id from documents "
                "where id < ? order by id desc limit ?",
                [document_id, limit],
            )
            return [Excerpt(*row) for row in rows]
        first, *others = (_carrying(task, label) for task, label in labels.items())
        also = "".join(
            f" and exists (select 1 from ({sql}) q where q.document_id = p.document_id)" for sql, _ in others
        )
        rows = self.rows(
            f"select story, substr(title || '. ' || text, 1, {EXCERPT}), d.id from (select * from ({first[0]}) "
            "where document_id < ? order by document_id desc limit ?) p "
            f"join documents d on d.id = p.document_id where 1{also} order by d.id desc limit ?",
            [*first[1], document_id, LOOKED_AT, *(value for _, values in others for value in values), limit],
        )
        return [Excerpt(*row) for row in rows]


def _carrying(task: str, label: str) -> tuple[str, list[str]]:
    """A query for the ids of the documents that carry a label, or mention an entity."""
    if task == ENTITY:
        return "select document_id from mentions where entity = ?", [label]
    return "select document_id from predictions where task = ? and label = ? and abstained = 0", [task, label]
