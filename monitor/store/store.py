"""Opening the database, and transactions."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from monitor.errors import StoreError
from monitor.store.alert_documents import AlertDocuments
from monitor.store.alerts import Alerts
from monitor.store.arrivals import Arrivals
from monitor.store.background import Background
from monitor.store.care import Care
from monitor.store.database import SharedDatabase
from monitor.store.digests import Digests
from monitor.store.documents import Documents
from monitor.store.evidence import Evidence
from monitor.store.features import Features
from monitor.store.files import make_private, whole
from monitor.store.heads import Heads
from monitor.store.heartbeats import Heartbeats
from monitor.store.judgements import Judgements
from monitor.store.lock import DaemonLock, one_at_a_time
from monitor.store.looks import Looks
from monitor.store.mentions import Mentioned
from monitor.store.migrations_alerts import core
from monitor.store.notification_log import NotificationLog
from monitor.store.outbox import Outbox
from monitor.store.predictions import Predictions
from monitor.store.profiles import Profiles, Waves
from monitor.store.series import SeriesCounts
from monitor.store.silences import Silences
from monitor.store.sources import Sources
from monitor.store.sqlite_errors import friendly
from monitor.store.stories import Stories
from monitor.store.succession import Succession
from monitor.store.tasks import Tasks
from monitor.store.threads import Threads
from monitor.store.transitions import Transitions

log = logging.getLogger(__name__)

BUSY_TIMEOUT_S = 30.0
STARTING = 40
"""Tenths of a second in which a monitor that has its lock may begin to migrate: later, it is of an older version."""


class Store:
    """One database file, with a room for each noun (``store.documents``, ``store.series``, ...).

    Safe to use from several threads: each gets a connection of its own, while it lives. Reads see the last
    commit; writes happen inside :meth:`transaction`.
    """

    def __init__(
        self,
        path: Path,
        *,
        migrations: Sequence[Migrations] = (),
        create: bool = True,
        read_only: bool = False,
    ) -> None:
        """Open ``path``, and bring its schema up to date.

        :param migrations: sets that plugins own, applied after the core's. One that raises is
            rolled back, kept in :attr:`failed_migrations`, and tried again at the next opening.
        :param create: make the file if there is none; otherwise that is an error.
        :param read_only: refuse writes, and an out-of-date schema, instead of migrating.
        :raises StoreError: if the file is missing, locked, read-only, newer than this
            program, or not a database.
        """
        self.path = path
        self.read_only = read_only
        self._local = threading.local()
        self._connections: dict[threading.Thread, sqlite3.Connection] = {}
        self._guard = threading.Lock()
        self._sets = [core, *migrations]
        self.migrated: list[str] = []
        """Names of the migrations that opening it applied."""
        self.failed_migrations: dict[str, str] = {}
        """Sets of plugins that raised, with the error: the rest of the database works."""
        if not path.exists():
            if not create or read_only:
                raise StoreError(
                    f"there is no database at {path}; `monitor run` or `monitor db migrate` makes it"
                )
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"the folder {path.parent} cannot be made: {error.strerror}") from None
            try:
                make_private(path)
            except OSError as error:
                raise StoreError(f"{path} cannot be made: {error.strerror}") from None
        self.documents = Documents(self)
        self.stories = Stories(self)
        self.arrivals = Arrivals(self)
        self.sources = Sources(self)
        self.tasks = Tasks(self)
        self.heads = Heads(self)
        self.features = Features(self)
        self.predictions = Predictions(self)
        self.series = SeriesCounts(self)
        self.profiles = Profiles(self)
        self.waves = Waves(self)
        self.alerts = Alerts(self)
        self.alert_documents = AlertDocuments(self)
        self.evidence = Evidence(self)
        self.background = Background(self)
        self.transitions = Transitions(self)
        self.care = Care(self)
        self.notification_log = NotificationLog(self)
        self.silences = Silences(self)
        self.judgements = Judgements(self)
        self.outbox = Outbox(self)
        self.succession = Succession(self)
        self.digests = Digests(self)
        self.heartbeats = Heartbeats(self)
        self.mentions = Mentioned(self)
        self.threads = Threads(self)
        self.looks = Looks(self)
        with friendly(path):
            self._check_schema()
            if read_only and (pending := core.pending(self.db)):
                raise StoreError(
                    f"{path} has an older schema; run `monitor db migrate` ({core.name}.{pending[0].name} ...)"
                )
            if not read_only and self.pending_migrations():
                self.migrated = self.migrate()

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection, in autocommit mode."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            mode = "ro" if self.read_only else "rwc"
            connection = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode={mode}",
                uri=True,
                timeout=BUSY_TIMEOUT_S,
                isolation_level=None,
                check_same_thread=False,  # close() closes every thread's
            )
            connection.row_factory = sqlite3.Row
            if not self.read_only:
                connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = full")
            connection.execute("pragma foreign_keys = on")
            connection.execute("pragma recursive_triggers = on")
            self._local.connection = connection
            with self._guard:
                # each reading of the configuration has threads of its own
                for thread in [thread for thread in self._connections if not thread.is_alive()]:
                    self._connections.pop(thread).close()
                self._connections[threading.current_thread()] = connection
        return connection

    @property
    def db(self) -> SharedDatabase:
        """This thread's connection as a sqlite-utils database."""
        return SharedDatabase(self.connection, self.transaction)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing: ``BEGIN IMMEDIATE`` ... ``COMMIT``. Inside another one it joins that.

        :raises StoreError: if the database is busy for too long, read-only, or the disk full.
        """
        connection = self.connection
        if connection.in_transaction:
            yield connection
            return
        with friendly(self.path):
            connection.execute("begin immediate")
            try:
                yield connection
                connection.execute("commit")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("rollback")
                raise

    @contextmanager
    def part(self) -> Iterator[None]:
        """A part of a transaction that is undone by itself where it raises; outside of one there is nothing to undo."""
        connection = self.connection
        if not connection.in_transaction:
            yield
            return
        connection.execute("savepoint part")
        try:
            yield
        except BaseException:
            if connection.in_transaction:
                connection.execute("rollback to part")
            raise
        finally:
            if connection.in_transaction:
                connection.execute("release part")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """All reads inside see the same state, whatever others commit meanwhile. No writes."""
        self.connection.execute("begin")
        try:
            yield
        finally:
            self.connection.execute("rollback")

    def row_counts(self) -> dict[str, int]:
        """Number of rows by table, plugins' tables included, the search index left out."""
        tables = self.connection.execute(
            "select name from sqlite_master where type = 'table' and name not like 'documents!_fts%' escape '!' "
            "and name not like '!_%' escape '!' and name not like 'sqlite!_%' escape '!' order by name"
        ).fetchall()
        return {
            name: int(self.connection.execute(f'select count(*) from "{name}"').fetchone()[0])
            for (name,) in tables
        }

    def pending_migrations(self) -> list[str]:
        """Names of the migrations that were not applied yet, as ``set.name``."""
        return [f"{s.name}.{m.name}" for s in self._sets for m in s.pending(self.db)]

    def applied_migrations(self) -> list[tuple[str, str]]:
        """``(set.name, applied at)`` in the order of application."""
        return [(f"{s.name}.{m.name}", m.applied_at) for s in self._sets for m in s.applied(self.db)]

    def migrate(self) -> list[str]:
        """Apply what is pending and name what was applied. Two processes that try at once take turns.

        :raises StoreError: a monitor runs that knows nothing of it: what that goes on to write would not be whole.
        """
        for _ in range(STARTING):
            with one_at_a_time(Path(f"{self.path}.migrate")):
                holder = DaemonLock(self.path).holder() if core.pending(self.db) else None
                if holder in (None, os.getpid()):
                    return self._apply()
            time.sleep(0.1)  # one that starts has its lock already, and migrates next
        raise StoreError(
            f"the monitor that runs (process {holder}) is of an older version than this program: stop it, "
            "start it anew, and give the command again"
        )

    def _apply(self) -> list[str]:
        pending = self.pending_migrations()
        core.apply(self.db)
        for migrations in self._sets[1:]:
            try:
                migrations.apply(self.db)
            except Exception as error:
                log.exception("the migrations %s failed and were rolled back", migrations.name)
                self.failed_migrations[migrations.name] = f"{type(error).__name__}: {error}"
        left = self.pending_migrations()
        return [name for name in pending if name not in left]

    def adopt(self, migrations: Sequence[Migrations]) -> None:
        """Go by these sets of plugins from now on, and apply what is pending of them.

        :raises StoreError: if one was applied by a newer version of its plugin.
        """
        before, self._sets = self._sets, [core, *migrations]
        try:
            with friendly(self.path):
                self._check_schema()
                if self.pending_migrations():
                    self.migrate()
        except Exception:
            self._sets = before
            raise

    def revision(self, name: str) -> int:
        """A number that only grows: ``learning`` with each change of tasks, seeds and heads in use."""
        row = self.connection.execute("select value from revisions where name = ?", [name]).fetchone()
        return int(row[0])

    def backup(self, target: Path) -> None:
        """A consistent copy while everything goes on (SQLite's online backup), whole or not at all.

        :raises StoreError: if ``target`` exists or cannot be written.
        """
        if os.path.lexists(target):
            raise StoreError(f"{target} exists already; name another file")
        try:
            with friendly(target), whole(target) as part, closing(sqlite3.connect(part)) as copy:
                self.connection.backup(copy)
        except OSError as error:
            raise StoreError(
                f"{target} cannot be written ({error.strerror}): check that its folder exists and may be written"
            ) from None

    def close(self) -> None:
        """Close every thread's connection; the store is used no more."""
        with self._guard:
            for connection in self._connections.values():
                connection.close()
            self._connections.clear()
            self._local = threading.local()

    def _check_schema(self) -> None:
        with closing(Database(memory=True, execute_plugins=False)) as empty:  # to it, all are to be applied
            for migrations in self._sets:
                known = {migration.name for migration in migrations.pending(empty)}
                newer = [m.name for m in migrations.applied(self.db) if m.name not in known]
                if newer:
                    raise StoreError(
                        f"{self.path} was written by a newer version (it has {newer[0]}); "
                        "upgrade this program or use another database"
                    )
