"""``monitor alerts``: what turned bad, and who looks after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import click

from monitor.alerts.message import context
from monitor.alerts.rules import subject
from monitor.alerts.sentences import much
from monitor.alerts.standing import FALLS
from monitor.cli.app import App, at_most, json_option, limit_option, pass_app, print_json
from monitor.cli.care import ack_command, judge_command, snooze_command
from monitor.cli.group import Group
from monitor.cli.output import ago, clock, in_zone, local_zone, print_table, shorten
from monitor.cli.parameters import DURATION
from monitor.cli.preview import preview_command
from monitor.cli.resend import resend_command
from monitor.config.document import read_document
from monitor.errors import UnknownName
from monitor.store import Store
from monitor.store.stored_alert import State, StoredAlert

OPEN: Sequence[State] = ("pending", "firing")


@click.group("alerts", cls=Group)
def alerts_command() -> None:
    """Show, acknowledge, snooze and judge alerts."""


alerts_command.add_command(preview_command)


@alerts_command.command("list")
@click.option("--open", "open_only", is_flag=True, help="Only those that are not resolved.")
@click.option("--rule", metavar="NAME", help="Only of this rule.")
@click.option("--owner", metavar="NAME", help="Only those that concern this owner.")
@click.option(
    "--since", type=DURATION, metavar="DURATION", help="Only those that fired in the last 30m, 24h, 7d ..."
)
@limit_option
@json_option
@pass_app
def list_command(
    app: App,
    open_only: bool,
    rule: str | None,
    owner: str | None,
    since: float | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """List alerts, newest first.

    With --json: one array of objects with id, rule, kind, fingerprint, selection ({task:
    label}), state, since, fired_at, resolved_at, last_firing_at, observed, expected, low, high
    (`low` to `high` are usual), reason, notify, acked_at, acked_by, ack_note, number (counted
    within the fingerprint), state_since, quiet_since, frozen_at, flapping, owner, routed,
    snoozed_until, snoozed_by, suppressed (why nobody is notified), rule_labels ({name: value}), documents
    (id, source, title, text, url, event_at), newest first, and evidence (see docs/templates.md).
    """
    store, now = app.store, app.now()
    if rule is not None and rule not in (known := store.alerts.rules() | _configured(app)):
        raise UnknownName("rule", rule, known)
    found = store.alerts.find(
        states=OPEN if open_only else (),
        rule=rule,
        owner=owner,
        since=None if since is None else now - timedelta(seconds=since),
        limit=at_most(limit, as_json),
    )
    if as_json:
        from monitor.pipeline.alerting.following import alert_data

        print_json([alert_data(store, alert) for alert in found])
        return
    print_table(
        ["id", "state", "fired", "rule", "what", "looked after"],
        [
            [
                alert.id,
                state_in_words(store, alert),
                ago(alert.fired_at, now),
                alert.rule,
                shorten(much(asdict(alert), store.evidence.of(alert.id).get("seconds", 3600)), 90),
                care_in_words(alert),
            ]
            for alert in found
        ],
        empty="no open alerts" if open_only else "no alerts" if since is None else "no alerts in that time",
        right=["id"],
    )


@alerts_command.command("show")
@click.argument("alert_id", type=int, metavar="ID")
@json_option
@pass_app
def show_command(app: App, alert_id: int, as_json: bool) -> None:
    """Show one alert: its reason, its history, who was notified, and the texts behind it.

    With --json: the object of `alerts list`, with transitions (at, state, reason; also for events
    that change no state: frozen, thawed, flapping, steady, widened, suppressed, unsuppressed,
    acknowledged, snoozed, judged), judgement (real, author, note, at; or null) and deliveries
    (notifier, event, copy_for (the notifier that could not deliver it, or null), state, attempts,
    created_at, next_at, delivered_at, last_error).
    """
    from monitor.pipeline.alerting.following import alert_data

    store = app.store
    alert = store.alerts.need(alert_id)
    if as_json:
        steps = [asdict(step) for step in store.transitions.of_alert(alert_id)]
        judged = store.judgements.get(alert_id)
        verdict = (
            None if judged is None else {k: getattr(judged, k) for k in ("real", "author", "note", "at")}
        )
        print_json(
            {
                **alert_data(store, alert, app.now()),
                "transitions": steps,
                "judgement": verdict,
                "deliveries": _deliveries(store, alert),
            }
        )
        return
    _print_alert(app, store, alert, alert_data(store, alert, app.now()))


def state_in_words(store: Store, alert: StoredAlert) -> str:
    """``firing``, with what is special about it."""
    silent = ""
    if alert.suppressed:
        notified = any(entry.state == "delivered" for entry in store.outbox.of_alert(alert.id))
        silent = "told no more" if notified else "told nobody"
    special = [
        "flapping" if alert.flapping and alert.state == "firing" else "",
        "frozen" if alert.frozen_at else "",
        "" if alert.quiet_since is None else "as usual" if alert.kind in FALLS else "quiet",
        silent,
    ]
    said = ", ".join(part for part in special if part)
    return f"{alert.state} ({said})" if said else alert.state


def care_in_words(alert: StoredAlert) -> str:
    """Who looks after an alert; where nobody does, whom it concerns."""
    if alert.acked_at:
        return f"by {alert.acked_by}"
    return f"nobody, for {alert.owner}" if alert.owner else "nobody"


for command in (ack_command, snooze_command, judge_command, resend_command):
    alerts_command.add_command(command)


def _print_alert(app: App, store: Store, alert: StoredAlert, data: Mapping[str, Any]) -> None:
    now = app.now()
    if alert.state == "resolved":
        data = {**data, "ended": store.transitions.ended(alert.id)}  # as its notification has it
    said = context("resolved" if alert.state == "resolved" else "firing", data, local_zone())
    lines = {
        "alert": str(alert.id),
        "rule": f"{alert.rule} ({alert.kind})",
        "what": subject(alert.kind, alert.selection),
        "owner": alert.owner,
        "labels": ", ".join(f"{name}={value}" for name, value in alert.rule_labels.items()),
        "state": state_in_words(store, alert),
        "silent": in_zone(alert.suppressed),
        "fired": f"{clock(alert.fired_at, zone=True)} ({ago(alert.fired_at, now)})",
        "resolved": "" if alert.resolved_at is None else clock(alert.resolved_at, zone=True),
        "reason": alert.reason,
        "acknowledged": ""
        if alert.acked_at is None
        else f"{clock(alert.acked_at, zone=True)} by {alert.acked_by}{f': {alert.ack_note}' if alert.ack_note else ''}",
    }
    for key, value in lines.items():
        if value:
            click.echo(f"{key + ':':14}{value}")
    click.echo("\n" + "\n".join(said["facts"]))
    if said["line"]:
        click.echo(f"\n{said['line']['drawing']}\n{said['line']['caption']}")
    # not what every alert has: who reads this knows `monitor alerts`
    if offered := [c for c in said["commands"] if not c["run"].startswith("monitor alerts ")]:
        click.echo("\nnext")
        for command in offered:
            click.echo(f"  {command['run']}  {command['why']}")
    click.echo("\nlife")
    for step in store.transitions.of_alert(alert.id):
        click.echo(f"  {clock(step.at)}  {step.state}: {in_zone(step.reason)}")
    click.echo("\nnotifications")
    for sent in _deliveries(store, alert):
        copied = f" (a copy, for {sent['copy_for']})" if sent["copy_for"] else ""
        when = {"delivered": clock(sent["delivered_at"]), "waiting": f"next {ago(sent['next_at'], now)}"}
        click.echo(
            f"  {sent['notifier']}, {sent['event']}{copied}: {sent['state']} {when.get(sent['state'], '')}".rstrip()
            + (f", {sent['attempts']} attempts" if sent["attempts"] > 1 else "")
            + (f"; {sent['last_error']}" if sent["last_error"] else "")
        )
    if not alert.notify and not alert.routed:
        click.echo("  nobody: the rule names no notifier")
    elif not store.outbox.of_alert(alert.id):
        click.echo("  none yet" if alert.state != "resolved" else "  none")
    documents = store.documents.many(store.alert_documents.of_alert(alert.id))
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
            "notifier": entry.notifier,
            "event": entry.notification.event,
            "copy_for": entry.notification.data.get("fallback_for") if entry.copy_of else None,
            "state": entry.state,
            "attempts": entry.attempts,
            "created_at": entry.created_at,
            "next_at": entry.next_at if entry.state == "waiting" else None,
            "delivered_at": entry.delivered_at,
            "last_error": entry.last_error,
        }
        for entry in store.outbox.of_alert(alert.id)
    ]


def _configured(app: App) -> set[str]:
    """Names of rules in the configuration, whatever else may be wrong with it."""
    rules = read_document(app.config_path).get("rules")
    tables = rules if isinstance(rules, list) else []
    return {str(table["name"]) for table in tables if isinstance(table, dict) and "name" in table}
