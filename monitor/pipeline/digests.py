"""Digests: gathered from the store, and put into the outbox once a period."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from monitor.alerts.digest import Digest, compose_digest, digest_key, moved, period
from monitor.alerts.naming import about
from monitor.alerts.representative import representative
from monitor.alerts.words import as_written, rising, terms
from monitor.pipeline.voices import SHOWN, shown
from monitor.store import Store
from monitor.store.background import EXCERPT, Background, Evidence
from monitor.store.digests import Digests
from monitor.types import Notification, StoredDocument

READ = 300
"""At most so many texts of the period are read for words, and so many earlier ones."""
ALERTS = 200
EARLIER_DAYS, EARLIER_WEEKS = 7, 4
"""How many earlier periods say what is usual."""


def send_due(store: Store, digests: Sequence[Digest], now: datetime) -> list[str]:
    """Put the digests that are due into the outbox; returns their names.

    The last whole period is told once, whenever the monitor is up again before the next one is
    whole. A digest that is new waits for its first period to end.
    """
    sent = []
    kept = Digests(store)
    for digest in digests:
        since, until = period(digest, now)
        done = kept.until(digest.name)
        if done is not None and done >= until:
            continue
        if done is None:
            kept.done(digest.name, until)
            continue
        data = gather_digest(store, digest, since, until)
        said = compose_digest(data, digest.zone)
        with store.transaction():
            for notifier in digest.notify:
                key = digest_key(digest.name, until, notifier)
                letter = Notification(key, "digest", said.title, said.body, data, said.html)
                store.outbox.add(notifier, letter, None, now)
            kept.done(digest.name, until)
        sent.append(digest.name)
    return sent


def gather_digest(store: Store, digest: Digest, since: datetime, until: datetime) -> dict[str, Any]:
    """What a digest says of the time from ``since`` to ``until``, as JSON-able data."""
    background = Background(store)
    first, end = int(since.timestamp()), int(until.timestamp())
    periods = _earlier(store, first, end - first)
    before = first - int(periods * (end - first))
    wanted = set(digest.tasks)

    def totals(since: int, until: int) -> list[tuple[dict[str, str], int]]:
        found = store.series.totals(since, until)
        return [(selection, n) for selection, n in found if not wanted or selection.keys() <= wanted]

    rose: list[dict[str, Any]] = []
    fell: list[dict[str, Any]] = []
    if periods:
        rose, fell = moved(totals(first, end), totals(before, first), periods)
    documents = store.documents.find(since=since, until=until, limit=READ)
    return {
        "name": digest.name,
        "event": "digest",
        "since": since.isoformat(),
        "until": until.isoformat(),
        "texts": background.sum({}, first, end),
        "usual": round(background.sum({}, before, first) / periods, 1) if periods else None,
        "alerts": _alerts(store, since, until),
        "rose": rose,
        "fell": fell,
        **_said(store, background, documents, rose, since, until),
        "sources": _sources(store, since, until),
        "unlabelled": {
            task: asdict(fit)
            for task, fit in Digests(store).fits(since, until).items()
            if not digest.tasks or task in digest.tasks
        },
    }


def _earlier(store: Store, since: int, length: int) -> float:
    """How many earlier periods are known, of those that say what is usual; 0 where not one is."""
    known = store.documents.history_from()
    most = EARLIER_WEEKS if length > 2 * 86400 else EARLIER_DAYS
    periods = 0.0 if known is None else min(most, (since - known) / length)
    return periods if periods >= 1 else 0.0


def _alerts(store: Store, since: datetime, until: datetime) -> list[dict[str, Any]]:
    found = []
    evidence = Evidence(store)
    for alert in reversed(store.alerts.find(limit=ALERTS)):
        if alert.fired_at is None or alert.fired_at >= until:
            continue
        if alert.resolved_at is not None and alert.resolved_at < since:
            continue
        over = alert.resolved_at if alert.resolved_at is not None and alert.resolved_at < until else None
        found.append(
            {
                "id": alert.id,
                "rule": alert.rule,
                "kind": alert.kind,
                "what": about(alert.kind, alert.selection),
                "selection": alert.selection,
                "low": alert.low,
                "high": alert.high,
                "observed": alert.observed,
                "expected": alert.expected,
                "reason": alert.reason,
                "seconds": evidence.of(alert.id).get("seconds", 3600),
                "fired_at": alert.fired_at.isoformat(),
                "resolved_at": None if over is None else over.isoformat(),
                "acked_by": alert.acked_by,
            }
        )
    return found


def _said(
    store: Store,
    background: Background,
    documents: Sequence[StoredDocument],
    rose: Sequence[dict[str, Any]],
    since: datetime,
    until: datetime,
) -> dict[str, Any]:
    """The words that rose among all texts, and texts of the series that rose."""
    stories = background.stories([d.id for d in documents])
    by_story = {stories[d.id]: terms(f"{d.title}. {d.text[:EXCERPT]}") for d in documents}
    first = min((d.id for d in documents), default=0)
    earlier = {e.story: terms(e.text) for e in background.before(first, {}, READ) if e.story not in by_story}
    rises = rising(list(by_story.values()), list(earlier.values()))
    written = [f"{d.title}\n{d.text[:EXCERPT]}" for d in documents]
    concerned: dict[int, StoredDocument] = {}
    for series in (s for s in rose[:3] if s["score"] >= rose[0]["score"] / 2):
        labels = list(series["selection"].items())
        for document in store.documents.find(labels=labels, since=since, until=until, limit=READ // 3):
            concerned[document.id] = document
    chosen = list(concerned.values()) or list(documents)
    told = background.stories([d.id for d in chosen])
    groups = [f"{d.source} {d.thread}" if d.thread else told[d.id] for d in chosen]
    said = [terms(f"{d.title}. {d.text[:EXCERPT]}") for d in chosen]
    picked = representative(said, groups, list(earlier.values()), SHOWN, {rise.term for rise in rises})
    sizes = Counter(groups)
    return {
        "words": [{**asdict(rise), "term": as_written(rise.term, written)} for rise in rises],
        "shown": [shown(chosen[i], sizes[groups[i]]) for i in picked],
    }


def _sources(store: Store, since: datetime, until: datetime) -> list[dict[str, Any]]:
    texts = Digests(store).per_source(since, until)
    return [
        {
            "name": source.name,
            "texts": texts.get(source.name, 0),
            "failures": source.failures,
            "error": source.last_error if source.failures else None,
        }
        for source in store.sources.all()
        if source.active
    ]
