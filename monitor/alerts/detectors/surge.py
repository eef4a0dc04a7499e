"""Surge: more texts in a window than the series' own past explains.

Counts of a window are taken as negative binomial around ``level x hour of day x weekday``.
Each factor is a gamma posterior (prior worth a few texts, past discounted with a half-life),
so that a series seen five times is believed less than one seen five thousand times: their
relative variances add to the dispersion of the predictive distribution (gamma-Poisson
mixture, moment-matched). See Noufaily et al., "An improved algorithm for outbreak detection
in multiple surveillance systems", Statistics in Medicine 32 (2013), for the family; the
guards of a minimum count and of capped past bursts are from there.

Everything read from the past is a discounted sum (total, by hour, by weekday, of squares),
which a running state can carry as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from monitor.alerts.detectors.history import History, Verdict, duration, texts
from monitor.durations import Duration
from monitor.interfaces import Settings

HOUR, DAY = 3600, 86400
LEVEL_PRIOR = 0.5
"""Shape of the level's prior, in texts (Jeffreys' prior of a Poisson rate)."""
HOUR_PRIOR = 3.0
"""Shape of the hour factor's prior: unseen hours lie within 1 +- 0.6."""
WEEKDAY_PRIOR = 6.0
"""Shape of the weekday factor's prior: unseen weekdays lie within 1 +- 0.4."""
WEEKDAY_DISPERSION = 0.1
"""Days of one weekday differ by a third: ten texts' worth of evidence at most from each."""
DISPERSION_PRIOR = 0.5
DISPERSION_FLOOR = 0.02
"""Even a very busy series varies by a seventh from one window to the next."""
CAP_QUANTILE = 0.99
"""Past windows above it count as if they held that many: old waves do not hide new ones."""


class SurgeSettings(Settings):
    """Settings of ``kind = "surge"``."""

    window: Duration = Field(3600, ge=300, description="length of the window that is judged")
    min_count: int = Field(5, ge=2, description="fewer texts in the window never fire")
    min_ratio: float = Field(2.0, ge=1, description="fire only at this many times the expected count")
    probability: float = Field(
        1e-5, gt=0, lt=0.5, description="fire when so many texts would come by chance less often than this"
    )
    min_history: Duration = Field(
        7 * DAY, ge=0, description="nothing fires while the monitor knows less than this"
    )
    baseline: Duration = Field(28 * DAY, ge=DAY, description="how far back the usual count is learned from")
    half_life: Duration = Field(
        14 * DAY, ge=DAY, description="a text this old weighs half in the usual count"
    )


@dataclass(frozen=True)
class Baseline:
    """The predictive distribution of a window's count: negative binomial.

    ``mean``; ``dispersion`` d, so that the variance is ``mean + d * mean ** 2``; ``span``: the
    seconds of history behind it (0: nothing is known).
    """

    mean: float
    dispersion: float
    span: int


def reach(settings: SurgeSettings) -> float:
    """How many seconds before ``at`` a history should begin for :func:`judge`."""
    return settings.baseline + 2 * settings.window


def judge(history: History, at: int, history_from: int, settings: SurgeSettings) -> Verdict:
    """Whether the window that ends at ``at`` holds a surge.

    ``at``: epoch second, the end of the window (rounded up to a bucket's end).
    ``history_from``: epoch second of the oldest event that the whole monitor knows; nothing
    before it counts as zero, and nothing fires until it is ``min_history`` ago. Live
    documents in the window are held against the total counts of the past, from
    one window's length before it backwards.
    """
    end = history.end_of(at)
    first = end - history.width(settings.window)
    observed = history.live_between(first, end)
    until, since = history.time_of(end), history.time_of(first)
    usual = baseline(history, first, history_from, settings)
    chance = tail(observed, usual.mean, usual.dispersion)
    low, high = (quantile(p, usual.mean, usual.dispersion) for p in (0.025, 0.975))
    known = max(0, until - max(history_from, history.start))
    firing, reason = False, ""
    said = f"{texts(observed)} in {duration(until - since)}"
    where = f"where {usual.mean:.2g} ({low} to {high}) are usual at this hour"
    if usual.mean >= 100:
        where = f"where {usual.mean:,.0f} ({low:,} to {high:,}) are usual at this hour"
    if until - history_from < settings.min_history or not usual.span:
        reason = (
            f"{said}; still learning what is usual: {known / DAY:.1f} of "
            f"{settings.min_history / DAY:.3g} days of history"
        )
    elif observed < settings.min_count:
        reason = f"{said}, fewer than the {settings.min_count} that the rule asks for"
    elif chance >= settings.probability:
        reason = f"{said} {where}: that happens by chance"
    elif observed < settings.min_ratio * usual.mean:
        reason = f"{said} {where}: less than {settings.min_ratio:g} times as many"
    else:
        firing = True
        reason = f"{said} {where}; history of {usual.span / DAY:.0f} days"
    return Verdict(firing, observed, usual.mean, float(low), float(high), since, until, float(chance), reason)


def baseline(history: History, first: int, history_from: int, settings: SurgeSettings) -> Baseline:
    """What is usual for the window that begins at bucket ``first``, from the buckets before it."""
    width = history.width(settings.window)
    window = width * history.step
    last = first - width
    oldest = max(0, history.end_of(history_from), last - int(settings.baseline // history.step))
    number = max(0, (last - oldest) // width)
    if not number:
        return Baseline(0.0, 0.0, 0)
    counts = np.zeros(number * width)
    known = history.total[last - number * width : last]
    counts[: len(known)] = known
    counts = counts.reshape(number, width).sum(axis=1)
    rank = min(number - 1, int(CAP_QUANTILE * number))
    # What could not have fired alone is no wave, so rare series keep their few texts.
    counts = np.minimum(counts, max(np.partition(counts, rank)[rank], settings.min_count))

    lag = np.arange(number + 1, 1, -1) * window
    weight = 0.5 ** (lag / settings.half_life)
    seen, exposure = float(weight @ counts), float(weight.sum())
    level = (LEVEL_PRIOR + seen) / exposure

    spread = 1 + dispersion(counts, np.full(number, level), weight) * level
    hour = np.rint(lag / HOUR).astype(int) % 24 if window <= DAY // 4 else np.zeros(number, int)
    by_hour, hour_shape = factors(
        around(np.bincount(hour, weight * counts, 24)) / spread,
        around(np.bincount(hour, weight * level, 24)) / spread,
        HOUR_PRIOR,
    )
    usual = level * by_hour[hour]
    variance = 1 / (LEVEL_PRIOR + seen / spread) + 1 / hour_shape[0]
    mean = level * by_hour[0]

    if number * window >= 15 * DAY and window <= DAY:
        day = np.rint(lag / DAY).astype(int)
        # Today's own hours tell how today is going, not what its weekday is like.
        past, weekday = weight * (day > 0), day % 7
        rough = 1 + WEEKDAY_DISPERSION * level * DAY / window
        by_weekday, weekday_shape = factors(
            np.bincount(weekday, past * counts, 7) / rough,
            np.bincount(weekday, past * usual, 7) / rough,
            WEEKDAY_PRIOR,
        )
        usual = usual * by_weekday[weekday]
        variance += 1 / weekday_shape[0]
        mean *= by_weekday[0]

    own = dispersion(counts, usual, weight)
    return Baseline(float(mean), float(own + variance + own * variance), number * window)


def factors(seen: np.ndarray, usual: np.ndarray, prior: float) -> tuple[np.ndarray, np.ndarray]:
    """Posterior mean and shape of factors around 1: ``seen`` texts where ``usual`` were due."""
    shape = prior + seen
    return shape / (prior + usual), shape


def around(hours: np.ndarray) -> np.ndarray:
    """Each hour with half of its neighbours, midnight included; shape (24,)."""
    smooth: np.ndarray = hours + (np.roll(hours, 1) + np.roll(hours, -1)) / 2
    return smooth


def dispersion(counts: np.ndarray, usual: np.ndarray, weight: np.ndarray) -> float:
    """Moment estimate of d in ``variance = mean + d * mean ** 2``, shrunk to its prior, never below 0."""
    excess = float(weight @ ((counts - usual) ** 2 - usual))
    return max(DISPERSION_FLOOR, (excess + DISPERSION_PRIOR) / (float(weight @ usual**2) + 1))


def tail(count: int, mean: float, dispersion: float) -> float:
    """P(Y >= count) of a negative binomial; Poisson where ``dispersion`` is 0."""
    from scipy.special import betainc, gammainc

    if count <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    if dispersion <= 0:
        return float(gammainc(count, mean))
    share = mean * dispersion / (1 + mean * dispersion)
    return float(betainc(count, 1 / dispersion, share))


def quantile(p: float, mean: float, dispersion: float) -> int:
    """The smallest k with P(Y <= k) >= p."""
    reached, high = -1, 1
    while 1 - tail(high + 1, mean, dispersion) < p:
        reached, high = high, 2 * high
    while high - reached > 1:
        middle = (reached + high) // 2
        if 1 - tail(middle + 1, mean, dispersion) < p:
            reached = middle
        else:
            high = middle
    return high
