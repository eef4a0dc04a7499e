"""monitor db."""

from __future__ import annotations

import os
import re
import sqlite3

import pytest
from sqlite_utils.migrations import Migrations

from monitor import hookimpl
from monitor.store.lock import DaemonLock


def own_tables():
    """Migrations of a plugin."""
    migrations = Migrations("monitor-keeper")

    @migrations()
    def m0001_notes(db):
        db.table("keeper_notes").create({"id": int, "note": str}, pk="id")

    return migrations


class Keeper:
    """A plugin with a table of its own."""

    @hookimpl
    def register_migrations(self):
        return [own_tables()]


def test_migrate_makes_the_database_and_names_what_it_applied(monitor):
    out = monitor("db", "migrate").out
    assert "applied monitor.m0001_sources_and_documents" in out
    assert f"made {monitor.database}" in out
    assert monitor("db", "migrate").out == f"{monitor.database} is up to date\n"


def test_migrate_applies_migrations_of_plugins(monitor, use_plugins):
    monitor("db", "migrate")
    use_plugins(keeper=Keeper())
    assert monitor("db", "migrate").out == "applied monitor-keeper.m0001_notes\n"
    info = monitor("db", "info", "--json").json
    assert info["rows"]["keeper_notes"] == 0
    assert info["migrations"][-1]["name"] == "monitor-keeper.m0001_notes"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", info["migrations"][-1]["applied_at"])


def test_info_counts_what_is_there(fetched):
    info = fetched("db", "info", "--json").json
    assert info["path"] == str(fetched.database)
    assert info["bytes"] > 10_000
    assert (info["rows"]["documents"], info["rows"]["bad_records"], info["rows"]["alerts"]) == (2, 1, 0)
    assert not [table for table in info["rows"] if "fts" in table or table.startswith(("_", "sqlite_"))]
    assert info["oldest"] == info["newest"]
    assert info["oldest"].endswith("Z")
    assert info["process"] is None
    assert str(fetched.database) in fetched("db", "info").out


def test_info_names_the_running_monitor(fetched):
    with DaemonLock(fetched.database):
        assert fetched("db", "info", "--json").json["process"] == os.getpid()
        assert f"by process {os.getpid()}" in fetched("db", "info").out


def test_info_and_check_of_an_empty_database(monitor):
    monitor("db", "migrate")
    assert monitor("db", "info", "--json").json["oldest"] is None
    assert monitor("db", "check").out == "the database is as it must be\n"


def test_check_names_every_violation(fetched):
    fetched("run", "--once", "--no-view")
    assert fetched("db", "check", "--json").json == {"ok": True, "violations": []}
    with sqlite3.connect(fetched.database) as connection:
        connection.execute("update counts set total = total + 1 where series_id = 1")
        connection.execute("update documents set counted = 0 where id = 1")
    connection.close()
    said = fetched("db", "check", "--json", code=1).json
    assert said["ok"] is False
    assert any(line.startswith("classified but not counted") for line in said["violations"])
    assert any(line.startswith("series") for line in said["violations"])
    assert fetched("db", "check", code=1).out.splitlines() == said["violations"]


def test_recount_mends_what_check_says_of_counts(fetched):
    fetched("run", "--once", "--no-view")
    with sqlite3.connect(fetched.database) as connection:
        connection.execute("update counts set total = total + 1 where series_id = 2")
        connection.execute("delete from counts where series_id = 1")
        connection.execute("insert into counts values (3, 300, 1, 1)")
    connection.close()
    said = fetched("db", "check", code=1)
    wrong = said.out.splitlines()
    assert len(wrong) >= 3
    assert any(
        line.endswith(
            "at 1970-01-01 00:05 UTC: stored (1, 1), counted none (texts, and those that came live)"
        )
        for line in wrong
    )
    assert said.err == "`monitor db recount` makes the counts of series anew\n"
    assert fetched("db", "recount", "--json").json == {"mended": len(wrong)}
    assert fetched("db", "check").out == "the database is as it must be\n"
    assert fetched("db", "recount").out == "the counts were as they must be\n"


def test_check_changes_nothing(fetched):
    before = fetched.database.read_bytes()
    fetched("db", "check")
    fetched("db", "info")
    assert fetched.database.read_bytes() == before


def test_backup_is_a_whole_database_and_never_overwrites(fetched):
    target = fetched.folder / "copy.db"
    assert "copied" in fetched("db", "backup", target).out
    with sqlite3.connect(target) as connection:
        assert connection.execute("select count(*) from documents").fetchone() == (2,)
    connection.close()
    assert "exists already" in fetched("db", "backup", target, code=1).err
    assert "folder exists" in fetched("db", "backup", fetched.folder / "no" / "copy.db", code=1).err


def test_what_is_no_database_and_what_is_missing(monitor):
    for command in (["info"], ["check"], ["backup", "copy.db"]):
        assert "there is no database" in monitor("db", *command, code=1).err
    monitor.database.parent.mkdir()
    monitor.database.write_text(
        "this is a text, and a long one, so that it cannot be taken for a header" * 20
    )
    for command in ("info", "check", "migrate"):
        assert "is not a SQLite database" in monitor("db", command, code=1).err


@pytest.mark.parametrize("table", ["sources", "documents"])
def test_a_damaged_page_is_one_line(fetched, table):
    with sqlite3.connect(fetched.database) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
        size = connection.execute("pragma page_size").fetchone()[0]
        root = connection.execute("select rootpage from sqlite_master where name = ?", [table]).fetchone()[0]
    connection.close()
    with fetched.database.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)
    said = fetched("db", "check", code=1).out.splitlines()
    assert said
    assert all(line.startswith("integrity: ") for line in said)
    error = fetched(table, "list", code=1).err
    assert (
        error == f"Error: {fetched.database} is damaged; restore a backup (`monitor db backup` makes them)\n"
    )


def test_a_newer_database_is_refused(fetched):
    with sqlite3.connect(fetched.database) as connection:
        connection.execute(
            "insert into _sqlite_migrations (migration_set, name, applied_at) values ('monitor', 'm9999_future', 'x')"
        )
    connection.close()
    for command in (["db", "info"], ["db", "migrate"], ["sources", "list"]):
        assert "was written by a newer version (it has m9999_future)" in fetched(*command, code=1).err
