"""How a profile moves: a bucket is counted, with what was usual of it."""

from __future__ import annotations

from monitor.alerts.detectors.distribution import far
from monitor.alerts.detectors.profile import (
    DAILY,
    LASTS,
    MEANS,
    RECENT,
    SCALES,
    SETTLES,
    SLOWER,
    Profile,
    noise,
    retained,
    whole_days,
)
from monitor.alerts.detectors.usual import Usual, idle
from monitor.durations import DAY, HOUR

LANDMARK = 3000
"""Days after which weights are counted from a new origin: they stay far below what a float holds."""
CAP_FACTOR, CAP_LEAST = 3.0, 4.0
"""A bucket counts as at most so many times what is usual and what is :func:`far`, and never less than the last."""


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
        capped = min(capped, max(CAP_FACTOR * mean + far(mean, 1, usual.clumps), CAP_LEAST))
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
        days, today = whole_days(profile), 0.0
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
    return above > far(usual.mean, share, usual.drifts, usual.doubt)


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
