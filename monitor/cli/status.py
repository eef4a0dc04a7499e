"""``monitor status``: is everything alive?"""

from __future__ import annotations

from datetime import timedelta

import click

from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.cli.output import ago, number, print_table
from monitor.pipeline.health import hanging, late_stages, stuck
from monitor.store.lock import DaemonLock

DEAD_S = 7 * 86400.0
"""So long is a notification that was given up a problem; it is kept longer."""


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
    problems = []
    if process is None:
        problems.append("the monitor does not run (`monitor run` starts it)")
    elif not beats:
        problems.append("the monitor is starting")
    else:
        problems += [f"the {stage} stage is late" for stage in late]
        problems += hanging(sources, now)
        problems += stuck(store, now, list(store.outbox.counts_by_notifier()))
    problems += [f"source {s.name} fails: {s.last_error}" for s in failing]
    if dead := store.outbox.lately_dead(now - timedelta(seconds=DEAD_S)):
        few = "a notification" if len(dead) == 1 else f"{len(dead)} notifications"
        problems.append(f"{few} could not be delivered in the last 7 days (`monitor alerts resend`)")
    if failed:
        problems.append(f"{number(failed, 'document')} could not be classified")
    report = {
        "ok": not problems,
        "process": process,
        "problems": problems,
        "stages": {stage: {"at": at, "late": stage in late} for stage, (at, _) in beats.items()},
        "documents": {"total": total, "pending": pending, "failed": failed},
        "sources": {"active": len(sources), "failing": len(failing)},
        "alerts": {"open": len(firing)},
        "notifications": {state: letters.get(state, 0) for state in ("waiting", "delivered", "dead")},
    }
    if as_json:
        print_json(report)
    else:
        click.echo("all is well" if not problems else "\n".join(problems))
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
    ctx.exit(1 if problems else 0)
