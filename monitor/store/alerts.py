"""Alerts: what fired, why, and every step of its life."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from monitor.errors import MonitorError
from monitor.store.room import Room, to_text, to_time, to_time_or_none

State = Literal["pending", "firing", "resolved"]


@dataclass(frozen=True)
class Transition:
    """A step in an alert's life."""

    at: datetime
    state: State
    reason: str


@dataclass(frozen=True)
class StoredAlert:
    """An alert: ``observed`` documents where ``expected`` (``low`` to ``high``) are usual."""

    id: int
    rule: str
    kind: str
    fingerprint: str
    selection: Mapping[str, str]
    state: State
    since: datetime
    fired_at: datetime | None
    resolved_at: datetime | None
    last_firing_at: datetime
    observed: float
    expected: float
    low: float
    high: float
    reason: str
    notify: Sequence[str]
    acked_at: datetime | None
    acked_by: str | None
    ack_note: str | None


class Alerts(Room):
    """Alerts and their documents."""

    def open(self, fingerprint: str) -> StoredAlert | None:
        """The alert of this fingerprint that is not resolved, if there is one."""
        row = self.row("select * from alerts where fingerprint = ? and state <> 'resolved'", [fingerprint])
        return None if row is None else _alert(row)

    def all_open(self) -> list[StoredAlert]:
        """Every alert that is not resolved, oldest first."""
        return [_alert(r) for r in self.rows("select * from alerts where state <> 'resolved' order by id")]

    def get(self, alert_id: int) -> StoredAlert | None:
        """One alert."""
        row = self.row("select * from alerts where id = ?", [alert_id])
        return None if row is None else _alert(row)

    def need(self, alert_id: int) -> StoredAlert:
        """One alert.

        :raises MonitorError: if there is none.
        """
        found = self.get(alert_id)
        if found is None:
            raise MonitorError(f"there is no alert {alert_id}; `monitor alerts list` shows them")
        return found

    def find(
        self, *, states: Sequence[State] = (), rule: str | None = None, after: int = 0, limit: int | None = 50
    ) -> list[StoredAlert]:
        """Alerts, newest first."""
        rows = self.rows(
            "select * from alerts where id > ? and (? is null or rule = ?) "
            "and (? = '[]' or state in (select value from json_each(?))) order by id desc limit ?",
            [
                after,
                rule,
                rule,
                json.dumps(list(states)),
                json.dumps(list(states)),
                -1 if limit is None else limit,
            ],
        )
        return [_alert(row) for row in rows]

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
    ) -> int:
        """A new alert, firing; returns its id."""
        with self.store.transaction() as connection:
            cursor = connection.execute(
                "insert into alerts (rule, kind, fingerprint, selection, state, since, fired_at, "
                "last_firing_at, observed, expected, low, high, reason, notify) "
                "values (?, ?, ?, ?, 'firing', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    rule,
                    kind,
                    fingerprint,
                    json.dumps(dict(selection), sort_keys=True, ensure_ascii=False),
                    to_text(since),
                    to_text(now),
                    to_text(now),
                    observed,
                    expected,
                    low,
                    high,
                    reason,
                    json.dumps(list(notify)),
                ],
            )
            alert_id = cursor.lastrowid
            assert alert_id is not None
            self._step(alert_id, "firing", reason, now)
            return alert_id

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
                "update alerts set state = 'resolved', resolved_at = ? where id = ?", [to_text(now), alert_id]
            )
            self._step(alert_id, "resolved", reason, now)

    def acknowledge(self, alert_id: int, by: str, note: str, now: datetime) -> None:
        """Somebody looks after it."""
        self.need(alert_id)
        self.write(
            "update alerts set acked_at = ?, acked_by = ?, ack_note = ? where id = ?",
            [to_text(now), by, note, alert_id],
        )

    def attach(self, alert_id: int, document_ids: Sequence[int]) -> None:
        """Note which documents are behind an alert."""
        self.write_many(
            "insert or ignore into alert_documents values (?, ?)", [(alert_id, i) for i in document_ids]
        )

    def attached(self, rule: str, document_ids: Sequence[int]) -> set[int]:
        """Which documents are behind any alert of a rule."""
        rows = self.rows(
            "select distinct document_id from alert_documents join alerts on alerts.id = alert_id "
            "where rule = ? and document_id in (select value from json_each(?))",
            [rule, json.dumps(list(document_ids))],
        )
        return {row[0] for row in rows}

    def documents(self, alert_id: int) -> list[int]:
        """Ids of the documents behind an alert, newest event first."""
        rows = self.rows(
            "select document_id from alert_documents join documents on documents.id = document_id "
            "where alert_id = ? order by event_at desc, document_id desc",
            [alert_id],
        )
        return [row[0] for row in rows]

    def transitions(self, alert_id: int) -> list[Transition]:
        """The alert's life, oldest step first."""
        rows = self.rows("select * from alert_transitions where alert_id = ? order by id", [alert_id])
        return [Transition(to_time(row["at"]), row["state"], row["reason"]) for row in rows]

    def _step(self, alert_id: int, state: State, reason: str, now: datetime) -> None:
        self.write(
            "insert into alert_transitions (alert_id, at, state, reason) values (?, ?, ?, ?)",
            [alert_id, to_text(now), state, reason],
        )


def _alert(row: Any) -> StoredAlert:
    return StoredAlert(
        id=row["id"],
        rule=row["rule"],
        kind=row["kind"],
        fingerprint=row["fingerprint"],
        selection=json.loads(row["selection"]),
        state=row["state"],
        since=to_time(row["since"]),
        fired_at=to_time_or_none(row["fired_at"]),
        resolved_at=to_time_or_none(row["resolved_at"]),
        last_firing_at=to_time(row["last_firing_at"]),
        observed=row["observed"],
        expected=row["expected"],
        low=row["low"],
        high=row["high"],
        reason=row["reason"],
        notify=json.loads(row["notify"]),
        acked_at=to_time_or_none(row["acked_at"]),
        acked_by=row["acked_by"],
        ack_note=row["ack_note"],
    )
