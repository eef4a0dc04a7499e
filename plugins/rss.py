"""News feeds: RSS 0.9x, 1.0 and 2.0, Atom, JSON Feed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, SecretStr, field_validator

from monitor import hookimpl
from monitor.errors import SourceError
from monitor.http import USER_AGENT, OutgoingError, Response, basic_auth, client, fetch, redact, retry_after
from monitor.http_settings import HttpSettings, sendable
from monitor.interfaces import Source
from monitor.types import BadRecord, Batch, Document
from monitor_plugins._feed_dates import is_today
from monitor_plugins._feed_entries import Entry, NotAFeed, parse
from monitor_plugins._feed_identity import hold, identify
from monitor_plugins._feed_recall import recall, remember

if TYPE_CHECKING:
    import httpx

BATCH = 200
MAX_FAULTS = 1000
LASTING = (401, 404, 410)
"""Statuses that pass only when somebody mends something; 403 is often a guard's mood, and does pass."""


class RssSettings(HttpSettings):
    """Which feed, and how it is asked for."""

    timeout: float = Field(30.0, gt=0, le=600, description="seconds for the whole request")
    max_bytes: int = Field(15 * 2**20, ge=1024, description="a larger feed (decompressed) is refused")
    ignore_cache: bool = Field(False, description="ask for the whole feed each time: its ETag is wrong")
    user_agent: str = USER_AGENT
    username: str = ""
    password: SecretStr = SecretStr("")

    @field_validator("user_agent")
    @classmethod
    def _sayable(cls, user_agent: str) -> str:
        if not sendable(user_agent):
            raise ValueError("has characters that a header cannot have (only plain ASCII can be sent)")
        return user_agent


class Rss(Source):
    """A feed, fetched with the validators of the last answer (RFC 9110, 13.1).

    The cursor holds them with a digest of the URL that they belong to (which may have secrets in it),
    ``owners`` and ``holders`` (which entry goes by which GUID), ``seen`` (the entries of the last
    answer, to know them under other GUIDs), ``faults``: what was bad last time, so that it is
    not told again each time, and ``cut``: the last answer ended in the middle (``first``: so did the first).
    """

    name = "rss"
    Settings = RssSettings
    rereads = False  # no setting changes what an entry says, and a feed has its newest alone

    def __init__(self, settings: Any, base: Path) -> None:
        super().__init__(settings, base)
        self._client: httpx.Client | None = None

    def fetch(self, cursor: Mapping[str, Any], now: datetime) -> Iterator[Batch]:
        cursor, feed = _without_url(cursor), _digest(self.settings.url)
        known = cursor if cursor.get("feed") == feed else {}
        answer = self._ask(known, now)
        if answer.status == 304:
            yield Batch(cursor=cursor)
            return
        try:
            # a link like "#one" continues the feed's own address, and is shown to people
            parsed = parse(answer.content, answer.headers.get("content-type", ""), redact(answer.url))
        except NotAFeed as error:
            raise SourceError(f"{self.describe()}: {error}") from error
        holders = cursor.get("holders", {})
        seen = cursor.get("seen", {})
        read = parsed.entries[: len(parsed.entries) - parsed.half]
        named, owners = identify(read, cursor.get("owners", {}), holders)
        entries = recall(named, seen)
        names = {
            "owners": owners,
            "holders": hold(named.values(), owners) or holders,
            "seen": remember(named, entries) or seen,
        }
        faults = {_mark(fault): fault for fault in parsed.faults[:MAX_FAULTS]}
        told = cursor.get("faults", ())
        bad = [fault for mark, fault in faults.items() if mark not in told]
        days = all(entry.midnight for entry in entries.values() if entry.published_at is not None)
        documents = [
            to_document(identity, entry, today=days and entry.midnight and _is_today(entry, now))
            for identity, entry in entries.items()
        ]
        before = {**known, "feed": feed, **names, "faults": list(told)}
        after: dict[str, Any] = {
            "feed": feed,
            **names,
            "faults": list(faults),
        }
        if parsed.whole:
            after["etag"] = _validator(answer.headers.get("etag", ""))
            after["modified"] = _validator(answer.headers.get("last-modified", ""))
        else:  # with these the rest would never be asked for
            after["cut"] = "later" if known else "first"
        parts = [documents[n : n + BATCH] for n in range(0, len(documents), BATCH)] or [[]]
        for number, part in enumerate(parts, 1):
            # Only the last batch has the new validators: a crash before it asks for all again.
            last = number == len(parts)
            yield Batch(tuple(part), tuple(bad) if last else (), after if last else before)

    def continues(self, cursor: Mapping[str, Any]) -> bool:
        feed = _without_url(cursor).get("feed")
        # what follows a first answer that ended in the middle was there before as well
        return feed in (None, _digest(self.settings.url)) and cursor.get("cut") != "first"

    def describe(self) -> str:
        return redact(self.settings.url)

    def notes(self, cursor: Mapping[str, Any]) -> list[str]:
        """Whether the feed ended in the middle when it was last read."""
        cut = "the feed ended in the middle when it was last read; all of it is asked for again each time"
        return [cut] * bool(cursor.get("cut"))

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _ask(self, known: Mapping[str, Any], now: datetime) -> Response:
        settings = self.settings
        if self._client is None:
            self._client = client(
                allow_private=settings.allow_private,
                timeout=min(settings.timeout, 20.0),
                user_agent=settings.user_agent,
            )
        headers = {
            "Accept": "application/atom+xml, application/rss+xml, application/feed+json, "
            "application/xml;q=0.9, application/json;q=0.9, */*;q=0.5",
            **settings.headers,
        }
        if settings.username:
            headers["Authorization"] = basic_auth(settings.username, settings.password.get_secret_value())
        validators = {"If-None-Match": known.get("etag"), "If-Modified-Since": known.get("modified")}
        if not settings.ignore_cache:
            headers.update({name: value for name, value in validators.items() if value})
        try:
            answer = fetch(
                self._client,
                settings.url,
                headers=headers,
                limit_bytes=settings.max_bytes,
                deadline_s=settings.timeout,
            )
        except OutgoingError as error:
            raise SourceError(" ".join(str(error).split()), permanent=error.permanent) from error
        if answer.status == 304 and not headers.keys() & validators.keys():
            raise SourceError(
                f"{self.describe()} answered 304 (not modified), but was asked for all there is"
            )
        if not answer.ok and answer.status != 304:
            raise SourceError(
                f"{self.describe()} answered {answer.status}{_MEANING.get(answer.status, '')}",
                permanent=answer.status in LASTING,
                retry_after=retry_after(answer.headers, now),
            )
        return answer


_MEANING = {
    401: ": it asks for a username and password",
    403: ": it does not let us in",
    404: ": there is no feed there (any more)",
    410: ": the feed is gone for good; remove the source",
    429: ": it is asked too often",
}


def to_document(identity: str, entry: Entry, *, today: bool = False) -> Document:
    """An entry as a document.

    :param today: its date says a day alone, which is not over: it counts when it is read.
    """
    return Document(
        external_id=identity,
        text=entry.text,
        title=entry.title,
        url=entry.url,
        role="publisher",
        published_at=None if today else entry.published_at,
    )


def _is_today(entry: Entry, now: datetime) -> bool:
    return entry.published_at is not None and is_today(entry.published_at, now)


def _mark(fault: BadRecord) -> str:
    """Tells faults apart, wherever in the feed they are."""
    raw = "" if fault.place == "feed" else fault.raw
    return _digest(f"{fault.reason}\0{raw}")


def _without_url(cursor: Mapping[str, Any]) -> Mapping[str, Any]:
    """The cursor, also where an earlier version wrote it, which kept the URL as it is."""
    if "url" not in cursor:
        return cursor
    rest = {name: value for name, value in cursor.items() if name != "url"}
    return {**rest, "feed": _digest(str(cursor["url"]))}


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _validator(value: str) -> str:
    """A validator as it may be sent back; a header that may not is as good as none."""
    return value if value.isascii() and value.isprintable() and len(value) <= 1000 else ""


@hookimpl
def register_sources() -> list[type[Source]]:
    return [Rss]
