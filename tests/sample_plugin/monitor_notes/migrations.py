"""The plugin's own table. Append migrations, never change one: each runs once, in a transaction."""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

migrations = Migrations("monitor-notes")
"""Named ``monitor-`` and the plugin's name."""


@migrations()
def m0001_done(db: Database) -> None:
    # the table's name begins with the plugin's; to the core's tables it only refers
    db.conn.execute(
        """
        create table notes_done (
            document_id integer primary key references documents(id),
            at text not null
        )
        """
    )
