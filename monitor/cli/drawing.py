"""Numbers drawn with characters."""

from __future__ import annotations

from collections.abc import Mapping

from monitor.alerts.sparkline import sparkline

__all__ = ["bars", "sparkline"]

BAR = 16


def bars(count: int, among: Mapping[str, int]) -> str:
    """A bar for ``count``, as long as :data:`BAR` characters for the largest of ``among``."""
    largest = max(among.values(), default=0)
    return "█" * round(BAR * count / largest) if largest else ""
