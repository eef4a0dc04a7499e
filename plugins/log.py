"""Alerts in the log: one clear line, and the texts behind it."""

from __future__ import annotations

import logging

from monitor import hookimpl
from monitor.interfaces import Notifier
from monitor.types import Notification

log = logging.getLogger("monitor.alerts")


class Log(Notifier):
    """Writes to the program's log. There is no place for a key, so delivery is at least once."""

    name = "log"

    def send(self, notification: Notification) -> None:
        """Log a warning when an alert fires, and what else there is for information."""
        level = logging.WARNING if notification.event == "firing" else logging.INFO
        # every line but the first is indented, so that none can pass for a line of the log itself
        text = "\n    ".join([" ".join(notification.title.split()), *notification.body.rstrip().splitlines()])
        log.log(level, "%s", text, extra={"alert": notification.data.get("id")})

    def describe(self) -> str:
        return "the monitor's own log"


@hookimpl
def register_notifiers() -> list[type[Notifier]]:
    return [Log]
