"""``monitor rules test`` and ``suggest``: rules tried on the past before they are trusted."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.alerts.rules import describe
from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.cli.output import clock, console, number
from monitor.cli.parameters import DURATION
from monitor.cli.tried import record, show, whole_hours
from monitor.durations import DAY
from monitor.errors import MonitorError, UnknownName
from monitor.types import ALL, ENTITY

if TYPE_CHECKING:
    from monitor.alerts.rules import Rule
    from monitor.pipeline.trying.rules import Report
    from monitor.pipeline.trying.suggesting import Suggestion

DAYS_90 = 90.0 * DAY


@click.command("test")
@click.argument("rule", metavar="RULE|KIND")
@click.option("--since", type=DURATION, default=None, metavar="DURATION", help="How far back [default: 90d].")
@click.option(
    "--series",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Try it on this file, with columns timestamp,count, instead of the database.",
)
@click.option(
    "--scores",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --series: write timestamp,anomaly_score here, for each row of that file.",
)
@click.option("--as-live", is_flag=True, help="Treat history as if it had come live, at its own time.")
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw counts and alerts into this PNG."
)
@json_option
@pass_app
def test_command(
    app: App,
    rule: str,
    since: float | None,
    file: Path | None,
    scores: Path | None,
    as_live: bool,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Show when a rule would have fired.

    RULE is a rule as it now stands in the configuration file, so a change can be tried before it takes
    effect; KIND (such as `surge`) is that kind with its defaults, on all documents (`entity`: on each
    name). The stored documents pass through the same code as live ones, in the order in which they
    came: imported history raises nothing (unless --as-live), a story told in many texts counts as one
    story, and labels are today's. No alert is raised or sent.

    A score is 1 where an alert fires, elsewhere between 0 and 0.5.

    With --json: an object with rule, kind, since and until (between which it could have fired),
    alerts_a_month (null if that is less than a day), precision (of judged alerts, null if there are none),
    judged and alerts: objects with selection, fired_at, resolved_at (null if still open), observed, expected
    (what is usual, or the number of texts at which a threshold or a ratio fires), low, high, reason,
    worst (the greatest count in a window) and early (seconds from the alert to the end of that window).
    """
    from monitor.pipeline.trying.files import try_on_file
    from monitor.pipeline.trying.rules import try_on_store

    if scores is not None and file is None:
        raise click.UsageError("--scores needs --series")
    if file is not None and (since is not None or as_live):
        raise click.UsageError("--since and --as-live are of the database; a file is read whole")
    tried = _rule(app, rule)
    if file is not None:
        report, stamps, found = try_on_file(tried, file)
        if scores is not None:
            _write_scores(scores, stamps, found)
    else:
        now = app.now()
        with console(stderr=True).status("reading") as status:
            (report,) = try_on_store(
                app.store,
                [tried],
                now - timedelta(seconds=since or DAYS_90),
                now,
                lambda done, of: status.update(f"{done:,} of {of:,} texts"),
                as_live=as_live,
            )
    if plot is not None:
        _draw(report, plot)
    if as_json:
        print_json(record(report))
    else:
        show(report)
        if file is None and not as_live:
            _say_backfill(app)
    if plot is not None and not as_json:
        click.echo(f"The picture is in {plot}.")


@click.command("suggest")
@click.option(
    "--since", type=DURATION, default=DAYS_90, metavar="DURATION", help="How far back [default: 90d]."
)
@click.option("--as-live", is_flag=True, help="Treat history as if it had come live, at its own time.")
@click.option(
    "--all", "every", is_flag=True, help="Also rules that are not about bad news, each with a remark."
)
@json_option
@pass_app
def suggest_command(app: App, since: float, as_live: bool, every: bool, as_json: bool) -> None:
    """Suggest rules for bad news: those that would have fired a few times a month.

    Tries surge, threshold, ratio and drop rules on each task's labels, surge and ratio also on pairs of
    labels of two tasks, with several settings, as `rules test` does. Prints those with half an alert to
    eight alerts a month, ready for the configuration file. Of rules that would have fired at exactly the
    same times only one is printed, if possible one that names bad news, else the simplest; those that stand for the
    most others come first.

    A rule is about bad news if it watches `negative` of a task of the family sentiment, or if that task finds at
    least half of the texts negative that its alerts would have told of: so complaints are told from praise. Those that
    are not, and those that tell of silence, are only counted; --all prints them as well, last. Without
    such a task that cannot be told, and all are printed.

    With --json: one array of objects with name, kind, where, settings, alerts_a_month, alike (names of
    the rules left out in its favour), negative (the share of negative texts in its alerts, null if not known) and
    remark (why it is not about bad news, else empty).
    """
    from monitor.pipeline.trying.suggesting import sentiments, suggest
    from monitor.pipeline.trying.time import of_store

    now = app.now()
    with console(stderr=True).status("reading") as status:
        found = suggest(
            app.store,
            now - timedelta(seconds=since),
            now,
            lambda done, of: status.update(f"{done:,} of {of:,} texts"),
            as_live=as_live,
        )
    shown = [one for one in found if every or not one.remark]
    if as_json:
        print_json(
            [
                {
                    "name": one.rule.name,
                    "kind": one.rule.kind,
                    "where": dict(one.rule.where),
                    "settings": one.rule.settings.model_dump(),
                    "alerts_a_month": one.report.a_month,
                    "alike": list(one.alike),
                    "negative": None if one.negative is None else round(one.negative, 4),
                    "remark": one.remark,
                }
                for one in shown
            ]
        )
        return
    if not found:
        seconds = min(since, (now - of_store(app.store, now, as_live=as_live).begun).total_seconds())
        if seconds < DAY:
            click.echo(
                f"the history of {whole_hours(seconds)} is too short to say what would fire a few times a month; "
                "it takes a day at least"
            )
        else:
            click.echo(
                f"no rule would have fired a few times a month in the last {whole_hours(seconds)}; "
                "`monitor trends` shows what there is"
            )
        if not as_live:
            _say_backfill(app)
    for one in shown:
        click.echo(_toml(one))
    if left := len(found) - len(shown):
        more = "more rule" if shown else "rule"
        click.echo(
            f"# {number(left, more)} would have fired as often, but {'is' if left == 1 else 'are'} not about bad news; "
            f"--all prints {'it' if left == 1 else 'them'}, with a remark"
        )
    if found and not sentiments(app.store):
        click.echo(
            "# Some may be about good news: no task of the family sentiment has a label `negative` that would tell"
        )


def _rule(app: App, name: str) -> Rule:
    from pydantic import ValidationError

    from monitor.alerts.detectors import KINDS
    from monitor.alerts.lifecycle import Pace
    from monitor.alerts.rules import Rule
    from monitor.pipeline.declared import make_rules

    rules = {rule.name: rule for rule in make_rules(app.shown_config)} if app.config_path.is_file() else {}
    if name in rules:
        return rules[name]
    if name not in KINDS:
        raise UnknownName("rule or kind", name, [*rules, *KINDS])
    try:
        settings = KINDS[name]()
    except ValidationError as error:
        missing = ", ".join(str(fault["loc"][0]) for fault in error.errors())
        raise MonitorError(f"the kind {name} has no default for {missing}; write it as a rule") from None
    where = {ENTITY: ALL} if name == "entity" else {}
    return Rule(name, name, where, (), settings, pace=Pace(keep_firing_for=settings.calm))


def _say_backfill(app: App) -> None:
    backfill = app.store.arrivals.backfill()
    if backfill:
        click.echo(
            f"{number(backfill, 'text')} came as history, which raises nothing; "
            f"--as-live lets {'it' if backfill == 1 else 'them'} count"
        )


def _draw(report: Report, path: Path) -> None:
    from monitor.alerts.trial_picture import draw_trials

    if not report.tried:
        raise MonitorError("there is nothing to draw: there is no series that the rule watches yet")
    most = sorted(report.tried, key=lambda one: (-len(one.alerts), -sum(n for _, n in one.counts)))
    try:
        draw_trials([(describe(one.selection), one.counts, one.alerts) for one in most], path)
    except OSError as error:
        raise MonitorError(f"{path} cannot be written: {error.strerror}") from None


def _write_scores(path: Path, stamps: list[str], scores: list[float]) -> None:
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["timestamp", "anomaly_score"])
            writer.writerows(zip(stamps, (f"{score:.6g}" for score in scores), strict=True))
    except OSError as error:
        raise MonitorError(f"{path} cannot be written: {error.strerror}") from None


def _toml(one: Suggestion) -> str:
    where = ", ".join(f'{_key(task)} = "{label}"' for task, label in one.rule.where.items())
    settings = "".join(f"{key} = {json.dumps(value)}\n" for key, value in one.settings.items())
    alike = (
        f"; {number(len(one.alike), 'other rule')} would have fired at the same times" if one.alike else ""
    )
    return (
        f"# {one.report.a_month:.1f} alerts a month, the last on "
        f"{clock(one.report.alerts[-1][1].fired_at)}{alike}\n"
        + (f"# Not for bad news: {one.remark}\n" if one.remark else "")
        + f'[[rules]]\nname = "{one.rule.name}"\nkind = "{one.rule.kind}"\nwhere = {{ {where} }}\n'
        f"{settings}"
    )


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else f'"{name}"'
