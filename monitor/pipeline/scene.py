"""What a round of telling goes by: routes, silences, snoozes, inhibition and mutes, at one moment.

A silence, a snooze and inhibition hold back the news that an alert fires; they do not hold back
its end from those who know of it. A mute holds back both until it is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from monitor.alerts.message import LETTER_DOCUMENTS
from monitor.pipeline.wording import word
from monitor.routes import Policy, Route
from monitor.store import Store
from monitor.store.alerts import StoredAlert
from monitor.store.silences import Silence
from monitor.types import Notification

Event = Literal["firing", "resolved"]


@dataclass(frozen=True)
class Scene:
    """What a round goes by, and what follows from it. ``firing``: alerts that may inhibit others."""

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

    def ways(self, alert: StoredAlert) -> list[tuple[Route | None, Sequence[str]]]:
        """The routes an alert takes with their notifiers; its rule's own where it takes none."""
        routes = self.policy.routes_for(alert.labels) if alert.routed else []
        return [(route, route.notify) for route in routes] or [(None, alert.notify)]

    def end_muted(self, alert: StoredAlert, route_name: str) -> bool:
        """Whether nobody is to be told now that an alert is over that this route told of."""
        route = self.policy.route(route_name)
        muted = self.policy.muted(alert.labels, self.now)
        return bool(muted or (route is not None and self.policy.route_muted(route, self.now)))

    def again(self, route: Route, alert: StoredAlert, last_at: datetime) -> bool:
        """Whether to say once more that an alert fires: not where somebody looks after it, nor while it is quiet."""
        if not route.repeat_interval or alert.acked_at is not None or alert.quiet_since is not None:
            return False
        return (self.now - last_at).total_seconds() >= route.repeat_interval


def scene_at(store: Store, policy: Policy, now: datetime) -> Scene:
    """What is in force at ``now``."""
    firing = [a for a in store.alerts.all_open() if a.state == "firing"] if policy.inhibits else []
    return Scene(store, policy, now, store.silences.active(now), firing)


def letter(
    store: Store,
    alert: StoredAlert,
    event: Event,
    key: str,
    now: datetime,
    *,
    times: int = 1,
    most: int = LETTER_DOCUMENTS,
    grouped: bool = False,
) -> Notification:
    """The letter about one event of one alert.

    :param times: how often this was told, this time included.
    :param most: the letter has at most so many of its documents.
    :param grouped: it is for a group.
    """
    documents = store.documents.many(store.alert_documents.of_alert(alert.id))
    told = word(store, alert, event, documents, now, times=times, most=most, grouped=grouped)
    return Notification(key, event, told.title, told.body, told.data, html=told.html)
