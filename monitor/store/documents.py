"""Documents: stored once by identity, found again by id, words or time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from monitor.store.carrying import carries
from monitor.store.history import history_since
from monitor.store.identity import choose, names
from monitor.store.room import (
    Room,
    bucket_of,
    marks,
    to_text,
    to_text_or_none,
    to_time,
    to_time_or_none,
)
from monitor.store.searching import searched
from monitor.store.stories import story_of
from monitor.store.threads import OF_THREAD
from monitor.types import Document, Selection, StoredDocument

MAX_EDITS = 24
"""A text that changes more often than this (a clock, an advertisement) is left as it is."""

Added = Literal["new", "edited", "known"]


@dataclass(frozen=True)
class Version:
    """A document as it reads at a time; ``content_hash`` tells with which text.

    ``reread``: it says so because the settings of its source were mended, which is no news.
    """

    document: StoredDocument
    content_hash: str
    reread: bool = False


@dataclass(frozen=True)
class History:
    """Backfill that was classified: how much, of what time, and the id up to which that was counted."""

    count: int
    first: datetime | None
    last: datetime | None
    until: int


class Documents(Room):
    """The texts themselves."""

    def add(self, source: str, document: Document, *, now: datetime, event_at: datetime, live: bool) -> Added:
        """Store a document, or its changed text.

        A known document whose title or text changed is classified again; it keeps its event
        time, so it counts once. ``event_at`` and ``live`` matter for new ones only. Of ``local``
        documents, :mod:`monitor.store.identity` says which is known.
        """
        content = content_hash(document)
        with self.store.transaction() as connection:
            name, row = self._stored(source, document, content)
            if row is None:
                connection.execute(
                    "insert into documents (source, external_id, thread, role, title, text, url, published_at,"
                    " fetched_at, event_at, bucket, live, story, content_hash) "
                    "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [
                        source,
                        name,
                        document.thread,
                        document.role,
                        document.title,
                        document.text,
                        document.url,
                        to_text_or_none(document.published_at),
                        to_text(now),
                        to_text(event_at),
                        bucket_of(event_at),
                        int(live),
                        story_of(document),
                        content,
                    ],
                )
                return "new"
            if row["content_hash"] == content:
                return "known"
            if self._moved(row["id"], document) or row["edits"] >= MAX_EDITS:
                return "known"
            connection.execute(
                "update documents set title = ?, text = ?, url = ?, story = ?, content_hash = ?, "
                "edits = edits + 1, state = 'pending', reread = 0, error = null where id = ?",
                [document.title, document.text, document.url, story_of(document), content, row["id"]],
            )
            return "edited"

    def has(self, source: str, document: Document) -> bool:
        """Whether a source has a document: :meth:`add` would know it, or take it for an edit."""
        return self._stored(source, document, content_hash(document))[1] is not None

    def _stored(self, source: str, document: Document, content: str) -> tuple[str, Any | None]:
        """The id to store a source's document under, and what is stored of it."""
        known = names(document)
        rows = self.rows(
            "select id, external_id, thread, published_at, content_hash, edits from documents "
            f"where source = ? and external_id in ({marks(known)})",
            [source, *known],
        )
        return choose(document, content, {row["external_id"]: row for row in rows})

    def _moved(self, document_id: int, document: Document) -> bool:
        """Note a link that changed alone: it moved to https, or names a session. The hash stays as it was read."""
        row = self.row("select title, text, url from documents where id = ?", [document_id])
        if row is None or (row["title"], row["text"]) != (document.title, document.text):
            return False
        if row["url"] != document.url:
            self.write("update documents set url = ? where id = ?", [document.url, document_id])
        return True

    def pending(self, limit: int) -> list[Version]:
        """What waits to be classified: live documents first, by arrival, then what is read again."""
        rows = self.rows(
            "select * from documents where state = 'pending' order by reread, live desc, id limit ?", [limit]
        )
        return [_version(row) for row in rows]

    def backlog(self) -> bool:
        """Whether backfill waits to be classified, so that what is usual is not known yet."""
        return self.row("select 1 from documents where state = 'pending' and live = 0 limit 1") is not None

    def count(self, state: str | None = None) -> int:
        """How many there are (in ``state``, if given)."""
        if state is None:
            return int(self.value("select count(*) from documents"))
        return int(self.value("select count(*) from documents where state = ?", [state]))

    def classified(self, document_id: int, content: str) -> bool:
        """Mark as classified, unless the text changed meanwhile; says whether it was marked."""
        cursor = self.write(
            "update documents set state = 'classified', error = null where id = ? and content_hash = ?",
            [document_id, content],
        )
        return cursor.rowcount == 1

    def failed(self, document_id: int, error: str) -> None:
        """Set aside a document that cannot be classified, with the reason."""
        self.write("update documents set state = 'failed', error = ? where id = ?", [error, document_id])

    def retry_failed(self) -> int:
        """Let failed documents wait again: what failed them may have been mended."""
        return self.write("update documents set state = 'pending' where state = 'failed'").rowcount

    def get(self, document_id: int) -> StoredDocument | None:
        """One document."""
        row = self.row("select * from documents where id = ?", [document_id])
        return None if row is None else _document(row)

    def many(self, ids: Sequence[int]) -> list[StoredDocument]:
        """Documents by id, in the order of ``ids``; unknown ids are left out."""
        return [version.document for version in self.versions(ids)]

    def versions(self, ids: Sequence[int]) -> list[Version]:
        """Likewise, with the hashes of their texts."""
        found: dict[int, Version] = {}
        for row in self.rows_of("select * from documents where id in ({})", ids):
            found[row["id"]] = _version(row)
        return [found[i] for i in ids if i in found]

    def newest(self, *, live: bool) -> int:
        """The largest id of a classified document, live or backfill; 0 where there is none."""
        newest = "select id from documents where state = 'classified' and live = ? order by id desc limit 1"
        return self.value(newest, [int(live)]) or 0

    def after(self, document_id: int, limit: int, *, live: bool) -> list[StoredDocument]:
        """Classified documents with ids above ``document_id``, live or backfill, by id."""
        rows = self.rows(
            "select * from documents where id > ? and state = 'classified' and live = ? order by id limit ?",
            [document_id, int(live), limit],
        )
        return [_document(row) for row in rows]

    def history(self, after: int = 0) -> History:
        """How much backfill with larger ids was classified, up to the first that still waits: each is read once."""
        until = self.value(
            "select coalesce((select min(id) - 1 from documents where state = 'pending' and live = 0), "
            "(select max(id) from documents), 0)"
        )
        [row] = self.rows(
            "select count(*), min(event_at), max(event_at) from documents "
            "where id > ? and id <= ? and state = 'classified' and live = 0",
            [after, until],
        )
        first, last = (None if at is None else to_time(at) for at in row[1:])
        return History(row[0], first, last, max(after, until))

    def find(
        self,
        *,
        words: str | None = None,
        source: str | None = None,
        labels: Sequence[tuple[str, str]] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        live: bool | None = None,
        thread: str | None = None,
        limit: int | None = 50,
    ) -> list[StoredDocument]:
        """Documents that meet every condition, newest event first.

        :param words: as typed by a person; all must occur in title or text, see :func:`searched`.
        :param labels: ``(task, label)`` pairs that were predicted, abstentions left out; of the task
            ``entity``, what is mentioned.
        """
        where, values = ["1"], list[Any]()
        if words is not None:
            said, typed = searched(words)
            where += said
            values += typed
        if source is not None:
            where.append("+source = ?" if thread else "source = ?")
            values.append(source)
        conditions, carried = carries(labels)
        where += conditions
        values += carried
        if since is not None:
            where.append("event_at >= ?")
            values.append(to_text(since))
        if until is not None:
            where.append("event_at < ?")
            values.append(to_text(until))
        if live is not None:
            where.append("live = ?")
            values.append(int(live))
        if thread is not None:
            where.append(OF_THREAD if thread else "thread = ?")
            values.append(thread)
        # the same order, and that of the index of a source
        by = "bucket desc, event_at desc" if source is not None and not thread else "event_at desc"
        rows = self.rows(
            f"select * from documents where {' and '.join(where)} order by {by}, id desc limit ?",
            [*values, -1 if limit is None else limit],
        )
        return [_document(row) for row in rows]

    def sources_of(self, selection: Selection, share: float) -> list[str]:
        """The sources that each gave at least ``share`` of the newest 500 documents of a selection."""
        carried, values = carries(selection.items())
        rows = self.rows(
            "select source, count(*) n from (select source from documents where "
            f"{' and '.join(['counted = 1', *carried])} order by event_at desc limit 500) group by source",
            values,
        )
        total = sum(row["n"] for row in rows)
        return [row["source"] for row in rows if row["n"] >= share * total]

    def worn(self, source: str) -> int:
        """How many texts of a source were edited so often that further edits are passed over."""
        return int(
            self.value("select count(*) from documents where source = ? and edits >= ?", [source, MAX_EDITS])
        )

    def per_source(self) -> dict[str, int]:
        """Number of documents by source."""
        rows = self.rows("select source, count(*) from documents group by source")
        return {row[0]: row[1] for row in rows}

    def span(self) -> tuple[datetime | None, datetime | None]:
        """The oldest and the newest event time."""
        row = self.row("select (select min(event_at) from documents), (select max(event_at) from documents)")
        assert row is not None
        return to_time_or_none(row[0]), to_time_or_none(row[1])

    def history_from(self) -> int | None:
        """The bucket since which the monitor knows the world: see :func:`history_since`."""
        last = self.value("select max(bucket) from counts")
        if last is None:
            return None
        read = self.store.sources.first_success()
        return history_since(
            int(last),
            None if read is None else bucket_of(read),
            lambda since: int(self.value("select min(bucket) from counts where bucket >= ?", [since])),
        )


def content_hash(document: Document) -> str:
    """Changes when title, text or link do."""
    joined = "\x00".join([document.title, document.text, document.url])
    return hashlib.blake2b(joined.encode(errors="replace"), digest_size=16).hexdigest()


def _version(row: Any) -> Version:
    return Version(_document(row), row["content_hash"], bool(row["reread"]))


def _document(row: Any) -> StoredDocument:
    return StoredDocument(
        id=row["id"],
        source=row["source"],
        external_id=row["external_id"],
        thread=row["thread"],
        role=row["role"],
        title=row["title"],
        text=row["text"],
        url=row["url"],
        published_at=to_time_or_none(row["published_at"]),
        fetched_at=to_time(row["fetched_at"]),
        event_at=to_time(row["event_at"]),
        live=bool(row["live"]),
    )
