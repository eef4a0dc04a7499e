"""Numbers drawn with characters."""

from __future__ import annotations

from collections.abc import Mapping

from monitor.alerts.sparkline import sparkline

__all__ = ["BAR", "bars", "sparkline"]

BAR = 16


def bars(count: int, among: Mapping[str, int], longest: int = BAR) -> str:
    """A bar for ``count``, so many characters long for the largest of ``among``."""
    largest = max(among.values(), default=0)
    return "█" * round(longest * count / largest) if largest else ""
