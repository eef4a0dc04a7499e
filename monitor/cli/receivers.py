"""Who is notified of a rule's alerts, as far as that follows from the configuration."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import product

from monitor.alerts.detectors import DETECTORS
from monitor.cli.app import App
from monitor.config.model import Config, RuleConfig
from monitor.matching import all_match
from monitor.routes import DETECTOR_LABELS, Policy, Route
from monitor.types import ALL, ENTITY


@dataclass(frozen=True)
class Receivers:
    """``routes``: those that an alert of the rule may take. ``others``: who is notified of one that takes none."""

    routes: tuple[Route, ...]
    others: tuple[str, ...]

    @property
    def names(self) -> set[str]:
        """Every notifier that may be notified."""
        return {*self.others, *(name for route in self.routes for name in route.notify)}

    def in_words(self) -> str:
        """``by route press, else desk``; ``desk`` where no route has a part in it."""
        others = ", ".join(self.others)
        if not self.routes:
            return others or "nobody"
        routes = f"by route {', '.join(route.name for route in self.routes)}"
        return f"{routes}, else {others}" if others else routes


def receivers(rule: RuleConfig, policy: Policy, labels: Mapping[str, Collection[str]]) -> Receivers:
    """Who is notified of the alerts of a rule.

    What some kinds watch is known only when they raise an alert; a route that asks for it may match or not.

    :param labels: of tasks, by name (:func:`labels_by_task`).
    """
    if not rule.routed or not policy.routes:
        return Receivers((), tuple(rule.notify))
    common = {**rule.labels, "rule": rule.name, "kind": rule.kind, "owner": rule.owner}
    counted = rule.kind in DETECTORS
    later = {*DETECTOR_LABELS, *labels}  # every other label is of the rule, or its alerts have it not
    taken, through = set(), False
    for case in (series(rule, labels) or [{}]) if counted else [{}]:
        known = {**case, **common}
        # a kind that counts nothing gives its alerts labels that are not known before
        open_ = not counted or case.keys() != rule.where.keys()
        passes = True
        for route in policy.routes:
            sure = [
                matcher
                for matcher in route.match
                if not open_ or matcher.label in known or matcher.label not in later
            ]
            if not all_match(sure, known):
                continue
            taken.add(route.name)
            if len(sure) == len(route.match):
                passes = False
                if not route.continue_:
                    break
        through = through or passes
    routes = tuple(route for route in policy.routes if route.name in taken)
    return Receivers(routes, tuple(rule.notify) if through else ())


def series(rule: RuleConfig, labels: Mapping[str, Collection[str]]) -> list[dict[str, str]]:
    """Every series that a rule watches, given the labels of tasks by name."""
    choices = [labels.get(task, ()) if label == ALL else [label] for task, label in rule.where.items()]
    return [dict(zip(rule.where, chosen, strict=True)) for chosen in product(*choices)]


def labels_by_task(app: App, config: Config) -> dict[str, Collection[str]]:
    """The labels of each task of ``config``, those that commands added included, and the entities."""
    added = app.store.tasks.active() if app.database.is_file() else []
    return {
        **{stored.task.name: stored.task.labels for stored in added if stored.origin == "command"},
        **{task.task.name: task.task.labels for task in config.tasks},
        ENTITY: list(config.entities),
    }
