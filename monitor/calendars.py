"""Times of the week in a stated time zone: when to be quiet."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WHOLE = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_HOURS = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_MIDNIGHT = 24 * 60


def parse_weekdays(value: Any) -> frozenset[int]:
    """Days from ``"mon-fri"``, ``"sat, sun"`` or a list of such; Monday is 0. Names may be longer, as in ``"Tuesday"``.

    :raises ValueError: with the names of the days.
    """
    if isinstance(value, frozenset):
        return value
    days: set[int] = set()
    items = value.split(",") if isinstance(value, str) else value
    for item in items if isinstance(items, list | tuple | set) else [items]:
        ends = [_day(part.strip().lower()) for part in str(item).split("-")]
        if len(ends) > 2 or "" in ends:
            raise ValueError(
                f"{item!r} is no day of the week; write mon-fri, or any of {', '.join(WEEKDAYS)}"
            )
        first, last = WEEKDAYS.index(ends[0]), WEEKDAYS.index(ends[-1])
        days |= {(first + n) % 7 for n in range((last - first) % 7 + 1)}
    return frozenset(days)


def _day(name: str) -> str:
    """The short name of a day that is written out, or as far as three letters or more; ``""`` if it is none."""
    return next((day[:3] for day in _WHOLE if len(name) >= 3 and day.startswith(name)), "")


def parse_hours(value: Any) -> tuple[tuple[int, int], ...]:
    """Spans of a day in minutes from ``"22:00-07:00"`` or a list of such.

    One that ends before it begins goes on into the next day.

    :raises ValueError: with the form; also of one that ends as it begins, which could mean all hours or none.
    """
    found = []
    for item in value if isinstance(value, list | tuple) else [value]:
        if isinstance(item, tuple):
            found.append(item)
            continue
        parts = _HOURS.fullmatch(str(item).strip())
        if parts is None:
            raise ValueError(f"{item!r} is no span of hours; write 22:00-07:00")
        start, end = (int(parts[n]) * 60 + int(parts[n + 1]) for n in (1, 3))
        if not (start < _MIDNIGHT and end <= _MIDNIGHT and int(parts[2]) < 60 and int(parts[4]) < 60):
            raise ValueError(f"{item!r} is no span of hours; they go from 00:00 to 24:00")
        if start == end:
            raise ValueError(
                f"{item!r} is no span of hours: it ends as it begins; write 00:00-24:00 for all hours"
            )
        found.append((start, end))
    return tuple(found)


def parse_zone(value: Any) -> ZoneInfo:
    """A time zone by its name in the IANA database.

    :raises ValueError: if there is none of that name.
    """
    if isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value!r} is no time zone; write it like Europe/Vienna or UTC") from None


Weekdays = Annotated[frozenset[int], BeforeValidator(parse_weekdays)]
Hours = Annotated[tuple[tuple[int, int], ...], BeforeValidator(parse_hours)]
Zone = Annotated[ZoneInfo, BeforeValidator(parse_zone)]


def in_week(
    now: datetime, weekdays: frozenset[int], hours: tuple[tuple[int, int], ...], zone: ZoneInfo
) -> bool:
    """Whether ``now`` lies in one of the spans on one of the days, by the clocks of ``zone``.

    No days are all days, no spans the whole day. A span that goes past midnight belongs to the
    day on which it begins.
    """
    local = now.astimezone(zone)
    today, minute = local.weekday(), local.hour * 60 + local.minute
    yesterday = (today - 1) % 7
    for start, end in hours or ((0, _MIDNIGHT),):
        if start < end:
            inside = start <= minute < end and (not weekdays or today in weekdays)
        else:
            inside = (minute >= start and (not weekdays or today in weekdays)) or (
                minute < end and (not weekdays or yesterday in weekdays)
            )
        if inside:
            return True
    return False


def in_words(weekdays: frozenset[int], hours: tuple[tuple[int, int], ...]) -> str:
    """Such times as a person writes them: ``22:00-07:00 on mon, tue``; ``""`` for always."""
    spans = [f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}" for start, end in hours]
    days = [WEEKDAYS[day] for day in sorted(weekdays)]
    return " ".join([*([", ".join(spans)] if spans else []), *([f"on {', '.join(days)}"] if days else [])])


def in_zone(moment: datetime, zone: ZoneInfo) -> datetime:
    """``moment`` in UTC; without a zone of its own it is a time by the clocks of ``zone``."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
