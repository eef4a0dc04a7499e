"""What speaks for an alert: figures, shares, sources, words, texts and history, as JSON-able data.

Everything is read inside the transaction that raises the alert, so every read is bounded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from monitor.alerts.detectors import Verdict
from monitor.alerts.naming import named
from monitor.alerts.past import DAY, band, columns, drawn, drop_band, unit_of
from monitor.alerts.representative import representative
from monitor.alerts.rules import Rule
from monitor.alerts.sentences import USUAL, rule_in_words
from monitor.alerts.words import as_written, rising, terms
from monitor.store import Store
from monitor.store.alerts import StoredAlert
from monitor.store.background import EXCERPT, Background
from monitor.store.room import BUCKET_S
from monitor.types import ENTITY, Selection, StoredDocument

READ = 100
"""At most so many texts of an alert are read for its words and stories, the newest."""
EARLIER = 150
"""At most so many earlier texts of its series, and as many of all texts, say what is usual."""
TELLING = 40
"""Fewer earlier stories of a series do not tell what its words usually are."""
COUNTED = {"surge", "threshold", "ratio", "drop"}
"""Kinds that judge how many texts are in a window."""
SHOWN = 5
SHOWN_TURNS = 8
SHOWN_CHARACTERS = 600
USUAL_DAYS = 28
SOURCES = 8


@dataclass(frozen=True)
class Window:
    """What was judged: ``since`` to ``until``, epoch seconds."""

    since: int
    until: int

    @property
    def seconds(self) -> int:
        """Its length."""
        return max(BUCKET_S, self.until - self.since)


def gather(
    store: Store,
    alert: StoredAlert,
    documents: Sequence[StoredDocument],
    now: datetime,
    *,
    rule: Rule | None = None,
    found: Verdict | None = None,
    kept: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The evidence for an alert; docs/templates.md says what is in it.

    :param documents: those behind it, newest first; the first :data:`READ` are read.
    :param found: the verdict that raised it, where there is one at hand.
    :param kept: evidence gathered for it before: where rule or verdict are missing, its words stay.
    """
    background, kept = Background(store), kept or {}
    window = _window(alert, found, kept)
    # what a keyword is looked for in is no series of its own
    known = alert.kind != "keyword" and background.knows(alert.selection)
    selection = alert.selection if known else {}
    read = list(documents[:READ])
    return {
        "observed": alert.observed,
        "expected": alert.expected,
        "low": alert.low,
        "high": alert.high,
        "since": _iso(window.since),
        "until": _iso(window.until),
        "seconds": window.seconds,
        "shares": _shares(store, background, alert.selection, window) if known else [],
        **_texts(background, read, selection, _talk(store, alert)),
        "behind": _behind(background, alert, len(documents), now) if known else len(documents),
        "rule": rule_in_words(rule) if rule is not None else kept.get("rule", ""),
        "newest": _newest(background, alert, window, now) if known and alert.kind in COUNTED else None,
        "history": _history(store, background, alert, window, now) if known else None,
    }


def _window(alert: StoredAlert, found: Verdict | None, kept: Mapping[str, Any]) -> Window:
    if found is not None:
        return _whole(found.since, found.until)
    if kept:
        since, until = (datetime.fromisoformat(kept[key]) for key in ("since", "until"))
        return _whole(int(since.timestamp()), int(until.timestamp()))
    return _whole(int(alert.since.timestamp()), int(alert.last_firing_at.timestamp()))


def _whole(since: int, until: int) -> Window:
    """In whole buckets, for counts know no others."""
    return Window(since // BUCKET_S * BUCKET_S, -(-until // BUCKET_S) * BUCKET_S)


def _behind(background: Background, alert: StoredAlert, attached: int, now: datetime) -> int:
    """How many texts there were in all, also where more came than were noted one by one."""
    until = int(min(alert.last_firing_at, now).timestamp()) + 1
    counted = background.sum(alert.selection, int(alert.since.timestamp()), until, live=True)
    return max(attached, counted)


def _newest(background: Background, alert: StoredAlert, window: Window, now: datetime) -> int:
    """How many texts came in the window that ends now: the one that was judged may lie behind."""
    until = -(-int(now.timestamp()) // BUCKET_S) * BUCKET_S
    return background.sum(alert.selection, until - window.seconds, until, live=True)


def _shares(
    store: Store, background: Background, selection: Selection, window: Window
) -> list[dict[str, Any]]:
    """The series' share of what it is part of, in the window and in the weeks before."""
    wholes: list[dict[str, str]] = []
    if len(selection) > 1:
        wholes += [{task: label} for task, label in selection.items()]
    if selection:
        wholes.append({})
    since = window.since - USUAL_DAYS * DAY
    part = background.sum(selection, window.since, window.until)
    before = background.sum(selection, since, window.since)
    found = []
    for whole in wholes:
        all_now = background.sum(whole, window.since, window.until)
        all_before = background.sum(whole, since, window.since)
        if all_now:
            found.append(
                {
                    "of": whole,
                    "what": named(whole) if whole else "all texts",
                    "now": round(part / all_now, 4),
                    "usual": round(before / all_before, 4) if all_before else None,
                    "part": part,
                    "whole": all_now,
                }
            )
    return found


def _texts(
    background: Background,
    documents: Sequence[StoredDocument],
    selection: Selection,
    talk: Sequence[StoredDocument],
) -> dict[str, Any]:
    """What the documents say, and where they come from.

    :param talk: the conversation that the alert is about, newest first, where it is about one.
    """
    ids = [document.id for document in documents]
    stories = background.stories(ids)
    said = {d.id: terms(f"{d.title}. {d.text[:EXCERPT]}") for d in documents}
    first = min(ids, default=0)
    # an alert's own stories, told before it began, are no measure of what is usual
    earlier = _distinct(background.before(first, selection, EARLIER), set(stories.values()))
    # people write otherwise in a chat than in the news
    names = sorted({d.source for d in documents})
    others = _distinct(background.of_sources(first, names, EARLIER), set(stories.values()))
    # a conversation says one thing in many turns; elsewhere each story stands for itself
    groups = [f"{d.source} {d.thread}" if d.thread else stories[d.id] for d in documents]
    voices: dict[str, set[str]] = {}
    for document, group in zip(documents, groups, strict=True):
        voices.setdefault(group, set()).update(said[document.id])
    sizes = Counter(groups)
    # where the series itself has hardly a past, what all texts say stands in for it
    rose = rising(
        list(voices.values()),
        earlier if len(earlier) >= TELLING else earlier + others,
        others,
        known=terms(selection.get(ENTITY, "")),
    )
    stressed = {rise.term for rise in rose}
    chosen = representative([said[i] for i in ids], groups, earlier + others, SHOWN, stressed)
    written = [f"{d.title}\n{d.text[:EXCERPT]}" for d in documents]
    sources = Counter(d.source for d in documents)
    told = {(d.source, stories[d.id]) for d in documents}
    times = [d.event_at for d in documents]
    return {
        "read": len(documents),
        "limited": len(documents) == READ,
        "stories": len(set(stories.values())),
        "conversations": len({(d.source, d.thread) for d in documents if d.thread}),
        "first_at": _text(min(times)) if times else None,
        "last_at": _text(max(times)) if times else None,
        "sources": [
            {"name": name, "texts": count, "stories": sum(source == name for source, _ in told)}
            for name, count in sources.most_common(SOURCES)
        ],
        "sources_in_all": len(sources),
        "words": [
            {**asdict(rise), "term": as_written(rise.term, written), "usual": round(rise.usual, 4)}
            for rise in rose
        ],
        "texts": [shown(documents[i], sizes[groups[i]]) for i in chosen]
        if not talk
        else [shown(document, 1) for document in reversed(talk)],
    }


def _talk(store: Store, alert: StoredAlert) -> list[StoredDocument]:
    """The last turns of the alert's conversation: what came before says what it is about."""
    source, thread = alert.selection.get("source"), alert.selection.get("thread")
    if source is None or thread is None:
        return []
    return store.documents.find(source=source, thread=thread, limit=SHOWN_TURNS)


def shown(document: StoredDocument, alike: int) -> dict[str, Any]:
    """A document as it is shown: as stored, the beginning of a long one."""
    return {
        "id": document.id,
        "source": document.source,
        "role": document.role,
        "thread": document.thread,
        "title": document.title[:SHOWN_CHARACTERS],
        "text": document.text[:SHOWN_CHARACTERS],
        "cut": len(document.text) > SHOWN_CHARACTERS,
        "url": document.url,
        "event_at": _text(document.event_at),
        "alike": alike,
    }


def _history(
    store: Store, background: Background, alert: StoredAlert, window: Window, now: datetime
) -> dict[str, Any] | None:
    """Columns that end with the window, and those that are over since then."""
    step, shown = columns(window.seconds, BUCKET_S)
    since = max(0, int(now.timestamp()) - window.until) // step
    number = USUAL_DAYS * DAY // step + min(since, shown)
    start = window.until + since * step - number * step
    unit = unit_of(step)
    counts = np.array(background.columns(alert.selection, start, unit, number * (step // unit)))
    end = max(0, number - since)
    first = max(0, end - max(1, round(window.seconds / step)))
    known_from = store.documents.history_from() or window.until
    believed = drop_band if alert.kind == "drop" else band
    history = drawn(counts, start, step, shown, first, end, known_from, believed)
    if history is None:
        return None
    place, end = history["window"]
    if alert.kind in USUAL and end == place + 1 <= len(history["counts"]):
        # there the rule itself said what would be no surprise
        for name, value in (("usual", alert.expected), ("low", alert.low), ("high", alert.high)):
            history[name][place] = round(value, 2)
    return {**history, "start": _iso(history["start"])}


def _distinct(excerpts: Sequence[Any], without: set[str]) -> list[set[str]]:
    by_story = {e.story: e.text for e in excerpts if e.story not in without}
    return [terms(text) for text in by_story.values()]


def _iso(second: int) -> str:
    return _text(datetime.fromtimestamp(second, UTC))


def _text(time: datetime) -> str:
    return time.isoformat()
