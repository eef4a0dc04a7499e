"""Surges in a series of counts, as they would have been found when it was live. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from monitor.alerts.detectors.history import Verdict
from monitor.alerts.detectors.profile import Profile, Usual, advance, empty, expect
from monitor.alerts.detectors.surge import SurgeSettings, judge, may_fire
from monitor.alerts.episodes import Episode, bar


class Found(NamedTuple):
    """A bucket in which a window fired; ``news``: not a piece of a wave that raised an alert before."""

    bucket: int
    verdict: Verdict
    news: bool


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


def surges(
    counts: Iterable[tuple[int, int]],
    *,
    step: int,
    history_from: int,
    settings: SurgeSettings,
    series: int = 1,
    keep_firing_for: float = 3600.0,
) -> Iterator[Found]:
    """What fires in ``(bucket, count)``, by time: each bucket judged when it ended, nothing known of what follows.

    :param step: bucket width in seconds; buckets are epoch seconds, multiples of it.
    :param history_from: nothing before it is known.
    :param series: how many such series one rule watches.
    :param keep_firing_for: seconds without a firing bucket after which an alert is over.
    """
    last: Episode | None = None
    over = -1.0
    whole = ((bucket, count, count) for bucket, count in counts if count > 0)
    for bucket, profile, usual in walk(empty(history_from, step), whole):
        if not may_fire(profile, usual, bucket, settings):
            continue
        found = judge(profile, usual, bucket, settings, series=series)
        if not found.firing:
            continue
        end = float(found.until)
        still = last is not None and end <= over
        news = not still and found.peak > bar(last, end, settings.again, settings.hold)
        if last is not None and still:
            last = Episode(max(last.peak, found.peak), last.at)
        elif news:
            last = Episode(found.peak, end)
        if still or news:
            over = end + keep_firing_for
        yield Found(bucket, found, news)
