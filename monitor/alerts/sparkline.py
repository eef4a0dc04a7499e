"""Counts drawn with characters."""

from __future__ import annotations

from collections.abc import Sequence

LEVELS = " ▁▂▃▄▅▆▇█"


def sparkline(counts: Sequence[int], largest: int | None = None) -> str:
    """A line of one character a count; a blank is zero, any other at least the lowest step."""
    top = max(counts, default=0) if largest is None else largest
    if top <= 0:
        return " " * len(counts)
    steps = len(LEVELS) - 1
    return "".join(LEVELS[max(1, round(min(c, top) / top * steps)) if c > 0 else 0] for c in counts)
