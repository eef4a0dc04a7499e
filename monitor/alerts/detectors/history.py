"""What detectors read and what they answer: plain data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class History:
    """Counts of one series in consecutive buckets of event time.

    ``start``: epoch second at which the first bucket begins. ``step``: bucket width in
    seconds. ``total``: all documents, shape (n,). ``live``: those that may raise an alert
    (backfill excluded), shape (n,), nowhere above ``total``. Buckets after the last are
    empty; what came before the first is unknown, not zero, so load as far back as the
    detector's ``reach`` says. ``whole``: what the series is a part of, for detectors that
    compare the two; the same buckets. ``told``: how many distinct stories the live documents of
    ``[since, until)`` (epoch seconds) tell, where that is known.
    """

    start: int
    step: int
    total: np.ndarray
    live: np.ndarray
    whole: History | None = None
    told: Callable[[int, int], int] | None = None

    def __post_init__(self) -> None:
        if self.step <= 0:
            raise ValueError(f"step must be positive, not {self.step}")
        if self.total.ndim != 1 or self.total.shape != self.live.shape:
            raise ValueError(f"total {self.total.shape} and live {self.live.shape} must be equal, (n,)")

    def end_of(self, at: int) -> int:
        """The index one past the bucket that holds the second before ``at``."""
        return -((self.start - at) // self.step)

    def width(self, seconds: float) -> int:
        """How many buckets ``seconds`` span, at least one."""
        return max(1, round(seconds / self.step))

    def live_between(self, first: int, end: int) -> int:
        """Live documents in the buckets ``first`` up to and without ``end``."""
        return int(self.live[max(first, 0) : max(end, 0)].sum())

    def stories_between(self, first: int, end: int) -> int:
        """Distinct stories of those documents; each document is one where nothing is known of stories."""
        if self.told is None:
            return self.live_between(first, end)
        return self.told(self.time_of(first), self.time_of(end))

    def time_of(self, index: int) -> int:
        """Epoch second at which bucket ``index`` begins."""
        return self.start + index * self.step


@dataclass(frozen=True)
class Verdict:
    """What a detector says of one window.

    ``firing``: above the level at which an alert begins; ``quiet``: below the one at which it may
    end. What lies between is neither, and leaves an alert as it is. ``observed``: live documents
    in it. ``expected``: how many are usual, ``low`` to ``high`` the central 95 % of what would be
    no surprise. ``since`` and ``until``: the window, epoch seconds. ``probability``: of something
    as extreme as ``observed`` documents if nothing is unusual.
    ``reason``: one plain sentence. ``peak``: live texts in its last 15 minutes. ``unknown``: what
    feeds the series is silent, so that the rest means nothing; an alert neither begins nor ends by it.
    """

    firing: bool
    observed: int
    expected: float
    low: float
    high: float
    since: int
    until: int
    probability: float
    reason: str
    quiet: bool = True
    peak: int = 0
    unknown: bool = False

    def __post_init__(self) -> None:
        if self.firing and self.quiet:
            object.__setattr__(self, "quiet", False)

    @classmethod
    def nothing(cls, since: int, until: int, reason: str) -> Verdict:
        """There is nothing to see."""
        return cls(False, 0, 0.0, 0.0, 0.0, since, until, 1.0, reason)

    @property
    def sight(self) -> Literal["firing", "holding", "quiet", "unknown"]:
        """The one word that the life cycle goes by."""
        if self.unknown:
            return "unknown"
        return "firing" if self.firing else "quiet" if self.quiet else "holding"


def texts(count: int) -> str:
    """``1 text``, ``2 texts``."""
    return f"{count:,} text" if count == 1 else f"{count:,} texts"


def percent(share: float) -> str:
    """A share for people: ``31 %``, ``0.4 %``."""
    value = 100 * share
    if value and value < 0.05:
        return "under 0.1 %"
    return f"{value:.0f} %" if value >= 2 or value == 0 else f"{value:.1f} %"


def average(mean: float) -> str:
    """A mean for people: ``0.4``, ``2.5``, ``1,234``."""
    return f"{mean:,.0f}" if mean >= 10 else f"{mean:.2g}"


def duration(seconds: float) -> str:
    """A span in the largest unit that leaves a whole number: ``1 h``, ``90 min``, ``21 days``."""
    for size, unit in ((86400, "day"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if unit == 'day' and count != 1 else ''}"
    return f"{seconds:.0f} s"


def span(seconds: float) -> str:
    """A length of time in at most two units: ``3 h 20 min``, ``2 days``."""
    minutes = max(1, round(seconds / 60))
    days, rest = divmod(minutes, 1440)
    hours, minutes = divmod(rest, 60)
    parts = [
        f"{count} {unit}{'s' if unit == 'day' and count != 1 else ''}"
        for count, unit in ((days, "day"), (hours, "h"), (minutes, "min"))
        if count
    ]
    return " ".join(parts[:2])
