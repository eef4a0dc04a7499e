"""Rules that the past suggests: those that would have fired a few times a month."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations

from monitor.alerts.detectors import SurgeSettings
from monitor.alerts.detectors.profile import DAY
from monitor.alerts.lifecycle import Pace
from monitor.alerts.rules import ALL, Rule
from monitor.pipeline.trying import Report, try_on_store
from monitor.store import Store

FEW, MANY = 0.5, 8.0
"""Alerts a month between which a rule is worth its noise."""
RARE = (30 * DAY, 90 * DAY, 365 * DAY, 3650 * DAY)
"""What ``rare`` is tried with, from sensitive to quiet."""
MOST_LABELS = 12


@dataclass(frozen=True)
class Suggestion:
    """A rule, and what it would have done."""

    rule: Rule
    report: Report


def suggest(
    store: Store,
    since: datetime,
    now: datetime,
    progress: Callable[[int, int], None] = lambda done, of: None,
    *,
    as_live: bool = False,
) -> list[Suggestion]:
    """Surge rules that would have fired :data:`FEW` to :data:`MANY` times a month since ``since``.

    Tried are each task's labels, and pairs of one label with each of another task's, in one walk along the past:
    for each the most sensitive ``rare`` that is not too loud. The other arguments are those of
    :func:`~monitor.pipeline.trying.try_on_store`.
    """
    tried = [[_surge(where, rare) for rare in RARE] for where in _places(store)]
    rules = [rule for ladder in tried for rule in ladder]
    reports = iter(try_on_store(store, rules, since, now, progress, as_live=as_live))
    found = []
    for ladder in tried:
        of_ladder = [next(reports) for _ in ladder]
        calm = next((report for report in of_ladder if report.a_month <= MANY), None)
        if calm is not None and calm.a_month >= FEW:
            found.append(Suggestion(calm.rule, calm))
    return found


def _surge(where: dict[str, str], rare: float) -> Rule:
    settings = SurgeSettings(rare=rare)
    name = "-".join(label if label != ALL else task for task, label in where.items())
    return Rule(f"surge-{name}", "surge", where, (), settings, pace=Pace(keep_firing_for=settings.calm))


def _places(store: Store) -> Iterator[dict[str, str]]:
    tasks = {stored.task.name: list(stored.task.labels) for stored in store.tasks.active()}
    for task in tasks:
        yield {task: ALL}
    for one, other in combinations(tasks, 2):
        for wild, fixed in ((one, other), (other, one)):
            if len(tasks[fixed]) <= MOST_LABELS:
                for label in tasks[fixed]:
                    yield {wild: ALL, fixed: label}
