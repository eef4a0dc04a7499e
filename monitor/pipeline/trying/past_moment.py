"""The last moment of the stored past at which a rule would have raised an alert."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from monitor.alerts.detectors import Verdict
from monitor.alerts.detectors.mention import MENTIONS
from monitor.alerts.rules import Rule
from monitor.durations import DAY
from monitor.pipeline.judging.watching import ATTACHED, mentioned
from monitor.pipeline.trying.rules import try_on_store
from monitor.pipeline.trying.watchers import UNTRIED
from monitor.store import Store
from monitor.types import Selection, StoredDocument

LOOK_BACK_S = 28 * DAY


@dataclass(frozen=True)
class Moment:
    """What an alert is made of: its series, the texts behind it (newest first), what was found, and when.

    ``over``: when it ended, where that is known.
    """

    selection: Selection
    documents: Sequence[StoredDocument]
    found: Verdict
    at: datetime
    over: datetime | None = None


def last_moment(
    store: Store,
    rule: Rule,
    now: datetime,
    progress: Callable[[int, int], None] = lambda done, of: None,
    *,
    over: bool = False,
) -> Moment | None:
    """When the rule would have fired last in the last weeks, had it watched and had all texts come live; or ``None``.

    :param over: the moment is one that is over, if there is one, with the figures that it had at its worst.
    """
    if rule.kind in UNTRIED or not store.documents.count():
        return None
    (report,) = try_on_store(store, [rule], now - timedelta(seconds=LOOK_BACK_S), now, progress, as_live=True)
    if not report.alerts:
        return None
    ended = [(one, each) for one, each in report.alerts if each.resolved_at is not None]
    tried, last = ((over and ended) or report.alerts)[-1]
    found = last.worst if over else last.first
    at = max(last.fired_at, datetime.fromtimestamp(found.until, UTC)) if over else last.fired_at
    documents = _behind(store, rule, tried.selection, found, at)
    return Moment(tried.selection, documents, found, last.fired_at, last.resolved_at)


def _behind(
    store: Store, rule: Rule, selection: Selection, found: Verdict, at: datetime
) -> Sequence[StoredDocument]:
    since, until = (datetime.fromtimestamp(second, UTC) for second in (found.since, found.until))
    soon = max(at, until) + timedelta(seconds=1)
    if rule.kind == "silence":
        return []
    if rule.kind == "conversation":
        source, thread = selection["source"], selection["thread"]
        return store.documents.find(source=source, thread=thread, since=since, until=soon, limit=ATTACHED)
    labels = list(selection.items())
    if rule.kind == "drop":  # the last texts before it
        return store.documents.find(labels=labels, until=since, limit=5)
    if rule.kind in MENTIONS:
        read = store.documents.find(labels=labels, since=since, until=soon, limit=None)
        saying = mentioned(store, rule, read).get(tuple(selection.items()), ())
        return [document for document, _ in saying][:ATTACHED]
    if since <= at < until:  # what came in the window after it had fired is of later news
        until = at + timedelta(seconds=1)
    return store.documents.find(labels=labels, since=since, until=until, limit=ATTACHED)
