"""``monitor documents``: what was read, and what was made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from monitor.cli.app import App, at_most, json_option, limit_option, pass_app, print_json
from monitor.cli.checked import told_in_notes
from monitor.cli.group import Group
from monitor.cli.output import clock, print_table, printable, shorten
from monitor.cli.parameters import DURATION
from monitor.errors import MonitorError, UnknownName
from monitor.store import Store
from monitor.types import ENTITY, NO_LABEL, Prediction, StoredDocument


@click.group("documents", cls=Group)
def documents_command() -> None:
    """Show, search and import documents."""


def _filters(function: Any) -> Any:
    for option in (
        click.option("--source", metavar="NAME", help="Only of this source."),
        click.option(
            "--label",
            "labels",
            multiple=True,
            metavar="TASK=LABEL",
            help="Only with this label; (none): the task gave none.",
        ),
        click.option(
            "--thread", metavar="ID", help="Only of this conversation: whole, oldest first, with roles."
        ),
        click.option("--since", type=DURATION, metavar="DURATION", help="Only of the last 30m, 24h, 7d ..."),
        limit_option,
        json_option,
    ):
        function = option(function)
    return function


@documents_command.command("list")
@_filters
@pass_app
def list_command(app: App, /, **filters: Any) -> None:
    """List documents with their labels, newest first; a conversation (--thread) in full, oldest first.

    With --json: one array of objects with id, source, external_id, thread, role, title, text,
    url, published_at, fetched_at, event_at, live, mentions (names of [entities]) and
    predictions. `predictions` maps a task
    to {label, probability, abstained}, or to a list of those for a task with several labels a
    text. Where `abstained` is true, `label` is only the best guess.
    """
    _show(app, None, **filters)


@documents_command.command("search")
@click.argument("words", nargs=-1, required=True)
@_filters
@pass_app
def search_command(app: App, /, words: tuple[str, ...], **filters: Any) -> None:
    """Find documents that contain all WORDS (the last may be cut short)."""
    _show(app, " ".join(words), **filters)


@documents_command.command("show")
@click.argument("document_id", type=int, metavar="ID")
@json_option
@pass_app
def show_command(app: App, document_id: int, as_json: bool) -> None:
    """Show one document whole."""
    document = app.store.documents.get(document_id)
    if document is None:
        raise MonitorError(f"there is no document {document_id}; `monitor documents list` shows them")
    record = documents_json(app.store, [document])[0]
    if as_json:
        print_json(record)
        return
    for key in ("id", "source", "external_id", "thread", "role", "url"):
        if record[key] != "":
            click.echo(f"{key + ':':14}{record[key]}")
    click.echo(f"{'published:':14}{clock(document.published_at) or 'not said'}")
    live = "live" if document.live else "backfill"
    click.echo(
        f"{'counted at:':14}{clock(document.event_at)} ({live}, first seen {clock(document.fetched_at)})"
    )
    for task, found in app.store.predictions.shown([document_id]).get(document_id, {}).items():
        click.echo(f"{task + ':':14}{', '.join(_label(p, always=True) for p in found)}")
    if names := app.store.mentions.of([document_id]).get(document_id):
        click.echo(f"{'mentions:':14}{', '.join(names)}")
    click.echo("\n".join(["", *filter(None, (document.title, document.text))]))


@documents_command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--source", metavar="NAME", help="Store them under this name [default: the file's].")
@click.option(
    "--column", "columns", multiple=True, metavar="FIELD=COLUMN",
    help="Which column holds text, id, thread, role, time or title: --column text=message.",
)  # fmt: skip
@click.option(
    "--like", metavar="NAME",
    help="Read it with the settings of this chatlog source: its columns, roles, time_format, encoding ...",
)  # fmt: skip
@pass_app
def import_command(
    app: App, file: Path, source: str | None, columns: Sequence[str], like: str | None
) -> None:
    """Import a JSONL or CSV FILE as history.

    Imported documents count for baselines and trends but never raise an alert. A file can be
    imported again: known documents are not added twice, but reread with the current settings.
    What the source of --like has read already is known, too, and stays as it is there; what is
    imported first is known to the source when it reads that later, and its own from then on.
    A running monitor classifies what is new at once, otherwise the next `monitor run` does.

    Settings named in messages, such as time_format, belong to a chatlog source: write one
    under [[sources]] and name it with --like. Columns can also be given here.
    """
    from monitor.pipeline.ingest import fetch

    if not file.is_file():
        raise MonitorError(f"there is no file {file}")
    part = app.plugins.pick("source", "chatlog")
    mapping = dict(_pair(column, "FIELD=COLUMN") for column in columns)
    known = type(part.Settings.model_fields["columns"].get_default(call_default_factory=True)).model_fields
    for name in mapping:
        if name not in known:
            raise UnknownName("field", name, known)
    given = {} if like is None else _chatlog_settings(app, like)
    mapping = given.get("columns", {}) | mapping
    settings = part.Settings.model_validate(
        given | {"path": str(file.absolute()), "columns": mapping, "complete": True}
    )
    name = source or file.name
    store = app.synchronised_store
    if (there := store.sources.get(name)) is not None and there.active:
        raise MonitorError(f"{name!r} is a source of the configuration; name another with --source")
    store.sources.ensure(name, "chatlog", like)
    state = store.sources.get(name)
    assert state is not None
    if state.cursor:  # of an import before
        store.sources.ask_again(name, app.now())
    reader = part(settings, Path.cwd())
    with told_in_notes():
        got = fetch(store, name, reader, now=app.now(), every=0, backfill=True, beside=like)
    held = f" ({got.elsewhere} of {like})" if got.elsewhere else ""
    click.echo(
        f"{got.new} new, {got.edited} changed, {got.known} known{held}, {got.bad} could not be used"
        + (f" (see `monitor sources show {name}`)" if got.bad else "")
    )
    read = store.sources.get(name)
    for note in reader.notes(read.cursor) if read else ():
        click.echo(f"note: {note}", err=True)


def _chatlog_settings(app: App, name: str) -> dict[str, Any]:
    """What the configuration says of a chat log."""
    logs = {one.name: one.settings for one in app.config.sources if one.plugin == "chatlog"}
    if name not in logs:
        raise UnknownName("chatlog source", name, logs)
    said: dict[str, Any] = logs[name].model_dump(exclude_unset=True)
    return said


def _show(
    app: App, words: str | None, source: str | None, labels: Sequence[str], thread: str | None,
    since: float | None, limit: int | None, as_json: bool,
) -> None:  # fmt: skip
    store = app.store
    names = {state.name for state in store.sources.all()}
    if source is not None and source not in names:
        raise UnknownName("source", source, names)
    pairs = [_pair(label, "TASK=LABEL") for label in labels]
    for task, label in pairs:
        known = (
            store.mentions.lists() if task == ENTITY else {**store.tasks.need(task).task.labels, NO_LABEL: ""}
        )
        if label not in known:
            raise UnknownName(f"label of {task!r}", label, known)
    found = store.documents.find(
        words=words,
        source=source,
        labels=pairs,
        thread=thread,
        since=None if since is None else app.now() - timedelta(seconds=since),
        limit=at_most(limit, as_json),
    )
    if thread is not None:  # is read as it was held
        found.reverse()
    if as_json:
        print_json(documents_json(store, found))
        return
    said = store.predictions.shown([document.id for document in found])
    talk = thread is not None
    print_table(
        ["id", "time", "source", *["role"] * talk, "labels", "text"],
        [
            [
                document.id,
                clock(document.event_at),
                document.source,
                *[document.role] * talk,
                labels_line(said.get(document.id, {})),
                _text(document, whole=talk),
            ]
            for document in found
        ],
        empty="no documents",
        right=["id"],
    )


def _text(document: StoredDocument, *, whole: bool) -> str:
    """What a document says, in one line: its beginning, or all of it."""
    said = printable(f"{document.title} {document.text}")
    return shorten(said, len(said) if whole else 100)


def documents_json(store: Store, documents: Sequence[StoredDocument]) -> list[dict[str, Any]]:
    """Documents with their predictions, as JSON-able data."""
    said = store.predictions.shown([document.id for document in documents])
    mentions = store.mentions.of([document.id for document in documents])
    several = {stored.task.name for stored in store.tasks.active() if stored.task.multi}
    return [
        {
            **asdict(document),
            "mentions": mentions.get(document.id, []),
            "predictions": {
                task: [asdict(p) for p in found] if task in several else asdict(found[0])
                for task, found in said.get(document.id, {}).items()
            },
        }
        for document in documents
    ]


def labels_line(predictions: dict[str, list[Prediction]]) -> str:
    """The labels of a document in one line; abstentions are left out."""
    return " ".join(
        f"{task}={','.join(_label(p) for p in found)}"
        for task, found in predictions.items()
        if not found[0].abstained
    )


def _label(prediction: Prediction, *, always: bool = False) -> str:
    if prediction.abstained:
        return f"none (perhaps {prediction.label}, {prediction.probability:.0%})"
    return f"{prediction.label} ({prediction.probability:.0%})" if always else prediction.label


def _pair(text: str, form: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key or not value:
        raise click.BadParameter(f"{text!r} is not of the form {form}")
    return key.strip(), value.strip()
