"""Which documents are behind which alert."""

from __future__ import annotations

import json
from collections.abc import Sequence

from monitor.store.room import Room


class AlertDocuments(Room):
    """A document may be behind several alerts."""

    def add(self, alert_id: int, document_ids: Sequence[int]) -> None:
        """Note which documents are behind an alert; those that are known stay."""
        self.write_many(
            "insert or ignore into alert_documents values (?, ?)", [(alert_id, i) for i in document_ids]
        )

    def of_alert(self, alert_id: int) -> list[int]:
        """Ids of the documents behind an alert, newest event first."""
        rows = self.rows(
            "select document_id from alert_documents join documents on documents.id = document_id "
            "where alert_id = ? order by event_at desc, document_id desc",
            [alert_id],
        )
        return [row[0] for row in rows]

    def by_source(self, alert_id: int) -> dict[str, int]:
        """How many of the documents behind an alert each source gave, those of the most first."""
        rows = self.rows(
            "select source, count(*) as given from alert_documents join documents on documents.id = document_id "
            "where alert_id = ? group by source order by given desc, source",
            [alert_id],
        )
        return {row["source"]: row["given"] for row in rows}

    def of_rule(self, rule: str, document_ids: Sequence[int]) -> set[int]:
        """Which of the documents are behind any alert of a rule."""
        rows = self.rows(
            "select distinct document_id from alert_documents join alerts on alerts.id = alert_id "
            "where rule = ? and document_id in (select value from json_each(?))",
            [rule, json.dumps(list(document_ids))],
        )
        return {row[0] for row in rows}
