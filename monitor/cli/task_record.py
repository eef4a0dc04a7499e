"""What is known of a task, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from monitor.cli.output import clock, number, print_table
from monitor.errors import LearnError, MonitorError
from monitor.interfaces import Encoder
from monitor.pipeline.learning.hints import hints
from monitor.pipeline.learning.languages import texts_unread
from monitor.plugins import Plugins
from monitor.store import Store
from monitor.store.heads import StoredHead, enough_to_tell
from monitor.store.tasks import StoredTask
from monitor.types import NO_LABEL, Task

ORIGINS = ("adapter", "file", "command")
NO_LABEL_MEANS = "none of the others: what the task abstains on"


def notes_of(store: Store, task: Task, encoder: Encoder | None) -> list[str]:
    """What is worth a look in a task, a line each."""
    stored = store.tasks.all_seeds(task.name)
    seeds = [one.seed for one in stored if one.counts_for(task.labels)]
    return hints(task, seeds, stored, encoder) or texts_unread(encoder, store, task, seeds)


def task_record(
    store: Store, stored: StoredTask, encoder: Encoder | None, plugins: Plugins
) -> dict[str, Any]:
    """What is known of a task, as `tasks show --json` prints it."""
    task = stored.task
    head = store.heads.active(task.name)
    return {
        "name": task.name,
        "adapter": stored.adapter,
        "family": task.family,
        "origin": stored.origin,
        "multi": task.multi,
        "threshold": task.threshold,
        "settings": stored.settings,
        "roles": _roles(stored, plugins),
        "labels": task.labels,
        "seeds": _seed_counts(store, stored),
        "notes": notes_of(store, task, encoder),
        "head": None
        if head is None
        else {
            "version": head.version,
            "seeds": head.seeds,
            "depth": head.depth,
            "view": head.view,
            "log_loss": head.log_loss,
            "accuracy": head.accuracy,
            "judged": head.judged,
            "thresholds": _thresholds(head),
            "encoder": head.encoder,
            "created_at": head.created_at,
        },
        "versions": store.heads.made(task.name),
    }


def _thresholds(head: StoredHead) -> dict[str, float] | None:
    """The probability from which on the head says each label; ``None`` where it cannot be read."""
    from monitor.learn.head import Head

    try:
        made = Head.from_bytes(head.data)
    except LearnError:
        return None
    return {
        label: round(float(threshold), 4)
        for label, threshold in zip(made.labels, made.thresholds, strict=True)
    }


def _roles(stored: StoredTask, plugins: Plugins) -> list[str] | None:
    """Whose texts the task reads; ``None`` where that is no setting of its adapter's, or this cannot be used."""
    try:
        settings = plugins.pick("task adapter", stored.adapter).Settings.model_validate(stored.settings)
    except (MonitorError, ValueError):
        return None
    roles = getattr(settings, "roles", None)
    return None if roles is None else list(roles)


def _seed_counts(store: Store, stored: StoredTask) -> Mapping[str, Mapping[str, int]]:
    counts = Counter((seed.seed.label, seed.origin) for seed in store.tasks.seeds(stored.task.name))
    shown = [*stored.task.labels, *[NO_LABEL] * any(label == NO_LABEL for label, _ in counts)]
    return {label: {origin: counts[label, origin] for origin in ORIGINS} for label in shown}  # type: ignore[index]


def declared_in(origin: str) -> str:
    """Who a task belongs to, in words."""
    return "the configuration" if origin == "config" else "`tasks add`"


def _seeds_from(origin: str) -> str:
    return {"adapter": "adapter's", "file": "file's", "command": "added"}[origin]


def print_task(record: Mapping[str, Any], config: Path) -> None:
    """Print what :func:`task_record` found for a person.

    :param config: the file that the task may come from.
    """
    head = record["head"]
    thresholds = (head and head["thresholds"]) or {}
    lines = {
        "name": record["name"],
        "from": f"{declared_in(record['origin'])}{f' ({config})' if record['origin'] == 'config' else ''}",
        "adapter": record["adapter"],
        **({} if record["roles"] is None else {"roles": ", ".join(record["roles"])}),
        "kind": "several labels a text" if record["multi"] else "one label a text",
        "threshold": _threshold(record, thresholds),
        "head": "none yet; the monitor makes it when it runs (or `monitor adapt`)"
        if head is None
        else f"version {head['version']} of {clock(head['created_at'])}, from {number(head['seeds'], 'seed')}",
    }
    if head is not None:
        lines["depth"] = f"{head['depth']}, in the view {head['view']}"
        lines["quality"] = _quality(head, multi=record["multi"])
    for key, value in [*lines.items(), *(("note", said) for said in record["notes"])]:
        click.echo(f"{key + ':':14}{value}")
    click.echo("")
    own = ["threshold"] * (record["multi"] and len(thresholds) > 0)
    print_table(
        ["label", *(f"{_seeds_from(origin)}" for origin in ORIGINS), *own, "description"],
        [
            [
                label,
                *(counts[origin] for origin in ORIGINS),
                *[f"{thresholds[label]:.2f}" if label in thresholds else ""] * len(own),
                record["labels"].get(label, NO_LABEL_MEANS),
            ]
            for label, counts in record["seeds"].items()
        ],
        empty="",
        right=[*map(_seeds_from, ORIGINS), *own],
    )


def _threshold(record: Mapping[str, Any], thresholds: Mapping[str, float]) -> str:
    """From which probability on a label is said, and who chose that."""
    if record["threshold"] is not None:
        return f"{record['threshold']:g}"
    if not thresholds:
        return "chosen by the learner"
    if record["multi"]:
        return "chosen by the learner, for each label"
    return f"{min(thresholds.values()):.2f}, chosen by the learner"  # the same one for every label


def _quality(head: Mapping[str, Any], *, multi: bool) -> str:
    """How many of the seeds that were left out in turn the head tells right; a share only where it says much."""
    accuracy, judged = head["accuracy"], head["judged"]
    if accuracy is None:
        return "not known" if head["seeds"] else "not known without seeds"
    verb, right = ("gives", "exactly their labels") if multi else ("tells", "right")
    if enough_to_tell(head["seeds"], judged):
        return f"{verb} {accuracy:.0%} of {'' if judged is None else f'{judged:,} '}left-out seeds {right}"
    if judged is None:
        return "too few seeds to tell"
    return f"{verb} {round(accuracy * judged)} of {number(judged, 'left-out seed')} {right}; too few to tell much"
