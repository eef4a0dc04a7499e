"""``monitor seeds``: labelled examples."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from monitor.adapters import blamed
from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.cli.doubts import check_command
from monitor.cli.group import Group
from monitor.cli.output import number, print_table, shorten
from monitor.errors import MonitorError, UnknownName
from monitor.pipeline.learning.corrections import Correction, correct, correct_all, text_in
from monitor.store import Store
from monitor.store.tasks import StoredSeed
from monitor.types import NO_LABEL, Seed, Task

SHOWN = 20


@click.group("seeds", cls=Group)
def seeds_command() -> None:
    """Show, add and remove seeds: the examples that tasks learn from."""


seeds_command.add_command(check_command)


@seeds_command.command("add")
@click.argument("task")
@click.argument("label")
@click.argument("text", required=False)
@click.option(
    "--document",
    "document_id",
    type=int,
    metavar="ID",
    help="Use the text that the task reads in this document.",
)
@pass_app
def add_command(app: App, task: str, label: str, text: str | None, document_id: int | None) -> None:
    """Add TEXT as an example of LABEL.

    If TEXT is -, it is read from standard input. With --document give no TEXT: this is how to
    correct the task's answer for a document. In a task with one label a text, a new label for a
    text replaces one that was given by command before.

    If TEXT carries none of the labels, give "(none)" for LABEL: the task learns to abstain on such
    texts. When the task gets another label, that is forgotten, for the text may carry it.
    """
    if (text is None) == (document_id is None):
        raise click.UsageError("give either TEXT or --document ID")
    store = app.store_with(task, app.labels_of(task) if label == NO_LABEL else [label])
    if document_id is not None:
        text = text_of(app, store, task, document_id)
    else:
        typed = sys.stdin.buffer.read().decode(errors="surrogateescape") if text == "-" else text
        text = _utf8(typed or "").strip()
    done = correct(store, task, Seed(text, label), app.now(), document_id=document_id)
    click.echo(said_of(done) + (f"; {app.taken_up()}" if done.changed else ""))
    for seed in done.standing:
        click.echo(contradiction(seed), err=True)


@seeds_command.command("import")
@click.argument("task")
@click.argument("file", type=click.Path(path_type=Path))
@pass_app
def import_command(app: App, task: str, file: Path) -> None:
    """Add the examples of FILE: .csv or .jsonl, in UTF-8, with columns text and label.

    Records that cannot be used, such as those without a text, are reported by line and left
    out. If a label is not one of the task's, nothing is imported. If a text may carry several
    labels, give one record for each; if it carries none of the labels, give the label (none).

    In a task with one label a text, a new label for a text replaces one that was given by command
    before, as with `monitor seeds add`, so a file of corrections can be imported.
    Records in which FILE itself gives one text several labels are then not used.
    """
    store = app.store_with(task, app.labels_of(task))
    seeds = read_for(store.tasks.need(task).task, file)
    done = correct_all(store, task, seeds, app.now())
    added = sum(one.added is not None for one in done)
    replaced = sum(old.seed.label != one.seed.label for one in done for old in one.replaced)
    there = len(seeds) - added
    click.echo(
        f"added {number(added, 'seed')}"
        + (f" in place of {replaced:,} with another label" if replaced else "")
        + f", {there:,} {'was' if there == 1 else 'were'} there already"
        + (f"; {app.taken_up()}" if added or replaced else "")
    )
    standing = list(dict.fromkeys(seed for one in done for seed in one.standing))
    _some([contradiction(seed) for seed in standing])


@seeds_command.command("list")
@click.argument("task")
@click.option("--label", help="Only of this label.")
@json_option
@pass_app
def list_command(app: App, task: str, label: str | None, as_json: bool) -> None:
    """List the seeds of a task.

    They come from the task's adapter or the configured seeds file, or were added by command;
    only those added by command can be removed with `monitor seeds remove`.

    Seeds with a label that the task no longer has are not learned from. Add them
    again under another label with `monitor seeds add`, or remove them. Texts that carry none of the
    labels have the label (none).

    With --json: one array of objects with id, task, label, text, origin, document_id and in_use
    (false: the task no longer has the label, or has got one since the text was said to carry none).
    """
    store = app.store
    labels = store.tasks.need(task).task.labels
    kept = [s for s in store.tasks.all_seeds(task) if s.counts_for(labels) or s.origin == "command"]
    if label is not None and label not in {*labels, NO_LABEL, *(s.seed.label for s in kept)}:
        raise UnknownName(f"label of {task!r}", label, labels)
    found = [s for s in kept if label in (None, s.seed.label)]
    if as_json:
        print_json(
            [
                {
                    "id": s.id,
                    "task": s.task,
                    "label": s.seed.label,
                    "text": s.seed.text,
                    "origin": s.origin,
                    "document_id": s.document_id,
                    "in_use": s.counts_for(labels),
                }
                for s in found
            ]
        )
        return
    print_table(
        ["id", "label", "from", "text"],
        [
            [
                s.id,
                s.seed.label + ("" if s.counts_for(labels) else _outdated(s)),
                s.origin,
                shorten(s.seed.text, 100),
            ]
            for s in found
        ],
        empty="no seeds; the task works from the names and descriptions of its labels",
        right=["id"],
    )


@seeds_command.command("remove")
@click.argument("ids", nargs=-1, required=True, type=int, metavar="ID...")
@pass_app
def remove_command(app: App, ids: tuple[int, ...]) -> None:
    """Remove seeds that were added by command: all of the IDs, or none.

    `monitor seeds list TASK` shows the IDs.
    """
    store = app.store
    with store.transaction():
        for seed_id in dict.fromkeys(ids):
            store.tasks.remove_seed(seed_id)
    click.echo(f"removed {number(len(set(ids)), 'seed')}; {app.taken_up()}")


def read_for(task: Task, file: Path) -> list[Seed]:
    """The usable seeds of ``file``, after saying on stderr which records are not.

    :raises UnknownName: if the file has a label that ``task`` does not have.
    """
    from monitor.seedfile import read_seeds

    seeds, bad = read_seeds(file, one_label=not task.multi)
    unknown = [seed.label for seed in seeds if seed.label not in (*task.labels, NO_LABEL)]
    if unknown:
        _, bad = read_seeds(file, task.labels)  # names the lines
    _some([f"{file}, {record.place}: {record.reason}" for record in bad])
    if unknown:
        raise UnknownName(f"label of {task.name!r}", unknown[0], (*task.labels, NO_LABEL))
    if bad:
        click.echo(f"{number(len(bad), 'record')} cannot be used", err=True)
    return seeds


def _some(lines: list[str]) -> None:
    """The first of the lines on stderr, and how many there are beside."""
    for line in lines[:SHOWN]:
        click.echo(line, err=True)
    if len(lines) > SHOWN:
        click.echo(f"... and {len(lines) - SHOWN:,} more", err=True)


def said_of(done: Correction) -> str:
    """What became of an answer, in words."""
    others = (seed.seed.label for seed in done.replaced if seed.seed.label != done.seed.label)
    instead = " and ".join(dict.fromkeys(map(_said, others)))
    if done.added is None:
        return "the seed is there already" + (f"; removed what said {instead}" if instead else "")
    return f"added a seed of {_said(done.seed.label)}" + (f" in place of {instead}" if instead else "")


def contradiction(seed: StoredSeed) -> str:
    """That a seed which commands cannot remove says otherwise, and who can."""
    owner = "the seeds file" if seed.origin == "file" else "the task's adapter"
    remedy = "remove it there" if seed.origin == "file" else "switch it off with default_seeds = false"
    called = "a text of no label" if seed.seed.label == NO_LABEL else seed.seed.label
    return f"{owner} still calls this text {called} (seed {seed.id}): {remedy}, or both count"


def _said(label: str) -> str:
    return "no label" if label == NO_LABEL else label


def _outdated(seed: StoredSeed) -> str:
    return " (before a label was added)" if seed.seed.label == NO_LABEL else " (no longer a label)"


def _utf8(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise MonitorError("the text is not UTF-8") from None
    return text


def text_of(app: App, store: Store, task: str, document_id: int) -> str:
    """The text that a task reads in a document, without the encoder being made.

    :raises MonitorError: if there is no such document, or the task does not apply to it.
    """
    from monitor.pipeline.learning.readers import Reader

    stored = store.tasks.need(task)
    part = app.plugins.pick("task adapter", stored.adapter)
    with blamed(stored.adapter):
        adapter = part(part.Settings.model_validate(stored.settings), app.config_path.resolve().parent)
    return text_in(store, Reader(stored.task, adapter), document_id)
