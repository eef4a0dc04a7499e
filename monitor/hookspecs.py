"""The hooks that a plugin may implement.

A plugin is a module (or any object) registered in the entry-point group ``monitor``. Hooks
are called when the program starts, and when the configuration is read again. A hook that
raises loses only its own plugin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import click
    from sqlite_utils.migrations import Migrations

    from monitor.interfaces import Encoder, Notifier, Source, TaskAdapter

hookspec = pluggy.HookspecMarker("monitor")
hookimpl = pluggy.HookimplMarker("monitor")


@hookspec
def register_sources() -> list[type[Source]]:
    """Return source classes. ``plugin = NAME`` under ``[[sources]]`` picks one by its ``name``."""


@hookspec
def register_task_adapters() -> list[type[TaskAdapter]]:
    """Return task adapter classes. ``adapter = NAME`` under ``[[tasks]]`` picks one."""


@hookspec
def register_notifiers() -> list[type[Notifier]]:
    """Return notifier classes. ``plugin = NAME`` under ``[[notifiers]]`` picks one."""


@hookspec
def register_encoders() -> list[type[Encoder]]:
    """Return encoder classes. ``encoder = NAME`` at the top of the configuration picks one."""


@hookspec
def register_commands(cli: click.Group) -> None:
    """Add commands to ``monitor``. A name that is taken is refused."""


@hookspec
def register_migrations() -> list[Migrations]:
    """Return the plugin's own migrations, a set named ``monitor-PLUGIN``.

    They run after the core's, on tables that the plugin owns; their names start with the
    plugin's name and an underscore.
    """
