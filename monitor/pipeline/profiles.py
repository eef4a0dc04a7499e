"""Profiles of series carried along their stored counts, and what they say of the present."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from monitor.alerts.detectors import Verdict
from monitor.alerts.detectors.profile import DAY, VERSION, Profile, Usual, empty, expect
from monitor.alerts.detectors.surge import Rest, judge, may_fire
from monitor.alerts.replay import Course, Mark, rest_of, walk
from monitor.alerts.rules import Rule
from monitor.store import Store
from monitor.store.room import BUCKET_S, bucket_of
from monitor.store.series import selection_text
from monitor.types import Selection

SETTLED = DAY
"""Counts older than this rarely change, so profiles are stored as they stood then, and carried on from there."""
STORED_EVERY = 6 * 3600
"""So many seconds of counts are carried again and again before a profile is stored anew."""
KNOWN_BEFORE = 56 * DAY
"""What sources told of older times at their first fetch says little of what came then."""


@dataclass(frozen=True)
class Carried:
    """The last day of a series: ``(bucket, profile with it, what was usual of it)``, empty buckets left out.

    ``start``: the profile before the first of them.
    """

    start: Profile
    steps: Sequence[tuple[int, Profile, Usual]]

    @property
    def last(self) -> Profile:
        """The profile with everything that was counted."""
        return self.steps[-1][1] if self.steps else self.start

    @property
    def course(self) -> Course:
        """How the day went."""
        return Course(
            BUCKET_S, [Mark(b, profile.recent[-1][1], usual.mean) for b, profile, usual in self.steps]
        )


@dataclass
class Present:
    """What all series are like at ``now``; each is carried along once, and stored where it pays."""

    store: Store
    now: datetime
    _carried: dict[str, Carried] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)
    _since: int | None = None

    def of(self, selection: Selection) -> Carried:
        """The last day of a series."""
        text = selection_text(selection)
        if text not in self._carried:
            self._carried[text] = self._carry(selection)
        return self._carried[text]

    def verdict(self, rule: Rule, selection: Selection, buckets: Sequence[int]) -> Verdict:
        """The clearest verdict: the firing window that is the least likely by chance.

        Windows end now, and with each bucket from the first of ``buckets`` on: a document that came late
        counts in every window that it lies in.
        """
        carried, present = self.of(selection), bucket_of(self.now)
        rest = self._rest(rule, selection, carried)
        series = self._number(rule)
        first = min(buckets, default=present)
        found = [
            judge(profile, usual, bucket, rule.settings, series=series, rest=rest)
            for bucket, profile, usual in carried.steps
            if bucket >= first and may_fire(profile, usual, bucket, rule.settings)
        ]
        if not found or carried.last.at < present:
            last = carried.last
            at = max(present, last.at)
            usual = carried.steps[-1][2] if last.at == at and carried.steps else expect(last, at)
            found.append(judge(last, usual, at, rule.settings, series=series, rest=rest))
        return min(found, key=lambda v: (not v.firing, v.probability))

    def _rest(self, rule: Rule, selection: Selection, carried: Carried) -> Rest | None:
        if not rule.settings.compare or not selection:
            return None
        return rest_of(self.of({}).course, carried.course.window)

    def _number(self, rule: Rule) -> int:
        if rule.name not in self._numbers:
            self._numbers[rule.name] = max(1, len(rule.watched(self.store.series.all())))
        return self._numbers[rule.name]

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
            self._since = known_since(self.store, self.now)
        return self._since


def known_since(store: Store, now: datetime) -> int:
    """Since when the monitor knows what came, in epoch seconds."""
    oldest, first = store.documents.history_from(), store.sources.first_success()
    found = int(now.timestamp()) if oldest is None else oldest
    return found if first is None else max(found, bucket_of(first) - KNOWN_BEFORE)
