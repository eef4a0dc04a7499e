"""``monitor notifiers``: who is notified."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.cli.group import Group
from monitor.cli.output import print_table
from monitor.cli.receivers import labels_by_task, receivers
from monitor.config.model import NotifierConfig, SourceConfig
from monitor.errors import MonitorError, UnknownName, one_line, raised
from monitor.moments import moment
from monitor.pipeline.health import untold
from monitor.types import Notification

GONE = "not configured any more"


@click.group("notifiers", cls=Group)
def notifiers_command() -> None:
    """Show and test notifiers."""


@notifiers_command.command("list")
@json_option
@pass_app
def list_command(app: App, as_json: bool) -> None:
    """List the configured notifiers, and how many notifications each has.

    With --json: one array of objects with name, plugin, where, rules (whose alerts may reach it, also by
    routes), at_most, fallback, waiting, delivered, dead (given up), last_error, untold (why it cannot be told
    what still fires, or say how the monitor is; null if it can) and error (why it could not be made).
    Notifiers no longer configured but with undelivered notifications have the plugin null.
    """
    config = app.shown_config
    store = app.store if app.database.is_file() else None
    counts = {} if store is None else store.outbox.counts_by_notifier()
    errors = {} if store is None else store.outbox.last_errors()
    not_told = {} if store is None else untold(store, app.now(), [n.name for n in config.notifiers])
    labels = labels_by_task(app, app.shown_config)
    names = {rule.name: receivers(rule, config.policy, labels).names for rule in config.rules}
    records = [
        {
            "name": notifier.name,
            "plugin": notifier.plugin,
            **describe(notifier, config.base),
            "rules": [rule.name for rule in config.rules if notifier.name in names[rule.name]],
            "at_most": None if notifier.at_most is None else str(notifier.at_most),
            "fallback": notifier.fallback,
            **_notifications(counts, errors, notifier.name),
            "untold": not_told.get(notifier.name),
        }
        for notifier in config.notifiers
    ]
    gone = [n for n, states in counts.items() if states.keys() - {"delivered"}]
    for name in sorted(set(gone) - {notifier.name for notifier in config.notifiers}):
        missing = dict.fromkeys(("plugin", "where", "at_most", "fallback"))
        records.append(
            {
                "name": name,
                **missing,
                "error": GONE,
                "rules": [],
                **_notifications(counts, errors, name),
                "untold": None,
            }
        )
    if as_json:
        print_json(records)
        return
    print_table(
        ["name", "plugin", "where", "rules", "waiting", "delivered", "dead", "last error"],
        [
            [
                record["name"],
                record["plugin"],
                record["where"]
                or (GONE if record["error"] == GONE else f"cannot be made: {record['error']}"),
                ", ".join([*record["rules"], *_stands_in(config.notifiers, str(record["name"]))])
                or "no rule",
                record["waiting"],
                record["delivered"],
                record["dead"],
                record["untold"] or record["last_error"],
            ]
            for record in records
        ],
        empty="no notifiers; they are written in the configuration, under [[notifiers]]",
        right=["waiting", "delivered", "dead"],
    )


@dataclass
class Tested:
    """What came of a test: ``error`` is ``None`` where it was delivered."""

    name: str
    plugin: str
    key: str
    error: str | None


@notifiers_command.command("test")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@json_option
@click.pass_context
@pass_app
def test_command(app: App, ctx: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """Send a test notification through notifiers, at once and without the database.

    Without a NAME all are tested. The exit code is 1 if one cannot deliver.

    With --json: one array of objects with name, plugin, key and error (null: delivered).
    """
    config = app.config
    found = [_test(notifier, config.base, app.now()) for notifier in _chosen(config.notifiers, names)]
    if as_json:
        print_json([asdict(tested) for tested in found])
    elif not found:
        click.echo("no notifiers; they are written in the configuration, under [[notifiers]]")
    else:
        for tested in found:
            click.echo(f"{tested.name}: {'delivered' if tested.error is None else tested.error}")
    ctx.exit(1 if any(tested.error is not None for tested in found) else 0)


def describe(config: SourceConfig | NotifierConfig, base: Path) -> dict[str, Any]:
    """``where`` a source reads or a notifier delivers, or the ``error`` that keeps it from being made."""
    try:
        made = config.part(config.settings, base)
        try:
            return {"where": made.describe(), "error": None}
        finally:
            made.close()
    except (Exception, SystemExit) as error:
        return {"where": None, "error": one_line(f"{type(error).__name__}: {error}")}


def _notifications(
    counts: Mapping[str, Mapping[str, int]], errors: Mapping[str, str], name: str
) -> dict[str, Any]:
    """How many notifications a notifier has, and why the last did not get through."""
    states = {state: counts.get(name, {}).get(state, 0) for state in ("waiting", "delivered", "dead")}
    return {**states, "last_error": errors.get(name)}


def _stands_in(notifiers: Sequence[NotifierConfig], name: str) -> list[str]:
    """For whom a notifier is the fallback."""
    return [f"instead of {other.name}" for other in notifiers if other.fallback == name]


def _chosen(notifiers: Sequence[NotifierConfig], names: Sequence[str]) -> list[NotifierConfig]:
    known = {notifier.name: notifier for notifier in notifiers}
    for name in names:
        if name not in known:
            raise UnknownName("notifier", name, known)
    return [known[name] for name in dict.fromkeys(names)] if names else list(notifiers)


def _test(config: NotifierConfig, base: Path, now: datetime) -> Tested:
    key = secrets.token_hex(16)
    notification = Notification(
        key=key,
        event="test",
        title=f"test: a notification for {config.name}",
        body="This is a test. Nothing happened; alerts will come this way.",
        data={"event": "test", "notifier": config.name, "at": moment(now)},
        at=now,
    )
    error: str | None = None
    try:
        notifier = config.part(config.settings, base)
        try:
            notifier.send(notification)
        finally:
            notifier.close()
    except MonitorError as failure:
        error = one_line(failure)
    except (Exception, SystemExit) as failure:
        error = raised(failure)
    return Tested(config.name, config.plugin, key, error)
