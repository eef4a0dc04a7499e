"""A picture of what a rule would have done: the counts of a series, and its alerts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from monitor.alerts.lettering import drawable
from monitor.alerts.trial import Raised

WIDTH, HEIGHT, DPI = 9.6, 2.6, 110
MOST = 8


def draw_trials(
    panels: Sequence[tuple[str, Sequence[tuple[int, int]], Sequence[Raised]]], path: Path, zone: str = "UTC"
) -> None:
    """One panel a series, ``(title, (bucket, count) by time, alerts)``, the first :data:`MOST` of them.

    :raises OSError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    dates: Any = import_module("matplotlib.dates")
    shown = list(panels[:MOST])
    figure = Figure(figsize=(WIDTH, HEIGHT * max(1, len(shown))), dpi=DPI, layout="constrained")
    for number, (title, counts, alerts) in enumerate(shown):
        axes = figure.add_subplot(len(shown), 1, number + 1)
        times = [dates.date2num(datetime.fromtimestamp(bucket, UTC)) for bucket, _ in counts]
        axes.vlines(times, 0, [count for _, count in counts], color="#555555", linewidth=0.6, zorder=3)
        for raised in alerts:
            at = dates.date2num(raised.fired_at)
            end = at if raised.resolved_at is None else dates.date2num(raised.resolved_at)
            axes.axvspan(at, max(end, at + 1 / 288), color="#c62828", alpha=0.25, linewidth=0)
            axes.axvline(at, color="#c62828", linewidth=0.9, alpha=0.6)
        said, families = drawable(f"{title}: {len(alerts)} alert{'' if len(alerts) == 1 else 's'}")
        axes.set_title(said, fontsize=9, loc="left", parse_math=False, fontfamily=families)
        axes.set_ylim(bottom=0)
        locator = dates.AutoDateLocator(minticks=3, maxticks=9)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
        axes.tick_params(labelsize=8, length=2)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, format="png")
