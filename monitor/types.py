"""The data that walks through the house: plain, immutable, with hardly any behaviour.

Times are aware UTC datetimes throughout.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from unicodedata import normalize

Role = Literal["customer", "agent", "publisher"]
Selection = Mapping[str, str]
"""What a series counts: label by task, as in ``{"topic": "earnings"}``; ``{}`` is every document."""

ALL = "*"
"""In a rule's ``where``: every label of the task, each a series of its own. No label may be called so."""
ENTITY = "entity"
"""In a selection, what a text mentions instead of a label of a task; no task may be called so."""
READ_BY = "read by"
"""In a selection, a task instead of one of its labels: all texts that it read. No task may be called so."""


@dataclass(frozen=True)
class Document:
    """A text with identity, as a source yields it.

    ``external_id`` is unique within the source and stays the same when the text is
    edited. ``thread`` groups the turns of one conversation. ``published_at`` is what the
    source claims, ``None`` where it claims nothing (or a date without a time). ``local``: the
    ``external_id`` is a number of the conversation's own: another ``thread`` has another document
    under it, and so has a changed text whose time is more than 6 hours off. ``before``: of a record that was
    read before, what earlier settings of the source made of it (nothing, where they could not read it), so that it is
    known under another id or text, too.
    """

    external_id: str
    text: str
    title: str = ""
    url: str = ""
    thread: str = ""
    role: Role = "publisher"
    published_at: datetime | None = None
    local: bool = False
    before: tuple[Document, ...] | None = None


@dataclass(frozen=True)
class BadRecord:
    """A record that a source could not use: kept aside with its reason, never in the way."""

    reason: str
    place: str = ""
    raw: str = ""


@dataclass(frozen=True)
class Batch:
    """What one step of a source's ``fetch`` yields.

    The store writes the documents, the bad records and the cursor in one transaction, so a
    process killed at any moment goes on exactly where the last stored batch ended.
    ``cursor`` is JSON-able and belongs to the source alone.
    """

    documents: tuple[Document, ...] = ()
    bad: tuple[BadRecord, ...] = ()
    cursor: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredDocument:
    """A document as the store holds it.

    ``event_at`` is the time it counts at, ``live`` whether it may raise an alert (else it is
    backfill, and feeds baselines only).
    """

    id: int
    source: str
    external_id: str
    thread: str
    role: Role
    title: str
    text: str
    url: str
    published_at: datetime | None
    fetched_at: datetime
    event_at: datetime
    live: bool

    @property
    def whole_text(self) -> str:
        """Title and text, each on lines of its own."""
        return f"{self.title}\n{self.text}".strip()


NO_LABEL = "(none)"
"""What stands in place of a seed's label where its text carries none of the task's; no label may be called so."""


@dataclass(frozen=True)
class Seed:
    """A labelled example (the support set of few-shot learning).

    ``label`` is one of the task's, or :data:`NO_LABEL`: an example of what to abstain on.
    """

    text: str
    label: str


@dataclass(frozen=True)
class Task:
    """Labels to tell apart. ``labels`` maps each name to a one-line description (may be empty).

    ``multi``: each label has a threshold of its own and a text may carry several; otherwise a
    text carries one. ``threshold``: the probability below which the task abstains; ``None``
    leaves the choice to the learner.
    """

    name: str
    labels: Mapping[str, str]
    family: str = ""
    multi: bool = False
    threshold: float | None = None


def legible(text: str) -> bool:
    """Whether there is anything to see in a text: more than blanks and characters without a shape.

    >>> legible(" \u200b\n")
    False
    """
    return any(character.isprintable() and not character.isspace() for character in text)


def whole(text: str) -> str:
    """The text without halves of characters, which escaped JSON can hold and neither UTF-8 nor a database.

    Two that belong together become their character, one alone becomes U+FFFD.

    >>> whole("\\ud83d\\ude00 \\ud83d") == "\N{GRINNING FACE} \N{REPLACEMENT CHARACTER}"
    True
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def in_one_line(text: str) -> str:
    """The text with single blanks: two that are alike in this are the same text to a person.

    >>> in_one_line(" a\\r\\n b ")
    'a b'
    """
    return " ".join(text.split())


def folded(text: str) -> str:
    """A text for comparing: whatever its case, its spaces, and how its letters are coded.

    >>> folded(" Great  WIN\\n") == folded("great win")
    True
    """
    return " ".join(normalize("NFC", text).split()).casefold()


def label_twins(labels: Iterable[str]) -> tuple[str, str] | None:
    """Two labels that differ only in case, spaces or how letters are coded, if any: they would share a meaning."""
    first: dict[str, str] = {}
    for label in labels:
        twin = first.setdefault(folded(label), label)
        if twin != label:
            return twin, label
    return None


@dataclass(frozen=True)
class Prediction:
    """What a task says of a text.

    ``label`` is the best guess even where the task abstains; a reader that ignores
    ``abstained`` reads guesses. ``probability`` lies in [0, 1].
    """

    label: str
    probability: float
    abstained: bool = False


PICTURE = "cid:picture"
"""Where the HTML of a notification shows its picture."""


@dataclass(frozen=True)
class Notification:
    """What a notifier delivers: one event of one alert, or a digest.

    ``key`` is the idempotency key, the same for every attempt, for life. ``title`` is one
    line; ``body`` plain text; ``data`` the alert as JSON-able data (the fields of
    ``monitor alerts show --json``). ``html`` says the same as ``body`` for channels that show it;
    ``picture`` is a PNG, which ``html`` shows as an image whose source is :data:`PICTURE`. Both may be empty.
    ``at`` is the time of this attempt, filled in by whoever calls ``send``.
    """

    key: str
    event: Literal["firing", "resolved", "test", "digest"]
    title: str
    body: str
    data: Mapping[str, Any]
    html: str = ""
    picture: bytes = field(default=b"", repr=False)
    at: datetime | None = None


@dataclass(frozen=True)
class Health:
    """Whether the monitor does its work: fetching, classifying, judging and delivery all progress.

    ``problems`` says what does not, a line each; empty when ``ok``.
    """

    ok: bool
    problems: tuple[str, ...] = ()
