"""Stories: which documents tell the same thing.

Until near duplicates are clustered, two documents are one story if their normalised texts are
the same (:func:`story_of`) or their links are, and at most 48 hours lie
between them. In conversations there are no copies: "it is down" from fifty customers is fifty stories, and
only who repeats it in the same conversation tells nothing new.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from monitor.store.carrying import carries
from monitor.store.room import BUCKET_S, Room
from monitor.types import Document, Selection

SPAN_S = 48 * 3600
"""What is told again after this long is told anew."""


@dataclass(frozen=True)
class Telling:
    """What :func:`grouped` reads of a document; ``at`` in epoch seconds."""

    text: str
    url: str
    thread: str
    at: int

    @cached_property
    def keys(self) -> list[tuple[str, str, str]]:
        """What it has in common with others that tell the same."""
        link = _link(self)
        found = [("text", self.text, self.thread)] if self.text else []
        return [*found, ("link", link, "")] if link else found


@dataclass(frozen=True)
class Text:
    """A live text: when it came (as stored), its source, and the tasks and labels that it carries."""

    came: str
    source: str
    telling: Telling
    carried: frozenset[tuple[str, str]]


def story_of(document: Document) -> str:
    """The same for texts that differ in case, spacing and punctuation only."""
    text = unicodedata.normalize("NFKC", f"{document.title} {document.text}").casefold()
    words = "".join(c if c.isalnum() else " " for c in text).split()
    return hashlib.blake2b(" ".join(words).encode(errors="replace"), digest_size=16).hexdigest()


def grouped(tellings: Sequence[Telling]) -> list[int]:
    """The number of each one's story, from 0 in order of appearance; shape ``(len(tellings),)``.

    A chain is one story: text a with link b, and link b with text c.
    """
    leader = list(range(len(tellings)))

    def head(place: int) -> int:
        while leader[place] != place:
            leader[place] = leader[leader[place]]
            place = leader[place]
        return place

    last: dict[tuple[str, str, str], int] = {}
    for place in sorted(range(len(tellings)), key=lambda n: tellings[n].at):
        telling = tellings[place]
        for key in telling.keys:
            before = last.get(key)
            if before is not None and telling.at - tellings[before].at <= SPAN_S:
                leader[head(place)] = head(before)
            last[key] = place
    numbers: dict[int, int] = {}
    return [numbers.setdefault(head(place), len(numbers)) for place in range(len(tellings))]


def _link(telling: Telling) -> str:
    """The link, where it can tell stories apart.

    The turns of a conversation share a link and are not one text; a link to a bare site is that of
    all of its texts.
    """
    if not telling.url or telling.thread:
        return ""
    try:
        parts = urlsplit(telling.url)
    except ValueError:
        return telling.url
    return f"{parts.netloc.lower()}{parts.path}?{parts.query}" if parts.path.strip("/") or parts.query else ""


class Stories(Room):
    """What live documents tell, and beside what."""

    def count(self, selection: Selection, since: int, until: int) -> int:
        """How many distinct stories the live documents of a selection tell in ``[since, until)``.

        :param since: epoch second, as ``until``; both are taken to the start of their bucket.
        """
        where, values = _live(since, until)
        carried, labels = carries(selection.items())
        rows = self.rows(
            f"select story, url, thread, bucket from documents where {' and '.join([*where, *carried])}",
            [*values, *labels],
        )
        return len(set(grouped([Telling(*row) for row in rows])))

    def beside(self, selection: Selection, whole: Selection, since: int, until: int) -> int:
        """How many other live documents of ``whole`` are in the conversations of a selection's in ``[since, until)``.

        Parameters as of :meth:`count`.
        """
        where, values = _live(since, until)
        carried, labels = carries(selection.items())
        if not carried:
            return 0
        among, read = carries(whole.items())
        threads = (
            f"select source, thread from documents where thread <> '' and {' and '.join([*where, *carried])}"
        )
        found = self.value(
            f"select count(*) from documents where {' and '.join([*where, *among])} "
            f"and (source, thread) in ({threads}) and not ({' and '.join(carried)})",
            [*values, *read, *values, *labels, *labels],
        )
        return int(found)

    def texts(self, since: int, until: int, *, as_live: bool = False) -> list[Text]:
        """The live texts in ``[since, until)``, whenever they came: what :meth:`count` and :meth:`beside` count.

        ``telling.at`` is the start of its bucket.

        :param since: epoch second, as ``until``; :param as_live: backfill came live, at its own time.
        """
        where, values = _live(since, until, as_live=as_live)
        rows = self.rows(
            "select id, case live when 1 then fetched_at else event_at end came, source, story, url, thread, bucket "
            f"from documents where {' and '.join(where)}",
            values,
        )
        labels = self.store.predictions.labels([row["id"] for row in rows])
        return [
            Text(
                row["came"],
                row["source"],
                Telling(row["story"], row["url"], row["thread"], row["bucket"]),
                frozenset((task, label) for task, names in labels[row["id"]].items() for label in names),
            )
            for row in rows
        ]


def _live(since: int, until: int, *, as_live: bool = False) -> tuple[list[str], list[Any]]:
    where = ["live >= ?", "counted = 1", "bucket >= ?", "bucket < ?"]
    values: list[Any] = [int(not as_live), since // BUCKET_S * BUCKET_S, until // BUCKET_S * BUCKET_S]
    return where, values
