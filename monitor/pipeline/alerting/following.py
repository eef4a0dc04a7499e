"""What a verdict makes of an alert: its state and its documents; who is notified is next door."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from monitor.alerts import endings
from monitor.alerts.detectors import Verdict
from monitor.alerts.lifecycle import Life, span, step
from monitor.alerts.message import data
from monitor.alerts.rules import Rule, fingerprint
from monitor.durations import format_duration
from monitor.pipeline.alerting.notifying import notify
from monitor.pipeline.alerting.wording import as_it_stands, look_at, note
from monitor.routes import NOTIFY_AT_ONCE, Policy
from monitor.store import Store
from monitor.store.stored_alert import StoredAlert
from monitor.types import Selection, StoredDocument

PRESENT = {"conversation", "silence"}
"""Kinds whose figures say how long something lasts: they follow also where they got no worse."""

Behind = Callable[[Verdict], Sequence[StoredDocument]]
"""The documents behind a verdict, newest first; asked only where an alert needs them."""


def these(documents: Sequence[StoredDocument]) -> Behind:
    """Documents that are at hand already."""
    return lambda _: documents


def follow(
    store: Store, rule: Rule, selection: Selection, found: Verdict, behind: Behind, now: datetime
) -> None:
    """Let the alert of ``rule`` on ``selection`` follow a verdict: one transaction.

    Whatever made the verdict (a series, a conversation, a source that fell silent), this is the one
    way from it to an alert and to the outbox. Where what feeds it is silent, the verdict says
    ``unknown``, and an open alert is frozen.
    """
    mark = fingerprint(rule.name, selection)
    pace = rule.pace
    with store.transaction():
        alert = store.alerts.open(mark)
        if alert is not None and alert.kind != rule.kind:  # its figures answer another question
            resolve(store, alert, endings.RULE_CHANGED, now, rule.policy)
            alert = None
        if alert is None and not found.firing:
            return
        if alert is not None and (tuple(alert.notify), alert.routed) != (tuple(rule.notify), rule.routed):
            store.alerts.address(alert.id, rule.notify, rule.routed)  # the configuration changed
        fired = 0
        if found.firing and pace.flap_count:
            span_start = now - timedelta(seconds=pace.flap_span)
            fired = store.alerts.fired_between(mark, span_start, now)
        before = None if alert is None else life_of(alert)
        todo, after = step(before, found.sight, now, pace, fired)
        if todo in ("fire", "flap", "wait", "go on", "settle"):
            alert = _firing(store, rule, selection, mark, found, behind, alert, todo, now)
        if alert is None:
            return
        if before is not None and after is not None:
            _told_apart(store, alert, before, after, found, now)
        if todo == "flap":
            said = (
                f"fired {fired + 1} times in {format_duration(pace.flap_span)}; it stays open until it has "
            )
            store.transitions.add(
                alert.id, "flapping", f"{said}been quiet for {format_duration(span(pace))}", now
            )
        if after is not None:
            if after != before:
                store.alerts.set_clocks(
                    alert.id,
                    state_since=after.since,
                    quiet_since=after.quiet_since,
                    frozen_at=after.frozen_at,
                    flapping=after.state == "flapping",
                )
        elif todo == "drop":
            store.alerts.resolve(alert.id, f"did not last: {found.reason}", now)
        elif todo == "resolve":
            resolve(store, alert, endings.end_of(found.reason), now, rule.policy)
        if todo in ("fire", "flap"):
            notify(store, store.alerts.need(alert.id), rule.policy, now)


def new_alert(
    store: Store,
    rule: Rule,
    selection: Selection,
    mark: str,
    found: Verdict,
    now: datetime,
    state: Literal["pending", "firing"] = "firing",
) -> int:
    """Store an alert of ``rule`` with what the verdict says; returns its id. ``mark``: its fingerprint."""
    return store.alerts.insert(
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
        state=state,
        owner=rule.owner,
        routed=rule.routed,
        rule_labels=rule.labels,
    )


def withdraw(store: Store, rule: Rule, selection: Selection, reason: str, now: datetime) -> None:
    """Let an open alert of ``rule`` on ``selection`` see nothing any more, for ``reason``."""
    at = int(now.timestamp())
    follow(store, rule, selection, Verdict.nothing(at, at, reason), these([]), now)


def resolve(
    store: Store, alert: StoredAlert, reason: str, now: datetime, policy: Policy = NOTIFY_AT_ONCE
) -> None:
    """End an alert, and say so to those who were notified that it fired."""
    with store.transaction():
        store.alerts.resolve(alert.id, reason, now)
        notify(store, store.alerts.need(alert.id), policy, now)


def alert_data(store: Store, alert: StoredAlert, now: datetime | None = None) -> dict[str, Any]:
    """An alert with its documents as JSON-able data, as notifiers and commands give it out.

    :param now: where it is given, evidence that is old is read anew; what is kept stays as it is.
    """
    documents = store.documents.many(store.alert_documents.of_alert(alert.id))
    return data(asdict(alert), documents, evidence=as_it_stands(store, alert, documents, now))


def life_of(alert: StoredAlert) -> Life:
    """Where an open alert stands in its life."""
    since = alert.state_since or alert.fired_at or alert.last_firing_at
    if alert.state == "pending":
        return Life("pending", since, alert.quiet_since, alert.frozen_at)
    state = "flapping" if alert.flapping else "firing"
    return Life(state, since, alert.quiet_since, alert.frozen_at)  # type: ignore[arg-type]


def _firing(
    store: Store,
    rule: Rule,
    selection: Selection,
    mark: str,
    found: Verdict,
    behind: Behind,
    alert: StoredAlert | None,
    todo: str,
    now: datetime,
) -> StoredAlert:
    """A verdict that fires: a new alert, or news of the one there is."""
    fires = todo in ("fire", "flap")
    if alert is None:
        alert_id = new_alert(store, rule, selection, mark, found, now, "firing" if fires else "pending")
    else:
        alert_id = alert.id
        figures = {k: getattr(found, k) for k in ("observed", "expected", "low", "high", "reason")}
        worse = _worse(rule.kind, found, alert)
        follows = worse or rule.kind in PRESENT
        store.alerts.still_firing(alert_id, now, worse=figures if follows else None)
        if worse:
            look_at(store, alert_id, found)
        if fires:
            store.alerts.fire(alert_id, found.reason, now)
    documents = behind(found)
    store.alert_documents.add(alert_id, [document.id for document in documents])
    alert = store.alerts.need(alert_id)
    if fires:
        note(store, alert, documents, now, rule=rule, found=found)
    return alert


def _worse(kind: str, found: Verdict, alert: StoredAlert) -> bool:
    """Whether the figures of a verdict are worse than those that an alert has."""
    if kind == "drop":  # the smaller a share of what is usual, the worse
        return found.observed * alert.expected < alert.observed * found.expected
    return found.observed > alert.observed


def _told_apart(
    store: Store, alert: StoredAlert, before: Life, after: Life, found: Verdict, now: datetime
) -> None:
    """Note the steps that change no state."""
    if before.frozen_at is None and after.frozen_at is not None:
        store.transitions.add(alert.id, "frozen", found.reason, now)
    if before.frozen_at is not None and after.frozen_at is None:
        store.transitions.add(alert.id, "thawed", found.reason, now)
    if before.state == "flapping" and after.state == "firing":
        store.transitions.add(alert.id, "steady", "it has been firing without a break", now)
