"""What is usual of a series: in a bucket to come, and in the buckets of a silence, from its profile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from monitor.alerts.detectors.profile import (
    DAILY,
    LASTS,
    SCALES,
    SETTLES,
    WEEKLY,
    Profile,
    noise,
    retained,
    weight_seen,
    whole_days,
)
from monitor.durations import DAY, HOUR

LEVEL_PRIOR = 0.5
"""Shape of the level's prior, in texts (Jeffreys' prior of a Poisson rate)."""
HOUR_PRIOR = 3.0
"""Shape of the hour factor's prior: unseen hours lie within 1 +- 0.6."""
HOUR_SPREAD = 0.3
"""Hours are learned as if their counts varied by no more from day to day: else a series that is silent at night, whose
first days look wild for want of hours, would go on looking wild, and never learn them."""
HOUR_LIKE = 8.0
"""Texts' worth of belief that an hour is as the mean of those beside it: days rise and fall over hours."""
WEEKDAY_PRIOR = 4.0
"""Shape of the weekday factor's prior: unseen weekdays lie within 1 +- 0.5."""
WEEKDAY_SPREAD = 0.02
"""Days of one weekday differ by a seventh: fifty texts' worth of evidence at most from each."""
WEEKDAY_AFTER = 8
"""Days after which weekdays are told apart: each was seen once."""
DISPERSION_UNKNOWN = 0.5
"""While nothing is known."""
DISPERSION_FLOOR = 0.02
"""Even a very busy series varies by a seventh from one hour to the next, whatever was seen of it."""
AHEAD = 72
"""Hours of a silence in which each is held to what is usual of it, such as a week-end's; then to the level."""


class Usual(NamedTuple):
    """What is usual of one bucket.

    ``mean``; ``high``: the same for the busiest of this hour and its neighbours, so that clocks
    that are put forward or back fake no surge; ``doubt``: the relative variance of the mean;
    ``clumped`` and ``drifting``: the over-dispersion d (variance = mean + d * mean ** 2) of counts
    of a few buckets, and of about two hours, as it was seen: 0 where counts varied less than by chance.
    Whoever asks what chance brings goes by :attr:`clumps` and :attr:`drifts`, or :meth:`spread`.
    """

    mean: float
    high: float
    doubt: float
    clumped: float
    drifting: float

    @property
    def clumps(self) -> float:
        """What counts of a few buckets vary, at the least."""
        return max(DISPERSION_FLOOR, self.clumped)

    @property
    def drifts(self) -> float:
        """What counts of about two hours vary, at the least."""
        return max(DISPERSION_FLOOR, self.drifting)

    def spread(self, step: int, length: int) -> float:
        """What the count of ``length`` buckets of ``step`` seconds varies: between single ones and two hours."""
        short, long = noise(step)[: len(SCALES)]  # inverse numbers of buckets
        clumps = max(0.0, self.clumped - self.drifting) / (short - long)
        return max(DISPERSION_FLOOR, self.drifting + clumps * (1 / length - long))


UNKNOWN = Usual(0.0, 0.0, 1 / LEVEL_PRIOR, DISPERSION_UNKNOWN, DISPERSION_UNKNOWN)


def expect(profile: Profile, bucket: int) -> Usual:
    """What is usual in ``bucket`` (epoch seconds), from what was counted before it."""
    day = bucket // DAY
    days = day - profile.since // DAY
    if days < 0 or bucket <= profile.since:
        return UNKNOWN
    # everything in texts and buckets of today's weight
    today = DAILY ** (day - profile.origin)
    a_day = DAY // profile.step
    past = (1 - DAILY**-days) / (DAILY - 1)
    elapsed = bucket % DAY // profile.step
    seen = a_day * past + elapsed
    texts = LEVEL_PRIOR + profile.level / today
    level = texts / seen
    square = profile.squares / today
    clumped, drifting = [
        max(0.0, (moment / share - profile.ordinary) / today / (square / share + 1))
        for moment, share in zip(
            profile.moments[len(SCALES) :], noise(profile.step)[len(SCALES) :], strict=True
        )
    ]
    together = level / noise(profile.step)[-1]
    rough = 1 + drifting * together
    learned = 1 + min(drifting, HOUR_SPREAD) * together
    hour, an_hour, hours = bucket // HOUR % 24, HOUR // profile.step, profile.hours
    due = level * an_hour * past / learned
    now = level * (elapsed - hour * an_hour) / learned
    whole = level * an_hour / learned
    done, next_done = whole if hour else 0.0, whole if hour == 23 else 0.0  # of the hours beside it, today
    text = 1 / (today * learned)
    before, after = hours[hour - 1] * text, hours[(hour + 1) % 24] * text
    by_hour = _by_hour(before, hours[hour] * text, after, due, today=(done, now, next_done))
    busiest = max(
        by_hour,
        (HOUR_PRIOR + before) / (HOUR_PRIOR + due + done),
        (HOUR_PRIOR + after) / (HOUR_PRIOR + due + next_done),
    )
    shape = HOUR_PRIOR + hours[hour] / (today * rough)
    doubt = rough / texts + 1 / shape
    by_day, day_shape = 1.0, WEEKDAY_PRIOR
    if days >= WEEKDAY_AFTER:
        weekday = day % 7
        alike = days // 7
        rough = 1 + WEEKDAY_SPREAD * level * a_day
        due = level * a_day * (1 - WEEKLY**-alike) / (WEEKLY - 1)
        # today's own hours tell how today is going, not what its weekday is like
        by_weekday = profile.days if day == profile.at // DAY else whole_days(profile)
        day_shape = WEEKDAY_PRIOR + by_weekday[weekday] / today / rough
        by_day = day_shape / (WEEKDAY_PRIOR + due / rough)
    # weights fall from day to day, so that the sum of their squares, which errors go by, is this part of their sum
    doubt = (doubt + 1 / day_shape) * (1 + DAILY**-days) / (1 + DAILY)
    return Usual(level * by_hour * by_day, level * busiest * by_day, doubt, clumped, drifting)


def _by_hour(
    before: float,
    own: float,
    after: float,
    due: float,
    *,
    today: tuple[float, float, float] = (0.0, 0.0, 0.0),
    text: float = 1.0,
) -> float:
    """How many times the level is usual in an hour of the day, which leans on the two beside it.

    ``before``, ``own`` and ``after``: texts of these hours; ``due``: those of each, were all hours alike;
    ``today``: what is due besides in each, of the day that is not over. ``text``: what a text weighs in all of them.
    """
    due_before, due_own, due_after = today
    like = (HOUR_PRIOR * text + before + after) / (HOUR_PRIOR * text + 2 * due + due_before + due_after)
    return (HOUR_LIKE * text * like + own) / (HOUR_LIKE * text + due + due_own)


def idle(profile: Profile, until: int) -> tuple[tuple[float, ...], tuple[float, ...], float]:
    """``(means, moments, squares)`` at the end of the bucket before ``until``: those after ``at`` were empty.

    An empty bucket lies below what is usual by all of it: where u is usual, a mean m becomes
    q ** j * (m + u) - u after j of them.
    """
    weight = DAILY ** (profile.at // DAY - profile.origin)
    news = 0.0 if LASTS < profile.lasts <= SETTLES else weight
    weights = (news,) * len(SCALES) + (weight,) * len(SCALES)
    runs = [(_decay(profile.step, buckets), buckets, usual) for buckets, usual in _silence(profile, until)]
    means, moments = [], []
    for k, counts in enumerate(weights):
        mean = profile.means[k]
        total = mean * mean
        for decay, buckets, usual in runs:
            left, square, cross = decay[k]
            above = mean + usual
            total += above * above * square - above * usual * cross + buckets * usual * usual
            mean = above * left - usual
        moments.append(profile.moments[k] + counts * total)
        means.append(mean)
    squares = profile.usual * profile.usual + sum(buckets * usual * usual for _, buckets, usual in runs)
    return tuple(means), tuple(moments), profile.squares + weight * squares


@lru_cache(maxsize=4096)
def _decay(step: int, buckets: int) -> tuple[tuple[float, float, float], ...]:
    """Of each mean over so many empty buckets: what is left of it, and the sums of q ** 2j and of 2 q ** j."""
    found = []
    for q in retained(step):
        left = q**buckets
        square = q * q * (1 - left * left) / (1 - q * q)
        found.append((left, square, 2 * q * (1 - left) / (1 - q)))
    return tuple(found)


def _silence(profile: Profile, until: int) -> Iterator[tuple[int, float]]:
    """The buckets after ``at`` and before ``until`` in runs: of how many, and what is usual in each."""
    bucket, step = profile.at + profile.step, profile.step
    if bucket >= until:
        return
    end = min(until, -(-bucket // HOUR) * HOUR) if profile.usual else until
    if end > bucket:
        yield (end - bucket) // step, profile.usual
    if end >= until:
        return
    day, a_day = profile.at // DAY, DAY // step
    today = DAILY ** (day - profile.origin)
    level = (LEVEL_PRIOR + profile.level / today) / (weight_seen(profile, bucket) / today)
    a_text = today * (1 + HOUR_SPREAD * level / noise(step)[-1])
    usually, hours = profile.level / 24, profile.hours
    by_day: Sequence[float] = (1.0,) * 7
    if day - profile.since // DAY >= WEEKDAY_AFTER:
        prior = WEEKDAY_PRIOR * today * (1 + WEEKDAY_SPREAD * level * a_day)
        by_day = [(prior + texts) / (prior + sum(profile.days) / 7) for texts in profile.days]
    ahead = min(until, end + AHEAD * HOUR)
    for hour in range(end, ahead, HOUR):
        n = hour // HOUR % 24
        by_hour = _by_hour(hours[n - 1], hours[n], hours[(n + 1) % 24], usually, text=a_text)
        yield min(HOUR, ahead - hour) // step, level * by_hour * by_day[hour // DAY % 7]
    if ahead < until:
        yield (until - ahead) // step, level
