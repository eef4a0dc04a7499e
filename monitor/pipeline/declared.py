"""What a configuration declares: rules, digests, and what the database is made to follow, removals included."""

from __future__ import annotations

import logging
from datetime import datetime

from monitor.adapters import seeds_of
from monitor.alerts.digest import Digest
from monitor.alerts.lifecycle import Pace
from monitor.alerts.rules import Rule
from monitor.config.model import Config, TaskConfig
from monitor.seedfile import read_seeds
from monitor.store import Store
from monitor.store.tasks import SeedOrigin
from monitor.types import Seed

log = logging.getLogger(__name__)


def synchronise(config: Config, store: Store, now: datetime) -> None:
    """Make the database follow the configuration: sources, tasks, and the seeds it owns."""
    with store.transaction():
        store.sources.sync([(s.name, s.plugin, s.every) for s in config.sources])
        store.tasks.sync([(t.task, t.adapter, t.raw_settings) for t in config.tasks], now)
        for task in config.tasks:
            store.tasks.sync_seeds(task.task.name, configured_seeds(task, config), now)


def configured_seeds(task: TaskConfig, config: Config) -> dict[SeedOrigin, list[Seed]]:
    """The seeds that the configuration owns, by origin: the adapter's and the file's.

    A record of the file that cannot be used, or names an unknown label, is left out with a
    warning (``monitor config check`` calls it a fault). Where the adapter raises, its origin is
    not there.
    """
    found: dict[SeedOrigin, list[Seed]] = {"adapter": [], "file": []}
    if task.default_seeds:
        try:
            found["adapter"] = seeds_of(task.part(task.settings, config.base), task.task.labels)
        except (Exception, SystemExit):
            log.exception("the task adapter %s raised; its seeds stay as they are", task.adapter)
            del found["adapter"]
    if task.seeds is not None:
        found["file"], bad = read_seeds(task.seeds, task.task.labels)
        for record in bad:
            log.warning("%s, %s: %s", task.seeds, record.place, record.reason)
    return found


def make_rules(config: Config) -> list[Rule]:
    """The configured rules."""
    return [
        Rule(
            r.name,
            r.kind,
            r.where,
            r.notify,
            r.settings,
            owner=r.owner,
            labels=r.labels,
            pace=Pace(r.life.for_, r.keep_firing_for, r.life.flap_count, r.life.flap_span),
            routed=r.routed,
            policy=config.policy,
        )
        for r in config.rules
    ]


def make_digests(config: Config) -> list[Digest]:
    """The configured digests."""
    return [Digest(d.name, d.every, d.at, d.weekday, d.zone, d.notify, d.tasks) for d in config.digests]
