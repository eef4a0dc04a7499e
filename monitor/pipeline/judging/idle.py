"""Series that are judged because nothing comes: no document makes them due."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from monitor.alerts import endings
from monitor.alerts.detectors import Verdict
from monitor.alerts.rules import Rule, fingerprint
from monitor.pipeline.alerting.following import follow, these, withdraw
from monitor.pipeline.judging.attempts import Again, Attempt, at_once, plainly
from monitor.pipeline.judging.feeds import frozen, silent_sources
from monitor.pipeline.judging.profiles import Present
from monitor.store import Store
from monitor.store.room import BUCKET_S, bucket_of
from monitor.types import Selection, StoredDocument

FEEDS_SHARE = 0.1
"""A source matters to a series if it gave so much of its newest documents."""


def judge_idle(
    store: Store, rules: Sequence[Rule], now: datetime, attempt: Attempt = plainly, again: Again = at_once
) -> None:
    """Let rules that see silence look at the series that are usually busy, once a bucket.

    Nothing is judged while documents wait to be classified: what waits is not missing.
    """
    present = bucket_of(now)
    concerned = [rule for rule in rules if rule.counted and rule.detector.sees_silence]
    waiting = [rule for rule in concerned if store.looks.at(rule.name) != present]
    if not waiting or store.documents.count("pending"):
        return
    silent = silent_sources(store)
    for rule in waiting:
        with attempt(rule), again(rule, now):
            _judge_rule(store, rule, silent, now)
            store.looks.note(rule.name, present)


def _judge_rule(store: Store, rule: Rule, silent: Collection[str], now: datetime) -> None:
    since = bucket_of(now) - int(rule.of_histories.reach(rule.settings))
    busy = rule.watched(store.series.busy(since, rule.settings.min_expected))
    opened = [alert.selection for alert in store.alerts.open_of(rule.name)]
    with store.transaction():
        for selection in [*busy, *(s for s in opened if s not in busy)]:
            alert = store.alerts.open(fingerprint(rule.name, selection))
            if alert is not None and (why := frozen(store, alert, silent)):
                at = int(now.timestamp())
                unheard = replace(Verdict.nothing(at, at, why), unknown=True)
                follow(store, rule, selection, unheard, these([]), now)
                continue
            found = idle_verdict(store, rule, selection, now)
            if found is not None:
                follow(store, rule, selection, found, partial(_last, store, selection), now)
            elif alert is not None:
                withdraw(store, rule, selection, endings.SOURCE_UNREAD, now)


def idle_verdict(store: Store, rule: Rule, selection: Selection, now: datetime) -> Verdict | None:
    """What a rule says of a series at the last moment up to which all is known that came.

    That is when the sources behind it were last read with success. ``None`` where it cannot be
    said: one of them is not read any more, or there are none. Where the other texts are known up to a moment
    that lies more than a window before, the series is not held against them: what was not read has not fallen.
    """
    at = _known_until(store, selection, now)
    if at is None:
        return None
    kind, settings, present = rule.of_histories, rule.settings, Present(now, store)
    whole, apart = present.whole(rule, selection), False
    if whole is not None and not kind.needs_whole(settings):
        others = _known_until(store, whole, now)
        apart = others is None or at - others > settings.window
        at = at if others is None or apart else min(at, others)
    since = int(at - kind.reach(settings)) // BUCKET_S * BUCKET_S
    known, history = present.history_from(), present.history(rule, selection, since, at)
    history = replace(history, whole=None) if apart else history
    return kind.judge(history, at, at if known is None else known, settings)


def _known_until(store: Store, selection: Selection, now: datetime) -> int | None:
    """The bucket before which all is known that came into a series, where that can be said."""
    states = {state.name: state for state in store.sources.all()}
    read = [now]
    for source in store.documents.sources_of(selection, FEEDS_SHARE):
        state = states[source]
        if not state.active or state.last_success_at is None:
            return None
        read.append(state.last_success_at)
    return bucket_of(min(read)) if len(read) > 1 else None


def _last(store: Store, selection: Selection, found: Verdict) -> list[StoredDocument]:
    """The last documents before the silence."""
    return store.documents.find(labels=list(selection.items()), limit=5)
