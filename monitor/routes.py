"""Who is notified of which alerts, and when not: what a configuration says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field, field_validator, model_validator

from monitor.calendars import Hours, Weekdays, Zone, in_week, in_zone
from monitor.durations import Duration
from monitor.interfaces import Settings
from monitor.matching import Matchers, all_match

Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[\w][\w .-]*$")]

COMMON_LABELS = ("rule", "kind", "owner")
"""Labels of every alert, beside the parts of its selection."""
LabelName = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", max_length=80)]
LabelValue = Annotated[str, Field(min_length=1, max_length=200)]
"""Of labels that rules give their alerts; such names are legal for Prometheus as well."""
DETECTOR_LABELS = ("source", "entity", "thread", "task")
"""Labels that are no tasks: what some kinds of rules watch instead."""

LONGEST_PAUSE = 3600.0
"""Seconds: a group that keeps changing is notified of so often."""

WORSE = 4.0
"""So many times the texts of the last notification are news."""


class Route(Settings):
    """One ``[[routes]]``."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: Name
    match: Matchers = ()
    notify: tuple[str, ...]
    group_by: tuple[str, ...] | None = Field(
        None, description="alerts with the same values of these labels share notifications"
    )
    group_wait: Duration = Field(
        30.0, ge=0, description="from a group's first alert to its first notification"
    )
    group_interval: Duration = Field(
        300.0, ge=0, description="between the first two notifications of a group, at least"
    )
    repeat_interval: Duration = Field(0.0, ge=0, description="say again what still fires; 0: never")
    worse: float = Field(
        WORSE,
        ge=0,
        description="say at once that there are so many times (more than 1) the texts last notified of; 0: never",
    )
    continue_: bool = Field(False, alias="continue", description="look at the routes below as well")
    mute: tuple[str, ...] = Field((), description="names of mutes")

    @field_validator("worse")
    @classmethod
    def _grown(cls, worse: float) -> float:
        if 0 < worse <= 1:
            raise ValueError("must be more than 1, or the same would be said at each look; 0 is never")
        return worse

    def pause(self, notifications: int) -> float:
        """Seconds before the next one of a group that had so many: twice as long after each, up to the longest."""
        if not notifications:
            return self.group_wait
        # 2 to the 32nd seconds are longer than any group lives
        return min(self.group_interval * 2.0 ** min(notifications - 1, 32), self.longest_pause)

    @property
    def longest_pause(self) -> float:
        """Seconds: an hour, less where alerts are repeated more often, but never less than ``group_interval``."""
        return max(self.group_interval, min(LONGEST_PAUSE, self.repeat_interval or LONGEST_PAUSE))


class Inhibit(Settings):
    """One ``[[inhibit]]``: while an alert of ``source`` fires, nobody is notified of those of ``target``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Matchers = Field(min_length=1)
    target: Matchers = Field(min_length=1)
    equal: tuple[str, ...] = ()


class Mute(Settings):
    """One ``[[mutes]]``: hours of the week, or a maintenance window."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    name: Name
    zone: Zone = Field(description="name of a time zone, such as Europe/Berlin")
    match: Matchers | None = Field(None, description="alerts it applies to; [] for all")
    weekdays: Weekdays = frozenset()
    hours: Hours = ()
    starts: datetime | None = None
    ends: datetime | None = None

    @model_validator(mode="after")
    def _says_when(self) -> Mute:
        if not (self.weekdays or self.hours or self.starts or self.ends):
            raise ValueError("would mute for ever; say weekdays, hours, starts or ends")
        if self.starts and self.ends and in_zone(self.starts, self.zone) >= in_zone(self.ends, self.zone):
            raise ValueError("ends before it starts")
        return self

    def active(self, now: datetime) -> bool:
        """Whether it mutes at ``now``."""
        if self.starts is not None and now < in_zone(self.starts, self.zone):
            return False
        if self.ends is not None and now >= in_zone(self.ends, self.zone):
            return False
        return in_week(now, self.weekdays, self.hours, self.zone)


CONVERSATIONS = Route.model_construct(name="(conversations)", notify=(), group_by=("rule",))
"""By this alerts of conversations go that take no route, to their rule's notifiers: an hour in which nobody answers
raises dozens, and is one outage. Routes that do not say how they group let them share notifications likewise. No
``[[routes]]`` can have this name."""


@dataclass(frozen=True)
class Policy:
    """All of it. Without any, each rule's notifiers are notified at once.

    ``notifiers``: the names of those that are configured; ``None``: whoever is named is.
    """

    routes: tuple[Route, ...] = ()
    inhibits: tuple[Inhibit, ...] = ()
    mutes: tuple[Mute, ...] = ()
    notifiers: frozenset[str] | None = None

    def reaches(self, notifier: str) -> bool:
        """Whether a notification to that name could be delivered: it is that of a notifier."""
        return self.notifiers is None or notifier in self.notifiers

    def route(self, name: str) -> Route | None:
        """The route of that name, if there is one."""
        return next((route for route in (*self.routes, CONVERSATIONS) if route.name == name), None)

    def routes_for(self, labels: Mapping[str, str]) -> list[Route]:
        """The routes of an alert: the first that matches, and those below it where it says so."""
        found = []
        for route in self.routes:
            if all_match(route.match, labels):
                found.append(route)
                if not route.continue_:
                    break
        return found

    def muted(self, labels: Mapping[str, str], now: datetime) -> str:
        """The name of a mute that applies to an alert wherever it goes, or ``""``."""
        for mute in self.mutes:
            if mute.match is not None and all_match(mute.match, labels) and mute.active(now):
                return mute.name
        return ""

    def route_muted(self, route: Route, now: datetime) -> str:
        """The name of a mute of the route that is active, or ``""``."""
        return next((m.name for m in self.mutes if m.name in route.mute and m.active(now)), "")


NOTIFY_AT_ONCE = Policy()
"""No routes, nothing that holds back."""


def group_labels(route: Route, labels: Mapping[str, str]) -> dict[str, Any] | None:
    """The labels that name the group of an alert on a route; ``None``: it is notified of alone.

    Where a route does not say, conversations are grouped as they are without one.
    """
    by = route.group_by
    if by is None and "thread" in labels:
        by = CONVERSATIONS.group_by
    return None if by is None else {label: labels.get(label, "") for label in by}
