"""What is usual for a series: a running profile of its counts, carried from bucket to bucket.

A profile is small (some sixty numbers), moves only when a bucket has texts, and jumps over empty
buckets in closed form. Three things are in it:

- **how many texts are usual**: level x hour of day x weekday, each a posterior of a gamma prior, from
  counts that are capped, so that old waves do not pass for usual;
- **how much that varies**: the over-dispersion of ordinary counts, bucket by bucket and over about
  two hours; while a wave goes on, counts pass for usual here, so that a long one does not make deaf;
- **how far the series has ever gone**: second moments of exponentially weighted means about what was
  usual, *not* capped: who has had many waves needs a larger one to stand out.

A day weighs half of the one that came 14 days after it. The sums use forward decay (Cormode,
Shkapenyuk, Srivastava and Xu, "Forward decay: a practical time decay model for streaming systems", ICDE
2009): a count is added with a weight that grows from day to day, so that nothing has to be touched as
time goes by, and what the seen buckets of an hour or a weekday weigh is a geometric series. Days and hours
are those of UTC.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from math import sqrt
from typing import Any, NamedTuple

HOUR, DAY = 3600, 86400
VERSION = 3
"""Of what the numbers of a stored profile mean: another one, and profiles are made again from counts."""
DAILY = 2 ** (1 / 14)
"""What a day weighs more than the one before it."""
WEEKLY = DAILY**7
LANDMARK = 3000
"""Days after which weights are counted from a new origin: they stay far below what a float holds."""

SCALES = (600, 2400)
"""Half-lives in seconds of the weighted means that are kept: each of all counts, and of ordinary ones."""
MEANS, SLOWER = 2 * len(SCALES), len(SCALES) - 1

LEVEL_PRIOR = 0.5
"""Shape of the level's prior, in texts (Jeffreys' prior of a Poisson rate)."""
HOUR_PRIOR = 3.0
"""Shape of the hour factor's prior: unseen hours lie within 1 +- 0.6."""
HOUR_SPREAD = 0.3
"""Hours are learned as if their counts varied by no more from day to day: else a series that is silent at night, whose
first days look wild for want of hours, would go on looking wild, and never learn them."""
WEEKDAY_PRIOR = 6.0
"""Shape of the weekday factor's prior: unseen weekdays lie within 1 +- 0.4."""
WEEKDAY_SPREAD = 0.03
"""Days of one weekday differ by a sixth: thirty texts' worth of evidence at most from each."""
WEEKDAY_AFTER = 15
"""Days after which weekdays are told apart: each was seen twice."""
DISPERSION_UNKNOWN = 0.5
"""While nothing is known."""
DISPERSION_FLOOR = 0.02
"""Even a very busy series varies by a seventh from one hour to the next."""
CAP_FACTOR, CAP_DEVIATIONS, CAP_LEAST = 3.0, 4.0, 4.0
"""A bucket counts as at most so many times what is usual, so many deviations above, and never less than the last."""
LASTS = 6 * HOUR
"""A wave that goes on for longer adds nothing more to how far the series has ever gone."""
SETTLES = 36 * HOUR
"""A wave that goes on for longer is a new level, from which all is learned again."""
AHEAD = 72
"""Hours of a silence in which each is held to what is usual of it, such as a week-end's; then to the level."""
RECENT = 2 * HOUR
"""How long single counts are kept: the longest window that is judged."""


@cache
def retained(step: int) -> tuple[float, ...]:
    """What each mean keeps of itself from one bucket to the next: those of all counts, then the ordinary ones."""
    return tuple(0.5 ** (step / half_life) for half_life in (*SCALES, *SCALES))


@cache
def noise(step: int) -> tuple[float, ...]:
    """Variance of each mean of independent numbers of variance 1; its inverse is the buckets that it spans."""
    return tuple((1 - q) / (1 + q) for q in retained(step))


class Profile(NamedTuple):
    """The running state of one series.

    ``step``: bucket width in seconds, a divisor of an hour. ``since``: the midnight from which its
    counts are known; ``at``: the last bucket that was counted (``since - step`` before the first);
    both epoch seconds. ``origin``: the day, counted from 1970, whose texts weigh 1. ``level``,
    ``hours`` (24) and ``days`` (7, Thursday first, whole days alone; ``today`` is that of ``at``):
    weighted sums of capped counts. ``means``: of each of :data:`SCALES`, and of each with ordinary
    counts, the weighted mean at ``at`` of what was counted less what was usual. ``moments``: the
    weighted sums of their squares over the buckets before ``at``, those of all counts without what
    came after a wave had lasted :data:`LASTS`. ``ordinary``: the weighted sum of ordinary counts since
    the first day. ``squares``: the weighted sum of the squares of what was usual, over the buckets of
    ``moments``. ``lasts``: seconds for which a wave has gone on, less those since. ``usual``: the
    mean count of a bucket at ``at``. ``recent``: ``(bucket, live count)`` of the last two hours, oldest first.
    """

    step: int
    since: int
    at: int
    origin: int
    level: float
    hours: tuple[float, ...]
    days: tuple[float, ...]
    today: float
    means: tuple[float, ...]
    moments: tuple[float, ...]
    ordinary: float
    squares: float
    lasts: int
    usual: float
    recent: tuple[tuple[int, int], ...]

    def to_json(self) -> list[Any]:
        """Its fields in their order, to be stored; numbers keep every digit."""
        return list(self)

    @classmethod
    def from_json(cls, stored: Sequence[Any]) -> Profile:
        """What :meth:`to_json` gave.

        :raises ValueError: it is of another version.
        """
        if len(stored) != len(cls._fields):
            raise ValueError(f"a profile has {len(cls._fields)} fields, not {len(stored)}")
        values: list[Any] = [tuple(one) if isinstance(one, list) else one for one in stored]
        values[-1] = tuple((bucket, live) for bucket, live in stored[-1])
        return cls(*values)


class Usual(NamedTuple):
    """What is usual of one bucket.

    ``mean``; ``high``: the same for the busiest of this hour and its neighbours, so that clocks
    that are put forward or back fake no surge; ``doubt``: the relative variance of the mean;
    ``clumped`` and ``drifting``: the over-dispersion d (variance = mean + d * mean ** 2) of counts
    of a few buckets, and of about two hours.
    """

    mean: float
    high: float
    doubt: float
    clumped: float
    drifting: float


UNKNOWN = Usual(0.0, 0.0, 1 / LEVEL_PRIOR, DISPERSION_UNKNOWN, DISPERSION_UNKNOWN)


def empty(history_from: int, step: int) -> Profile:
    """The profile of a series of which nothing is known before ``history_from`` (epoch seconds).

    It begins at the next midnight, so that it knows whole days.
    """
    since = -(-history_from // DAY) * DAY
    nothing = (0.0,) * MEANS
    day, hours, days = since // DAY, (0.0,) * 24, (0.0,) * 7
    return Profile(
        step, since, since - step, day, 0.0, hours, days, 0.0, nothing, nothing, 0.0, 0.0, 0, 0.0, ()
    )


def advance(profile: Profile, bucket: int, count: int, live: int, usual: Usual) -> Profile:
    """The profile after ``count`` texts in ``bucket`` (epoch seconds), and none between ``profile.at`` and it.

    :param live: how many of them may raise an alert (the others are backfill).
    :param usual: what :func:`expect` said of the bucket.
    :raises ValueError: ``bucket`` was counted already, or lies before the profile: it only goes forward.
    """
    if bucket <= profile.at:
        raise ValueError(f"the bucket {bucket} is not after {profile.at}")
    if bucket // DAY - profile.origin > LANDMARK:
        profile = _rebased(profile, bucket // DAY)
    means, moments, squares = idle(profile, bucket)
    kept = retained(profile.step)
    mean, capped = usual.mean, float(count)
    above = (0.0,) * MEANS
    weight = DAILY ** (bucket // DAY - profile.origin)
    ordinary, lasts = profile.ordinary, profile.lasts
    if bucket - profile.since < DAY:
        mean = 0.0  # nothing is usual yet, and so nothing lies above or below it
    else:
        spread = mean + usual.clumped * mean * mean
        capped = min(capped, max(CAP_FACTOR * mean + CAP_DEVIATIONS * sqrt(spread), CAP_LEAST))
        passes, gap, slow = capped, bucket - profile.at, kept[SLOWER]
        if _is_wave(slow * means[SLOWER] + (1 - slow) * (count - mean), usual, noise(profile.step)[SLOWER]):
            # texts up to an hour apart are one wave
            lasts = min(SETTLES + LASTS, max(0, lasts - gap + 2 * min(gap, HOUR)))
            passes = capped if lasts > SETTLES else min(capped, mean)
        else:
            lasts = max(0, lasts - gap)
            ordinary += weight * capped
        above = (count - mean,) * len(SCALES) + (passes - mean,) * len(SCALES)
    added = weight * capped
    hour, hours = bucket // HOUR % 24, profile.hours
    days, today = profile.days, profile.today
    if bucket // DAY != profile.at // DAY:
        days, today = _whole_days(profile), 0.0
    return Profile(
        profile.step,
        profile.since,
        bucket,
        profile.origin,
        profile.level + added,
        (*hours[:hour], hours[hour] + added, *hours[hour + 1 :]),
        days,
        today + added,
        tuple([q * m + (1 - q) * a for q, m, a in zip(kept, means, above, strict=True)]),
        moments,
        ordinary,
        squares,
        lasts,
        mean,
        (*[one for one in profile.recent if one[0] > bucket - RECENT], (bucket, live)),
    )


def _is_wave(above: float, usual: Usual, share: float) -> bool:
    """Whether the slower mean of all counts stands farther ``above`` what is usual than ordinary counts bring it."""
    if above <= CAP_LEAST * share:
        return False
    variance = share * usual.mean + (usual.drifting + usual.doubt) * usual.mean**2
    return above > CAP_DEVIATIONS * sqrt(variance)


def idle(profile: Profile, until: int) -> tuple[tuple[float, ...], tuple[float, ...], float]:
    """``(means, moments, squares)`` at the end of the bucket before ``until``: those after ``at`` were empty.

    An empty bucket lies below what is usual by all of it: where u is usual, a mean m becomes
    q ** j * (m + u) - u after j of them.
    """
    weight = DAILY ** (profile.at // DAY - profile.origin)
    news = 0.0 if LASTS < profile.lasts <= SETTLES else weight
    weights = (news,) * len(SCALES) + (weight,) * len(SCALES)
    runs = list(_silence(profile, until))
    means, moments = [], []
    for q, mean, moment, counts in zip(
        retained(profile.step), profile.means, profile.moments, weights, strict=True
    ):
        total = mean * mean
        for buckets, usual in runs:
            above, left = mean + usual, q**buckets
            square = above * above * q * q * (1 - left * left) / (1 - q * q)
            total += square - 2 * above * usual * q * (1 - left) / (1 - q) + buckets * usual * usual
            mean = above * left - usual
        moments.append(moment + counts * total)
        means.append(mean)
    squares = profile.usual * profile.usual + sum(buckets * usual * usual for buckets, usual in runs)
    return tuple(means), tuple(moments), profile.squares + weight * squares


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
    known = HOUR_PRIOR * today * (1 + HOUR_SPREAD * level / noise(step)[-1])
    by_hour = [level * (known + texts) / (known + profile.level / 24) for texts in profile.hours]
    by_day = [1.0] * 7
    if day - profile.since // DAY >= WEEKDAY_AFTER:
        known = WEEKDAY_PRIOR * today * (1 + WEEKDAY_SPREAD * level * a_day)
        by_day = [(known + texts) / (known + sum(profile.days) / 7) for texts in profile.days]
    ahead = min(until, end + AHEAD * HOUR)
    for hour in range(end, ahead, HOUR):
        yield (min(HOUR, ahead - hour)) // step, by_hour[hour // HOUR % 24] * by_day[hour // DAY % 7]
    if ahead < until:
        yield (until - ahead) // step, level


def weight_seen(profile: Profile, bucket: int) -> float:
    """What the buckets of the profile before ``bucket`` weigh in all, empty ones included; at least one's."""
    day, a_day = bucket // DAY, DAY // profile.step
    past = (1 - DAILY ** -(day - profile.since // DAY)) / (DAILY - 1)
    return max(1.0, a_day * past + bucket % DAY // profile.step) * DAILY ** (day - profile.origin)


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
        max(DISPERSION_FLOOR, (moment / share - profile.ordinary) / today / (square / share + 1))
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
    whole = level * an_hour / learned if hour else 0.0
    text = 1 / (today * learned)
    by_hour = (HOUR_PRIOR + hours[hour] * text) / (HOUR_PRIOR + due + now)
    shape = HOUR_PRIOR + hours[hour] / (today * rough)
    busiest = max(
        by_hour,
        (HOUR_PRIOR + hours[hour - 1] * text) / (HOUR_PRIOR + due + whole),
        (HOUR_PRIOR + hours[(hour + 1) % 24] * text) / (HOUR_PRIOR + due + (0.0 if hour < 23 else whole)),
    )
    doubt = rough / texts + 1 / shape
    by_day, day_shape = 1.0, WEEKDAY_PRIOR
    if days >= WEEKDAY_AFTER:
        weekday = day % 7
        alike = days // 7
        rough = 1 + WEEKDAY_SPREAD * level * a_day
        due = level * a_day * (1 - WEEKLY**-alike) / (WEEKLY - 1)
        # today's own hours tell how today is going, not what its weekday is like
        whole_days = profile.days if day == profile.at // DAY else _whole_days(profile)
        day_shape = WEEKDAY_PRIOR + whole_days[weekday] / today / rough
        by_day = day_shape / (WEEKDAY_PRIOR + due / rough)
    doubt += 1 / day_shape
    return Usual(level * by_hour * by_day, level * busiest * by_day, doubt, clumped, drifting)


def _whole_days(profile: Profile) -> tuple[float, ...]:
    """``days``, the one of ``at`` included."""
    day = profile.at // DAY % 7
    return (*profile.days[:day], profile.days[day] + profile.today, *profile.days[day + 1 :])


def _rebased(profile: Profile, origin: int) -> Profile:
    by = DAILY ** (profile.origin - origin)
    return profile._replace(
        origin=origin,
        level=profile.level * by,
        hours=tuple(x * by for x in profile.hours),
        days=tuple(x * by for x in profile.days),
        today=profile.today * by,
        moments=tuple(x * by for x in profile.moments),
        ordinary=profile.ordinary * by,
        squares=profile.squares * by,
    )
