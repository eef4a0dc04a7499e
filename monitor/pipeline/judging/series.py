"""From counts to verdicts: judge the series that are due or have an open alert."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from monitor.alerts import endings
from monitor.alerts.detectors import Verdict
from monitor.alerts.detectors.mention import MENTIONS
from monitor.alerts.rules import Rule, fingerprint
from monitor.pipeline.alerting.following import follow, resolve
from monitor.pipeline.judging.attempts import Attempt, plainly
from monitor.pipeline.judging.feeds import heard, silent_sources
from monitor.pipeline.judging.guards import of_one_wave, remember
from monitor.pipeline.judging.profiles import Present
from monitor.routes import NOTIFY_AT_ONCE, Policy
from monitor.store import Store
from monitor.store.stored_alert import StoredAlert
from monitor.types import Selection, StoredDocument

ATTACHED = 100
"""At most so many documents are noted behind an alert at a time."""


def judge_due(store: Store, rules: Sequence[Rule], now: datetime, attempt: Attempt = plainly) -> None:
    """Judge the series that got live documents since they were judged: one transaction.

    While backfill waits to be classified, what is usual is not known: rules that learn it
    are put off until it is done, the others are not.
    """
    if not store.series.due():
        return  # no need to wait for whoever writes
    with store.transaction():
        due, waiting = store.series.due(), store.documents.backlog()
        present, silent = Present(now, store), silent_sources(store)
        for rule in rules:
            if not rule.on_documents or (waiting and rule.detector.needs_history):
                continue
            for text, buckets in due.items():
                selection = json.loads(text)
                if rule.watches(selection):
                    with attempt(rule):
                        _judge(present, rule, selection, buckets, silent)
        if not waiting:
            store.series.clear_due()


def end_unwatched(
    store: Store, rules: Sequence[Rule], now: datetime, policy: Policy = NOTIFY_AT_ONCE
) -> None:
    """Resolve the alerts whose rule is gone, or watches something else now; ``policy`` says who is notified."""
    by_name = {rule.name: rule for rule in rules}
    for alert in store.alerts.all_open():
        rule = by_name.get(alert.rule)
        if rule is None or not _may_be_of(rule, alert):
            reason = endings.RULE_GONE if rule is None else endings.RULE_CHANGED
            resolve(store, alert, reason, now, policy)


def _may_be_of(rule: Rule, alert: StoredAlert) -> bool:
    """Whether a rule as it is now could have raised an alert that has its name."""
    by_labels = rule.counted or rule.kind in MENTIONS  # others watch sources, conversations and tasks
    return rule.kind == alert.kind and (not by_labels or rule.watches(alert.selection))


def judge_open(store: Store, rules: Sequence[Rule], now: datetime, attempt: Attempt = plainly) -> None:
    """Judge the series of open alerts again as time goes by, so that alerts resolve."""
    # others are followed by what watches for them
    by_name = {rule.name: rule for rule in rules if rule.on_documents}
    present, silent = Present(now, store), silent_sources(store)
    for alert in store.alerts.all_open():
        if (rule := by_name.get(alert.rule)) is not None:
            with attempt(rule):
                _judge(present, rule, alert.selection, [], silent)


def _judge(
    present: Present, rule: Rule, selection: Selection, buckets: Sequence[int], silent: Collection[str]
) -> None:
    store = present.store
    with store.transaction():
        found, wave = of_one_wave(store, rule, selection, present.verdict(rule, selection, buckets))
        if not found.firing:
            found = heard(store, store.alerts.open(fingerprint(rule.name, selection)), found, silent)
        follow(store, rule, selection, found, lambda v: _documents(store, selection, v), present.now)
        remember(store, rule, selection, wave)


def _documents(store: Store, selection: Selection, found: Verdict) -> list[StoredDocument]:
    since = datetime.fromtimestamp(found.since, UTC)
    return store.documents.find(
        labels=list(selection.items()),
        since=since,
        until=since + timedelta(seconds=found.until - found.since),
        live=True,
        limit=ATTACHED,
    )
