"""What a round of telling goes by: routes, silences, snoozes, inhibition and mutes, at one moment.

A silence, a snooze and inhibition hold back the news that an alert fires; they do not hold back
its end from those who know of it. A mute holds back both until it is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from monitor.alerts.message import LETTER_DOCUMENTS
from monitor.moments import moment
from monitor.pipeline.inhibition import Inhibition
from monitor.pipeline.wording import word
from monitor.routes import CONVERSATIONS, WORSE, Policy, Route
from monitor.store import Store
from monitor.store.alerts import StoredAlert
from monitor.store.silences import Silence
from monitor.store.tellings import Telling
from monitor.types import Notification

Event = Literal["firing", "resolved"]

GROWING = {"surge", "threshold"}
"""Kinds whose figure is a number of texts in a window: four times as many are another thing."""


@dataclass(frozen=True)
class Scene:
    """What a round goes by, and what follows from it."""

    store: Store
    policy: Policy
    now: datetime
    silences: Sequence[Silence]
    inhibition: Inhibition

    def held(self, alert: StoredAlert) -> str:
        """Why nobody is to be told that an alert fires, or ``""``."""
        if alert.snoozed_until is not None and self.now < alert.snoozed_until:
            return f"snoozed by {alert.snoozed_by} until {moment(alert.snoozed_until)}"
        for silence in self.silences:
            if silence.covers(alert.labels):
                said = f": {silence.comment}" if silence.comment else ""
                return f"silence {silence.id} of {silence.author}{said}"
        if (other := self.inhibition.of(alert)) is not None:
            return f"inhibited by alert {other.id} ({other.rule})"
        mute = self.policy.muted(alert.labels, self.now)
        return f"mute {mute}" if mute else ""

    def ways(self, alert: StoredAlert) -> list[tuple[Route | None, Sequence[str]]]:
        """The routes an alert takes with their notifiers, of those there are; its rule's own where it takes none."""
        if routes := self.policy.routes_for(alert.labels) if alert.routed else []:
            return [(route, self._there(route.notify)) for route in routes]
        return [(CONVERSATIONS if "thread" in alert.labels else None, self._there(alert.notify))]

    def _there(self, names: Sequence[str]) -> list[str]:
        return [name for name in dict.fromkeys(names) if self.policy.reaches(name)]

    def way(self, alert: StoredAlert, telling: Telling) -> Route | None:
        """The route by which a notifier hears more of an alert, ``None`` for none.

        That by which it was told, as long as that one names it; else another that does, for routes are renamed.
        Where none does any more, its end goes the way that was taken.
        """
        routes = [route for route, names in self.ways(alert) if route and telling.notifier in names]
        names = [route.name for route in routes]
        if not routes or telling.route in names:
            return self.policy.route(telling.route)
        return routes[0]

    def end_muted(self, alert: StoredAlert, route: Route | None) -> bool:
        """Whether nobody is to be told now, by a route, that an alert is over."""
        muted = self.policy.muted(alert.labels, self.now)
        return bool(muted or (route is not None and self.policy.route_muted(route, self.now)))

    def again(self, route: Route, alert: StoredAlert, telling: Telling, last_at: datetime) -> bool:
        """Whether to say once more that an alert fires: not where somebody looks after it, nor while it is quiet.

        Nor while a letter about it still waits for the notifier: what is said again counts from when it was heard.
        """
        if not route.repeat_interval or alert.acked_at is not None or alert.quiet_since is not None:
            return False
        if (self.now - last_at).total_seconds() < route.repeat_interval:
            return False
        waits, heard_at = self.store.tellings.heard(alert.id, telling.notifier)
        if heard_at is None or heard_at > self.now:  # by a clock that has been put back since
            heard_at = last_at
        return not waits and (self.now - heard_at).total_seconds() >= route.repeat_interval

    def told(self, alert: StoredAlert, notifier: str, route: str) -> None:
        """Note that a letter to a notifier says that an alert fires, and what its figure is."""
        seconds = self.store.evidence.of(alert.id).get("seconds")
        self.store.tellings.told(
            alert.id, notifier, route, self.now, observed=alert.observed, seconds=seconds
        )

    def worse(self, route: Route | None, alert: StoredAlert, telling: Telling) -> bool:
        """Whether to say at once that there are many more texts than a notifier knows of, whoever looks after it.

        Not while a letter about it still waits: that is not heard yet.
        """
        factor = WORSE if route is None else route.worse
        if alert.kind not in GROWING or not factor or not telling.observed or alert.quiet_since is not None:
            return False
        return (
            alert.observed >= factor * telling.observed
            and not self.store.tellings.heard(alert.id, telling.notifier)[0]
        )


def scene_at(store: Store, policy: Policy, now: datetime) -> Scene:
    """What is in force at ``now``."""
    firing = [a for a in store.alerts.all_open() if a.state == "firing"] if policy.inhibits else []
    return Scene(store, policy, now, store.silences.active(now), Inhibition(policy.inhibits, firing))


def letter(
    store: Store,
    alert: StoredAlert,
    event: Event,
    key: str,
    now: datetime,
    *,
    times: int = 1,
    was: Telling | None = None,
    most: int = LETTER_DOCUMENTS,
    grouped: bool = False,
) -> Notification:
    """The letter about one event of one alert.

    :param times: how often this was told, this time included.
    :param was: where it is told again because it is worse, what was told last.
    :param most: the letter has at most so many of its documents.
    :param grouped: it is for a group.
    """
    documents = store.documents.many(store.alert_documents.of_alert(alert.id))
    told = word(store, alert, event, documents, now, times=times, was=was, most=most, grouped=grouped)
    return Notification(key, event, told.title, told.body, told.data, html=told.html)
