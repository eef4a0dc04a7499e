"""How good surge alerts are: on a public benchmark of mention counts, and on simulated series.

    python benchmarks/surge.py nab NAB_DIR --date ...    # folder with nab_score.py, windows.json, realTweets/
    python benchmarks/surge.py null --date 2026-01-31    # false alerts on a simulated year, and bursts found
    python benchmarks/surge.py worlds --date 2026-01-31  # false alerts where counts vary otherwise
    python benchmarks/surge.py speed --date 2026-01-31   # microseconds an update
    python benchmarks/surge.py tick --date 2026-01-31    # a round of judging with 100,000 series

One set of parameters for everything: the defaults of ``kind = "surge"``. Figures go to
``benchmarks/results/surge-*.json``.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import platform
import subprocess
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import numpy as np
from surge_cost import a_round, an_update
from surge_series import DISPERSION, SWING, Planted, draw, found_by_oracle, level, plant, rates, triples

from monitor.alerts.detectors.profile import Profile, empty
from monitor.alerts.detectors.surge import SurgeSettings, judge, may_fire, window_lengths
from monitor.alerts.lifecycle import Pace
from monitor.alerts.replay import surge_verdicts, walk
from monitor.alerts.trial import trial
from monitor.durations import HOUR

HERE = Path(__file__).parent
RESULTS = HERE / "results"
DEFAULTS = SurgeSettings()
PACE = Pace(keep_firing_for=DEFAULTS.calm)
MEANS = (0.01, 0.05, 0.2, 1.0, 5.0, 20.0)
"""Texts a bucket."""
WEEKS = 52
WORLDS = ((0.02, 0.7), (0.1, 0.0), (0.1, 1.5), (0.3, 0.7), (1.0, 0.7))
"""Dispersion, and swing of the day."""
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


def alerts(counts: Iterable[tuple[int, int]], *, step: int, history_from: int, series: int = 1) -> list[int]:
    """When a rule with default settings would have fired (epoch seconds), on ``(bucket, count)``."""
    triples = ((bucket, count, count) for bucket, count in counts)
    found = surge_verdicts(triples, step=step, history_from=history_from, settings=DEFAULTS, series=series)
    return [int(one.fired_at.timestamp()) for one in trial(found, PACE, DEFAULTS)]


def _scores(times: list[str], values: np.ndarray, step: int = 300) -> np.ndarray:
    seconds = [int(datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp()) for time in times]
    buckets = np.array(seconds) // step * step
    scores = np.zeros(len(values))
    place = {int(bucket): n for n, bucket in enumerate(buckets)}
    counts = zip(buckets.tolist(), values.astype(int).tolist(), strict=True)
    for end in alerts(((b, n) for b, n in counts if n), step=step, history_from=int(buckets[0])):
        scores[place[end - step]] = 1.0
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


def counted(counts: np.ndarray, step: int) -> Iterator[tuple[int, int]]:
    """``(bucket, count)`` of what is not empty."""
    for n in np.flatnonzero(counts).tolist():
        yield n * step, int(counts[n])


def false_alerts(
    seed: int,
    mean: float,
    step: int,
    days: int,
    series: int,
    dispersion: float = DISPERSION,
    swing: float = SWING,
) -> int:
    """Alerts of one null series."""
    dice = np.random.default_rng(seed)
    counts = draw(rates(mean, step, days, dice, swing), dice, dispersion)
    return len(alerts(counted(counts, step), step=step, history_from=0, series=series))


def found_by_rule(planted: Planted, series: int) -> list[int | None]:
    """For each burst: buckets until it was found, ``None`` if it was not."""
    step = planted.step
    profile, at, found = empty(0, step), 0, list[int | None]()
    for start, burst in planted.bursts:
        steps = list(walk(profile, triples(planted.counts[at:start], step, at)))
        profile = steps[-1][1] if steps else profile
        at = start
        found.append(_delay(profile, burst, start, step, series))
    return found


def _delay(profile: Profile, burst: np.ndarray, start: int, step: int, series: int) -> int | None:
    for bucket, after, usual in walk(profile, triples(burst, step, start)):
        if not may_fire(after, usual, bucket, DEFAULTS):
            continue
        if judge(after, usual, bucket, DEFAULTS, series=series).firing:
            return bucket // step - start
    return None


@cli.command()
@click.option("--date", required=True, help="Today's date, for the log.")
@click.option("--weeks", default=WEEKS, show_default=True, help="Length of the simulated series.")
@click.option(
    "--single", default=20, show_default=True, help="Series of each mean that a rule watches alone."
)
@click.option("--many", default=1000, show_default=True, help="Series that a `*` rule watches together.")
@click.option(
    "--simulated", type=int, help="Of which so many are drawn, and stand for the others. [default: all]"
)
@click.option("--bursts", "number", default=200, show_default=True, help="Bursts of each kind and mean.")
@click.option("--seed", default=0, show_default=True)
@click.option("--processes", default=1, show_default=True)
def null(
    date: str,
    weeks: int,
    single: int,
    many: int,
    simulated: int | None,
    number: int,
    seed: int,
    processes: int,
) -> None:
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
                row.update(_found_of(mean, step, seeds[: max(1, number // 20)], many))
                rows.append(row)
                click.echo(json.dumps({"step": step, **row}))
            together = _together(pool, step, weeks, many, min(many, simulated or many), seed)
            figures[f"step_{step}"] = {"single": rows, "together": together}
            click.echo(json.dumps({"step": step, **together}))
    _report("null", date, figures)


@cli.command()
@click.option("--date", required=True, help="Today's date, for the log.")
@click.option("--weeks", default=26, show_default=True, help="Length of the simulated series.")
@click.option(
    "--single", default=12, show_default=True, help="Series of each mean that a rule watches alone."
)
@click.option(
    "--many", default=120, show_default=True, help="Series that stand for the thousand of a `*` rule."
)
@click.option("--seed", default=0, show_default=True)
@click.option("--processes", default=1, show_default=True)
def worlds(date: str, weeks: int, single: int, many: int, seed: int, processes: int) -> None:
    """False alerts where counts vary more or less than elsewhere here, and days swing otherwise."""
    rows = []
    with ProcessPoolExecutor(processes) as pool:
        for (dispersion, swing), step in product(WORLDS, (300, 3600)):
            count = partial(_one_of_a_world, step=step, days=7 * weeks, dispersion=dispersion, swing=swing)
            jobs = [
                (seed * 1_000_000 + n * 1000 + i, m, 1) for n, m in enumerate(MEANS) for i in range(single)
            ]
            alone = np.array(list(pool.map(count, jobs, chunksize=4))).reshape(len(MEANS), single)
            means = np.exp(np.random.default_rng(seed).uniform(np.log(MEANS[0]), np.log(MEANS[-1]), many))
            jobs = [(seed * 1_000_000 + 500_000 + i, float(m), 1000) for i, m in enumerate(means)]
            together = sum(pool.map(count, jobs, chunksize=4))
            a_quarter = (alone.mean(axis=1) / weeks * 13).round(2).tolist()
            rows.append(
                {
                    "dispersion": dispersion,
                    "swing": swing,
                    "step": step,
                    "per_13_weeks": dict(zip(map(str, MEANS), a_quarter, strict=True)),
                    "together_a_week": round(together / weeks * 1000 / many, 2),
                }
            )
            click.echo(json.dumps(rows[-1]))
    _report("worlds", date, {"weeks": weeks, "single": single, "simulated": many, "worlds": rows})


def _one_of_a_world(
    job: tuple[int, float, int], step: int, days: int, dispersion: float, swing: float
) -> int:
    return false_alerts(job[0], job[1], step, days, job[2], dispersion, swing)


def _found_of(mean: float, step: int, seeds: list[int], many: int) -> dict[str, Any]:
    """Of bursts in series of that mean: what a rule finds, and what the oracle does, each alone and of many."""
    lengths = window_lengths(DEFAULTS.window, step)
    # one alert in so many days: in 13 weeks alone, two a week among many
    levels = {
        watched: level(mean, step, lengths, days, years, seed=1)
        for watched, days, years in ((1, 91, 50), (many, 7 * many / 2, 200))
    }
    row: dict[str, Any] = {}
    for name, factor, seconds in (("tenfold", 10.0, HOUR), ("threefold", 3.0, 2 * HOUR)):
        planted = [plant(one, mean, step, factor, seconds, 20) for one in seeds]
        for watched, below in levels.items():
            rule = [delay for one in planted for delay in found_by_rule(one, watched)]
            best = [delay for one in planted for delay in found_by_oracle(one, lengths, below)]
            row[f"{name}_of_{watched}"] = _found(rule)
            row[f"{name}_oracle_of_{watched}"] = _found(best)
    return row


def _together(pool: Executor, step: int, weeks: int, many: int, simulated: int, seed: int) -> dict[str, Any]:
    """False alerts of one rule on ``many`` series of any mean, of which the first ``simulated`` are drawn."""
    means = np.exp(np.random.default_rng(seed).uniform(np.log(MEANS[0]), np.log(MEANS[-1]), many))
    jobs = [(seed * 1_000_000 + 500_000 + i, float(mean)) for i, mean in enumerate(means[:simulated])]
    count = partial(_one_of_many, step=step, days=7 * weeks, series=many)
    total = 0
    with click.progressbar(pool.map(count, jobs, chunksize=4), length=simulated, label="null series") as done:
        for alerts in done:
            total += alerts
    a_week = total / weeks * many / simulated
    return {"series": many, "simulated": simulated, "false_alerts": total, "a_week": a_week}


def _one_of_many(job: tuple[int, float], step: int, days: int, series: int) -> int:
    return false_alerts(job[0], job[1], step, days, series)


def _found(delays: list[int | None]) -> dict[str, Any]:
    hits = [d for d in delays if d is not None]
    return {
        "bursts": len(delays),
        "found": len(hits) / len(delays) if delays else None,
        "median_delay_buckets": float(np.median(hits)) if hits else None,
    }


# -- cost -----------------------------------------------------------------------------------


@cli.command()
@click.option("--date", required=True, help="Today's date, for the log.")
def speed(date: str) -> None:
    """Time one update of one series: what is usual, the profile carried on, whether to judge."""
    _report("speed", date, an_update(DEFAULTS))


@cli.command()
@click.option("--date", required=True, help="Today's date, for the log.")
@click.option("--series", "number", default=100_000, show_default=True, help="Series that a rule watches.")
@click.option(
    "--active", default=1000, show_default=True, help="Of which so many got texts since the last tick."
)
@click.option("--days", default=30, show_default=True, help="Length of their history.")
def tick(date: str, number: int, active: int, days: int) -> None:
    """Time one round of judging on a store with many series, all that it writes included."""
    _report("tick", date, a_round(number, active, days))


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
