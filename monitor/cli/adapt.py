"""``monitor adapt``: learn now what the seeds say; go back to what was in use before."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.cli.output import clock, console, number, print_table
from monitor.errors import LearnError, MonitorError
from monitor.store import Store
from monitor.store.heads import StoredHead, enough_to_tell

if TYPE_CHECKING:
    from monitor.interfaces import Encoder
    from monitor.pipeline.learning.featurizer import Featurizer
    from monitor.pipeline.learning.readers import Reader


@dataclass
class Adapted:
    """What became of a task: ``made`` says whether ``version`` is new, ``note`` why it is not, and
    which seeds have no label; ``changed`` documents of the past got other labels (``None``: nothing
    was read again)."""

    task: str
    made: bool
    version: int
    depth: str
    seeds: int
    changed: int | None
    seconds: float
    note: str = ""


@click.command("adapt")
@click.argument("task", required=False)
@click.option("--force", is_flag=True, help="Make a new version even if nothing changed.")
@click.option(
    "--depth",
    type=click.Choice(["seeds", "stream", "deep"]),
    help="Learn from seeds and names, from stored documents as well, or by fine-tuning [default: seeds].",
)
@click.option("--revert", "back", is_flag=True, help="Go back to the version of TASK used before.")
@click.option("--history", is_flag=True, help="List the versions of TASK.")
@json_option
@pass_app
def adapt_command(
    app: App, task: str | None, force: bool, depth: str | None, back: bool, history: bool, as_json: bool
) -> None:
    """Adapt TASK, or all tasks, to their seeds, and reclassify past documents accordingly.

    A task whose seeds, labels and encoder have not changed is left alone. A running monitor does all
    this by itself within a second of a change, and this command then has nothing to do. The exit code
    is 1 if a task cannot be learned; the others are still adapted.

    `--depth stream` also learns from the documents that the task reads (the 20,000 newest), without
    their labels; it needs two seeds of each label, and the new version is used only if it is no worse
    on held-out seeds. `--depth deep` fine-tunes layers on the task's seeds in half a minute or more; it
    needs four seeds of each label, and the new version is used only if it is better on held-out seeds.
    Both are for tasks with one label a text. After `deep`, each text costs half an encoder pass more,
    and all past documents are encoded again; when seeds change, the layers stay, and the seeds are
    learned in them. After `stream`, the next version is learned from seeds alone.

    `--depth` and `--force` need the database to themselves: stop a running monitor first, and start it
    again afterwards.

    `--revert TASK` goes back one version and reclassifies past documents with it (a running monitor does
    that itself). This version stays until the task's seeds or labels, or the encoder, change.

    With --json: an array of objects with task, made, version, depth, seeds, changed (documents whose
    labels changed, or null), seconds and note. With --revert: one object with task, version, depth,
    seeds, reason and changed. With --history: an array of versions, the newest first, with version,
    active, created_at, depth, view, encoder, seeds, log_loss and accuracy on held-out seeds, judged (how
    many these were; all three may be null) and reason. Scores on fewer than 20 mean next to nothing; the
    table omits them. One seed in four is held out at a time, for `deep` one in two, so only its reason says
    what it gained.
    """
    if history or back:
        option = "--history" if history else "--revert"
        if task is None:
            raise click.UsageError(f"{option} goes with a TASK")
        if force or depth or (history and back):
            raise click.UsageError(f"{option} goes alone")
        (_history if history else _revert)(app, task, as_json)
        return
    process = app.daemon()
    if process is not None:
        if force or depth:
            what = "make heads by force" if force else f"learn at depth {depth}"
            raise MonitorError(f"a monitor (process {process}) runs on this database; stop it to {what}")
        if task is not None:
            app.store.tasks.need(task)
        if as_json:
            print_json([])
        click.echo(f"nothing to do: the running monitor (process {process}) adapts by itself", err=as_json)
        return
    found, failed = _adapt(app, task, force, depth)
    if as_json:
        print_json([asdict(adapted) for adapted in found])
    elif found or not failed:
        print_table(
            ["task", "head", "depth", "seeds", "changed labels", "seconds"],
            [
                [
                    a.task,
                    f"version {a.version}" if a.made else "as it was",
                    a.depth,
                    a.seeds,
                    "" if a.changed is None else f"{a.changed:,}",
                    f"{a.seconds:.1f}",
                ]
                for a in found
            ],
            empty="no tasks; add some to the configuration, or with `monitor tasks add`",
            right=["seeds", "changed labels", "seconds"],
        )
        for adapted in found:
            if adapted.note:
                click.echo(f"{adapted.task}: {adapted.note}")
    if failed:
        raise LearnError("; ".join(failed))


def _history(app: App, task: str, as_json: bool) -> None:
    app.store.tasks.need(task)
    versions = app.store.heads.versions(task)
    if as_json:
        shown = (
            "version",
            "active",
            "created_at",
            "depth",
            "view",
            "encoder",
            "seeds",
            "log_loss",
            "accuracy",
            "judged",
        )
        print_json([{name: getattr(head, name) for name in (*shown, "reason")} for head in versions])
        return
    print_table(
        ["version", "", "made", "depth", "view", "seeds", "log-loss", "accuracy", "reason"],
        [
            [
                head.version,
                "in use" if head.active else "",
                clock(head.created_at),
                head.depth,
                head.view,
                head.seeds,
                *_score(head),
                head.reason,
            ]
            for head in versions
        ],
        empty=f"the task {task} has no head yet; `monitor adapt {task}` makes one",
        right=["version", "seeds", "log-loss", "accuracy"],
    )


def _score(head: StoredHead) -> tuple[str, str]:
    """Log-loss and accuracy on left-out seeds, in words."""
    if head.log_loss is None or head.accuracy is None:
        return "", ""
    if not enough_to_tell(head.seeds, head.judged):
        return "", "too few seeds"
    return f"{head.log_loss:.3f}", f"{head.accuracy:.0%}"


def _revert(app: App, task: str, as_json: bool) -> None:
    from monitor.pipeline.learning.heads import revert
    from monitor.shared_encoder import make_encoder
    from monitor.store.lock import DaemonLock

    process, changed = app.daemon(), None
    encoder = make_encoder(app.config)
    if process is not None:
        head = revert(app.store, task, encoder.fingerprint)
        then = f"the running monitor (process {process}) takes it up and reads the past again"
    else:
        with DaemonLock(app.config.database):
            store = app.synchronised_store
            store.tasks.need(task)
            featurizer, readers = _readers(app, store, encoder)
            if task not in readers:
                raise LearnError(_unreadable(task))
            head = revert(store, task, encoder.fingerprint)
            changed = _relabel(app, store, featurizer, readers[task])
        then = f"{number(changed or 0, 'document')} of the past got other labels"
    encoder.close()
    if as_json:
        shown = ("task", "version", "depth", "seeds", "reason")
        print_json({name: getattr(head, name) for name in shown} | {"changed": changed})
    else:
        click.echo(f"{task}: version {head.version} is in use again ({head.reason}); {then}")


def _adapt(app: App, task: str | None, force: bool, depth: str | None) -> tuple[list[Adapted], list[str]]:
    from monitor.shared_encoder import make_encoder
    from monitor.store.lock import DaemonLock

    found: list[Adapted] = []
    failed: list[str] = []
    with DaemonLock(app.config.database):
        store, encoder = app.synchronised_store, make_encoder(app.config)
        encoder.check()  # where its files are at fault, that is said once and not for each task
        wanted = [store.tasks.need(task)] if task else store.tasks.active()
        featurizer, readers = _readers(app, store, encoder)
        for name in (stored.task.name for stored in wanted):
            if name not in readers:
                failed.append(_unreadable(name))
                continue
            try:
                found.append(_adapt_one(app, store, featurizer, readers[name], force, depth))
            except LearnError as error:
                failed.append(f"{name}: {error}")
        encoder.close()
    return found, failed


def _adapt_one(
    app: App, store: Store, featurizer: Featurizer, reader: Reader, force: bool, depth: str | None
) -> Adapted:
    import numpy as np

    from monitor.pipeline.learning.hints import seeds_without_label
    from monitor.pipeline.learning.promotion import learn

    started, name = time.monotonic(), reader.task.name
    with _progress() as progress:
        what, total = _work(store, depth)
        bar = progress.add_task(f"{name}: {what}", total=total)
        learned = learn(
            store,
            featurizer,
            reader,
            app.now(),
            depth=depth,
            force=force,
            rng=np.random.default_rng(0),  # the same seeds and documents give the same head
            progress=lambda count: progress.advance(bar, count),
        )
    changed = _relabel(app, store, featurizer, reader)
    head = store.heads.active(name)
    assert head is not None
    seconds = time.monotonic() - started
    lost = seeds_without_label(reader.task, store.tasks.all_seeds(name))
    note = "; ".join([*filter(None, [learned.note]), *lost])
    return Adapted(name, learned.made, head.version, head.depth, head.seeds, changed, seconds, note)


def _work(store: Store, depth: str | None) -> tuple[str, int | None]:
    """What a depth takes its time for, and how many steps that has, where they are counted."""
    from monitor.learn.tune import STEPS
    from monitor.pipeline.learning.promotion import DEEP, STREAM

    if depth == STREAM:
        return "looking at the stream", store.documents.count()
    if depth == DEEP:
        return "fine-tuning", STEPS
    return "learning from seeds", None


def _readers(app: App, store: Store, encoder: Encoder) -> tuple[Featurizer, dict[str, Reader]]:
    from monitor.pipeline.learning.featurizer import Featurizer
    from monitor.pipeline.learning.readers import load_readers

    readers = load_readers(store, app.plugins, app.config.base, encoder)
    return Featurizer(store, encoder), {reader.task.name: reader for reader in readers}


def _relabel(app: App, store: Store, featurizer: Featurizer, reader: Reader) -> int | None:
    from monitor.pipeline.learning.heads import relabel

    with _progress() as progress:
        bar = progress.add_task(f"{reader.task.name}: reading the past again", total=store.documents.count())
        return relabel(
            store,
            featurizer,
            reader,
            app.now(),
            window=app.config.retention.features,
            progress=lambda count: progress.advance(bar, count),
        )


def _unreadable(task: str) -> str:
    return f"{task}: its adapter cannot be used (see `monitor plugins list`)"


def _progress() -> Progress:
    """A bar on stderr, that goes when it is done; nothing where stderr is no terminal."""
    screen = console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,
    )
