"""What rules would have said of a series of counts when it was live. Pure functions."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from monitor.alerts.detectors import Detector
from monitor.alerts.detectors.counting import advance
from monitor.alerts.detectors.history import History, Verdict
from monitor.alerts.detectors.profile import RECENT, Profile, empty
from monitor.alerts.detectors.surge import Rest, SurgeSettings, judge, may_fire
from monitor.alerts.detectors.usual import Usual, expect
from monitor.durations import HOUR


def walk(profile: Profile, counts: Iterable[tuple[int, int, int]]) -> Iterator[tuple[int, Profile, Usual]]:
    """Carry a profile along ``(bucket, count, live)``, by time, empty ones left out.

    Yields the bucket, the profile with it, and what was usual of it. Buckets before the profile's first
    whole day are passed over.
    """
    for bucket, count, live in counts:
        if bucket < profile.since:
            continue
        usual = expect(profile, bucket)
        profile = advance(profile, bucket, count, live, usual)
        yield bucket, profile, usual


class Mark(NamedTuple):
    """A bucket that had texts: how many of them were live, and how many texts are usual in it."""

    bucket: int
    live: int
    usual: float


@dataclass(frozen=True)
class Course:
    """How a series went, by time; empty buckets are left out, and as usual as the last one that was not."""

    step: int
    marks: Sequence[Mark]

    def window(self, since: int, until: int) -> tuple[float, float]:
        """Live texts in ``[since, until)``, and how many were usual there."""
        first = bisect_left(self.marks, since, key=lambda mark: mark.bucket)
        end = bisect_left(self.marks, until, key=lambda mark: mark.bucket)
        usual = self.marks[first - 1].usual if first else 0.0
        came = due = 0.0
        at = since
        for mark in self.marks[first:end]:
            due += usual * ((mark.bucket - at) // self.step)
            came, due, usual, at = came + mark.live, due + mark.usual, mark.usual, mark.bucket + self.step
        return came, due + usual * max(0, (until - at) // self.step)


def course(counts: Iterable[tuple[int, int, int]], *, step: int, history_from: int) -> Course:
    """The course of ``(bucket, count, live)``, by time, from the first whole day after ``history_from`` on."""
    found = walk(empty(history_from, step), counts)
    return Course(step, [Mark(bucket, profile.recent[-1][1], usual.mean) for bucket, profile, usual in found])


def rest_of(
    whole: Course,
    own: Callable[[int, int], tuple[float, float]],
    beside: Callable[[int, int], float] = lambda since, until: 0.0,
) -> Rest:
    """What is in ``whole`` and not in a series of it, whose own windows ``own`` knows.

    :param beside: of the other texts those that come with the series' own: of the same conversations. A wave of
        complaints brings greetings and answers with it, which explain nothing; as many with each text as now
        are taken from what is usual as well.
    """

    def rest(since: int, until: int) -> tuple[float, float]:
        (came, due), (mine, usual) = whole.window(since, until), own(since, until)
        each = 1.0 + (beside(since, until) / mine if mine else 0.0)
        return max(0.0, came - mine * each), max(0.0, due - usual * each)

    return rest


def surge_verdicts(
    counts: Iterable[tuple[int, int, int]],
    *,
    step: int,
    history_from: int,
    settings: SurgeSettings,
    series: int = 1,
    whole: Course | None = None,
) -> Iterator[tuple[int, Verdict]]:
    """``(end of a bucket, verdict)``, each made when the bucket ended, with nothing known of what follows.

    Buckets that cannot fire are left out, except after one that did, until all is quiet again.

    :param counts: ``(bucket, count, live)`` by time, empty ones left out; buckets are epoch seconds.
    :param step: bucket width in seconds.
    :param history_from: nothing before it is known.
    :param series: how many such series one rule watches.
    :param whole: of all texts, where the series is to be held against the others.
    """
    profile, marks = empty(history_from, step), list[Mark]()
    own = Course(step, marks)
    rest = None if whole is None else rest_of(whole, own.window)
    watched_until, at = -1, -1
    for bucket, after, usual in walk(profile, counts):
        # empty buckets after a firing one tell whether it is over
        for quiet in range(at, min(bucket, watched_until), step) if at >= 0 else ():
            yield (
                quiet + step,
                judge(profile, expect(profile, quiet), quiet, settings, series=series, rest=rest),
            )
        profile, at = after, bucket + step
        if whole is not None:
            marks.append(Mark(bucket, after.recent[-1][1], usual.mean))
            if len(marks) > 4096:
                del marks[:2048]
        if not may_fire(after, usual, bucket, settings) and bucket >= watched_until:
            continue
        found = judge(after, usual, bucket, settings, series=series, rest=rest)
        if found.firing:
            watched_until = bucket + RECENT + 2 * 3600
        yield bucket + step, found
    for quiet in range(at, watched_until, step) if at >= 0 else ():
        yield quiet + step, judge(profile, expect(profile, quiet), quiet, settings, series=series, rest=rest)


def history_verdicts(
    detector: Detector,
    settings: Any,
    counts: Sequence[tuple[int, int, int]],
    *,
    step: int,
    history_from: int,
    until: int,
    whole: Sequence[tuple[int, int, int]] | None = None,
    since: int = 0,
    is_open: Callable[[], bool] | None = None,
) -> Iterator[tuple[int, Verdict]]:
    """Likewise, of a kind that reads histories: at the end of each bucket that could change its verdict.

    Kinds that see silence are asked once an hour, and where it can be told of many ends at once which could fire, at
    those as well.

    :param counts: as for :func:`surge_verdicts`; :param whole: what they are a part of.
    :param until: the end of the last bucket; :param since: verdicts before it are not made.
    :param is_open: whether an alert is open; while none is, verdicts that cannot fire are left out.
    """
    reach = int(detector.reach(settings)) // step * step
    past = _dense(counts, history_from, until, step)
    past_whole = None if whole is None else _dense(whole, history_from, until, step)
    window = int(getattr(settings, "window", HOUR))
    ends: Iterable[int] | np.ndarray
    if detector.sees_silence:
        ends = range(history_from + HOUR, until + 1, HOUR if detector.may_fire is None else step)
    else:
        after = {end for bucket, *_ in counts for end in range(bucket, bucket + 2 * window + step, step)}
        ends = sorted(end + step for end in after if end < until)
    ends = np.array([end for end in ends if end >= since], dtype=np.int64)
    able = np.full(len(ends), True)
    if detector.may_fire is not None:
        known = History(history_from, step, *past)
        able = detector.may_fire(known, (ends - history_from) // step, settings)
    for end, may in zip(ends.tolist(), able.tolist(), strict=True):
        if not may and not ((end - history_from) % HOUR == 0 if is_open is None else is_open()):
            continue
        first, last = max(0, (end - reach - history_from) // step), (end - history_from) // step

        def part(dense: np.ndarray, of: History | None, first: int = first, last: int = last) -> History:
            total, live = dense[:, first:last]
            return History(history_from + first * step, step, total, live, of)

        history = part(past, None if past_whole is None else part(past_whole, None))
        yield end, detector.judge(history, end, history_from, settings)


def _dense(counts: Iterable[tuple[int, int, int]], since: int, until: int, step: int) -> np.ndarray:
    """Totals and live counts of all buckets, shape ``(2, n)``."""
    found = np.zeros((2, max(1, (until - since) // step)), dtype=np.int64)
    for bucket, total, live in counts:
        if 0 <= (place := (bucket - since) // step) < found.shape[1]:
            found[:, place] += (total, live)
    return found
