"""What examples of no label are worth: half of a task's labels are its own, texts of the others carry none.

    python benchmarks/none.py TASKS_DIR --role validation --date 2026-01-31

TASKS_DIR is that of ``stream.py``; tasks of four labels or more count. Of the labels that are left out some training
texts are given as examples of no label, and their test texts are to be refused. A task is read in the view that its
label names suggest.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from folders import Folder, folders_of, on_tasks, write
from oos import auroc

from monitor.learn.head import Head, probabilities
from monitor.learn.rounds import Rounds, fit_single
from monitor.learn.task_folder import draw
from monitor.learn.threads import single_threaded

LEAST_LABELS = 4
MEASURES = ("right", "refused", "auroc")
"""In %: texts of its labels that are told right, not refused; texts of none that are refused; and how often the top
probability of a text of its labels is greater than that of a text of none."""


@single_threaded
def judged(task: Folder, shots: int, counts: list[int], seed: int) -> list[list[float]]:
    """:data:`MEASURES` with so many examples of no label."""
    rng = np.random.default_rng([seed, 11])
    own = np.sort(rng.permutation(len(task.labels))[: len(task.labels) // 2])
    mine = np.isin(task.truth, own)
    within, without = np.flatnonzero(mine), rng.permutation(np.flatnonzero(~mine))
    seeds = within[list(draw([task.names_of[row] for row in within], shots, seed))]
    whole = task.support(seeds)
    inside, outside = np.isin(task.test_truth, own), ~np.isin(task.test_truth, own)
    truth = np.searchsorted(own, task.test_truth[inside])
    found = []
    for count in counts:
        support = replace(
            whole,
            targets=whole.targets[:, own],
            names=whole.names[own],
            background=task.train[without[:count]],
        )
        fitted = fit_single(Rounds(support))
        head = Head(
            labels=tuple(task.labels[n] for n in own),
            view=task.view,
            encoder="",
            weight=fitted.weight,
            bias=fitted.bias,
            temperature=fitted.temperature,
            thresholds=fitted.thresholds,
            multi=False,
            reach=fitted.reach,
            none=count > 0,
        )
        chances = probabilities(head, task.test)
        top, answered = chances.max(axis=1), chances.max(axis=1) >= head.thresholds[0]
        right = answered[inside] & (chances[inside].argmax(axis=1) == truth)
        refused = ~answered[outside]
        found.append([100 * right.mean(), 100 * refused.mean(), 100 * auroc(top[inside], top[outside])])
    return found


@click.command()
@on_tasks
@click.option("--shots", default=8, show_default=True, help="Seeds of each label.")
@click.option(
    "--examples",
    default="0,4,16,64",
    show_default=True,
    metavar="N,N",
    help="Texts of no label that are given.",
)
@click.option("--draws", default=3, show_default=True, help="Choices of labels and seeds.")
def main(
    tasks: Path,
    role: str,
    date: str,
    shots: int,
    examples: str,
    draws: int,
    cache: Path | None,
    views: Path | None,
    results: Path,
) -> None:
    """Teach what carries no label, on all tasks of a role that have labels enough."""
    counts = [int(count) for count in examples.split(",")]
    found: dict[str, dict[str, list[float]]] = {}
    for name, task in folders_of(tasks, role, cache, views):
        if len(task.labels) < LEAST_LABELS:
            continue
        means = np.mean([judged(task, shots, counts, seed) for seed in range(draws)], axis=0)
        found[name] = {str(count): row.round(2).tolist() for count, row in zip(counts, means, strict=True)}
        click.echo(
            f"{name:34}" + "  ".join(" ".join(f"{v:.1f}" for v in row) for row in found[name].values())
        )
    summary = {
        str(count): dict(
            zip(
                MEASURES,
                np.mean([row[str(count)] for row in found.values()], axis=0).round(2).tolist(),
                strict=True,
            )
        )
        for count in counts
    }
    for count, values in summary.items():
        click.echo(
            f"{count:>4} examples  " + "  ".join(f"{name} {value:.1f}" for name, value in values.items())
        )
    write(
        "none",
        "in %: texts of the task's labels told right, texts of no label refused, AUROC of the top probability; "
        "by the number of examples of no label",
        f"--shots {shots} --examples {examples} --draws {draws}",
        role,
        date,
        summary,
        found,
        results,
    )


if __name__ == "__main__":
    main()
