"""What spoke for each alert."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from monitor.store.room import Room


class Evidence(Room):
    """What spoke for each alert when it was last notified of, as JSON-able data."""

    def put(self, alert_id: int, evidence: Mapping[str, Any]) -> None:
        """Keep it, instead of what was kept before."""
        self.write(
            "insert into alert_evidence (alert_id, evidence) values (?, ?) "
            "on conflict(alert_id) do update set evidence = excluded.evidence",
            [alert_id, json.dumps(dict(evidence), ensure_ascii=False)],
        )

    def of(self, alert_id: int) -> dict[str, Any]:
        """What was kept of an alert; empty where nothing was."""
        text = self.value("select evidence from alert_evidence where alert_id = ?", [alert_id])
        return {} if text is None else dict(json.loads(text))
