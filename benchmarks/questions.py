"""What asking the right texts is worth: the choice of ``monitor label`` beside random and the least sure texts.

    python benchmarks/questions.py TASKS_DIR --role validation --date 2026-01-31

TASKS_DIR is that of ``stream.py``. A task starts with a few seeds a label; then a batch of its other training
texts is asked, their labels are told, and the head is made anew, several times. Macro-F1 on the test texts, after
every batch. A task is read in the view that its label names suggest.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
from folders import Folder, folders_of, on_tasks, write
from scipy.special import softmax

from monitor.learn.evaluate import macro_f1
from monitor.learn.queries import choose, uncertainty
from monitor.learn.rounds import Rounds, fit_single
from monitor.learn.task_folder import draw
from monitor.learn.threads import single_threaded

Choice = Callable[[np.ndarray, np.ndarray, np.ndarray, int, np.random.Generator], "list[int]"]
"""How unsure each text is, features of the texts and of the seeds, how many are asked, randomness; to rows."""

CHOICES: dict[str, Choice] = {
    "random": lambda unsure, rows, seeds, count, rng: rng.permutation(len(rows))[:count].tolist(),
    "least sure": lambda unsure, rows, seeds, count, rng: np.argsort(-unsure)[:count].tolist(),
    "ours": lambda unsure, rows, seeds, count, rng: choose(unsure, rows, seeds, count),
}


@single_threaded
def curve(task: Folder, choice: Choice, shots: int, batch: int, rounds: int, seed: int) -> list[float]:
    """Macro-F1 in % at the start and after each round."""
    rng, found = np.random.default_rng([seed, 7]), []
    seeds = list(draw(task.names_of, shots, seed))
    truth = [str(label) for label in task.test_truth]
    for done in range(rounds + 1):
        head = fit_single(Rounds(task.support(seeds)))
        guesses = (task.test @ head.weight.T + head.bias).argmax(axis=1)
        found.append(100 * macro_f1(truth, [str(guess) for guess in guesses]))
        if done < rounds:
            others = np.setdiff1d(np.arange(len(task.truth)), seeds)
            rows = task.train[others]
            chances = softmax((rows @ head.weight.T + head.bias) / head.temperature, axis=1)
            if head.reach is not None:
                chances = chances * head.reach.chance(rows)[:, None]
            unsure = uncertainty(chances, head.thresholds, multi=False)
            seeds += others[choice(unsure, rows, task.train[seeds], batch, rng)].tolist()
    return found


@click.command()
@on_tasks
@click.option("--shots", default=2, show_default=True, help="Seeds a label at the start.")
@click.option("--batch", default=10, show_default=True, help="Texts that are asked at once.")
@click.option("--rounds", default=5, show_default=True, help="Batches.")
@click.option("--draws", default=3, show_default=True, help="Starts each.")
def main(
    tasks: Path,
    role: str,
    date: str,
    shots: int,
    batch: int,
    rounds: int,
    draws: int,
    cache: Path | None,
    views: Path | None,
    results: Path,
) -> None:
    """Compare ways to choose texts to ask about on all tasks of a role with one label a text."""
    found: dict[str, dict[str, list[float]]] = {}
    for name, task in folders_of(tasks, role, cache, views):
        found[name] = {
            method: np.mean([curve(task, choice, shots, batch, rounds, s) for s in range(draws)], axis=0)
            .round(2)
            .tolist()
            for method, choice in CHOICES.items()
        }
        click.echo(f"{name:32}" + "  ".join(f"{m} {v[0]:.1f} -> {v[-1]:.1f}" for m, v in found[name].items()))
    summary = {m: np.mean([row[m] for row in found.values()], axis=0).round(2).tolist() for m in CHOICES}
    for method, means in summary.items():
        click.echo(f"{method:12}" + " ".join(f"{value:.1f}" for value in means))
    options = f"--shots {shots} --batch {batch} --rounds {rounds} --draws {draws}"
    write(
        "questions",
        "macro-F1 in % at the start and after each batch of texts that were asked",
        options,
        role,
        date,
        summary,
        found,
        results,
    )


if __name__ == "__main__":
    main()
