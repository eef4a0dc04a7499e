"""Surge: more texts than chance and the series' own past explain.

A bucket with texts fires when a window that ends with it (15 minutes, an hour, two hours)

1. holds more than **chance** explains: its count is improbable under a negative binomial about what is usual
   at this hour and weekday, with the dispersion of the series and the doubt about the mean, and hardly less so
   (:data:`SHIFTED`) about the busier of the hours beside it: clocks that are put forward or back fake no surge;
2. and more than **past waves** explain: the weighted means of counts stand :data:`ABOVE_WAVES` times as far
   above what is usual as past waves did on average (the part of their second moment that ordinary
   variation does not account for). Where they stand :data:`ABOVE_ALL` times as far as ever (ordinary
   variation and waves together), a lesser improbability is enough;
3. and more than **the rest** explains: where all texts became more, so many more are expected here. A sale
   day is not worse news.

The count model is of the family of Noufaily et al., "An improved algorithm for outbreak detection in multiple
surveillance systems", Statistics in Medicine 32 (2013): capped past, minimum count. The second condition is
the idea of a mean held against its own long past, waves included, as the best detectors on mention counts do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import sqrt
from typing import NamedTuple

from pydantic import Field

from monitor.alerts.detectors.distribution import half_tail, quantile, tail
from monitor.alerts.detectors.history import Verdict, duration, texts
from monitor.alerts.detectors.kind import KindSettings
from monitor.alerts.detectors.profile import RECENT, SCALES, Profile, noise, weight_seen
from monitor.alerts.detectors.usual import Usual, expect, idle
from monitor.durations import DAY, HOUR, Duration, format_duration

WINDOWS = (900, HOUR)
"""Seconds of the windows that are judged beside the longest one."""
ABOVE_WAVES = 5.5
ABOVE_ALL = 7.0
LESSER = 20.0
LESSER_MOST = 5e-4
"""So many times more probable, at most this, may be what stands out as never before; less where counts vary much."""
LASTING, DRIFTING = 3 / 4, 0.15
"""All of that only where this share of the variation of a few buckets lasts for hours, or hours vary by so much. Where
minutes vary and hours hardly do, a few minutes that went as far as never before are soon found."""
TESTS = 0.8
"""Windows overlap: a bucket is worth about so many independent tests."""
UNSURE = 4.0
"""The more counts vary, the less sure is how much: what chance brings is more likely, by this times what it varies."""
SHARED = 3 / 4
"""A rule that watches n series holds each to the n ** SHARED-th part of its chance."""
SHIFTED, BUSY, STEEP = 2.5e-4, 1.0, 1.5
"""A count that is more probable than this in the hour before or after may be its, if that one has a text or more, and
so many times as many: twice a year clocks are put forward or back, and offices open an hour away from what is known."""
QUIET = 0.01
"""An alert may end once no window of at most an hour is less probable than this."""
REST_PRIOR = 3.0
"""Texts' worth of belief that the rest of the texts is as usual."""
REST_SURE = 1.64
"""Standard deviations: nineteen times in twenty the rest truly grew by as much."""

Rest = Callable[[int, int], tuple[float, float]]
"""Of the texts outside the series in ``[since, until)``: how many came, and how many are usual."""


HARDLY = 0.05
"""Texts: a smaller mean is told as hardly any."""


class SurgeSettings(KindSettings):
    """Settings of ``kind = "surge"``."""

    least = "min_count"

    window: Duration = Field(
        2 * HOUR, ge=900, le=RECENT, description="length of the longest window that is judged, 15m to 2h"
    )
    min_count: int = Field(5, ge=2, description="fewer texts in the window never fire")
    min_stories: int = Field(
        3,
        ge=1,
        description="fewer distinct stories in the window never fire; one text told often is one story",
    )
    min_ratio: float = Field(2.0, ge=1, description="fire only at this many times the expected count")
    rare: Duration = Field(
        90 * DAY,
        ge=DAY,
        description="chance alone fires for one series about this rarely; longer: fewer alerts",
    )
    min_history: Duration = Field(
        4 * DAY, ge=DAY, description="nothing fires while less than this is known of what is usual"
    )
    compare: bool = Field(
        True, description="hold the count against all other texts: more news is not worse news"
    )
    again: float = Field(
        2.0, ge=1, description="after an alert, only a wave so many times its peak is a new one"
    )
    hold: Duration = Field(36 * HOUR, ge=0, description="in this time that bar falls to half")

    @property
    def calm(self) -> float:
        """An hour of quiet ends it at the latest, however long its windows."""
        return min(self.window, HOUR)

    def calmer(self) -> str:
        """What to write for fewer alerts."""
        return f'rare = "{format_duration(self.rare * 10)}"'

    def keener(self) -> str:
        """What to write for more alerts."""
        return f'rare = "{format_duration(max(DAY, self.rare / 3))}"'


def judge(
    profile: Profile,
    usual: Usual,
    bucket: int,
    settings: SurgeSettings,
    *,
    series: int = 1,
    rest: Rest | None = None,
    seen: Sequence[Window] | None = None,
) -> Verdict:
    """Whether a window that ends with ``bucket`` holds a surge of live texts.

    Only a bucket that got texts can fire; without texts the verdict tells whether all is quiet again.

    :param profile: of the series, the texts of ``bucket`` included.
    :param usual: what :func:`~monitor.alerts.detectors.profile.expect` said of the bucket before that.
    :param series: how many series the rule watches.
    :param seen: what :func:`look` says of the same, where that is known already.
    """
    step = profile.step
    until = bucket + step
    found = seen or look(profile, usual, bucket, settings, rest)
    peak = found[0].observed
    able = [one for one in found if one.able]
    best = min(
        able or [one for one in found if one.grown > 1] or found, key=lambda one: (one.chance, -one.since)
    )
    limit = _limit(step, settings.rare, series)
    # where counts vary much, or for minutes alone, to go farther than ever says little that their chance does not
    drifts = usual.drifts
    lasting = min(1.0, max(drifts / usual.clumps / LASTING, drifts / DRIFTING))
    lesser = max(limit, min(limit * LESSER ** (lasting * max(0.0, 1 - drifts)), LESSER_MOST))
    reason = ""
    known = max(0, until - profile.since)
    if known < settings.min_history:
        reason = (
            f"still learning what is usual: {known / DAY:.1f} of "
            f"{settings.min_history / DAY:.3g} whole days of history"
        )
    elif best.observed < settings.min_count:
        reason = f"fewer than the {settings.min_count} that the rule asks for"
    elif not able and best.observed >= settings.min_ratio * best.mean:
        reason = "the busier hour beside it explains that"
    elif not able:
        reason = f"less than {settings.min_ratio:g} times as many"
    elif best.chance >= lesser:
        reason = "that happens by chance"
    else:
        waves, all_ = standing(profile, usual, bucket)
        if not ((best.chance < limit and waves >= ABOVE_WAVES) or all_ >= ABOVE_ALL):
            reason = "the series has had waves like this" if best.chance < limit else "that happens by chance"
    firing = not reason and profile.at == bucket and bool(profile.recent) and profile.recent[-1][0] == bucket
    low, high = (quantile(p, best.mean, best.spread) for p in (0.025, 0.975))
    said = f"{texts(best.observed)} in {duration(until - best.since)} where "
    said += (
        f"{low:,} to {high:,} ({_number(best.mean)} on average)"
        if high and best.mean >= HARDLY
        else "hardly any"
    )
    grown = best.grown > 1.2
    said += f" are {'expected' if grown else 'usual'} at this hour"
    if grown:
        said += f", while the other texts are {best.grown:.1f} times as many as usual"
    return Verdict(
        firing,
        best.observed,
        best.mean,
        float(low),
        float(high),
        best.since,
        until,
        best.chance,
        f"{said}; {reason}" if reason else f"{said}; {known / DAY:.0f} days of history",
        quiet=all(
            one.chance > QUIET or one.observed < settings.min_count or until - one.since > HOUR
            for one in found
        ),
        peak=peak,
    )


def look(
    profile: Profile, usual: Usual, bucket: int, settings: SurgeSettings, rest: Rest | None
) -> list[Window]:
    """The windows that end with ``bucket``: the same for settings whose :func:`sight` is the same."""
    lengths = window_lengths(settings.window, profile.step)
    return [_window(profile, usual, bucket, length, settings, rest) for length in lengths]


def sight(settings: SurgeSettings) -> tuple[float, ...]:
    """What :func:`look` goes by of the settings; how rare an alert is to be is no part of it."""
    return settings.window, settings.min_count, settings.min_ratio, settings.compare


def may_fire(profile: Profile, usual: Usual, bucket: int, settings: SurgeSettings) -> bool:
    """Whether :func:`judge` need be asked: a window with enough texts, many enough times what is usual, ends here."""
    step, recent = profile.step, profile.recent
    place = len(recent)
    if not place or recent[-1][0] != bucket:
        return False
    observed = 0
    for length in window_lengths(settings.window, step):
        since = bucket - (length - 1) * step
        while place and recent[place - 1][0] >= since:
            place -= 1
            observed += recent[place][1]
        if observed >= settings.min_count and observed >= settings.min_ratio * usual.high * length:
            return True
    return False


class Window(NamedTuple):
    """A window that was judged: ``since`` (epoch seconds), live texts ``observed``, and what is usual of it.

    ``mean`` and ``spread`` (over-dispersion) of what is usual; ``grown``: how many times more than else is
    expected because the rest of the texts is more; ``chance`` of so many texts, with the doubt how much counts vary;
    ``able``: it is large enough to fire.
    """

    since: int
    observed: int
    mean: float
    spread: float
    grown: float
    chance: float
    able: bool


def standing(profile: Profile, usual: Usual, bucket: int) -> tuple[float, float]:
    """How many times as far above what is usual as past waves, and as all that ever was; means over the scales.

    The distance is that of weighted means of counts; ever is the root of its mean square.
    """
    means, moments = profile.means, profile.moments
    if profile.at < bucket:
        means, moments, _ = idle(profile, bucket + profile.step)
    seen = weight_seen(profile, bucket)
    of_waves = of_all = 0.0
    for k, share in enumerate(noise(profile.step)[: len(SCALES)]):
        ever, ordinary = moments[k] / seen, moments[k + len(SCALES)] / seen
        of_waves += means[k] / sqrt(max(ever - ordinary, 1e-3))
        of_all += means[k] / sqrt(max(ever, usual.mean * share, 1e-9))
    return of_waves / len(SCALES), of_all / len(SCALES)


@cache
def _limit(step: int, rare: float, series: int) -> float:
    """The chance below which a bucket of one of ``series`` series may fire, for one false alert in ``rare`` seconds."""
    return float(step / rare / TESTS / series**SHARED)


@cache
def window_lengths(longest: float, step: int) -> tuple[int, ...]:
    """The windows that are judged where the longest is of so many seconds: in buckets, shortest first."""
    chosen = [one for one in WINDOWS if one < longest] + [longest]
    return tuple(sorted({max(1, round(one / step)) for one in chosen}))


def _window(
    profile: Profile, usual: Usual, bucket: int, length: int, settings: SurgeSettings, rest: Rest | None
) -> Window:
    step = profile.step
    since = bucket - (length - 1) * step
    observed = sum(count for at, count in profile.recent if since <= at <= bucket)
    able = observed >= max(settings.min_count, settings.min_ratio * usual.high * length)
    mean, grown, doubt = usual.mean * length, 1.0, usual.doubt
    spread = usual.spread(step, length)
    if observed < settings.min_count:
        return Window(since, observed, mean, spread + doubt + spread * doubt, grown, 1.0, False)
    # the level may change within the window, as it does at midnight between two weekdays
    middle, first = expect(profile, bucket - length // 2 * step), expect(profile, since)
    mean = length * (usual.mean + 2 * middle.mean + first.mean) / 4
    high = length * max(usual.high, middle.high, first.high)
    able = able and observed >= settings.min_ratio * high
    if rest is not None and able:
        came, due = rest(since, bucket + step)
        # texts of the wave itself that were read as something else are among the rest: only what the rest
        # surely grew by counts
        sure = max(0.0, came - REST_SURE * sqrt(came))
        grown = max(1.0, (sure + REST_PRIOR) / (due + REST_PRIOR))
        doubt += 1 / (came + REST_PRIOR)
    mean *= grown
    spread += doubt + spread * doubt
    able = able and observed >= settings.min_ratio * mean
    steep = high * HOUR >= BUSY * length * step and high * grown >= STEEP * mean
    able = able and not (steep and tail(observed, high * grown, spread) >= SHIFTED)
    chance = half_tail(observed, mean, spread) * (1 + UNSURE * spread)
    # sums rise with texts alone: of the windows that end one bucket apart, few texts set only so many apart
    chance = min(1.0, chance * min(1.0, observed / length))
    return Window(since, observed, mean, spread, grown, chance, able)


def _number(mean: float) -> str:
    return f"{mean:,.0f}" if mean >= 10 else f"{mean:.2g}"
