"""Entries of a feed, from the bytes of any format, in one plain shape."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

MAX_CHARACTERS = 100_000
"""A longer text is cut: no classifier reads so far."""

_TIME_OF_DAY = re.compile(r"\d{1,2}:\d{2}|\dT\d{2}")
_BLOCKS = ["p", "div", "br", "li", "tr", "td", "th", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre",
           "section", "article", "figcaption", "dt", "dd", "hr"]  # fmt: skip
_UNREAD = ["script", "style", "noscript", "template", "iframe", "object", "svg", "head"]


class NotAFeed(ValueError):
    """The bytes are no feed; the message says what they are instead."""


@dataclass(frozen=True)
class Entry:
    """One entry, as the feed has it: ``place`` in the file, texts without markup."""

    place: str
    guid: str
    link: str
    title: str
    text: str
    published_at: datetime | None
    raw: str = ""


@dataclass
class Parsed:
    """What a feed holds. ``faults``: places and reasons of what could not be read."""

    entries: list[Entry] = field(default_factory=list)
    faults: list[tuple[str, str, str]] = field(default_factory=list)


def parse(content: bytes, content_type: str, url: str) -> Parsed:
    """Entries in the order of the file.

    RSS 0.9x, 1.0 and 2.0 and Atom are read by feedparser, which mends what can be mended; JSON
    Feed (jsonfeed.org, versions 1 and 1.1) is read here.

    :raises NotAFeed: for anything else.
    """
    start = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start == b"{" or (start == b"" and not content.strip()):
        return _parse_json(content, url)
    return _parse_xml(content, content_type, url)


def to_text(html: str) -> str:
    """The words of a piece of HTML: blocks on lines of their own, scripts and styles left out.

    >>> to_text("<p>Fish &amp; chips</p><p>are <b>back</b></p>")
    'Fish & chips\\nare back'
    """
    if "<" not in html and "&" not in html:
        return tidy(html)
    import warnings

    from bs4 import BeautifulSoup, MarkupResemblesLocatorWarning

    with warnings.catch_warnings():
        # a title that looks like a path is a title all the same
        warnings.simplefilter("ignore", MarkupResemblesLocatorWarning)
        soup = BeautifulSoup(html, "html.parser")
    for element in soup.find_all(_UNREAD):
        element.decompose()
    for element in soup.find_all(_BLOCKS):
        element.insert_before("\n")
        element.insert_after("\n")
    return tidy(soup.get_text())


def tidy(text: str) -> str:
    """One blank between words, no empty lines, no control characters."""
    clean = "".join(
        c if c.isprintable() or c in "\n\t" or ord(c) > 0x9F else " " for c in text[: 4 * MAX_CHARACTERS]
    )
    lines = (" ".join(line.split()) for line in clean.splitlines())
    return "\n".join(line for line in lines if line)[:MAX_CHARACTERS]


def plain_link(link: str) -> str:
    """A link without what changes from reader to reader: fragment and ``utm_`` parameters."""
    try:
        parts = urlsplit(link)
        query = urlencode(
            [(k, v) for k, v in parse_qsl(parts.query, True) if not k.lower().startswith("utm_")]
        )
    except ValueError:
        return link
    return urlunsplit(
        parts._replace(query=query if "utm_" in parts.query.lower() else parts.query, fragment="")
    )


def has_time(text: str) -> bool:
    """Whether a date as written says a time of day; one that does not must not count at midnight."""
    return _TIME_OF_DAY.search(text) is not None


def _parse_xml(content: bytes, content_type: str, url: str) -> Parsed:
    import feedparser

    headers = {"content-type": content_type or "application/xml", "content-location": url}
    feed = feedparser.parse(io.BytesIO(content), response_headers=headers, sanitize_html=False)
    if not feed.entries and not feed.version:
        raise NotAFeed(_what_instead(content, url))
    parsed = Parsed()
    problem = feed.get("bozo_exception") if feed.bozo else None
    if problem is not None and not _harmless(problem):
        reason = " ".join(str(problem).split())
        parsed.faults.append(("feed", f"the XML is broken, and was read as far as it goes: {reason}", ""))
    for number, entry in enumerate(feed.entries, 1):
        place = f"entry {number}"
        try:
            parsed.entries.append(_xml_entry(place, entry, url))
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
            parsed.faults.append((place, f"cannot be read: {type(error).__name__}: {error}", _raw(entry)))
    return parsed


def _xml_entry(place: str, entry: Mapping[str, Any], url: str) -> Entry:
    contents = [str(part.get("value") or "") for part in entry.get("content") or ()]
    html = max([*contents, str(entry.get("summary") or "")], key=len)
    link = str(entry.get("link") or "")
    published = None
    for name in ("published", "updated", "created"):
        # feedparser answers `published` with `updated` where there is none; ask the plain dict
        written, moment = dict.get(entry, name), dict.get(entry, f"{name}_parsed")  # type: ignore[arg-type]
        if moment is not None and isinstance(written, str):
            published = datetime(*moment[:6], tzinfo=UTC) if has_time(written) else None
            break
    return Entry(
        place=place,
        guid=str(entry.get("id") or "").strip(),
        link=_absolute(url, link),
        title=" ".join(to_text(str(entry.get("title") or "")).split()),
        text=to_text(html),
        published_at=published,
        raw=_raw(entry),
    )


def _parse_json(content: bytes, url: str) -> Parsed:
    if not content.strip():
        raise NotAFeed("the answer is empty")
    try:
        feed = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise NotAFeed(f"the JSON is broken: {error}") from error
    items = feed.get("items") if isinstance(feed, dict) else None
    if not isinstance(items, list) or "jsonfeed.org/version" not in str(feed.get("version")):
        raise NotAFeed("is JSON, but not a JSON Feed")
    parsed = Parsed()
    for number, item in enumerate(items, 1):
        place = f"entry {number}"
        if not isinstance(item, dict):
            parsed.faults.append((place, "is not an object", str(item)))
            continue
        parsed.entries.append(_json_entry(place, item, url))
    return parsed


def _json_entry(place: str, item: Mapping[str, Any], url: str) -> Entry:
    plain = item.get("content_text")
    text = tidy(str(plain)) if plain else to_text(str(item.get("content_html") or item.get("summary") or ""))
    written = str(item.get("date_published") or item.get("date_modified") or "")
    guid = item.get("id")
    return Entry(
        place=place,
        guid="" if guid is None else str(guid).strip(),
        link=_absolute(url, str(item.get("url") or item.get("external_url") or "")),
        title=" ".join(tidy(str(item.get("title") or "")).split()),
        text=text,
        published_at=_iso(written),
        raw=_raw(item),
    )


def _iso(written: str) -> datetime | None:
    if not has_time(written):
        return None
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _absolute(url: str, link: str) -> str:
    try:
        return urljoin(url, link.strip()) if link.strip() else ""
    except ValueError:
        return link.strip()


def _harmless(problem: BaseException) -> bool:
    # the server's header and the document disagree about type or encoding, and one was right
    return type(problem).__name__ in {"NonXMLContentType", "CharacterEncodingOverride"}


def _what_instead(content: bytes, url: str) -> str:
    if b"\0" in content[:1000] and not content[:4].startswith((b"\xff\xfe", b"\xfe\xff", b"\0<", b"<\0")):
        return "is binary, not a feed"
    head = content[:200_000]
    if re.search(rb"(?i)<html|<!doctype html", head):
        found = re.search(
            rb"""(?i)<link[^>]+type=["']?application/(?:rss|atom|feed)\+(?:xml|json)["'][^>]*>""", head
        )
        href = re.search(rb"""(?i)href=["']?([^"'\s>]+)""", found.group(0)) if found else None
        if href:
            return f"is HTML, not a feed; it names this feed: {_absolute(url, href.group(1).decode(errors='replace'))}"
        return "is HTML, not a feed"
    return "is not a feed"


def _raw(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, default=str, ensure_ascii=False)[:1000]
