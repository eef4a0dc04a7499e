"""A picture of an alert's history: counts, what is usual, and the window that was judged."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib import import_module
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

WIDTH, HEIGHT, DPI = 4.8, 2.0, 210
"""Inches, and dots an inch: 1,008 x 420 pixels; letters can be read where a telephone shows it 350 wide."""


def picture(history: Mapping[str, Any] | None, zone: str = "UTC") -> bytes:
    """The PNG of ``evidence["history"]``; ``b""`` where there is none.

    matplotlib is imported here and not before; nothing of it is shared, so that threads may draw at once.
    """
    if not history:
        return b""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    dates: Any = import_module("matplotlib.dates")
    local = ZoneInfo(zone)
    start, step = datetime.fromisoformat(history["start"]), timedelta(seconds=history["step"])
    times = [dates.date2num(start + n * step) for n in range(len(history["counts"]) + 1)]
    left, width = times[:-1], times[1] - times[0]
    nan = float("nan")
    usual, low, high = (
        [nan if value is None else value for value in history[name]] for name in ("usual", "low", "high")
    )
    first, end = history["window"]

    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    edges = [*left, times[-1]]
    axes.fill_between(
        edges,
        [*low, low[-1]],
        [*high, high[-1]],
        step="post",
        color="#9ecae1",
        alpha=0.55,
        linewidth=0,
        label="usual",
    )
    axes.step(edges, [*usual, usual[-1]], where="post", color="#4292c6", linewidth=0.8)
    if first == 0:
        first = len(left)  # all of it was judged, as by a trend: nothing stands out
    colours = ["#c62828" if first <= n < end else "#555555" for n in range(len(left))]
    axes.bar(left, history["counts"], width=width, align="edge", color=colours, linewidth=0)
    if first < len(left):
        axes.axvspan(times[first], times[min(end, len(left))], color="#c62828", alpha=0.08, linewidth=0)
    axes.set_xlim(times[0], times[-1])
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    locator = dates.AutoDateLocator(tz=local, minticks=3, maxticks=6)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, tz=local))
    axes.xaxis.get_offset_text().set_fontsize(9)
    axes.tick_params(labelsize=9, length=2)
    axes.spines[["top", "right"]].set_visible(False)
    file = BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
