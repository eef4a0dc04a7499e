"""The outbox: notifications that wait for delivery, written with the alert that caused them."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from monitor.store.outbox_entry import OutboxEntry, entry_of
from monitor.store.room import Room, marks, to_text, to_text_or_none, to_time
from monitor.store.succession import FIRST, RELATED, UNBLOCKED
from monitor.types import Notification

_NOTIFIED = (
    "exists (select 1 from outbox_alerts where outbox_id = o.id) and not exists ("
    "select 1 from outbox_alerts own where own.outbox_id = o.id and not exists ("
    "select 1 from outbox_alerts other join outbox t on t.id = other.outbox_id where other.alert_id = own.alert_id "
    "and t.notifier = ?3 and t.event = o.event and t.copy_of is null))"
)
"""Whether the notifier ``?3`` has notifications of its own about the same event of all alerts of the entry ``o``."""


class Outbox(Room):
    """Notifications by state. A notification's key never changes.

    Delivery takes it out of ``waiting``; only :meth:`resend` brings a dead one back.
    """

    def add(
        self,
        notifier: str,
        notification: Notification,
        alert_id: int | None,
        now: datetime,
        *,
        alerts: Sequence[int] = (),
        copy_of: int | None = None,
    ) -> bool:
        """Put a notification in, due at once; says whether it is new.

        A key that is known already is not added again, nor is a second copy of the same notification.

        :param alert_id: the alert it is about, if it is about one.
        :param alerts: all that it is about, where there are several.
        :param copy_of: the notification that another notifier could not deliver; it is about the same alerts.
        """
        plain = asdict(notification)
        del plain["picture"], plain["at"]
        with self.store.transaction():
            if not self._insert(notifier, notification, plain, alert_id, now, copy_of):
                return False
            about = {*alerts, *([] if alert_id is None else [alert_id])}
            if copy_of is not None:
                known = self.rows("select alert_id from outbox_alerts where outbox_id = ?", [copy_of])
                about |= {row[0] for row in known}
            self.write_many(
                "insert into outbox_alerts select id, ? from outbox where key = ?",
                [(alert, notification.key) for alert in sorted(about)],
            )
            self._hasten(self.value("select id from outbox where key = ?", [notification.key]), now)
        return True

    def _hasten(self, entry_id: int, at: datetime) -> None:
        """What has to go before it, about one of its series, is due no later than ``at``, when it is."""
        self.write(
            "update outbox as o set next_at = ?2 where state = 'waiting' and id < ?1 and next_at > ?2 "
            f"and notifier = (select notifier from outbox where id = ?1) and {RELATED}",
            [entry_id, to_text(at)],
        )

    def _insert(
        self,
        notifier: str,
        notification: Notification,
        plain: dict[str, Any],
        alert_id: int | None,
        now: datetime,
        copy_of: int | None,
    ) -> bool:
        added = self.write(
            "insert or ignore into outbox (key, alert_id, event, notifier, notification, picture, created_at, "
            "waits_since, next_at, copy_of) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                notification.key,
                alert_id,
                notification.event,
                notifier,
                json.dumps(plain, ensure_ascii=False),
                notification.picture or None,
                to_text(now),
                to_text(now),
                to_text(now),
                copy_of,
            ],
        )
        return added.rowcount > 0

    def due(
        self,
        now: datetime,
        *,
        notifier: str,
        limit: int = 100,
        but: Collection[int] = (),
        latest: datetime | None = None,
    ) -> list[OutboxEntry]:
        """What a notifier is to deliver now, oldest first, ``but`` those of some ids.

        A notification waits until earlier ones to the same notifier about one of its alerts, or another of the same
        fingerprint, are out, and as long as the notifier is to :meth:`pause`. One that was written, or tried, by a
        clock that has been put back since is due as well.

        :param latest: what failed and would be tried again only after that was put off by another clock.
        """
        rows = self.rows(
            f"{FIRST}select * from outbox o where state = 'waiting' and notifier = ?2 and not exists ("
            "select 1 from pauses where notifier = ?2 and since <= ?3 and until > ?3) "
            f"and (next_at <= ?3 or waits_since > ?3 or (attempts > 0 and next_at > ?6)) and {UNBLOCKED} "
            "and o.id not in (select value from json_each(?5)) order by id limit ?1",
            [limit, notifier, to_text(now), "[]", json.dumps(list(but)), to_text_or_none(latest)],
        )
        return [entry_of(row) for row in rows]

    def late(self, before: datetime, *, notifier: str, fallback: str, limit: int = 100) -> list[OutboxEntry]:
        """What waits since ``before`` or longer, without a copy, its fallback not :meth:`notified`; oldest first.

        With a notification come those before it about one of its alerts, so that copies keep their order even
        where the clock was put back.
        """
        rows = self.rows(
            # of each alert the last that waits so long, read once
            "with last as materialized (select l.alert_id, max(e.id) as id from outbox e "
            "join outbox_alerts l on l.outbox_id = e.id "
            "where e.state = 'waiting' and e.notifier = ?1 and e.waits_since <= ?2 group by l.alert_id) "
            "select * from outbox o where state = 'waiting' and notifier = ?1 and (waits_since <= ?2 or exists ("
            "select 1 from outbox_alerts own join last on last.alert_id = own.alert_id "
            "where own.outbox_id = o.id and last.id > o.id)) "
            f"and not exists (select 1 from outbox c where c.copy_of = o.id) and not ({_NOTIFIED}) "
            "order by id limit ?4",
            [notifier, to_text(before), fallback, limit],
        )
        return [entry_of(row) for row in rows]

    def notified(self, entry: OutboxEntry, notifier: str) -> bool:
        """Whether ``notifier`` has notifications of its own about the same event of all alerts that it is about."""
        return bool(self.value(f"select {_NOTIFIED} from outbox o where id = ?1", [entry.id, None, notifier]))

    def copied_before(self, entry: OutboxEntry, notifier: str) -> bool:
        """Whether ``notifier`` got a copy of an earlier notification about one of its alerts."""
        return bool(
            self.value(
                "select exists (select 1 from outbox_alerts own "
                "join outbox_alerts other on other.alert_id = own.alert_id "
                "join outbox o on o.id = other.outbox_id join outbox c on c.copy_of = o.id "
                "where own.outbox_id = ? and o.id < own.outbox_id and o.notifier = ? and c.notifier = ?)",
                [entry.id, entry.notifier, notifier],
            )
        )

    def undelivered(self) -> list[OutboxEntry]:
        """Notifications whose last attempt failed, oldest first."""
        rows = self.rows("select * from outbox where state <> 'delivered' and attempts > 0 order by id")
        return [entry_of(row) for row in rows]

    def dead(self, *, alert_id: int | None = None, notifier: str | None = None) -> list[OutboxEntry]:
        """Notifications that were given up, oldest first: all, of an alert, to a notifier."""
        rows = self.rows(
            "select * from outbox where state = 'dead' and (?1 is null "
            "or exists (select 1 from outbox_alerts where outbox_id = outbox.id and alert_id = ?1)) "
            "and (?2 is null or notifier = ?2) order by id",
            [alert_id, notifier],
        )
        return [entry_of(row) for row in rows]

    def lately_dead(self, since: datetime) -> list[OutboxEntry]:
        """Those given up at ``since`` or later that hold news which their notifiers got in no later one."""
        unheard = self.store.succession.unheard
        return [entry for entry in self.dead() if entry.next_at >= since and unheard(entry)]

    def of_alert(self, alert_id: int) -> list[OutboxEntry]:
        """Every notification about an alert."""
        return [
            entry_of(r)
            for r in self.rows(
                "select outbox.* from outbox join outbox_alerts on outbox_id = id "
                "where outbox_alerts.alert_id = ? order by id",
                [alert_id],
            )
        ]

    def delivered(self, entry_id: int, now: datetime) -> None:
        """The other side has it. Its picture is let go."""
        self.write(
            "update outbox set state = 'delivered', delivered_at = ?, attempts = attempts + 1, "
            "last_error = null, picture = null where id = ?",
            [to_text(now), entry_id],
        )

    def postpone(self, entry_id: int, now: datetime, next_at: datetime, error: str) -> None:
        """It did not work this time. One that is not waiting any more stays as it is."""
        with self.store.transaction():
            self.write(
                # by a clock that was put back it waits since now at the latest, else it was due at each look
                "update outbox set attempts = attempts + 1, waits_since = min(waits_since, ?), next_at = ?, "
                "last_error = ? where id = ? and state = 'waiting'",
                [to_text(now), to_text(next_at), error, entry_id],
            )
            self._hasten(entry_id, next_at)

    def pause(self, notifier: str, until: datetime, reason: str, now: datetime) -> None:
        """Let a notifier rest: :meth:`hold` what waits, and whatever is written for it until then."""
        with self.store.transaction() as connection:
            self.hold(notifier, until, reason)
            connection.execute(
                "insert into pauses values (?1, ?2, ?3) on conflict(notifier) do update "
                "set since = excluded.since, until = excluded.until",
                [notifier, to_text(now), to_text(until)],
            )

    def hold(self, notifier: str, until: datetime, reason: str) -> int:
        """Let all that a notifier is to deliver before ``until`` wait; returns how many were not held before."""
        waiting = "where state = 'waiting' and notifier = ? and next_at < ?"
        with self.store.transaction() as connection:
            fresh = self.value(
                f"select count(*) from outbox {waiting} and last_error is null", [notifier, to_text(until)]
            )
            connection.execute(
                f"update outbox set next_at = ?, last_error = coalesce(last_error, ?) {waiting}",
                [to_text(until), reason, notifier, to_text(until)],
            )
        return int(fresh)

    def give_up(self, entry_id: int, error: str, now: datetime, *, tried: bool = True) -> None:
        """It will not work; the notification is kept as dead, ``next_at`` then says since when.

        One that is not waiting any more stays as it is: it may have been delivered meanwhile.

        :param tried: after an attempt that is not counted yet.
        """
        self.write(
            "update outbox set state = 'dead', attempts = attempts + ?, last_error = ?, next_at = ? "
            "where id = ? and state = 'waiting'",
            [int(tried), error, to_text(now), entry_id],
        )

    def forsake(self, notifiers: Sequence[str], error: str, now: datetime) -> dict[str, int]:
        """Give up what waits for others than ``notifiers``; returns how many notifications, by notifier."""
        left = f"state = 'waiting' and notifier not in ({marks(notifiers)})"
        if not self.value(f"select exists (select 1 from outbox where {left})", notifiers):
            return {}
        with self.store.transaction() as connection:
            found = self.rows(
                f"select notifier, count(*) from outbox where {left} group by notifier", notifiers
            )
            connection.execute(
                f"update outbox set state = 'dead', last_error = ?, next_at = ? where {left}",
                [error, to_text(now), *notifiers],
            )
        return {row[0]: row[1] for row in found}

    def resend(self, entry_ids: Sequence[int], now: datetime) -> None:
        """Dead letters wait again, as if they were new, with the keys that they have; no :meth:`pause` is kept to."""
        dead = f"state = 'dead' and id in ({marks(entry_ids)})"
        with self.store.transaction() as connection:
            connection.execute(
                f"delete from pauses where notifier in (select notifier from outbox where {dead})", entry_ids
            )
            connection.execute(
                "update outbox set state = 'waiting', attempts = 0, next_at = ?, waits_since = ?, "
                f"last_error = null where {dead}",
                [to_text(now), to_text(now), *entry_ids],
            )

    def recently_delivered(self, notifier: str, since: datetime, now: datetime, limit: int) -> list[datetime]:
        """When a notifier delivered between ``since`` and ``now``, newest first."""
        rows = self.rows(
            "select delivered_at from outbox where state = 'delivered' and notifier = ? and delivered_at > ? "
            "and delivered_at <= ? order by delivered_at desc limit ?",
            [notifier, to_text(since), to_text(now), limit],
        )
        return [to_time(row[0]) for row in rows]

    def stuck(self, since: datetime, notifiers: Sequence[str]) -> list[tuple[str, int]]:
        """``(notifier, notifications)`` that do not get through since ``since``: tried in vain, or not even tried.

        What is held back without having failed is not among them, nor what was written meanwhile.
        """
        rows = self.rows(
            "select notifier, count(*) from outbox o where state = 'waiting' and ((next_at <= ?1 and not exists ("
            "select 1 from pauses p where p.notifier = o.notifier and p.until > ?1)) "
            "or (attempts > 0 and waits_since <= ?1)) "
            f"and notifier in ({marks(notifiers)}) group by notifier order by notifier",
            [to_text(since), *notifiers],
        )
        return [(row[0], row[1]) for row in rows]

    def counts(self) -> dict[str, int]:
        """Notifications by state."""
        return {row[0]: row[1] for row in self.rows("select state, count(*) from outbox group by state")}

    def counts_by_notifier(self) -> dict[str, dict[str, int]]:
        """``{notifier: {state: notifications}}``."""
        found: dict[str, dict[str, int]] = {}
        for row in self.rows("select notifier, state, count(*) from outbox group by notifier, state"):
            found.setdefault(row[0], {})[row[1]] = row[2]
        return found

    def last_errors(self) -> dict[str, str]:
        """Why the newest notification that is not out did not get through, by notifier."""
        rows = self.rows("select notifier, last_error from outbox where last_error is not null order by id")
        return {row[0]: row[1] for row in rows}
