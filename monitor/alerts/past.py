"""The history of a series as it is drawn: counts in columns, and what is usual in each. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import gcd
from typing import Any

import numpy as np

from monitor.alerts.detectors.counting import advance
from monitor.alerts.detectors.distribution import tail
from monitor.alerts.detectors.drop import DropSettings, middle, usual
from monitor.alerts.detectors.history import History
from monitor.alerts.detectors.profile import empty
from monitor.alerts.detectors.usual import WEEKDAY_SPREAD, Usual, expect
from monitor.durations import DAY, HOUR, WEEK

LONGEST = 72
"""Characters that a line of a mail has room for."""
PLACES = 10
"""A bound is found in so many steps that halve."""
Band = Callable[[np.ndarray, int, int, int, int, int | None], np.ndarray]
"""Such as :func:`band`."""
LEAST_DAYS = 3
"""What is usual is not drawn before so many whole days are known."""


def columns(window: float, bucket: int) -> tuple[int, int]:
    """``(step, number)``: width of a column in seconds, and how many are drawn.

    A column is as long as the window, so that its last one is what was judged: a day of short
    columns, a week of those of an hour, four weeks of days.
    """
    step = min(max(bucket, round(window / bucket) * bucket), DAY)
    span = DAY if step < HOUR // 2 else WEEK if step <= 6 * HOUR else 4 * WEEK
    return int(step), max(1, span // int(step))


def unit_of(step: int) -> int:
    """Seconds of the counts that a column of ``step`` seconds is made of: they fit into an hour and into the column."""
    return gcd(step, HOUR)


def band(
    counts: np.ndarray, start: int, unit: int, step: int, known_from: int, shown: int | None = None
) -> np.ndarray:
    """What was usual in each column, as a rule would have believed it then: ``(mean, low, high)``, shape (3, n).

    A profile (:mod:`monitor.alerts.detectors.profile`, what surges are judged by) is carried along the
    counts; each column is what it expected before it saw them, with the central 95 % of what would be no
    surprise. nan where it knew less than :data:`LEAST_DAYS`.

    :param counts: of ``unit`` seconds each (:func:`unit_of` of ``step``) from ``start`` on, whole columns.
    :param known_from: epoch second before which nothing is known.
    :param shown: only the last so many columns are asked for, the others are left nan.
    """
    per = step // unit
    found = np.full((3, len(counts) // per), np.nan)
    profile = empty(max(known_from, start), unit)
    first = start // unit * unit
    known = [Usual(0.0, 0.0, 0.0, 0.0, 0.0)] * len(counts)
    whole = max(0, -(-(profile.since + LEAST_DAYS * DAY - first) // step))
    asked = max(whole, 0 if shown is None else found.shape[1] - shown)
    for place, count in enumerate(counts):
        bucket = first + place * unit
        if bucket < profile.since or not (count or place >= asked * per):
            continue  # nothing is learned from an empty bucket but how many there were
        known[place] = expect(profile, bucket)
        if count:
            profile = advance(profile, bucket, int(count), int(count), known[place])
    for column in range(asked, found.shape[1]):
        parts = known[column * per : (column + 1) * per]
        mean = sum(part.mean for part in parts)
        varies, doubt = _varies(parts[0], unit, step), parts[0].doubt
        spread = varies + doubt + varies * doubt
        found[:, column] = mean, _bound(0.025, mean, spread), _bound(0.975, mean, spread)
    return found


def drop_band(
    counts: np.ndarray, start: int, unit: int, step: int, known_from: int, shown: int | None = None
) -> np.ndarray:
    """What a rule of kind ``drop`` would have believed usual of each column; all as in :func:`band`."""
    per, settings = step // unit, DropSettings()
    number = len(counts) // per
    found = np.full((3, number), np.nan)
    history = History(start, unit, counts, counts)
    for column in range(0 if shown is None else max(0, number - shown), number):
        mean, spread, days = usual(history, column * per, (column + 1) * per, known_from, settings)
        if days >= 7:
            found[:, column] = mean, *middle(mean, spread)
    return found


def drawn(
    counts: np.ndarray,
    start: int,
    step: int,
    shown: int,
    first: int,
    end: int,
    known_from: int,
    band: Band = band,
) -> dict[str, Any] | None:
    """The last ``shown`` columns as JSON-able data; ``None`` where there is nothing to draw.

    :param counts: of ``unit_of(step)`` seconds each from ``start`` on, whole columns of ``step`` seconds.
    :param first: index of the first column of what was judged, ``end``: one past the last.
    :param known_from: epoch second before which the monitor knows nothing.
    :param band: what says what was usual.
    :return: ``start`` (epoch second), ``step``, ``counts``, ``usual``, ``low``, ``high`` (``None``
        where not known), ``window`` (two indices).
    """
    unit = unit_of(step)
    columns_ = counts.reshape(-1, step // unit).sum(axis=1)
    unknown = min(len(columns_), max(0, -((start - known_from) // step)))
    if not columns_[unknown:].any():
        return None
    mean, low, high = band(counts, start, unit, step, known_from, shown)
    cut = max(unknown, len(columns_) - shown)
    return {
        "start": start + cut * step,
        "step": step,
        "counts": [int(c) for c in columns_[cut:]],
        "usual": _plain(mean[cut:]),
        "low": _plain(low[cut:]),
        "high": _plain(high[cut:]),
        "window": [max(0, first - cut), max(0, end - cut)],
    }


def last_day(history: Mapping[str, Any], most: int = 48) -> list[int]:
    """The newest columns of a drawn history: a day's, and what was judged with some before it."""
    day = min(most, max(24, DAY // history["step"]))
    number = max(day, min(LONGEST, len(history["counts"]) - history["window"][0] + 6))
    return list(history["counts"][-number:])


def _varies(then: Usual, unit: int, step: int) -> float:
    """Over-dispersion of a column: hours that differ even out over a day, days differ all the same."""
    if step == unit:
        return then.clumped
    return max(WEEKDAY_SPREAD, then.drifting * min(1.0, 2 * HOUR / step))


def _bound(p: float, mean: float, dispersion: float) -> float:
    """Where a share ``p`` of the counts ends, between whole ones: whole texts would flicker where few are usual."""
    low, high = 0.0, 1.0
    if 1 - tail(1, mean, dispersion) >= p:
        return 0.0
    while 1 - tail(high + 1, mean, dispersion) < p:
        low, high = high, 2 * high
    for _ in range(PLACES):
        middle = (low + high) / 2
        low, high = (middle, high) if 1 - tail(middle + 1, mean, dispersion) < p else (low, middle)
    return high


def _plain(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 2) for value in values]
