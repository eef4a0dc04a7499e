"""The schema of a database: what the migrations of the core and of plugins made of it."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from monitor.errors import StoreError
from monitor.store.lock import DaemonLock, one_at_a_time
from monitor.store.migrations_sources import core
from monitor.store.sqlite_errors import friendly

log = logging.getLogger(__name__)

STARTING = 40
"""Tenths of a second in which a monitor that has its lock may begin to migrate: later, it is of an older version."""


class Schema:
    """The core's set of migrations and those of plugins, of one database."""

    def __init__(self, path: Path, database: Callable[[], Database], plugins: Sequence[Migrations]) -> None:
        """
        :param database: the one at ``path``, on the connection of the thread that asks.
        :param plugins: sets that plugins own, applied after the core's.
        """
        self._path, self._database, self._sets = path, database, [core, *plugins]
        self.migrated: list[str] = []
        """Names of the migrations that opening it applied."""
        self.failed: dict[str, str] = {}
        """Sets of plugins that raised, with the error: the rest of the database works."""

    def open(self, *, read_only: bool) -> None:
        """Apply what is pending, if it may be written to.

        :raises StoreError: it is newer than this program, or, where it is only read, older.
        """
        self._refuse_newer()
        if read_only:
            if pending := core.pending(self._database()):
                raise StoreError(
                    f"{self._path} has an older schema; run `monitor db migrate` "
                    f"({core.name}.{pending[0].name} ...)"
                )
        elif self.pending():
            self.migrated = self.migrate()

    def pending(self) -> list[str]:
        """Names of the migrations that were not applied yet, as ``set.name``."""
        return [f"{s.name}.{m.name}" for s in self._sets for m in s.pending(self._database())]

    def applied(self) -> list[tuple[str, str]]:
        """``(set.name, applied at)`` in the order of application."""
        return [(f"{s.name}.{m.name}", m.applied_at) for s in self._sets for m in s.applied(self._database())]

    def migrate(self) -> list[str]:
        """Apply what is pending and name what was applied. Two processes that try at once take turns.

        :raises StoreError: a monitor runs that knows nothing of it: what that goes on to write would not be whole.
        """
        for _ in range(STARTING):
            with one_at_a_time(Path(f"{self._path}.migrate")):
                holder = DaemonLock(self._path).holder() if core.pending(self._database()) else None
                if holder in (None, os.getpid()):
                    return self._apply()
            time.sleep(0.1)  # one that starts has its lock already, and migrates next
        raise StoreError(
            f"the monitor that runs (process {holder}) is of an older version than this program: stop it, "
            "start it anew, and give the command again"
        )

    def adopt(self, plugins: Sequence[Migrations]) -> None:
        """Go by these sets of plugins from now on, and apply what is pending of them.

        :raises StoreError: if one was applied by a newer version of its plugin.
        """
        before, self._sets = self._sets, [core, *plugins]
        try:
            with friendly(self._path):
                self._refuse_newer()
                if self.pending():
                    self.migrate()
        except Exception:
            self._sets = before
            raise

    def _apply(self) -> list[str]:
        pending = self.pending()
        core.apply(self._database())
        for migrations in self._sets[1:]:
            try:
                migrations.apply(self._database())
            except Exception as error:
                log.exception("the migrations %s failed and were rolled back", migrations.name)
                self.failed[migrations.name] = f"{type(error).__name__}: {error}"
        left = self.pending()
        return [name for name in pending if name not in left]

    def _refuse_newer(self) -> None:
        with closing(Database(memory=True, execute_plugins=False)) as empty:  # to it, all are to be applied
            for migrations in self._sets:
                known = {migration.name for migration in migrations.pending(empty)}
                newer = [m.name for m in migrations.applied(self._database()) if m.name not in known]
                if newer:
                    raise StoreError(
                        f"{self._path} was written by a newer version (it has {newer[0]}); "
                        "upgrade this program or use another database"
                    )
