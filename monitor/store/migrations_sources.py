"""The core's schema, from the 24th migration on: what is remembered of sources and imports."""

from __future__ import annotations

from sqlite_utils import Database

from monitor.store.migrations import run
from monitor.store.migrations_alerts import core

__all__ = ["core"]


@core()
def m0024_what_an_import_was_read_like(db: Database) -> None:
    run(db, "alter table sources add column read_like text")
