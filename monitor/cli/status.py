"""``monitor status``: is everything alive?"""

from __future__ import annotations

import click

from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.cli.output import ago, print_table
from monitor.pipeline.health import late_stages, problems
from monitor.store.lock import DaemonLock


@click.command("status")
@json_option
@click.pass_context
@pass_app
def status_command(app: App, ctx: click.Context, as_json: bool) -> None:
    """Say whether the monitor runs and all of its stages are alive.

    Reads only the database. The exit code is 1 when the monitor does not run, a stage is late,
    a source fails, or a notification could not be delivered in the last seven days (one that was
    overtaken by later news does not count).
    """
    store, now = app.store, app.now()
    process = DaemonLock(app.database).holder()
    beats = store.heartbeats.all()
    late = (
        list(beats) if process is None else late_stages({stage: at for stage, (at, _) in beats.items()}, now)
    )
    sources = [s for s in store.sources.all() if s.active]
    failing = [s for s in sources if s.failures]
    letters = store.outbox.counts()
    total = store.documents.count()
    pending, failed = store.documents.count("pending"), store.documents.count("failed")
    firing = store.alerts.all_open()
    found = problems(store, now, process)
    report = {
        "ok": not found,
        "process": process,
        "problems": found,
        "stages": {stage: {"at": at, "late": stage in late} for stage, (at, _) in beats.items()},
        "documents": {"total": total, "pending": pending, "failed": failed},
        "sources": {"active": len(sources), "failing": len(failing)},
        "alerts": {"open": len(firing)},
        "notifications": {state: letters.get(state, 0) for state in ("waiting", "delivered", "dead")},
    }
    if as_json:
        print_json(report)
    else:
        click.echo("all is well" if not found else "\n".join(found))
        if beats:
            print_table(
                ["stage", "last round"], [[stage, ago(at, now)] for stage, (at, _) in beats.items()], empty=""
            )
        click.echo(
            f"documents: {total:,}, {pending:,} pending, {failed:,} failed\n"
            f"sources: {len(sources)}, {len(failing)} failing\n"
            f"alerts open: {len(firing)}\n"
            f"notifications: {letters.get('waiting', 0)} waiting, {letters.get('dead', 0)} dead"
        )
    ctx.exit(1 if found else 0)
