"""A ping while all is well, so that somebody else notices when the monitor itself is not."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from monitor import hookimpl
from monitor.durations import Duration
from monitor.errors import DeliveryError
from monitor.http_notifier import HttpNotifier
from monitor.http_settings import HttpSettings
from monitor.interfaces import Notifier
from monitor.types import Health, Notification

log = logging.getLogger(__name__)

RETRY_S = 30.0
START_S = 300.0
"""So long after a start it is no news that not all stages have done a round yet."""


class HeartbeatSettings(HttpSettings):
    """Whom to ping, and how often."""

    every: Duration = Field(300.0, ge=10, description="between two pings")
    method: Literal["GET", "POST", "HEAD"] = "GET"


class Heartbeat(HttpNotifier):
    """Pings a URL every few minutes as long as fetching, classifying, judging and delivery all progress.

    Whoever is pinged (Healthchecks, Dead Man's Snitch, Uptime Kuma) raises the alarm when pings fail
    to come: the monitor is down, cut off, or does not do its work. It gets no alerts.
    A POST has a line of text: what is well, or what a test says.
    """

    name = "heartbeat"
    Settings = HeartbeatSettings
    receives_alerts = False

    def __init__(self, settings: Any, base: Path) -> None:
        super().__init__(settings, base)
        self._next: datetime | None = None
        self._well = True
        self._began: datetime | None = None

    def beat(self, now: datetime, health: Health) -> bool:
        self._began = self._began or now
        if self._well and not health.ok and not self._starts(now):
            log.warning("no heartbeat to %s: %s", self.describe(), "; ".join(health.problems))
            self._well = False
        if health.ok:
            self._well, self._began = True, now - timedelta(seconds=START_S)  # it has started
        # a clock that was put back must not silence it
        due = self._next is None or not now < self._next <= now + timedelta(seconds=self.settings.every)
        if not due or not health.ok:
            return False
        self._next = now + timedelta(seconds=min(RETRY_S, self.settings.every))
        try:
            self._ping("the monitor fetches, classifies, judges and delivers")
        except DeliveryError as error:
            raise DeliveryError(f"the heartbeat was not heard: {error}") from error
        self._next = now + timedelta(seconds=self.settings.every)
        return True

    def _starts(self, now: datetime) -> bool:
        assert self._began is not None
        return timedelta() <= now - self._began < timedelta(seconds=START_S)

    def send(self, notification: Notification) -> None:
        """A ping to try it out (``monitor notifiers test``)."""
        self._ping(notification.title)

    def _ping(self, text: str) -> None:
        if self.settings.method == "POST":
            content = text.encode(errors="replace")
            self.request(headers={"Content-Type": "text/plain; charset=utf-8"}, content=content)
        else:
            self.request(method=self.settings.method)


@hookimpl
def register_notifiers() -> list[type[Notifier]]:
    return [Heartbeat]
