"""What judgements say of a rule: how often it was right, and how sensitive it should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

from monitor.alerts.detectors.chances import wilson
from monitor.alerts.detectors.kind import KindSettings

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


def feedback(judged: Sequence[Judged], settings: KindSettings) -> Feedback:
    """How a rule of ``settings`` did, and what to do about it.

    Where too many alerts were false, the settings are looked through for one that would have
    spared false ones and kept every real one (the least number of texts or ``min_ratio``, whichever
    spares the most); where none would, the kind says what makes it calmer. Where nearly all were
    real, it says what makes it keener.
    """
    real = sum(item.real for item in judged)
    false = len(judged) - real
    said = ""
    if len(judged) >= ENOUGH:
        low, _ = wilson(real, len(judged), SURE)
        if real / len(judged) < POOR:
            said = _sparing(judged, settings) or _with("fewer alerts with ", settings.calmer())
        elif low > GOOD:
            said = _with("could be more sensitive: ", settings.keener())
    return Feedback(real, false, said)


def _with(start: str, change: str) -> str:
    return start + change if change else ""


def _sparing(judged: Sequence[Judged], settings: KindSettings) -> str:
    """The setting that would have spared the most false alerts and no real one; empty where none would."""
    real, false = ([item for item in judged if item.real is true] for true in (True, False))
    if not real:
        return ""
    found: list[tuple[int, str]] = []
    least = floor(min(item.observed for item in real))
    spared = sum(item.observed < least for item in false)
    if settings.least is not None and least > getattr(settings, settings.least) and spared:
        found.append((spared, f"{settings.least} = {least}"))
    ratio = floor(10 * min(_ratio(item) for item in real)) / 10
    spared = sum(_ratio(item) < ratio for item in false)
    if ratio > getattr(settings, "min_ratio", ratio) and spared:
        found.append((spared, f"min_ratio = {ratio:g}"))
    if not found:
        return ""
    spared, change = max(found, key=lambda item: item[0])
    kept = "the real one" if len(real) == 1 else f"all {len(real)} real ones"
    return f"{change} would have spared {spared} of {len(false)} false alerts and kept {kept}"


def _ratio(item: Judged) -> float:
    return item.observed / max(item.expected, 0.1)
