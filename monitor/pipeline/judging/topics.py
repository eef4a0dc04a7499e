"""Looks for topics that no label of a task fits, among documents it abstained on."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from monitor.alerts import endings
from monitor.alerts.detectors import Verdict, new_topic
from monitor.alerts.detectors.history import span
from monitor.alerts.rules import Rule
from monitor.alerts.sentences import OFFER, number
from monitor.pipeline.alerting.following import follow, these, withdraw
from monitor.pipeline.judging.attempts import Again, Attempt, at_once, plainly
from monitor.pipeline.learning.readers import Reader
from monitor.store import Store
from monitor.store.features import text_hash
from monitor.types import StoredDocument

MOST = 2000
"""At most so many documents are compared with each other: the newest."""
SENTIMENT = "sentiment"
"""The family of tasks that are not about topics."""
OFFERED = 5
"""So many typical documents are offered as seeds."""


def watch_topics(
    store: Store,
    rules: Sequence[Rule],
    readers: Sequence[Reader],
    now: datetime,
    attempt: Attempt = plainly,
    again: Again = at_once,
) -> None:
    """Let rules of kind ``new_topic`` look, once an hour. Only kept features are used."""
    hour = int(now.timestamp()) // 3600 * 3600
    for rule in rules:
        if rule.kind == "new_topic" and store.looks.at(rule.name) != hour:
            with attempt(rule), again(rule, now):
                _look_at_all(store, rule, readers, now)
                store.looks.note(rule.name, hour)


def _look_at_all(store: Store, rule: Rule, readers: Sequence[Reader], now: datetime) -> None:
    watched = [reader for reader in readers if _watches(rule, reader)]
    found = [(reader, _look(store, rule, reader, now)) for reader in watched]
    with store.transaction():
        for reader, (verdict, behind) in found:
            follow(store, rule, {"task": reader.task.name}, verdict, these(behind), now)
        names = {reader.task.name for reader in watched}
        for alert in store.alerts.open_of(rule.name):
            if alert.selection["task"] not in names:
                withdraw(store, rule, alert.selection, endings.TASK_UNWATCHED, now)


def _watches(rule: Rule, reader: Reader) -> bool:
    """What sounds neither good nor bad may be about anything: no topic is missing there, unless a rule says so."""
    named = rule.settings.tasks
    return reader.task.name in named if named else reader.task.family != SENTIMENT


def _look(store: Store, rule: Rule, reader: Reader, now: datetime) -> tuple[Verdict, list[StoredDocument]]:
    settings, at = rule.settings, int(now.timestamp())
    split = now - timedelta(seconds=settings.recent)
    since = split - timedelta(seconds=settings.reference)
    oldest = store.documents.span()[0]
    known = max(since, oldest) if oldest is not None else now
    days = ((now - split) / timedelta(days=1), (split - known) / timedelta(days=1))
    if reader.head is None or days[1] < 1:
        return Verdict.nothing(at, at, "still learning what is usual"), []
    name = reader.task.name
    recent = store.predictions.abstained(name, split, now, MOST, live=True)
    if len(recent) < settings.min_stories:
        return Verdict.nothing(at, at, "hardly any texts are without a label"), []
    old = store.predictions.abstained(name, known, split, MOST)
    usual = store.documents.find(since=known, until=now, limit=MOST // 4)
    texts, features = _features(store, reader, recent)
    _, past = _features(store, reader, old)
    others, all_ = _features(store, reader, [d.id for d in usual])
    if not len(features) or not len(all_):
        return Verdict.nothing(at, at, "no features are kept"), []
    group = new_topic.newest_group(features, past, all_.mean(axis=0), days, settings)
    if group is None:
        return Verdict.nothing(at, at, "the texts without a label tell of nothing new"), []
    chosen = [texts[row] for row in group.members]
    inside = {document.id for document, _ in chosen}
    words = new_topic.names([t for _, t in chosen], [t for d, t in others if d.id not in inside])
    label = "-".join(words) or "new"
    command = offer(name, label, [document for document, _ in chosen])
    said = f" ({', '.join(words)})" if words else ""
    usual_count = group.before / days[1] * days[0]
    reason = (
        f"{len(chosen)} texts that fit no label resemble each other{said}; "
        f"usually {'none' if usual_count < 0.5 else number(usual_count)} in {span(settings.recent)}{OFFER}{command}"
    )
    start = int(split.timestamp())
    verdict = Verdict(True, len(chosen), usual_count, 0.0, usual_count, start, at, 0.0, reason)
    return verdict, [document for document, _ in chosen[:100]]


def offer(task: str, label: str, documents: Sequence[StoredDocument]) -> str:
    """The command that makes documents, the most typical first, a label of a task."""
    seeds = " ".join(f"--seed {document.id}" for document in documents[:OFFERED])
    return f"monitor tasks extend {shlex.quote(task)} {shlex.quote(label)} {seeds}"


def _features(
    store: Store, reader: Reader, ids: Sequence[int]
) -> tuple[list[tuple[StoredDocument, str]], np.ndarray]:
    """Those documents whose features are kept, as the task, which has a head, reads them; features ``(n, d)``."""
    assert reader.head is not None
    read = [(d, text) for d in store.documents.many(ids) if (text := reader.read(d)) is not None]
    hashes = [text_hash(text) for _, text in read]
    kept = store.features.get(hashes, reader.head.view, reader.head.encoder)
    those = [(d, text) for d, text in read if text_hash(text) in kept]
    return those, np.array([kept[text_hash(text)] for _, text in those], np.float32)
