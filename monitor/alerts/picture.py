"""A picture of an alert's history: counts, what is usual, and the window that was judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from importlib import import_module
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

from monitor.alerts.detectors.history import duration
from monitor.alerts.lettering import drawable
from monitor.templating import short

WIDTH, HEIGHT, KEY, DPI = 4.8, 2.0, 0.3, 210
"""Inches of a panel and of the key below, and dots an inch: letters can be read where a telephone shows it 350 wide."""
TITLE_CHARACTERS = 48
PANELS = 4
"""At most so many series are drawn below each other."""
JUDGED, OTHER, BAND, MEAN = "#c62828", "#555555", "#9ecae1", "#4292c6"


def picture(history: Mapping[str, Any] | None, zone: str = "UTC", title: str = "") -> bytes:
    """The PNG of ``evidence["history"]``; ``b""`` where there is none.

    :param title: what the series is.
    """
    return pictures([(title, history)] if history else [], zone)


def pictures(panels: Sequence[tuple[str, Mapping[str, Any]]], zone: str = "UTC") -> bytes:
    """The PNG of the first :data:`PANELS` of several, ``(title, history)``; ``b""`` where there is none.

    matplotlib is imported here and not before; nothing of it is shared, so that threads may draw at once.
    """
    if not panels:
        return b""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    shown = panels[:PANELS]
    figure = Figure(figsize=(WIDTH, HEIGHT * len(shown) + KEY), dpi=DPI, layout="constrained")
    for number, (title, history) in enumerate(shown):
        axes: Any = figure.add_subplot(len(shown), 1, number + 1)
        _draw(axes, history, zone)
        said = f"{short(title or 'texts', TITLE_CHARACTERS)}, per {duration(history['step'])}"
        said, families = drawable(said)
        axes.set_title(said, fontsize=9, loc="left", parse_math=False, fontfamily=families)
    axes.set_xlabel(f"time in {zone}", fontsize=8)
    key: list[Any] = [Patch(color=JUDGED, label="the alert"), Patch(color=OTHER, label="other times")]
    if any(value is not None for _, history in shown for value in history["usual"]):
        key += [Patch(color=BAND, label="no surprise"), Line2D([], [], color=MEAN, label="usual")]
    figure.legend(
        handles=key, loc="outside lower center", ncols=len(key), fontsize=8, frameon=False, handlelength=1
    )
    file = BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def _draw(axes: Any, history: Mapping[str, Any], zone: str) -> None:
    """One series: its counts, what is usual, and the window that was judged."""
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

    edges = [*left, times[-1]]
    axes.fill_between(
        edges,
        [*low, low[-1]],
        [*high, high[-1]],
        step="post",
        color=BAND,
        alpha=0.55,
        linewidth=0,
    )
    axes.step(edges, [*usual, usual[-1]], where="post", color=MEAN, linewidth=0.8)
    if first == 0:
        first = len(left)  # all of it was judged, as by a trend: nothing stands out
    colours = [JUDGED if first <= n < end else OTHER for n in range(len(left))]
    axes.bar(left, history["counts"], width=width, align="edge", color=colours, linewidth=0)
    if first < len(left):
        axes.axvspan(times[first], times[min(end, len(left))], color=JUDGED, alpha=0.08, linewidth=0)
    axes.set_xlim(times[0], times[-1])
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    locator = dates.AutoDateLocator(tz=local, minticks=3, maxticks=6)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, tz=local))
    axes.xaxis.get_offset_text().set_fontsize(9)
    axes.tick_params(labelsize=9, length=2)
    axes.spines[["top", "right"]].set_visible(False)
