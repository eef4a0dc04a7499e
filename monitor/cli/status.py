"""``monitor status``: is everything alive?"""

from __future__ import annotations

from collections.abc import Sequence

import click

from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.cli.output import ago, print_table
from monitor.config.document import notifier_names, read_document
from monitor.pipeline.health import late_stages, problems, undelivered
from monitor.store.lock import DaemonLock


@click.command("status")
@json_option
@click.pass_context
@pass_app
def status_command(app: App, ctx: click.Context, as_json: bool) -> None:
    """Say whether the monitor is running and all its stages are alive.

    Reads only the database and the names of the configured notifiers. The exit code is 1 if the monitor is
    not running, a stage is late, a source fails, a changed configuration could not be taken up, a part of
    it cannot run because a plugin failed, a notifier cannot be told what still fires or a heartbeat is not
    heard, or a notification could not be delivered in the last seven days (not counting those overtaken by
    later news, or for notifiers no longer configured; with --json, notifications.undelivered counts them by
    notifier).
    """
    store, now = app.store, app.now()
    process = DaemonLock(app.database).holder()
    beats = store.heartbeats.all()
    late = (
        list(beats) if process is None else late_stages({stage: at for stage, (at, _) in beats.items()}, now)
    )
    sources = [s for s in store.sources.all() if s.active]
    failing = [s for s in sources if s.failures]
    counts = store.outbox.counts()
    total = store.documents.count()
    pending, failed = store.documents.count("pending"), store.documents.count("failed")
    firing = store.alerts.all_open()
    notifiers = notifier_names(read_document(app.config_path))
    found = problems(store, now, process, notifiers)
    report = {
        "ok": not found,
        "process": process,
        "problems": found,
        "stages": {stage: {"at": at, "late": stage in late} for stage, (at, _) in beats.items()},
        "documents": {"total": total, "pending": pending, "failed": failed},
        "sources": {"active": len(sources), "failing": len(failing)},
        "alerts": {"open": len(firing)},
        "notifications": {
            **{state: counts.get(state, 0) for state in ("waiting", "delivered", "dead")},
            "undelivered": undelivered(store, now, notifiers),
        },
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
            f"notifications: {counts.get('waiting', 0)} waiting, {counts.get('dead', 0)} dead{_gone(app, notifiers)}"
        )
    ctx.exit(1 if found else 0)


def _gone(app: App, notifiers: Sequence[str]) -> str:
    """That some of the dead were for notifiers that are not configured any more."""
    counts = app.store.outbox.counts_by_notifier()
    gone = sum(states.get("dead", 0) for name, states in counts.items() if name not in notifiers)
    return f", {gone} of them for a notifier that is not configured any more" if gone else ""
