"""The notification log: who was notified of which alert; and the groups of alerts that share notifications."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor.store.room import Room, to_text, to_time, to_time_or_none


@dataclass(frozen=True)
class Notified:
    """A notifier was notified that an alert fires.

    ``route``: the way the last notification took, ``""`` for the rule's own notifiers. ``times``: how often, first at
    ``notified_at``, last at ``last_at``, when ``observed`` was its figure in a window of ``seconds`` (``None``: not
    noted). ``resolved_at``: when it was notified of the end.
    """

    alert_id: int
    notifier: str
    route: str
    notified_at: datetime
    times: int
    last_at: datetime
    resolved_at: datetime | None
    observed: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class AlertGroup:
    """Alerts of a route with the same ``labels``.

    ``opened_at``: when the first of them fired; ``last_at``: when the last of its ``notifications`` was
    written. ``notifications``: how many there were since it was calm.
    """

    id: int
    route: str
    labels: Mapping[str, str]
    opened_at: datetime
    last_at: datetime | None
    notifications: int


class NotificationLog(Room):
    """Written in the transaction that puts the notification into the outbox, so neither is without the other."""

    def of_alert(self, alert_id: int) -> dict[str, Notified]:
        """Who was notified of an alert, by notifier."""
        rows = self.rows("select * from notification_log where alert_id = ? order by notifier", [alert_id])
        return {row["notifier"]: _notified(row) for row in rows}

    def standing(self, notifier: str) -> list[int]:
        """Ids of the alerts that a notifier was notified of, be it by a copy, and that still fire."""
        rows = self.rows(
            "select alert_id from notification_log join alerts on alerts.id = alert_id "
            "where notifier = ?1 and notification_log.resolved_at is null and state = 'firing' "
            "union select l.alert_id from alerts a join outbox_alerts l on l.alert_id = a.id join outbox o "
            "on o.id = l.outbox_id where a.state = 'firing' and o.notifier = ?1 and o.copy_of is not null "
            "order by alert_id",
            [notifier],
        )
        return [row["alert_id"] for row in rows]

    def stood_in(self, alert_id: int, notifier: str) -> list[str]:
        """Who got copies of notifications to a notifier that say that an alert fires."""
        rows = self.rows(
            "select distinct c.notifier from outbox_alerts join outbox c on c.id = outbox_id "
            "join outbox o on o.id = c.copy_of where outbox_alerts.alert_id = ? and o.notifier = ? "
            "and c.event = 'firing' order by c.notifier",
            [alert_id, notifier],
        )
        return [row["notifier"] for row in rows]

    def log(
        self,
        alert_id: int,
        notifier: str,
        route: str,
        now: datetime,
        *,
        observed: float,
        seconds: float | None = None,
    ) -> None:
        """A notification says that the alert fires, for the first time or again, with its figure in such a window."""
        self.write(
            "insert into notification_log (alert_id, notifier, route, notified_at, last_at, observed, seconds) "
            "values (?, ?, ?, ?, ?, ?, ?) on conflict do update set times = times + 1, last_at = excluded.last_at, "
            "route = excluded.route, observed = excluded.observed, seconds = excluded.seconds",
            [alert_id, notifier, route, to_text(now), to_text(now), observed, seconds],
        )

    def put_back(self, now: datetime) -> None:
        """Where the clock was put back, what still fires was last said now, not later."""
        at = to_text(now)
        self.write(
            "update notification_log set last_at = ? where resolved_at is null and last_at > ?", [at, at]
        )

    def heard(self, alert_id: int, notifier: str) -> tuple[bool, datetime | None]:
        """Whether a notification about an alert still waits for a notifier, and when the last one reached it."""
        row = self.row(
            "select coalesce(max(state = 'waiting'), 0) as waits, max(delivered_at) as heard_at "
            "from outbox_alerts join outbox on id = outbox_id where outbox_alerts.alert_id = ? and notifier = ?",
            [alert_id, notifier],
        )
        assert row is not None
        return bool(row["waits"]), to_time_or_none(row["heard_at"])

    def resolved(self, alert_id: int, notifier: str, now: datetime) -> None:
        """A notification says that the alert is over."""
        self.write(
            "update notification_log set resolved_at = ? where alert_id = ? and notifier = ?",
            [to_text(now), alert_id, notifier],
        )

    def forget(self, alert_id: int, notifier: str) -> None:
        """There is nobody any more who could be notified of the end."""
        self.write("delete from notification_log where alert_id = ? and notifier = ?", [alert_id, notifier])

    def group(self, route: str, labels: Mapping[str, str], now: datetime) -> AlertGroup:
        """The group of a route with these labels, opened now if there is none."""
        key = json.dumps(dict(labels), sort_keys=True, ensure_ascii=False)
        with self.store.transaction():
            self.write(
                "insert or ignore into alert_groups (route, labels, opened_at) values (?, ?, ?)",
                [route, key, to_text(now)],
            )
            row = self.row("select * from alert_groups where route = ? and labels = ?", [route, key])
        return _group(row)

    def groups(self) -> list[AlertGroup]:
        """Every group that is open, oldest first."""
        return [_group(row) for row in self.rows("select * from alert_groups order by id")]

    def set_group(
        self, group_id: int, opened_at: datetime, last_at: datetime | None, notifications: int
    ) -> None:
        """Where a group stands."""
        self.write(
            "update alert_groups set opened_at = ?, last_at = ?, notifications = ? where id = ?",
            [to_text(opened_at), None if last_at is None else to_text(last_at), notifications, group_id],
        )

    def close_group(self, group_id: int) -> None:
        """Nothing of it is left to notify of."""
        self.write("delete from alert_groups where id = ?", [group_id])


def _notified(row: Any) -> Notified:
    return Notified(
        alert_id=row["alert_id"],
        notifier=row["notifier"],
        route=row["route"],
        notified_at=to_time(row["notified_at"]),
        times=row["times"],
        last_at=to_time(row["last_at"]),
        resolved_at=to_time_or_none(row["resolved_at"]),
        observed=row["observed"],
        seconds=row["seconds"],
    )


def _group(row: Any) -> AlertGroup:
    return AlertGroup(
        id=row["id"],
        route=row["route"],
        labels=json.loads(row["labels"]),
        opened_at=to_time(row["opened_at"]),
        last_at=to_time_or_none(row["last_at"]),
        notifications=row["notifications"],
    )
