"""``monitor config``: what the configuration would run."""

from __future__ import annotations

from typing import Any

import click

from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.cli.checked import notes
from monitor.cli.config_shown import print_report
from monitor.cli.group import Group
from monitor.cli.notifiers import describe
from monitor.cli.receivers import labels_by_task, series
from monitor.cli.rules import rule_record
from monitor.config.model import Config
from monitor.config.notes import hardly_meant
from monitor.errors import ConfigError, Fault
from monitor.pipeline.learning.hints import hints, twins
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
        print_report(app, config, report)
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
