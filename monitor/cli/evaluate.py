"""``monitor evaluate``: how good would this be on my data?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from monitor.cli.app import json_option, print_json
from monitor.cli.output import console, print_table


def _shots(ctx: click.Context, option: click.Parameter, value: str) -> tuple[int, ...]:
    try:
        shots = tuple(int(part) for part in value.split(","))
    except ValueError:
        shots = (-1,)
    if min(shots) < 0:
        raise click.BadParameter(f"{value!r} is not a list of numbers from 0 up, like 0,4,8,16")
    return shots


def _depths(ctx: click.Context, option: click.Parameter, value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(","))


@click.command("evaluate")
@click.argument("folders", nargs=-1, required=True, metavar="TASK_DIR...", type=click.Path(path_type=Path))
@click.option(
    "--shots",
    callback=_shots,
    metavar="N,N,...",
    default="0,4,8,16",
    show_default=True,
    help="Seeds a label to try; 0 is label names alone.",
)
@click.option(
    "--seeds",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="Random draws for each number of shots.",
)
@click.option(
    "--depths",
    callback=_depths,
    metavar="NAME,NAME,...",
    default="seeds",
    show_default=True,
    help="How to learn: names (label names alone, whatever --shots says), seeds, "
    "stream (also unlabelled texts; needs two seeds a label), deep (fine-tuning; needs four).",
)
@click.option(
    "--unlabelled",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Unlabelled texts for stream: JSON lines with text, or plain lines "
    "[default: the rest of train.jsonl, without its labels]. "
    "Texts that are also in test.jsonl are left out.",
)
@click.option("--family", default="", help="Family of the tasks, such as sentiment, topic or intent.")
@click.option(
    "--support",
    metavar="NAME",
    help="Use this file in each folder as the seeds, as a single draw, instead of --shots.",
)
@click.option(
    "--encoder",
    metavar="PATH",
    help="Folder or model ID of another encoder [default: the embedded one].",
)
@click.option(
    "--views",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Views that `monitor meta-train` wrote for that encoder, instead of the built-in ones.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Plot accuracy by seeds a label, compared with logistic regression on frozen features, "
    "into a .png, .svg or .pdf.",
)
@json_option
def evaluate_command(
    folders: tuple[Path, ...],
    shots: tuple[int, ...],
    seeds: int,
    depths: tuple[str, ...],
    unlabelled: Path | None,
    family: str,
    support: str | None,
    encoder: str | None,
    views: Path | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Measure accuracy on your data, learned from a few examples.

    Each TASK_DIR holds train.jsonl and test.jsonl; each line is an object with text and label, one
    label a text, a string or a number. Tasks with several labels a text (`multi`) are not measured.
    Seeds are drawn from train.jsonl, and every text in test.jsonl is classified; shown are the mean
    and the standard deviation over the draws. A number of shots that takes all the seeds there are
    is shown as `6 (all)`, and larger ones, which would take the same seeds, are left out with a
    note. A note also says if test texts are in train.jsonl too.

    With --plot the column `depth` also has `baseline`, logistic regression. A * there means that stream
    or deep did not win in all draws, and a note says in how many: there the head from seeds and names
    alone was measured, as it would be used. A label found only in test.jsonl also belongs to the task,
    and is learned from its name.

    With --json also how reliable probabilities are (calibration_error over 15 bins of equal mass,
    and calibration_noise, which true probabilities would show on as many texts; log_loss in nats);
    the share of texts that would be answered (coverage); the most seeds that a label had
    (most_seeds; shots is what was asked for); the number of test texts, and how many of them are
    in the file with the seeds (test_texts, test_texts_seen); and for stream and deep, the share of
    the draws that they won (promoted).
    """
    from monitor.learn.encoder import EMBEDDED_SHA256, TransformerEncoder, open_views
    from monitor.learn.evaluate import Plan, evaluate_folders
    from monitor.learn.learning_curve import check_picture, draw_learning_curves
    from monitor.learn.task_folder import check_folders, read_texts, shots_note

    if plot is not None:
        if support is not None:
            raise click.UsageError(
                "--plot draws what --shots are tried; --support has one point, and no curve"
            )
        check_picture(plot)
    plan = Plan(
        shots=shots,
        seeds=seeds,
        support=support,
        family=family,
        depths=depths,
        unlabelled=None if unlabelled is None else read_texts(unlabelled),
        baseline=plot is not None,
    )
    plan.check()
    if unlabelled is not None and not plan.stream:
        raise click.UsageError(f"--unlabelled is read by none of the depths {', '.join(depths)}")
    check_folders(folders, support)
    opened = None if views is None else open_views(views, encoder=None if encoder else EMBEDDED_SHA256)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=console(stderr=True),
        transient=True,
    ) as bar:
        row = bar.add_task("loading the encoder", total=1.0)
        if encoder:
            model = TransformerEncoder(encoder, views=opened)
        elif opened is not None:
            model = TransformerEncoder.shipped(views=opened, views_sha256=None)
        else:
            model = TransformerEncoder.shipped()
        found = evaluate_folders(
            folders,
            model,
            plan,
            progress=lambda step, share: bar.update(row, description=step, completed=share),
        )
    for folder, measured in zip(folders, found.values(), strict=True):
        drawn = support is None and any(row["shots"] for row in measured.values())
        if drawn and (note := shots_note(folder, shots)):
            click.echo(f"note: {note}", err=True)
        for note in _notes(folder.resolve().name, measured, support):
            click.echo(f"note: {note}", err=True)
    if as_json:
        print_json(found)
    else:
        _print(found)
    if plot is not None:  # last: what was measured is told by now, whatever becomes of the picture
        draw_learning_curves(found, plot)
        click.echo(f"The curve is in {plot}.", err=as_json)


def _notes(name: str, measured: Mapping[str, Mapping[str, Any]], support: str | None) -> Iterator[str]:
    """What has to be known of a folder's figures before they are believed."""
    first = next(iter(measured.values()))
    learned = any(row["most_seeds"] for row in measured.values())
    if learned and (seen := first["test_texts_seen"]):
        yield (
            f"{name}: {seen:,} of {first['test_texts']:,} test texts also stand in {support or 'train.jsonl'}: "
            "what is learned from them flatters"
        )
    stayed = [
        f"{m['depth']} {_seeds(row, m)} in {round(m['draws'] * (1 - m['promoted']))} of {m['draws']} draws"
        for row, m in measured.items()
        if m.get("promoted", 1.0) < 1
    ]
    if stayed:
        yield f"* {name}: these rows are of the head of seeds and names alone, which stayed in use: {', '.join(stayed)}"


def _print(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    numbers = ["accuracy", "macro-F1", "adapt", "texts/s"]
    rows = [
        [
            folder,
            measured["depth"] + "*" * (measured.get("promoted", 1.0) < 1),
            _seeds(name, measured),
            _share(measured["accuracy"]),
            _share(measured["macro_f1"]),
            f"{measured['adapt_seconds']:.2f} s",
            f"{measured['texts_per_second']:.0f}",
        ]
        for folder, found_rows in found.items()
        for name, measured in found_rows.items()
    ]
    print_table(
        ["task", "depth", "shots", *numbers], rows, empty="nothing was evaluated", right=["shots", *numbers]
    )


def _seeds(name: str, measured: Mapping[str, Any]) -> str:
    """Seeds a label that were used, or the name of the file that they came from."""
    if measured["shots"] is None:
        return name.removeprefix(f"{measured['depth']} ")
    most = measured["most_seeds"]
    return f"{most} (all)" if most < measured["shots"] else str(measured["shots"])


def _share(value: Mapping[str, float]) -> str:
    return f"{100 * value['mean']:.1f} ± {100 * value['sd']:.1f} %"
