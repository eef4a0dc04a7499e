"""What a source yields, checked at the door: what could not be stored, or stops others later on, does not come in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar, get_args

from monitor.errors import SourceError
from monitor.event_time import meant
from monitor.types import BadRecord, Batch, Document, Role, whole

ROLES: tuple[str, ...] = get_args(Role)

T = TypeVar("T")


def accepted(batch: object) -> Batch:
    """The batch as it is stored: a document that breaks the contract is among the bad records, with its reason.

    Halves of characters are replaced, so that one emoji that was cut in two does not block a source.

    :raises SourceError: the batch as a whole breaks the contract; the message says how.
    """
    if not isinstance(batch, Batch):
        raise SourceError(f"the plugin yielded {_kind(batch)} instead of a Batch")
    bad = [_record(record) for record in _items("bad", batch.bad, BadRecord)]
    documents = []
    for document in _items("documents", batch.documents, Document):
        if reason := fault(document):
            place = f"document {whole(str(document.external_id))[:100]!r}"
            bad.append(BadRecord(reason, place, _text(document.text)))
        else:
            documents.append(_document(document))
    return Batch(tuple(documents), tuple(bad), _cursor(batch.cursor))


def fault(document: Document) -> str | None:
    """What is wrong with a document (see :class:`monitor.types.Document`), if anything is."""
    for name in ("external_id", "text", "title", "url", "thread"):
        if not isinstance(value := getattr(document, name), str):
            return f"{name} must be a text, not {_kind(value)}"
    if not document.external_id.strip():
        return "has no external_id"
    if not document.text.strip() and not document.title.strip():
        return "has neither a text nor a title"
    if document.role not in ROLES:
        return f"has the unknown role {document.role!r}; known: {', '.join(ROLES)}"
    time: object = document.published_at
    if time is not None and not isinstance(time, datetime):
        return f"published_at must be a datetime or None, not {_kind(time)}"
    if time is not None and time.utcoffset() is None:
        return "published_at does not know its time zone"
    return None


def _document(document: Document) -> Document:
    return Document(
        # what tells documents and conversations apart must still do so
        external_id=_escaped(document.external_id),
        thread=_escaped(document.thread),
        text=whole(document.text),
        title=whole(document.title),
        url=whole(document.url),
        role=document.role,
        published_at=_time(document.published_at),
        local=bool(document.local),
        before=None
        if document.before is None
        else tuple(_document(one) for one in document.before if not fault(one)),
    )


def _escaped(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()


def _time(time: datetime | None) -> datetime | None:
    try:
        return None if time is None else meant(time.astimezone(UTC))
    except OverflowError:  # the first hours of the year 1, or the last ones of the year 9999
        return None


def _record(record: BadRecord) -> BadRecord:
    reason = _text(record.reason) or "the plugin does not say why"
    return BadRecord(reason, _text(record.place), _text(record.raw))


def _text(value: object) -> str:
    return "" if value is None else whole(value if isinstance(value, str) else repr(value))


def _items(name: str, found: object, kind: type[T]) -> list[T]:
    if not isinstance(found, Iterable):
        raise SourceError(
            f"{name} of the plugin's batch must hold {kind.__name__} objects, not be {_kind(found)}"
        )
    items = list(found)
    for item in items:
        if not isinstance(item, kind):
            raise SourceError(
                f"{name} of the plugin's batch must hold {kind.__name__} objects, not {_kind(item)}"
            )
    return items


def _cursor(cursor: object) -> dict[str, Any]:
    if not isinstance(cursor, Mapping):
        raise SourceError(f"the plugin's cursor must be a mapping, not {_kind(cursor)}")
    try:
        json.dumps(found := dict(cursor), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise SourceError(f"the plugin's cursor cannot be written as JSON: {error}") from error
    for key in found:
        if not isinstance(key, str):
            raise SourceError(f"the plugin's cursor must have texts as keys, as JSON has, not {key!r}")
    return found


def _kind(value: object) -> str:
    return "None" if value is None else type(value).__name__
