"""How often the surge detector fires where nothing happened, and how often where something did.

    python benchmarks/surge_null.py [--series 200] [--weeks 8] [--seed 0] [--probability P]

Independent sparse series, judged every five minutes as a rule over all of them would be:
mean 0.01 to 5 texts an hour (log-uniform), a daily cycle of random phase and depth, a weekend
factor, and hourly counts that are negative binomial with dispersion 0 to 1. The first weeks
are the baseline alone. A false alert is a firing that begins; it ends when the detector has
not fired for one window. Then a tenfold one-hour burst is planted in fresh copies, at any hour,
at night and in a lull of the noise as well.
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np

from monitor.alerts.detectors.history import History
from monitor.alerts.detectors.surge import SurgeSettings, judge

STEP, HOUR, DAY = 300, 3600, 86400
BASELINE_WEEKS = 4


def rates(rng: np.random.Generator, mean: float, hours: int) -> np.ndarray:
    """Texts an hour, shape (hours,): ``mean`` with a daily cycle, a weekend and gamma noise."""
    clock = np.arange(hours)
    depth, phase = rng.uniform(0, 0.9), rng.uniform(0, 24)
    cycle = 1 + depth * np.cos(2 * np.pi * (clock - phase) / 24)
    weekend = np.where(clock // 24 % 7 >= 5, rng.uniform(0.3, 1), 1.0)
    spread = rng.choice([0.0, 0.2, 0.5, 1.0])
    noise = rng.gamma(1 / spread, spread, hours) if spread else np.ones(hours)
    return mean * cycle * weekend * noise


def false_alerts(counts: np.ndarray, first: int, settings: SurgeSettings) -> int:
    """How often firing begins from bucket ``first`` on."""
    width = settings.window // STEP
    history = History(0, STEP, counts, counts)
    sums = np.convolve(counts, np.ones(width, int))[: len(counts)]
    alerts, quiet_since = 0, 0
    # Fewer than min_count can never fire, so these windows need no verdict.
    for end in np.flatnonzero(sums >= settings.min_count) + 1:
        if end > first and judge(history, int(end) * STEP, 0, settings).firing:
            alerts += end > quiet_since
            quiet_since = end + width
    return alerts


def found(rng: np.random.Generator, mean: float, settings: SurgeSettings) -> tuple[bool, int]:
    """Plant a tenfold one-hour burst after four weeks: whether it was found, and its size."""
    hours = BASELINE_WEEKS * 7 * 24 + 24
    rate = rates(rng, mean, hours)
    at = hours - int(rng.integers(2, 24))
    rate[at] *= 10
    counts = rng.poisson(np.repeat(rate / 12, 12))
    history = History(0, STEP, counts, counts)
    size = int(counts[at * 12 : at * 12 + 12].sum())
    ends = range(at * 12 + 1, at * 12 + 13)
    return any(judge(history, end * STEP, 0, settings).firing for end in ends), size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=200)
    parser.add_argument("--weeks", type=int, default=8)
    parser.add_argument("--bursts", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--probability", type=float, default=SurgeSettings().probability)
    given = parser.parse_args()
    settings = SurgeSettings(probability=given.probability)
    rng = np.random.default_rng(given.seed)

    means = np.exp(rng.uniform(np.log(0.01), np.log(5), given.series))
    first = BASELINE_WEEKS * 7 * DAY // STEP
    hours = (BASELINE_WEEKS + given.weeks) * 7 * 24
    alerts = np.array(
        [
            false_alerts(rng.poisson(np.repeat(rates(rng, mean, hours) / 12, 12)), first, settings)
            for mean in means
        ]
    )
    print(f"{given.series} series without events, {given.weeks} weeks, probability {given.probability:g}:")
    print(f"  {alerts.sum()} false alerts in total, {alerts.sum() / given.weeks:.2f} a week")
    edges = (0.01, 0.1, 0.5, 1, 2, 5)
    for low, high in itertools.pairwise(edges):
        inside = (means >= low) & (means < high)
        print(f"  mean {low:g} to {high:g} an hour: {alerts[inside].sum()} in {inside.sum()} series")

    print("tenfold one-hour bursts found (those that hold min_count texts):")
    for mean in (0.1, 0.5, 1, 2, 5, 20):
        tried = [found(rng, mean, settings) for _ in range(given.bursts)]
        hits = [hit for hit, size in tried if size >= settings.min_count]
        share = f"{np.mean(hits):.0%}" if hits else "none"
        print(f"  mean {mean:g} an hour: {share} of {len(hits)}")


if __name__ == "__main__":
    main()
