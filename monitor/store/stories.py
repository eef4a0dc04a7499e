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
from urllib.parse import urlsplit

from monitor.types import Document

SPAN_S = 48 * 3600
"""What is told again after this long is told anew."""


@dataclass(frozen=True)
class Telling:
    """What :func:`grouped` reads of a document; ``at`` in epoch seconds."""

    text: str
    url: str
    thread: str
    at: int


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
        for key in (("text", telling.text, telling.thread), ("link", _link(telling), "")):
            if not key[1]:
                continue
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
