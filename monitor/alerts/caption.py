"""The newest columns of a series drawn with characters, and what they show in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any

from monitor.alerts.detectors.history import duration, span
from monitor.alerts.past import last_day
from monitor.alerts.sentences import when
from monitor.alerts.sparkline import sparkline


def line(
    history: Mapping[str, Any], event: str = "firing", *, falls: bool = False, zone: tzinfo | None = None
) -> dict[str, str]:
    """The newest columns of a history, drawn with characters, and what they show.

    :param falls: whether the alert is about texts that are missing.
    :param zone: where this is read long after: by this clock it is said when the last column ended.
    """
    shown = last_day(history)
    first, end = history["window"]
    before, since = history["counts"][:first], history["counts"][first:]
    most = (min if falls else max)(since, default=0)
    extreme = "at its lowest" if falls else "at its height"
    length = _whole(len(shown) * history["step"])
    told = f"last {length}"
    if zone is not None:
        seconds = len(history["counts"]) * history["step"]
        ended = datetime.fromisoformat(history["start"]) + timedelta(seconds=seconds)
        told = f"{length} to {when(ended, zone)}"
    caption = f"The {told}, {duration(history['step'])} a column"
    if before:
        if event == "resolved":
            caption += f": {extreme} {most:,}, "
        elif since[-1] != most and end < len(history["counts"]):  # what was judged is not the newest
            caption += f": {extreme} {most:,}, {since[-1]:,} in the last column, "
        else:
            caption += f": now {most:,}, "
        past = f"at most {max(before):,}" if any(before) else "none"
        caption += f"in the {_whole(len(before) * history['step'])} before {past}"
    return {"drawing": sparkline(shown).replace(" ", "·"), "caption": f"{caption}."}


def _whole(seconds: int) -> str:
    """``20 min``, ``24 h``, ``7 days``; a short past is told to the minute."""
    if seconds < 2 * 3600 and seconds % 3600:
        return span(seconds)
    return f"{round(seconds / 3600)} h" if seconds < 2 * 86400 else f"{round(seconds / 86400)} days"
