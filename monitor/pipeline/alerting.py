"""What a verdict makes of an alert: its state, its documents, and the letters about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from monitor.alerts.detectors import Verdict
from monitor.alerts.lifecycle import delivery_key, step
from monitor.alerts.message import data
from monitor.alerts.rules import Rule, fingerprint
from monitor.pipeline.wording import note, word
from monitor.store import Store
from monitor.store.alerts import StoredAlert
from monitor.store.background import Evidence
from monitor.types import Notification, Selection, StoredDocument

Behind = Callable[[Verdict], Sequence[StoredDocument]]
"""The documents behind a verdict, newest first; asked only where an alert needs them."""


def follow(
    store: Store, rule: Rule, selection: Selection, found: Verdict, behind: Behind, now: datetime
) -> None:
    """Let the alert of ``rule`` on ``selection`` follow a verdict: one transaction.

    Whatever made the verdict (a series, a conversation, a source that fell silent), this is the one
    way from it to an alert and to the outbox.
    """
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
            _fire(store, rule, selection, mark, found, behind(found), now)
        elif alert is not None and todo == "go on":
            worse = {k: getattr(found, k) for k in ("observed", "expected", "low", "high", "reason")}
            store.alerts.still_firing(alert.id, now, worse=worse if found.observed > alert.observed else None)
            store.alerts.attach(alert.id, [d.id for d in behind(found)])
        elif alert is not None and todo == "resolve":
            resolve(store, alert, f"quiet again: {found.reason}", now)


def resolve(store: Store, alert: StoredAlert, reason: str, now: datetime) -> None:
    """End an alert, and say so to those who were told that it fired."""
    store.alerts.resolve(alert.id, reason, now)
    documents = store.documents.many(store.alerts.documents(alert.id))
    _announce(store, store.alerts.need(alert.id), "resolved", documents, now)


def alert_data(store: Store, alert: StoredAlert) -> dict[str, Any]:
    """An alert with its documents as JSON-able data, as notifiers and commands give it out."""
    documents = store.documents.many(store.alerts.documents(alert.id))
    return data(asdict(alert), documents, evidence=Evidence(store).of(alert.id))


def _fire(
    store: Store,
    rule: Rule,
    selection: Selection,
    mark: str,
    found: Verdict,
    documents: Sequence[StoredDocument],
    now: datetime,
) -> None:
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
    store.alerts.attach(alert_id, [document.id for document in documents])
    alert = store.alerts.need(alert_id)
    note(store, alert, documents, now, rule=rule, found=found)
    _announce(store, alert, "firing", documents, now)


def _announce(
    store: Store,
    alert: StoredAlert,
    event: Any,
    documents: Sequence[StoredDocument],
    now: datetime,
) -> None:
    """A letter to each notifier, in the transaction that changed the alert."""
    assert alert.fired_at is not None
    told = word(store, alert, event, documents, now)
    for notifier in alert.notify:
        store.outbox.add(
            notifier,
            Notification(
                key=delivery_key(alert.fingerprint, alert.fired_at, event, notifier),
                event=event,
                title=told.title,
                body=told.body,
                data=told.data,
                html=told.html,
            ),
            alert.id,
            now,
        )
