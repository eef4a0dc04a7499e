"""``monitor alerts ack``, ``snooze`` and ``judge``: what people say of alerts, one or several at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import click

from monitor.cli.app import App, pass_app
from monitor.cli.output import clock, number
from monitor.cli.parameters import DURATION, login
from monitor.errors import MonitorError, StoreError

ids_argument = click.argument("alert_ids", type=int, metavar="ID...", nargs=-1, required=True)


@click.command("ack")
@ids_argument
@click.option("--note", default="", help="A remark to keep with it.")
@click.option("--by", metavar="NAME", help="Who looks after it [default: your login name].")
@pass_app
def ack_command(app: App, alert_ids: Sequence[int], note: str, by: str | None) -> None:
    """Acknowledge alerts: somebody is looking after them.

    Routes stop repeating the alert, which stays open until what it reports is over. Acknowledging it again
    without a note keeps the earlier note. An alert that is over can be judged instead.
    """
    store, who, now = app.store, by or login(), app.now()

    def acknowledge(alert_id: int) -> str:
        store.care.acknowledge(alert_id, who, note, now)
        return f"alert {alert_id} is acknowledged by {who}"

    _each(alert_ids, acknowledge)


@click.command("snooze")
@ids_argument
@click.option("--for", "for_", type=DURATION, metavar="DURATION", help="For how long [default: 2h].")
@click.option("--end", is_flag=True, help="End the snooze now.")
@click.option("--note", default="", help="A remark to keep with it.")
@click.option("--by", metavar="NAME", help="Who says so [default: your login name].")
@pass_app
def snooze_command(
    app: App, alert_ids: Sequence[int], for_: float | None, end: bool, note: str, by: str | None
) -> None:
    """Send nothing about alerts for a while.

    An alert that nobody was notified of is announced afterwards if it still fires. Whoever was
    notified that it fires is still notified when it is over.
    """
    if end and for_ is not None:
        raise click.UsageError("give --for or --end, not both")
    store, who, now = app.store, by or login(), app.now()
    until = now + timedelta(seconds=7200.0 if for_ is None else for_)

    def snooze(alert_id: int) -> str:
        if end:
            store.care.wake(alert_id, who, note, now)
            return f"alert {alert_id} is not snoozed any more"
        store.care.snooze(alert_id, until, who, note, now)
        return f"alert {alert_id} is snoozed until {clock(until, zone=True)}"

    _each(alert_ids, snooze)


@click.command("judge")
@ids_argument
@click.argument("verdict", type=click.Choice(["real", "false"]))
@click.option("--note", default="", help="A remark to keep with it.")
@click.option("--by", metavar="NAME", help="Who says so [default: your login name].")
@pass_app
def judge_command(app: App, alert_ids: Sequence[int], verdict: str, note: str, by: str | None) -> None:
    """Say whether alerts were worth raising: `real`, or `false`.

    The verdict counts for the alert's rule: `monitor rules list` shows how often a rule was right.
    A second verdict on an alert replaces the first.
    """
    store, who, now = app.store, by or login(), app.now()

    def judge(alert_id: int) -> str:
        alert = store.alerts.need(alert_id)
        store.judgements.add(alert_id, verdict == "real", author=who, note=note, now=now)
        judged = store.judgements.of_rule(alert.rule)
        real = sum(item.real for item in judged)
        were = "was" if 1 in (real, len(judged)) else "were"
        said = f"{real} of {number(len(judged), 'judged alert')} {were} real"
        return f"alert {alert_id} was {verdict}; of {alert.rule}, {said}"

    _each(alert_ids, judge)


def _each(alert_ids: Sequence[int], act: Callable[[int], str]) -> None:
    """Do it for each alert and print what came of it; those that refuse do not keep the others from it."""
    refused = False
    for alert_id in dict.fromkeys(alert_ids):
        try:
            click.echo(act(alert_id))
        except StoreError:  # the next one would end in the same way
            raise
        except MonitorError as error:
            click.ClickException(str(error)).show()
            refused = True
    if refused:
        raise click.exceptions.Exit(1)
