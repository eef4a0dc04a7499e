"""Episodes: a wave comes in pieces, and only a much larger piece is news again. Pure functions.

An alert raises a bar for the next one of its series: ``again`` times its peak, halving every ``hold``. So
the second wave of one afternoon is silent unless it is larger by far, and next week's is judged afresh.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from monitor.alerts.detectors.history import Verdict


@dataclass(frozen=True)
class Episode:
    """What the last alert of a series left: its ``peak`` (texts in 15 minutes), and ``at``, an epoch second."""

    peak: float
    at: float


def bar(episode: Episode | None, at: float, again: float, hold: float) -> float:
    """Texts in 15 minutes above which a wave at ``at`` (epoch second) is news; 0 where there was no alert.

    Time only counts forwards: before ``episode.at`` the bar has its full height.
    """
    if episode is None or hold <= 0:
        return 0.0
    return float(again * episode.peak * 0.5 ** (max(0.0, at - episode.at) / hold))


def one_wave_once(
    found: Verdict, last: Episode | None, again: float, hold: float, *, is_open: bool, waits: bool = False
) -> tuple[Verdict, Episode | None]:
    """A firing verdict against the bar: the verdict, which does not fire below it, and the episode if its alert fires.

    :param is_open: an alert of the series fires. It goes on whatever the bar, and how high the wave
        gets is remembered.
    :param waits: one is pending. It passed the bar when it began; as long as nobody hears of it, it raises none.
    """
    if waits:
        return found, Episode(found.peak, float(found.until))
    if last is not None and is_open:
        return found, Episode(max(last.peak, found.peak), last.at)
    least = bar(last, float(found.until), again, hold)
    if found.peak > least:
        return found, Episode(found.peak, float(found.until))
    said = f"a piece of the last wave: not more than {least:.0f} in its last 15 minutes"
    return replace(found, firing=False, reason=f"{found.reason}; {said}"), last
