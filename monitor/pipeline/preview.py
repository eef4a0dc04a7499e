"""What an alert of a rule would look like, made of texts that are there; nothing is kept or sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.alerts.detectors.chances import wilson, z_of
from monitor.alerts.detectors.history import duration, span, texts
from monitor.alerts.detectors.ratio import at_least
from monitor.alerts.message import Message, compose
from monitor.alerts.picture import picture
from monitor.alerts.rules import ALL, Rule, describe, fingerprint
from monitor.alerts.sentences import OFFER
from monitor.alerts.series_in_words import about, counted
from monitor.durations import DAY
from monitor.errors import MonitorError
from monitor.pipeline.topics import SENTIMENT, offer
from monitor.pipeline.watching import mentioned
from monitor.pipeline.wording import note, word
from monitor.store import Store
from monitor.store.room import BUCKET_S, bucket_of
from monitor.templating import BUILT_IN, Templates
from monitor.types import Document, Selection, StoredDocument

MOST = 12
LOOK_BACK_S = 28 * DAY
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
    """A notification that is not sent: its words, what it was made of, and its data."""

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
    """A notification about ``rule``, made of the newest documents of the busiest of its series.

    :raises MonitorError: if a template fails.
    """
    content, made_of = example(store, rule, now, event=event)
    try:
        message = compose(event, content, templates)
    except Exception as error:
        raise MonitorError(f"the template fails: {type(error).__name__}: {error}") from error
    what = about(content["kind"], content["selection"])
    drawn = picture(content["evidence"]["history"], templates.zone, what)
    return Preview(message, event, made_of, content, drawn)


def example(store: Store, rule: Rule, now: datetime, *, event: str = "firing") -> tuple[dict[str, Any], str]:
    """The data of an alert of ``rule``, and what it is made of, in words.

    The alert is raised in a transaction that is rolled back.
    """
    content: dict[str, Any] = {}
    made_of = ""
    try:
        with store.transaction():
            selection, documents = _about(store, rule, now)
            made_of = f"the newest {texts(len(documents))} of {describe(selection)}"
            if rule.kind == "new_topic":
                made_of = f"the newest {texts(len(documents))} that fit no label of {selection['task']}"
            if not documents and rule.kind in WITHOUT_TEXTS:
                made_of = "made-up figures; such an alert has no texts"
            elif not documents:
                documents = _made_up(store, now - timedelta(seconds=_quiet(rule)))
                made_of = f"{len(documents)} made-up texts, since no text of the rule's series is there yet"
            content = _raised(store, rule, selection, documents, now, event)
            raise _Undo
    except _Undo:
        pass
    return content, made_of


def _about(store: Store, rule: Rule, now: datetime) -> tuple[Selection, list[StoredDocument]]:
    """What an alert of the rule could be about, and its texts."""
    settings = rule.settings
    if rule.kind == "silence":
        known = settings.sources or [s.name for s in store.sources.all() if s.active] or ["any"]
        return {"source": known[0]}, []
    if rule.kind == "model":
        names = settings.tasks or [t.task.name for t in store.tasks.active()] or ["any"]
        return {"task": names[0]}, []
    if rule.kind == "new_topic":
        return _unlabelled(store, rule, now)
    if rule.kind == "conversation":
        for document in store.documents.find(labels=list(rule.where.items()), limit=LOOKED_AT):
            if document.thread:
                source, thread = document.source, document.thread
                said = store.documents.find(source=source, thread=thread, limit=MOST)
                return {"source": source, "thread": thread}, said
        return {"source": "any", "thread": "any"}, []
    if rule.kind == "keyword":
        return _saying(store, rule)
    return _newest(store, rule, now)


def _saying(store: Store, rule: Rule) -> tuple[Selection, list[StoredDocument]]:
    """The newest texts that say what a rule looks for."""
    labels = [(task, label) for task, label in rule.where.items() if label != ALL]
    found = {
        document.id: document
        for word in rule.settings.words
        for document in store.documents.find(words=word, labels=labels, limit=LOOKED_AT)
    }
    newest = sorted(found.values(), key=lambda document: document.event_at, reverse=True)
    for pairs, saying in mentioned(store, rule, newest).items():
        return dict(pairs), [document for document, _ in saying[:MOST]]
    return {task: "any" if label == ALL else label for task, label in rule.where.items()}, []


def _unlabelled(store: Store, rule: Rule, now: datetime) -> tuple[Selection, list[StoredDocument]]:
    """A task that the rule watches, the one with most texts that fit no label of it, and the newest of these."""
    names = rule.settings.tasks or [
        t.task.name for t in store.tasks.active() if t.task.family != SENTIMENT
    ] or ["any"]  # fmt: skip
    since = now - timedelta(seconds=LOOK_BACK_S)
    fits = {name: store.predictions.abstained(name, since, now, MOST) for name in names}
    task = max(fits, key=lambda name: len(fits[name]))
    return {"task": task}, store.documents.many(fits[task])


def _reason(rule: Rule, selection: Selection, documents: Sequence[StoredDocument]) -> str:
    """What a rule of this kind and these settings would say; figures that do not follow from the texts are made up."""
    settings, number = rule.settings, len(documents)
    if rule.kind == "keyword":
        return f"{texts(number)} with {settings.words[0]!r}"
    if rule.kind == "conversation":
        if settings.when == "unanswered":
            return f"unanswered for {span(settings.after)}, {counted(1, rule.where)}"
        return f"{counted(settings.turned, rule.where)} in a row from the customer"
    if rule.kind == "ratio":
        return _share(settings)
    if rule.kind == "trend":
        return _drift(settings)
    if rule.kind == "new_topic":
        offered = offer(selection["task"], "new-label", documents)
        return (
            f"{texts(number)} that fit no label resemble each other; "
            f"usually 1 in {span(settings.recent)}{OFFER}{offered}"
        )
    examples = {
        "silence": f"nothing new for {span(SILENT_S)}, in which 30 arrivals are usual",
        "model": "no label fits 30% of the texts, where 10% were usual",
    }
    return examples.get(rule.kind, "a preview: no rule found anything")


def _share(settings: Any) -> str:
    """The smallest share of a few dozen texts, or more where it must be, that would fire."""
    z, whole = z_of(1 - settings.confidence), max(24, settings.min_count)
    while wilson(whole, whole, z)[0] < settings.at_least:
        whole *= 2
    part = next(n for n in range(whole + 1) if wilson(n, whole, z)[0] >= settings.at_least)
    surely = at_least(wilson(part, whole, z)[0], settings.confidence)
    return (
        f"{part:,} of {texts(whole)} in {duration(settings.window)} ({100 * part / whole:.0f} %, "
        f"{surely}); the rule's limit is {100 * settings.at_least:.3g} %"
    )


def _drift(settings: Any) -> str:
    """A drift of just more than the rule asks for, the way that it looks."""
    few, many = settings.min_per_day, 1.25 * settings.min_ratio * settings.min_per_day
    figures, unit = [f"{few:.2g}", f"{many:.2g}"], "texts a day"
    if settings.of is not None:
        figures, unit = ["10%", f"{min(1.0, 0.125 * settings.min_ratio):.0%}"], "of the texts"
    down = settings.direction == "down"
    first, last = reversed(figures) if down else figures
    days = int(settings.over // DAY)
    moves = "falling" if down else "rising"
    return f"{moves} from {first} to {last} {unit} over {days} days; means of the first week and the last"


def _newest(store: Store, rule: Rule, now: datetime) -> tuple[Selection, list[StoredDocument]]:
    since = int(now.timestamp()) - LOOK_BACK_S
    for selection, _ in store.series.totals(since):
        if rule.watches(selection):
            labels = list(selection.items())
            before = now - timedelta(seconds=quiet) if (quiet := _quiet(rule)) else None
            found = store.documents.find(labels=labels, until=before, limit=MOST)
            return selection, found or store.documents.find(labels=labels, limit=MOST)
    return {task: "any" if label == ALL else label for task, label in rule.where.items()}, []


def _quiet(rule: Rule) -> float:
    """For how many seconds nothing came: the last texts before a ``drop`` are older than its window."""
    return float(rule.settings.window) if rule.kind == "drop" else 0.0


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
    if _quiet(rule):
        until += seconds
    since = until - seconds
    known = store.documents.history_from() or since
    windows = max(1, (since - max(known, since - LOOK_BACK_S)) // seconds)
    expected = store.background.sum(selection, since - windows * seconds, since) / windows
    limit = getattr(rule.settings, "at_least", None)
    observed = len(documents)
    if rule.kind == "drop":
        observed, expected = 0, max(expected, rule.settings.min_expected)
    elif rule.kind == "threshold":
        observed = max(observed, rule.settings.at_least)
    high = expected + 2 * max(expected, 0.25) ** 0.5
    raised = min(datetime.fromtimestamp(until, UTC), now)
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
        reason=_reason(rule, selection, documents),
        notify=[],
        owner=rule.owner,
        rule_labels=rule.labels,
    )
    alert = store.alerts.need(alert_id)
    note(store, alert, documents, raised, rule=rule)
    worded = word(store, alert, "firing", documents, raised)
    if event == "resolved":
        over = raised + timedelta(seconds=seconds)
        store.alerts.resolve(alert_id, "a preview", over)
        worded = word(store, store.alerts.need(alert_id), event, documents, over)
    return dict(worded.data)
