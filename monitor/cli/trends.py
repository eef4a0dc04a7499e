"""``monitor trends``: counts over time, drawn."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import click

from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.cli.drawing import sparkline
from monitor.cli.output import print_table
from monitor.cli.parameters import DURATION
from monitor.durations import HOUR, format_duration
from monitor.errors import UnknownName
from monitor.store.room import BUCKET_S
from monitor.types import ENTITY

COLUMNS = 48
MOST_COLUMNS = 10_000


@click.command("trends")
@click.option(
    "--since",
    type=DURATION,
    default="24h",
    show_default=True,
    metavar="DURATION",
    help="How far back: 2h, 7d ...",
)
@click.option(
    "--step", type=DURATION, metavar="DURATION", help="Width of a column [default: 1/48 of the whole]."
)
@click.option("--task", "task", metavar="NAME", help="Only the labels of this task.")
@click.option("--by", metavar="NAME", help="Split each label of --task by those of a second task.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=30,
    show_default=True,
    help="At most so many series, the largest first.",
)
@json_option
@pass_app
def trends_command(
    app: App, since: float, step: float | None, task: str | None, by: str | None, limit: int, as_json: bool
) -> None:
    """Draw how many documents each label got over time.

    With --json: {"start", "step", "series": [{"selection", "total", "counts"}]}; `start` is UTC, `step`
    in seconds, and `counts` has a number for each step.
    """
    store, now = app.store, app.now()
    known = [stored.task.name for stored in store.tasks.active()] + [ENTITY] * bool(store.mentions.lists())
    for name in (task, by):
        if name is not None and name not in known:
            raise UnknownName("task", name, known)
    if by is not None and task is None:
        raise click.UsageError("--by needs --task")
    span = max(since, BUCKET_S)
    width = span / COLUMNS if step is None else step
    width = max(1, math.ceil(width / BUCKET_S)) * BUCKET_S
    number = max(1, math.ceil(span / width))
    if number > MOST_COLUMNS:
        hours = math.ceil(span / MOST_COLUMNS / HOUR)
        raise click.UsageError(
            f"that is {number:,} columns, and at most {MOST_COLUMNS:,} are drawn: "
            f"use --step {hours}h, or a shorter --since"
        )
    end = math.ceil(now.timestamp() / BUCKET_S) * BUCKET_S
    start = end - number * width
    wanted = {name for name in (task, by) if name is not None}
    chosen = [
        (selection, total)
        for selection, total in store.series.totals(start, end)
        if (set(selection) == wanted if wanted else len(selection) <= 1)
    ][:limit]
    series: list[tuple[dict[str, str], int, list[int]]] = []
    for selection, total in chosen:
        counts = [0] * number
        for count in store.series.counts(selection, start, end):
            counts[(count.bucket - start) // width] += count.total
        series.append((selection, total, counts))
    first = datetime.fromtimestamp(start, UTC)
    if as_json:
        drawn = [dict(zip(("selection", "total", "counts"), one, strict=True)) for one in series]
        print_json({"start": first, "step": width, "series": drawn})
        return
    click.echo(f"{first.astimezone():%Y-%m-%d %H:%M} to now, {format_duration(width)} a column")
    print_table(
        ["series", "documents", "highest", "over time"],
        [
            [
                " ".join(f"{task}={label}" for task, label in selection.items()) or "all documents",
                total,
                max(counts),
                sparkline(counts),
            ]
            for selection, total, counts in series
        ],
        empty="nothing was counted in that time",
        right=["documents", "highest"],
    )
