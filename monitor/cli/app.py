"""What commands share: the configuration, the plugins and the store, each made when it is needed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from monitor.config.document import disabled_plugins, read_document
from monitor.config.model import Config
from monitor.config.reader import KnownTasks, load_config
from monitor.config.shown import load_to_show
from monitor.errors import ConfigError, Fault
from monitor.interfaces import Encoder
from monitor.moments import moment
from monitor.plugins import Plugins, load_plugins
from monitor.store import Store
from monitor.store.lock import DaemonLock
from monitor.types import whole

if TYPE_CHECKING:
    from monitor.pipeline.learning.readers import Reader

F = TypeVar("F", bound=Callable[..., Any])


class App:
    """Handed to every command (``@pass_app``)."""

    def __init__(self, config_path: Path, taken: Collection[str] = ()) -> None:
        """:param taken: names of commands that no plugin can give to one of its own."""
        self.config_path, self.taken = config_path, taken

    def now(self) -> datetime:
        """The clock: aware, UTC."""
        return datetime.now(UTC)

    @property
    def plugins(self) -> Plugins:
        """Every plugin that the configuration does not disable; works without a configuration.

        :raises PluginError: if two of them claim one name.
        """
        self.installed.refuse_clashes()
        return self.installed

    @property
    def installed(self) -> Plugins:
        """Likewise, to be looked at only: two plugins that claim one name are among the failed."""
        return self._loaded[0]

    @property
    def plugin_commands(self) -> dict[str, click.Command]:
        """Commands of plugins by name."""
        return self._loaded[1]

    @cached_property
    def _loaded(self) -> tuple[Plugins, dict[str, click.Command]]:
        document = read_document(self.config_path) if self.config_path.is_file() else {}
        return self._load_plugins(document)

    def _load_plugins(self, document: Mapping[str, Any]) -> tuple[Plugins, dict[str, click.Command]]:
        """The plugins, each of which also had to add its commands: one that cannot provides nothing."""
        plugins = load_plugins(disabled=disabled_plugins(document), refuse_clashes=False)
        group = click.Group(commands={name: click.Command(name) for name in self.taken})
        plugins.add_commands(group)
        return plugins, {name: c for name, c in group.commands.items() if name not in self.taken}

    @cached_property
    def config(self) -> Config:
        """The configuration, checked.

        :raises ConfigError: with all its faults.
        """
        return self.load()[0]

    @cached_property
    def shown_config(self) -> Config:
        """The configuration, for commands that only show something: they need no secrets.

        :raises ConfigError: with all its faults, save secrets that the environment lacks.
        """
        return self.config if "config" in self.__dict__ else self._load_to_show(_tasks_of)

    def faults_without(self, task: str) -> Sequence[Fault]:
        """The faults that the configuration would have if a task that a command added were not there.

        :raises ConfigError: with the faults that it has already.
        """

        def others(database: Path) -> dict[str, Collection[str]]:
            return {name: labels for name, labels in _tasks_of(database).items() if name != task}

        try:
            self._load_to_show(others)
        except ConfigError as error:
            _ = self.shown_config  # what is wrong anyway is no fault of the task
            return error.faults
        return ()

    def _load_to_show(self, known_tasks: KnownTasks) -> Config:
        from monitor.alerts.detectors import KINDS

        return load_to_show(self.config_path, self.plugins, KINDS, known_tasks)

    @cached_property
    def encoder(self) -> Encoder | None:
        """The encoder, for commands that only show something; none where the configuration has faults."""
        from monitor.shared_encoder import make_encoder

        try:
            return make_encoder(self.shown_config)
        except ConfigError:
            return None

    def load(self, *, check_files: bool = False) -> tuple[Config, Plugins]:
        """The configuration as the file has it now, and the plugins it leaves enabled.

        :param check_files: a seed, or an encoder's file, that cannot be used is a fault as well.
        :raises ConfigError: with all its faults.
        """
        from monitor.alerts.detectors import KINDS

        plugins, _ = self._load_plugins(read_document(self.config_path))
        config = load_config(self.config_path, plugins, KINDS, _tasks_of, check_files=check_files)
        return config, plugins

    @cached_property
    def database(self) -> Path:
        """The database that the configuration names, whatever else may be wrong with the file."""
        named = read_document(self.config_path).get("database", "monitor.db")
        if isinstance(named, dict) and isinstance(variable := named.get("env"), str):
            if variable not in os.environ:
                fault = Fault("database", f"the environment variable {variable} is not set")
                raise ConfigError(self.config_path, [fault])
            named = os.environ[variable]
        if not isinstance(named, str):
            raise ConfigError(self.config_path, [Fault("database", "must be a path")])
        return self.config_path.resolve().parent / named

    @cached_property
    def store(self) -> Store:
        """The store, which must exist; for commands that read, or change what people own."""
        return Store(self.database, create=False)

    @cached_property
    def synchronised_store(self) -> Store:
        """The store, made if need be, with the configuration's sources and tasks in it."""
        from monitor.pipeline.declared import synchronise

        store = Store(self.config.database, migrations=self.plugins.migrations)
        synchronise(self.config, store, self.now())
        return store

    def store_with(self, task: str, labels: Collection[str] = ()) -> Store:
        """The store, for a command that changes ``task``, which should have these ``labels``.

        The configuration is only read where the store does not know them yet, so that seeds
        can be added without the secrets that a running monitor has in its environment.
        """
        if self.database.is_file():
            known = self.store.tasks.get(task)
            if known is not None and known.active and known.task.labels.keys() >= set(labels):
                return self.store
        return self.synchronised_store

    def labels_of(self, task: str) -> Collection[str]:
        """The labels that the configuration gives a task; none if it does not know it, or has faults."""
        try:
            tasks = self.shown_config.tasks
        except ConfigError:
            return ()
        return next((own.task.labels for own in tasks if own.task.name == task), ())

    def daemon(self) -> int | None:
        """The process of the monitor that runs on the database, or ``None``."""
        return DaemonLock(self.database).holder()

    def taken_up(self) -> str:
        """What will come of a change that was just made, in words."""
        process = self.daemon()
        if process is None:
            return "the next `monitor run` takes it up (or `monitor adapt`, at once)"
        return f"the running monitor (process {process}) takes it up by itself"

    def note_what_is_not_kept(self, readers: Iterable[Reader]) -> None:
        """Say on standard error that tasks had to learn their examples for a command that stores nothing."""
        if any(reader.head_id == 0 for reader in readers) and self.daemon() is None:
            click.echo("note: what was learned serves this answer alone; `monitor adapt` keeps it", err=True)

    def close(self) -> None:
        """Close what was opened."""
        for name in ("store", "synchronised_store"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()


pass_app = click.make_pass_decorator(App)


def json_option(function: F) -> F:
    """``--json``: print one JSON value for programs instead of a table for people."""
    option: F = click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)
    return option


def limit_option(function: F) -> F:
    """``--limit``: how many rows; see :func:`at_most`."""
    option: F = click.option(
        "--limit",
        type=click.IntRange(min=0),
        help="At most so many; 0 for all [default: 50, with --json all].",
    )(function)
    return option


def at_most(limit: int | None, as_json: bool) -> int | None:
    """The limit that ``--limit`` stands for: people get a page, programs all there is."""
    if limit is None:
        return None if as_json else 50
    return limit or None


def print_json(value: Any) -> None:
    """One JSON value on stdout; times as RFC 3339, in UTC."""
    escaped = not speaks_unicode(sys.stdout)
    # a source's cursor may hold half of a character, which no terminal takes
    click.echo(whole(json.dumps(value, indent=2, ensure_ascii=escaped, default=_plain)))


def speaks_unicode(stream: TextIO) -> bool:
    """Whether a stream takes every character, or has no encoding that says otherwise."""
    return (stream.encoding or "utf-8").lower().replace("_", "-").startswith("utf")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Collection):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def _tasks_of(database: Path) -> dict[str, Collection[str]]:
    """Labels by name of the tasks that commands added, if there is a database."""
    if not database.is_file():
        return {}
    store = Store(database)
    try:
        return {t.task.name: t.task.labels for t in store.tasks.active() if t.origin == "command"}
    finally:
        store.close()
