"""How well seeds with a wrong label are found: how many of those that `monitor seeds check` names, and how many of all.

    python benchmarks/doubts.py TASKS_DIR --role validation --date 2026-01-31

TASKS_DIR is that of ``stream.py``. One seed in fifteen, drawn by chance, gets another label of its task.
A task is read in the view that its label names suggest.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from folders import folders_of, on_tasks, write

from monitor.learn.doubts import FEW, TIMES, log_odds
from monitor.learn.rounds import Rounds
from monitor.learn.task_folder import draw

SLIPS = 1 / 15


@click.command()
@on_tasks
@click.option("--repeats", default=3, show_default=True, help="Draws of each number of seeds.")
@click.option("--shots", default="8,24", show_default=True, help="Seeds a label.")
def main(
    tasks: Path,
    role: str,
    date: str,
    repeats: int,
    shots: str,
    cache: Path | None,
    views: Path | None,
    results: Path,
) -> None:
    """Give some seeds a wrong label, on all tasks of a role with one label a text, and look for them."""
    found: dict[str, dict[str, list[int]]] = {}
    for name, task in folders_of(tasks, role, cache, views):
        for shot in map(int, shots.split(",")):
            wrong = named = right = of = 0
            for seed in range(repeats):
                rng = np.random.default_rng([seed, shot, *name.encode()])
                rows = np.array(draw(task.names_of, shot, seed), int)
                support = task.support(rows)
                slip = rng.random(len(rows)) < SLIPS
                moved = rng.integers(1, len(task.labels), len(rows))
                labels = np.where(slip, (task.truth[rows] + moved) % len(task.labels), task.truth[rows])
                support.targets[:] = np.eye(len(task.labels))[labels]
                odds = log_odds(Rounds(support))
                others = np.where(support.targets > 0, -np.inf, odds).max(axis=1)
                doubtful = others - odds[np.arange(len(rows)), labels] > np.log(TIMES)
                doubtful &= support.targets.sum(axis=0)[labels] >= FEW
                wrong, named = wrong + int(slip.sum()), named + int(doubtful.sum())
                right, of = right + int((slip & doubtful).sum()), of + len(rows)
            found.setdefault(name, {})[str(shot)] = [of, wrong, named, right]
        click.echo(f"{name:32}" + "  ".join(f"{k}: {v}" for k, v in found[name].items()))
    summary = {}
    for shot in next(iter(found.values())):
        of, wrong, named, right = np.sum([row[shot] for row in found.values()], axis=0).tolist()
        summary[shot] = {
            "seeds": of,
            "wrong": wrong,
            "named": named,
            "of_named_wrong": round(right / max(1, named), 3),
            "of_wrong_named": round(right / max(1, wrong), 3),
        }
        click.echo(f"{shot} seeds a label: {summary[shot]}")
    write(
        "doubts",
        "by task and seeds a label: seeds, wrong ones, named ones, wrong ones that are named",
        f"--repeats {repeats} --shots {shots}",
        role,
        date,
        summary,
        found,
        results,
    )


if __name__ == "__main__":
    main()
