"""A news feed that grows: RSS 2.0 as a function of time."""

from __future__ import annotations

import hashlib
import re
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from xml.etree import ElementTree

from sample.history import Published
from sample.texts import News

LONGEST = 1000
"""Older items drop off a feed that has grown beyond this."""


@dataclass(frozen=True)
class Reading:
    """The feed at one moment: its bytes, and what a conditional request compares."""

    body: bytes
    etag: str
    modified: datetime


class Feed:
    """Holds the history and publishes what a programme brings, as its readers' time goes by.

    The programme starts with the first reading: whoever reads finds the whole history
    first, however long it took to get here, and sees everything else arrive.
    May be read from several threads.
    """

    def __init__(self, history: Sequence[Published], programme: Iterator[tuple[float, News]]) -> None:
        if not history:
            raise ValueError("a feed needs a history")
        self.started: datetime | None = None
        self._items = list(history)[-LONGEST:]
        self._programme = programme
        self._next = next(programme, None)
        self._reading: Reading | None = None
        self._lock = threading.Lock()

    def read(self, now: datetime) -> Reading:
        """The feed at ``now`` (aware UTC)."""
        with self._lock:
            if self.started is None:
                self.started = now
            while self._next and self.started + timedelta(seconds=self._next[0]) <= now:
                at = self.started + timedelta(seconds=self._next[0])
                self._items.append(Published(self._items[-1].number + 1, self._next[1], at))
                self._next = next(self._programme, None)
                self._reading = None
            del self._items[:-LONGEST]
            if self._reading is None:
                body = render(self._items)
                etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
                self._reading = Reading(body, etag, self._items[-1].at.replace(microsecond=0))
            return self._reading


def render(items: Sequence[Published]) -> bytes:
    """RSS 2.0 (https://www.rssboard.org/rss-specification), latest item first, UTF-8."""
    rss = ElementTree.Element("rss", version="2.0")
    channel = ElementTree.SubElement(rss, "channel")
    _add(channel, "title", "The Strandhaven Wire")
    _add(channel, "link", "https://wire.example/")
    _add(channel, "description", "Invented finance news: a sample")
    _add(channel, "language", "en")
    _add(channel, "lastBuildDate", format_datetime(items[-1].at, usegmt=True))
    for item in reversed(items):
        entry = ElementTree.SubElement(channel, "item")
        _add(entry, "title", item.news.title)
        _add(entry, "link", f"https://wire.example/{item.at:%Y/%m}/{slug(item.news.title)}-{item.number}")
        _add(entry, "guid", f"wire-{item.number:06d}").set("isPermaLink", "false")
        _add(entry, "pubDate", format_datetime(item.at, usegmt=True))
        _add(entry, "description", item.news.summary)
    ElementTree.indent(rss)
    document: bytes = ElementTree.tostring(rss, encoding="utf-8", xml_declaration=True)
    return document


def slug(title: str) -> str:
    """The part of an address that stands for a title: ``a-few-plain-words``."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain)[:6])


def _add(parent: ElementTree.Element, tag: str, text: str) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, tag)
    child.text = text
    return child
