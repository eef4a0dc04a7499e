"""How good are the tasks that come with the monitor, as they come? On texts that were written for this alone.

    python benchmarks/builtin.py --date 2026-01-31
    python benchmarks/builtin.py --date 2026-01-31 --dev
    python benchmarks/builtin.py --date 2026-01-31 --depth deep
    python benchmarks/builtin.py --date 2026-01-31 --seeds FOLDER

``benchmarks/builtin`` has customers' messages, news, and messages of a few words, many of them ironic (``terse``), with
all that a careful reader would say of each. By the texts of ``--dev`` examples were chosen; by the others nothing was.
FOLDER has other examples, as ``topic.csv`` and so on.
At depth ``deep`` they are what ``monitor adapt TASK --depth deep`` makes of them.
"""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from monitor.interfaces import TaskAdapter
from monitor.learn.depths import adapt_at
from monitor.learn.encoder import TransformerEncoder
from monitor.learn.evaluate import macro_f1
from monitor.learn.head import decide, probabilities
from monitor.seedfile import read_seeds
from monitor.types import Seed, Task
from monitor_plugins.intent import Intent
from monitor_plugins.sentiment import Sentiment
from monitor_plugins.topic import Topic

HERE = Path(__file__).parent
Rows = Sequence[dict[str, Any]]
Said = Sequence[set[str]]
"""The labels that each text got; none where the task abstained."""


def answers(
    adapter: TaskAdapter, seeds: Sequence[Seed], encoder: TransformerEncoder, texts: Sequence[str], depth: str
) -> tuple[Said, list[str]]:
    """What a task says of each text, and its best guess where it abstains."""
    task = Task(adapter.name, adapter.labels(), adapter.family, adapter.multi)
    head = adapt_at(
        depth,
        task,
        seeds,
        encoder.encode,
        encoder_fingerprint=encoder.fingerprint,
        views=encoder.views,
        prior=encoder.prior,
        tunable=encoder,
    )
    chances = probabilities(head, encoder.encode(texts, [head.view])[head.view])
    said = [{one.label for one in each if not one.abstained} for each in decide(head, chances)]
    return said, [head.labels[best] for best in chances.argmax(axis=1)]


def f1(hits: int, wrong: int, missed: int) -> float:
    """Harmonic mean of precision and recall, in %."""
    return 100 * 2 * hits / max(1, 2 * hits + wrong + missed)


def of_label(said: Said, truth: Said, label: str) -> float:
    """:func:`f1` of one label."""
    return f1(
        sum(label in a and label in b for a, b in zip(said, truth, strict=True)),
        sum(label in a and label not in b for a, b in zip(said, truth, strict=True)),
        sum(label not in a and label in b for a, b in zip(said, truth, strict=True)),
    )


def intent(rows: Rows, said: Said, guesses: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
    """Of texts that have an intent the share answered rightly, of the others the share refused; F1 by label."""
    truth = [set(row["intent"][:1]) for row in rows]
    hits = [a == b for a, b in zip(said, truth, strict=True) if b]
    none = [not a for a, b in zip(said, truth, strict=True) if not b]
    return {
        "right": 100 * float(np.mean(hits)),
        "refused": 100 * float(np.mean(none)),
        "macro_f1": float(np.mean([of_label(said, truth, label) for label in labels])),
        "f1_complaint": of_label(said, truth, "complaint"),
    }


def sentiment(rows: Rows, said: Said, guesses: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
    """Accuracy and macro-F1 of the best guess, and F1 of what is answered to be negative."""
    truth = [row["sentiment"] for row in rows]
    return {
        "accuracy": 100 * float(np.mean([a == b for a, b in zip(guesses, truth, strict=True)])),
        "macro_f1": 100 * macro_f1(truth, list(guesses)),
        "f1_negative": of_label(said, [{label} for label in truth], "negative"),
    }


def blame(rows: Rows, said: Said, guesses: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
    """Of messages that blame, the share taken for praise, and of those that praise the share taken for blame.

    What is right: the best guess for a sentiment; for an intent one that a careful reader would name, answered.
    """
    moods = "positive" in labels
    good, bad = ("positive", "negative") if moods else ("praise", "complaint")
    taken = [{guess} for guess in guesses] if moods else said
    truth = [{row["sentiment"]} if moods else set(row["intent"]) for row in rows]
    mood = [row["sentiment"] for row in rows]

    def share(of: str, label: str) -> float:
        return 100 * float(np.mean([label in a for a, m in zip(taken, mood, strict=True) if m == of]))

    return {
        "right": 100 * float(np.mean([bool(a & b) for a, b in zip(taken, truth, strict=True)])),
        "blame_as_praise": share("negative", good),
        "praise_as_blame": share("positive", bad),
    }


def topic(rows: Rows, said: Said, guesses: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
    """Micro- and macro-F1 (topics that one may add or leave do not count), and the share of texts of none refused."""
    wanted = [set(row["topics"]) for row in rows]
    given = [a - set(row["maybe"]) | (a & b) for a, b, row in zip(said, wanted, rows, strict=True)]
    hits = sum(len(a & b) for a, b in zip(given, wanted, strict=True))
    wrong = sum(len(a - b) for a, b in zip(given, wanted, strict=True))
    missed = sum(len(b - a) for a, b in zip(given, wanted, strict=True))
    return {
        "micro_f1": f1(hits, wrong, missed),
        "macro_f1": float(np.mean([of_label(given, wanted, label) for label in labels])),
        "refused": 100 * float(np.mean([not a for a, b in zip(given, wanted, strict=True) if not b])),
    }


Judge = Callable[[Rows, Said, Sequence[str], Sequence[str]], dict[str, float]]
CUSTOMERS, NEWS = {"roles": ["customer"]}, {"roles": ["publisher"]}
TASKS: Sequence[tuple[type[TaskAdapter], dict[str, Any], str, Judge]] = (
    (Intent, {}, "customers", intent),
    (Intent, {}, "terse", blame),
    (Sentiment, {}, "customers", sentiment),
    (Sentiment, CUSTOMERS, "customers", sentiment),
    (Sentiment, {}, "terse", blame),
    (Sentiment, CUSTOMERS, "terse", blame),
    (Sentiment, {}, "news", sentiment),
    (Sentiment, NEWS, "news", sentiment),
    (Topic, {}, "news", topic),
)
"""What is measured: a task, settings of it, and on which texts."""


@click.command()
@click.option("--date", required=True, help="Today's date, for the log.")
@click.option("--dev", is_flag=True, help="The texts that examples were chosen by.")
@click.option("--depth", type=click.Choice(["seeds", "deep"]), default="seeds", help="Or fine-tuned.")
@click.option(
    "--seeds", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Other examples."
)
@click.option(
    "--results", type=click.Path(path_type=Path), default=HERE / "results", help="Where it is kept."
)
def main(date: str, dev: bool, depth: str, seeds: Path | None, results: Path) -> None:
    """Measure, print and write."""
    encoder, found = TransformerEncoder.shipped(), dict[str, Any]()
    for part, settings, texts, judge in TASKS:
        if dev and texts == "terse":
            continue  # no example was chosen by such texts
        adapter = part(part.Settings(**settings), Path())
        rows = [
            json.loads(line)
            for line in (HERE / "builtin" / f"{texts}{'_dev' * dev}.jsonl").read_text("utf-8").splitlines()
        ]
        own = adapter.seeds() if seeds is None else read_seeds(seeds / f"{adapter.name}.csv")[0]
        said, guesses = answers(adapter, own, encoder, [row["text"] for row in rows], depth)
        measured = {
            name: round(value, 2)
            for name, value in judge(rows, said, guesses, list(adapter.labels())).items()
        }
        who = " of ".join([adapter.name, *settings.get("roles", [])])
        found[f"{who}, {texts}"] = {"seeds": len(own), "texts": len(rows), **measured}
        click.echo(f"{who}, {texts}: {len(own)} seeds, {len(rows)} texts; " + str(measured))
    git = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    options = (
        " --dev" * dev + f" --depth {depth}" * (depth != "seeds") + " --seeds FOLDER" * (seeds is not None)
    )
    report = {
        "what": "the tasks that come with the monitor, on texts written for this; in %",
        "command": f"python benchmarks/builtin.py --date {date}{options}",
        "date": date,
        "commit": commit,
        "machine": platform.processor() or platform.machine(),
        "tasks": found,
    }
    kind = f"{'-dev' * dev}{f'-{depth}' * (depth != 'seeds')}{'-other' * (seeds is not None)}"
    name = f"builtin{kind}-{date}-{commit}.json"
    results.mkdir(exist_ok=True)
    (results / name).write_text(json.dumps(report, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
