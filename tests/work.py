"""How much work something is, counted where a stopwatch would do for a machine that nobody else uses.

Seconds say how busy the machine is as much as how much there is to do, so what takes seconds is measured in
``benchmarks/``, and tests count: the same work is the same number everywhere. A count means little by itself; hold
that of one size against that of a larger one. Four times as much to do is four times the count where the work grows
with the size, sixteen times where each is held against each, and the same where all that is read has a bound.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

EVERY = 10
"""Steps of SQLite's virtual machine between two looks at them."""


def lines(do: Callable[[], object]) -> int:
    """How many lines of Python ``do`` runs in this thread; each round of a loop counts anew, C does not count."""
    count = 0

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        do()
    finally:
        sys.settrace(before)
    return count


def steps(connection: sqlite3.Connection, do: Callable[[], object]) -> int:
    """How many steps of SQLite's virtual machine ``do`` takes on this connection: some for each row it looks at."""
    count = 0

    def look() -> int:
        nonlocal count
        count += EVERY
        return 0

    connection.set_progress_handler(look, EVERY)
    try:
        do()
    finally:
        connection.set_progress_handler(None, 0)
    return count
