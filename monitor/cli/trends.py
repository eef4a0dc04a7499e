"""``monitor trends``: counts over time, drawn."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import click

from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.cli.documents import duration
from monitor.cli.drawing import sparkline
from monitor.cli.output import print_table
from monitor.durations import format_duration
from monitor.errors import UnknownName
from monitor.store.room import BUCKET_S

COLUMNS = 48


@click.command("trends")
@click.option("--since", default="24h", show_default=True, help="How far back: 2h, 7d ...")
@click.option("--step", help="Width of a column [default: a 48th of it all].")
@click.option("--task", "task", metavar="NAME", help="Only the labels of this task.")
@click.option("--by", metavar="NAME", help="Split each label by those of a second task.")
@click.option("--limit", default=30, show_default=True, help="At most so many series, the largest first.")
@json_option
@pass_app
def trends_command(
    app: App, since: str, step: str | None, task: str | None, by: str | None, limit: int, as_json: bool
) -> None:
    """Draw how many documents each label got over time.

    With --json: {"start", "step", "series": [{"selection", "counts"}]}; `start` is UTC, `step`
    in seconds, and `counts` has a number for each step.
    """
    store, now = app.store, app.now()
    known = [stored.task.name for stored in store.tasks.active()]
    for name in (task, by):
        if name is not None and name not in known:
            raise UnknownName("task", name, known)
    if by is not None and task is None:
        raise click.UsageError("--by needs --task")
    span = max(duration(since), BUCKET_S)
    width = duration(step) if step else span / COLUMNS
    width = max(1, math.ceil(width / BUCKET_S)) * BUCKET_S
    number = max(1, math.ceil(span / width))
    end = math.ceil(now.timestamp() / BUCKET_S) * BUCKET_S
    start = end - number * width
    wanted = {name for name in (task, by) if name is not None}
    chosen = [
        (selection, total)
        for selection, total in store.series.totals(start, end)
        if (set(selection) == wanted if wanted else len(selection) <= 1)
    ][:limit]
    series = []
    for selection, total in chosen:
        counts = [0] * number
        for count in store.series.counts(selection, start, end):
            counts[(count.bucket - start) // width] += count.total
        series.append({"selection": selection, "total": total, "counts": counts})
    first = datetime.fromtimestamp(start, UTC)
    if as_json:
        print_json({"start": first, "step": width, "series": series})
        return
    click.echo(f"{first.astimezone():%Y-%m-%d %H:%M} to now, {format_duration(width)} a column")
    print_table(
        ["series", "documents", "highest", "over time"],
        [
            [
                " ".join(f"{t}={label}" for t, label in s["selection"].items()) or "all documents",  # type: ignore[attr-defined]
                s["total"],
                max(s["counts"]),  # type: ignore[call-overload]
                sparkline(s["counts"]),  # type: ignore[arg-type]
            ]
            for s in series
        ],
        empty="nothing was counted in that time",
        right=["documents", "highest"],
    )
