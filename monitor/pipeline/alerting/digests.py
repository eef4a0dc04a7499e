"""Digests: gathered from the store, and put into the outbox once a period."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from monitor.alerts.digest import Digest, compose_digest, digest_key, moved, period
from monitor.alerts.distance import distance
from monitor.alerts.representative import representative
from monitor.alerts.series_in_words import about
from monitor.alerts.words import as_written, pieces_of, rising, terms
from monitor.durations import DAY
from monitor.moments import moment, moment_or_none
from monitor.pipeline.alerting.voices import (
    SHOWN,
    distinct,
    excerpt,
    named,
    of_people,
    shown,
    voice,
    words_of,
)
from monitor.pipeline.alerting.windows import Windows
from monitor.pipeline.alerting.wording import as_it_stands
from monitor.store import Store
from monitor.store.background import Background
from monitor.store.stored_alert import StoredAlert
from monitor.types import Notification, StoredDocument

READ = 300
"""At most so many texts of the period are read for words, and so many earlier ones."""
ALERTS = 200
"""At most so many alerts are in a digest: what is drawn, what is open, then the newest; the others are counted."""
DRAWN = 12
"""So many series, those of the largest alerts, are drawn and come with their shares; the others are a line each."""
EVIDENCE = ("seconds", "ends_after", "shares", "names", "history")
"""What is taken over from what speaks for an alert."""
EARLIER_DAYS, EARLIER_WEEKS = 7, 4
"""How many earlier periods say what is usual."""


def send_due(store: Store, digests: Sequence[Digest], now: datetime) -> list[str]:
    """Put the digests that are due into the outbox; returns their names.

    The last whole period is reported once, whenever the monitor is up again before the next one is
    whole. A digest that is new waits for its first period to end; so does one whose last period lies ahead, by a
    clock that was put back. What was sent of a period is not sent again: its key is known.
    """
    sent = []
    for digest in digests:
        since, until = period(digest, now)
        done = store.digests.until(digest.name)
        if done is None or done > now:  # it is new, or the clock showed a time that is yet to come
            store.digests.done(digest.name, until)
            continue
        if done >= until:
            continue
        data = gather_digest(store, digest, since, until)
        said = compose_digest(data, digest.zone)
        with store.transaction():
            for notifier in digest.notify:
                key = digest_key(digest.name, until, notifier)
                notification = Notification(key, "digest", said.title, said.body, data, said.html)
                store.outbox.add(notifier, notification, None, now)
            store.digests.done(digest.name, until)
        sent.append(digest.name)
    return sent


def gather_digest(store: Store, digest: Digest, since: datetime, until: datetime) -> dict[str, Any]:
    """What a digest says of the time from ``since`` to ``until``, as JSON-able data."""
    first, end = int(since.timestamp()), int(until.timestamp())
    periods = _earlier(store, first, end - first)
    before = first - int(periods * (end - first))
    wanted = set(digest.tasks)

    def totals(since: int, until: int) -> list[tuple[dict[str, str], int]]:
        found = store.series.totals(since, until)
        return [(selection, n) for selection, n in found if not wanted or selection.keys() <= wanted]

    rose: list[dict[str, Any]] = []
    fell: list[dict[str, Any]] = []
    texts = Windows(store, as_live=True)
    if periods:
        rose, fell = moved(
            totals(first, end),
            totals(before, first),
            periods,
            lambda selection: texts.stories(selection, first, end, until),
        )
    alerts, left_out = _alerts(store, since, until)
    documents = store.documents.find(since=since, until=until, limit=READ)
    return {
        "name": digest.name,
        "event": "digest",
        "since": moment(since),
        "until": moment(until),
        "zone": digest.zone,
        "texts": store.background.sum({}, first, end),
        "usual": round(store.background.sum({}, before, first) / periods, 1) if periods else None,
        "alerts": alerts,
        "more_alerts": left_out,
        "rose": rose,
        "fell": fell,
        **_said(store, documents, _waves(store, alerts, rose, since, until)),
        "sources": _sources(store, since, until),
        "unlabelled": {
            task: asdict(fit)
            for task, fit in store.digests.fits(since, until).items()
            if not digest.tasks or task in digest.tasks
        },
    }


def _earlier(store: Store, since: int, length: int) -> float:
    """How many earlier periods are known, of those that say what is usual; 0 where not one is."""
    known = store.documents.history_from()
    most = EARLIER_WEEKS if length > 2 * DAY else EARLIER_DAYS
    periods = 0.0 if known is None else min(most, (since - known) / length)
    return periods if periods >= 1 else 0.0


def _alerts(store: Store, since: datetime, until: datetime) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """The alerts of the period: those that are drawn, the largest first, then the others by time.

    With them, how many more there were than :data:`ALERTS`, and how many of those are open.
    """
    standing = [(alert, store.evidence.of(alert.id)) for alert in store.alerts.standing_between(since, until)]
    large: dict[frozenset[tuple[str, str]], StoredAlert] = {}
    for alert in sorted(
        (alert for alert, evidence in standing if evidence.get("history")), key=_over, reverse=True
    ):
        large.setdefault(frozenset(alert.selection.items()), alert)
    drawn = {alert.id: n for n, alert in enumerate(list(large.values())[:DRAWN])}
    standing.sort(key=lambda one: (one[0].id in drawn, _open_at(one[0], until), one[0].id), reverse=True)
    left_out = {
        "number": len(standing[ALERTS:]),
        "open": sum(_open_at(alert, until) for alert, _ in standing[ALERTS:]),
    }
    standing = sorted(standing[:ALERTS], key=lambda one: one[0].id)
    found: list[dict[str, Any]] = []
    for alert, evidence in sorted(standing, key=lambda one: drawn.get(one[0].id, DRAWN)):
        if alert.id in drawn and alert.state != "resolved":
            texts = store.documents.many(store.alert_documents.of_alert(alert.id))
            evidence = as_it_stands(store, alert, texts, until)
        keys = EVIDENCE if alert.id in drawn else EVIDENCE[:2]
        assert alert.fired_at is not None
        over = None if _open_at(alert, until) else alert.resolved_at
        quiet = alert.quiet_since if alert.quiet_since is not None and alert.quiet_since < until else None
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
                "seconds": evidence.get("seconds", 3600),
                "evidence": {key: evidence[key] for key in keys if key in evidence},
                "since": moment(alert.since),
                "last_firing_at": moment(min(alert.last_firing_at, until)),
                "fired_at": moment(alert.fired_at),
                "resolved_at": moment_or_none(over),
                "ended": "" if over is None else store.transitions.ended(alert.id),
                "not_told": _not_notified(store, alert),
                "acked_by": alert.acked_by,
                "flapping": alert.flapping,
                "quiet_since": moment_or_none(quiet),
            }
        )
    return found, left_out


def _not_notified(store: Store, alert: StoredAlert) -> str:
    """Why nobody was notified of an alert; ``""`` where somebody was, or is to be."""
    if (alert.state != "resolved" and not alert.suppressed) or store.notification_log.of_alert(alert.id):
        return ""
    held = store.transitions.held_back(alert.id)
    return held[-1][0] if held else ""


def _open_at(alert: StoredAlert, time: datetime) -> bool:
    return alert.resolved_at is None or alert.resolved_at >= time


def _over(alert: StoredAlert) -> float:
    return distance(alert.observed, alert.expected)


def _waves(
    store: Store,
    alerts: Sequence[dict[str, Any]],
    rose: Sequence[dict[str, Any]],
    since: datetime,
    until: datetime,
) -> list[list[StoredDocument]]:
    """The texts of each alert, or where there was none of the series that rose; each text once, in the largest."""
    found: list[list[StoredDocument]] = []
    for alert in alerts:
        ids = store.alert_documents.of_alert(alert["id"])[:READ]
        found.append([d for d in store.documents.many(ids) if since <= d.event_at < until])
    if not any(found):
        for series in (s for s in rose[:3] if s["score"] >= rose[0]["score"] / 2):
            labels = list(series["selection"].items())
            found.append(store.documents.find(labels=labels, since=since, until=until, limit=READ // 3))
    taken: set[int] = set()
    waves = []
    for wave in sorted(found, key=len, reverse=True):
        waves.append([document for document in wave if document.id not in taken])
        taken |= {document.id for document in wave}
    return [wave for wave in waves if wave]


def _said(
    store: Store,
    documents: Sequence[StoredDocument],
    waves: Sequence[Sequence[StoredDocument]],
) -> dict[str, Any]:
    """The words and names that rose among all texts, and texts of what happened, more of a larger wave."""
    background = store.background
    stories = background.stories([d.id for d in documents])
    by_story = {stories[d.id]: words_of(d) for d in documents}
    first = min((d.id for d in documents), default=0)
    before = distinct(background.before(first, {}, READ), by_story.keys())
    earlier = [terms(one.text) for one in before]
    rises = rising(list(by_story.values()), earlier)
    written = [excerpt(d) for d in documents]
    ranked = _ranked(background, waves or [documents], earlier, pieces_of(rises))
    picked = [one for wave, seats in zip(ranked, _seats(ranked), strict=True) for one in wave[1][:seats]]
    return {
        "words": [{**asdict(rise), "term": as_written(rise.term, written)} for rise in rises],
        "names": [
            asdict(one) for one in named(store, documents, [stories[d.id] for d in documents], before, "")
        ],
        "shown": picked,
    }


Ranked = tuple[int, list[dict[str, Any]]]
"""How many texts a wave has, and those that are typical of it, the most typical first."""


def _ranked(
    background: Background,
    waves: Sequence[Sequence[StoredDocument]],
    earlier: Sequence[set[str]],
    stressed: set[str],
) -> list[Ranked]:
    """Each wave's typical texts; a story that several waves tell is told with the largest, which comes first.

    Of agents there are some only in a wave where nobody else has written.
    """
    told = background.stories([d.id for wave in waves for d in wave])
    groups = [[voice(d, told) for d in wave] for wave in waves]
    sizes = Counter(group for wave in groups for group in wave)
    ranked, met = [], set[str]()
    for wave, own in zip(waves, groups, strict=True):
        new = [(wave[n], own[n]) for n in of_people(wave) if own[n] not in met]
        picked = representative(
            [words_of(d) for d, _ in new], [group for _, group in new], earlier, SHOWN, stressed
        )
        ranked.append((len(wave), [shown(new[i][0], sizes[new[i][1]]) for i in picked]))
        met |= set(own)
    return ranked


def _seats(waves: Sequence[Ranked]) -> list[int]:
    """How many of the texts that are shown each wave gets: in proportion to its size (Sainte-Laguë)."""
    seats = [0] * len(waves)
    for _ in range(SHOWN):
        open_ = [n for n, (_, texts) in enumerate(waves) if seats[n] < len(texts)]
        if not open_:
            break
        seats[max(open_, key=lambda n: (waves[n][0] / (2 * seats[n] + 1), -n))] += 1
    return seats


def _sources(store: Store, since: datetime, until: datetime) -> list[dict[str, Any]]:
    texts = store.digests.per_source(since, until)
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
