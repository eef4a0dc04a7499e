"""Reading who is notified of which alerts: ``[[routes]]``, ``[[inhibit]]`` and ``[[mutes]]``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from monitor.config.faults import faults
from monitor.errors import Fault, UnknownName
from monitor.matching import Matcher, parse_matchers
from monitor.routes import COMMON_LABELS, DETECTOR_LABELS, Inhibit, Mute, Policy, Route

M = TypeVar("M", bound=BaseModel)

_NOUNS = {"rule": "rule", "kind": "rule kind", "entity": "entity", "source": "source", "task": "task"}
"""What the values of a label are called, where they are no labels of a task."""


def read_policy(
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
    notifiers: Collection[str],
    tasks: Collection[str],
    labels: Collection[str] = (),
    values: Mapping[str, Collection[str]] | None = None,
    hidden: Mapping[str, str] | None = None,
) -> tuple[Policy, list[Fault]]:
    """The policy that the tables make, and every fault of theirs.

    :param tables: as they were written, by ``routes``, ``inhibit`` and ``mutes``.
    :param notifiers: names that routes may notify.
    :param tasks: names of tasks; each is a label of alerts. :param labels: so are those of rules.
    :param values: all that a label can be, where that is known: names of rules, labels of a task.
    :param hidden: values by place that are told to nobody.
    """
    found: list[Fault] = []

    def read(kind: str, model: type[M]) -> tuple[M, ...]:
        made = []
        for number, table in enumerate(tables[kind], 1):
            try:
                made.append(model.model_validate(table))
            except ValidationError as error:
                found.extend(faults(error, model, table, f"{kind}[{number}]", hidden))
        return tuple(made)

    policy = Policy(
        read("routes", Route), read("inhibit", Inhibit), read("mutes", Mute), frozenset(notifiers)
    )
    found += _named(tables, notifiers, [*COMMON_LABELS, *DETECTOR_LABELS, *tasks, *labels])
    return policy, found + _never(tables, values or {})


def rule_labels(rules: Sequence[Mapping[str, Any]]) -> set[str]:
    """The labels that rules give their alerts, as far as they can be read."""
    return {str(name) for rule in rules if isinstance(rule.get("labels"), Mapping) for name in rule["labels"]}


def label_faults(place: str, labels: Mapping[str, str], tasks: Collection[str]) -> list[Fault]:
    """What is wrong with the labels of a rule: alerts have some of these names anyway."""
    taken = [name for name in labels if name in (*COMMON_LABELS, *DETECTOR_LABELS, "alertname", *tasks)]
    said = "is a label that alerts have anyway; choose another name"
    return [Fault(f"{place}.labels.{name}", said) for name in taken]


def _named(
    tables: Mapping[str, Sequence[Mapping[str, Any]]], notifiers: Collection[str], labels: Collection[str]
) -> list[Fault]:
    """What they name that there is not; what has another shape than it should was found already."""
    found: list[Fault] = []
    mutes = [str(mute.get("name")) for mute in tables["mutes"]]

    def check(kind: str, name: str, known: Collection[str], place: str) -> None:
        if name not in known:
            found.append(Fault(place, str(UnknownName(kind, name, known))))

    for kind, items in tables.items():
        for number, table in enumerate(items, 1):
            place = f"{kind}[{number}]"
            for key in ("match", "source", "target"):
                for label in _labels(table.get(key)):
                    check("label of alerts", label, labels, f"{place}.{key}")
            for key in ("group_by", "equal"):
                for label in _texts(table.get(key)):
                    check("label of alerts", label, labels, f"{place}.{key}")
            if kind == "routes":
                for name in _texts(table.get("notify")):
                    check("notifier", name, notifiers, f"{place}.notify")
                for name in _texts(table.get("mute")):
                    check("mute", name, mutes, f"{place}.mute")
    used = {name for route in tables["routes"] for name in _texts(route.get("mute"))}
    for number, mute in enumerate(tables["mutes"], 1):
        if "match" not in mute and str(mute.get("name")) not in used:
            said = "is used by no route and matches nothing; say match = [] to mute every alert"
            found.append(Fault(f"mutes[{number}]", said))
    return found


def _never(
    tables: Mapping[str, Sequence[Mapping[str, Any]]], values: Mapping[str, Collection[str]]
) -> list[Fault]:
    """Matchers that ask for a value that their label never has."""
    found = []
    for kind, items in tables.items():
        for number, table in enumerate(items, 1):
            for key in ("match", "source", "target"):
                for matcher in _matchers(table.get(key)):
                    if unknown := unknown_value(matcher, values):
                        found.append(Fault(f"{kind}[{number}].{key}", str(unknown)))
    return found


def unknown_value(matcher: Matcher, values: Mapping[str, Collection[str]]) -> UnknownName | None:
    """What is wrong with a matcher that asks for a value which its label never has; patterns may ask for anything.

    :param values: all that a label can be, where that is known. The empty text stands for having none.
    """
    known = values.get(matcher.label)
    if known is None or matcher.operator not in ("=", "!=") or not matcher.value or matcher.value in known:
        return None
    return UnknownName(_NOUNS.get(matcher.label, f"label of {matcher.label}"), matcher.value, known)


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _labels(value: Any) -> list[str]:
    """The labels that matchers name."""
    return [matcher.label for matcher in _matchers(value)]


def _matchers(value: Any) -> Sequence[Matcher]:
    """Matchers, as far as they can be read."""
    try:
        return parse_matchers([] if value is None else value)
    except ValueError:
        return ()
