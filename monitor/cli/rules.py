"""``monitor rules``: what is watched."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from monitor.alerts.feedback import Feedback, Judged, feedback
from monitor.alerts.sentences import settings_in_words, watched
from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.cli.group import Group
from monitor.cli.output import print_table
from monitor.cli.receivers import labels_by_task, receivers
from monitor.cli.trying import suggest_command, test_command
from monitor.config.model import RuleConfig


@click.group("rules", cls=Group)
def rules_command() -> None:
    """Show rules, try them on the past, and suggest new ones."""


rules_command.add_command(test_command)
rules_command.add_command(suggest_command)


@rules_command.command("list")
@json_option
@pass_app
def list_command(app: App, as_json: bool) -> None:
    """List the configured rules, with all their settings, defaults included.

    With --json: one array of objects with name, kind, where ({task: label}, `*` for each
    label), settings (durations in seconds), notify, owner, labels, for, keep_firing_for, flap_count,
    flap_span, open_alerts, and, from judgements, judged_real, judged_false, precision (null
    if nothing was judged) and suggestion (a text, maybe empty).
    """
    config = app.shown_config
    counts = Counter(alert.rule for alert in app.store.alerts.all_open()) if app.database.is_file() else {}
    found = {rule.name: rule_feedback(app, rule) for rule in config.rules}
    if as_json:
        print_json(
            [
                {
                    **rule_record(rule),
                    "open_alerts": counts.get(rule.name, 0),
                    "judged_real": found[rule.name].real,
                    "judged_false": found[rule.name].false,
                    "precision": found[rule.name].precision,
                    "suggestion": found[rule.name].suggestion,
                }
                for rule in config.rules
            ]
        )
        return
    labels = labels_by_task(app, app.shown_config)
    print_table(
        ["name", "kind", "watches", "settings", "notifies", "open", "real"],
        [
            [
                rule.name,
                rule.kind,
                watched(rule.where, rule.settings),
                settings_in_words(rule.settings),
                receivers(rule, config.policy, labels).in_words(),
                counts.get(rule.name, 0),
                judged_in_words(found[rule.name]),
            ]
            for rule in config.rules
        ],
        empty="no rules; they are written in the configuration, under [[rules]]",
        right=["open"],
    )
    for name, said in found.items():
        if said.suggestion:
            click.echo(f"{name}: {said.suggestion}")


def rule_feedback(app: App, rule: RuleConfig) -> Feedback:
    """What judgements say of a rule."""
    judged = app.store.judgements.of_rule(rule.name) if app.database.is_file() else []
    items = [Judged(item.real, item.observed, item.expected) for item in judged]
    return feedback(items, rule.settings)


def judged_in_words(found: Feedback) -> str:
    """``8 of 10``, or nothing where nothing was judged."""
    return "" if found.precision is None else f"{found.real} of {found.real + found.false}"


def rule_record(rule: RuleConfig) -> dict[str, Any]:
    """A rule as JSON-able data."""
    return {
        "name": rule.name,
        "kind": rule.kind,
        "where": rule.where,
        "settings": rule.settings.model_dump(),
        "notify": rule.notify,
        "owner": rule.owner,
        "labels": dict(rule.labels),
        "for": rule.life.for_,
        "keep_firing_for": rule.keep_firing_for,
        "flap_count": rule.life.flap_count,
        "flap_span": rule.life.flap_span,
    }
