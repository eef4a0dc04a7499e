"""Entries of a feed, from the bytes of any format, in one plain shape."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import struct_time
from typing import Any
from urllib.parse import urljoin, urlsplit

from monitor.types import BadRecord
from monitor_plugins._feed_bytes import EntityBomb, body_of, decode
from monitor_plugins._feed_dates import at_midnight, of_json, of_xml
from monitor_plugins._feed_text import one_line, plain_to_text, tidy, to_text

MAX_ENTRIES = 20_000
"""More are not read: the largest archives that are published whole have a few thousand."""

_ROOT = re.compile(r"<([A-Za-z_][\w.:-]*)")
_FEED_ROOTS = {"rss", "rdf", "feed", "channel"}  # the last is CDF's
_MARKUP = {"text/html", "application/xhtml+xml", "application/xml", "text/xml"}
_LONG_WORD = 60
_RAW_CHARACTERS = 1000
_DATES = ("published", "updated", "created", "expired", "date_")


class NotAFeed(ValueError):
    """The bytes are no feed; the message says in one line what they are instead."""


@dataclass(frozen=True)
class Entry:
    """One entry: texts without markup, ``guid`` and ``link`` as written, ``url`` absolute (or empty).

    ``midnight``: so its date is written.
    """

    guid: str
    link: str
    url: str
    title: str
    text: str
    published_at: datetime | None
    midnight: bool = False


@dataclass
class Parsed:
    """What a feed holds, in the order of the file, and what could not be read of it.

    ``whole``: the file was read to its end; otherwise more is to come. ``half``: so it is of the last of
    the entries, which may lack what it is known by.
    """

    entries: list[Entry] = field(default_factory=list)
    faults: list[BadRecord] = field(default_factory=list)
    whole: bool = True
    half: bool = False


def parse(content: bytes, content_type: str, url: str) -> Parsed:
    """The entries of a feed.

    RSS 0.9x, 1.0 and 2.0, Atom and CDF are read by feedparser, which mends what can be mended; JSON
    Feed (jsonfeed.org, versions 1 and 1.1) is read here.

    :param url: where it came from, for relative links.
    :raises NotAFeed: for anything else.
    """
    if not content.strip():
        raise NotAFeed("the answer is empty")
    text, note = decode(content, content_type)
    parsed = Parsed()
    if note:
        parsed.faults.append(BadRecord(note, "feed"))
    if text.lstrip("\ufeff \t\r\n").startswith("{"):
        _read_json(parsed, text.lstrip("\ufeff"), url)
    else:
        _read_xml(parsed, text, url)
    return parsed


def _read_xml(parsed: Parsed, text: str, url: str) -> None:
    from monitor_plugins._feed_xml import read

    try:
        body = body_of(text)
        root = _ROOT.match(body)
        name = root.group(1).lower().rpartition(":")[2] if root else ""
        if name == "html" or not root:
            raise NotAFeed(_what_instead(text, name, url))
        feed = read(body)
    except EntityBomb as error:
        raise NotAFeed(str(error)) from error
    except NotAFeed:
        raise
    except Exception as error:  # the parser's own faults, which strangers' bytes find
        raise NotAFeed(f"cannot be parsed ({type(error).__name__}: {one_line(str(error))[:200]})") from error
    if not feed.entries and not feed.version and name not in _FEED_ROOTS:
        raise NotAFeed(_what_instead(text, name, url))
    parsed.whole = feed.whole
    if feed.problem:
        reason = "the XML is broken, and was read as far as it goes"
        parsed.faults.append(BadRecord(reason, "feed", one_line(feed.problem)))
    for number, entry in enumerate(_bounded(parsed, feed.entries), 1):
        made = _xml_entry(entry, url)
        if not (feed.half and number == len(feed.entries)):
            _add(parsed, made, f"entry {number}", entry)
        elif made.title or made.text:
            parsed.entries.append(made)
            parsed.half = True


def _xml_entry(entry: dict[str, Any], url: str) -> Entry:
    parts = [entry.get("summary_detail") or {"value": entry.get("summary")}, *(entry.get("content") or ())]
    texts = [_typed(part.get("value"), part.get("type")) for part in parts if isinstance(part, Mapping)]
    title = entry.get("title_detail")
    kind = title.get("type") if isinstance(title, Mapping) else None  # an element may be called so
    guid, link = _word(entry.get("id")), _word(entry.get("link"))
    published, written = _published(entry)
    return Entry(
        guid=guid,
        link=link,
        # feedparser takes a GUID for a link where there is no other, and most are none
        url=_absolute(url, link) if link != guid or _is_http(link) else "",
        title=one_line(_typed(entry.get("title"), kind)),
        text=max(texts, key=len, default=""),
        published_at=published,
        midnight=at_midnight(written),
    )


def _typed(value: Any, kind: Any) -> str:
    """The words of an element's content, by its type; of pictures and the like, none."""
    text, kind = str(value or ""), str(kind or "text/html").partition(";")[0].strip().lower()
    if kind in _MARKUP or kind.endswith("+xml"):
        return to_text(text)
    if (
        "/" in kind
        and not kind.startswith("text/")
        and len(max(text.split(), key=len, default="")) > _LONG_WORD
    ):
        return ""  # base64, or something like it
    return plain_to_text(text)


def _published(entry: dict[str, Any]) -> tuple[datetime | None, str]:
    """When, and how that is written."""
    for name in ("published", "updated", "created"):
        # feedparser answers `published` with `updated` where there is none; ask the plain dict
        written, moment = dict.get(entry, name), dict.get(entry, f"{name}_parsed")
        # an element may happen to be called `published_parsed`
        if not isinstance(moment, struct_time) or not isinstance(written, str):
            continue
        if (at := of_xml(written, moment)) is not None:
            return at, written
    return None, ""


def _read_json(parsed: Parsed, text: str, url: str) -> None:
    try:
        feed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotAFeed(f"the JSON is broken: {one_line(str(error))[:200]}") from error
    if "jsonfeed.org/version" not in str(feed.get("version")):
        raise NotAFeed("is JSON, but not a JSON Feed")
    items = feed.get("items") or []
    if not isinstance(items, list):
        raise NotAFeed("is a JSON Feed whose items are not a list")
    for number, item in enumerate(_bounded(parsed, items), 1):
        place = f"entry {number}"
        if isinstance(item, dict):
            _add(parsed, _json_entry(item, url), place, item)
        else:
            parsed.faults.append(BadRecord("is not an object", place, _raw(item)))


def _json_entry(item: Mapping[str, Any], url: str) -> Entry:
    texts = [
        tidy(_scalar(item.get("content_text"))),
        to_text(_scalar(item.get("content_html"))),
        tidy(_scalar(item.get("summary"))),
    ]
    link = _word(item.get("url")) or _word(item.get("external_url"))
    written = (_scalar(item.get(name)) for name in ("date_published", "date_modified"))
    dates = ((moment, at_midnight(date)) for date in written if (moment := of_json(date)) is not None)
    published, midnight = next(dates, (None, False))
    return Entry(
        guid=_word(item.get("id")),
        link=link,
        url=_absolute(url, link),
        title=one_line(plain_to_text(_scalar(item.get("title")))),
        text=max(texts, key=len),
        published_at=published,
        midnight=midnight,
    )


def _bounded(parsed: Parsed, entries: Sequence[Any]) -> Sequence[Any]:
    if len(entries) > MAX_ENTRIES:
        reason = f"has {len(entries)} entries; the first {MAX_ENTRIES} were read"
        parsed.faults.append(BadRecord(reason, "feed"))
    return entries[:MAX_ENTRIES]


def _add(parsed: Parsed, entry: Entry, place: str, raw: Any) -> None:
    if entry.title or entry.text:
        parsed.entries.append(entry)
    else:
        parsed.faults.append(BadRecord("has neither title nor text", place, _raw(raw)))


def _scalar(value: Any) -> str:
    """A text, or a number as one; nothing else is a text."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _word(value: Any) -> str:
    return one_line(_scalar(value))


def _is_http(link: str) -> bool:
    return link.lower().startswith(("http://", "https://"))


def _absolute(url: str, link: str) -> str:
    """The link as an http address, or ``""``: others are not safe to put where people click."""
    try:
        found = urljoin(url, link) if link else ""
        return found if _is_http(found) and urlsplit(found).hostname else ""
    except ValueError:
        return ""


def _what_instead(text: str, root: str, url: str) -> str:
    head = text[:200_000]
    if "\0" in head[:1000] or head[:1000].count("\ufffd") > 20:
        return "is binary, not a feed"
    if root == "html" or re.search(r"(?i)<html|<!doctype html", head):
        for tag in re.findall(r"(?i)<link\b[^<>]*>", head):
            href = re.search(r"""(?i)\bhref\s*=\s*["']?([^"'\s>]+)""", tag)
            if href and re.search(r"(?i)application/(?:rss|atom|feed)\+(?:xml|json)", tag):
                return f"is HTML, not a feed; it names this feed: {_absolute(url, one_line(href.group(1)))}"
        return "is HTML, not a feed"
    return f"is not a feed, but XML with the root element <{root[:40]}>" if root else "is not a feed"


def _raw(value: Any) -> str:
    """An entry to be shown, without its dates: what is wrong with it would be new whenever they are."""
    if isinstance(value, Mapping):
        value = {name: part for name, part in value.items() if not str(name).startswith(_DATES)}
    return tidy(json.dumps(value, default=str, ensure_ascii=False)[:_RAW_CHARACTERS])
