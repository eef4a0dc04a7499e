"""``monitor run``: the monitor itself."""

from __future__ import annotations

import sys
from contextlib import closing

import click

from monitor.cli.app import App, pass_app
from monitor.cli.output import console
from monitor.config.model import Config
from monitor.errors import MonitorError


@click.command("run")
@click.option("--once", is_flag=True, help="Fetch, classify, judge and deliver once, then stop.")
@click.option(
    "--view/--no-view",
    default=None,
    help="Show documents, counts and alerts on stdout [default: if it is a terminal].",
)
@pass_app
def run_command(app: App, once: bool, view: bool | None) -> None:
    """Run the monitor until Ctrl-C (SIGTERM, SIGINT). It finishes what it is doing; a second Ctrl-C stops it
    at once.

    SIGHUP rereads the configuration. Logs go to stderr. Seeds and tasks added by other commands
    take effect within a second, without a restart.

    With --once, the exit code is 1 if a source could not be fetched, a rule failed, or a notification
    could not be delivered.
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

    def started(config: Config) -> None:
        set_up(config.log.level, config.log.format)
        if viewer is not None:
            viewer.start()

    run_daemon(app.load, started=started)


def _once(app: App, show: bool) -> None:
    from monitor.cli.view import View
    from monitor.runtime import Runtime
    from monitor.shared_encoder import make_encoder
    from monitor.store import Store
    from monitor.store.lock import DaemonLock

    config, plugins = app.load()
    with (
        DaemonLock(config.database),
        closing(Store(config.database, migrations=plugins.migrations)) as store,
        closing(make_encoder(config)) as encoder,
        closing(Runtime(config, plugins, store, encoder)) as runtime,
    ):
        runtime.synchronise(app.now())
        viewer = View(config.database, console()) if show else None
        if viewer is not None:
            viewer.begin()
        failed = runtime.once(app.now(), lambda name, got: click.echo(f"{name}: {got}", err=True))
        if viewer is not None:
            viewer.show_new()
    if failed:
        raise MonitorError("; ".join(f"{what}: {why}" for what, why in failed.items()))
