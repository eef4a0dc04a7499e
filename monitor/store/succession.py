"""Which notifications come after which: those to one notifier about one alert, or one series, in order."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime

from monitor.store.outbox_entry import OutboxEntry, entry_of
from monitor.store.room import Room, to_text

RELATED = (
    "exists (select 1 from outbox_alerts r join alerts s on s.id = r.alert_id where r.outbox_id = o.id "
    "and s.fingerprint in (select m.fingerprint from outbox_alerts g join alerts m on m.id = g.alert_id "
    "where g.outbox_id = ?1))"
)
"""Whether the entry ``o`` of the outbox is about a series that the entry ``?1`` is about."""

FIRST = (
    "with first as materialized (select fingerprint, min(e.id) as id from outbox e "
    "join outbox_alerts l on l.outbox_id = e.id join alerts a on a.id = l.alert_id "
    "where e.state = 'waiting' and e.notifier = ?2 and e.id not in (select value from json_each(?4)) "
    "group by fingerprint) "
)
"""Of each series the first notification to ``?2`` that waits, but for those in ``?4``.

Read once: however long the past, it takes as long as what waits.
"""

UNBLOCKED = (
    "not exists (select 1 from outbox_alerts own join alerts a on a.id = own.alert_id "
    "join first on first.fingerprint = a.fingerprint where own.outbox_id = o.id and first.id < o.id)"
)
"""Whether no notification of :data:`FIRST` holds up the entry ``o``."""


class Succession(Room):
    """Notifications of one series follow each other; what does not get through may be passed over."""

    def behind(self, entry: OutboxEntry, passed: Collection[int], now: datetime) -> OutboxEntry | None:
        """The next one about its series that would be due if those in ``passed``, itself included, did not wait."""
        row = self.row(
            f"{FIRST}select * from outbox o where state = 'waiting' and notifier = ?2 and id > ?1 "
            f"and next_at <= ?3 and {RELATED} and {UNBLOCKED} order by id limit 1",
            [entry.id, entry.notifier, to_text(now), json.dumps(sorted(passed))],
        )
        return None if row is None else entry_of(row)

    def before(self, entry: OutboxEntry) -> list[OutboxEntry]:
        """What waits for the same notifier about its series, and was written before it; oldest first."""
        rows = self.rows(
            f"select * from outbox o where state = 'waiting' and notifier = ?2 and id < ?1 and {RELATED} order by id",
            [entry.id, entry.notifier],
        )
        return [entry_of(row) for row in rows]

    def overtaken(self, entry: OutboxEntry) -> bool:
        """Whether a later one about one of its alerts, of an end one about its series, reached the same notifier."""
        return any(self._overtaken(entry))

    def unheard(self, entry: OutboxEntry) -> bool:
        """Whether there is an alert of its, or something else in it, of which nothing later reached the notifier."""
        return not all(self._overtaken(entry) or [False])

    def _overtaken(self, entry: OutboxEntry) -> list[bool]:
        """For each of its alerts, whether later news of it reached the notifier; a new one implies the end, too."""
        rows = self.rows(
            "select exists (select 1 from outbox t join outbox_alerts other on other.outbox_id = t.id "
            "join alerts b on b.id = other.alert_id where t.id > ?1 and t.notifier = ?2 and t.state = 'delivered' "
            "and (b.id = a.id or (?3 = 'resolved' and b.fingerprint = a.fingerprint))) "
            "from outbox_alerts own join alerts a on a.id = own.alert_id where own.outbox_id = ?1",
            [entry.id, entry.notifier, entry.notification.event],
        )
        return [bool(row[0]) for row in rows]
