"""Rules that the past suggests: those that would have fired a few times a month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations

from monitor.alerts.detectors import KINDS
from monitor.alerts.detectors.history import percent
from monitor.alerts.lifecycle import Pace
from monitor.alerts.rules import Rule
from monitor.pipeline.alerting.windows import Windows
from monitor.pipeline.judging.topics import SENTIMENT
from monitor.pipeline.trying.rules import Report, try_on_store
from monitor.store import Store
from monitor.types import ALL, Task

FEW, MANY = 0.5, 8.0
"""Alerts a month between which a rule is worth its noise."""
LADDERS: Mapping[str, tuple[Mapping[str, str | float], ...]] = {
    "surge": tuple({"rare": rare} for rare in ("30d", "90d", "365d", "3650d")),
    "threshold": tuple({"at_least": number} for number in (5, 10, 20, 50, 100, 200, 500)),
    "ratio": tuple({"at_least": share} for share in (0.3, 0.5, 0.7, 0.9)),
    "drop": ({},),
}
"""The settings that each kind is tried with, from sensitive to quiet."""
MOST_LABELS = 12
NEGATIVE = "negative"
"""The label of a task of the family ``sentiment`` that says what is bad news."""
MOSTLY = 0.5
"""So large a share of the texts that a rule would have told of must be bad news."""


@dataclass(frozen=True)
class Suggestion:
    """A rule, those of its settings that are not the usual ones, as they are written, and what it would have done.

    ``alike``: names of the rules that are left out for it, since they would have fired at the very same times.
    ``named``: whether it watches bad news by name. ``negative``: the share of bad news in the texts of its alerts,
    where that is known. ``remark``: why it is no rule for bad news, or ``""``.
    """

    rule: Rule
    settings: Mapping[str, str | float]
    report: Report
    alike: Sequence[str] = ()
    named: bool = False
    negative: float | None = None
    remark: str = ""


def suggest(
    store: Store,
    since: datetime,
    now: datetime,
    progress: Callable[[int, int], None] = lambda done, of: None,
    *,
    as_live: bool = False,
) -> list[Suggestion]:
    """Rules that would have fired :data:`FEW` to :data:`MANY` times a month since ``since``.

    Tried are surges, thresholds, shares and drops of each task's labels, surges and shares also of pairs of one
    label with each of another task's, all in one walk along the past: of each ladder the most sensitive rule that
    is not too loud. Those for bad news come first, as far as tasks of sentiment tell (:func:`bad_news`); the others
    have a remark. Of those that would have fired at the very same times, only the simplest is left
    (:func:`distinct`). The other arguments are those of :func:`~monitor.pipeline.trying.rules.try_on_store`.
    """
    labels = Counter(label for stored in store.tasks.active() for label in stored.task.labels)
    shared = {label for label, tasks in labels.items() if tasks > 1}
    ladders = [
        [(_rule(kind, where, rung, shared), rung) for rung in rungs] for kind, where, rungs in _ladders(store)
    ]
    rules = [rule for ladder in ladders for rule, _ in ladder]
    reports = iter(try_on_store(store, rules, since, now, progress, as_live=as_live, most=MANY))
    found = []
    for ladder in ladders:
        tried = [Suggestion(rule, rung, next(reports)) for rule, rung in ladder]
        rates = [(one, one.report.a_month) for one in tried]
        calm = next(((one, rate) for one, rate in rates if rate is not None and rate <= MANY), None)
        if calm is not None and calm[1] >= FEW:
            found.append(calm[0])
    if tasks := sentiments(store):
        texts = Windows(store, as_live)
        found = [bad_news(one, tasks, texts, now) for one in found]
    return distinct(found)


def sentiments(store: Store) -> list[Task]:
    """The tasks that tell what is bad news, such as one for the news and one for customers."""
    tasks = (stored.task for stored in store.tasks.active())
    return [task for task in tasks if task.family == SENTIMENT and NEGATIVE in task.labels]


def bad_news(one: Suggestion, tasks: Sequence[Task], texts: Windows, now: datetime) -> Suggestion:
    """A suggestion with what ``tasks`` say of it: is it a rule for bad news?

    It is if it watches that by name, or if most of what it would have told of was negative: so complaints are told from
    praise, whatever the labels are called.
    """
    where = one.rule.where
    if any(where.get(task.name) == NEGATIVE for task in tasks):
        return replace(one, named=True, negative=1.0)
    if one.rule.kind == "drop":
        return replace(one, remark="tells of silence, not of bad news")
    bad = every = 0
    for task in tasks:
        for tried, raised in one.report.alerts:
            for label in task.labels:
                if tried.selection.get(task.name, label) == label:
                    carried = {**tried.selection, task.name: label}
                    found = texts.stories(carried, raised.worst.since, raised.worst.until, now)
                    every += found
                    bad += found if label == NEGATIVE else 0
    share = bad / every if every else None
    remark = ""
    if any(where.get(task.name) == ALL for task in tasks):
        remark = "good news raises it as well"
    elif share is not None and share < MOSTLY:
        remark = f"{percent(share)} of the texts that it would have told of were {NEGATIVE}"
    return replace(one, negative=share, remark=remark)


def distinct(found: Sequence[Suggestion]) -> list[Suggestion]:
    """One of those with the very same alert times each: the best for bad news, else the simplest, else the first.

    What many others would have told as well is the surest to be something: that comes first of those for bad news, and
    of the others; then what is simple.
    """
    by_times: dict[tuple[datetime, ...], list[Suggestion]] = {}
    for one in found:
        times = tuple(sorted({raised.fired_at for _, raised in one.report.alerts}))
        by_times.setdefault(times, []).append(one)
    left = []
    for same in by_times.values():
        simplest, *others = sorted(same, key=lambda one: (_use(one), _complexity(one)))
        left.append(replace(simplest, alike=[other.rule.name for other in others]))
    return sorted(left, key=lambda one: (_use(one), -len(one.alike), _complexity(one)))


def _use(one: Suggestion) -> tuple[bool, bool, bool]:
    return bool(one.remark), not one.named, one.negative is None


def _complexity(one: Suggestion) -> tuple[int, int]:
    return len(one.rule.where), len(one.settings)


def _rule(
    kind: str, where: Mapping[str, str], rung: Mapping[str, str | float], shared: Collection[str]
) -> Rule:
    """A rule that is named by its labels, and by their tasks where several tasks share a label."""
    settings = KINDS[kind].model_validate(rung)
    named = {
        task: task if label == ALL else f"{task}-{label}" if label in shared else label
        for task, label in where.items()
    }
    name = "-".join(named.values())
    return Rule(f"{kind}-{name}", kind, where, (), settings, pace=Pace(keep_firing_for=settings.calm))


def _ladders(store: Store) -> Iterator[tuple[str, dict[str, str], list[Mapping[str, str | float]]]]:
    labels = {stored.task.name: stored.task.labels for stored in store.tasks.active()}
    for where in _places(store):
        wild = next((task for task, label in where.items() if label == ALL), None)
        for kind, rungs in LADDERS.items():
            if kind == "drop" and (wild is None or len(labels[wild]) > MOST_LABELS):
                continue  # no bad news is none; and each hour of each of many labels would be looked at
            if len(where) == 1 or kind == "surge":
                yield kind, where, list(rungs)
            elif kind == "ratio" and wild is not None:
                yield kind, where, [{**rung, "of": wild} for rung in rungs]


def _places(store: Store) -> Iterator[dict[str, str]]:
    tasks = {stored.task.name: list(stored.task.labels) for stored in store.tasks.active()}
    bad = {task.name for task in sentiments(store)}
    for task in tasks:
        yield {task: ALL}
        if task in bad:
            yield {task: NEGATIVE}
    for one, other in combinations(tasks, 2):
        for wild, fixed in ((one, other), (other, one)):
            if len(tasks[fixed]) <= MOST_LABELS:
                for label in tasks[fixed]:
                    yield {wild: ALL, fixed: label}
