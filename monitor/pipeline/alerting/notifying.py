"""Who is notified of an alert, and when.

Who was notified is written in the transaction that puts the notification into the outbox, and what is
owed follows from the database alone: a process that is killed forgets nothing and repeats nothing.
"""

from __future__ import annotations

from datetime import datetime

from monitor.alerts.lifecycle import delivery_key
from monitor.pipeline.alerting.group_notifying import flush_all
from monitor.pipeline.alerting.situation import Event, Situation, situation_at
from monitor.routes import Policy, group_labels
from monitor.store import Store
from monitor.store.notification_log import Notified
from monitor.store.stored_alert import StoredAlert


def notify(store: Store, alert: StoredAlert, policy: Policy, now: datetime) -> None:
    """Write at once the notifications that are due of one alert; what is grouped waits for :func:`dispatch`."""
    with store.transaction():
        _notify(situation_at(store, policy, now), alert)


def dispatch(store: Store, policy: Policy, now: datetime) -> None:
    """One round: what is owed of any alert, now that time went by. One transaction."""
    if not store.alerts.unsettled() and not store.notification_log.groups():
        return
    with store.transaction():
        store.notification_log.put_back(now)
        store.transitions.put_back(now)
        situation = situation_at(store, policy, now)
        for alert in store.alerts.unsettled():
            _notify(situation, alert)
        flush_all(situation, store.notification_log.groups(), store.alerts.unsettled())


def _notify(situation: Situation, alert: StoredAlert) -> None:
    notified = situation.store.notification_log.of_alert(alert.id)
    if alert.state == "resolved":
        _notify_end(situation, alert, notified)
    elif alert.state == "firing":
        _notify_firing(situation, alert, notified)


def _notify_end(situation: Situation, alert: StoredAlert, notified: dict[str, Notified]) -> None:
    for entry in notified.values():
        if entry.resolved_at is not None:
            continue
        route = situation.way(alert, entry)
        there = situation.policy.reaches(entry.notifier)
        shared = group_labels(route, alert.labels) if route else None
        if there and route is not None and shared is not None:
            situation.store.notification_log.group(route.name, shared, situation.now)
        elif situation.end_muted(alert, route):
            continue
        elif there:
            _write(situation, alert, "resolved", entry.notifier)
            situation.store.notification_log.resolved(alert.id, entry.notifier, situation.now)
        else:
            for name in _who_stood_in(situation, alert, notified, entry.notifier):
                _write(situation, alert, "resolved", name)
            situation.store.notification_log.forget(alert.id, entry.notifier)


def _who_stood_in(
    situation: Situation, alert: StoredAlert, notified: dict[str, Notified], gone: str
) -> list[str]:
    """Who knows of an alert only by copies of what was for a notifier that is not configured any more."""
    names = situation.store.notification_log.stood_in(alert.id, gone)
    return [name for name in names if name not in notified and situation.policy.reaches(name)]


def _notify_firing(situation: Situation, alert: StoredAlert, notified: dict[str, Notified]) -> None:
    held = situation.held(alert)
    why, knows, repeated = held, set(notified), set[str]()
    for route, notifiers in situation.ways(alert):
        new = [n for n in notifiers if n not in knows]
        muted = situation.policy.route_muted(route, situation.now) if route else ""
        if muted and new and not why:
            why = f"mute {muted} of the route {route.name}" if route else ""
        if route is not None and (shared := group_labels(route, alert.labels)) is not None:
            if not notified.keys().isdisjoint(notifiers) or (new and not held and not muted):
                situation.store.notification_log.group(route.name, shared, situation.now)
            continue
        if held or muted:
            continue
        name = route.name if route else ""
        for notifier in new:
            _write(situation, alert, "firing", notifier)
            situation.log(alert, notifier, name)
            knows.add(notifier)
        for entry in (notified[n] for n in notifiers if n in notified and n not in repeated):
            worse = situation.worse(route, alert, entry)
            if worse or (route is not None and situation.again(route, alert, entry, entry.last_at)):
                _write(situation, alert, "firing", entry.notifier, entry.times + 1, entry if worse else None)
                situation.log(alert, entry.notifier, name)
                repeated.add(entry.notifier)
    if why != alert.suppressed:
        situation.store.alerts.suppress(alert.id, why, situation.now)


def _write(
    situation: Situation,
    alert: StoredAlert,
    event: Event,
    notifier: str,
    times: int = 1,
    was: Notified | None = None,
) -> None:
    assert alert.fired_at is not None
    key = delivery_key(alert.fingerprint, alert.number, alert.fired_at, event, notifier, times)
    said = situation.notification(alert, event, key, times=times, was=was)
    situation.store.outbox.add(notifier, said, alert.id, situation.now)
