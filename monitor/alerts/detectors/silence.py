"""Silence: a source gives nothing new for far longer than it usually does, or cannot be read.

The usual gap is learned from the source itself, at this hour and weekday: how many arrivals
came in the same span of past weeks. ``times`` gaps fit into a silence in which as many arrivals
were due. Texts that come within one bucket are one arrival, and so is a conversation, so that a feed that
publishes five at a time is not thought to be five times as regular as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from pydantic import Field

from monitor.alerts.detectors.chances import at_most
from monitor.alerts.detectors.drop import DISPERSION_PRIOR, DropSettings, usual
from monitor.alerts.detectors.history import History, Verdict, average, span
from monitor.alerts.detectors.kind import KindSettings
from monitor.alerts.detectors.named import name_faults
from monitor.durations import DAY, WEEK, Duration, format_duration

FAILURES = 3
"""So many failures in a row are no accident."""

UNREADABLE = "cannot be read "
"""How the reason begins where a source fails that could be read before."""
GAP = "nothing new for "
"""How it begins where it can be read."""


class SilenceSettings(KindSettings):
    """Settings of ``kind = "silence"``."""

    sources: tuple[str, ...] = Field((), description="names of sources [default: each]")
    at_least: Duration = Field(2 * 3600, ge=300, description="a shorter silence never fires")
    times: float = Field(15, gt=1, description="fire when the usual gap fits so often into the silence")
    probability: float = Field(
        1e-3, gt=0, lt=0.5, description="fire when that would happen by chance less often than this"
    )
    failing_for: Duration = Field(
        3600, ge=0, description="fire when a source could not be read for so long, three times in a row"
    )
    min_history: Duration = Field(14 * DAY, ge=WEEK, description="gaps are not learned from less than this")
    baseline: Duration = Field(28 * DAY, ge=WEEK, description="how far back the usual gap is learned")

    @property
    def window(self) -> float:
        """A silence is over with the first text."""
        return 0.0

    def faults(self, where: Mapping[str, str], known: Mapping[str, set[str]]) -> Iterator[tuple[str, str]]:
        """What is wrong together with ``where`` and the configured sources: ``(setting, reason)``."""
        return name_faults("source", self.sources, where, known["sources"], "news")

    def calmer(self) -> str:
        """What to write for fewer alerts."""
        return f'at_least = "{format_duration(self.at_least * 1.5)}"'


def arrivals(times: np.ndarray, since: int, until: int, step: int) -> History:
    """Buckets from ``since`` up to ``until`` (multiples of ``step``) in which something came.

    ``times``: epoch seconds, shape ``(n,)``.
    """
    came = np.zeros(max(0, (until - since) // step), np.int64)
    places = (times - since) // step
    came[places[(places >= 0) & (places < len(came))].astype(int)] = 1
    return History(since, step, came, came)


def judge(came: History, last: int, until: int, settings: SilenceSettings) -> Verdict:
    """Whether a source has been silent for too long.

    :param came: arrivals, from the source's first one or as far back as ``baseline`` and the silence go.
    :param last: epoch second of the newest document; :param until: of the last reading with success.
    """
    end = came.end_of(until)
    first = came.end_of(last + came.step)  # the bucket after the last arrival
    gap = max(0, until - last)
    mean, dispersion, known = _due(came, first, end, settings)
    chance = at_most(0, mean, dispersion)
    if (day := first + DAY // came.step) < end:
        # a longer silence is no likelier than its first day, of which more is known
        of_day, varies, _ = _due(came, first, day, settings)
        mean, chance = max(mean, of_day), min(chance, at_most(0, of_day, varies))
    said = f"{GAP}{span(gap)}"
    firing = False
    if gap < settings.at_least:
        reason = f"{said}, less than the {format_duration(settings.at_least)} of the rule"
    elif known < settings.min_history:
        reason = f"{said}; still learning its usual gaps"
    elif mean < settings.times or chance >= settings.probability:
        due = average(mean)
        reason = f"{said}, in which {due} arrival{' is' if due == '1' else 's are'} usual"
    else:
        firing = True
        reason = f"{said}, in which {mean:,.0f} arrivals are usual"
    return Verdict(firing, 0, mean, 1.0 if firing else 0.0, mean, last, until, float(chance), reason)


def judge_failing(
    failures: int, last_success: int | None, now: int, error: str, settings: SilenceSettings
) -> Verdict | None:
    """Whether a source has been unreadable for too long; ``None`` where it is not."""
    since = now if last_success is None else last_success
    lasts = now - since >= settings.failing_for or last_success is None
    if failures < FAILURES or not lasts:
        return None
    said = "was never read" if last_success is None else f"{UNREADABLE}for {span(now - last_success)}"
    reason = f"{said}; {failures} failures in a row: {error}"
    return Verdict(True, failures, 0.0, 0.0, 0.0, since, now, 0.0, reason)


def _due(came: History, first: int, end: int, settings: SilenceSettings) -> tuple[float, float, float]:
    """Mean and dispersion of the arrivals that were due in the silence; seconds of history behind them."""
    width, week = end - first, WEEK // came.step
    known = float(first * came.step)
    if width <= 0:
        return 0.0, 0.0, known
    if width * came.step <= DAY:
        same = DropSettings(baseline=settings.baseline)
        mean, dispersion, _ = usual(came, first, end, came.start, same)
        return mean, dispersion, known
    sums = np.concatenate([[0], np.cumsum(came.total)])
    lag = -(-width // week) * week
    number = min(first // lag, int(settings.baseline // (lag * came.step)))
    if number:
        back = np.arange(1, number + 1) * lag
        counts = sums[end - back] - sums[first - back]
        return float(counts.mean()), DISPERSION_PRIOR + 1 / number, known
    oldest = max(0, first - int(settings.baseline // came.step))
    rate = (sums[first] - sums[oldest]) / max(1, first - oldest)
    return float(rate * width), DISPERSION_PRIOR + 1 / max(1.0, float(sums[first] - sums[oldest])), known
