"""Episodes: a wave comes in pieces, and only a much larger piece is news again. Pure functions.

An alert raises a bar for the next one of its series: ``again`` times its peak, halving every ``hold``. So
the second wave of one afternoon is silent unless it is larger by far, and next week's is judged afresh.
"""

from __future__ import annotations

from dataclasses import dataclass


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
