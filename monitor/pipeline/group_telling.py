"""Letters about several alerts of one route: what a group's members have that a notifier does not know yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from monitor.alerts.grouping import group_key, group_letter
from monitor.alerts.message import LETTER_DOCUMENTS
from monitor.pipeline.scene import Event, Scene, letter
from monitor.routes import Route, group_labels
from monitor.store.alerts import StoredAlert
from monitor.store.tellings import AlertGroup, Telling

SHOWN_TEXTS = 5
"""Documents of each alert in a letter about several."""


def flush(scene: Scene, group: AlertGroup, unsettled: Sequence[StoredAlert]) -> None:
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
    scene: Scene, route: Route, group: AlertGroup, unsettled: Sequence[StoredAlert]
) -> list[tuple[StoredAlert, dict[str, Telling]]]:
    """The alerts of a group with who was told of them."""
    found = []
    for alert in unsettled:
        if group_labels(route, alert.labels) != group.labels:
            continue
        told = scene.store.tellings.of_alert(alert.id)
        mine = {n: t for n, t in told.items() if t.route == route.name and t.resolved_at is None}
        takes = alert.state == "firing" and any(
            way is not None and way.name == route.name for way, _ in scene.ways(alert)
        )
        if mine or (takes and not scene.held(alert)):
            found.append((alert, told))
    return found


def _write_group(
    scene: Scene, route: Route, group: AlertGroup, members: Sequence[tuple[StoredAlert, dict[str, Telling]]]
) -> bool:
    told_ones = {n for _, told in members for n, t in told.items() if t.route == route.name}
    wrote = False
    for notifier in dict.fromkeys([*route.notify, *sorted(told_ones)]):
        wrote |= _write_to(scene, route, group, members, notifier)
    return wrote


def _write_to(
    scene: Scene,
    route: Route,
    group: AlertGroup,
    members: Sequence[tuple[StoredAlert, dict[str, Telling]]],
    notifier: str,
) -> bool:
    """A letter to one notifier, if there is news for it or it is time to say it once more."""
    new, going, over = _news(scene, route, members, notifier)
    again = group.last_at is not None and any(scene.again(route, a, group.last_at) for a in going)
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
                grouped=True,
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
    scene: Scene, route: Route, members: Sequence[tuple[StoredAlert, dict[str, Telling]]], notifier: str
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
            over += [] if scene.end_muted(alert, route.name) else [alert]
    return new, going, over
