"""Which stored document a document is, where the source's ids alone do not say it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.store.room import to_time_or_none
from monitor.types import Document

SPAN = timedelta(hours=6)
"""Two texts with one id in one conversation whose times are farther apart are two: a counter that begins again every
day gives an id at other times of each day, and an edit that comes so late, under a time of its own, is rare."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def names(document: Document) -> list[str]:
    """The ids that the document may be stored under, the likeliest first.

    The first that came with an id has it plain, whatever its conversation: so had all of them in older
    databases, which are thereby known again.
    """
    plain = document.external_id
    if not document.local:
        return [plain]
    found = [plain, f"{plain}@{document.thread}"]
    if document.published_at is not None:
        span = (document.published_at - EPOCH) // SPAN
        found += [f"{found[1]}@{EPOCH + SPAN * near:%Y-%m-%dT%H}" for near in (span, span - 1, span + 1)]
    return found


def choose(document: Document, content: str, rows: Mapping[str, Any]) -> tuple[str, Any | None]:
    """The id to store the document under, and the row that it is a version of (``None``: it is new).

    :param content: the document's hash; :param rows: what is stored under its :func:`names`, by id.
    """
    known = names(document)
    for name in known:
        if name in rows and _same(document, content, rows[name]):
            return name, rows[name]
    free = [name for name in known[:3] if name not in rows]
    return (free[0], None) if free else (known[1], rows[known[1]])


def _same(document: Document, content: str, row: Any) -> bool:
    if not document.local:
        return True
    published = to_time_or_none(row["published_at"])
    if row["thread"] != document.thread:
        # a conversation under a new name, or whose name was not read before: the same words at the same moment
        dated = published is not None or not row["thread"]
        return dated and published == document.published_at and row["content_hash"] == content
    return row["content_hash"] == content or not restarted(published, document.published_at)


def restarted(one: datetime | None, other: datetime | None) -> bool:
    """Whether two texts with one id in one conversation are so far apart that the numbers began again."""
    return one is not None and other is not None and abs(one - other) > SPAN
