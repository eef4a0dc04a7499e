"""Who looks after alerts, and who is left in peace for a while."""

from __future__ import annotations

from datetime import datetime

from monitor.errors import MonitorError
from monitor.moments import moment
from monitor.store.room import Room, to_text
from monitor.store.stored_alert import StoredAlert


class Care(Room):
    """What people do about open alerts. Each step is noted in the same transaction."""

    def acknowledge(self, alert_id: int, by: str, note: str, now: datetime) -> None:
        """Somebody looks after it. A note that was made before stays, unless there is another.

        :raises MonitorError: if it is over.
        """
        with self.store.transaction():
            kept = self._need_open(alert_id).ack_note
            self.write(
                "update alerts set acked_at = ?, acked_by = ?, ack_note = ? where id = ?",
                [to_text(now), by, note or kept, alert_id],
            )
            self.store.transitions.add(alert_id, "acknowledged", f"by {by}{f': {note}' if note else ''}", now)

    def snooze(self, alert_id: int, until: datetime, by: str, note: str, now: datetime) -> None:
        """Nobody is notified of it until then.

        :raises MonitorError: if it is over.
        """
        with self.store.transaction():
            self._need_open(alert_id)
            self.write(
                "update alerts set snoozed_until = ?, snoozed_by = ? where id = ?",
                [to_text(until), by, alert_id],
            )
            # commands show it in the terminal's zone
            said = f"by {by} until {moment(until)}{f': {note}' if note else ''}"
            self.store.transitions.add(alert_id, "snoozed", said, now)

    def wake(self, alert_id: int, by: str, note: str, now: datetime) -> None:
        """A snooze ends before its time.

        :raises MonitorError: if the alert is over, or is not snoozed.
        """
        with self.store.transaction():
            until = self._need_open(alert_id).snoozed_until
            if until is None or until <= now:
                raise MonitorError(f"alert {alert_id} is not snoozed; there is nothing to end")
            self.write("update alerts set snoozed_until = null, snoozed_by = '' where id = ?", [alert_id])
            said = f"ended by {by}{f': {note}' if note else ''}"
            self.store.transitions.add(alert_id, "snoozed", said, now)

    def _need_open(self, alert_id: int) -> StoredAlert:
        alert = self.store.alerts.need(alert_id)
        if alert.state == "resolved":
            raise MonitorError(
                f"alert {alert_id} is over: it can be judged (`monitor alerts judge {alert_id} real|false`), "
                "not acknowledged or snoozed"
            )
        return alert
