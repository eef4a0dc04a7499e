"""``monitor db``: the database file itself."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.cli.group import Group
from monitor.cli.output import clock, number, print_table
from monitor.errors import StoreError
from monitor.store import Store


@click.group("db", cls=Group)
def db_command() -> None:
    """Inspect, check, back up and migrate the database."""


@db_command.command("info")
@json_option
@pass_app
def info_command(app: App, as_json: bool) -> None:
    """Show the database's size, schema, and what is in it.

    With --json: an object with path, bytes, migrations ({name, applied_at}), rows ({table:
    number}), oldest and newest (event times of documents) and process (the ID of the monitor
    running on it, or null).
    """
    store = Store(app.database, migrations=app.plugins.migrations, read_only=True)
    try:
        with store.snapshot():
            oldest, newest = store.documents.span()
            migrations = store.schema.applied()
            rows = store.row_counts()
    finally:
        store.close()
    files = [Path(f"{app.database}{end}") for end in ("", "-wal")]
    size = sum(file.stat().st_size for file in files if file.exists())
    if as_json:
        print_json(
            {
                "path": app.database,
                "bytes": size,
                "migrations": [{"name": name, "applied_at": _moment(at)} for name, at in migrations],
                "rows": rows,
                "oldest": oldest,
                "newest": newest,
                "process": app.daemon(),
            }
        )
        return
    process = app.daemon()
    click.echo(f"{'file:':14}{app.database} ({in_bytes(size)})")
    click.echo(f"{'schema:':14}{migrations[-1][0]} ({len(migrations)} migrations applied)")
    click.echo(f"{'in use:':14}{'no' if process is None else f'by process {process}'}")
    if oldest is not None:
        click.echo(f"{'documents:':14}{clock(oldest)} to {clock(newest)}")
    click.echo("")
    print_table(
        ["table", "rows"], [[name, f"{count:,}"] for name, count in rows.items()], empty="", right=["rows"]
    )


@db_command.command("check")
@json_option
@click.pass_context
@pass_app
def check_command(app: App, ctx: click.Context, as_json: bool) -> None:
    """Check that the database is consistent, without changing it.

    Checks integrity, foreign keys, the search index, counts against predictions, and alerts against
    their steps and notifications. Safe while the monitor runs. If something is wrong, each fault gets
    a line and the exit code is 1. Wrong counts are repaired by `monitor db recount`.

    With --json: an object with ok and violations (an array of lines).
    """
    from monitor.store.check import check

    store = Store(app.database, migrations=app.plugins.migrations, read_only=True)
    try:
        with store.snapshot():
            found = check(store)
    finally:
        store.close()
    if as_json:
        print_json({"ok": not found, "violations": found})
    else:
        click.echo("\n".join(found) if found else "the database is as it must be")
        if any(line.startswith("series ") for line in found):
            click.echo("`monitor db recount` makes the counts of series anew", err=True)
    ctx.exit(1 if found else 0)


@db_command.command("recount")
@json_option
@pass_app
def recount_command(app: App, as_json: bool) -> None:
    """Repair counts that `monitor db check` finds wrong, by counting the documents' labels again.

    Raises no alert. Safe while the monitor runs; takes minutes if the database is large.

    With --json: an object with mended, how many counts differed.
    """
    from monitor.store.recount import recount

    mended = recount(app.store)
    if as_json:
        print_json({"mended": mended})
    else:
        click.echo(f"{number(mended, 'count')} mended" if mended else "the counts were as they must be")


@db_command.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@pass_app
def backup_command(app: App, file: Path) -> None:
    """Copy the database to FILE, which must not exist; the monitor may keep running.

    The copy is consistent, as of one moment. To restore it, stop the monitor, put the copy in
    the database's place and remove the files that end in -wal and -shm.
    """
    app.store.backup(file)
    click.echo(f"copied {app.database} to {file} ({in_bytes(file.stat().st_size)})")


@db_command.command("migrate")
@pass_app
def migrate_command(app: App) -> None:
    """Bring the schema up to date, plugins' tables included; creates a missing database.

    Other commands and `monitor run` also do this when they open the database.
    """
    new = not app.database.exists()
    store = Store(app.database, migrations=app.plugins.migrations)
    try:
        for name in store.schema.migrated:
            click.echo(f"applied {name}")
        if store.schema.failed:
            raise StoreError(
                "\n".join(f"{name} failed: {error}" for name, error in store.schema.failed.items())
            )
        if not store.schema.migrated:
            click.echo(f"{app.database} is up to date")
        elif new:
            click.echo(f"made {app.database}")
    finally:
        store.close()


def in_bytes(size: float) -> str:
    """A size for people: ``1.2 MB``."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def _moment(written: str) -> datetime | str:
    """A time as sqlite-utils writes it; left as it is where it is none."""
    try:
        return datetime.fromisoformat(written).astimezone(UTC)
    except ValueError:
        return written
