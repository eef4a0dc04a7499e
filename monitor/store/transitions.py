"""Every step of every alert's life, with its time and reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.store.room import Room, marks, to_text, to_time


@dataclass(frozen=True)
class Transition:
    """A step in an alert's life.

    ``state`` is the one it came to, or else what happened to it: ``frozen``, ``thawed``,
    ``flapping``, ``steady``, ``widened`` (to a word that its texts did not say before), ``suppressed``,
    ``unsuppressed``, ``acknowledged``, ``snoozed``, ``judged``.
    """

    at: datetime
    state: str
    reason: str


class Transitions(Room):
    """Written in the transaction that takes the step."""

    def add(self, alert_id: int, state: str, reason: str, now: datetime) -> None:
        """Something happened to an alert."""
        self.write(
            "insert into alert_transitions (alert_id, at, state, reason) values (?, ?, ?, ?)",
            [alert_id, to_text(now), state, reason],
        )

    def ended(self, alert_id: int) -> str:
        """Why an alert ended; empty where it did not."""
        found = self.value(
            "select reason from alert_transitions where alert_id = ? and state = 'resolved' "
            "order by id desc limit 1",
            [alert_id],
        )
        return found or ""

    def widened(self, alert_id: int, since: datetime) -> bool:
        """Whether an alert came to be about something else, too, after a time."""
        step = "select 1 from alert_transitions where alert_id = ? and state = 'widened' and at > ? limit 1"
        return self.row(step, [alert_id, to_text(since)]) is not None

    def put_back(self, now: datetime) -> None:
        """Where the clock was put back, what still fires widened by now, not later: else that is news for ever."""
        self.write(
            "update alert_transitions set at = ?1 where state = 'widened' and at > ?1 "
            "and alert_id in (select id from alerts where state <> 'resolved')",
            [to_text(now)],
        )

    def held_back(self, alert_id: int) -> list[tuple[str, datetime | None]]:
        """What held an alert back, one after the other, each until when; ``None``: it still does."""
        rows = self.rows(
            "select at, state, reason from alert_transitions where alert_id = ? "
            "and state in ('suppressed', 'unsuppressed') order by id",
            [alert_id],
        )
        steps = [(to_time(row["at"]), row["state"], row["reason"]) for row in rows]
        ends = [at for at, _, _ in steps[1:]]
        return [
            (why, ends[place] if place < len(ends) else None)
            for place, (_, state, why) in enumerate(steps)
            if state == "suppressed"
        ]

    def newest(self) -> int:
        """The id of the last step of all; 0 where there is none."""
        return int(self.value("select coalesce(max(id), 0) from alert_transitions"))

    def after(self, step_id: int, states: Sequence[str], limit: int) -> list[tuple[int, int, str]]:
        """``(id, alert, state)`` of the steps to one of ``states`` with ids above ``step_id``, by id."""
        rows = self.rows(
            f"select id, alert_id, state from alert_transitions where id > ? and state in ({marks(states)}) "
            "order by id limit ?",
            [step_id, *states, limit],
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def of_alert(self, alert_id: int) -> list[Transition]:
        """The alert's life, oldest step first."""
        rows = self.rows("select * from alert_transitions where alert_id = ? order by id", [alert_id])
        return [Transition(to_time(row["at"]), row["state"], row["reason"]) for row in rows]
