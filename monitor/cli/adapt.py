"""``monitor adapt``: learn now what the seeds say."""

from __future__ import annotations

import time
from dataclasses import dataclass

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from monitor.cli.app import App, pass_app
from monitor.cli.output import console, print_table
from monitor.errors import LearnError, MonitorError


@dataclass
class Adapted:
    """What became of a task: ``changed`` documents of the past got other labels."""

    task: str
    what: str
    seeds: int | None = None
    changed: int | None = None
    seconds: float = 0.0


@click.command("adapt")
@click.argument("task", required=False)
@click.option("--force", is_flag=True, help="Make a new version even if nothing changed.")
@pass_app
def adapt_command(app: App, task: str | None, force: bool) -> None:
    """Adapt TASK, or all tasks, to their seeds, and read the past again with what was learned.

    A task whose seeds, labels and encoder are as they were is left alone. A running monitor
    does all this by itself within a second of a change, so there this command has nothing to
    do. The exit code is 1 if a task cannot be learned; the others are adapted all the same.
    """
    process = app.daemon()
    if process is not None:
        if force:
            raise MonitorError(
                f"a monitor (process {process}) runs on this database; stop it to make heads by force"
            )
        if task is not None:
            app.store.tasks.need(task)
        click.echo(f"nothing to do: the running monitor (process {process}) adapts by itself")
        return
    found, failed = _adapt(app, task, force)
    print_table(
        ["task", "head", "seeds", "changed labels", "seconds"],
        [
            [a.task, a.what, a.seeds, "" if a.changed is None else f"{a.changed:,}", f"{a.seconds:.1f}"]
            for a in found
        ],
        empty="no tasks; add some to the configuration, or with `monitor tasks add`",
        right=["seeds", "changed labels", "seconds"],
    )
    if failed:
        raise LearnError("; ".join(failed))


def _adapt(app: App, task: str | None, force: bool) -> tuple[list[Adapted], list[str]]:
    from monitor.pipeline.featurizer import Featurizer
    from monitor.pipeline.learning import adapt_reader, relabel
    from monitor.pipeline.readers import load_readers
    from monitor.runtime import make_encoder
    from monitor.store.lock import DaemonLock

    config, now = app.config, app.now()
    found: list[Adapted] = []
    failed: list[str] = []
    with DaemonLock(config.database):
        store, encoder = app.synchronised_store, make_encoder(config)
        wanted = [store.tasks.need(task)] if task else store.tasks.active()
        readers = {r.task.name: r for r in load_readers(store, app.plugins, config.base, encoder.fingerprint)}
        featurizer = Featurizer(store, encoder)
        documents = store.documents.count()
        for name in (stored.task.name for stored in wanted):
            if name not in readers:
                failed.append(f"{name}: its adapter cannot be used (see `monitor plugins list`)")
                continue
            started = time.monotonic()
            try:
                head = adapt_reader(store, featurizer, readers[name], now, force=force)
            except LearnError as error:
                failed.append(f"{name}: {error}")
                continue
            adapted = Adapted(name, "as it was" if head is None else f"version {head.version}")
            adapted.seeds = None if head is None else head.seeds
            with _progress() as progress:
                bar = progress.add_task(f"{name}: reading the past again", total=documents)
                adapted.changed = relabel(
                    store,
                    featurizer,
                    readers[name],
                    now,
                    window=config.retention.features,
                    progress=lambda count, bar=bar: progress.advance(bar, count),  # type: ignore[misc]
                )
            adapted.seconds = time.monotonic() - started
            found.append(adapted)
        encoder.close()
    return found, failed


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
