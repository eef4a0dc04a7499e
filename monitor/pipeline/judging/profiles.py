"""What the store knows at present, with profiles of series that are stored and carried along the counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from monitor.alerts.detectors.profile import VERSION, Profile, empty
from monitor.alerts.replay import walk
from monitor.alerts.rules import Rule
from monitor.durations import DAY
from monitor.pipeline.judging.known import Carried, Known
from monitor.store import Store
from monitor.store.room import BUCKET_S, bucket_of
from monitor.store.series import Count, selection_text
from monitor.types import Selection

SETTLED = DAY
"""Counts older than this rarely change, so profiles are stored as they stood then, and carried on from there."""
STORED_EVERY = 6 * 3600
"""So many seconds of counts are carried again and again before a profile is stored anew."""
LATELY = 28 * DAY
"""Which texts a task reads, those say that came in this time."""
KNOWN_BEFORE = 56 * DAY
"""What sources told of older times at their first fetch says little of what came then."""


@dataclass
class Present(Known):
    """What the store knows now; each series is carried along once, and stored where it pays."""

    store: Store
    _carried: dict[str, Carried] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)
    _wholes: dict[tuple[str, ...], Selection] = field(default_factory=dict)
    _since: int | None = None

    def counts(self, selection: Selection, since: int, until: int) -> Sequence[Count]:
        return self.store.series.counts(selection, since, until)

    def of(self, selection: Selection) -> Carried:
        text = selection_text(selection)
        if text not in self._carried:
            self._carried[text] = self._carry(selection)
        return self._carried[text]

    def number(self, rule: Rule) -> int:
        if rule.name not in self._numbers:
            self._numbers[rule.name] = max(1, len(rule.watched(self.store.series.all())))
        return self._numbers[rule.name]

    def history_from(self) -> int | None:
        return self.store.documents.history_from()

    def count_stories(self, selection: Selection, since: int, until: int) -> int:
        return self.store.stories.count(selection, since, until)

    def count_beside(self, selection: Selection, whole: Selection, since: int, until: int) -> int:
        return self.store.stories.beside(selection, whole, since, until)

    def whole_of(self, selection: Selection) -> Selection:
        tasks = tuple(sorted(selection))
        if tasks not in self._wholes:
            self._wholes[tasks] = self.store.series.whole_of(selection, bucket_of(self.now) - LATELY)
        return self._wholes[tasks]

    def _carry(self, selection: Selection) -> Carried:
        since = self._known_since()
        stored = self.store.profiles.get(selection, VERSION)
        start = empty(since, BUCKET_S)
        if stored is not None and (kept := Profile.from_json(stored)).since == start.since:
            start = kept
        before, settled, steps = start, bucket_of(self.now) - SETTLED, []
        counts = self.store.series.counts(selection, max(start.at + BUCKET_S, start.since))
        for step in walk(start, ((count.bucket, count.total, count.live) for count in counts)):
            if step[0] <= settled:
                start = step[1]
            else:
                steps.append(step)
        if start.at - before.at >= STORED_EVERY:
            self.store.profiles.put(selection, VERSION, start.at, start.to_json())
        return Carried(start, steps)

    def _known_since(self) -> int:
        if self._since is None:
            first = self.store.sources.first_success()
            self._since = known_since(self.history_from(), first, self.now)
        return self._since


def known_since(oldest: int | None, first: datetime | None, now: datetime) -> int:
    """Since when the monitor knows what came, in epoch seconds.

    :param oldest: the bucket since which texts came regularly; :param first: when a source was first read.
    """
    found = int(now.timestamp()) if oldest is None else oldest
    return found if first is None else max(found, bucket_of(first) - KNOWN_BEFORE)
