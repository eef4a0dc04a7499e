"""From counts to verdicts: judge the series that are due or have an open alert."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from monitor.alerts.detectors import ProfileDetector, Verdict
from monitor.alerts.rules import Rule
from monitor.pipeline.alerting import follow, resolve
from monitor.pipeline.guards import enough_stories, of_one_wave
from monitor.pipeline.histories import history_of
from monitor.pipeline.profiles import Present
from monitor.pipeline.watching import frozen
from monitor.store import Store
from monitor.store.room import BUCKET_S, bucket_of
from monitor.types import Selection, StoredDocument

ATTACHED = 100
"""At most so many documents are noted behind an alert at a time."""


def judge_due(store: Store, rules: Sequence[Rule], now: datetime) -> None:
    """Judge the series that got live documents since they were judged: one transaction.

    While backfill waits to be classified, what is usual is not known: rules that learn it
    are put off until it is done, the others are not.
    """
    due = store.series.due()
    if not due:
        return
    waiting = store.documents.backlog()
    with store.transaction():
        present = Present(store, now)
        for rule in rules:
            if not rule.on_documents or (waiting and rule.detector.needs_history):
                continue
            for text, buckets in due.items():
                selection = json.loads(text)
                if rule.watches(selection):
                    _judge(present, rule, selection, buckets)
        if not waiting:
            store.series.clear_due()


def judge_open(store: Store, rules: Sequence[Rule], now: datetime) -> None:
    """Judge the series of open alerts again as time goes by, so that alerts resolve.

    An alert whose rule is gone is resolved.
    """
    by_name = {rule.name: rule for rule in rules}
    present = Present(store, now)
    for alert in store.alerts.all_open():
        rule = by_name.get(alert.rule)
        if rule is not None and not rule.on_documents:
            continue  # followed by what watches for it
        if rule is None or not rule.watches(alert.selection):
            with store.transaction():
                resolve(store, alert, "the rule is no longer there", now)
        elif frozen(store, alert, now) is None:
            _judge(present, rule, alert.selection, [])


def verdict(present: Present, rule: Rule, selection: Selection, buckets: Sequence[int]) -> Verdict:
    """The clearest verdict of a rule on a series: the firing window that is the least likely by chance.

    Windows end now and with each of ``buckets`` (epoch seconds), so that documents that came
    late, such as a feed's that is polled hourly, are judged at the time they belong to.
    """
    store, detector = present.store, rule.detector
    if isinstance(detector, ProfileDetector):
        return enough_stories(store, rule, selection, present.verdict(rule, selection, buckets))
    last = bucket_of(present.now) + BUCKET_S
    ends = sorted({last, *(bucket + BUCKET_S for bucket in buckets if bucket < last)})
    since = int(ends[0] - detector.reach(rule.settings)) // BUCKET_S * BUCKET_S
    known = store.documents.history_from()
    history = history_of(store, rule, selection, since, ends[-1])
    from_ = last if known is None else known
    verdicts = [detector.judge(history, end, from_, rule.settings) for end in ends]
    verdicts = [enough_stories(store, rule, selection, found) for found in verdicts]
    return min(verdicts, key=lambda v: (not v.firing, v.probability, -v.observed))


def _judge(present: Present, rule: Rule, selection: Selection, buckets: Sequence[int]) -> None:
    store = present.store
    with store.transaction():
        found = of_one_wave(store, rule, selection, verdict(present, rule, selection, buckets))
        follow(store, rule, selection, found, lambda v: _documents(store, selection, v), present.now)


def _documents(store: Store, selection: Selection, found: Verdict) -> list[StoredDocument]:
    since = datetime.fromtimestamp(found.since, UTC)
    return store.documents.find(
        labels=list(selection.items()),
        since=since,
        until=since + timedelta(seconds=found.until - found.since),
        live=True,
        limit=ATTACHED,
    )
