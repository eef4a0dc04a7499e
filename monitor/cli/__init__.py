"""The command line: parses and prints; the rooms do the work. One file per command group."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from monitor import __version__
from monitor.cli.app import App
from monitor.errors import MonitorError

_COMMANDS = {
    "run": "monitor.cli.run",
    "status": "monitor.cli.status",
    "classify": "monitor.cli.classify",
    "evaluate": "monitor.cli.evaluate",
    "sources": "monitor.cli.sources",
    "tasks": "monitor.cli.tasks",
    "seeds": "monitor.cli.seeds",
    "adapt": "monitor.cli.adapt",
    "documents": "monitor.cli.documents",
    "trends": "monitor.cli.trends",
    "alerts": "monitor.cli.alerts",
    "rules": "monitor.cli.rules",
    "notifiers": "monitor.cli.notifiers",
    "plugins": "monitor.cli.plugins",
    "config": "monitor.cli.config",
    "db": "monitor.cli.db",
}
"""Built-in commands by module: each is imported when it is used, so that a command costs what it needs."""


class Failure(click.ClickException):
    """An error that the user can mend: one line, and the exit code that goes with it."""

    def __init__(self, error: MonitorError) -> None:
        super().__init__(str(error))
        self.exit_code = error.exit_code


class Commands(click.Group):
    """Built-in commands, then those of plugins, which are loaded only when one is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._with_plugins(ctx)
        return [*_COMMANDS, *sorted(super().list_commands(ctx))]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in _COMMANDS:
            command: click.Command = getattr(import_module(_COMMANDS[name]), f"{name}_command")
            return command
        self._with_plugins(ctx)
        return super().get_command(ctx, name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            ctx.fail(f"there is no command {args[0]!r}; known: {', '.join(self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except MonitorError as error:
            raise Failure(error) from error

    def _with_plugins(self, ctx: click.Context) -> None:
        if ctx.obj is None:
            ctx.obj = App(Path(ctx.params.get("config_path") or "config.toml"))
        added = click.Group(commands=dict.fromkeys(_COMMANDS, click.Command("taken")))  # type: ignore[arg-type]
        try:
            ctx.obj.plugins.add_commands(added)
        except MonitorError as error:
            raise Failure(error) from error
        self.commands = {n: c for n, c in added.commands.items() if n not in _COMMANDS}


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done; 1 something is not as it should be; 2 wrong use or configuration.",
)
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("config.toml"),
    envvar="MONITOR_CONFIG",
    show_default=True,
    show_envvar=True,
    help="Configuration file.",
)
@click.version_option(__version__, prog_name="monitor")
@click.pass_context
def cli(ctx: click.Context, config_path: Path) -> None:
    """Reads feeds and support chats, sorts every text by your labels, and raises an alert when
    something turns bad."""
    ctx.obj = App(config_path)


def main(args: Sequence[str] | None = None) -> None:
    """The console script."""
    cli.main(args, prog_name="monitor")
