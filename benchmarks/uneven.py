"""What uneven numbers of seeds cost: our heads beside logistic regression, on the same features and draws.

    python benchmarks/uneven.py TASKS_DIR --role validation --date 2026-01-31

TASKS_DIR is that of ``stream.py``. Draws: ``even``, eight seeds a label; ``uneven``, 2, 3, 5, 10 or 20 of each label by
chance; ``half``, one seed for half of the labels and eight for the others; ``as they come``, two of each label and
four times as many as there are labels, drawn as texts come; ``none of half``, eight for half of the labels and none for
the others; ``first``, a single seed; ``names``, none at all. A task is read in the view that its label names
suggest. Logistic regression is scikit-learn's, C = 100, once as it is and once with ``class_weight="balanced"``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
from folders import Folder, folders_of, on_tasks, write

from monitor.learn.evaluate import accuracy, macro_f1
from monitor.learn.rounds import Rounds, choose_strength
from monitor.learn.task_folder import draw

Drawn = list[int]
Guess = Callable[["Folder", np.ndarray], np.ndarray]


def draws(task: Folder, seed: int) -> dict[str, Drawn]:
    """Rows of the training texts by kind of draw."""
    rng = np.random.default_rng([seed, 5])
    labels, everything = len(task.labels), np.arange(len(task.truth))
    even, two = list(draw(task.names_of, 8, seed)), list(draw(task.names_of, 2, seed))
    uneven: Drawn = []
    for label in range(labels):
        own = rng.permutation(everything[task.truth == label])
        uneven += own[: rng.choice([2, 3, 5, 10, 20])].tolist()
    few = set(rng.permutation(labels)[: labels // 2].tolist())
    one = [row for row in draw(task.names_of, 1, seed) if task.truth[row] in few]
    half = one + [row for row in even if task.truth[row] not in few]
    others = np.setdiff1d(everything, two)
    come = two + rng.choice(others, min(4 * labels, len(others)), replace=False).tolist()
    return {
        "even": even,
        "uneven": uneven,
        "half": half,
        "as they come": come,
        "none of half": [row for row in even if task.truth[row] not in few],
        "first": [int(rng.choice(even))],
        "names": [],
    }


def ours(task: Folder, seeds: np.ndarray) -> np.ndarray:
    """What a head made of ``seeds`` says of the test texts, as numbers."""
    rounds = Rounds(task.support(seeds))
    weight, bias = rounds.fit(choose_strength(rounds))
    return np.asarray((task.test @ weight.T + bias).argmax(axis=1))


def regression(balanced: bool) -> Guess:
    """scikit-learn's logistic regression."""

    def guess(task: Folder, seeds: np.ndarray) -> np.ndarray:
        from sklearn.linear_model import LogisticRegression

        if len(np.unique(task.truth[seeds])) < 2:  # which it refuses
            return np.full(len(task.test), task.truth[seeds[0]] if len(seeds) else 0)
        model = LogisticRegression(C=100, max_iter=1000, class_weight="balanced" if balanced else None)
        return np.asarray(model.fit(task.train[seeds], task.truth[seeds]).predict(task.test))

    return guess


METHODS: dict[str, Guess] = {"ours": ours, "lr": regression(False), "lr balanced": regression(True)}


@click.command()
@on_tasks
@click.option("--repeats", default=3, show_default=True, help="Draws of each kind.")
def main(
    tasks: Path, role: str, date: str, repeats: int, cache: Path | None, views: Path | None, results: Path
) -> None:
    """Compare ways to learn from uneven seeds on all tasks of a role with one label a text."""
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    for name, task in folders_of(tasks, role, cache, views):
        truth = [str(label) for label in task.test_truth]
        own: dict[str, dict[str, list[tuple[float, float]]]] = {}
        for seed in range(repeats):
            for kind, rows in draws(task, seed).items():
                for method, guess in METHODS.items():
                    said = [str(label) for label in guess(task, np.array(rows, int))]
                    own.setdefault(kind, {}).setdefault(method, []).append(
                        (100 * accuracy(truth, said), 100 * macro_f1(truth, said))
                    )
        found[name] = {
            kind: {method: np.mean(v, axis=0).round(2).tolist() for method, v in by.items()}
            for kind, by in own.items()
        }
        click.echo(
            f"{name:32}" + "  ".join(f"{kind} {by['ours'][1]:.1f}" for kind, by in found[name].items())
        )
    summary = {
        kind: {
            method: np.mean([row[kind][method] for row in found.values()], axis=0).round(2).tolist()
            for method in METHODS
        }
        for kind in next(iter(found.values()))
    }
    for kind, by in summary.items():
        click.echo(f"{kind:14}" + "  ".join(f"{m} {a:.1f} / {f:.1f}" for m, (a, f) in by.items()))
    write(
        "uneven",
        "accuracy and macro-F1 in %, by kind of draw and way to learn",
        f"--repeats {repeats}",
        role,
        date,
        summary,
        found,
        results,
    )


if __name__ == "__main__":
    main()
