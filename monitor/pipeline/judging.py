"""From counts to alerts: judge the series that are due, and write what follows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from monitor.alerts.detectors import History, Verdict
from monitor.alerts.lifecycle import delivery_key, step
from monitor.alerts.message import body, data, title
from monitor.alerts.rules import Rule, fingerprint
from monitor.store import Store
from monitor.store.alerts import StoredAlert
from monitor.store.room import BUCKET_S, bucket_of
from monitor.types import Notification, Selection, StoredDocument

ATTACHED = 100
"""At most so many documents are noted behind an alert at a time."""


def judge_due(store: Store, rules: Sequence[Rule], now: datetime) -> None:
    """Judge the series that got live documents since they were judged: one transaction.

    While backfill waits to be classified, what is usual is not known: rules that learn it
    are put off until it is done, the others are not.
    """
    due = store.series.due()
    if not due:
        return
    waiting = store.documents.backlog()
    with store.transaction():
        for rule in rules:
            if waiting and rule.detector.needs_history:
                continue
            for text, buckets in due.items():
                selection = json.loads(text)
                if rule.watches(selection):
                    _judge(store, rule, selection, buckets, now)
        if not waiting:
            store.series.clear_due()


def judge_open(store: Store, rules: Sequence[Rule], now: datetime) -> None:
    """Judge the series of open alerts again as time goes by, so that alerts resolve.

    An alert whose rule is gone is resolved.
    """
    by_name = {rule.name: rule for rule in rules}
    for alert in store.alerts.all_open():
        rule = by_name.get(alert.rule)
        if rule is None or not rule.watches(alert.selection):
            with store.transaction():
                _resolve(store, alert, "the rule is no longer there", now)
        else:
            _judge(store, rule, alert.selection, [], now)


def alert_data(store: Store, alert: StoredAlert) -> dict[str, Any]:
    """An alert with its documents as JSON-able data, as notifiers and commands give it out."""
    documents = store.documents.many(store.alerts.documents(alert.id))
    return data(asdict(alert), documents)


def verdict(store: Store, rule: Rule, selection: Selection, buckets: Iterable[int], now: datetime) -> Verdict:
    """The clearest verdict of a rule on a series: the firing window that is the least likely by chance.

    Windows end now and with each of ``buckets`` (epoch seconds), so that documents that came
    late, such as a feed's that is polled hourly, are judged at the time they belong to.
    """
    present = bucket_of(now) + BUCKET_S
    ends = sorted({present, *(bucket + BUCKET_S for bucket in buckets if bucket < present)})
    since = int(ends[0] - rule.detector.reach(rule.settings)) // BUCKET_S * BUCKET_S
    known = store.documents.history_from()
    history = _history(store, selection, since, ends[-1])
    from_ = present if known is None else known
    verdicts = [rule.detector.judge(history, end, from_, rule.settings) for end in ends]
    return min(verdicts, key=lambda v: (not v.firing, v.probability))


def _history(store: Store, selection: Selection, since: int, until: int) -> History:
    total = np.zeros((until - since) // BUCKET_S, dtype=np.int64)
    live = np.zeros_like(total)
    for count in store.series.counts(selection, since, until):
        place = (count.bucket - since) // BUCKET_S
        total[place], live[place] = count.total, count.live
    return History(since, BUCKET_S, total, live)


def _judge(store: Store, rule: Rule, selection: Selection, buckets: Sequence[int], now: datetime) -> None:
    found = verdict(store, rule, selection, buckets, now)
    mark = fingerprint(rule.name, selection)
    with store.transaction():
        alert = store.alerts.open(mark)
        todo = step(
            found.firing,
            alert.fired_at if alert else None,
            alert.last_firing_at if alert else None,
            now,
            rule.settings.window,
        )
        if todo == "fire":
            _fire(store, rule, selection, mark, found, now)
        elif alert is not None and todo == "go on":
            worse = {k: getattr(found, k) for k in ("observed", "expected", "low", "high", "reason")}
            store.alerts.still_firing(alert.id, now, worse=worse if found.observed > alert.observed else None)
            store.alerts.attach(alert.id, [d.id for d in _documents(store, selection, found)])
        elif alert is not None and todo == "resolve":
            _resolve(store, alert, f"quiet again: {found.reason}", now)


def _fire(store: Store, rule: Rule, selection: Selection, mark: str, found: Verdict, now: datetime) -> None:
    alert_id = store.alerts.insert(
        rule=rule.name,
        kind=rule.kind,
        fingerprint=mark,
        selection=selection,
        since=datetime.fromtimestamp(found.since, UTC),
        now=now,
        observed=found.observed,
        expected=found.expected,
        low=found.low,
        high=found.high,
        reason=found.reason,
        notify=rule.notify,
    )
    documents = _documents(store, selection, found)
    store.alerts.attach(alert_id, [document.id for document in documents])
    _announce(store, store.alerts.need(alert_id), "firing", documents, now)


def _resolve(store: Store, alert: StoredAlert, reason: str, now: datetime) -> None:
    store.alerts.resolve(alert.id, reason, now)
    documents = store.documents.many(store.alerts.documents(alert.id))
    _announce(store, store.alerts.need(alert.id), "resolved", documents, now)


def _announce(
    store: Store, alert: StoredAlert, event: Any, documents: Sequence[StoredDocument], now: datetime
) -> None:
    """A letter to each notifier, in the transaction that changed the alert."""
    assert alert.fired_at is not None
    for notifier in alert.notify:
        store.outbox.add(
            notifier,
            Notification(
                key=delivery_key(alert.fingerprint, alert.fired_at, event, notifier),
                event=event,
                title=title(event, alert.rule, alert.selection, alert.observed, alert.expected),
                body=body(alert.reason, documents),
                data=data(asdict(alert), documents),
            ),
            alert.id,
            now,
        )


def _documents(store: Store, selection: Selection, found: Verdict) -> list[StoredDocument]:
    since = datetime.fromtimestamp(found.since, UTC)
    return store.documents.find(
        labels=list(selection.items()),
        since=since,
        until=since + timedelta(seconds=found.until - found.since),
        live=True,
        limit=ATTACHED,
    )
