"""The command line: parses and prints; the rooms do the work. One file per command group."""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import click

from monitor import __version__
from monitor.cli.app import App, speaks_unicode
from monitor.cli.group import Group
from monitor.errors import MonitorError, plain
from monitor.store.sqlite_errors import friendly

_COMMANDS = {
    "run": "monitor.cli.run",
    "status": "monitor.cli.status",
    "classify": "monitor.cli.classify",
    "explain": "monitor.cli.explain",
    "evaluate": "monitor.cli.evaluate",
    "meta-train": "monitor.cli.meta",
    "sources": "monitor.cli.sources",
    "tasks": "monitor.cli.tasks",
    "seeds": "monitor.cli.seeds",
    "label": "monitor.cli.label",
    "adapt": "monitor.cli.adapt",
    "documents": "monitor.cli.documents",
    "trends": "monitor.cli.trends",
    "alerts": "monitor.cli.alerts",
    "silences": "monitor.cli.silences",
    "rules": "monitor.cli.rules",
    "digest": "monitor.cli.digest",
    "notifiers": "monitor.cli.notifiers",
    "plugins": "monitor.cli.plugins",
    "config": "monitor.cli.config",
    "db": "monitor.cli.db",
}
"""Built-in commands by module: each is imported when it is used, so that a command costs what it needs."""


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""Of a file that the output was sent to, mostly; the database says so itself."""

_BARRED = {errno.EACCES, errno.EPERM, errno.ENAMETOOLONG}
"""Whether a file is there cannot even be asked, as in a folder of the service's own (see deploy/monitor.service)."""


class Failure(click.ClickException):
    """Something is not as it should be, and the user can mend it: a message without a traceback."""


class Misuse(Failure):
    """Likewise, where the command or the configuration is wrong."""

    exit_code = 2


def failure(error: MonitorError) -> Failure:
    """The error as click reports it, with the exit code that goes with it."""
    return (Misuse if error.exit_code == Misuse.exit_code else Failure)(str(error))


def _never_stored(error: OverflowError | UnicodeEncodeError) -> str:
    """That SQLite refuses to look for what was typed, in words; nothing where it is another error."""
    if "SQLite INTEGER" in str(error):
        return "a number is larger than any ID or count can be"
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        return "a name or text that was given is not UTF-8"
    return ""


class Commands(Group):
    """Built-in commands, then those of plugins, which are loaded only when one is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        try:
            added = sorted(self._of_plugins(ctx))
        except MonitorError:  # what is wrong is for the commands to say: help is always there
            added = []
        return [*_COMMANDS, *added]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in _COMMANDS:
            command: click.Command = getattr(
                import_module(_COMMANDS[name]), f"{name.replace('-', '_')}_command"
            )
            return command
        try:
            return self._of_plugins(ctx).get(name)
        except MonitorError as error:
            raise failure(error) from error

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except MonitorError as error:
            raise failure(error) from error
        except sqlite3.DatabaseError as error:  # a damaged page shows only where it is read
            try:
                with friendly(ctx.obj.database):
                    raise
            except MonitorError as known:
                raise failure(known) from error
        except OSError as error:
            if error.errno in _FULL:
                raise Failure(f"what was to be written cannot be: {plain(error)}") from error
            if error.errno in _BARRED and error.filename is not None:
                raise Failure(f"{error.filename} cannot be used: {plain(error)}") from error
            raise
        except (OverflowError, UnicodeEncodeError) as error:
            if said := _never_stored(error):
                raise Misuse(said) from error
            raise

    def _of_plugins(self, ctx: click.Context) -> dict[str, click.Command]:
        if ctx.obj is None:  # help and completion come before the group's own function
            ctx.obj = App(Path(ctx.params.get("config_path") or "config.toml"), _COMMANDS)
        app: App = ctx.obj
        return app.plugin_commands


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done; 1 something failed or is wrong; 2 wrong usage or configuration.",
)
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("config.toml"),
    envvar="MONITOR_CONFIG",
    is_eager=True,
    show_default=True,
    show_envvar=True,
    help="Configuration file.",
)
@click.version_option(__version__, prog_name="monitor")
@click.pass_context
def cli(ctx: click.Context, config_path: Path) -> None:
    """Reads feeds and support chats, sorts every text by your labels, and raises an alert when
    something turns bad."""
    ctx.obj = App(config_path, _COMMANDS)
    ctx.call_on_close(ctx.obj.close)


def main(args: Sequence[str] | None = None) -> None:
    """The console script."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed by whoever started the program
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  # for as long as the program lasts
    for stream in (sys.stdout, sys.stderr):  # a character that the terminal lacks is no reason to stop
        if isinstance(stream, TextIOWrapper) and not speaks_unicode(stream):
            stream.reconfigure(errors="replace")
    cli.main(args, prog_name="monitor")
