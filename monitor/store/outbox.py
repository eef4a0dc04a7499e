"""The outbox: notifications that wait for delivery, written with the alert that caused them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from monitor.store.room import Room, to_text, to_time, to_time_or_none
from monitor.types import Notification

OutboxState = Literal["waiting", "delivered", "dead"]


@dataclass(frozen=True)
class Letter:
    """One notification for one notifier."""

    id: int
    notifier: str
    alert_id: int | None
    notification: Notification
    state: OutboxState
    created_at: datetime
    attempts: int
    next_at: datetime
    delivered_at: datetime | None
    last_error: str | None


class Outbox(Room):
    """Letters by state. A letter's key never changes; only delivery takes it out of ``waiting``."""

    def add(self, notifier: str, notification: Notification, alert_id: int | None, now: datetime) -> None:
        """Put a letter in, due at once. A key that is known already is not added again."""
        self.write(
            "insert or ignore into outbox (key, alert_id, event, notifier, notification, created_at, next_at) "
            "values (?, ?, ?, ?, ?, ?, ?)",
            [
                notification.key,
                alert_id,
                notification.event,
                notifier,
                json.dumps(_plain(notification), ensure_ascii=False),
                to_text(now),
                to_text(now),
            ],
        )

    def due(self, now: datetime, *, notifier: str, limit: int = 100) -> list[Letter]:
        """What a notifier is to deliver now, oldest first.

        A resolved letter waits until its alert's firing letter to the same notifier is out.
        """
        rows = self.rows(
            "select * from outbox o where state = 'waiting' and notifier = ? and next_at <= ? and not exists ("
            "select 1 from outbox e where e.alert_id = o.alert_id and e.notifier = o.notifier "
            "and e.state = 'waiting' and e.id < o.id) order by id limit ?",
            [notifier, to_text(now), limit],
        )
        return [_letter(row) for row in rows]

    def undelivered(self) -> list[Letter]:
        """Letters whose last attempt failed, oldest first."""
        rows = self.rows("select * from outbox where state <> 'delivered' and attempts > 0 order by id")
        return [_letter(row) for row in rows]

    def of_alert(self, alert_id: int) -> list[Letter]:
        """Every letter about an alert."""
        return [
            _letter(r) for r in self.rows("select * from outbox where alert_id = ? order by id", [alert_id])
        ]

    def delivered(self, letter_id: int, now: datetime) -> None:
        """The other side has it."""
        self.write(
            "update outbox set state = 'delivered', delivered_at = ?, attempts = attempts + 1, "
            "last_error = null where id = ?",
            [to_text(now), letter_id],
        )

    def postpone(self, letter_id: int, next_at: datetime, error: str) -> None:
        """It did not work this time."""
        self.write(
            "update outbox set attempts = attempts + 1, next_at = ?, last_error = ? where id = ?",
            [to_text(next_at), error, letter_id],
        )

    def give_up(self, letter_id: int, error: str) -> None:
        """It will not work; the letter is kept as dead."""
        self.write(
            "update outbox set state = 'dead', attempts = attempts + 1, last_error = ? where id = ?",
            [error, letter_id],
        )

    def counts(self) -> dict[str, int]:
        """Letters by state."""
        return {row[0]: row[1] for row in self.rows("select state, count(*) from outbox group by state")}

    def counts_by_notifier(self) -> dict[str, dict[str, int]]:
        """``{notifier: {state: letters}}``."""
        found: dict[str, dict[str, int]] = {}
        for row in self.rows("select notifier, state, count(*) from outbox group by notifier, state"):
            found.setdefault(row[0], {})[row[1]] = row[2]
        return found

    def last_errors(self) -> dict[str, str]:
        """Why the newest letter that is not out did not get through, by notifier."""
        rows = self.rows("select notifier, last_error from outbox where last_error is not null order by id")
        return {row[0]: row[1] for row in rows}


def _plain(notification: Notification) -> dict[str, Any]:
    """As stored: a picture is drawn when the letter is delivered."""
    fields = asdict(notification)
    del fields["picture"]
    return fields


def _letter(row: Any) -> Letter:
    return Letter(
        id=row["id"],
        notifier=row["notifier"],
        alert_id=row["alert_id"],
        notification=Notification(**json.loads(row["notification"])),
        state=row["state"],
        created_at=to_time(row["created_at"]),
        attempts=row["attempts"],
        next_at=to_time(row["next_at"]),
        delivered_at=to_time_or_none(row["delivered_at"]),
        last_error=row["last_error"],
    )
