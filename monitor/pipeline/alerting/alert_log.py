"""What happens to alerts, in the program's log."""

from __future__ import annotations

import logging
import threading

from monitor.alerts.rules import describe
from monitor.store import Store
from monitor.templating import short

log = logging.getLogger(__name__)

MOST = 1000
"""Steps at a time; what is left comes with the next round."""


class AlertLog:
    """Logs the alerts that were raised and resolved since it was made.

    It goes by what the database holds, so a rule that fails and is undone at each round has raised nothing.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._last = store.transitions.newest()
        self._guard = threading.Lock()  # texts are classified in one thread, and time goes by in another

    def tell(self) -> None:
        """Log what happened since this was called last."""
        with self._guard:
            for step, alert_id, state in self._store.transitions.after(
                self._last, ["firing", "resolved"], MOST
            ):
                self._tell(alert_id, state)
                self._last = step

    def _tell(self, alert_id: int, state: str) -> None:
        alert = self._store.alerts.need(alert_id)
        if alert.fired_at is None:
            return  # it waited, and was dropped: nobody ever heard of it
        done, why = "raised", alert.reason
        if state == "resolved":
            done, why = "resolved", self._store.transitions.ended(alert_id)
        said = f"rule {alert.rule}, {describe(alert.selection)}: {why}"
        log.info("alert %s: %s", done, short(said), extra={"alert": alert_id})
