"""Documents that are read again because the settings of their source were mended: the same ones, as they read now.

Also those that were imported, and are read by the source that the import was like.
"""

from __future__ import annotations

from typing import Any, Literal

from monitor.event_time import event_time
from monitor.store.documents import content_hash
from monitor.store.identity import choose, names
from monitor.store.room import Room, bucket_of, marks, to_text, to_text_or_none, to_time
from monitor.store.store import Store
from monitor.store.stories import story_of
from monitor.types import Document

_CARRIED = ("thread", "role", "title", "text", "url", "published_at")


class Rereading(Room):
    """One reading of what a source gave before; it remembers which documents it has met.

    What changes is classified again, and counts at the time that it says now. Nothing becomes live or history by
    it, and nothing that is read again is due to be judged: it is no news.
    """

    def __init__(self, store: Store, source: str) -> None:
        super().__init__(store)
        self.source = source
        self._last = int(self.value("select coalesce(max(id), 0) from documents"))
        self._seen: set[int] = set()
        self._moved: dict[str, int] = {}  # whose names others took before they were met, by that name

    def update(self, document: Document) -> Literal["edited", "known"] | None:
        """Let the stored document say what the record says now; ``None`` where none is stored.

        A record is the document that it was with earlier settings (``before``: that id with that text), else the one
        that its own id names.
        """
        with self.store.transaction():
            row = (
                self._earlier(document)
                or choose(document, content_hash(document), self._stored(names(document)))[1]
            )
            if row is None:
                return None
            self._seen.add(row["id"])
            name = self._name(document, row)
            changed = self._new(document, row)
            if not changed:
                if name != row["external_id"]:
                    self.write("update documents set external_id = ? where id = ?", [name, row["id"]])
                return "known"
            if row["counted"] and changed["bucket"] != row["bucket"]:
                self._count_at(row, changed["bucket"])
            self.write(
                f"update documents set external_id = ?, {', '.join(f'{key} = ?' for key in changed)}, error = null, "
                "reread = case state when 'pending' then reread else 1 end, state = 'pending' where id = ?",
                [name, *changed.values(), row["id"]],
            )
            return "edited"

    def take_over(self, other: str, document: Document) -> None:
        """Let what another source has of a document be this one's, as if it had been read here first."""
        content, known = content_hash(document), names(document)
        row = choose(document, content, self._stored(known, other))[1]
        if row is None:
            return
        name, own = choose(document, content, self._stored(known))
        if own is None:
            self._seen.add(row["id"])
            self.write(
                "update documents set source = ?, external_id = ? where id = ?",
                [self.source, name, row["id"]],
            )

    def missed(self) -> int:
        """How many documents of the source that were stored before it began were not met."""
        stored = self.value(
            "select count(*) from documents where source = ? and id <= ?", [self.source, self._last]
        )
        return int(stored) - sum(id_ <= self._last for id_ in self._seen)

    def _stored(self, known: list[str], source: str | None = None) -> dict[str, Any]:
        """What is stored under these names, of this source or another."""
        rows = self.rows(
            f"select * from documents where source = ? and external_id in ({marks(known)})",
            [source or self.source, *known],
        )
        return {row["external_id"]: row for row in rows}

    def _stored_before(self, known: list[str]) -> dict[str, Any]:
        """What was stored under these names when this began."""
        moved = {name: self._moved[name] for name in known if name in self._moved}
        found = {name: self.row("select * from documents where id = ?", [id_]) for name, id_ in moved.items()}
        return self._stored(known) | found

    def _earlier(self, document: Document) -> Any | None:
        new = content_hash(document)
        for before in document.before or ():
            old = content_hash(before)
            row = choose(before, old, self._stored_before(names(before)))[1]
            # with today's text where a reading that was cut off came as far as this
            if row is not None and row["id"] not in self._seen and row["content_hash"] in (old, new):
                return row
        return None

    def _name(self, document: Document, row: Any) -> str:
        """The id that the document is stored under from now on: its present one, or the first that is free."""
        known = names(document)
        if row["external_id"] in known:
            return str(row["external_id"])
        rows = self._stored(known)
        free = [name for name in known[:3] if name not in rows]
        if free:
            return free[0]
        holder = rows[known[0]]
        if holder["id"] in self._seen:
            return str(row["external_id"])  # two texts have become one id: each stays what it was
        self._moved[known[0]] = holder["id"]
        self.write(
            "update documents set external_id = ? where id = ?", [f"{known[0]}@{holder['id']}", holder["id"]]
        )
        return known[0]

    def _new(self, document: Document, row: Any) -> dict[str, Any]:
        """The columns as they are from now on; none where the record says what is stored."""
        found = {name: getattr(document, name) for name in _CARRIED}
        found["published_at"] = to_text_or_none(document.published_at)
        if all(found[name] == row[name] for name in _CARRIED):
            return {}
        at = to_time(row["event_at"])
        if found["published_at"] != row["published_at"]:
            at, _ = event_time(document.published_at, to_time(row["fetched_at"]), 0, first_fetch=True)
        return {
            **found,
            "event_at": to_text(at),
            "bucket": bucket_of(at),
            "story": story_of(document),
            "content_hash": content_hash(document),
        }

    def _count_at(self, row: Any, bucket: int) -> None:
        labels, live = self.store.predictions.labels([row["id"]])[row["id"]], bool(row["live"])
        self.store.series.move(labels, row["bucket"], live, -1)
        self.store.series.move(labels, bucket, live, 1)
