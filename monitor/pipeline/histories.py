"""Stored counts as detectors read them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from monitor.alerts.detectors import History
from monitor.alerts.rules import Rule
from monitor.store import Store
from monitor.store.room import BUCKET_S
from monitor.types import Selection


def history_of(store: Store, rule: Rule, selection: Selection, since: int, until: int) -> History:
    """Counts of a series from ``since`` up to ``until`` (buckets), with the whole that the rule wants."""
    history = _counts(store, selection, since, until)
    whole = rule.of_histories.whole and rule.of_histories.whole(selection, rule.settings)
    return history if whole is None else replace(history, whole=_counts(store, whole, since, until))


def _counts(store: Store, selection: Selection, since: int, until: int) -> History:
    total = np.zeros((until - since) // BUCKET_S, dtype=np.int64)
    live = np.zeros_like(total)
    for count in store.series.counts(selection, since, until):
        place = (count.bucket - since) // BUCKET_S
        total[place], live[place] = count.total, count.live
    return History(since, BUCKET_S, total, live)
