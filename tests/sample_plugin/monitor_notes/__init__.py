"""Notes for monitor: the hooks. Each part has a file of its own.

The imports are inside the hooks, so that a command that needs no plugin does not pay for this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor import hookimpl

if TYPE_CHECKING:
    import click
    from sqlite_utils.migrations import Migrations

    from monitor.interfaces import Encoder, Notifier, Source, TaskAdapter


@hookimpl
def register_sources() -> list[type[Source]]:
    from monitor_notes.source import Notes

    return [Notes]


@hookimpl
def register_task_adapters() -> list[type[TaskAdapter]]:
    from monitor_notes.urgency import Urgency

    return [Urgency]


@hookimpl
def register_notifiers() -> list[type[Notifier]]:
    from monitor_notes.notifier import JsonFile

    return [JsonFile]


@hookimpl
def register_encoders() -> list[type[Encoder]]:
    from monitor_notes.encoder import Trigram

    return [Trigram]


@hookimpl
def register_commands(cli: click.Group) -> None:
    from monitor_notes.commands import notes

    cli.add_command(notes)


@hookimpl
def register_migrations() -> list[Migrations]:
    from monitor_notes.migrations import migrations

    return [migrations]
