"""``monitor plugins``: what is installed, and what became of it."""

from __future__ import annotations

from dataclasses import asdict

import click

from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.cli.group import Group
from monitor.cli.output import print_table
from monitor.plugins import PluginStatus


@click.group("plugins", cls=Group)
def plugins_command() -> None:
    """Show plugins."""


@plugins_command.command("list")
@json_option
@pass_app
def list_command(app: App, as_json: bool) -> None:
    """List the installed plugins: what each provides, or the error that stopped it.

    Works without a configuration file. A failed plugin does not change the exit code: the rest
    works, and `monitor config check` says where it is needed. Two plugins that claim one name
    are both shown as failed, and then no other command works.

    With --json: one array of objects with name, module, distribution, disabled, error and
    provides.
    """
    statuses = app.installed.statuses
    if as_json:
        print_json([asdict(status) for status in statuses])
        return
    print_table(
        ["name", "distribution", "module", "provides"],
        [[status.name, status.distribution, status.module, _provides(status)] for status in statuses],
        empty="no plugins are installed",
    )


def _provides(status: PluginStatus) -> str:
    if status.disabled:
        return "(disabled)"
    if status.error:
        return f"failed: {status.error}"
    return ", ".join(status.provides) or "nothing: is a function with @hookimpl missing?"
