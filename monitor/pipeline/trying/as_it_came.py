"""What was known of the stored past at each moment of it, so that rules can be tried on it."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from monitor.alerts.detectors import ProfileDetector
from monitor.alerts.detectors.profile import Profile, empty
from monitor.alerts.detectors.surge import may_fire
from monitor.alerts.detectors.usual import Usual
from monitor.alerts.replay import walk
from monitor.alerts.rules import Rule
from monitor.durations import DAY
from monitor.pipeline.alerting.windows import Windows
from monitor.pipeline.judging.known import Carried, Known
from monitor.pipeline.judging.profiles import SETTLED, known_since
from monitor.pipeline.trying.watchers import Key
from monitor.store import Store
from monitor.store.arrivals import Arrival
from monitor.store.history import history_since
from monitor.store.room import BUCKET_S, bucket_of
from monitor.store.series import Count, selections, wholes
from monitor.types import READ_BY, Selection

KEPT = 2 * DAY
"""Steps older than this are dropped but for one: where an older count changes, a series is carried anew from there."""


@dataclass
class _Series:
    """The counts of a series as they are known, and its profile as far as it was carried along them."""

    buckets: list[int] = field(default_factory=list)
    counts: dict[int, Count] = field(default_factory=dict)
    start: Profile | None = None
    starts: list[Profile] = field(default_factory=list)
    steps: list[tuple[int, Profile, Usual]] = field(default_factory=list)
    known_since: int = 0
    changed: int = 2**62
    size: int = 0

    def add(self, bucket: int, live: bool) -> None:
        """One document more."""
        before = self.counts.get(bucket)
        if before is None:
            insort(self.buckets, bucket)
            before = Count(bucket, 0, 0)
        self.counts[bucket] = Count(bucket, before.total + 1, before.live + live)
        self.changed = min(self.changed, bucket)
        self.size += 1

    def put(self, count: Count) -> None:
        """The count of a bucket that is later than all there are."""
        self.buckets.append(count.bucket)
        self.counts[count.bucket] = count
        self.size += count.total

    def between(self, since: int, until: int) -> list[Count]:
        """Non-empty buckets in ``[since, until)``, by time."""
        first, end = bisect_left(self.buckets, since), bisect_left(self.buckets, until)
        return [self.counts[bucket] for bucket in self.buckets[first:end]]

    def carry(self, known_since: int, now: int) -> Carried:
        """The last day, with the profile carried along all counts. ``now`` is a bucket."""
        if self.start is None or known_since != self.known_since:
            self.start, self.starts, self.steps = empty(known_since, BUCKET_S), [], []
            self.known_since = known_since
        if self.start.since <= self.changed <= self.start.at:
            while self.starts and self.starts[-1].at >= self.changed:
                self.starts.pop()
            self.start = self.starts[-1] if self.starts else empty(known_since, BUCKET_S)
            self.steps = []
        while self.steps and self.steps[-1][0] >= self.changed:
            self.steps.pop()
        last = self.steps[-1][1] if self.steps else self.start
        new = self.between(max(last.at + BUCKET_S, last.since), 2**62)
        self.steps += walk(last, ((count.bucket, count.total, count.live) for count in new))
        self.changed = 2**62
        old = bisect_left(self.steps, now - KEPT, key=lambda step: step[0])
        if old > len(self.steps) // 2:
            self.start, self.steps = self.steps[old - 1][1], self.steps[old:]
            self.starts.append(self.start)
        settled = bisect_left(self.steps, now - SETTLED + 1, key=lambda step: step[0])
        return Carried(self.steps[settled - 1][1] if settled else self.start, self.steps[settled:])


@dataclass
class AsItCame(Known):
    """What is known at ``now`` of the series that ``rules`` look at; :meth:`add` tells it what came by then.

    ``as_live``: backfill counts as if it had come live.
    """

    store: Store
    rules: Sequence[Rule]
    as_live: bool = False
    _series: dict[Key, _Series] = field(default_factory=dict)
    _interests: dict[Key, bool] = field(default_factory=dict)
    _watched: dict[Key, list[Key]] = field(default_factory=dict)
    _watching: dict[Key, list[int]] = field(default_factory=dict)
    _carried: dict[Key, Carried] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._first = self.store.sources.first_success()
        self._windows = Windows(self.store, self.as_live)
        self._series[()] = _Series()
        self._watched = {_key(rule.where): [] if rule.where else [()] for rule in self.rules}

    def begin(self, since: datetime) -> None:
        """Learn what came before ``since`` and counts before its bucket; :meth:`add` is to tell of all else."""
        late: dict[Key, Counter[int]] = {}
        late_live: dict[Key, Counter[int]] = {}
        for one in self.store.arrivals.late(since, as_live=self.as_live):
            for selection in selections(one.labels):
                late.setdefault(_key(selection), Counter())[one.bucket] += 1
                late_live.setdefault(_key(selection), Counter())[one.bucket] += one.live
        nothing = Counter[int]()
        for selection in self.store.series.all():
            key = _key(selection)
            if not self._of_interest(key, selection):
                continue
            more, more_live = late.get(key, nothing), late_live.get(key, nothing)
            for count in self.store.series.counts(selection, until=bucket_of(since)):
                live = count.total if self.as_live else count.live
                if total := count.total - more[count.bucket]:
                    self._known(key).put(Count(count.bucket, total, live - more_live[count.bucket]))

    def go_on(self, now: datetime) -> None:
        """Time has passed."""
        self.now = now
        self._carried.clear()
        self.forget()

    def add(self, arrived: Iterable[Arrival]) -> dict[Key, set[int]]:
        """Count documents that came; returns the series that are due to be judged, at which buckets."""
        due: dict[Key, set[int]] = {}
        for one in arrived:
            for selection in selections(one.labels):
                key = tuple(selection.items())
                if self._of_interest(key, selection):
                    self._known(key).add(one.bucket, one.live)
                    if one.live:
                        due.setdefault(key, set()).add(one.bucket)
        self.forget()
        return due

    def watching(self, key: Key) -> Sequence[int]:
        """The places of the rules that watch a series."""
        if key not in self._watching:
            selection = dict(key)
            self._watching[key] = [n for n, rule in enumerate(self.rules) if rule.watches(selection)]
        return self._watching[key]

    def watched(self, rule: Rule) -> list[dict[str, str]]:
        """The series of a rule that are known."""
        return [dict(key) for key in sorted(self._watched[_key(rule.where)]) if self._series[key].buckets]

    def may_fire(self, rule: Rule, selection: Selection, buckets: Iterable[int]) -> bool:
        """Whether a verdict is worth asking for where no alert is open."""
        if not isinstance(rule.detector, ProfileDetector):
            since = int(min(buckets) + BUCKET_S - rule.detector.reach(rule.settings))
            live = sum(count.live for count in self.counts(selection, since, 2**62))
            return live >= rule.detector.least(rule.settings)
        steps = self.of(selection).steps
        first = bisect_left(steps, min(buckets), key=lambda step: step[0])
        return any(
            may_fire(profile, usual, bucket, rule.settings) for bucket, profile, usual in steps[first:]
        )

    def counts(self, selection: Selection, since: int, until: int) -> Sequence[Count]:
        series = self._series.get(_key(selection))
        return [] if series is None else series.between(since, until)

    def of(self, selection: Selection) -> Carried:
        key = _key(selection)
        if key not in self._carried:
            since = known_since(self.history_from(), self._first, self.now)
            self._carried[key] = self._series[key].carry(since, bucket_of(self.now))
        return self._carried[key]

    def number(self, rule: Rule) -> int:
        return max(1, len(self._watched[_key(rule.where)]))

    def history_from(self) -> int | None:
        buckets = self._series[()].buckets
        if not buckets or self.as_live:
            return buckets[0] if buckets else None
        read = None if self._first is None else bucket_of(self._first)
        return history_since(buckets[-1], read, lambda since: buckets[bisect_left(buckets, since)])

    def count_stories(self, selection: Selection, since: int, until: int) -> int:
        return self._windows.stories(selection, since, until, self.now)

    def count_beside(self, selection: Selection, whole: Selection, since: int, until: int) -> int:
        return self._windows.beside(selection, whole, since, until, self.now)

    def whole_of(self, selection: Selection) -> Selection:
        known = [whole for whole in wholes(selection) if _key(whole) in self._series]
        return min(known, key=lambda whole: self._series[_key(whole)].size)

    def _of_interest(self, key: Key, selection: Selection) -> bool:
        """Whether a rule watches the series, or takes it for the whole of one."""
        if key not in self._interests:
            whole = any(_may_be_whole(selection, rule.where) for rule in self.rules)
            self._interests[key] = key == () or whole or bool(self.watching(key))
        return self._interests[key]

    def _known(self, key: Key) -> _Series:
        """The series of interest, which has counts from now on."""
        if key not in self._series:
            self._series[key] = _Series()
            for where in {_key(self.rules[number].where) for number in self.watching(key)}:
                self._watched[where].append(key)
        return self._series[key]


def _may_be_whole(selection: Selection, where: Selection) -> bool:
    """Whether a series of ``where`` may be held against that of a selection."""
    return selection[READ_BY] in where if READ_BY in selection else selection.keys() < where.keys()


def _key(selection: Selection) -> Key:
    return tuple(sorted(selection.items()))
