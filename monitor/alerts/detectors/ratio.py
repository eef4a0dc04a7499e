"""Ratio: a share of the texts in a window, such as that of negatives, is surely too high.

What counts is not the share itself, which of three texts is soon two, but its lower confidence
bound: the alert begins where even that lies at the level. It may end where that bound is below a
lower level, so where the share is not surely high any more, or where too few texts are left to
speak of one. A text that is told often counts once: copies say nothing of how many think so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import Field, model_validator

from monitor.alerts.detectors.chances import binomial_tail, wilson, z_of
from monitor.alerts.detectors.history import History, Verdict, duration, percent, texts
from monitor.alerts.detectors.kind import KindSettings
from monitor.durations import Duration
from monitor.types import Selection


class RatioSettings(KindSettings):
    """Settings of ``kind = "ratio"``."""

    window: Duration = Field(3600, ge=300, description="length of the window that is judged")
    at_least: float = Field(
        gt=0, lt=1, description="fire when the share is at least this, by its lower bound"
    )
    clear_below: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="end when the share is not surely this any more [default: four fifths of at_least]",
    )
    of: str | None = Field(
        None, description="the task of `where` whose label makes the whole [default: all that its tasks read]"
    )
    min_count: int = Field(10, ge=2, description="nothing fires while the whole is fewer texts than this")
    min_stories: int = Field(3, ge=1, description="fewer distinct stories in the part never fire")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="of the lower bound")

    @model_validator(mode="after")
    def _levels(self) -> RatioSettings:
        if self.clear_below is not None and self.clear_below > self.at_least:
            raise ValueError("clear_below must not be above at_least")
        return self

    def faults(self, where: Mapping[str, str], known: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """What is wrong together with ``where``: ``(setting, reason)``."""
        yield from of_faults(self.of, where)
        if not where:
            yield "where", "is required: a share is that of a label"

    def calmer(self) -> str:
        """What to write for fewer alerts."""
        return f"at_least = {(1 + self.at_least) / 2:.3g}"


def of_faults(of: str | None, where: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What is wrong with the setting ``of``."""
    if of is not None and (of not in where or len(where) < 2):
        yield "of", f"must be one of the two tasks of where (it is {of!r})"


def at_least(share: float, confidence: float) -> str:
    """What a lower bound says: ``at least 79 % with 95 % confidence``."""
    return f"at least {percent(share)} with {100 * confidence:.3g} % confidence"


def whole(selection: Selection, settings: RatioSettings) -> Selection:
    """What the share is of: all texts (``{}``), or those that carry one of the two labels."""
    return {} if settings.of is None else {settings.of: selection[settings.of]}


def reach(settings: RatioSettings) -> float:
    """How many seconds before ``at`` a history should begin for :func:`judge`."""
    return settings.window


def least(settings: RatioSettings) -> float:
    """Fewer texts of the part never fire: they are no such share of ``min_count``."""
    return settings.at_least * settings.min_count


def judge(history: History, at: int, history_from: int, settings: RatioSettings) -> Verdict:
    """Whether too large a share of the window's live texts, each story once, is the part's.

    The arguments are those of the other detectors; ``history.whole`` holds the counts that the share is
    of. ``observed`` and ``expected``, the number that the level stands for, are without copies.
    """
    assert history.whole is not None, "a share is that of something"
    end = history.end_of(at)
    first = end - history.width(settings.window)
    until, since = history.time_of(end), history.time_of(first)
    all_ = came = history.whole.live_between(first, end)
    part = min(came, history.live_between(first, end))
    if came >= settings.min_count:  # fewer texts are no more stories
        all_ = history.whole.stories_between(first, end)
        # what two stories have in common may be a text that is not of the part: there they are two
        part = min(all_, history.stories_between(first, end))
    low, _ = wilson(part, all_, z_of(1 - settings.confidence))
    share = part / all_ if all_ else 0.0
    clear = 0.8 * settings.at_least if settings.clear_below is None else settings.clear_below
    firing = all_ >= settings.min_count and low >= settings.at_least
    said = f"{f'{part:,} of {texts(all_)}' if all_ else 'no texts'} in {duration(until - since)}"
    if all_ < came:
        said += ", copies left out"
    if all_ < settings.min_count:
        reason = (
            f"{said}, fewer{' texts' if all_ else ''} than the {settings.min_count} that the rule asks for"
        )
    else:
        reason = (
            f"{said} ({percent(share)}{f', {at_least(low, settings.confidence)}' if part else ''}); "
            f"the rule's limit is {100 * settings.at_least:.3g} %"
        )
    return Verdict(
        firing=firing,
        observed=part,
        expected=settings.at_least * all_,
        low=0.0,
        high=settings.at_least * all_,
        since=since,
        until=until,
        probability=binomial_tail(part, all_, settings.at_least),
        reason=reason,
        quiet=all_ < settings.min_count or low < clear,
    )
