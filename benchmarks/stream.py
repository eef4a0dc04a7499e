"""What the unlabelled texts of a stream add to the seeds, in four made streams of each task.

    python benchmarks/stream.py TASKS_DIR --role validation --date 2026-01-31

TASKS_DIR holds a ``catalog.toml`` (a table for each task, with its ``role``) and a folder for
each task with ``train.jsonl`` and ``test.jsonl``. Seeds are drawn from the training texts; the streams
are made of the others: ``balanced``; ``skewed`` (labels in random order, the first twenty times
as frequent as the last); ``foreign`` (half of the texts are another task's); ``missing`` (one label does
not occur). The test texts stay as they are; figures are points over the fit to the seeds alone. A task is
read in the view that its label names suggest.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
from folders import Folder, folders_of, on_tasks, write

from monitor.learn.evaluate import accuracy, macro_f1
from monitor.learn.stream import StreamFit, fit_stream
from monitor.learn.task_folder import draw

STREAMS = ("balanced", "skewed", "foreign", "missing")


def streams(
    task: Folder, other: Folder, seeds: np.ndarray, texts: int, rng: np.random.Generator
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """``(name, features, counts by label)`` of each made stream."""
    rest = np.setdiff1d(np.arange(len(task.truth)), seeds)
    own = [rng.permutation(rest[task.truth[rest] == label]) for label in range(len(task.labels))]
    there = np.array([len(rows) for rows in own])
    level = np.minimum(there, max(1, int(np.median(there))))
    falling = 20.0 ** -(rng.permutation(len(own)) / (len(own) - 1))
    skewed = np.minimum(there, np.ceil(falling * np.quantile(there / falling, 0.3)).astype(int))
    without = level.copy()
    without[rng.integers(len(own))] = 0
    for name, wanted in zip(STREAMS, (level, skewed, level, without), strict=True):
        rows = rng.permutation(np.concatenate([own[i][:count] for i, count in enumerate(wanted)]))[:texts]
        features = task.train[rows]
        if name == "foreign":
            strange = other.train_by_view[task.view]
            rows = rows[: min(len(rows), texts // 2, len(strange))]
            features = np.vstack([task.train[rows], rng.permutation(strange)[: len(rows)]])
        yield name, features, np.bincount(task.truth[rows], minlength=len(own))


def judge(task: Folder, other: Folder, shots: int, draws: int, texts: int) -> dict[str, dict[str, float]]:
    """By stream: what it changes in points, how often it was promoted, and how far its mix was off."""
    found: dict[str, list[dict[str, float]]] = {}
    for seed in range(draws):
        rng = np.random.default_rng([seed, shots])
        seeds = np.array(draw(task.names_of, shots, seed))
        support = task.support(seeds)
        before = _measure(task, fit_stream(support, task.train[:0], rng))
        for name, features, counts in streams(task, other, seeds, texts, rng):
            fit = fit_stream(support, features, rng)
            after = _measure(task, fit)
            row = {key: after[key] - before[key] for key in after}
            row |= {f"before_{key}": value for key, value in before.items()}
            row["promoted"] = float(fit.promoted)
            row["mix_apart"] = float(np.abs(fit.mix - counts / counts.sum()).sum() / 2)
            row["uniform_apart"] = float(np.abs(1 / len(counts) - counts / counts.sum()).sum() / 2)
            row["none_share"] = fit.none_share
            found.setdefault(name, []).append(row)
    return {
        name: {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
        for name, rows in found.items()
    }


def _measure(task: Folder, fit: StreamFit) -> dict[str, float]:
    guesses = (task.test @ fit.weight.T + fit.bias).argmax(axis=1)
    truth, said = [str(i) for i in task.test_truth], [str(i) for i in guesses]
    return {"accuracy": 100 * accuracy(truth, said), "macro_f1": 100 * macro_f1(truth, said)}


@click.command()
@on_tasks
@click.option("--shots", default="4,8", show_default=True, help="Seeds a label.")
@click.option("--draws", default=3, show_default=True, help="Draws each.")
@click.option("--texts", default=2000, show_default=True, help="The most texts of a stream.")
def main(
    tasks: Path,
    role: str,
    date: str,
    shots: str,
    draws: int,
    texts: int,
    cache: Path | None,
    views: Path | None,
    results: Path,
) -> None:
    """Compare heads with and without a stream on all tasks of a role with one label a text."""
    folders = dict(folders_of(tasks, role, cache, views))
    names = list(folders)
    counts = [int(k) for k in shots.split(",")]
    found: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for k in counts:
        by_task = found[str(k)] = {}
        for index, name in enumerate(names):
            other = folders[names[(index + 3) % len(names)]]
            by_task[name] = judge(folders[name], other, k, draws, texts)
            click.echo(f"k={k} {name:32}" + "".join(_cell(row) for row in by_task[name].values()))
    summary = {k: _summary(by_task) for k, by_task in found.items()}
    for k, rows in summary.items():
        for stream, row in rows.items():
            click.echo(f"k={k} {stream:10}" + "".join(f"  {key} {value:.2f}" for key, value in row.items()))
    write(
        "stream",
        "points gained on the test texts by fitting to a made stream as well as to the seeds",
        f"--shots {shots} --draws {draws} --texts {texts}{'' if views is None else f' --views {views.name}'}",
        role,
        date,
        summary,
        found,
        results,
    )


def _cell(row: dict[str, float]) -> str:
    return f"  {row['macro_f1']:+5.1f} ({row['promoted']:.0%}, none {row['none_share']:.2f})"


def _summary(by_task: dict[str, dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    found = {}
    for stream in STREAMS:
        rows = [row[stream] for row in by_task.values()]
        found[stream] = {
            key: float(np.mean([row[key] for row in rows]))
            for key in ("accuracy", "macro_f1", "promoted", "mix_apart", "uniform_apart", "none_share")
        }
        found[stream]["worst_macro_f1"] = min(row["macro_f1"] for row in rows)
        found[stream]["worst_accuracy"] = min(row["accuracy"] for row in rows)
    return found


if __name__ == "__main__":
    main()
