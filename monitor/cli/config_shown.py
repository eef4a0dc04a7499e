"""What ``monitor config check`` found, for people."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from monitor.alerts.sentences import settings_in_words, watched
from monitor.calendars import in_words
from monitor.cli.app import App
from monitor.cli.output import print_table
from monitor.cli.receivers import labels_by_task, receivers
from monitor.config.model import Config
from monitor.durations import format_duration
from monitor.routes import Mute, Policy


def print_report(app: App, config: Config, report: Mapping[str, Any]) -> None:
    """Print what would run, part by part.

    :param report: what `monitor config check --json` gives out.
    """
    process = app.daemon()
    there = "is there" if report["database"].is_file() else "will be made"
    order = "can run in part only" if report["left_out"] else "is in order"
    click.echo(f"{app.config_path} {order}. This is what runs:\n")
    click.echo(f"{'database:':14}{report['database']} ({there})")
    click.echo(f"{'encoder:':14}{report['encoder']}")
    if process is not None:
        click.echo(f"{'running:':14}process {process}, with the file as it was when it was last read")
    for name, error in report["failed_plugins"].items():
        click.echo(f"{'plugin:':14}{name} did not load: {error}")
    for fault in report["left_out"]:
        click.echo(f"{'left out:':14}{fault}")
    for said in report["notes"]:
        click.echo(f"{'note:':14}{said}")
    click.echo("\nSOURCES")
    print_table(
        ["name", "plugin", "every", "where"],
        [[s["name"], s["plugin"], format_duration(s["every"]), s["where"]] for s in report["sources"]],
        empty="none: nothing will be read",
    )
    _print_tasks(report["tasks"])
    _print_rules(config, report["rules"], labels_by_task(app, config))
    click.echo("\nNOTIFIERS")
    print_table(
        ["name", "plugin", "where"],
        [[n["name"], n["plugin"], n["where"]] for n in report["notifiers"]],
        empty="none: alerts are kept, and nobody is told",
    )
    _print_policy(config.policy, app.now())
    if report["digests"]:
        _print_digests(report["digests"])


def _print_tasks(tasks: Sequence[Mapping[str, Any]]) -> None:
    click.echo("\nTASKS")
    print_table(
        ["name", "adapter", "kind", "labels", "seeds", "threshold"],
        [
            [
                task["name"],
                task["adapter"] + (" (added by command)" if task["origin"] == "command" else ""),
                "several labels a text" if task["multi"] else "one label a text",
                len(task["labels"]),
                sum(task["seeds"].values()),
                "learned" if task["threshold"] is None else f"{task['threshold']:g}",
            ]
            for task in tasks
        ],
        empty="none: texts get no labels",
        right=["labels", "seeds", "threshold"],
    )


def _print_rules(
    config: Config, rules: Sequence[Mapping[str, Any]], labels: Mapping[str, Collection[str]]
) -> None:
    click.echo("\nRULES")
    print_table(
        ["name", "kind", "watches", "series", "settings", "notifies"],
        [
            [
                rule.name,
                rule.kind,
                watched(rule.where, rule.settings),
                len(said["series"]),
                settings_in_words(rule.settings),
                receivers(rule, config.policy, labels).in_words(),
            ]
            for rule, said in zip(config.rules, rules, strict=True)
        ],
        empty="none: nothing raises an alert",
        right=["series"],
    )


def _print_policy(policy: Policy, now: datetime) -> None:
    if policy.routes:
        click.echo("\nROUTES")
        print_table(
            ["name", "matches", "notifies", "grouped by", "muted by"],
            [
                [
                    route.name,
                    ", ".join(map(str, route.match)) or "every alert",
                    ", ".join(route.notify) or "nobody",
                    "each alone, conversations by rule"
                    if route.group_by is None
                    else ", ".join(route.group_by) or "all together",
                    ", ".join(route.mute),
                ]
                for route in policy.routes
            ],
            empty="",
        )
    if policy.inhibits:
        click.echo("\nINHIBITION")
        print_table(
            ["while fires", "nobody is told of", "with equal"],
            [
                [", ".join(map(str, one.source)), ", ".join(map(str, one.target)), ", ".join(one.equal)]
                for one in policy.inhibits
            ],
            empty="",
        )
    if policy.mutes:
        click.echo("\nMUTES")
        print_table(
            ["name", "when", "zone", "alerts", "now"],
            [
                [
                    mute.name,
                    _when(mute),
                    mute.zone.key,
                    _whom(mute),
                    "mutes" if mute.active(now) else "",
                ]
                for mute in policy.mutes
            ],
            empty="",
        )


def _print_digests(digests: Sequence[Mapping[str, Any]]) -> None:
    click.echo("\nDIGESTS")
    print_table(
        ["name", "when", "notifies", "tasks"],
        [
            [
                digest["name"],
                f"every {digest['weekday'] or 'day'} at {digest['at']}, {digest['zone']}",
                ", ".join(digest["notify"]) or "nobody",
                ", ".join(digest["tasks"]) or "all",
            ]
            for digest in digests
        ],
        empty="",
    )


def _when(mute: Mute) -> str:
    ends = [f"{word} {at:%Y-%m-%d %H:%M}" for word, at in (("from", mute.starts), ("to", mute.ends)) if at]
    return ", ".join([said for said in (in_words(mute.weekdays, mute.hours), " ".join(ends)) if said])


def _whom(mute: Mute) -> str:
    if mute.match is None:
        return "those of routes that name it"
    return ", ".join(map(str, mute.match)) or "every alert"
