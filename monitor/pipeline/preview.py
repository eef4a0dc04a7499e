"""What an alert of a rule would look like, made of texts that are there; nothing is kept or sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.alerts.detectors.history import span, texts
from monitor.alerts.message import Message, compose
from monitor.alerts.naming import about, counted
from monitor.alerts.picture import picture
from monitor.alerts.rules import ALL, Rule, describe, fingerprint
from monitor.errors import MonitorError
from monitor.pipeline.wording import note, word
from monitor.store import Store
from monitor.store.background import Background
from monitor.store.room import BUCKET_S, bucket_of
from monitor.templating import BUILT_IN, Templates
from monitor.types import Document, Selection, StoredDocument

MOST = 12
LOOK_BACK_S = 28 * 86400
LOOKED_AT = 200
SILENT_S = 5 * 3600
WITHOUT_TEXTS = {"silence", "model"}
"""Kinds whose alerts are about no texts."""
MADE_UP = (
    "Nobody answers, and the parcel is two weeks late",
    "The second outage this week, says a customer",
    "I was charged twice and want my money back",
)
"""Texts of a preview where the database has none."""


@dataclass(frozen=True)
class Preview:
    """A letter that is not sent: its words, what it was made of, and its data."""

    message: Message
    event: str
    made_of: str
    data: Mapping[str, Any]
    picture: bytes


class _Undo(Exception):
    """Takes back what the preview wrote."""


def preview(
    store: Store, rule: Rule, now: datetime, templates: Templates = BUILT_IN, *, event: str = "firing"
) -> Preview:
    """A letter about ``rule``, made of the newest documents of the busiest of its series.

    :raises MonitorError: if a template fails.
    """
    told, made_of = example(store, rule, now, event=event)
    try:
        message = compose(event, told, templates)
    except Exception as error:
        raise MonitorError(f"the template fails: {type(error).__name__}: {error}") from error
    what = about(told["kind"], told["selection"])
    drawn = picture(told["evidence"]["history"], templates.zone, what)
    return Preview(message, event, made_of, told, drawn)


def example(store: Store, rule: Rule, now: datetime, *, event: str = "firing") -> tuple[dict[str, Any], str]:
    """The data of an alert of ``rule``, and what it is made of, in words.

    The alert is raised in a transaction that is rolled back.
    """
    told: dict[str, Any] = {}
    made_of = ""
    try:
        with store.transaction():
            selection, documents = _about(store, rule, now)
            made_of = f"the newest {texts(len(documents))} of {describe(selection)}"
            if not documents and rule.kind in WITHOUT_TEXTS:
                made_of = "made-up figures; such an alert has no texts"
            elif not documents:
                documents = _made_up(store, now)
                made_of = f"{len(documents)} made-up texts, since no text of the rule's series is there yet"
            told = _raised(store, rule, selection, documents, now, event)
            raise _Undo
    except _Undo:
        pass
    return told, made_of


def _about(store: Store, rule: Rule, now: datetime) -> tuple[Selection, list[StoredDocument]]:
    """What an alert of the rule could be about, and its texts."""
    settings = rule.settings
    if rule.kind == "silence":
        known = settings.sources or [s.name for s in store.sources.all() if s.active] or ["any"]
        return {"source": known[0]}, []
    if rule.kind in ("model", "new_topic"):
        names = settings.tasks or [t.task.name for t in store.tasks.active()] or ["any"]
        found = [] if rule.kind == "model" else store.documents.find(limit=MOST)
        return {"task": names[0]}, found
    if rule.kind == "conversation":
        for document in store.documents.find(labels=list(rule.where.items()), limit=LOOKED_AT):
            if document.thread:
                source, thread = document.source, document.thread
                said = store.documents.find(source=source, thread=thread, limit=MOST)
                return {"source": source, "thread": thread}, said
        return {"source": "any", "thread": "any"}, []
    return _newest(store, rule, now)


def _reason(rule: Rule, number: int) -> str:
    """What a rule of this kind would say; the figures are made up where they do not follow from the texts."""
    examples = {
        "ratio": "18 of 24 texts in 1 h (75 %, surely over 57 %); the rule's limit is lower",
        "trend": "rises over 42 days, from 2 to 8 texts a day; means of the first week and the last",
        "silence": f"nothing new for {span(SILENT_S)}, in which 30 arrivals are usual",
        "model": "no label fits 30% of the texts, where 10% were usual",
        "new_topic": f"{texts(number)} that fit no label resemble each other; usually 1 in 7 days",
    }
    if rule.kind == "keyword":
        return f"{texts(number)} with {rule.settings.words[0]!r}"
    if rule.kind == "conversation":
        if rule.settings.when == "unanswered":
            return f"unanswered for 45 min, {counted(1, rule.where)}"
        return f"{counted(3, rule.where)} in a row from the customer"
    return examples.get(rule.kind, "a preview: no rule found anything")


def _newest(store: Store, rule: Rule, now: datetime) -> tuple[Selection, list[StoredDocument]]:
    since = int(now.timestamp()) - LOOK_BACK_S
    for selection, _ in store.series.totals(since):
        if rule.watches(selection):
            return selection, store.documents.find(labels=list(selection.items()), limit=MOST)
    return {task: "any" if label == ALL else label for task, label in rule.where.items()}, []


def _made_up(store: Store, now: datetime) -> list[StoredDocument]:
    store.sources.ensure("preview", "preview")
    ids = set()
    for number, text in enumerate(MADE_UP):
        at = now - timedelta(minutes=number)
        store.documents.add("preview", Document(str(number), text), now=at, event_at=at, live=False)
    for pending in store.documents.find(source="preview"):
        ids.add(pending.id)
    return store.documents.many(sorted(ids, reverse=True))


def _raised(
    store: Store,
    rule: Rule,
    selection: Selection,
    documents: Sequence[StoredDocument],
    now: datetime,
    event: str,
) -> dict[str, Any]:
    """The data of an alert on these documents, as if they had come at once."""
    usual = SILENT_S if rule.kind == "silence" else 3600
    seconds = int(getattr(rule.settings, "window", usual)) or usual
    newest = max((document.event_at for document in documents), default=now)
    until = bucket_of(newest) + BUCKET_S
    since = until - seconds
    known = store.documents.history_from() or since
    windows = max(1, (since - max(known, since - LOOK_BACK_S)) // seconds)
    background = Background(store)
    expected = background.sum(selection, since - windows * seconds, since) / windows
    limit = getattr(rule.settings, "at_least", None)
    observed = len(documents)
    if rule.kind == "drop":
        observed, expected = 0, max(expected, rule.settings.min_expected)
    high = expected + 2 * max(expected, 0.25) ** 0.5
    raised = datetime.fromtimestamp(until, UTC)
    alert_id = store.alerts.insert(
        rule=rule.name,
        kind=rule.kind,
        fingerprint=fingerprint(rule.name, {**selection, "": "preview"}),
        selection=selection,
        since=datetime.fromtimestamp(since, UTC),
        now=raised,
        observed=observed,
        expected=expected if limit is None else limit,
        low=0,
        high=int(high) if limit is None else limit - 1,
        reason=_reason(rule, len(documents)),
        notify=[],
        owner=rule.owner,
        rule_labels=rule.labels,
    )
    alert = store.alerts.need(alert_id)
    note(store, alert, documents, raised, rule=rule)
    told = word(store, alert, "firing", documents, raised)
    if event == "resolved":
        over = raised + timedelta(seconds=seconds)
        store.alerts.resolve(alert_id, "a preview", over)
        told = word(store, store.alerts.need(alert_id), event, documents, over)
    return dict(told.data)
