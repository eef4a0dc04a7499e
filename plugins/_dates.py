"""What people write behind a time of day: halves of the day, and names of zones."""

from __future__ import annotations

import re
from collections.abc import Mapping

ZONES: Mapping[str, int] = {
    "BST": 1,
    "CET": 1,
    "CEST": 2,
    "EET": 2,
    "EEST": 3,
    "WEST": 1,
    "MSK": 3,
    "JST": 9,
    "AEST": 10,
    "AEDT": 11,
    "HST": -10,
    "AKST": -9,
    "AKDT": -8,
}
"""Hours; the names beyond those of RFC 5322 that mean one zone alone, which the parsers take for UTC."""
MAIL: Mapping[str, int] = {
    **{"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7},
    **{"UT": 0, "UTC": 0, "GMT": 0, "Z": 0},
}
"""Hours; the names of RFC 5322."""

_HALF = re.compile(r"\b(\d{1,2})(:\d\d(?::\d\d(?:[.,]\d+)?)?)\s*([AP])\.?M\b\.?", re.IGNORECASE)
_ZONE = re.compile(r"(:\d\d(?:[.,]\d+)?)\s*\(?([A-Z]+)\)?$", re.IGNORECASE)


def plain(written: str, *, zoned: bool = False) -> str:
    """The time with 24 hours a day and its zone in hours: what every parser reads alike.

    >>> plain("Jan 5, 2025, 10:15:00 PM"), plain("2025-01-01 10:00:00 CET")
    ('Jan 5, 2025, 22:15:00', '2025-01-01 10:00:00+0100')

    :param zoned: names of zones that nobody knows are left out: the owner said which zone is meant.
    :raises ValueError: for an hour that no half of a day has, or a zone that nobody knows.
    """
    text = _HALF.sub(_hours, written)
    found = _ZONE.search(text)
    if found is None:
        return text
    name = found.group(2).upper()
    if name not in ZONES and name not in MAIL:
        if zoned:
            return text[: found.end(1)]
        raise ValueError(f"{name} is no time zone that is known")
    hours = {**ZONES, **MAIL}[name]
    return f"{text[: found.end(1)]}{'-' if hours < 0 else '+'}{abs(hours):02}00"


def _hours(found: re.Match[str]) -> str:
    hour = int(found.group(1))
    if not 1 <= hour <= 12:
        raise ValueError(f"there is no hour {hour} {found.group(3)}M")
    return f"{hour % 12 + 12 * (found.group(3) in 'pP'):02}{found.group(2)}"
