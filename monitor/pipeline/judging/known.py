"""What is known at a moment of the series that rules watch, and what rules say of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, cached_property, partial

import numpy as np

from monitor.alerts.detectors import History, ProfileDetector, Verdict
from monitor.alerts.detectors.profile import Profile
from monitor.alerts.detectors.surge import Rest, Window, judge, look, may_fire, sight
from monitor.alerts.detectors.usual import Usual, expect
from monitor.alerts.replay import Course, Mark, rest_of
from monitor.alerts.rules import Rule
from monitor.pipeline.judging.guards import enough_stories
from monitor.store.room import BUCKET_S, bucket_of
from monitor.store.series import Count, selection_text
from monitor.types import Selection


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

    @cached_property
    def course(self) -> Course:
        """How the day went."""
        return Course(
            BUCKET_S, [Mark(b, profile.recent[-1][1], usual.mean) for b, profile, usual in self.steps]
        )


@dataclass
class Known(ABC):
    """Counts, stories and profiles as they are known at ``now``; who asks for verdicts need not know whence."""

    now: datetime
    _told: dict[tuple[str, int, int], int] = field(default_factory=dict, kw_only=True)
    _rests: dict[str, Rest] = field(default_factory=dict, kw_only=True)
    _seen: dict[tuple[str, int, tuple[float, ...]], list[Window]] = field(default_factory=dict, kw_only=True)

    @abstractmethod
    def counts(self, selection: Selection, since: int, until: int) -> Sequence[Count]:
        """Non-empty buckets of a series in ``[since, until)``, by time."""

    @abstractmethod
    def of(self, selection: Selection) -> Carried:
        """The last day of a series."""

    @abstractmethod
    def number(self, rule: Rule) -> int:
        """How many series a rule watches, at least one."""

    @abstractmethod
    def history_from(self) -> int | None:
        """The bucket since which texts came regularly, ``None`` where there are none."""

    @abstractmethod
    def count_stories(self, selection: Selection, since: int, until: int) -> int:
        """How many distinct stories the live documents of a selection tell in ``[since, until)``."""

    @abstractmethod
    def count_beside(self, selection: Selection, whole: Selection, since: int, until: int) -> int:
        """How many other live texts of ``whole`` are in the conversations in which one of a selection came then."""

    @abstractmethod
    def whole_of(self, selection: Selection) -> Selection:
        """The texts that could have been a series': all, or those that one of its tasks read."""

    def forget(self) -> None:
        """More is known than what was asked before."""
        for asked in (self._told, self._rests, self._seen):
            asked.clear()

    def stories(self, selection: Selection, since: int, until: int) -> int:
        """:meth:`count_stories`, asked once: many series are parts of one whole."""
        key = selection_text(selection), since, until
        if key not in self._told:
            self._told[key] = self.count_stories(selection, since, until)
        return self._told[key]

    def history(self, rule: Rule, selection: Selection, since: int, until: int) -> History:
        """Counts of a series from ``since`` up to ``until`` (buckets), with the whole that the rule wants."""
        found = self._history(selection, since, until)
        whole = self.whole(rule, selection)
        return found if whole is None else replace(found, whole=self._history(whole, since, until))

    def whole(self, rule: Rule, selection: Selection) -> Selection | None:
        """What a rule that reads histories wants to know beside a series, if anything."""
        whole = rule.of_histories.whole and rule.of_histories.whole(selection, rule.settings)
        return self.whole_of(selection) if whole == {} else whole

    def verdict(self, rule: Rule, selection: Selection, buckets: Sequence[int]) -> Verdict:
        """The clearest verdict of a rule on a series: the firing window that is the least likely by chance.

        Windows end now and with each of ``buckets`` (epoch seconds), so that documents that came
        late, such as a feed's that is polled hourly, are judged at the time they belong to.
        """
        told = partial(self.stories, selection)
        if isinstance(rule.detector, ProfileDetector):
            return enough_stories(told, rule, self._of_profile(rule, selection, buckets))
        last = bucket_of(self.now) + BUCKET_S
        ends = sorted({last, *(bucket + BUCKET_S for bucket in buckets if bucket < last)})
        since = int(ends[0] - rule.detector.reach(rule.settings)) // BUCKET_S * BUCKET_S
        known = self.history_from()
        history = self.history(rule, selection, since, ends[-1])
        from_ = last if known is None else known
        verdicts = [rule.detector.judge(history, end, from_, rule.settings) for end in ends]
        verdicts = [enough_stories(told, rule, found) for found in verdicts]
        return min(verdicts, key=lambda v: (not v.firing, v.probability, -v.observed))

    def _of_profile(self, rule: Rule, selection: Selection, buckets: Sequence[int]) -> Verdict:
        # a document that came late counts in every window that it lies in: from the first bucket on
        carried, present = self.of(selection), bucket_of(self.now)
        rest = self._rest(rule, selection, carried)
        series, text, sight_ = self.number(rule), selection_text(selection), sight(rule.settings)
        first = min(buckets, default=present)

        def judged(profile: Profile, usual: Usual, bucket: int) -> Verdict:
            seen = self._seen.get((text, bucket, sight_))
            if seen is None:
                seen = self._seen[text, bucket, sight_] = look(profile, usual, bucket, rule.settings, rest)
            return judge(profile, usual, bucket, rule.settings, series=series, rest=rest, seen=seen)

        found = [
            judged(profile, usual, bucket)
            for bucket, profile, usual in carried.steps
            if bucket >= first and may_fire(profile, usual, bucket, rule.settings)
        ]
        if not found or carried.last.at < present:
            last = carried.last
            at = max(present, last.at)
            usual = carried.steps[-1][2] if last.at == at and carried.steps else expect(last, at)
            found.append(judged(last, usual, at))
        return min(found, key=lambda v: (not v.firing, v.probability))

    def _rest(self, rule: Rule, selection: Selection, carried: Carried) -> Rest | None:
        if not rule.settings.compare or not selection:
            return None
        key = selection_text(selection)
        if key not in self._rests:
            within = self.whole_of(selection)
            whole, beside = self.of(within), partial(self.count_beside, selection, within)
            # asked once for each window, whatever number of rules judge it, and nothing is read where none asks
            self._rests[key] = cache(
                lambda since, until: rest_of(whole.course, carried.course.window, beside)(since, until)
            )
        return self._rests[key]

    def _history(self, selection: Selection, since: int, until: int) -> History:
        total = np.zeros((until - since) // BUCKET_S, dtype=np.int64)
        live = np.zeros_like(total)
        for count in self.counts(selection, since, until):
            place = (count.bucket - since) // BUCKET_S
            total[place], live[place] = count.total, count.live
        return History(since, BUCKET_S, total, live, told=partial(self.stories, selection))
