"""What several commands are given: spans, times, matchers, and who gives them."""

from __future__ import annotations

import getpass
import re
from datetime import UTC, datetime, time, timedelta
from typing import Any

import click

from monitor.durations import parse_duration
from monitor.matching import Matcher, parse_matcher


class DurationType(click.ParamType):  # type: ignore[type-arg]
    """``2h``, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        try:
            found = parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if found <= 0:
            self.fail(f"{value!r} is no time at all", param, ctx)
        return found


class MatcherType(click.ParamType):  # type: ignore[type-arg]
    """``topic=court``."""

    name = "matcher"

    def convert(self, value: Any, param: Any, ctx: Any) -> Matcher:
        if isinstance(value, Matcher):
            return value
        try:
            return parse_matcher(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class MomentType(click.ParamType):  # type: ignore[type-arg]
    """A time as people write it; in the terminal's zone, as times are printed, where it names none.

    A time of day is only known beside another: :func:`moment`.
    """

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime | time:
        if isinstance(value, datetime | time):
            return value
        try:
            if re.fullmatch(r"\d{1,2}:\d{2}", str(value)):
                hours, minutes = map(int, str(value).split(":"))
                return time(hours, minutes)
            return datetime.fromisoformat(str(value)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(
                f"{value!r} is no time; write 18:00, 2026-05-01T18:00 or 2026-05-01T18:00+02:00", param, ctx
            )


def moment(said: datetime | time, after: datetime) -> datetime:
    """The moment that somebody names; a time of day is the next one ``after`` by the terminal's clock."""
    if isinstance(said, datetime):
        return said
    day = after.astimezone().date()
    today = datetime.combine(day, said).astimezone(UTC)
    return today if today > after else datetime.combine(day + timedelta(days=1), said).astimezone(UTC)


DURATION, MATCHER, MOMENT = DurationType(), MatcherType(), MomentType()


def login() -> str:
    """The name of whoever runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under an id that has no name
        return "unknown"
