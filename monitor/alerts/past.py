"""The history of a series as it is drawn: counts in columns, and what is usual in each. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

LONGEST = 72
"""Characters that a line of a mail has room for."""
MINUTE, HOUR, DAY, WEEK = 60, 3600, 86400, 7 * 86400


def columns(window: float, bucket: int) -> tuple[int, int]:
    """``(step, number)``: width of a column in seconds, and how many are drawn.

    A column is as long as the window, so that its last one is what was judged: a day of short
    columns, a week of those of an hour, four weeks of days.
    """
    step = min(max(bucket, round(window / bucket) * bucket), DAY)
    span = DAY if step < HOUR // 2 else WEEK if step <= 6 * HOUR else 4 * WEEK
    return int(step), max(1, span // int(step))


def band(counts: np.ndarray, step: int, before: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is usual in each column: ``(mean, low, high)``, each of shape (n,).

    The mean of the same time of day (of the week, for columns of a day) in the other columns
    before index ``before``, smoothed over its neighbours; ``low`` to ``high`` is two standard deviations.
    nan where fewer than three columns tell.
    """
    period = max(1, round(DAY / step)) if step < DAY else (7 if before >= 21 else 1)
    number = len(counts)
    mean, spread = np.full(number, np.nan), np.full(number, np.nan)
    past = counts[:before].astype(float)
    if len(past):  # an old wave is no measure of what is usual
        past = np.minimum(past, max(float(np.quantile(past, 0.99)), 1.0))
    for phase in range(period):
        near = [past[(phase + shift) % period :: period] for shift in ((-1, 0, 1) if period >= 12 else (0,))]
        if len(past[phase::period]) < 3:
            continue
        seen = np.concatenate(near)
        weights = np.concatenate([np.full(len(n), w) for n, w in zip(near, (1, 2, 1), strict=False)])
        middle = float(np.average(seen, weights=weights))
        mean[phase::period] = middle
        spread[phase::period] = max(float(np.average((seen - middle) ** 2, weights=weights)), middle)
    wide = 2 * np.sqrt(spread)
    return mean, np.maximum(0.0, mean - wide), mean + wide


def drawn(
    counts: np.ndarray, start: int, step: int, shown: int, first: int, end: int, known_from: int
) -> dict[str, Any] | None:
    """The last ``shown`` columns as JSON-able data; ``None`` where there is nothing to draw.

    :param counts: of the columns from ``start`` on, ``step`` seconds each, shape (n,).
    :param first: index of the first column of what was judged, ``end``: one past the last.
    :param known_from: epoch second before which the monitor knows nothing.
    :return: ``start`` (epoch second), ``step``, ``counts``, ``usual``, ``low``, ``high`` (``None``
        where not known), ``window`` (two indices).
    """
    unknown = min(len(counts), max(0, -((start - known_from) // step)))
    counts, start = counts[unknown:], start + unknown * step
    first, end = max(0, first - unknown), max(0, end - unknown)
    if not len(counts) or not counts.any():
        return None
    mean, low, high = band(counts, step, first)
    cut = max(0, len(counts) - shown)
    return {
        "start": start + cut * step,
        "step": step,
        "counts": [int(c) for c in counts[cut:]],
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


def _plain(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 2) for value in values]
