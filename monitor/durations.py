"""Durations as people write them: ``90s``, ``5m``, ``1h30m``, ``2d``; and rates: ``10/1h``."""

from __future__ import annotations

import re
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator

MINUTE, HOUR, DAY, WEEK = 60, 3600, 86400, 604800
"""In seconds."""
_UNITS = {"s": 1.0, "m": float(MINUTE), "h": float(HOUR), "d": float(DAY), "w": float(WEEK)}
LONGEST_S = 100.0 * 365 * DAY
"""Longer ones lead out of the calendar, and nobody means them."""
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")


def parse_duration(value: Any) -> float:
    """Seconds of a duration such as ``"1h30m"``; a bare number is taken as seconds.

    :raises ValueError: with the allowed forms, for anything else, and for more than 100 years.
    """
    if isinstance(value, bool):
        raise ValueError("is not a duration; write it like 90s, 5m, 1h30m or 2d")
    if isinstance(value, int | float):
        return _bounded(value, value)
    text = str(value).strip().lower()
    if not text or _PART.sub("", text).strip():
        raise ValueError(f"{value!r} is not a duration; write it like 90s, 5m, 1h30m or 2d")
    return _bounded(sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text)), value)


def _bounded(seconds: float, written: Any) -> float:
    if not -LONGEST_S <= seconds <= LONGEST_S:  # nor is what is not a number
        raise ValueError(f"{written!r} is too long; the longest duration is {format_duration(LONGEST_S)}")
    return float(seconds)


def format_duration(seconds: float) -> str:
    """A duration in at most two units: ``3660`` becomes ``1h 1m``."""
    left = round(seconds)
    parts = []
    for unit, size in (("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2]) or "0s"


Duration = Annotated[float, BeforeValidator(parse_duration)]
"""A settings field in seconds, written by the owner as ``5m``."""


class Rate(NamedTuple):
    """So many in so many seconds."""

    number: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.number} in {format_duration(self.seconds)}"


def parse_rate(value: Any) -> Rate:
    """A rate such as ``"10/1h"``: at least one, in a time longer than nothing.

    :raises ValueError: with the allowed form, for anything else.
    """
    if isinstance(value, Rate):
        return value
    count, slash, time = str(value).partition("/")
    try:
        rate = Rate(int(count), parse_duration(time))
    except ValueError:
        rate = Rate(0, 0)
    if not slash or rate.number < 1 or rate.seconds <= 0:
        raise ValueError(f"{value!r} is not a rate; write it like 10/1h or 1/30s")
    return rate


RateSetting = Annotated[Rate, BeforeValidator(parse_rate)]
"""A settings field that the owner writes as ``10/1h``."""
