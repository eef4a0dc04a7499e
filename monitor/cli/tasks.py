"""``monitor tasks``: what is told apart."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click
from pydantic import TypeAdapter, ValidationError

from monitor.adapters import blamed, seeds_of
from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.cli.group import Group
from monitor.cli.output import number, print_table, shorten
from monitor.cli.seeds import read_for, text_of
from monitor.cli.task_record import declared_in, notes_of, print_task, task_record
from monitor.config.model import make_task
from monitor.errors import MonitorError
from monitor.pipeline.learning.corrections import correct, correct_all
from monitor.pipeline.learning.hints import names_alone
from monitor.routes import Name
from monitor.store import Store
from monitor.types import ALL, NO_LABEL, Role, Seed, legible


@click.group("tasks", cls=Group)
def tasks_command() -> None:
    """Show, add and remove tasks: the labels to tell apart."""


@tasks_command.command("list")
@json_option
@pass_app
def list_command(app: App, as_json: bool) -> None:
    """List the tasks in use.

    With --json: one array of the objects that `tasks show --json` prints.
    """
    store = app.store
    records = [task_record(store, stored, app.encoder, app.plugins) for stored in store.tasks.active()]
    if as_json:
        print_json(records)
        return
    print_table(
        ["name", "adapter", "from", "kind", "labels", "seeds", "head"],
        [
            [
                record["name"],
                record["adapter"],
                declared_in(record["origin"]),
                "several labels a text" if record["multi"] else "one label a text",
                shorten(", ".join(record["labels"]), 60),
                sum(sum(counts.values()) for counts in record["seeds"].values()),
                f"version {record['head']['version']}" if record["head"] else "none yet",
            ]
            for record in records
        ],
        empty="no tasks yet; `monitor run` takes up those of the configuration, `monitor tasks add` adds more",
        right=["seeds"],
    )


@tasks_command.command("show")
@click.argument("name")
@json_option
@pass_app
def show_command(app: App, name: str, as_json: bool) -> None:
    """Show one task: labels, seeds by origin, and the head in use.

    With --json: an object with name, adapter, family, origin (`config` or `command`), multi,
    threshold (null: chosen by the learner), settings, roles (whose texts it reads; null where that is no
    setting of its adapter's), labels ({label: description}), seeds
    ({label: {adapter, file, command: number}}; there may be a key (none) besides the labels), notes (what
    is worth a look), head (of the one in use, or null: version, seeds, depth, view, log_loss and accuracy on
    held-out seeds, judged (how many these were: fewer than 20 say little), thresholds ({label: the
    probability from which on it is said}), encoder and created_at) and versions (how many there are).
    """
    store = app.store
    record = task_record(store, store.tasks.need(name), app.encoder, app.plugins)
    if as_json:
        print_json(record)
        return
    print_task(record, app.config_path)


@tasks_command.command("add")
@click.argument("name")
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="NAME[=DESCRIPTION]",
    help="A label, with a description (of all labels, or none); repeat for each label "
    "[default: the adapter's labels].",
)
@click.option(
    "--adapter",
    default="labels",
    show_default=True,
    help="The plugin that reads documents and brings examples.",
)
@click.option(
    "--multi/--single", default=None, help="Several labels a text, or one [default: the adapter's choice]."
)
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice(get_args(Role)),
    help="Read the texts of these only; repeat for each [default: the adapter's choice; labels: all].",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="Give no label below this probability [default: chosen by the learner].",
)
@click.option(
    "--seeds",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Examples: a .csv or .jsonl file with columns text and label.",
)
@pass_app
def add_command(
    app: App,
    name: str,
    labels: tuple[str, ...],
    adapter: str,
    multi: bool | None,
    roles: tuple[str, ...],
    threshold: float | None,
    file: Path | None,
) -> None:
    """Add a task to the database.

    For example:

    \b
        monitor tasks add urgency \\
          --label "urgent=somebody must act within the hour" \\
          --label "routine=can wait for its turn"

    Examples are optional, but names and descriptions alone are a rough start: give each label 8 or
    so. Those in FILE are copied into the database; `monitor label` and `monitor seeds add` add more.
    """
    config = app.config
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError:
        raise click.BadParameter(
            "a name has letters, digits, blanks and _ . - only, at most 80", param_hint="NAME"
        ) from None
    if name in {task.task.name for task in config.tasks}:
        raise MonitorError(f"the task {name!r} comes from {config.path}: edit it there, under [[tasks]]")
    part = app.plugins.pick("task adapter", adapter)
    if roles and "roles" not in part.Settings.model_fields:
        raise MonitorError(
            f"the adapter {adapter!r} itself decides whose texts are read: give the command without --role"
        )
    given = {"roles": list(dict.fromkeys(roles))} if roles else {}
    try:
        settings = part.Settings.model_validate(given)
    except ValidationError as error:
        missing = ", ".join(str(item["loc"][0]) for item in error.errors() if item["loc"])
        raise MonitorError(
            f"the adapter {adapter!r} needs settings ({missing}): write the task into {config.path}"
        ) from None
    described = dict(_described(label) for label in labels)
    if len(described) < len(labels):
        raise click.BadParameter("a label is given twice", param_hint="--label")
    brings = adapter == "labels" != name and name in app.plugins.parts["task adapter"]
    remedies = (
        f"--adapter {name} brings some" if brings else "give some with --label NAME",
        "give another with --label NAME, or say --multi",
    )
    with blamed(adapter):
        made = part(settings, config.base)
        task = make_task(
            name, made, labels=described or None, multi=multi, threshold=threshold, remedies=remedies
        )
        defaults = seeds_of(made, task.labels)
    own = [] if file is None else read_for(task, file)
    store, now = app.synchronised_store, app.now()
    with store.transaction():
        store.tasks.add(task, adapter, given, now)
        store.tasks.sync_seeds(name, {"adapter": defaults}, now)
        correct_all(store, name, own, now)
    has = f"{number(len(task.labels), 'label')} and {number(len(store.tasks.seeds(name)), 'seed')}"
    click.echo(f"added the task {name} with {has}; {app.taken_up()}")
    _say_hints(app, store, name, *names_alone(task, store.tasks.seeds(name)))


@tasks_command.command("extend")
@click.argument("name")
@click.argument("label")
@click.option("--description", default="", help="A description of the label (describe all labels, or none).")
@click.option(
    "--seed",
    "documents",
    type=int,
    multiple=True,
    metavar="ID",
    help="A document to take as an example; repeat for each.",
)
@pass_app
def extend_command(app: App, name: str, label: str, description: str, documents: tuple[int, ...]) -> None:
    """Give a task another label, with documents as its examples.

    Alerts of kind `new_topic` suggest a label and documents. If the task is in the configuration
    file, add the label there first; then give its examples here.
    """
    if not legible(label) or label in (ALL, NO_LABEL):
        raise click.BadParameter(f"{label!r} cannot be a label", param_hint="LABEL")
    store, now = app.store_with(name, [label]), app.now()
    texts = [(text_of(app, store, name, id_), id_) for id_ in documents]
    with store.transaction():
        new = store.tasks.extend(name, label, description)
        for text, id_ in texts:
            correct(store, name, Seed(text, label), now, document_id=id_)
    what = f"added the label {label} to the task {name}" if new else f"the task {name} has the label {label}"
    click.echo(f"{what}, with {len(texts)} example{'s' * (len(texts) != 1)}; {app.taken_up()}")
    _say_hints(app, store, name)


@tasks_command.command("remove")
@click.argument("name")
@pass_app
def remove_command(app: App, name: str) -> None:
    """Stop using a task that `monitor tasks add` added.

    Its answers and its seeds are kept: adding a task of the same name again restores them.
    """
    store = app.store
    if store.tasks.need(name).origin == "command" and (faults := app.faults_without(name)):
        raise MonitorError(f"the configuration needs the task {name!r}, so change it first: {faults[0]}")
    store.tasks.retire(name)
    click.echo(f"removed the task {name}; {app.taken_up()}")


def _say_hints(app: App, store: Store, name: str, *more: str) -> None:
    for said in *more, *notes_of(store, store.tasks.need(name).task, app.encoder):
        click.echo(f"note: {said}", err=True)


def _described(text: str) -> tuple[str, str]:
    label, _, description = text.partition("=")
    return label.strip(), description.strip()
