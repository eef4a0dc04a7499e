"""Alerts for a Prometheus Alertmanager, which then groups, routes and silences them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field, field_validator

from monitor import hookimpl
from monitor.durations import Duration
from monitor.http_notifier import HttpNotifier
from monitor.http_settings import HttpSettings
from monitor.interfaces import Notifier
from monitor.types import Notification, whole

LABEL_NAME = r"[a-zA-Z_][a-zA-Z0-9_]*"


class AlertmanagerSettings(HttpSettings):
    """Where it is, and what to add."""

    url: str = Field(description="of the Alertmanager, without /api/v2/alerts: http://alertmanager:9093")
    labels: dict[str, str] = Field(default_factory=dict, description="added to every alert, for its routes")
    generator_url: str = Field("", description="where people find the monitor; a link of every alert")
    ends_after: Duration = Field(
        900.0, ge=120, description="an alert of which nothing is heard any more ends there after so long"
    )

    @field_validator("labels")
    @classmethod
    def _legal(cls, labels: dict[str, str]) -> dict[str, str]:
        for name in labels:
            if not re.fullmatch(LABEL_NAME, name):
                raise ValueError(
                    f"{name!r} is not a label name: letters, digits and underscores, no digit first"
                )
        return labels

    @field_validator("generator_url")
    @classmethod
    def _address(cls, url: str) -> str:
        if url and not url.lower().startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return url


class Alertmanager(HttpNotifier):
    """Posts to ``/api/v2/alerts`` (https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml).

    An alert is known there by its labels: ``alertname`` (the rule), ``kind``, ``owner`` if it has one, the labels of
    what it watches by task, those of its rule, and the settings' own. So a repeat changes nothing, and needs no
    key. As Prometheus does, it goes on saying that an alert fires: each time it will end in ``ends_after``, so that
    it stays open while the monitor lives, and there is no alert for ever where it does not. The resolved one ends
    when it did.
    """

    name = "alertmanager"
    Settings = AlertmanagerSettings

    def send(self, notification: Notification) -> None:
        if notification.event == "digest":
            return  # it tells of no alert that is not there already
        self._post(self.alerts(notification))

    def refresh(self, now: datetime, firing: Sequence[Notification]) -> None:
        if firing:
            self._post([self.alert(replace(notification, at=now)) for notification in firing])

    def _post(self, alerts: Sequence[Mapping[str, Any]]) -> None:
        content = json.dumps(alerts).encode()
        url = f"{self.settings.url.rstrip('/')}/api/v2/alerts"
        self.request(url=url, headers={"Content-Type": "application/json"}, content=content)

    def alerts(self, notification: Notification) -> list[dict[str, Any]]:
        """Those that a notification is about; one about several brings each.

        Of an alert that is over and one that fires with the same labels, only the latter is there for it: the end
        would close both.
        """
        several = notification.data.get("alerts")
        if not isinstance(several, list):
            return [self.alert(notification)]
        found = [
            replace(
                notification,
                event=each["event"],
                title=each.get("title", notification.title),
                body=str(each.get("reason", "")),
                data=each,
            )
            for each in several
        ]
        firing = [self.labels(one) for one in found if one.event == "firing"]
        return [self.alert(one) for one in found if one.event == "firing" or self.labels(one) not in firing]

    def alert(self, notification: Notification) -> dict[str, Any]:
        """A notification as a ``postableAlert``."""
        data = notification.data
        start = _time(data.get("fired_at")) or notification.at
        # a test ends where it begins, so that nobody is called for it
        end = start if notification.event == "test" else _time(data.get("resolved_at"))
        if notification.event == "firing" and start is not None:
            # an old notification, or an alert that has been open for long, shall not end before it is seen
            end = max(start, notification.at or start) + timedelta(seconds=self.settings.ends_after)
        elif start is not None and end is not None:
            start = min(start, end)  # the clock may have been put back: what ends before it starts is refused
        found = {
            "labels": self.labels(notification),
            "annotations": {"summary": whole(notification.title), "description": whole(notification.body)},
            "startsAt": _rfc3339(start),
            "endsAt": _rfc3339(end or notification.at),
            "generatorURL": self.settings.generator_url,
        }
        return {key: value for key, value in found.items() if value}

    def labels(self, notification: Notification) -> dict[str, str]:
        """The same for every event of an alert. Names that Prometheus does not allow are made legal."""
        data = notification.data
        found = {"alertname": str(data.get("rule") or f"monitor {notification.event}")}
        found |= {name: str(data[name]) for name in ("kind", "owner") if data.get(name)}
        found |= self.settings.labels | {
            name: str(value) for name, value in data.get("rule_labels", {}).items()
        }
        selection = data.get("selection")
        for task, label in sorted(selection.items()) if isinstance(selection, Mapping) else ():
            name = re.sub(r"[^a-zA-Z0-9_]", "_", task)
            name = name if re.match(r"[a-zA-Z_]", name) else f"_{name}"
            while name in found:  # two tasks must not become one
                name += "_"
            found[name] = str(label)
        return {name: whole(value) for name, value in found.items() if value}


def _time(value: object) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None


def _rfc3339(time: datetime | None) -> str:
    return "" if time is None else time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@hookimpl
def register_notifiers() -> list[type[Notifier]]:
    return [Alertmanager]
