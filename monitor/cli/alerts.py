"""``monitor alerts``: what turned bad, and who looks after it."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from monitor.alerts.rules import describe
from monitor.cli.app import App, at_most, json_option, limit_option, pass_app, print_json
from monitor.cli.group import Group
from monitor.cli.output import ago, clock, print_table, shorten
from monitor.cli.preview import preview_command
from monitor.config_reader import read_document
from monitor.errors import UnknownName
from monitor.store import Store
from monitor.store.alerts import State, StoredAlert

OPEN: Sequence[State] = ("pending", "firing")


@click.group("alerts", cls=Group)
def alerts_command() -> None:
    """Show and acknowledge alerts."""


alerts_command.add_command(preview_command)


@alerts_command.command("list")
@click.option("--open", "open_only", is_flag=True, help="Only those that are not resolved.")
@click.option("--rule", metavar="NAME", help="Only of this rule.")
@limit_option
@json_option
@pass_app
def list_command(app: App, open_only: bool, rule: str | None, limit: int | None, as_json: bool) -> None:
    """List alerts, newest first.

    With --json: one array of objects with id, rule, kind, fingerprint, selection ({task:
    label}), state, since, fired_at, resolved_at, last_firing_at, observed, expected, low, high
    (`low` to `high` are usual), reason, notify, acked_at, acked_by, ack_note and documents (id,
    source, title, text, url, event_at), newest first; evidence is what docs/templates.md describes.
    """
    store, now = app.store, app.now()
    if rule is not None and rule not in (known := store.alerts.rules() | _configured(app)):
        raise UnknownName("rule", rule, known)
    found = store.alerts.find(states=OPEN if open_only else (), rule=rule, limit=at_most(limit, as_json))
    if as_json:
        from monitor.pipeline.alerting import alert_data

        print_json([alert_data(store, alert) for alert in found])
        return
    print_table(
        ["id", "state", "fired", "rule", "what", "texts", "usual", "acknowledged"],
        [
            [
                alert.id,
                alert.state,
                ago(alert.fired_at, now),
                alert.rule,
                describe(alert.selection),
                f"{alert.observed:,.0f}",
                f"{alert.expected:.3g}",
                f"by {alert.acked_by}" if alert.acked_at else "",
            ]
            for alert in found
        ],
        empty="no open alerts" if open_only else "no alerts",
        right=["id", "texts", "usual"],
    )


@alerts_command.command("show")
@click.argument("alert_id", type=int, metavar="ID")
@json_option
@pass_app
def show_command(app: App, alert_id: int, as_json: bool) -> None:
    """Show one alert: its reason, its life, who was told, and the texts behind it.

    With --json: the object of `alerts list`, with transitions (at, state, reason) and
    deliveries (notifier, event, state, attempts, created_at, next_at, delivered_at, last_error).
    """
    from monitor.pipeline.alerting import alert_data

    store = app.store
    alert = store.alerts.need(alert_id)
    if as_json:
        steps = [asdict(step) for step in store.alerts.transitions(alert_id)]
        print_json(
            {**alert_data(store, alert), "transitions": steps, "deliveries": _deliveries(store, alert)}
        )
        return
    _print_alert(app, store, alert)


@alerts_command.command("ack")
@click.argument("alert_id", type=int, metavar="ID")
@click.option("--note", default="", help="A remark to keep with it.")
@click.option("--by", metavar="NAME", help="Who looks after it [default: your login name].")
@pass_app
def ack_command(app: App, alert_id: int, note: str, by: str | None) -> None:
    """Acknowledge an alert: somebody looks after it.

    It stays open until what it reports is over.
    """
    store = app.store
    who = by or _login()
    store.alerts.acknowledge(alert_id, who, note, app.now())
    click.echo(f"alert {alert_id} is acknowledged by {who}")


def _print_alert(app: App, store: Store, alert: StoredAlert) -> None:
    now = app.now()
    lines = {
        "alert": str(alert.id),
        "rule": f"{alert.rule} ({alert.kind})",
        "what": describe(alert.selection),
        "state": alert.state,
        "fired": f"{clock(alert.fired_at)} ({ago(alert.fired_at, now)})",
        "resolved": "" if alert.resolved_at is None else clock(alert.resolved_at),
        "texts": f"{alert.observed:,.0f} where {alert.expected:.3g} are usual "
        f"({alert.low:.3g} to {alert.high:.3g})",
        "reason": alert.reason,
        "acknowledged": ""
        if alert.acked_at is None
        else f"{clock(alert.acked_at)} by {alert.acked_by}{f': {alert.ack_note}' if alert.ack_note else ''}",
    }
    for key, value in lines.items():
        if value:
            click.echo(f"{key + ':':14}{value}")
    click.echo("\nlife")
    for step in store.alerts.transitions(alert.id):
        click.echo(f"  {clock(step.at)}  {step.state}: {step.reason}")
    click.echo("\nnotifications")
    for sent in _deliveries(store, alert):
        when = {"delivered": clock(sent["delivered_at"]), "waiting": f"next {ago(sent['next_at'], now)}"}
        click.echo(
            f"  {sent['notifier']}, {sent['event']}: {sent['state']} {when.get(sent['state'], '')}".rstrip()
            + (f", {sent['attempts']} attempts" if sent["attempts"] > 1 else "")
            + (f"; {sent['last_error']}" if sent["last_error"] else "")
        )
    if not alert.notify:
        click.echo("  nobody: the rule names no notifier")
    documents = store.documents.many(store.alerts.documents(alert.id))
    click.echo(f"\ntexts ({len(documents)})")
    print_table(
        ["id", "time", "source", "text"],
        [[d.id, clock(d.event_at), d.source, shorten(f"{d.title} {d.text}", 100)] for d in documents],
        empty="  none",
        right=["id"],
    )


def _deliveries(store: Store, alert: StoredAlert) -> list[dict[str, Any]]:
    return [
        {
            "notifier": letter.notifier,
            "event": letter.notification.event,
            "state": letter.state,
            "attempts": letter.attempts,
            "created_at": letter.created_at,
            "next_at": letter.next_at if letter.state == "waiting" else None,
            "delivered_at": letter.delivered_at,
            "last_error": letter.last_error,
        }
        for letter in store.outbox.of_alert(alert.id)
    ]


def _configured(app: App) -> set[str]:
    """Names of rules in the configuration, whatever else may be wrong with it."""
    rules = read_document(app.config_path).get("rules")
    tables = rules if isinstance(rules, list) else []
    return {str(table["name"]) for table in tables if isinstance(table, dict) and "name" in table}


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under an id that has no name
        return "unknown"
