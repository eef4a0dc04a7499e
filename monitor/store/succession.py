"""Which letters come after which: those to one notifier about one alert, or one series, in order."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime

from monitor.store.letters import Letter, letter_of
from monitor.store.room import Room, to_text

RELATED = (
    "exists (select 1 from letter_alerts r join alerts s on s.id = r.alert_id where r.letter_id = o.id "
    "and s.fingerprint in (select m.fingerprint from letter_alerts g join alerts m on m.id = g.alert_id "
    "where g.letter_id = ?1))"
)
"""Whether the letter ``o`` is about a series that the letter ``?1`` is about."""

FIRST = (
    "with first as materialized (select fingerprint, min(e.id) as id from outbox e "
    "join letter_alerts l on l.letter_id = e.id join alerts a on a.id = l.alert_id "
    "where e.state = 'waiting' and e.notifier = ?2 and e.id not in (select value from json_each(?4)) "
    "group by fingerprint) "
)
"""Of each series the first letter to ``?2`` that waits, but for those in ``?4``.

Read once: however long the past, it takes as long as what waits.
"""

UNBLOCKED = (
    "not exists (select 1 from letter_alerts own join alerts a on a.id = own.alert_id "
    "join first on first.fingerprint = a.fingerprint where own.letter_id = o.id and first.id < o.id)"
)
"""Whether no letter of :data:`FIRST` holds up the letter ``o``."""


class Succession(Room):
    """Letters of one series follow each other; what does not get through may be passed over."""

    def behind(self, letter: Letter, passed: Collection[int], now: datetime) -> Letter | None:
        """The next letter about its series that would be due if those in ``passed``, itself included, did not wait."""
        row = self.row(
            f"{FIRST}select * from outbox o where state = 'waiting' and notifier = ?2 and id > ?1 "
            f"and next_at <= ?3 and {RELATED} and {UNBLOCKED} order by id limit 1",
            [letter.id, letter.notifier, to_text(now), json.dumps(sorted(passed))],
        )
        return None if row is None else letter_of(row)

    def before(self, letter: Letter) -> list[Letter]:
        """What waits to tell the same notifier about its series, and was written before it; oldest first."""
        rows = self.rows(
            f"select * from outbox o where state = 'waiting' and notifier = ?2 and id < ?1 and {RELATED} order by id",
            [letter.id, letter.notifier],
        )
        return [letter_of(row) for row in rows]

    def overtaken(self, letter: Letter) -> bool:
        """Whether a later letter about one of its alerts, of an end one about its series, reached the same notifier."""
        return any(self._overtaken(letter))

    def unheard(self, letter: Letter) -> bool:
        """Whether there is an alert of its, or something else in it, of which no later letter told the notifier."""
        return not all(self._overtaken(letter) or [False])

    def _overtaken(self, letter: Letter) -> list[bool]:
        """For each of its alerts, whether later news of it reached the notifier; news of a new one tell an end, too."""
        rows = self.rows(
            "select exists (select 1 from outbox t join letter_alerts other on other.letter_id = t.id "
            "join alerts b on b.id = other.alert_id where t.id > ?1 and t.notifier = ?2 and t.state = 'delivered' "
            "and (b.id = a.id or (?3 = 'resolved' and b.fingerprint = a.fingerprint))) "
            "from letter_alerts own join alerts a on a.id = own.alert_id where own.letter_id = ?1",
            [letter.id, letter.notifier, letter.notification.event],
        )
        return [bool(row[0]) for row in rows]
