"""What the settings of each kind of rule have in common: when its alerts end, what makes it less or more sensitive."""

from __future__ import annotations

from typing import ClassVar

from monitor.interfaces import Settings


class KindSettings(Settings):
    """Base of every kind's settings. What a kind cannot say of itself it leaves out."""

    least: ClassVar[str | None] = None
    """The setting below which texts raise nothing, where it counts texts: not a whole, nor a time."""

    @property
    def calm(self) -> float:
        """Seconds of quiet after which an alert ends, unless its rule says otherwise."""
        return float(getattr(self, "window", 3600.0))

    def calmer(self) -> str:
        """What to write for fewer alerts, where no judgement tells which number would be right."""
        return ""

    def keener(self) -> str:
        """What to write for more alerts, where nearly all were real."""
        return ""
