"""``monitor classify``: what would the tasks say of a text?"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, get_args

import click

from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.cli.output import console, print_table, shorten
from monitor.errors import LearnError, UnknownName
from monitor.types import Role, StoredDocument, legible

if TYPE_CHECKING:
    from monitor.pipeline.learning.readers import Reader


@click.command("classify")
@click.argument("texts", nargs=-1, metavar="[TEXT | -]...")
@click.option("--task", "names", multiple=True, metavar="NAME", help="Only this task.")
@json_option
@pass_app
def classify_command(app: App, texts: tuple[str, ...], names: tuple[str, ...], as_json: bool) -> None:
    """Classify each TEXT, or each line of standard input (-).

    Every task is asked, also those that would not read such a text in a source (topic reads no chats): where
    they differ in that, a note on standard error says whose texts each reads.
    Nothing is stored, so a task that has not learned its examples yet learns them each time: run `monitor
    adapt` (or `monitor run`) once before. An empty TEXT gets no label. Only the beginning of a long text is
    read; a line on standard error then says so.

    With --json: one array of {text, read, predictions}: `read` is how many characters were read from the
    start; predictions are as in `monitor documents list`, empty if there is nothing to read.
    """
    from monitor.pipeline.learning.featurizer import Featurizer
    from monitor.pipeline.learning.heads import try_reader
    from monitor.pipeline.learning.languages import unprepared
    from monitor.pipeline.learning.readers import load_readers
    from monitor.shared_encoder import make_encoder

    lines = _read(texts)
    store, encoder = app.synchronised_store, make_encoder(app.config)
    readers = load_readers(store, app.plugins, app.config.base, encoder)
    known = [reader.task.name for reader in readers]
    for name in names:
        if name not in known:
            raise UnknownName("task", name, known)
    chosen = [reader for reader in readers if not names or reader.task.name in names]
    if not chosen:
        raise LearnError("there are no tasks yet; add some to the configuration or with `monitor tasks add`")
    featurizer = Featurizer(store, encoder)
    with console(stderr=True).status("learning") as status:
        for reader in chosen:
            status.update(f"learning {reader.task.name} from its examples")
            try_reader(store, featurizer, reader)
    app.note_what_is_not_kept(chosen)
    views = sorted({reader.head.view for reader in chosen if reader.head is not None})
    read = [line for line in lines if legible(line)]  # a document without a text gets no label either
    features = featurizer.matrices(read, views) if read else {}
    found: list[dict[str, Any]] = [
        {"text": line, "read": encoder.reads(line), "predictions": {}} for line in lines
    ]
    for reader in chosen if read else ():
        assert reader.head is not None
        decided = reader.answer(read, features[reader.head.view])
        for row, said in zip((row for row in found if legible(row["text"])), decided, strict=True):
            plain = [asdict(prediction) for prediction in said]
            row["predictions"][reader.task.name] = plain if reader.task.multi else plain[0]
    if as_json:
        print_json(found)
        return
    for number, row in enumerate(found, 1):
        if row["read"] < len(row["text"]):
            click.echo(
                f"text {number}: only the first {row['read']:,} of {len(row['text']):,} characters are read",
                err=True,
            )
    tasks = [(r.task, [s.seed for s in store.tasks.seeds(r.task.name)]) for r in chosen]
    if note := unprepared(encoder, read, tasks):
        click.echo(f"note: {note}", err=True)
    if read and (note := _whose(chosen, read[0], app.now())):
        click.echo(f"note: {note}", err=True)
    columns = [reader.task.name for reader in chosen]
    print_table(
        [*columns, "text"],
        [[*(_cell(row["predictions"].get(c)) for c in columns), shorten(row["text"], 80)] for row in found],
        empty="no texts",
    )


def _whose(readers: Sequence[Reader], text: str, now: datetime) -> str:
    """Whose texts each of the tasks reads, where they differ in that: one typed here has no author."""
    typed = StoredDocument(0, "", "", "", "customer", text, text, "", None, now, now, live=False)
    roles = {reader.task.name: reader.roles(typed) for reader in readers}
    if len(set(map(tuple, roles.values()))) == 1:
        return ""
    said = [
        f"{name} only those of {' and '.join(f'{role}s' for role in of)}"
        for name, of in roles.items()
        if 0 < len(of) < len(get_args(Role))
    ]
    return f"of a source's texts, not every task reads all: {', '.join(said)}" if said else ""


def _read(texts: Sequence[str]) -> list[str]:
    lines: list[str] = []
    for text in texts or ("-",):
        if text == "-":
            piped = sys.stdin.buffer.read().decode("utf-8", "replace")
            lines += [line for line in piped.splitlines() if line.strip()]
        else:
            lines.append(text)
    return lines


def _cell(said: dict[str, Any] | list[dict[str, Any]] | None) -> str:
    if said is None:
        return "nothing to read"
    items = said if isinstance(said, list) else [said]
    return ", ".join(
        f"none ({item['label']}? {item['probability']:.0%})"
        if item["abstained"]
        else f"{item['label']} {item['probability']:.0%}"
        for item in items
    )
