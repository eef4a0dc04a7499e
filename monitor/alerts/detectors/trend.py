"""Trend: a slow drift over weeks, which no single window shows.

Days are compared with the same weekday of other weeks alone, by rank, so that neither the week's
rhythm nor one wild day nor over-dispersion makes a trend: the seasonal Kendall test and slope of
Hirsch, Slack and Smith, "Techniques of trend analysis for monthly water quality data", Water
Resources Research 18 (1982). What is significant and small is no alert.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
from pydantic import Field

from monitor.alerts.detectors.chances import normal_tail
from monitor.alerts.detectors.history import History, Verdict, average, percent
from monitor.alerts.detectors.kind import KindSettings
from monitor.alerts.detectors.ratio import of_faults
from monitor.durations import DAY, Duration
from monitor.types import Selection

LEAST_DAYS = 21
"""Two weeks have one pair of days for each weekday: too few to tell a trend from chance."""
BEFORE = 0.02
"""How often chance alone may bring the drift of the weeks before the last."""


class TrendSettings(KindSettings):
    """Settings of ``kind = "trend"``."""

    over: Duration = Field(42 * DAY, ge=LEAST_DAYS * DAY, description="the weeks that are looked at")
    direction: Literal["up", "down", "both"] = Field("up", description="which way is news")
    of: str | None = Field(
        None, description="follow the share among the texts of this task of `where` [default: the count]"
    )
    min_ratio: float = Field(1.5, gt=1, description="fire when it grew, or shrank, at least so many times")
    min_per_day: float = Field(5, gt=0, description="nothing fires where fewer texts a day are usual")
    probability: float = Field(
        1e-3, gt=0, lt=0.5, description="fire when chance alone does that less often than this"
    )

    @property
    def window(self) -> float:
        """Slow to begin, slow to end."""
        return float(DAY)

    @property
    def min_history(self) -> float:
        """Nothing fires before so much is known."""
        return float(LEAST_DAYS * DAY)

    @property
    def min_expected(self) -> float:
        """A series with fewer texts is not looked at."""
        return self.min_per_day * self.over / DAY / 2

    def faults(self, where: Mapping[str, str], known: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """What is wrong together with ``where``: ``(setting, reason)``."""
        yield from of_faults(self.of, where)

    def calmer(self) -> str:
        """What to write for fewer alerts."""
        return f"probability = {self.probability / 10:.2g}"


@dataclass(frozen=True)
class Drift:
    """``z``: standard normal if there is no trend, positive where it rises. ``ratio``: the end by the start."""

    z: float
    ratio: float


def whole(selection: Selection, settings: TrendSettings) -> Selection | None:
    """What a share is of; ``None`` where counts are followed."""
    return None if settings.of is None else {settings.of: selection[settings.of]}


def reach(settings: TrendSettings) -> float:
    """How many seconds before ``at`` a history should begin for :func:`judge`."""
    return settings.over


def judge(history: History, at: int, history_from: int, settings: TrendSettings) -> Verdict:
    """Whether the days up to ``at`` drift.

    The arguments are those of the other detectors. All texts count, those of the last day must be
    live: what a source held before it was read is no news.
    """
    end = history.end_of(at)
    day = DAY // history.step
    oldest = max(0, history.end_of(max(history_from, history.start)))
    number = min(int(settings.over // DAY), max(0, end - oldest) // day)
    first = end - number * day
    since, until = history.time_of(first), history.time_of(end)
    if number < LEAST_DAYS:
        reason = f"{number} days are known; {LEAST_DAYS} are the least that tell a trend"
        return Verdict.nothing(since, until, reason)
    counts = _days(history.total, first, number, day)
    values, unit = counts, "texts a day"
    if history.whole is not None:
        values = counts / np.maximum(_days(history.whole.total, first, number, day), 1)
        unit = "of the texts"
    drift = seasonal_kendall(values)
    down = settings.direction == "down" or (settings.direction == "both" and drift.z < 0)
    z, ratio = (-drift.z, 1 / max(drift.ratio, 1e-9)) if down else (drift.z, drift.ratio)
    chance = normal_tail(z)
    usual, now = float(values[:7].mean()), float(values[-7:].mean())
    rare = max(counts[:7].mean(), counts[-7:].mean()) < settings.min_per_day
    news = history.live_between(end - day, end) > 0 or down
    # a wave of the last week is not slow: the weeks before it must point the same way
    before = normal_tail((-1 if down else 1) * seasonal_kendall(values[:-7]).z)
    slow = before < BEFORE
    firing = bool(
        chance < settings.probability and ratio >= settings.min_ratio and slow and not rare and news
    )
    quiet = bool(ratio < sqrt(settings.min_ratio) or chance > 0.05 or rare)
    figure = average if history.whole is None else percent
    figures = f"{figure(usual)} to {figure(now)}"
    moves = ("falling" if down else "rising") if firing else "no clear trend"
    reason = f"{moves} from {figures} {unit} over {number} days; means of the first week and the last"
    week = (int(counts[-7:].sum()), float(counts[:7].sum()))
    return Verdict(firing, week[0], week[1], 0.0, week[1], since, until, chance, reason, quiet)


def seasonal_kendall(values: np.ndarray, period: int = 7) -> Drift:
    """The trend of daily values, shape ``(days,)``, each weekday held against itself."""
    score, variance, slopes = 0.0, 0.0, []
    for weekday in range(period):
        own = values[weekday::period]
        late, early = np.tril_indices(len(own), -1)
        steps = own[late] - own[early]
        score += float(np.sign(steps).sum())
        slopes.append(steps / (late - early))
        ties = np.unique(own, return_counts=True)[1]
        variance += _variance(np.array([len(own)])) - _variance(ties)
    if variance <= 0:
        return Drift(0.0, 1.0)
    z = np.sign(score) * max(0.0, abs(score) - 1) / sqrt(variance)
    change = float(np.median(np.concatenate(slopes))) * (len(values) - 1) / period
    level = float(np.median(values)) or float(values.mean())
    low = max(level - change / 2, 0.0)
    high = max(level + change / 2, 0.0)
    return Drift(float(z), float(high / low) if low > 0 else (np.inf if high > 0 else 1.0))


def _variance(counts: np.ndarray) -> float:
    return float((counts * (counts - 1) * (2 * counts + 5)).sum()) / 18


def _days(counts: np.ndarray, first: int, number: int, day: int) -> np.ndarray:
    known = counts[first : first + number * day]
    padded = np.pad(known, (0, number * day - len(known)))
    sums: np.ndarray = padded.reshape(number, day).sum(axis=1).astype(float)
    return sums
