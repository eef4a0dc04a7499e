"""Are texts of no label told apart from those that carry one? For a task folder with ``oos_test.jsonl``.

AUROC of the top probability (in scope against out of scope), and at the shipped threshold the share of
in-scope texts that get their right label beside the share of out-of-scope texts that are refused.
"""

from __future__ import annotations

import json
import platform
import subprocess
from pathlib import Path

import click
import numpy as np
from scipy.stats import rankdata

from monitor.learn.adapt import adapt
from monitor.learn.encoder import TransformerEncoder
from monitor.learn.head import probabilities
from monitor.learn.task_folder import read_rows, read_texts
from monitor.types import Task

RESULTS = Path(__file__).parent / "results"


def auroc(inside: np.ndarray, outside: np.ndarray) -> float:
    """How often a value of ``inside`` is greater than one of ``outside``, ties for a half."""
    ranks = rankdata(np.concatenate([inside, outside]))[: len(inside)]
    return float((ranks.sum() - len(inside) * (len(inside) + 1) / 2) / (len(inside) * len(outside)))


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--support", default="published_10.jsonl", show_default=True, help="The seeds.")
@click.option("--date", required=True, help="Today's date, for the log.")
def main(folder: Path, support: str, date: str) -> None:
    """Measure, print and write."""
    encoder = TransformerEncoder.shipped()
    seeds, test = read_rows(folder / support), read_rows(folder / "test.jsonl")
    task = Task(folder.resolve().name, dict.fromkeys(sorted({row.label for row in seeds + test}), ""))
    head = adapt(
        task,
        seeds,
        encoder.encode,
        encoder_fingerprint=encoder.fingerprint,
        views=encoder.views,
        prior=encoder.prior,
    )

    def chances(texts: list[str]) -> np.ndarray:
        return probabilities(head, encoder.encode(texts, [head.view])[head.view])

    inside, outside = (
        chances([row.text for row in test]),
        chances(list(read_texts(folder / "oos_test.jsonl"))),
    )
    right = np.array([head.labels[n] for n in inside.argmax(axis=1)]) == [row.label for row in test]
    answered = inside.max(axis=1) >= head.thresholds[0]
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    )
    found = {
        "what": "texts of no label: AUROC of the top probability, and what happens at the shipped threshold",
        "command": f"python benchmarks/oos.py {task.name} --support {support} --date {date}",
        "task": task.name,
        "date": date,
        "commit": commit.stdout.strip(),
        "machine": platform.machine(),
        "auroc": auroc(inside.max(axis=1), outside.max(axis=1)),
        "in_scope_accuracy": float((right & answered).mean()),
        "in_scope_answered": float(answered.mean()),
        "out_of_scope_recall": float((outside.max(axis=1) < head.thresholds[0]).mean()),
    }
    path = RESULTS / f"oos-{task.name}-{date}-{found['commit']}.json"
    path.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    click.echo(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
