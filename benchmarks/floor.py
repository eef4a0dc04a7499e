"""The floor: our heads against logistic regression on the same frozen features and draws.

    python benchmarks/floor.py TASKS_DIR --role validation --date 2026-01-31

TASKS_DIR holds a ``catalog.toml`` (a table for each task, with its ``role``) and a folder for
each task with ``train.jsonl`` and ``test.jsonl``. Logistic regression is scikit-learn's, C=100,
on normalised mean-pooled features. Needs scikit-learn.
"""

from __future__ import annotations

import json
import platform
import subprocess
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from monitor.learn.adapt import adapt
from monitor.learn.encoder import TransformerEncoder
from monitor.learn.evaluate import accuracy, draw, macro_f1, read_rows
from monitor.learn.head import probabilities
from monitor.types import Task

RESULTS = Path(__file__).parent / "results"


class Features:
    """Features of texts, each encoded once."""

    def __init__(self, encoder: TransformerEncoder) -> None:
        self._encoder = encoder
        self._known: dict[str, dict[str, np.ndarray]] = {view: {} for view in encoder.views}

    def __call__(self, texts: Sequence[str], views: Sequence[str]) -> dict[str, np.ndarray]:
        new = [text for text in dict.fromkeys(texts) if text not in self._known["base"]]
        if new:
            for view, rows in self._encoder.encode(new, self._encoder.views).items():
                self._known[view].update(zip(new, rows, strict=True))
        return {view: np.array([self._known[view][text] for text in texts]) for view in views}


def judge(folder: Path, shots: Sequence[int], seeds: int, encoder: TransformerEncoder) -> dict[str, Any]:
    """Accuracy and macro-F1 by shots, ours and the baseline's, mean over draws."""
    from sklearn.linear_model import LogisticRegression

    train, test = read_rows(folder / "train.jsonl"), read_rows(folder / "test.jsonl")
    labels = sorted({row.label for row in train})
    task = Task(folder.name, dict.fromkeys(labels, ""))
    encode = Features(encoder)
    draws = {
        (k, seed): [train[i] for i in draw([row.label for row in train], k, seed)]
        for k in shots
        for seed in range(seeds if k else 1)
    }
    truth = [row.label for row in test]
    features = encode([row.text for row in test], encoder.views)
    encode([row.text for rows in draws.values() for row in rows], encoder.views)
    found: dict[str, dict[str, list[float]]] = {}
    for (k, _), rows in draws.items():
        head = adapt(
            task,
            rows,
            encode,
            encoder_fingerprint=encoder.fingerprint,
            views=encoder.views,
            prior=encoder.prior,
        )
        chances = probabilities(head, features[head.view])
        guesses = {"ours": [labels[i] for i in chances.argmax(axis=1)]}
        own = found.setdefault(str(k), {})
        own.setdefault("coverage", []).append(float((chances.max(axis=1) >= head.thresholds[0]).mean()))
        if k:
            baseline = LogisticRegression(C=100, max_iter=10000)
            baseline.fit(encode([row.text for row in rows], ["base"])["base"], [row.label for row in rows])
            guesses["baseline"] = [str(label) for label in baseline.predict(features["base"])]
        for who, said in guesses.items():
            own.setdefault(f"{who}_accuracy", []).append(accuracy(truth, said))
            own.setdefault(f"{who}_macro_f1", []).append(macro_f1(truth, said))
    return {k: {name: float(np.mean(values)) for name, values in own.items()} for k, own in found.items()}


@click.command()
@click.argument("tasks", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--role", type=click.Choice(["validation", "exam"]), required=True, help="Which tasks.")
@click.option("--date", required=True, help="Today's date, for the log.")
@click.option("--shots", default="0,4,8,16", show_default=True, help="Seeds a label.")
@click.option("--seeds", default=5, show_default=True, help="Draws each.")
def main(tasks: Path, role: str, date: str, shots: str, seeds: int) -> None:
    """Compare our heads with logistic regression on all tasks of a role."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    )
    catalog = tomllib.loads((tasks / "catalog.toml").read_text("utf-8"))
    encoder = TransformerEncoder.shipped()
    counts = [int(k) for k in shots.split(",")]
    found = {}
    for name in sorted(name for name, entry in catalog.items() if entry["role"] == role):
        found[name] = judge(tasks / name, counts, seeds, encoder)
        click.echo(f"{name:32}" + "".join(_cell(k, row) for k, row in found[name].items()))
    means = {
        k: {
            name: float(np.mean([by_shots[k][name] for by_shots in found.values()]))
            for name in next(iter(found.values()))[k]
        }
        for k in map(str, counts)
    }
    click.echo(f"{'mean':32}" + "".join(_cell(k, row) for k, row in means.items()))
    eight = {name: row["8"]["ours_accuracy"] - row["8"]["baseline_accuracy"] for name, row in found.items()}
    worst = min(eight, key=lambda name: eight[name])
    held = eight[worst] >= -0.01 and float(np.mean(list(eight.values()))) >= 0
    click.echo(f"8 shots: worst {worst} {100 * eight[worst]:+.2f}; the floor {'holds' if held else 'FAILS'}")
    RESULTS.mkdir(exist_ok=True)
    report = {
        "what": "our heads against scikit-learn logistic regression (C=100), base features, same draws",
        "command": f"python benchmarks/floor.py TASKS_DIR --role {role} --date {date}",
        "role": role,
        "date": date,
        "commit": commit.stdout.strip(),
        "machine": platform.processor() or platform.machine(),
        "draws": seeds,
        "floor_holds": held,
        "worst_at_8": {worst: eight[worst]},
        "mean": means,
        "tasks": found,
    }
    path = RESULTS / f"floor-{role}-{date}-{report['commit']}.json"
    path.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    click.echo(f"written to {path}")


def _cell(k: str, row: dict[str, float]) -> str:
    against = f" LR {100 * row['baseline_accuracy']:5.1f}" if "baseline_accuracy" in row else ""
    return f"  k={k} {100 * row['ours_accuracy']:5.1f}{against}"


if __name__ == "__main__":
    main()
