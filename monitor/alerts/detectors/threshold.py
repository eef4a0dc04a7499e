"""Threshold: at least so many texts in a window."""

from __future__ import annotations

from pydantic import Field

from monitor.alerts.detectors.history import History, Verdict, duration, texts
from monitor.alerts.detectors.kind import KindSettings
from monitor.durations import Duration


class ThresholdSettings(KindSettings):
    """Settings of ``kind = "threshold"``."""

    least = "at_least"

    window: Duration = Field(3600, ge=300, description="length of the window that is judged")
    at_least: int = Field(ge=1, description="fire at this many texts in the window")
    min_stories: int = Field(1, ge=1, description="fewer distinct stories in the window never fire")

    def calmer(self) -> str:
        """What to write for fewer alerts."""
        return f"at_least = {round(self.at_least * 1.5)}"

    def keener(self) -> str:
        """What to write for more alerts."""
        return f"at_least = {max(1, round(self.at_least * 0.8))}" if self.at_least > 1 else ""


def reach(settings: ThresholdSettings) -> float:
    """How many seconds before ``at`` a history should begin for :func:`judge`."""
    return settings.window


def least(settings: ThresholdSettings) -> float:
    """Fewer texts never fire."""
    return settings.at_least


def judge(history: History, at: int, history_from: int, settings: ThresholdSettings) -> Verdict:
    """Whether the window that ends at ``at`` holds ``at_least`` live texts.

    The arguments are those of the other detectors; ``history_from`` does not matter here,
    and ``expected`` is the level that was set.
    """
    end = history.end_of(at)
    first = end - history.width(settings.window)
    observed = history.live_between(first, end)
    until, since = history.time_of(end), history.time_of(first)
    firing = observed >= settings.at_least
    reason = (
        f"{texts(observed)} in {duration(until - since)}, "
        f"{'at least' if firing else 'fewer than'} the {settings.at_least:,} that the rule sets"
    )
    level = float(settings.at_least)
    return Verdict(firing, observed, level, 0.0, level - 1, since, until, 0.0 if firing else 1.0, reason)
