"""Opening the database, and transactions."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

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
from monitor.store.looks import Looks
from monitor.store.mentions import Mentioned
from monitor.store.notification_log import NotificationLog
from monitor.store.outbox import Outbox
from monitor.store.predictions import Predictions
from monitor.store.profiles import Profiles, Waves
from monitor.store.schema import Schema
from monitor.store.series import SeriesCounts
from monitor.store.silences import Silences
from monitor.store.sources import Sources
from monitor.store.sqlite_errors import friendly
from monitor.store.stories import Stories
from monitor.store.succession import Succession
from monitor.store.tasks import Tasks
from monitor.store.threads import Threads
from monitor.store.transitions import Transitions

BUSY_TIMEOUT_S = 30.0


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
            rolled back, kept in the :attr:`schema`'s ``failed``, and tried again at the next opening.
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
        self.schema = Schema(path, lambda: self.db, migrations)
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
            self.schema.open(read_only=read_only)

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
        """Names of the migrations that were not applied yet, as ``set.name``; plugins' tests ask."""
        return self.schema.pending()

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
