"""Who is told of an alert, and when.

What was told is written in the transaction that puts the letter into the outbox, and what is
owed follows from the database alone: a process that is killed forgets nothing and repeats nothing.
"""

from __future__ import annotations

from datetime import datetime

from monitor.alerts.lifecycle import delivery_key
from monitor.pipeline.group_telling import flush
from monitor.pipeline.scene import Event, Scene, letter, scene_at
from monitor.routes import Policy, group_labels
from monitor.store import Store
from monitor.store.alerts import StoredAlert
from monitor.store.tellings import Telling


def tell(store: Store, alert: StoredAlert, policy: Policy, now: datetime) -> None:
    """Tell at once what there is to tell of one alert; what is grouped waits for :func:`dispatch`."""
    with store.transaction():
        _tell(scene_at(store, policy, now), alert)


def dispatch(store: Store, policy: Policy, now: datetime) -> None:
    """One round: what is owed of any alert, now that time went by. One transaction."""
    if not store.alerts.unsettled() and not store.tellings.groups():
        return
    with store.transaction():
        store.tellings.put_back(now)
        scene = scene_at(store, policy, now)
        for alert in store.alerts.unsettled():
            _tell(scene, alert)
        alerts = store.alerts.unsettled()
        for group in store.tellings.groups():
            flush(scene, group, alerts)


def _tell(scene: Scene, alert: StoredAlert) -> None:
    told = scene.store.tellings.of_alert(alert.id)
    if alert.state == "resolved":
        _tell_end(scene, alert, told)
    elif alert.state == "firing":
        _tell_firing(scene, alert, told)


def _tell_end(scene: Scene, alert: StoredAlert, told: dict[str, Telling]) -> None:
    for telling in told.values():
        if telling.resolved_at is not None:
            continue
        route = scene.way(alert, telling)
        there = scene.policy.reaches(telling.notifier)
        if there and route is not None and route.group_by is not None:
            scene.store.tellings.group(route.name, group_labels(route, alert.labels), scene.now)
        elif scene.end_muted(alert, route):
            continue
        elif there:
            _write(scene, alert, "resolved", telling.notifier)
            scene.store.tellings.resolved(alert.id, telling.notifier, scene.now)
        else:
            for name in _who_stood_in(scene, alert, told, telling.notifier):
                _write(scene, alert, "resolved", name)
            scene.store.tellings.forget(alert.id, telling.notifier)


def _who_stood_in(scene: Scene, alert: StoredAlert, told: dict[str, Telling], gone: str) -> list[str]:
    """Who knows of an alert by copies of letters to a notifier that is not configured any more, and not by itself."""
    names = scene.store.tellings.stood_in(alert.id, gone)
    return [name for name in names if name not in told and scene.policy.reaches(name)]


def _tell_firing(scene: Scene, alert: StoredAlert, told: dict[str, Telling]) -> None:
    held = scene.held(alert)
    why, knows, repeated = held, set(told), set[str]()
    for route, notifiers in scene.ways(alert):
        new = [n for n in notifiers if n not in knows]
        muted = scene.policy.route_muted(route, scene.now) if route else ""
        if muted and new and not why:
            why = f"mute {muted} of the route {route.name}" if route else ""
        if route is not None and route.group_by is not None:
            if not told.keys().isdisjoint(notifiers) or (new and not held and not muted):
                scene.store.tellings.group(route.name, group_labels(route, alert.labels), scene.now)
            continue
        if held or muted:
            continue
        name = route.name if route else ""
        for notifier in new:
            _write(scene, alert, "firing", notifier)
            scene.told(alert, notifier, name)
            knows.add(notifier)
        for telling in (told[n] for n in notifiers if n in told and n not in repeated):
            worse = scene.worse(route, alert, telling)
            if worse or (route is not None and scene.again(route, alert, telling, telling.last_at)):
                _write(
                    scene, alert, "firing", telling.notifier, telling.times + 1, telling if worse else None
                )
                scene.told(alert, telling.notifier, name)
                repeated.add(telling.notifier)
    if why != alert.suppressed:
        scene.store.alerts.suppress(alert.id, why, scene.now)


def _write(
    scene: Scene, alert: StoredAlert, event: Event, notifier: str, times: int = 1, was: Telling | None = None
) -> None:
    assert alert.fired_at is not None
    key = delivery_key(alert.fingerprint, alert.number, alert.fired_at, event, notifier, times)
    said = letter(scene.store, alert, event, key, scene.now, times=times, was=was)
    scene.store.outbox.add(notifier, said, alert.id, scene.now)
