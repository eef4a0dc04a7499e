"""``monitor meta-train``: let the classifier practise on a catalogue of tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from monitor.cli.app import json_option, print_json
from monitor.cli.output import console, print_table


@click.command("meta-train")
@click.argument("catalog", metavar="CATALOG_DIR", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("var/meta"),
    show_default=True,
    help="Folder for weights, checkpoints, metrics, the report and the picture.",
)
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="TOML file of settings.")
@click.option("--resume", is_flag=True, help="Go on from the newest checkpoint in --out, exactly.")
@click.option(
    "--encoder", type=click.Path(path_type=Path), help="Model folder; the embedded encoder where not given."
)
@click.option(
    "--with-validation",
    is_flag=True,
    help="Train on the validation tasks too: a last training, after all choices.",
)
@click.option(
    "--all-licences",
    is_flag=True,
    help="Train on tasks whose licence does not let weights be given away, too.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, ...")
@json_option
def meta_train_command(
    catalog: Path,
    out: Path,
    config_file: Path | None,
    resume: bool,
    encoder: Path | None,
    with_validation: bool,
    all_licences: bool,
    device: str,
    as_json: bool,
) -> None:
    """Let the classifier practise learning on many labelled tasks.

    CATALOG_DIR holds catalog.toml, which names each task with its family, role and whether
    weights trained on it may be given away, and a folder for each with train.jsonl and
    test.jsonl. Texts that also stand in an exam task are left out. What was learned is
    written to OUT/views.safetensors; use it with views = "PATH" in the encoder's configuration.
    """
    from monitor.learn.meta.run import Order, meta_train
    from monitor.learn.meta.settings import read_settings
    from monitor.learn.model_files import embedded_folder

    settings = read_settings(config_file)
    order = Order(
        catalog=catalog,
        out=out,
        encoder=encoder or embedded_folder(),
        settings=settings,
        roles=("train", "validation") if with_validation else ("train",),
        ships=not all_licences,
        resume=resume,
        device=device,
    )
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console(stderr=True),
    ) as bars:
        rows: dict[str, Any] = {}

        def progress(what: str, done: int, total: int) -> None:
            if what not in rows:
                rows[what] = bars.add_task(what, total=total)
            bars.update(rows[what], completed=done, total=total)

        report = meta_train(order, progress)
    if as_json:
        print_json(report)
        return
    print_table(
        ["validation task", "seeds a label", "accuracy", "macro-F1"],
        [
            [task, shots, f"{100 * scores['accuracy']:.1f} %", f"{100 * scores['macro_f1']:.1f} %"]
            for task, by_shots in report["validation"].items()
            for shots, scores in by_shots.items()
        ],
        empty="no validation tasks to look at",
        right=["seeds a label", "accuracy", "macro-F1"],
    )
    click.echo(f"The weights are in {out / 'views.safetensors'}.")
