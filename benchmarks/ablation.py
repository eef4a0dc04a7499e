"""What each part of the meta-training is worth: short trainings that differ in one setting, three seeds each.

    python benchmarks/ablation.py TASKS_DIR --date 2026-01-31
    python benchmarks/ablation.py TASKS_DIR --date 2026-01-31 --options recipe,ridge --seeds 1

TASKS_DIR is what ``monitor meta-train`` takes. Every training sees the ``train`` tasks that may
ship and is judged on the ``validation`` tasks, from names alone and from 8 seeds a label, with the
weights that it would keep. Each is written to the result file when it is done; the same command
again trains what is missing. They are much shorter than the shipped one: the table tells which
parts help early, not what they come to in the end.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import click
import numpy as np

from monitor.errors import UnknownName
from monitor.learn.encoder import embedded_folder
from monitor.learn.meta.catalog import read_catalog
from monitor.learn.meta.report import machine
from monitor.learn.meta.run import Order, meta_train
from monitor.learn.meta.settings import MetaSettings, read_settings
from monitor.learn.meta.trunk import Trunk

HERE = Path(__file__).parent
RESULTS = HERE / "results"
RECIPE = "recipe"
ONE_VIEW = {"views": {"all": ["topic", "intent", "sentiment"]}, "rank": {"all": 32}, "hold": {"all": 20.0}}
PLAIN = {"adversarial": 0.0, "share": 0.5, "spelling": {}}
"""What the recipe of this benchmark has, whatever the shipped one does: its trainings are to be compared."""
OPTIONS: dict[str, Mapping[str, Any]] = {
    RECIPE: {},
    "ridge head": {"head": "ridge"},
    "gradient head": {"head": "gradient"},
    "adversarial": {"adversarial": 0.02},
    "masked words": {"masked_words": 20},
    "no hold": {"hold": {}},
    "all that was learned": {"share": 1.0},
    "no loss from names alone": {"names_alone": 0.0},
    "names never said otherwise": {"names_paraphrased": 0.0},
    "no near labels": {"near_labels": 0.0},
    "one view for all": ONE_VIEW,
    "spelling": {"spelling": {"topic": 0.1, "sentiment": 0.03}},
}
"""What differs from the recipe, by the name that the table gives it."""
PASSES = {RECIPE: 1.5, "one view for all": 1.0}
"""Encoder passes for tasks of all three families; :data:`RECIPE`'s where nothing is said."""


def settings_of(recipe: MetaSettings, option: str, seed: int, steps: int, texts: int) -> MetaSettings:
    """The recipe with what an option changes, at the size of this benchmark."""
    size = {"seed": seed, "steps": steps, "texts": texts, "warmup": steps // 10, "check_every": steps}
    plain = {**recipe.model_dump(), **size, "save_every": steps, "average": 0.95, **PLAIN, **OPTIONS[option]}
    return MetaSettings.model_validate(plain)


def figures(report: Mapping[str, Any], families: Mapping[str, str]) -> dict[str, float]:
    """Mean accuracy and macro-F1 over validation tasks in points: of all, and by family, from names and 8 seeds."""
    found = {}
    for shots in ("0", "8"):
        for measure in ("accuracy", "macro_f1"):
            points = {name: 100 * row[shots][measure] for name, row in report["validation"].items()}
            found[f"all/{shots}/{measure}"] = float(np.mean(list(points.values())))
            for family in sorted({families[name] for name in points}):
                own = [value for name, value in points.items() if families[name] == family]
                found[f"{family}/{shots}/{measure}"] = float(np.mean(own))
    return found


def table(trainings: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: by option the points above the recipe, mean and standard error over the seeds that both have.

    One seed has no error.
    """
    families = ("all", "topic", "intent", "sentiment")
    columns = [f"{family}/{shots}/macro_f1" for shots in ("0", "8") for family in families]
    # A family without validation tasks has no column.
    columns = [column for column in columns if all(column in row["figures"] for row in trainings)]
    by = {(row["option"], row["seed"]): row["figures"] for row in trainings}
    lines = [
        "| | passes | " + " | ".join(_title(column) for column in columns) + " |",
        "| --- | --: |" + " --: |" * len(columns),
    ]
    for option in dict.fromkeys(row["option"] for row in trainings):
        seeds = [seed for name, seed in by if name == option and (RECIPE, seed) in by]
        cells = []
        for column in columns:
            own = np.array([by[option, seed][column] for seed in seeds])
            if option == RECIPE:
                cells.append(f"{own.mean():.1f}")
                continue
            gain = own - [by[RECIPE, seed][column] for seed in seeds]
            error = f" ± {gain.std(ddof=1) / np.sqrt(len(gain)):.1f}" if len(gain) > 1 else ""
            cells.append(f"{gain.mean():+.1f}{error}")
        passes = PASSES.get(option, PASSES[RECIPE])
        lines.append(f"| {option} | {passes} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _title(column: str) -> str:
    family, shots, _ = column.split("/")
    return f"{family}, {'names' if shots == '0' else f'{shots} seeds'}"


@click.command()
@click.argument("tasks", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--date", required=True, help="Today's date, for the log.")
@click.option("--options", default=",".join(OPTIONS), metavar="A,B", help="Only these.")
@click.option("--seeds", default=3, show_default=True, help="Trainings each.")
@click.option("--steps", default=100, show_default=True, help="Of each training.")
@click.option("--texts", default=48, show_default=True, help="A step, for each view.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, ...")
@click.option(
    "--results", type=click.Path(path_type=Path), default=RESULTS, help="Folder of the result file."
)
def main(
    tasks: Path, date: str, options: str, seeds: int, steps: int, texts: int, device: str, results: Path
) -> None:
    """Train what the result file lacks, and print its table."""
    wanted = [name.strip() for name in options.split(",")]
    for name in wanted:
        if name not in OPTIONS:
            raise click.UsageError(str(UnknownName("option", name, OPTIONS)))
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    )
    path = results / f"ablation-{date}-{steps}x{texts}.json"
    report: dict[str, Any] = {
        "what": "short meta-trainings that differ from the recipe in one option, on validation tasks",
        "command": f"python benchmarks/ablation.py TASKS_DIR --date {date} --seeds {seeds} --steps {steps} "
        f"--texts {texts}",
        "commit": commit.stdout.strip(),
        "trainings": [],
    }
    if path.is_file():
        report = json.loads(path.read_text("utf-8"))
    recipe = read_settings(HERE / "meta" / "shipped.toml")
    families = {task.name: task.family for task in read_catalog(tasks, roles=["validation"])}
    practised = read_catalog(tasks, roles=["train"], ships=True)
    known = {task.name for task in practised}
    weights = {name: weight for name, weight in recipe.weights.items() if name in known}
    recipe = recipe.model_copy(update={"weights": weights})
    unlabelled = [text for task in practised for text in task.train.texts]
    trunk = Trunk(embedded_folder(), device, keep=True)
    report["machine"] = machine(trunk.device)
    done = {(row["option"], row["seed"]) for row in report["trainings"]}
    for seed in range(seeds):  # a table of one seed each comes first
        for option in wanted:
            if (option, seed) in done:
                continue
            settings = settings_of(recipe, option, seed, steps, texts)
            begin = monotonic()
            with tempfile.TemporaryDirectory() as place:
                order = Order(
                    catalogs=[tasks],
                    out=Path(place),
                    encoder=trunk.folder,
                    settings=settings,
                    unlabelled=unlabelled if settings.masked_words else (),
                )
                found = meta_train(order, lambda *said: None, trunk=trunk)
            row = {"option": option, "seed": seed, "figures": figures(found, families)}
            report["trainings"].append({**row, "seconds": round(monotonic() - begin, 1)})
            path.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
            click.echo(
                f"{option:28} seed {seed}  {row['figures']['all/8/macro_f1']:.1f}  {found['seconds']:.0f} s"
            )
    click.echo(table(report["trainings"]))


if __name__ == "__main__":
    main()
