"""``monitor run``: the monitor itself."""

from __future__ import annotations

import sys

import click

from monitor.cli.app import App, pass_app
from monitor.cli.output import console
from monitor.errors import MonitorError, SourceError


@click.command("run")
@click.option("--once", is_flag=True, help="Fetch, classify, judge and deliver once, then stop.")
@click.option(
    "--view/--no-view",
    default=None,
    help="Show documents, counts and alerts on stdout [default: if it is a terminal].",
)
@pass_app
def run_command(app: App, once: bool, view: bool | None) -> None:
    """Run the monitor until Ctrl-C (SIGTERM, SIGINT).

    SIGHUP reads the configuration again. Logs go to stderr. Seeds and tasks that other
    commands add are taken up within a second; nothing needs a restart.

    With --once, the exit code is 1 if a source could not be fetched or a notification could
    not be delivered.
    """
    from monitor.logs import set_up

    log = app.config.log
    show = sys.stdout.isatty() if view is None else view
    set_up(log.level, log.format)
    if once:
        _once(app, show)
        return
    from monitor.cli.view import View
    from monitor.daemon import run_daemon

    viewer = View(app.database, console()) if show else None
    run_daemon(app.load, started=lambda _: viewer.start() if viewer else None)


def _once(app: App, show: bool) -> None:
    from monitor.cli.view import View
    from monitor.runtime import Runtime, make_encoder
    from monitor.store import Store
    from monitor.store.lock import DaemonLock

    config, plugins = app.load()
    lock = DaemonLock(config.database)
    lock.acquire()
    store = Store(config.database, migrations=plugins.migrations)
    encoder = make_encoder(config)
    runtime = Runtime(config, plugins, store, encoder)
    runtime.synchronise(app.now())
    viewer = View(config.database, console())
    failed = dict(runtime.broken)
    for name in runtime.sources:
        try:
            got = runtime.fetch(name, app.now())
            click.echo(f"{name}: {got.new} new, {got.edited} changed, {got.bad} bad", err=True)
        except SourceError as error:
            failed[f"source {name}"] = str(error)
    runtime.learn(app.now())
    runtime.relabel(app.now())
    while runtime.classify(app.now()):
        pass
    runtime.tick(app.now())
    for name in runtime.notifiers:
        runtime.deliver(name, app.now())
    if show:
        viewer.show_new()
    for letter in store.outbox.undelivered():
        failed[f"notifier {letter.notifier}"] = letter.last_error or "waits for its next attempt"
    runtime.close()
    encoder.close()
    store.close()
    lock.release()
    if failed:
        raise MonitorError("; ".join(f"{what}: {why}" for what, why in failed.items()))
