"""Dates of entries: what a publisher wrote, as a moment, or as none where it says no usable one."""

from __future__ import annotations

import re
from calendar import timegm
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import struct_time

from monitor_plugins._dates import MAIL, ZONES, plain

OLDEST_YEAR = 1990
"""There were no feeds before: an earlier date is a program's zero (the year 1, 1970), or misread."""

_TIME_OF_DAY = re.compile(r"\d{1,2}:\d{2}|\dT\d{2}")
# What the parsers take for something else: "0001 00:00" (the year is then guessed from what follows),
# "9:30 PM" (for the zone PM).
_MISREAD = re.compile(r"\b0\d{3}\s+\d{1,2}:|\d\s*[AP]M\b", re.IGNORECASE)
_MIDNIGHT = re.compile(r"(?<=[\sT])0?0:?00(?::?00(?:[.,]0+)?)?(?=$|[\sZz+-])")
_LONGEST_DAY = timedelta(hours=36)
"""From its midnight in one zone, taken for that of another, to its end."""
_COMPACT = re.compile(r"\d{8}T")
_ZONE = re.compile(r":\d\d\s+([A-Z]{3,4})$")
_CLOCK = re.compile(r"(?<![\d:])(\d{1,2}):(\d{1,2})(?::\d\d(?:[.,]\d+)?)?")
_OFFSET = re.compile(r"(?:GMT|UTC)?\s*([+\u2212-])(\d{1,2}):?(\d\d)?(?:\s*\(.*\))?", re.IGNORECASE)
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_YEAR_FIRST = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*[日.]?\s+(\d{1,2}:\d{2}(?::\d{2})?)\s*(\S*)"
)
"""As in ``2026/03/02 08:30`` and ``2026年3月2日 08:30 CST``, of which feedparser reads the year, or the day, alone."""


def has_time(text: str) -> bool:
    """Whether a date as written says a time of day; one that does not must not count at midnight."""
    return _TIME_OF_DAY.search(text) is not None


def at_midnight(written: str) -> bool:
    """Whether a date as written says midnight: it may be a day, of a program that has to say a time."""
    return _MIDNIGHT.search(written) is not None


def is_today(day: datetime, now: datetime) -> bool:
    """Whether a day that is written as its midnight, in whatever zone, is not over everywhere.

    Nobody knows when on it; so it counts when it is read, as a date without a time does.
    """
    return timedelta() <= now - day < _LONGEST_DAY


def of_xml(written: str, read: struct_time) -> datetime | None:
    """A date of an XML feed as feedparser ``read`` it, in UTC."""
    if _COMPACT.match(written.strip()):  # of which feedparser reads the day alone
        return of_json(written)
    if (found := _YEAR_FIRST.fullmatch(written.strip())) is not None:
        return _year_first(*found.groups())
    try:
        moment = _usable(written, datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=timegm(read)))
        if moment is None or _agrees(written, moment):
            return moment
        # the day alone was read, or the zone was not
        return of_json(plain(written.strip()))
    except (ValueError, OverflowError):
        return None


def of_json(written: str) -> datetime | None:
    """A date of RFC 3339, or of RFC 5322 (which does not belong there), in UTC."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(written.strip())
            found = _usable(written, moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC))
            return found if found is None or _agrees(written, found) else None
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return None


def _year_first(year: str, month: str, day: str, time: str, zone: str) -> datetime | None:
    try:
        hour, _, rest = time.partition(":")
        return of_json(plain(f"{year}-{int(month):02}-{int(day):02} {int(hour):02}:{rest}{zone}"))
    except ValueError:  # a zone that nobody knows
        return None


def _agrees(written: str, moment: datetime) -> bool:
    """Whether a moment in UTC is at the time of day, and in the year, that are written; any name may be a zone."""
    clock, years = _CLOCK.search(written), _YEAR.findall(written)
    if clock is None or (len(years) == 1 and abs(int(years[0]) - moment.year) > 1):
        return clock is None
    hours, minutes, zone = int(clock[1]), int(clock[2]), written[clock.end() :].strip()
    offset = _OFFSET.fullmatch(zone)
    if zone and offset is None:
        east = {**ZONES, **MAIL}.get(zone.strip("()").upper())
        if east is None:
            return True
        minutes -= 60 * east
    elif offset is not None:
        east = 60 * int(offset[2]) + int(offset[3] or 0)
        minutes += east if offset[1] in "-\u2212" else -east
    return (60 * hours + minutes - 60 * moment.hour - moment.minute) % (24 * 60) == 0


def _usable(written: str, moment: datetime) -> datetime | None:
    if not has_time(written) or _MISREAD.search(written):
        return None
    zone = _ZONE.search(written.strip())
    moment -= timedelta(hours=ZONES.get(zone.group(1), 0) if zone else 0)
    return moment if moment.year >= OLDEST_YEAR else None
