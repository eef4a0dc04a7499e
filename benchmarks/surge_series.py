"""Simulated series with an hour and a weekday cycle, bursts planted in them, and what can be found at best.

The oracle knows what no detector does: the true mean of each bucket and the dispersion. It judges the windows
of the detector, at the level where its own false alerts on series without events are as many as are allowed.
What it misses, nobody can find by these windows at that price.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc

DAY, HOUR = 86400, 3600
DISPERSION, SWING = 0.1, 0.7
"""How counts vary (variance = mean + DISPERSION * mean ** 2), and days swing: between e ** -SWING and e ** SWING."""
WEEK = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.4, 0.5])
LEAST = 5
"""Texts that a burst, and a window that fires, hold at least."""
ABOVE = 2.0
"""Standard deviations: what is less above its mean cannot be an alert, and is not looked at."""


def rates(mean: float, step: int, days: int, dice: np.random.Generator, swing: float = SWING) -> np.ndarray:
    """Expected counts with an hour and a weekday cycle, shape (days * buckets a day,), of the given mean."""
    seconds = np.arange(days * DAY // step) * step
    cycle = np.exp(swing * np.sin((seconds / HOUR - dice.uniform(0, 24)) / 24 * 2 * np.pi))
    week = np.roll(WEEK, dice.integers(7))[seconds // DAY % 7]
    whole = cycle * week
    return np.asarray(mean * whole / whole[: 7 * DAY // step].mean())


def draw(rate: np.ndarray, dice: np.random.Generator, dispersion: float = DISPERSION) -> np.ndarray:
    """Counts that vary more than Poisson's: negative binomial, variance = mean + dispersion * mean ** 2."""
    return np.asarray(dice.poisson(rate * dice.gamma(1 / dispersion, dispersion, rate.shape)))


def triples(counts: np.ndarray, step: int, first: int) -> Iterator[tuple[int, int, int]]:
    """``(bucket, count, live count)`` of what is not empty, all of it live.

    :param first: the number of the bucket that ``counts[0]`` is of.
    """
    for n in np.flatnonzero(counts).tolist():
        yield (first + n) * step, int(counts[n]), int(counts[n])


@dataclass(frozen=True)
class Planted:
    """A series and bursts that replace a part of it, each as if the others had not been.

    ``rate`` and ``counts``: of its buckets, shape (n,). ``bursts``: the first bucket of each, and its counts.
    """

    step: int
    rate: np.ndarray
    counts: np.ndarray
    bursts: list[tuple[int, np.ndarray]]


def plant(seed: int, mean: float, step: int, factor: float, seconds: int, number: int) -> Planted:
    """A series of 60 days; after 45 of them, at ``number`` random times of the next 14, a burst for ``seconds``.

    Bursts hold ``factor`` times what is usual; those with fewer than five texts are left out.
    """
    dice = np.random.default_rng(seed)
    rate = rates(mean, step, 60, dice)
    counts = draw(rate, dice)
    first = 45 * DAY // step
    starts = np.sort(dice.integers(first, first + 14 * DAY // step, number)).tolist()
    length = max(1, seconds // step)
    bursts = [(start, draw(rate[start : start + length] * factor, dice)) for start in starts]
    return Planted(step, rate, counts, [one for one in bursts if one[1].sum() >= LEAST])


# -- the oracle -----------------------------------------------------------------------------


def chances(
    counts: np.ndarray, rate: np.ndarray, lengths: Sequence[int], dispersion: float = DISPERSION
) -> np.ndarray:
    """For each bucket with texts: how improbable the least probable of the windows that end with it truly is.

    The sum of a window is taken for a negative binomial of its true mean and variance. 1 where no window holds five
    texts and lies two standard deviations above its mean.

    :param counts: shape (n,). :param rate: the true mean of each, shape (n,).
    :param lengths: of the windows, in buckets; windows are cut at the beginning.
    :returns: shape (n,).
    """
    found = np.ones(len(counts))
    for length in lengths:
        observed, mean, squares = (_sums(x, length) for x in (counts, rate, rate**2))
        spread = dispersion * squares
        n = np.flatnonzero(
            (counts > 0) & (observed >= LEAST) & (observed - mean > ABOVE * np.sqrt(mean + spread))
        )
        shape = mean[n] ** 2 / spread[n]
        found[n] = np.minimum(found[n], betainc(observed[n], shape, mean[n] / (mean[n] + shape)))
    return found


def level(
    mean: float, step: int, lengths: Sequence[int], days_between: float, years: int, seed: int
) -> float:
    """Below this chance the oracle may fire, if one day in ``days_between`` of a null series is to have an alert.

    By simulation of ``years`` years, each with its own cycles; counts are whole, so that days may be rarer than asked.
    """
    dice = np.random.default_rng(seed)
    least = []
    for _ in range(years):
        rate = rates(mean, step, 364, dice)
        least.append(chances(draw(rate, dice), rate, lengths).reshape(364, -1).min(axis=1))
    days = np.sort(np.concatenate(least))
    return float(days[int(len(days) / days_between)])


def found_by_oracle(planted: Planted, lengths: Sequence[int], level: float) -> list[int | None]:
    """For each burst: buckets until the oracle's chance was below ``level``, ``None`` if it never was."""
    found: list[int | None] = []
    for start, burst in planted.bursts:
        first, end = start - max(lengths), start + len(burst)
        counts = np.concatenate([planted.counts[first:start], burst])
        below = chances(counts, planted.rate[first:end], lengths)[max(lengths) :] < level
        found.append(int(np.argmax(below)) if below.any() else None)
    return found


def _sums(numbers: np.ndarray, length: int) -> np.ndarray:
    """Of each number and the ``length - 1`` before it."""
    total = np.concatenate([np.zeros(1), np.cumsum(numbers)])
    n = np.arange(1, len(total))
    return np.asarray(total[n] - total[np.maximum(n - length, 0)])
