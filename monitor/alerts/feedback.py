"""What judgements say of a rule: how often it was right, and how sensitive it should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, sqrt
from typing import Any

from monitor.durations import format_duration

ENOUGH = 5
"""Nothing is suggested from fewer judgements."""
SURE = 1.28
"""Standard errors: four times in five the true precision lies inside such an interval."""
GOOD, POOR = 0.8, 0.7
LEAST = {"surge": "min_count", "threshold": "at_least"}
"""The setting of a kind below which texts raise nothing; other kinds count a whole by it, or a time."""


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


def feedback(judged: Sequence[Judged], kind: str, settings: Mapping[str, Any]) -> Feedback:
    """How a rule did, and what to do about it.

    Where too many alerts were false, the settings are looked through for one that would have
    spared false ones and kept every real one (the least number of texts or ``min_ratio``, whichever
    spares the most); where none would, a setting that the kind has is to be stricter. Where nearly all were real,
    it may be less strict.

    :param kind: the rule's; :param settings: the rule's, by name.
    """
    real = sum(item.real for item in judged)
    false = len(judged) - real
    if len(judged) < ENOUGH:
        return Feedback(real, false)
    low, high = interval(real, len(judged))
    if false and high < 1 and real / len(judged) < POOR:
        return Feedback(real, false, _stricter(judged, kind, settings))
    if low > GOOD:
        return Feedback(real, false, _looser(kind, settings))
    return Feedback(real, false)


def interval(real: int, judged: int) -> tuple[float, float]:
    """Wilson's interval for the precision, at :data:`SURE` standard errors."""
    share = real / judged
    centre = (share + SURE**2 / (2 * judged)) / (1 + SURE**2 / judged)
    half = SURE / (1 + SURE**2 / judged) * sqrt(share * (1 - share) / judged + SURE**2 / (4 * judged**2))
    return centre - half, centre + half


def _stricter(judged: Sequence[Judged], kind: str, settings: Mapping[str, Any]) -> str:
    real, false = ([item for item in judged if item.real is true] for true in (True, False))
    found: list[tuple[int, str]] = []
    if real:
        least = floor(min(item.observed for item in real))
        name = LEAST.get(kind)
        spared = sum(item.observed < least for item in false)
        if name is not None and least > settings[name] and spared:
            found.append((spared, f"{name} = {least}"))
        ratio = floor(10 * min(_ratio(item) for item in real)) / 10
        spared = sum(_ratio(item) < ratio for item in false)
        if "min_ratio" in settings and ratio > settings["min_ratio"] and spared:
            found.append((spared, f"min_ratio = {ratio:g}"))
    if found:
        spared, change = max(found, key=lambda item: item[0])
        kept = "the real one" if len(real) == 1 else f"all {len(real)} real ones"
        return f"{change} would have spared {spared} of {len(false)} false alerts and kept {kept}"
    return _calmer(kind, settings)


def _calmer(kind: str, settings: Mapping[str, Any]) -> str:
    """A setting of the kind that is stricter, where no judgement tells which number would be right."""
    if kind == "conversation" and settings["when"] == "worse":
        change = f"turned = {settings['turned'] + 1} and in_a_row = {settings['in_a_row'] + 1}"
    elif kind == "conversation":
        change = f'after = "{format_duration(max(settings["after"] * 2, 300.0))}"'
    elif kind == "silence":
        change = f'at_least = "{format_duration(settings["at_least"] * 1.5)}"'
    elif kind == "ratio":
        change = f"at_least = {(1 + settings['at_least']) / 2:.3g}"
    elif kind == "threshold":
        change = f"at_least = {round(settings['at_least'] * 1.5) or 1}"
    elif kind == "new_topic":
        change = f"min_stories = {ceil(settings['min_stories'] * 1.5)}"
    elif "rare" in settings:
        change = f'rare = "{format_duration(settings["rare"] * 10)}"'
    elif "probability" in settings:
        change = f"probability = {settings['probability'] / 10:.2g}"
    elif kind == "keyword":
        change = "words that mean nothing else, or a label beside them in `where`"
    else:
        change = "one entity, or a label beside it, in `where`"
    return f"fewer alerts with {change}"


def _looser(kind: str, settings: Mapping[str, Any]) -> str:
    if "rare" in settings:
        return f'could be more sensitive: rare = "{format_duration(max(86400.0, settings["rare"] / 3))}"'
    if kind == "threshold" and settings["at_least"] > 1:
        return f"could be more sensitive: at_least = {max(1, round(settings['at_least'] * 0.8))}"
    return ""


def _ratio(item: Judged) -> float:
    return item.observed / max(item.expected, 0.1)
