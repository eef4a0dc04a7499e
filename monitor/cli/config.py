"""``monitor config``: what the configuration would run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from monitor.alerts.sentences import settings_in_words, watched
from monitor.calendars import in_words
from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.cli.checked import notes
from monitor.cli.group import Group
from monitor.cli.notifiers import describe
from monitor.cli.output import print_table
from monitor.cli.receivers import labels_by_task, receivers, series
from monitor.cli.rules import rule_record
from monitor.config.model import Config
from monitor.config.notes import hardly_meant
from monitor.durations import format_duration
from monitor.errors import ConfigError, Fault
from monitor.pipeline.learning.hints import hints, twins
from monitor.routes import Mute, Policy
from monitor.store.tasks import SeedOrigin
from monitor.types import Seed, Task


@click.group("config", cls=Group)
def config_command() -> None:
    """Check the configuration."""


@config_command.command("check")
@json_option
@click.pass_context
@pass_app
def check_command(app: App, ctx: click.Context, as_json: bool) -> None:
    """Check the configuration, its seeds files and the encoder's files, and say what would run.

    Nothing is fetched, sent or stored. Notifiers' templates are tried once with a made-up alert. All
    faults are reported at once, each with its place; the exit code is then 2.

    With --json: an object with ok, path and faults (place, message); without faults also
    database, encoder, sources, tasks, rules (with series: what each watches),
    notifiers, routes, inhibit, mutes (name, active: whether it mutes right now), digests (name, every,
    at, weekday, zone, notify, tasks: none for all), notes (what is no fault but worth a look), left_out
    and failed_plugins.

    The exit code is 1 if something is left out because a plugin failed.
    """
    try:
        config, report = _report(app)
    except ConfigError as error:
        if not as_json:
            raise
        faults = [{"place": fault.place, "message": fault.message} for fault in error.faults]
        print_json({"ok": False, "path": app.config_path, "faults": faults})
        ctx.exit(2)
    if as_json:
        print_json({"ok": True, "path": app.config_path, "faults": [], **report})
    else:
        _print(app, config, report)
    ctx.exit(1 if report["left_out"] else 0)


def _report(app: App) -> tuple[Config, dict[str, Any]]:
    """The configuration, and what would run.

    :raises ConfigError: with all faults.
    """
    from monitor.pipeline.declared import make_rules
    from monitor.pipeline.trying.template_check import template_faults

    config, plugins = app.load(check_files=True)
    templates = {f"notifiers[{n}]": notifier.templates for n, notifier in enumerate(config.notifiers, 1)}
    if faults := template_faults(templates, make_rules(config), app.now()):
        raise ConfigError(app.config_path, faults)
    parts = {
        kind: [describe(part, config.base) for part in found]
        for kind, found in (("sources", config.sources), ("notifiers", config.notifiers))
    }
    unmade = [
        Fault(f"{kind}[{n}]", f"cannot be made: {part['error']}")
        for kind, made in parts.items()
        for n, part in enumerate(made, 1)
        if part["error"] is not None
    ]
    tasks = _tasks(app, config)
    labels = labels_by_task(app, config)
    return config, {
        "database": config.database,
        "encoder": config.encoder,
        "sources": [
            {"name": s.name, "plugin": s.plugin, "every": s.every, "where": made["where"]}
            for s, made in zip(config.sources, parts["sources"], strict=True)
        ],
        "tasks": tasks,
        "rules": [{**rule_record(rule), "series": series(rule, labels)} for rule in config.rules],
        "notifiers": [
            {"name": n.name, "plugin": n.plugin, "where": made["where"]}
            for n, made in zip(config.notifiers, parts["notifiers"], strict=True)
        ],
        "routes": [route.model_dump(by_alias=True) for route in config.policy.routes],
        "inhibit": [inhibit.model_dump() for inhibit in config.policy.inhibits],
        "mutes": [{"name": m.name, "active": m.active(app.now())} for m in config.policy.mutes],
        "digests": [
            {
                "name": digest.name,
                "every": digest.every,
                "at": f"{digest.at:%H:%M}",
                "weekday": digest.weekday if digest.every == "week" else None,
                "zone": digest.zone,
                "notify": digest.notify,
                "tasks": digest.tasks,
            }
            for digest in config.digests
        ],
        "notes": [
            *twins(config.sources),
            *hardly_meant(config),
            *(
                f"{source.name}: {said}"
                for source in config.sources
                for said in notes(source, config.base, {})
            ),
            *(f"{task['name']}: {said}" for task in tasks for said in task["notes"]),
        ],
        "left_out": [str(fault) for fault in [*config.left_out, *unmade]],
        "failed_plugins": {s.name: s.error for s in plugins.statuses if s.error},
    }


def _tasks(app: App, config: Config) -> list[dict[str, Any]]:
    from monitor.pipeline.declared import configured_seeds
    from monitor.shared_encoder import make_encoder

    store = app.store if app.database.is_file() else None
    encoder = make_encoder(config)
    tasks: list[tuple[Task, str, str, dict[SeedOrigin, list[Seed]]]] = [
        (t.task, t.adapter, "config", configured_seeds(t, config)) for t in config.tasks
    ]
    named = {t.task.name for t in config.tasks}
    if store is not None:
        added = [t for t in store.tasks.active() if t.origin == "command" and t.task.name not in named]
        tasks += [(t.task, t.adapter, "command", {}) for t in added]
    stored = {task.name: [] if store is None else store.tasks.all_seeds(task.name) for task, *_ in tasks}
    for task, _, _, seeds in tasks:
        kept = stored[task.name]
        own: tuple[SeedOrigin, ...] = ("command",) if task.name in named else ("adapter", "file", "command")
        for of in own:
            seeds[of] = [s.seed for s in kept if s.origin == of and s.counts_for(task.labels)]
    return [
        {
            "name": task.name,
            "adapter": adapter,
            "origin": origin,
            "multi": task.multi,
            "threshold": task.threshold,
            "labels": list(task.labels),
            "seeds": {of: len(found) for of, found in seeds.items()},
            "notes": hints(
                task, [seed for found in seeds.values() for seed in found], stored[task.name], encoder
            ),
        }
        for task, adapter, origin, seeds in tasks
    ]


def _print(app: App, config: Config, report: Mapping[str, Any]) -> None:
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
                    "each alone" if route.group_by is None else ", ".join(route.group_by) or "all together",
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
