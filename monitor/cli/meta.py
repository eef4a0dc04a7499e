"""``monitor meta-train``: let the classifier practise on a catalogue of tasks."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import current_thread, main_thread
from time import monotonic
from typing import Any

import click
import numpy as np
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.cli.output import console, print_table
from monitor.durations import format_duration
from monitor.errors import MonitorError

Tell = Callable[[str, int, int, Mapping[str, float]], None]

STORE = "store"
STOPPED = 130
"""The exit code of a command that Ctrl-C ended."""


@click.command("meta-train")
@click.argument(
    "catalogs", metavar="CATALOG_DIR...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("var/meta"),
    show_default=True,
    help="Folder for weights, checkpoints, metrics, the report and the picture.",
)
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="TOML file of settings.")
@click.option("--resume", is_flag=True, help="Continue exactly from the newest checkpoint in --out.")
@click.option(
    "--encoder", type=click.Path(path_type=Path), help="Model folder [default: the embedded encoder]."
)
@click.option(
    "--unlabelled",
    metavar="FILE|store",
    help="Texts to make masked-word tasks from: a file (JSONL with text, or a text a line), "
    "or `store`, the documents in the monitor's database.",
)
@click.option(
    "--with-validation",
    is_flag=True,
    help="Also train on the validation tasks, once all choices are made.",
)
@click.option(
    "--all-licences",
    is_flag=True,
    help="Also train on tasks whose licence does not allow giving weights away.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, ...")
@json_option
@pass_app
def meta_train_command(
    app: App,
    catalogs: tuple[Path, ...],
    out: Path,
    config_file: Path | None,
    resume: bool,
    encoder: Path | None,
    unlabelled: str | None,
    with_validation: bool,
    all_licences: bool,
    device: str,
    as_json: bool,
) -> None:
    """Train the classifier to learn from few examples, on many tasks.

    CATALOG_DIR holds catalog.toml, which lists each task with its family, its role and whether
    weights trained on it may be given away, and for each task a folder with train.jsonl and
    test.jsonl; several such folders form one catalogue. Texts that also occur in an exam task
    are left out. The result is written to OUT/views.safetensors: `monitor evaluate
    --views FILE` measures it on labelled folders, and views = "FILE" in the encoder's
    configuration puts it to use. That file is rewritten at every checkpoint, so give a
    monitor a copy of it.

    Ctrl-C finishes the current step, writes a checkpoint, from which --resume continues, and
    exits with code 130. With --json: the report, as written to OUT/report.json.
    """
    from monitor.learn.meta.run import Order, Stopped, meta_train
    from monitor.learn.meta.settings import read_settings
    from monitor.learn.model_files import embedded_folder

    order = Order(
        catalogs=catalogs,
        out=out,
        encoder=encoder or embedded_folder(),
        settings=read_settings(config_file),
        roles=("train", "validation") if with_validation else ("train",),
        ships=not all_licences,
        resume=resume,
        device=device,
        unlabelled=_texts(app, unlabelled),
    )
    with _until_interrupted() as stop:
        try:
            with _progress() as tell:
                report = meta_train(order, tell, stop)
        except Stopped as error:
            going_on = "the same command with --resume goes on from there"
            click.echo(f"{error}: {going_on}" if "step" in str(error) else str(error), err=True)
            raise click.exceptions.Exit(STOPPED) from error
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


def _texts(app: App, unlabelled: str | None) -> Sequence[str]:
    """The texts that ``--unlabelled`` names, those of the store as tasks read them."""
    if unlabelled is None:
        return ()
    if unlabelled != STORE:
        from monitor.learn.task_folder import read_texts

        return read_texts(Path(unlabelled))
    # By id: what is new comes last.
    documents = sorted(app.store.documents.find(limit=None), key=lambda document: document.id)
    texts = [document.whole_text for document in documents]
    if not any(texts):
        raise MonitorError(f"{app.database} holds no documents: let the monitor read some, or name a file")
    return texts


@contextmanager
def _until_interrupted() -> Iterator[Callable[[], bool]]:
    """Says whether Ctrl-C was pressed; the second time it ends the program at once."""
    pressed = False

    def press(number: int, frame: Any) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, before)

    if current_thread() is not main_thread():  # signals are the main thread's alone
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, press)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _progress() -> AbstractContextManager[Tell]:
    """Tells people how far it is: bars on a terminal, else lines."""
    screen = console(stderr=True)
    return _bars(screen) if screen.is_terminal else _lines()


@contextmanager
def _bars(screen: Any) -> Iterator[Tell]:
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=screen,
    ) as bars:
        rows: dict[str, Any] = {}

        def tell(what: str, done: int, total: int, figures: Mapping[str, float]) -> None:
            if what not in rows:
                rows[what] = bars.add_task(what, total=total)
            bars.update(rows[what], completed=done, total=total)

        yield tell


@contextmanager
def _lines() -> Iterator[Tell]:
    lines = Lines(monotonic())

    def tell(what: str, done: int, total: int, figures: Mapping[str, float]) -> None:
        for line in lines.about(what, done, total, figures, monotonic()):
            click.echo(line, err=True)

    yield tell


class Lines:
    """Progress in words: a line for each tenth of the reading and for each hundred steps."""

    EVERY = 100

    def __init__(self, now: float) -> None:
        self._told: dict[str, int] = {}
        self._since = (0, now)
        self._rows: list[Mapping[str, float]] = []

    def about(self, what: str, done: int, total: int, figures: Mapping[str, float], now: float) -> list[str]:
        """The lines to print for what progress says at ``now`` (monotonic seconds)."""
        if figures:
            return self._step(done, total, figures, now)
        first = what not in self._told
        tenth = 10 * done // max(1, total)
        if not first and tenth == self._told[what]:
            return []
        self._told[what] = tenth
        if what == "training":
            self._since = (done, now)
            return [f"training: {total - done:,} of {total:,} steps to go"]
        if total < self.EVERY:
            return [what] if first else []
        return [f"{what}: {done:,} of {total:,}"]

    def _step(self, done: int, total: int, figures: Mapping[str, float], now: float) -> list[str]:
        self._rows.append(figures)
        found = []
        if done % self.EVERY == 0 or done == total:
            before, then = self._since
            rate = (done - before) / max(now - then, 1e-9)
            means = {
                name: float(np.mean([row[name] for row in self._rows if name in row])) for name in figures
            }
            views = [name.removesuffix("/loss") for name in figures if name.endswith("/loss")]
            said = ", ".join(
                f"{v} loss {means[f'{v}/loss']:.3f} accuracy {100 * means[f'{v}/accuracy']:.1f} %"
                for v in views
            )
            left = format_duration((total - done) / rate)
            found.append(f"step {done:,} of {total:,}: {said}; {rate:.2f} steps/s, {left} left")
            self._since, self._rows = (done, now), []
        looked = {
            name.removeprefix("validation/").removesuffix("/accuracy"): value
            for name, value in figures.items()
            if name.startswith("validation/") and name.endswith("/accuracy")
        }
        if looked:
            said = ", ".join(f"{name} {100 * value:.1f} %" for name, value in looked.items())
            found.append(f"validation accuracy after step {done:,}: {said}")
        return found
