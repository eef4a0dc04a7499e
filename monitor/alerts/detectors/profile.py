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

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from monitor.durations import DAY, HOUR

VERSION = 5
"""Of what the numbers of a stored profile mean: another one, and profiles are made again from counts."""
DAILY = 2 ** (1 / 14)
"""What a day weighs more than the one before it."""
WEEKLY = DAILY**7

SCALES = (600, 2400)
"""Half-lives in seconds of the weighted means that are kept: each of all counts, and of ordinary ones."""
MEANS, SLOWER = 2 * len(SCALES), len(SCALES) - 1

LASTS = 6 * HOUR
"""A wave that goes on for longer adds nothing more to how far the series has ever gone."""
SETTLES = 36 * HOUR
"""A wave that goes on for longer is a new level, from which all is learned again."""
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


def weight_seen(profile: Profile, bucket: int) -> float:
    """What the buckets of the profile before ``bucket`` weigh in all, empty ones included; at least one's."""
    day, a_day = bucket // DAY, DAY // profile.step
    past = (1 - DAILY ** -(day - profile.since // DAY)) / (DAILY - 1)
    return max(1.0, a_day * past + bucket % DAY // profile.step) * DAILY ** (day - profile.origin)


def whole_days(profile: Profile) -> tuple[float, ...]:
    """``days``, the one of ``at`` included."""
    day = profile.at // DAY % 7
    return (*profile.days[:day], profile.days[day] + profile.today, *profile.days[day + 1 :])
