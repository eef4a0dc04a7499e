"""Notifications about several alerts of one route: what of a group a notifier does not know yet."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from monitor.alerts.grouping import group_key, group_notification
from monitor.alerts.message import NOTIFICATION_DOCUMENTS
from monitor.pipeline.alerting.situation import Event, Situation
from monitor.routes import Route, group_labels
from monitor.store.notification_log import AlertGroup, Notified
from monitor.store.stored_alert import StoredAlert

Labels = frozenset[tuple[str, str]]
SHOWN_TEXTS = 5
"""Documents of each alert in a notification about several."""


@dataclass(frozen=True)
class Member:
    """An alert of a group and which notifiers were ``notified`` of it.

    ``named``: those that the route notifies that it fires. ``ends``: who is to hear of its end by the route.
    """

    alert: StoredAlert
    notified: Mapping[str, Notified]
    named: Collection[str]
    ends: Collection[str]


def flush_all(situation: Situation, groups: Iterable[AlertGroup], unsettled: Sequence[StoredAlert]) -> None:
    """Write the notifications of groups for which it is time."""
    by_route: dict[str, Mapping[Labels, Sequence[StoredAlert]]] = {}
    for group in groups:
        route = situation.policy.route(group.route)
        if route is not None and route.name not in by_route:
            by_route[route.name] = _by_labels(route, unsettled)
        found = by_route.get(group.route, {}).get(frozenset(group.labels.items()), ())
        _flush(situation, group, route, found)


def _by_labels(route: Route, alerts: Sequence[StoredAlert]) -> Mapping[Labels, Sequence[StoredAlert]]:
    """Alerts by the labels of their group on a route; looked through once, for a route may have a thousand groups."""
    found: dict[Labels, list[StoredAlert]] = {}
    for alert in alerts:
        labels = group_labels(route, alert.labels)
        if labels is not None:
            found.setdefault(frozenset(labels.items()), []).append(alert)
    return found


def _flush(
    situation: Situation, group: AlertGroup, route: Route | None, alerts: Sequence[StoredAlert]
) -> None:
    """Write a group's notifications if it is time, and close it when nothing of it is left."""
    members = [] if route is None else _members(situation, route, alerts)
    if route is None or not members:
        situation.store.notification_log.close_group(group.id)
        return
    # a clock that was put back does not make a group wait for the time it showed before
    opened = min(group.opened_at, situation.now)
    last = None if group.last_at is None else min(group.last_at, situation.now)
    waited = (situation.now - (last or opened)).total_seconds()
    if waited >= 2 * route.longest_pause:
        group = replace(group, notifications=0)  # it was calm: the next notifications are the first again
    # Conversations that nobody answers come one by one and are one outage; any other news waits no longer than asked.
    threads = all("thread" in member.alert.labels for member in members)
    wrote = False
    if waited >= route.pause(
        group.notifications if threads else min(group.notifications, 1)
    ) and not situation.policy.route_muted(route, situation.now):
        wrote = _write_group(situation, route, replace(group, last_at=last), members)
    if wrote:
        situation.store.notification_log.set_group(group.id, opened, situation.now, group.notifications + 1)
    elif (opened, last) != (group.opened_at, group.last_at):
        situation.store.notification_log.set_group(group.id, opened, last, group.notifications)


def _members(situation: Situation, route: Route, alerts: Sequence[StoredAlert]) -> list[Member]:
    """Those of the alerts with a group's labels of which there is something to say by its route."""
    found = []
    for alert in alerts:
        notified = situation.store.notification_log.of_alert(alert.id)
        ways = situation.ways(alert) if alert.state == "firing" else []
        named = {name for way, names in ways if way is route for name in names}
        ends = {
            n
            for n, entry in notified.items()
            if entry.resolved_at is None and situation.way(alert, entry) is route
        }
        if ends or not named.isdisjoint(notified) or (named and not situation.held(alert)):
            found.append(Member(alert, notified, named, ends))
    return found


def _write_group(situation: Situation, route: Route, group: AlertGroup, members: Sequence[Member]) -> bool:
    others = {name for member in members for name in (*member.named, *member.ends)}
    wrote = False
    for notifier in dict.fromkeys([*route.notify, *sorted(others)]):
        if situation.policy.reaches(notifier):
            wrote |= _write_to(situation, route, group, members, notifier)
    return wrote


def _write_to(
    situation: Situation,
    route: Route,
    group: AlertGroup,
    members: Sequence[Member],
    notifier: str,
) -> bool:
    """A notification to one notifier, if there is news for it or it is time to say it once more."""
    new, going, over = _news(situation, route, members, notifier)
    entries = {m.alert.id: m.notified[notifier] for m in members if notifier in m.notified}
    named = {m.alert.id for m in members if notifier in m.named}
    known = [alert for alert in going if alert.id in named]
    worse = {a.id for a in known if situation.worse(route, a, entries[a.id])}
    repeated = [alert for alert in known if alert.id in worse]
    if any(situation.again(route, a, entries[a.id], group.last_at or entries[a.id].last_at) for a in known):
        repeated = known
    if not (new or over or repeated):
        return False
    everything = [*new, *going, *over]
    key = group_key(group.route, group.labels, group.id, group.notifications + 1, situation.now, notifier)
    notifications = []
    for alert in everything:
        event: Event = "resolved" if alert.state == "resolved" else "firing"
        count = entries[alert.id].times + 1 if alert in repeated else 1
        alone = len(everything) == 1
        notifications.append(
            situation.notification(
                alert,
                event,
                key,
                times=count,
                was=entries[alert.id] if alert.id in worse else None,
                most=NOTIFICATION_DOCUMENTS if alone else SHOWN_TEXTS,
                grouped=True,
            )
        )
    found = (
        notifications[0]
        if len(notifications) == 1
        else group_notification(key, group.labels, notifications, new=len(new))
    )
    one = everything[0].id if len(everything) == 1 else None
    situation.store.outbox.add(notifier, found, one, situation.now, alerts=[a.id for a in everything])
    for alert in [*new, *repeated]:
        situation.log(alert, notifier, route.name)
    for alert in over:
        situation.store.notification_log.resolved(alert.id, notifier, situation.now)
    return True


def _news(
    situation: Situation, route: Route, members: Sequence[Member], notifier: str
) -> tuple[list[StoredAlert], list[StoredAlert], list[StoredAlert]]:
    """What a notifier does not know yet, what it knows and goes on, and what it does not know to be over."""
    new, going, over = [], [], []
    for member in members:
        alert, knows = member.alert, notifier in member.notified
        if alert.state == "firing" and not situation.held(alert):
            if not knows and notifier in member.named:
                new.append(alert)
            elif knows and (notifier in member.named or notifier in member.ends):
                going.append(alert)
        elif alert.state == "resolved" and notifier in member.ends:
            over += [] if situation.end_muted(alert, route) else [alert]
    return new, going, over
