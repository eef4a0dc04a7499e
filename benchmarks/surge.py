"""How good surge alerts are: on a public benchmark of mention counts, and on simulated series.

    python benchmarks/surge.py nab NAB_DIR               # folder with nab_score.py, windows.json, realTweets/
    python benchmarks/surge.py null --date 2026-01-31    # false alerts on a simulated year, and bursts found
    python benchmarks/surge.py speed                     # microseconds an update

One set of parameters for everything: the defaults of ``kind = "surge"``. Figures go to
``benchmarks/results/surge-*.json``.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import platform
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any

import click
import numpy as np

from monitor.alerts.detectors.profile import DAY, HOUR, Profile, advance, empty, expect
from monitor.alerts.detectors.surge import SurgeSettings, judge, may_fire
from monitor.alerts.replay import surges, walk

HERE = Path(__file__).parent
RESULTS = HERE / "results"
DEFAULTS = SurgeSettings()
MEANS = (0.01, 0.05, 0.2, 1.0, 5.0, 20.0)
"""Texts a bucket."""
DISPERSION = 0.1
WEEK = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.4, 0.5])
WEEKS = 52
LEVEL = 0.5
"""The product's own threshold of the score: 1 is an alert, everything else lies below."""


@click.group()
def cli() -> None:
    """Measure surge alerts."""


# -- the public benchmark -------------------------------------------------------------------


@cli.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--date", required=True, help="Today's date, for the log.")
def nab(folder: Path, date: str) -> None:
    """Score the mention counts of the Numenta Anomaly Benchmark in FOLDER."""
    scorer = _module(folder / "nab_score.py")
    labels = scorer.load_labels(str(folder))
    files = {
        key: (label, _scores(times, _values(folder / key)), windows)
        for key, (label, times, windows) in labels.items()
    }
    best = scorer.sweep(files, "standard")
    default = scorer.sweep(files, "standard", LEVEL)
    raw = windows = 0.0
    for key in files:
        threshold = scorer.sweep({k: v for k, v in files.items() if k != key}, "standard")["threshold"]
        own = scorer.sweep({key: files[key]}, "standard", threshold)
        raw, windows = raw + own["raw"], windows + own["windows"]
    _report(
        "nab",
        date,
        {
            "files": len(files),
            "score_default_threshold": default["score"],
            "score_leave_one_file_out": 100 * (raw + windows) / (2 * windows),
            "score_threshold_chosen_on_all": best["score"],
            "windows": default["windows"],
            "windows_hit": default["windows_hit"],
            "false_rows": default["fp_rows"],
        },
    )


def _scores(times: list[str], values: np.ndarray, step: int = 300) -> np.ndarray:
    seconds = [int(datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp()) for time in times]
    buckets = np.array(seconds) // step * step
    scores = np.zeros(len(values))
    place = {int(bucket): n for n, bucket in enumerate(buckets)}
    for found in surges(
        zip(buckets.tolist(), values.astype(int).tolist(), strict=True),
        step=step,
        history_from=int(buckets[0]),
        settings=DEFAULTS,
    ):
        scores[place[found.bucket]] = 1.0 if found.news else 0.0
    return scores


def _values(path: Path) -> np.ndarray:
    with path.open() as file:
        return np.array([float(row["value"]) for row in csv.DictReader(file)])


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise click.ClickException(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# -- simulated series -----------------------------------------------------------------------


def rates(mean: float, step: int, days: int, dice: np.random.Generator) -> np.ndarray:
    """Expected counts with an hour and a weekday cycle, shape (days * buckets a day,), of the given mean."""
    seconds = np.arange(days * DAY // step) * step
    cycle = np.exp(0.7 * np.sin((seconds / HOUR - dice.uniform(0, 24)) / 24 * 2 * np.pi))
    week = np.roll(WEEK, dice.integers(7))[seconds // DAY % 7]
    whole = cycle * week
    return np.asarray(mean * whole / whole[: 7 * DAY // step].mean())


def draw(rate: np.ndarray, dice: np.random.Generator) -> np.ndarray:
    """Counts that vary more than Poisson's: negative binomial, variance = mean + DISPERSION * mean ** 2."""
    return np.asarray(dice.poisson(rate * dice.gamma(1 / DISPERSION, DISPERSION, rate.shape)))


def counted(counts: np.ndarray, step: int) -> Iterator[tuple[int, int]]:
    """``(bucket, count)`` of what is not empty."""
    for n in np.flatnonzero(counts).tolist():
        yield n * step, int(counts[n])


def false_alerts(seed: int, mean: float, step: int, days: int, series: int) -> int:
    """Alerts of one null series."""
    dice = np.random.default_rng(seed)
    counts = draw(rates(mean, step, days, dice), dice)
    found = surges(counted(counts, step), step=step, history_from=0, settings=DEFAULTS, series=series)
    return sum(one.news for one in found)


def bursts(
    seed: int, mean: float, step: int, factor: float, seconds: int, series: int, number: int
) -> list[int | None]:
    """For each burst that holds five texts or more: buckets until it was found, ``None`` if it was not.

    After 45 days, at ``number`` random times of the next 14; each as if the others had not been.
    """
    dice = np.random.default_rng(seed)
    rate = rates(mean, step, 60, dice)
    counts = draw(rate, dice)
    first = 45 * DAY // step
    starts = np.sort(dice.integers(first, first + 14 * DAY // step, number))
    length = max(1, seconds // step)
    profile, at, found = empty(0, step), 0, []
    for start in starts.tolist():
        steps = list(walk(profile, _triples(counts[at:start], step, at)))
        profile = steps[-1][1] if steps else profile
        at = start
        burst = draw(rate[start : start + length] * factor, dice)
        if burst.sum() >= 5:
            found.append(_delay(profile, burst, start, step, series))
    return found


def _delay(profile: Profile, burst: np.ndarray, start: int, step: int, series: int) -> int | None:
    for bucket, after, usual in walk(profile, _triples(burst, step, start)):
        if not may_fire(after, usual, bucket, DEFAULTS):
            continue
        if judge(after, usual, bucket, DEFAULTS, series=series).firing:
            return bucket // step - start
    return None


def _triples(counts: np.ndarray, step: int, first: int) -> Iterator[tuple[int, int, int]]:
    for n in np.flatnonzero(counts).tolist():
        yield (first + n) * step, int(counts[n]), int(counts[n])


@cli.command()
@click.option("--date", required=True, help="Today's date, for the log.")
@click.option("--weeks", default=WEEKS, show_default=True, help="Length of the simulated series.")
@click.option(
    "--single", default=20, show_default=True, help="Series of each mean that a rule watches alone."
)
@click.option("--many", default=1000, show_default=True, help="Series that a `*` rule watches together.")
@click.option("--bursts", "number", default=200, show_default=True, help="Bursts of each kind and mean.")
@click.option("--seed", default=0, show_default=True)
@click.option("--processes", default=1, show_default=True)
def null(date: str, weeks: int, single: int, many: int, number: int, seed: int, processes: int) -> None:
    """Simulate series without events, and bursts planted in them."""
    figures: dict[str, Any] = {"weeks": weeks, "seed": seed, "dispersion": DISPERSION}
    with ProcessPoolExecutor(processes) as pool:
        for step in (300, 3600):
            rows = []
            for n, mean in enumerate(MEANS):
                seeds = [seed * 1_000_000 + n * 1000 + i for i in range(single)]
                count = partial(false_alerts, mean=mean, step=step, days=7 * weeks, series=1)
                alerts = sum(pool.map(count, seeds))
                row = {"mean": mean, "false_alerts": alerts, "per_13_weeks": alerts / single / weeks * 13}
                for name, factor, seconds in (("tenfold", 10.0, HOUR), ("threefold", 3.0, 2 * HOUR)):
                    for watched in (1, many):
                        find = partial(
                            bursts,
                            mean=mean,
                            step=step,
                            factor=factor,
                            seconds=seconds,
                            series=watched,
                            number=20,
                        )
                        delays = [d for part in pool.map(find, seeds[: max(1, number // 20)]) for d in part]
                        row[f"{name}_of_{watched}"] = _found(delays)
                rows.append(row)
                click.echo(json.dumps({"step": step, **row}))
            means = np.exp(np.random.default_rng(seed).uniform(np.log(MEANS[0]), np.log(MEANS[-1]), many))
            jobs = [(seed * 1_000_000 + 500_000 + i, float(mean)) for i, mean in enumerate(means)]
            together = partial(_one_of_many, step=step, days=7 * weeks, series=many)
            total = 0
            with click.progressbar(
                pool.map(together, jobs, chunksize=4), length=many, label="null series"
            ) as done:
                for alerts in done:
                    total += alerts
            figures[f"step_{step}"] = {
                "single": rows,
                "together": {"series": many, "false_alerts": total, "a_week": total / weeks},
            }
            click.echo(json.dumps({"step": step, "together": total / weeks}))
    _report("null", date, figures)


def _one_of_many(job: tuple[int, float], step: int, days: int, series: int) -> int:
    return false_alerts(job[0], job[1], step, days, series)


def _found(delays: list[int | None]) -> dict[str, Any]:
    hits = [d for d in delays if d is not None]
    return {
        "bursts": len(delays),
        "found": len(hits) / len(delays) if delays else None,
        "median_delay_buckets": float(np.median(hits)) if hits else None,
    }


# -- speed ----------------------------------------------------------------------------------


@cli.command()
@click.option("--date", required=True, help="Today's date, for the log.")
def speed(date: str) -> None:
    """Time one update of one series: what is usual, the profile carried on, whether to judge."""
    dice = np.random.default_rng(0)
    counts = draw(rates(5.0, 300, 60, dice), dice)
    triples = list(_triples(counts, 300, 0))

    def run() -> None:
        profile = empty(0, 300)
        for bucket, count, live in triples:
            usual = expect(profile, bucket)
            profile = advance(profile, bucket, count, live, usual)
            if may_fire(profile, usual, bucket, DEFAULTS):
                judge(profile, usual, bucket, DEFAULTS)

    _report("speed", date, {"updates": len(triples), "microseconds": _best_of(3, run) / len(triples) * 1e6})


def _best_of(times: int, work: Callable[[], None]) -> float:
    found = []
    for _ in range(times):
        start = perf_counter()
        work()
        found.append(perf_counter() - start)
    return min(found)


def _report(name: str, date: str, figures: dict[str, Any]) -> None:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True, check=False
    ).stdout.strip()
    record = {
        "date": date,
        "commit": commit,
        "python": platform.python_version(),
        "settings": DEFAULTS.model_dump(),
        **figures,
    }
    path = RESULTS / f"surge-{name}-{date}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    click.echo(json.dumps(figures, indent=1))
    click.echo(f"written to {path}")


if __name__ == "__main__":
    cli()
