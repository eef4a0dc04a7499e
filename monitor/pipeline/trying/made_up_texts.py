"""What an alert that is made up is about, and its texts: those that are there, and others where these are too few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from monitor.alerts.rules import Rule
from monitor.pipeline.judging.topics import SENTIMENT
from monitor.pipeline.judging.watching import mentioned
from monitor.pipeline.trying.past_moment import LOOK_BACK_S
from monitor.store import Store
from monitor.types import ALL, Document, Role, Selection, StoredDocument

LOOKED_AT = 200
READ = 100
"""At most so many texts are behind it."""
MADE_UP = "preview"
"""The source of made-up texts."""
SAID = (
    "Nobody answers, and the parcel is two weeks late",
    "The second outage this week, says a customer",
    "I was charged twice and want my money back",
)
"""Texts of which others are made where the database has too few."""


def about_what(store: Store, rule: Rule, now: datetime) -> tuple[Selection, list[StoredDocument]]:
    """What an alert of the rule could be about, and its texts, newest first."""
    settings = rule.settings
    if rule.kind == "silence":
        known = settings.sources or [s.name for s in store.sources.all() if s.active] or ["any"]
        return {"source": known[0]}, []
    if rule.kind == "model":
        names = settings.tasks or [t.task.name for t in store.tasks.active()] or ["any"]
        return {"task": names[0]}, []
    if rule.kind == "new_topic":
        return _unlabelled(store, rule, now)
    if rule.kind == "conversation":  # who reads a real one would see that it went well
        return {"source": "any", "thread": "any"}, []
    if rule.kind == "keyword":
        return _saying(store, rule)
    for selection, _ in store.series.totals(int(now.timestamp()) - LOOK_BACK_S):
        if rule.watches(selection):
            labels = list(selection.items())
            before = now - timedelta(seconds=rule.settings.window) if rule.kind == "drop" else None
            found = store.documents.find(labels=labels, until=before, limit=LOOKED_AT)
            if rule.kind == "entity":
                found = [document for document, _ in mentioned(store, rule, found).get(tuple(labels), ())]
            return selection, found or store.documents.find(labels=labels, limit=LOOKED_AT)
    return {task: "any" if label == ALL else label for task, label in rule.where.items()}, []


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
        return dict(pairs), [document for document, _ in saying]
    return {task: "any" if label == ALL else label for task, label in rule.where.items()}, []


def _unlabelled(store: Store, rule: Rule, now: datetime) -> tuple[Selection, list[StoredDocument]]:
    """A task that the rule watches, the one with most texts that fit no label of it, and the newest of these."""
    names = rule.settings.tasks or [
        t.task.name for t in store.tasks.active() if t.task.family != SENTIMENT
    ] or ["any"]  # fmt: skip
    since = now - timedelta(seconds=LOOK_BACK_S)
    fits = {name: store.predictions.abstained(name, since, now, READ) for name in names}
    task = max(fits, key=lambda name: len(fits[name]))
    return {"task": task}, store.documents.many(fits[task])


def distinct(store: Store, documents: Sequence[StoredDocument]) -> list[StoredDocument]:
    """One of each story."""
    found: dict[str, StoredDocument] = {}
    stories = store.background.stories([document.id for document in documents])
    for document in documents:
        found.setdefault(stories[document.id], document)
    return list(found.values())


def invented(store: Store, rule: Rule, number: int, now: datetime) -> list[StoredDocument]:
    if number <= 0:
        return []
    talk, waits = rule.kind == "conversation", 0.0
    if rule.kind == "drop":
        waits = rule.settings.window
    elif talk and rule.settings.when == "unanswered":
        waits = rule.settings.after
    source, thread = ("any", "any") if talk else (MADE_UP, "")
    role: Role = "customer" if talk else next(iter(getattr(rule.settings, "roles", ())), "publisher")
    word = f"{rule.settings.words[0]}: " if rule.kind == "keyword" else ""
    store.sources.ensure(source, "preview")
    for n in range(number):
        text = f"{word}{SAID[n % len(SAID)]}{f' ({n + 1})' if n >= len(SAID) else ''}"
        made = Document(f"preview {n}", text, thread=thread, role=role)
        at = now - timedelta(seconds=waits, minutes=number - n)
        store.documents.add(source, made, now=at, event_at=at, live=False)
    return store.documents.find(source=source, limit=number)


def close_together(documents: Sequence[StoredDocument], since: int, until: int) -> list[StoredDocument]:
    """The texts as if they had come in one window."""
    step = (until - since) / (len(documents) + 1)
    return [
        replace(document, event_at=datetime.fromtimestamp(until - (n + 1) * step, UTC))
        for n, document in enumerate(documents)
    ]
