"""sqlite-utils' view of a database that others write to at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from sqlite3 import Connection
from typing import Self

from sqlite_utils import Database


class SharedDatabase(Database):
    """A database whose transactions take the write lock when they begin.

    sqlite-utils begins with a plain ``BEGIN``. A transaction that reads first (does the table exist?)
    and writes then is refused at once, whatever the timeout, where somebody wrote in between
    (``SQLITE_BUSY_SNAPSHOT``, https://sqlite.org/isolation.html): so would be a plugin's migration
    while the monitor runs.
    """

    def __init__(
        self, connection: Connection, transaction: Callable[[], AbstractContextManager[Connection]]
    ) -> None:
        """
        :param transaction: ``BEGIN IMMEDIATE`` ... ``COMMIT`` on this connection.
        """
        super().__init__(connection, execute_plugins=False)
        self._transaction = transaction

    @contextmanager
    def atomic(self) -> Iterator[Self]:
        """All or nothing; inside of another one a part that is undone by itself."""
        outer = super().atomic() if self.conn.in_transaction else self._transaction()
        with outer:
            yield self
