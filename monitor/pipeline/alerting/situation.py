"""What a round of notifying goes by: routes, silences, snoozes, inhibition and mutes, at one moment.

A silence, a snooze and inhibition hold back the news that an alert fires; they do not hold back
its end from those who know of it. A mute holds back both until it is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from monitor.alerts.detectors.mention import MENTIONS
from monitor.alerts.message import NOTIFICATION_DOCUMENTS
from monitor.moments import moment
from monitor.pipeline.alerting.inhibition import Inhibition
from monitor.pipeline.alerting.wording import word
from monitor.routes import CONVERSATIONS, WORSE, Policy, Route
from monitor.store import Store
from monitor.store.notification_log import Notified
from monitor.store.silences import Silence
from monitor.store.stored_alert import StoredAlert
from monitor.types import Notification

Event = Literal["firing", "resolved"]

GROWING = {"surge", "threshold"}
"""Kinds whose figure is a number of texts in a window: four times as many are another thing."""


@dataclass(frozen=True)
class Situation:
    """What a round goes by, and what follows from it."""

    store: Store
    policy: Policy
    now: datetime
    silences: Sequence[Silence]
    inhibition: Inhibition

    def held(self, alert: StoredAlert) -> str:
        """Why nobody is to be notified that an alert fires, or ``""``."""
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

    def way(self, alert: StoredAlert, notified: Notified) -> Route | None:
        """The route by which a notifier hears more of an alert, ``None`` for none.

        That by which it was notified, as long as that one names it; else another that does, for routes are renamed.
        Where none does any more, its end goes the way that was taken.
        """
        routes = [route for route, names in self.ways(alert) if route and notified.notifier in names]
        names = [route.name for route in routes]
        if not routes or notified.route in names:
            return self.policy.route(notified.route)
        return routes[0]

    def end_muted(self, alert: StoredAlert, route: Route | None) -> bool:
        """Whether nobody is to be notified now, by a route, that an alert is over."""
        muted = self.policy.muted(alert.labels, self.now)
        return bool(muted or (route is not None and self.policy.route_muted(route, self.now)))

    def again(self, route: Route, alert: StoredAlert, notified: Notified, last_at: datetime) -> bool:
        """Whether to say once more that an alert fires: not where somebody looks after it, nor while it is quiet.

        Nor while one about it still waits for the notifier: what is said again counts from when it was heard.
        """
        if not route.repeat_interval or alert.acked_at is not None or alert.quiet_since is not None:
            return False
        if (self.now - last_at).total_seconds() < route.repeat_interval:
            return False
        waits, heard_at = self.store.notification_log.heard(alert.id, notified.notifier)
        if heard_at is None or heard_at > self.now:  # by a clock that has been put back since
            heard_at = last_at
        return not waits and (self.now - heard_at).total_seconds() >= route.repeat_interval

    def log(self, alert: StoredAlert, notifier: str, route: str) -> None:
        """Note that a notification to a notifier says that an alert fires, and what its figure is."""
        seconds = self.store.evidence.of(alert.id).get("seconds")
        self.store.notification_log.log(
            alert.id, notifier, route, self.now, observed=alert.observed, seconds=seconds
        )

    def worse(self, route: Route | None, alert: StoredAlert, notified: Notified) -> bool:
        """Whether to say at once that there are many more texts than a notifier knows of, whoever looks after it.

        Of words, also that there is one that no text said when it was notified.

        Not while a notification about it still waits: that is not heard yet.
        """
        factor = WORSE if route is None else route.worse
        mentions = alert.kind in MENTIONS
        if mentions:  # each one matters: twice as many are another thing
            factor **= 0.5
        elif alert.kind not in GROWING or alert.quiet_since is not None:
            return False
        if not factor or not notified.observed:
            return False
        grown = alert.observed >= factor * notified.observed
        if not grown and not (mentions and self.store.transitions.widened(alert.id, notified.last_at)):
            return False
        return not self.store.notification_log.heard(alert.id, notified.notifier)[0]

    def notification(
        self,
        alert: StoredAlert,
        event: Event,
        key: str,
        *,
        times: int = 1,
        was: Notified | None = None,
        most: int = NOTIFICATION_DOCUMENTS,
        grouped: bool = False,
    ) -> Notification:
        """The notification about one event of one alert.

        :param times: how often this was notified of, this time included.
        :param was: where it is repeated because it is worse, what was logged last.
        :param most: the notification has at most so many of its documents.
        :param grouped: it is for a group.
        """
        documents = self.store.documents.many(self.store.alert_documents.of_alert(alert.id))
        said = word(
            self.store, alert, event, documents, self.now, times=times, was=was, most=most, grouped=grouped
        )
        return Notification(key, event, said.title, said.body, said.data, html=said.html)


def situation_at(store: Store, policy: Policy, now: datetime) -> Situation:
    """What is in force at ``now``."""
    firing = [a for a in store.alerts.all_open() if a.state == "firing"] if policy.inhibits else []
    return Situation(store, policy, now, store.silences.active(now), Inhibition(policy.inhibits, firing))
