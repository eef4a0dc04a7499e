"""What judgements say of a rule: how often it was right, and how sensitive it should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, sqrt
from typing import Any

from monitor.durations import format_duration

ENOUGH = 5
"""Nothing is suggested from fewer judgements."""
SURE = 1.28
"""Standard errors: four times in five the true precision lies inside such an interval."""
GOOD, POOR = 0.8, 0.7


@dataclass(frozen=True)
class Judged:
    """A judged alert: ``real`` or false, with its count and what was usual."""

    real: bool
    observed: float
    expected: float


@dataclass(frozen=True)
class Feedback:
    """``real`` of ``real + false`` judged alerts were right; ``suggestion`` is a line, or ``""``."""

    real: int
    false: int
    suggestion: str = ""

    @property
    def precision(self) -> float | None:
        """The share that was real; ``None`` where nothing was judged."""
        judged = self.real + self.false
        return self.real / judged if judged else None


def feedback(judged: Sequence[Judged], settings: Mapping[str, Any]) -> Feedback:
    """How a rule did, and what to do about it.

    Where too many alerts were false, the settings are looked through for one that would have
    spared false ones and kept every real one (``min_count`` or ``at_least`` and ``min_ratio``, whichever
    spares the most); where none would, chance is to be believed less (``rare``). Where nearly all were real, it
    may be believed more.

    :param settings: the rule's, by name.
    """
    real = sum(item.real for item in judged)
    false = len(judged) - real
    if len(judged) < ENOUGH:
        return Feedback(real, false)
    low, high = interval(real, len(judged))
    if false and high < 1 and real / len(judged) < POOR:
        return Feedback(real, false, _stricter(judged, settings))
    if low > GOOD:
        return Feedback(real, false, _looser(settings))
    return Feedback(real, false)


def interval(real: int, judged: int) -> tuple[float, float]:
    """Wilson's interval for the precision, at :data:`SURE` standard errors."""
    share = real / judged
    centre = (share + SURE**2 / (2 * judged)) / (1 + SURE**2 / judged)
    half = SURE / (1 + SURE**2 / judged) * sqrt(share * (1 - share) / judged + SURE**2 / (4 * judged**2))
    return centre - half, centre + half


def _stricter(judged: Sequence[Judged], settings: Mapping[str, Any]) -> str:
    real, false = ([item for item in judged if item.real is kind] for kind in (True, False))
    found: list[tuple[int, str]] = []
    if real:
        least = floor(min(item.observed for item in real))
        for name in ("at_least", "min_count"):
            spared = sum(item.observed < least for item in false)
            if name in settings and least > settings[name] and spared:
                found.append((spared, f"{name} = {least}"))
        ratio = floor(10 * min(_ratio(item) for item in real)) / 10
        spared = sum(_ratio(item) < ratio for item in false)
        if "min_ratio" in settings and ratio > settings["min_ratio"] and spared:
            found.append((spared, f"min_ratio = {ratio:g}"))
    if found:
        spared, change = max(found, key=lambda item: item[0])
        return f"{change} would have spared {spared} of {len(false)} false alerts and kept all {len(real)} real ones"
    if "rare" in settings:
        return f'fewer alerts with rare = "{format_duration(settings["rare"] * 10)}"'
    if "at_least" in settings:
        return f"fewer alerts with at_least = {round(settings['at_least'] * 1.5) or 1}"
    return "it is too sensitive: raise its level, or let it wait with `for`"


def _looser(settings: Mapping[str, Any]) -> str:
    if "rare" in settings:
        return f'could be more sensitive: rare = "{format_duration(max(86400.0, settings["rare"] / 3))}"'
    if settings.get("at_least", 0) > 1:
        return f"could be more sensitive: at_least = {max(1, round(settings['at_least'] * 0.8))}"
    return ""


def _ratio(item: Judged) -> float:
    return item.observed / max(item.expected, 0.1)
