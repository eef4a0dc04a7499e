"""News feeds: RSS 0.9x, 1.0 and 2.0, Atom, JSON Feed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, SecretStr, field_validator

from monitor import hookimpl
from monitor.errors import SourceError
from monitor.http import USER_AGENT, OutgoingError, Response, basic_auth, client, fetch, redact, retry_after
from monitor.interfaces import Settings, Source
from monitor.types import BadRecord, Batch, Document
from monitor_plugins._feed_entries import Entry, NotAFeed, parse, plain_link

if TYPE_CHECKING:
    import httpx

BATCH = 200


class RssSettings(Settings):
    """Which feed, and how it is asked for."""

    url: str = Field(description="an http:// or https:// address")
    allow_private: bool = Field(False, description="the address may be on a private network, or this machine")
    timeout: float = Field(30.0, gt=0, le=600, description="seconds for the whole request")
    max_bytes: int = Field(15 * 2**20, ge=1024, description="a larger feed (decompressed) is refused")
    ignore_cache: bool = Field(False, description="ask for the whole feed each time: its ETag is wrong")
    user_agent: str = USER_AGENT
    headers: dict[str, str] = Field(default_factory=dict, description="sent along", repr=False)
    username: str = ""
    password: SecretStr = SecretStr("")

    @field_validator("url")
    @classmethod
    def _http(cls, url: str) -> str:
        if not url.lower().startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return url


class Rss(Source):
    """A feed, fetched with the validators of the last answer (RFC 9110, 13.1).

    The cursor holds them, with the URL that they belong to, and ``shared``: GUIDs that the feed
    gives to several entries, each with the mark of the entry that keeps the bare GUID.
    """

    name = "rss"
    Settings = RssSettings

    def __init__(self, settings: Any, base: Path) -> None:
        super().__init__(settings, base)
        self._client: httpx.Client | None = None

    def fetch(self, cursor: Mapping[str, Any], now: datetime) -> Iterator[Batch]:
        known = cursor if cursor.get("url") == self.settings.url else {}
        answer = self._ask(known, now)
        if answer.status == 304:
            yield Batch(cursor=cursor)
            return
        try:
            parsed = parse(answer.content, answer.headers.get("content-type", ""), answer.url)
        except NotAFeed as error:
            raise SourceError(f"{self.describe()}: {error}") from error
        shared = shared_guids(parsed.entries, known.get("shared", {}))
        bad = [BadRecord(reason, place, raw) for place, reason, raw in parsed.faults]
        documents = []
        for entry in reversed(parsed.entries):  # feeds begin with the newest
            if entry.title or entry.text:
                documents.append(to_document(entry, shared))
            else:
                bad.append(BadRecord("has neither title nor text", entry.place, entry.raw))
        before = {**known, "url": self.settings.url, "shared": shared}
        after = {
            "url": self.settings.url,
            "shared": shared,
            "etag": answer.headers.get("etag", ""),
            "modified": answer.headers.get("last-modified", ""),
        }
        parts = [documents[n : n + BATCH] for n in range(0, len(documents), BATCH)] or [[]]
        for number, part in enumerate(parts, 1):
            # Only the last batch has the new validators: a crash before it asks for all again.
            last = number == len(parts)
            yield Batch(tuple(part), tuple(bad) if last else (), after if last else before)

    def describe(self) -> str:
        return redact(self.settings.url)

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
        if not settings.ignore_cache:
            if known.get("etag"):
                headers["If-None-Match"] = known["etag"]
            if known.get("modified"):
                headers["If-Modified-Since"] = known["modified"]
        try:
            answer = fetch(
                self._client,
                settings.url,
                headers=headers,
                limit_bytes=settings.max_bytes,
                deadline_s=settings.timeout,
            )
        except OutgoingError as error:
            raise SourceError(str(error)) from error
        if not answer.ok and answer.status != 304:
            raise SourceError(
                f"{self.describe()} answered {answer.status}{_MEANING.get(answer.status, '')}",
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


def shared_guids(entries: Sequence[Entry], known: Mapping[str, str]) -> dict[str, str]:
    """GUIDs that several entries have, each with the mark of the one that keeps the bare GUID.

    What was decided before stays, as long as the GUID is in the feed, so that an entry's identity
    does not depend on which others are still there. A newly shared GUID stays with the oldest of
    its entries (feeds begin with the newest), which is the one that was seen before.
    """
    marks: dict[str, list[str]] = {}
    for entry in entries:
        if entry.guid and mark(entry) not in marks.setdefault(entry.guid, []):
            marks[entry.guid].append(mark(entry))
    several = Counter({guid: len(found) for guid, found in marks.items()})
    return {
        guid: known.get(guid, found[-1])
        for guid, found in marks.items()
        if several[guid] > 1 or guid in known
    }


def mark(entry: Entry) -> str:
    """Tells entries of one GUID apart: by link and title."""
    return _digest(plain_link(entry.link), entry.title)


def identity(entry: Entry, shared: Mapping[str, str]) -> str:
    """GUID, else link, else a hash of the content; a shared GUID with the entry's mark."""
    if entry.guid:
        bare = shared.get(entry.guid, mark(entry)) == mark(entry)
        return entry.guid if bare else f"{entry.guid}#{mark(entry)}"
    return plain_link(entry.link) or _digest(entry.title, entry.text)


def to_document(entry: Entry, shared: Mapping[str, str]) -> Document:
    """An entry as a document."""
    return Document(
        external_id=identity(entry, shared),
        text=entry.text,
        title=entry.title,
        url=entry.link,
        role="publisher",
        published_at=entry.published_at,
    )


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\x00".join(parts).encode(errors="replace"), digest_size=12).hexdigest()


@hookimpl
def register_sources() -> list[type[Source]]:
    return [Rss]
