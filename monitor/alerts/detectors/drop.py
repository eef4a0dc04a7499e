"""Drop: a series that is usually busy at this hour falls silent.

What is usual is learned from the same hours of the same weekday in past weeks, and from those an
hour earlier and later: the smallest of the three means counts, so that nights, week-ends and a
change of the clock are no drop. Where the rest of the texts surely fell as well, as on a holiday, less is
expected here too. Counts of one hour differ from week to week by more than chance;
a negative binomial with the dispersion that all days show around their weekday's mean says how
improbable so few texts are.
"""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
from pydantic import Field

from monitor.alerts.detectors.chances import at_most
from monitor.alerts.detectors.history import History, Verdict, average, duration, percent, texts
from monitor.alerts.detectors.kind import KindSettings
from monitor.durations import DAY, HOUR, Duration
from monitor.types import Selection

DISPERSION_PRIOR, PRIOR_DAYS = 0.1, 5
"""Before anything is known, counts of an hour differ by a third from day to day; worth five days."""
DISPERSION_FLOOR = 0.02
REST_PRIOR = 3.0
"""Texts' worth of belief that the rest of the texts is as usual."""
REST_SURE = 1.64
"""Standard deviations: nineteen times in twenty the rest truly fell by as much."""
KEPT = 0.9
"""The busiest tenth of the days counts as if it were as busy as the next: a past wave sets no standard."""


class DropSettings(KindSettings):
    """Settings of ``kind = "drop"``."""

    window: Duration = Field(3600, ge=300, description="length of the window that is judged")
    min_expected: float = Field(10, gt=0, description="only where at least so many texts are usual")
    max_ratio: float = Field(
        0.25, ge=0, lt=1, description="fire only at this share of the usual count or less"
    )
    probability: float = Field(
        1e-4, gt=0, lt=0.5, description="fire when so few texts would come by chance less often than this"
    )
    min_history: Duration = Field(
        14 * DAY, ge=7 * DAY, description="nothing fires while the monitor knows less than this"
    )
    baseline: Duration = Field(28 * DAY, ge=7 * DAY, description="how far back the usual count is learned")
    compare: bool = Field(
        True, description="hold the count against all other texts: a holiday is no drop of one series"
    )

    def calmer(self) -> str:
        """What to write for fewer alerts."""
        return f"probability = {self.probability / 10:.2g}"


def reach(settings: DropSettings) -> float:
    """How many seconds before ``at`` a history should begin for :func:`judge`."""
    return settings.baseline + settings.window + HOUR


def whole(selection: Selection, settings: DropSettings) -> Selection | None:
    """What a series is compared with: all texts. These themselves have nothing to be compared with."""
    return {} if settings.compare and selection else None


def judge(history: History, at: int, history_from: int, settings: DropSettings) -> Verdict:
    """Whether far fewer texts than usual came in the window that ends at ``at``.

    ``at``: epoch second up to which everything is known that came, which is earlier than now where
    sources are read now and then. All texts count, backfill too: what came late was not missing.
    ``history_from``: epoch second of the oldest event that the monitor knows. ``history.whole`` has the
    counts of all texts, where the series is to be compared with the rest of them.
    """
    end = history.end_of(at)
    first = end - history.width(settings.window)
    until, since = history.time_of(end), history.time_of(first)
    observed = int(history.total[max(first, 0) : max(end, 0)].sum())
    mean, dispersion, days = usual(history, first, end, history_from, settings)
    fell = _rest(history, first, end, history_from, settings)
    mean *= fell
    chance = at_most(observed, mean, dispersion)
    low, high = middle(mean, dispersion)
    said = f"{texts(observed)} in {duration(until - since)}"
    if fell < 0.8:
        said += f", while all other texts fell to {percent(fell)} of what is usual"
    firing, quiet = False, False
    if until - history_from < settings.min_history or not days:
        quiet = True
        reason = f"{said}; still learning what is usual"
    elif mean < settings.min_expected:
        # At night nothing can be said. A series that is not busy at any hour any more is over.
        quiet = not _busy(history, end, settings)
        reason = f"{said}, and {average(mean)} are usual at this hour: too few to miss any"
    elif observed > settings.max_ratio * mean or chance >= settings.probability:
        quiet = observed >= min(1.0, 2 * settings.max_ratio) * mean or chance >= 0.01
        reason = f"{said} where {mean:,.0f} are usual at this hour: no drop"
    else:
        firing = True
        reason = (
            f"{said} where {low:,} to {high:,} ({mean:,.0f} on average) are "
            f"{'expected' if fell < 0.8 else 'usual'} at this hour; "
            f"{days} days of history"
        )
    return Verdict(
        firing, observed, mean, float(low), float(high), since, until, float(chance), reason, quiet
    )


def may_fire(history: History, ends: np.ndarray, settings: DropSettings) -> np.ndarray:
    """Whether :func:`judge` could fire at each of ``ends``, told from counts alone; booleans, shape of ``ends``.

    What is usual is at most the mean of the same hours of past weeks: neither leaving out the busiest, nor other hours,
    nor the rest of the texts makes it more.

    :param history: all that is known, where :func:`judge` gets its end.
    :param ends: indices of buckets, each one past the window's last.
    """
    width, day = history.width(settings.window), DAY // history.step
    first, oldest = ends - width, np.maximum(0, ends - int(reach(settings)) // history.step)
    days = np.minimum((first - HOUR // history.step - oldest) // day, int(settings.baseline // DAY))
    sums = np.concatenate([[0], np.cumsum(history.total)])
    weeks, came = np.maximum(days, 0) // 7, np.zeros(len(ends))
    for back in range(1, int(weeks.max(initial=0)) + 1):
        of_week = _between(sums, first - 7 * day * back, ends - 7 * day * back)
        came += np.where(back <= weeks, of_week, 0.0)
    mean = came / np.maximum(weeks, 1)
    observed = _between(sums, first, ends)
    # a hair more, for the mean that is judged by is another float
    mean *= 1 + 1e-9
    able: np.ndarray = (observed <= settings.max_ratio * mean) & (mean >= settings.min_expected)
    return able


def _rest(history: History, first: int, end: int, history_from: int, settings: DropSettings) -> float:
    """The share of what is usual that the texts outside the series surely do not reach; at most 1."""
    if history.whole is None:
        return 1.0
    others = replace(history, total=history.whole.total - history.total, whole=None)
    came = int(others.total[max(first, 0) : max(end, 0)].sum())
    due, _, days = usual(others, first, end, history_from, settings)
    if not days or not due:
        return 1.0
    return min(1.0, (came + REST_SURE * sqrt(came) + REST_PRIOR) / (due + REST_PRIOR))


def usual(
    history: History, first: int, end: int, history_from: int, settings: DropSettings
) -> tuple[float, float, int]:
    """Mean and dispersion of the count of buckets ``first`` to ``end``, and the days that say so."""
    day, hour = DAY // history.step, max(1, HOUR // history.step)
    oldest = max(0, history.end_of(max(history_from, history.start)))
    number = max(0, min((first - hour - oldest) // day, int(settings.baseline // DAY)))
    if not number:
        return 0.0, 0.0, 0
    sums = np.concatenate([[0], np.cumsum(history.total)])
    back = np.arange(1, number + 1) * day
    means, spread = [], 0.0
    for shift in (-hour, 0, hour):
        counts = _between(sums, first - back + shift, end - back + shift)
        counts = np.minimum(counts, np.quantile(counts, KEPT, method="higher"))
        means.append(float(counts[6::7].mean()) if number >= 7 else 0.0)
        spread = max(spread, _dispersion(counts))
    lowest, weeks = min(means), number // 7
    # the mean itself is known from a few weeks alone
    known = (spread + 1 / max(lowest, 1.0)) / max(weeks, 1)
    return lowest, spread + known, number


def _dispersion(counts: np.ndarray) -> float:
    """Moment estimate around the weekdays' means, shrunk to its prior; ``counts`` by day, newest first."""
    weekday = np.arange(len(counts)) % 7
    means = np.bincount(weekday, counts, 7) / np.maximum(np.bincount(weekday, minlength=7), 1)
    around = means[weekday]
    lost = len(counts) / max(1, len(counts) - 7)  # what fitting seven means takes away
    excess = float((lost * (counts - around) ** 2 - around).sum())
    squares = float((around**2).sum())
    prior = PRIOR_DAYS * squares / max(1, len(counts))
    return max(DISPERSION_FLOOR, (excess + DISPERSION_PRIOR * prior) / (squares + prior)) if squares else 0.0


def _between(sums: np.ndarray, first: np.ndarray, end: np.ndarray) -> np.ndarray:
    last = len(sums) - 1
    found: np.ndarray = sums[np.clip(end, 0, last)] - sums[np.clip(first, 0, last)]
    return found.astype(float)


def _busy(history: History, end: int, settings: DropSettings) -> bool:
    """Whether any window of the week before ``end`` was as busy as the rule asks for."""
    week = history.total[max(0, end - 7 * DAY // history.step) : end]
    sums = np.concatenate([[0], np.cumsum(week)])
    width = history.width(settings.window)
    return len(sums) > width and bool((sums[width:] - sums[:-width]).max() >= settings.min_expected)


def middle(mean: float, dispersion: float) -> tuple[int, int]:
    """Where the count lies with 95 %, by steps that double."""
    bounds = []
    for p in (0.025, 0.975):
        below, high = -1, 1
        while at_most(high, mean, dispersion) < p:
            below, high = high, 2 * high
        while high - below > 1:
            middle = (below + high) // 2
            below, high = (middle, high) if at_most(middle, mean, dispersion) < p else (below, middle)
        bounds.append(high)
    return bounds[0], bounds[1]
