"""``monitor silences``: what nobody is to be notified of for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, time, timedelta
from typing import Any

import click

from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.cli.group import Group
from monitor.cli.output import ago, clock, number, print_table
from monitor.cli.parameters import DURATION, MATCHER, MOMENT, login, moment
from monitor.config.document import read_document
from monitor.config.routing import rule_labels, unknown_value
from monitor.errors import UnknownName
from monitor.matching import Matcher
from monitor.routes import COMMON_LABELS, DETECTOR_LABELS
from monitor.store.silences import Silence
from monitor.types import ENTITY


@click.group("silences", cls=Group)
def silences_command() -> None:
    """Silence alerts for a while."""


@silences_command.command("add")
@click.argument("matchers", nargs=-1, required=True, type=MATCHER, metavar="MATCHER...")
@click.option("--for", "for_", type=DURATION, metavar="DURATION", help="How long: 2h, 1d ... [default: 2h].")
@click.option(
    "--from",
    "starts",
    type=MOMENT,
    metavar="TIME",
    help="When it begins [default: now], in this terminal's time zone unless given; 18:00 is the next one.",
)
@click.option(
    "--until",
    type=MOMENT,
    metavar="TIME",
    help="When it ends, instead of --for; as --from, but 18:00 is the next after the start.",
)
@click.option("--comment", default="", help="Why.")
@click.option("--by", metavar="NAME", help="Who says so [default: your login name].")
@pass_app
def add_command(
    app: App,
    matchers: Sequence[Matcher],
    for_: float | None,
    starts: datetime | time | None,
    until: datetime | time | None,
    comment: str,
    by: str | None,
) -> None:
    """Silence the alerts that fulfil every MATCHER.

    A matcher is label=value, label!=value, label=~pattern or label!~pattern. Alerts have the labels rule,
    kind and owner, those of their rule, and one for each task that they watch; some kinds have source,
    thread, task or entity instead (docs/alerts.md). With = and !=, an unknown rule, kind, source, task,
    entity or task label is refused. Silenced alerts live on; one that still fires when the silence ends is
    announced then. Whoever was notified before that an alert fires is notified when it is over.

    \b
        monitor silences add rule=bad-news 'topic=~court|fine' \\
          --for 2h --comment "court holiday"
    """
    if for_ is not None and until is not None:
        raise click.UsageError("give --for or --until, not both")
    known, values = _labels(app)
    for matcher in matchers:
        if matcher.label not in known:
            raise UnknownName("label of alerts", matcher.label, known)
        if unknown := unknown_value(matcher, values):
            raise unknown
    now = app.now()
    first = now if starts is None else moment(starts, now)
    span = timedelta(seconds=7200.0 if for_ is None else for_)
    last = first + span if until is None else moment(until, first)
    who = by or login()
    store = app.store
    made = store.silences.add(matchers, author=who, comment=comment, starts_at=first, ends_at=last, now=now)
    open_ones = store.alerts.all_open()
    covered = sum(all(m.matches(alert.labels) for m in matchers) for alert in open_ones)
    said = ", ".join(map(str, matchers))
    then = clock(last, zone=True)
    click.echo(
        f"silence {made} of {said} until {then}; it covers {covered} of {number(len(open_ones), 'open alert')}"
    )


@silences_command.command("list")
@click.option("--all", "show_all", is_flag=True, help="Those that are over as well.")
@json_option
@pass_app
def list_command(app: App, show_all: bool, as_json: bool) -> None:
    """List silences, newest first.

    With --json: one array of objects with id, state (pending, active, expired), matchers
    (texts), author, comment, created_at, starts_at and ends_at.
    """
    now = app.now()
    found = [s for s in app.store.silences.all() if show_all or s.state(now) != "expired"]
    if as_json:
        print_json([_record(silence, now) for silence in found])
        return
    print_table(
        ["id", "state", "matchers", "ends", "author", "comment"],
        [
            [s.id, s.state(now), ", ".join(map(str, s.matchers)), ago(s.ends_at, now), s.author, s.comment]
            for s in found
        ],
        empty="no silences" if show_all else "no silences in force or to come",
        right=["id"],
    )


@silences_command.command("expire")
@click.argument("silence_id", type=int, metavar="ID")
@pass_app
def expire_command(app: App, silence_id: int) -> None:
    """End a silence now. Alerts that still fire are announced."""
    silence = app.store.silences.expire(silence_id, app.now())
    click.echo(f"silence {silence.id} ended {clock(silence.ends_at, zone=True)}")


def _labels(app: App) -> tuple[set[str], dict[str, set[str]]]:
    """The labels that alerts can have, and all that one can be, where that is known.

    Whatever else may be wrong with the configuration; and what open alerts have, whatever it says by now.
    """
    from monitor.alerts.detectors import KINDS

    document = read_document(app.config_path)
    rules, tasks, sources = (
        [table for table in found if isinstance(table, dict)] if isinstance(found, list) else []
        for found in (document.get("rules"), document.get("tasks"), document.get("sources"))
    )
    stored, opened = app.store.tasks.active(), app.store.alerts.all_open()
    read = {
        *(str(table.get("name")) for table in sources),
        *(state.name for state in app.store.sources.all()),
    }
    labels = {
        *COMMON_LABELS,
        *DETECTOR_LABELS,
        *rule_labels(rules),
        *(str(table["name"]) for table in tasks if "name" in table),
        *(one.task.name for one in stored),
        *(label for alert in opened for label in alert.labels),
    }
    named = {*(str(table.get("name")) for table in tasks), *(one.task.name for one in stored)}
    values = {"rule": {str(table.get("name")) for table in rules}, "kind": set(KINDS)}
    values |= {"source": read, "task": named}
    values |= {one.task.name: set(one.task.labels) for one in stored}
    for table in tasks:  # without labels of its own, its adapter has some
        if isinstance(own := table.get("labels"), dict | list):
            values.setdefault(str(table.get("name")), set()).update(map(str, own))
    if isinstance(entities := document.get("entities"), dict):
        values[ENTITY] = set(entities)
    for alert in opened:
        for label in values.keys() & alert.labels.keys():
            values[label].add(alert.labels[label])
    return labels, values


def _record(silence: Silence, now: datetime) -> dict[str, Any]:
    return {
        **asdict(silence),
        "matchers": [str(matcher) for matcher in silence.matchers],
        "state": silence.state(now),
    }
