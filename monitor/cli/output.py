"""Tables and times for people."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from monitor.durations import format_duration

MOMENT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\b")


def console(*, stderr: bool = False) -> Console:
    """A console that keeps to the terminal's width, or 120 columns where there is none."""
    found = Console(stderr=stderr, highlight=False)
    if not found.is_terminal:
        found = Console(stderr=stderr, highlight=False, width=120)
    return found


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str, right: Sequence[str] = ()
) -> None:
    """A table, or the line ``empty`` where there are no rows. Cells are plain text, not markup.

    :param right: columns to align to the right (numbers).
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape("" if cell is None else str(cell)) for cell in row))
    if table.row_count:
        console().print(table)
    else:
        click.echo(empty)


def ago(time: datetime | None, now: datetime) -> str:
    """How long ago, in two units: ``3m 20s ago``; ``in 5m`` for what is to come."""
    if time is None:
        return "never"
    seconds = (now - time).total_seconds()
    if seconds < -0.5:
        return f"in {format_duration(-seconds)}"
    return f"{format_duration(seconds)} ago" if seconds >= 1 else "now"


def clock(time: datetime | None, *, zone: bool = False) -> str:
    """A time to the second in the terminal's zone.

    :param zone: name the zone, where nothing around it does.
    """
    if time is None:
        return ""
    with suppress(OverflowError):  # the last hours of the year 9999, which stand for ever
        time = time.astimezone()
    return f"{time:{'%Y-%m-%d %H:%M:%S %Z' if zone else '%Y-%m-%d %H:%M:%S'}}"


def in_zone(text: str) -> str:
    """A text in which moments, such as ``2026-03-04T15:10:00Z``, are told in the terminal's zone."""
    return MOMENT.sub(lambda found: clock(datetime.fromisoformat(found[0]), zone=True), text)


def local_zone() -> str:
    """The IANA name of the terminal's zone; UTC where it has none."""
    file = "/".join(Path("/etc/localtime").resolve().parts).partition("zoneinfo/")[2]
    for name in (os.environ.get("TZ", "").removeprefix(":"), file):
        try:
            return ZoneInfo(name).key
        except (ValueError, OSError, ZoneInfoNotFoundError):
            continue
    return "UTC"


def number(count: int, noun: str) -> str:
    """``1 seed``, ``2 seeds``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def shorten(text: str, width: int) -> str:
    """One line of at most ``width`` characters, without what would change the terminal."""
    line = " ".join(printable(text).split())
    return line if len(line) <= width else line[: width - 1] + "…"


_HARMLESS = "\n\u00ad\u200c\u200d"  # soft hyphens, and what joins letters and emoji


def printable(text: str) -> str:
    """The text, as long as it was, without what would move the cursor or change the terminal."""
    return "".join(c if c.isprintable() or c in _HARMLESS else " " for c in text)
