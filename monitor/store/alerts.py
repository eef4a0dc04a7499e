"""Alerts: raised, changed, ended, and found again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from monitor.errors import MonitorError
from monitor.store.room import Room, marks, to_text, to_text_or_none
from monitor.store.stored_alert import State, StoredAlert, alert_of


class Alerts(Room):
    """What was raised. Each step that changes an alert is noted in the same transaction."""

    def open(self, fingerprint: str) -> StoredAlert | None:
        """The alert of this fingerprint that is not resolved, if there is one."""
        row = self.row("select * from alerts where fingerprint = ? and state <> 'resolved'", [fingerprint])
        return None if row is None else alert_of(row)

    def all_open(self, kind: str | None = None) -> list[StoredAlert]:
        """Every alert that is not resolved, or every one of a kind, oldest first."""
        # the plus: by the index of those, not through all that ever were
        rows = self.rows(
            "select * from alerts where state <> 'resolved' and (?1 is null or kind = ?1) order by +id",
            [kind],
        )
        return [alert_of(row) for row in rows]

    def open_of(self, rule: str) -> list[StoredAlert]:
        """The alerts of one rule that are not resolved, oldest first."""
        rows = self.rows("select * from alerts where rule = ? and state <> 'resolved' order by id", [rule])
        return [alert_of(row) for row in rows]

    def unsettled(self) -> list[StoredAlert]:
        """Alerts of which somebody may have to be notified: those that fire, and resolves still owed."""
        rows = self.rows(
            "select * from alerts where state = 'firing' or (state = 'resolved' and id in "
            "(select alert_id from notification_log where resolved_at is null)) order by id"
        )
        return [alert_of(row) for row in rows]

    def fired_between(self, fingerprint: str, since: datetime, until: datetime) -> int:
        """How many alerts of a fingerprint fired after ``since`` and up to ``until``."""
        return int(
            self.value(
                "select count(*) from alerts where fingerprint = ? and fired_at > ? and fired_at <= ?",
                [fingerprint, to_text(since), to_text(until)],
            )
        )

    def standing_between(self, since: datetime, until: datetime) -> list[StoredAlert]:
        """Alerts that fired before ``until`` and were not over before ``since``, by id."""
        rows = self.rows(
            "select * from alerts where fired_at < ? and (resolved_at is null or resolved_at >= ?) order by id",
            [to_text(until), to_text(since)],
        )
        return [alert_of(row) for row in rows]

    def get(self, alert_id: int) -> StoredAlert | None:
        """One alert."""
        row = self.row("select * from alerts where id = ?", [alert_id])
        return None if row is None else alert_of(row)

    def need(self, alert_id: int) -> StoredAlert:
        """One alert.

        :raises MonitorError: if there is none.
        """
        found = self.get(alert_id)
        if found is None:
            raise MonitorError(f"there is no alert {alert_id}; `monitor alerts list` shows them")
        return found

    def find(
        self,
        *,
        states: Sequence[State] = (),
        rule: str | None = None,
        owner: str | None = None,
        since: datetime | None = None,
        after: int = 0,
        limit: int | None = 50,
    ) -> list[StoredAlert]:
        """Alerts, newest first.

        :param since: when they fired at the earliest, or began where they did not fire.
        """
        rows = self.rows(
            "select * from alerts where id > ? and (? is null or rule = ?) and (? is null or owner = ?) "
            "and (? is null or coalesce(fired_at, since) >= ?) "
            "and (? = '[]' or state in (select value from json_each(?))) order by id desc limit ?",
            [
                after,
                rule,
                rule,
                owner,
                owner,
                to_text_or_none(since),
                to_text_or_none(since),
                json.dumps(list(states)),
                json.dumps(list(states)),
                -1 if limit is None else limit,
            ],
        )
        return [alert_of(row) for row in rows]

    def rules(self) -> set[str]:
        """Names of all rules that ever raised an alert."""
        return {row[0] for row in self.rows("select distinct rule from alerts")}

    def insert(
        self,
        *,
        rule: str,
        kind: str,
        fingerprint: str,
        selection: Mapping[str, str],
        since: datetime,
        now: datetime,
        observed: float,
        expected: float,
        low: float,
        high: float,
        reason: str,
        notify: Sequence[str],
        state: Literal["pending", "firing"] = "firing",
        owner: str = "",
        routed: bool = False,
        rule_labels: Mapping[str, str] | None = None,
    ) -> int:
        """A new alert; returns its id."""
        with self.store.transaction() as connection:
            values = {
                "rule": rule,
                "kind": kind,
                "fingerprint": fingerprint,
                "selection": json.dumps(dict(selection), sort_keys=True, ensure_ascii=False),
                "state": state,
                "since": to_text(since),
                "fired_at": to_text(now) if state == "firing" else None,
                "last_firing_at": to_text(now),
                "observed": observed,
                "expected": expected,
                "low": low,
                "high": high,
                "reason": reason,
                "notify": json.dumps(list(notify)),
                "owner": owner,
                "routed": routed,
                "state_since": to_text(now),
                "rule_labels": json.dumps(dict(rule_labels or {}), sort_keys=True, ensure_ascii=False),
            }
            cursor = connection.execute(
                f"insert into alerts ({', '.join(values)}, number) values ({marks(values)}, "
                "(select count(*) + 1 from alerts where fingerprint = ?))",
                [*values.values(), fingerprint],
            )
            alert_id = cursor.lastrowid
            assert alert_id is not None
            self.store.transitions.add(alert_id, state, reason, now)
            return alert_id

    def address(self, alert_id: int, notify: Sequence[str], routed: bool) -> None:
        """Whom the alert is for by now."""
        self.write(
            "update alerts set notify = ?, routed = ? where id = ?",
            [json.dumps(list(notify)), routed, alert_id],
        )

    def fire(self, alert_id: int, reason: str, now: datetime) -> None:
        """A pending alert fires."""
        with self.store.transaction():
            self.write(
                "update alerts set state = 'firing', fired_at = ? where id = ?", [to_text(now), alert_id]
            )
            self.store.transitions.add(alert_id, "firing", reason, now)

    def set_clocks(
        self,
        alert_id: int,
        *,
        state_since: datetime,
        quiet_since: datetime | None,
        frozen_at: datetime | None,
        flapping: bool,
    ) -> None:
        """Where the clocks of its life stand."""
        self.write(
            "update alerts set state_since = ?, quiet_since = ?, frozen_at = ?, flapping = ? where id = ?",
            [
                to_text(state_since),
                to_text_or_none(quiet_since),
                to_text_or_none(frozen_at),
                flapping,
                alert_id,
            ],
        )

    def suppress(self, alert_id: int, why: str, now: datetime) -> None:
        """Nobody is notified of it, and why; ``""``: they are again."""
        with self.store.transaction():
            self.write("update alerts set suppressed = ? where id = ?", [why, alert_id])
            self.store.transitions.add(
                alert_id, "suppressed" if why else "unsuppressed", why or "nothing holds it back", now
            )

    def still_firing(self, alert_id: int, now: datetime, *, worse: Mapping[str, Any] | None = None) -> None:
        """The rule still holds; ``worse`` has new figures (observed, expected, low, high, reason)."""
        with self.store.transaction() as connection:
            connection.execute("update alerts set last_firing_at = ? where id = ?", [to_text(now), alert_id])
            if worse:
                sets = ", ".join(f"{key} = ?" for key in worse)
                connection.execute(f"update alerts set {sets} where id = ?", [*worse.values(), alert_id])

    def resolve(self, alert_id: int, reason: str, now: datetime) -> None:
        """The alert is over."""
        with self.store.transaction() as connection:
            connection.execute(
                "update alerts set state = 'resolved', resolved_at = ?, quiet_since = null, frozen_at = null, "
                "suppressed = '' where id = ?",
                [to_text(now), alert_id],
            )
            self.store.transitions.add(alert_id, "resolved", reason, now)
