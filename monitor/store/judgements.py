"""What people say of alerts afterwards: real, or false."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor.store.room import Room, to_text, to_time


@dataclass(frozen=True)
class Judgement:
    """``real``: something had happened that was worth an alert."""

    alert_id: int
    rule: str
    real: bool
    author: str
    note: str
    at: datetime
    observed: float
    expected: float


class Judgements(Room):
    """One for an alert; the last counts."""

    def add(self, alert_id: int, real: bool, *, author: str, note: str, now: datetime) -> None:
        """Note a judgement of an alert, instead of an earlier one.

        :raises MonitorError: if there is no such alert.
        """
        self.store.alerts.need(alert_id)
        with self.store.transaction():
            self.write(
                "insert or replace into judgements (alert_id, real, author, note, at) values (?, ?, ?, ?, ?)",
                [alert_id, real, author, note, to_text(now)],
            )
            said = f"{'real' if real else 'false'}, by {author}{f': {note}' if note else ''}"
            self.store.transitions.add(alert_id, "judged", said, now)

    def get(self, alert_id: int) -> Judgement | None:
        """The judgement of an alert, if there is one."""
        found = self._find("alert_id = ?", alert_id)
        return found[0] if found else None

    def of_rule(self, rule: str) -> list[Judgement]:
        """The judgements of a rule's alerts, oldest alert first."""
        return self._find("rule = ?", rule)

    def _find(self, condition: str, value: Any) -> list[Judgement]:
        rows = self.rows(
            "select judgements.*, rule, observed, expected from judgements join alerts on alerts.id = alert_id "
            f"where {condition} order by alert_id",
            [value],
        )
        return [
            Judgement(
                alert_id=row["alert_id"],
                rule=row["rule"],
                real=bool(row["real"]),
                author=row["author"],
                note=row["note"],
                at=to_time(row["at"]),
                observed=row["observed"],
                expected=row["expected"],
            )
            for row in rows
        ]
