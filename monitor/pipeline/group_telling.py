"""Letters about several alerts of one route: what a group's members have that a notifier does not know yet."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from monitor.alerts.grouping import group_key, group_letter
from monitor.alerts.message import LETTER_DOCUMENTS
from monitor.pipeline.scene import Event, Scene, letter
from monitor.routes import Route, group_labels
from monitor.store.alerts import StoredAlert
from monitor.store.tellings import AlertGroup, Telling

SHOWN_TEXTS = 5
"""Documents of each alert in a letter about several."""


@dataclass(frozen=True)
class Member:
    """An alert of a group with who was ``told`` of it.

    ``named``: whom the route tells that it fires. ``ends``: who is to hear of its end by the route.
    """

    alert: StoredAlert
    told: Mapping[str, Telling]
    named: Collection[str]
    ends: Collection[str]


def flush(scene: Scene, group: AlertGroup, unsettled: Sequence[StoredAlert]) -> None:
    """Write a group's letters if it is time, and close it when nothing of it is left."""
    route = scene.policy.route(group.route)
    grouping = route is not None and route.group_by is not None
    members = _members(scene, route, group, unsettled) if route and grouping else []
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
    threads = all("thread" in member.alert.labels for member in members)
    wrote = False
    if waited >= route.pause(
        group.letters if threads else min(group.letters, 1)
    ) and not scene.policy.route_muted(route, scene.now):
        wrote = _write_group(scene, route, replace(group, last_at=last), members)
    if wrote:
        scene.store.tellings.set_group(group.id, opened, scene.now, group.letters + 1)
    elif (opened, last) != (group.opened_at, group.last_at):
        scene.store.tellings.set_group(group.id, opened, last, group.letters)


def _members(scene: Scene, route: Route, group: AlertGroup, unsettled: Sequence[StoredAlert]) -> list[Member]:
    """The alerts of a group."""
    found = []
    for alert in unsettled:
        if group_labels(route, alert.labels) != group.labels:
            continue
        told = scene.store.tellings.of_alert(alert.id)
        ways = scene.ways(alert) if alert.state == "firing" else []
        named = {name for way, names in ways if way is route for name in names}
        ends = {n for n, t in told.items() if t.resolved_at is None and scene.way(alert, t) is route}
        if ends or not named.isdisjoint(told) or (named and not scene.held(alert)):
            found.append(Member(alert, told, named, ends))
    return found


def _write_group(scene: Scene, route: Route, group: AlertGroup, members: Sequence[Member]) -> bool:
    others = {name for member in members for name in (*member.named, *member.ends)}
    wrote = False
    for notifier in dict.fromkeys([*route.notify, *sorted(others)]):
        if scene.policy.reaches(notifier):
            wrote |= _write_to(scene, route, group, members, notifier)
    return wrote


def _write_to(
    scene: Scene,
    route: Route,
    group: AlertGroup,
    members: Sequence[Member],
    notifier: str,
) -> bool:
    """A letter to one notifier, if there is news for it or it is time to say it once more."""
    new, going, over = _news(scene, route, members, notifier)
    tellings = {m.alert.id: m.told[notifier] for m in members if notifier in m.told}
    named = {m.alert.id for m in members if notifier in m.named}
    known = [alert for alert in going if alert.id in named]
    worse = {a.id for a in known if scene.worse(route, a, tellings[a.id])}
    repeated = [alert for alert in known if alert.id in worse]
    if any(scene.again(route, a, tellings[a.id], group.last_at or tellings[a.id].last_at) for a in known):
        repeated = known
    if not (new or over or repeated):
        return False
    everything = [*new, *going, *over]
    key = group_key(group.route, group.labels, group.id, group.letters + 1, scene.now, notifier)
    letters = []
    for alert in everything:
        event: Event = "resolved" if alert.state == "resolved" else "firing"
        count = tellings[alert.id].times + 1 if alert in repeated else 1
        alone = len(everything) == 1
        letters.append(
            letter(
                scene.store,
                alert,
                event,
                key,
                scene.now,
                times=count,
                was=tellings[alert.id] if alert.id in worse else None,
                most=LETTER_DOCUMENTS if alone else SHOWN_TEXTS,
                grouped=True,
            )
        )
    found = letters[0] if len(letters) == 1 else group_letter(key, group.labels, letters, new=len(new))
    one = everything[0].id if len(everything) == 1 else None
    scene.store.outbox.add(notifier, found, one, scene.now, alerts=[a.id for a in everything])
    for alert in [*new, *repeated]:
        scene.told(alert, notifier, route.name)
    for alert in over:
        scene.store.tellings.resolved(alert.id, notifier, scene.now)
    return True


def _news(
    scene: Scene, route: Route, members: Sequence[Member], notifier: str
) -> tuple[list[StoredAlert], list[StoredAlert], list[StoredAlert]]:
    """What a notifier does not know yet, what it knows and goes on, and what it does not know to be over."""
    new, going, over = [], [], []
    for member in members:
        alert, knows = member.alert, notifier in member.told
        if alert.state == "firing" and not scene.held(alert):
            if not knows and notifier in member.named:
                new.append(alert)
            elif knows and (notifier in member.named or notifier in member.ends):
                going.append(alert)
        elif alert.state == "resolved" and notifier in member.ends:
            over += [] if scene.end_muted(alert, route) else [alert]
    return new, going, over
