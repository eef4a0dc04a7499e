"""Rules tried on the past that is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from math import inf

from monitor.alerts.replay import history_verdicts
from monitor.alerts.rules import Rule, fingerprint
from monitor.alerts.trial import Raised, Trial
from monitor.durations import DAY
from monitor.errors import MonitorError
from monitor.pipeline.judging.profiles import Present, known_since
from monitor.pipeline.trying.as_it_came import AsItCame
from monitor.pipeline.trying.time import Watched, known_from, of_store, watched
from monitor.pipeline.trying.watchers import UNTRIED, WATCHERS, Key, Tried, ticks
from monitor.store import Store
from monitor.store.room import BUCKET_S, bucket_of
from monitor.types import Selection

MONTH = 30 * DAY


@dataclass
class Report:
    """What a rule would have done on all of its series.

    ``watched``: when it could have fired.
    ``judged``: of its live alerts that people judged, by alert id: whether it was real, and whether
    the rule as it is tried would have raised one at that time too.
    """

    rule: Rule
    watched: Watched
    tried: list[Tried] = field(default_factory=list)
    judged: dict[int, tuple[bool, bool]] = field(default_factory=dict)

    @property
    def alerts(self) -> list[tuple[Tried, Raised]]:
        """All alerts, by time."""
        found = [(one, raised) for one in self.tried for raised in one.alerts]
        return sorted(found, key=lambda pair: pair[1].fired_at)

    @property
    def a_month(self) -> float | None:
        """Alerts in thirty days of those in which it could fire; ``None`` where these are less than one."""
        days = self.watched.seconds / DAY
        return 30 * len(self.alerts) / days if days >= 1 else None

    @property
    def precision(self) -> float | None:
        """Of the judged alerts that it would have raised again, the share that was real."""
        again = [real for real, raised in self.judged.values() if raised]
        return sum(again) / len(again) if again else None


def try_on_store(
    store: Store,
    rules: Sequence[Rule],
    since: datetime,
    now: datetime,
    progress: Callable[[int, int], None] = lambda done, of: None,
    *,
    as_live: bool = False,
    most: float = inf,
) -> list[Report]:
    """What rules would have done since ``since``, had they watched while the documents came.

    Documents become known when they were fetched, backfill raises nothing, and stories count as they do for the
    running monitor. What came before ``since`` is learned from. Labels are those of today's heads. An alert
    is looked at again each time a bucket ends; sources are taken to have been read all the time.

    :param progress: told how many documents are done, and of how many.
    :param as_live: backfill counts as if it had come live, at its own time.
    :param most: a rule that is judged as documents come is not tried to the end once it has raised more alerts than so
        many a month.
    :raises MonitorError: what a rule reads is not kept.
    """
    for rule in rules:
        if rule.kind in UNTRIED:
            raise MonitorError(f"rules of kind {rule.kind} cannot be tried on history: {UNTRIED[rule.kind]}")
    reports, known = [], of_store(store, now, as_live=as_live)
    times = [watched(rule, known, since, now) for rule in rules]
    on_documents = [
        (rule, most * time.seconds / MONTH + 1)
        for rule, time in zip(rules, times, strict=True)
        if rule.on_documents
    ]
    tried = iter(_on_documents(store, on_documents, since, now, progress, as_live) if on_documents else ())
    for rule, time in zip(rules, times, strict=True):
        if rule.on_documents:
            found = next(tried)
        elif rule.counted:
            found = _on_silence(store, rule, since, now, as_live)
        else:
            found = WATCHERS[rule.kind](store, rule, since, now, as_live)
        reports.append(Report(rule, time, found))
        _judged(store, reports[-1], since)
    return reports


def _on_documents(
    store: Store,
    tried: Sequence[tuple[Rule, float]],
    since: datetime,
    now: datetime,
    progress: Callable[[int, int], None],
    as_live: bool,
) -> list[list[Tried]]:
    """Of rules that are judged as documents come: the rounds of a monitor, one after the other.

    Each until it has raised more alerts than the number beside it.
    """
    rules, most = [rule for rule, _ in tried], [number for _, number in tried]
    known = AsItCame(now, store, rules, as_live=as_live)
    trials: list[dict[Key, Trial]] = [{} for _ in rules]
    opened: set[tuple[int, Key]] = set()
    raised, loud = [0] * len(rules), set[int]()
    done, of = 0, store.arrivals.count(since, as_live=as_live)
    known.begin(since)

    def judge(number: int, key: Key, buckets: Iterable[int]) -> None:
        rule = rules[number]
        made = trials[number].get(key) or Trial(rule.pace, rule.settings)
        before = len(made.raised)
        made.see(known.verdict(rule, dict(key), sorted(buckets)), known.now)
        if made.life is not None:
            trials[number][key] = made
            opened.add((number, key))
        else:
            opened.discard((number, key))
        raised[number] += len(made.raised) - before
        if raised[number] > most[number]:
            loud.add(number)
            opened.difference_update([place for place in opened if place[0] == number])

    def judge_open() -> None:
        for number, key in sorted(opened):
            if number not in loud:
                judge(number, key, ())

    def pass_time(until: datetime) -> None:
        for following in ticks(known.now, until) if opened else ():
            known.go_on(following)
            judge_open()
            if not opened:
                break

    for moment, arrived in groupby(store.arrivals.all(since, as_live=as_live), lambda one: one.at):
        if moment > now:
            break
        pass_time(moment)
        known.go_on(moment)
        came = list(arrived)
        due = known.add(came)
        for key, buckets in due.items() if moment >= since else ():
            for number in known.watching(key):
                if number in loud:
                    continue
                if (number, key) in opened or known.may_fire(rules[number], dict(key), buckets):
                    judge(number, key, buckets)
        judge_open()
        done += len(came)
        progress(done, of)
    pass_time(now)
    begun = int(since.timestamp())

    def found(number: int, selection: Selection) -> Tried:
        made = trials[number].get(tuple(selection.items()))
        shown = [(count.bucket, count.total) for count in known.counts(selection, begun, 2**62)]
        return Tried(selection, since, now, shown, made.raised if made else [])

    return [
        [found(number, selection) for selection in known.watched(rule)] for number, rule in enumerate(rules)
    ]


def _on_silence(store: Store, rule: Rule, since: datetime, now: datetime, as_live: bool) -> list[Tried]:
    """Of a rule that is judged as time goes by."""
    oldest = known_from(store, as_live=as_live)
    known, begun = known_since(oldest, store.sources.first_success(), now), int(since.timestamp())

    def counts(selection: Selection) -> list[tuple[int, int, int]]:
        return [(c.bucket, c.total, c.total if as_live else c.live) for c in store.series.counts(selection)]

    found = []
    present = Present(now, store)
    wholes: dict[Key, list[tuple[int, int, int]]] = {}
    for selection in rule.watched(store.series.all()):
        own, part_of = counts(selection), present.whole(rule, selection)
        if part_of is not None and _key(part_of) not in wholes:
            wholes[_key(part_of)] = counts(part_of)
        made = Trial(rule.pace, rule.settings)
        verdicts = history_verdicts(
            rule.of_histories,
            rule.settings,
            own,
            step=BUCKET_S,
            history_from=known // BUCKET_S * BUCKET_S,
            until=bucket_of(now) + BUCKET_S,
            whole=None if part_of is None else wholes[_key(part_of)],
            since=begun,
            is_open=lambda made=made: made.life is not None,  # type: ignore[misc]
        )
        for second, verdict in verdicts:
            made.see(verdict, datetime.fromtimestamp(second, UTC))
        shown = [(bucket, total) for bucket, total, _ in own if bucket >= begun]
        found.append(Tried(selection, since, now, shown, made.raised))
    return found


def _key(selection: Selection) -> Key:
    return tuple(sorted(selection.items()))


def _judged(store: Store, report: Report, since: datetime) -> None:
    """Hold judged alerts of the rule against what was raised now, but for those that were over before ``since``."""
    for judgement in store.judgements.of_rule(report.rule.name):
        alert = store.alerts.need(judgement.alert_id)
        begun, over = alert.fired_at or alert.last_firing_at, alert.resolved_at or alert.last_firing_at
        if over < since:
            continue
        again = any(
            raised.fired_at <= over + timedelta(hours=1)
            and (raised.resolved_at or one.until) >= begun - timedelta(hours=1)
            for one in report.tried
            if fingerprint(report.rule.name, one.selection) == alert.fingerprint
            for raised in one.alerts
        )
        report.judged[alert.id] = (judgement.real, again)
