"""Who is told of an alert, and when: routes, groups, silences, inhibition, mutes.

What was told is written in the transaction that puts the letter into the outbox, and what is
owed follows from the database alone: a process that is killed forgets nothing and repeats nothing.

A silence, a snooze and inhibition hold back the news that an alert fires; they do not hold back
its end from those who know of it. A mute holds back both until it is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from monitor.alerts.grouping import group_key, group_letter
from monitor.alerts.lifecycle import delivery_key
from monitor.alerts.message import LETTER_DOCUMENTS
from monitor.pipeline.wording import word
from monitor.routes import Policy, Route, group_labels
from monitor.store import Store
from monitor.store.alerts import StoredAlert
from monitor.store.silences import Silence
from monitor.store.tellings import AlertGroup, Telling
from monitor.types import Notification

Event = Literal["firing", "resolved"]
SHOWN_TEXTS = 5
"""Documents of each alert in a letter about several."""


@dataclass(frozen=True)
class _Scene:
    """What a round goes by. ``firing``: alerts that may inhibit others."""

    store: Store
    policy: Policy
    now: datetime
    silences: Sequence[Silence]
    firing: Sequence[StoredAlert] = field(default_factory=tuple)

    def groups(self, route: str) -> Route | None:
        """The route of that name, if it is there and groups."""
        found = self.policy.route(route)
        return found if found is not None and found.group_by is not None else None

    def held(self, alert: StoredAlert) -> str:
        """Why nobody is to be told that an alert fires, or ``""``."""
        if alert.snoozed_until is not None and self.now < alert.snoozed_until:
            return f"snoozed by {alert.snoozed_by} until {alert.snoozed_until:%Y-%m-%dT%H:%M:%SZ}"
        for silence in self.silences:
            if silence.covers(alert.labels):
                said = f": {silence.comment}" if silence.comment else ""
                return f"silence {silence.id} of {silence.author}{said}"
        for other in self.firing:
            for inhibit in self.policy.inhibits:
                if other.id != alert.id and inhibit.holds(other.labels, alert.labels):
                    return f"inhibited by alert {other.id} ({other.rule})"
        mute = self.policy.muted(alert.labels, self.now)
        return f"mute {mute}" if mute else ""


def tell(store: Store, alert: StoredAlert, policy: Policy, now: datetime) -> None:
    """Tell at once what there is to tell of one alert; what is grouped waits for :func:`dispatch`."""
    with store.transaction():
        _tell(_scene(store, policy, now), alert)


def dispatch(store: Store, policy: Policy, now: datetime) -> None:
    """One round: what is owed of any alert, now that time went by. One transaction."""
    if not store.alerts.unsettled() and not store.tellings.groups():
        return
    with store.transaction():
        scene = _scene(store, policy, now)
        for alert in store.alerts.unsettled():
            _tell(scene, alert)
        alerts = store.alerts.unsettled()
        for group in store.tellings.groups():
            _flush(scene, group, alerts)


def letter(
    store: Store,
    alert: StoredAlert,
    event: Event,
    key: str,
    now: datetime,
    *,
    times: int = 1,
    most: int = LETTER_DOCUMENTS,
) -> Notification:
    """The letter about one event of one alert.

    :param times: how often this was told, this time included.
    :param most: the letter has at most so many of its documents.
    """
    documents = store.documents.many(store.alert_documents.of_alert(alert.id))
    told = word(store, alert, event, documents, now, times=times, most=most)
    return Notification(key, event, told.title, told.body, told.data, html=told.html)


def _scene(store: Store, policy: Policy, now: datetime) -> _Scene:
    firing = [a for a in store.alerts.all_open() if a.state == "firing"] if policy.inhibits else []
    return _Scene(store, policy, now, store.silences.active(now), firing)


def _tell(scene: _Scene, alert: StoredAlert) -> None:
    told = scene.store.tellings.of_alert(alert.id)
    if alert.state == "resolved":
        _tell_end(scene, alert, told)
    elif alert.state == "firing":
        _tell_firing(scene, alert, told)


def _tell_end(scene: _Scene, alert: StoredAlert, told: dict[str, Telling]) -> None:
    for telling in told.values():
        if telling.resolved_at is not None:
            continue
        if grouping := scene.groups(telling.route):
            scene.store.tellings.group(grouping.name, group_labels(grouping, alert.labels), scene.now)
        elif not _end_muted(scene, alert, telling.route):
            _write(scene, alert, "resolved", telling.notifier)
            scene.store.tellings.resolved(alert.id, telling.notifier, scene.now)


def _tell_firing(scene: _Scene, alert: StoredAlert, told: dict[str, Telling]) -> None:
    held = scene.held(alert)
    why, knows = held, set(told)
    for route, notifiers in _ways(scene, alert):
        new = [n for n in dict.fromkeys(notifiers) if n not in knows]
        muted = scene.policy.route_muted(route, scene.now) if route else ""
        if muted and new and not why:
            why = f"mute {muted} of the route {route.name}" if route else ""
        grouped = route is not None and route.group_by is not None
        if route is not None and grouped and (any(t.route == route.name for t in told.values())):
            scene.store.tellings.group(route.name, group_labels(route, alert.labels), scene.now)
        if held or muted:
            continue
        if route is not None and grouped:
            if new:
                scene.store.tellings.group(route.name, group_labels(route, alert.labels), scene.now)
            continue
        for notifier in new:
            _write(scene, alert, "firing", notifier)
            scene.store.tellings.told(alert.id, notifier, route.name if route else "", scene.now)
            knows.add(notifier)
        for telling in told.values():
            if (
                route is not None
                and telling.route == route.name
                and _again(scene, route, alert, telling.last_at)
            ):
                _write(scene, alert, "firing", telling.notifier, telling.times + 1)
                scene.store.tellings.told(alert.id, telling.notifier, route.name, scene.now)
    if why != alert.suppressed:
        scene.store.alerts.suppress(alert.id, why, scene.now)


def _ways(scene: _Scene, alert: StoredAlert) -> list[tuple[Route | None, Sequence[str]]]:
    """The routes an alert takes with their notifiers; its rule's own where it takes none."""
    routes = scene.policy.routes_for(alert.labels) if alert.routed else []
    return [(route, route.notify) for route in routes] or [(None, alert.notify)]


def _end_muted(scene: _Scene, alert: StoredAlert, route_name: str) -> bool:
    route = scene.policy.route(route_name)
    muted = scene.policy.muted(alert.labels, scene.now)
    return bool(muted or (route is not None and scene.policy.route_muted(route, scene.now)))


def _again(scene: _Scene, route: Route, alert: StoredAlert, last_at: datetime) -> bool:
    """Whether to say once more that an alert fires: not where somebody looks after it, nor while it is quiet."""
    if not route.repeat_interval or alert.acked_at is not None or alert.quiet_since is not None:
        return False
    return (scene.now - last_at).total_seconds() >= route.repeat_interval


def _write(scene: _Scene, alert: StoredAlert, event: Event, notifier: str, times: int = 1) -> None:
    assert alert.fired_at is not None
    key = delivery_key(alert.fingerprint, alert.number, alert.fired_at, event, notifier, times)
    scene.store.outbox.add(
        notifier, letter(scene.store, alert, event, key, scene.now, times=times), alert.id, scene.now
    )


# -- groups ------------------------------------------------------------------------------


def _flush(scene: _Scene, group: AlertGroup, unsettled: Sequence[StoredAlert]) -> None:
    """Write a group's letters if it is time, and close it when nothing of it is left."""
    route = scene.groups(group.route)
    members = [] if route is None else _members(scene, route, group, unsettled)
    if route is None or not members:
        scene.store.tellings.close_group(group.id)
        return
    # a clock that was put back does not make a group wait for the time it showed before
    opened = min(group.opened_at, scene.now)
    last = None if group.last_at is None else min(group.last_at, scene.now)
    waited = (scene.now - (last or opened)).total_seconds()
    if waited >= 2 * route.longest_pause:
        group = replace(group, letters=0)  # it was calm: the next letters are the first again
    # Conversations that nobody answers come one by one and are one outage; any other news waits no longer than asked.
    threads = all("thread" in alert.labels for alert, _ in members)
    wrote = False
    if waited >= route.pause(
        group.letters if threads else min(group.letters, 1)
    ) and not scene.policy.route_muted(route, scene.now):
        wrote = _write_group(scene, route, replace(group, last_at=last), members)
    if wrote:
        scene.store.tellings.set_group(group.id, opened, scene.now, group.letters + 1)
    elif (opened, last) != (group.opened_at, group.last_at):
        scene.store.tellings.set_group(group.id, opened, last, group.letters)


def _members(
    scene: _Scene, route: Route, group: AlertGroup, unsettled: Sequence[StoredAlert]
) -> list[tuple[StoredAlert, dict[str, Telling]]]:
    """The alerts of a group with who was told of them."""
    found = []
    for alert in unsettled:
        if group_labels(route, alert.labels) != group.labels:
            continue
        told = scene.store.tellings.of_alert(alert.id)
        mine = {n: t for n, t in told.items() if t.route == route.name and t.resolved_at is None}
        takes = alert.state == "firing" and any(
            way is not None and way.name == route.name for way, _ in _ways(scene, alert)
        )
        if mine or (takes and not scene.held(alert)):
            found.append((alert, told))
    return found


def _write_group(
    scene: _Scene, route: Route, group: AlertGroup, members: Sequence[tuple[StoredAlert, dict[str, Telling]]]
) -> bool:
    told_ones = {n for _, told in members for n, t in told.items() if t.route == route.name}
    wrote = False
    for notifier in dict.fromkeys([*route.notify, *sorted(told_ones)]):
        wrote |= _write_to(scene, route, group, members, notifier)
    return wrote


def _write_to(
    scene: _Scene,
    route: Route,
    group: AlertGroup,
    members: Sequence[tuple[StoredAlert, dict[str, Telling]]],
    notifier: str,
) -> bool:
    """A letter to one notifier, if there is news for it or it is time to say it once more."""
    new, going, over = _news(scene, route, members, notifier)
    again = group.last_at is not None and any(_again(scene, route, a, group.last_at) for a in going)
    if not (new or over or again):
        return False
    repeated = going if again else []
    everything = [*new, *going, *over]
    key = group_key(group.route, group.labels, group.id, group.letters + 1, scene.now, notifier)
    times = {a.id: told[notifier].times for a, told in members if notifier in told}
    letters = []
    for alert in everything:
        event: Event = "resolved" if alert.state == "resolved" else "firing"
        count = times.get(alert.id, 0) + 1 if event == "firing" and alert in repeated else 1
        alone = len(everything) == 1
        letters.append(
            letter(
                scene.store,
                alert,
                event,
                key,
                scene.now,
                times=count,
                most=LETTER_DOCUMENTS if alone else SHOWN_TEXTS,
            )
        )
    found = letters[0] if len(letters) == 1 else group_letter(key, group.labels, letters, new=len(new))
    one = everything[0].id if len(everything) == 1 else None
    scene.store.outbox.add(notifier, found, one, scene.now, alerts=[a.id for a in everything])
    for alert in [*new, *repeated]:
        scene.store.tellings.told(alert.id, notifier, route.name, scene.now)
    for alert in over:
        scene.store.tellings.resolved(alert.id, notifier, scene.now)
    return True


def _news(
    scene: _Scene, route: Route, members: Sequence[tuple[StoredAlert, dict[str, Telling]]], notifier: str
) -> tuple[list[StoredAlert], list[StoredAlert], list[StoredAlert]]:
    """What a notifier does not know yet, what it knows and goes on, and what it does not know to be over."""
    new, going, over = [], [], []
    for alert, told in members:
        telling = told.get(notifier)
        mine = telling is not None and telling.route == route.name
        if alert.state == "firing" and scene.held(alert):
            continue
        if alert.state == "firing" and mine:
            going.append(alert)
        elif alert.state == "firing" and telling is None and notifier in route.notify:
            new.append(alert)
        elif alert.state == "resolved" and mine and telling is not None and telling.resolved_at is None:
            over += [] if _end_muted(scene, alert, route.name) else [alert]
    return new, going, over
