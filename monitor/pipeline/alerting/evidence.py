"""What speaks for an alert: figures, shares, sources, words, texts and history, as JSON-able data.

Everything is read inside the transaction that raises the alert, so every read is bounded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Any

import numpy as np

from monitor.alerts.detectors import Verdict
from monitor.alerts.detectors.mention import MENTIONS
from monitor.alerts.lifecycle import span
from monitor.alerts.past import band, columns, drawn, drop_band, unit_of
from monitor.alerts.rules import Rule
from monitor.alerts.sentences import USUAL, rule_in_words
from monitor.alerts.series_in_words import whole as in_words
from monitor.durations import DAY
from monitor.moments import moment, moment_or_none
from monitor.pipeline.alerting.lateness import late
from monitor.pipeline.alerting.voices import READ, said, talk
from monitor.store import Store
from monitor.store.background import Background
from monitor.store.room import BUCKET_S
from monitor.store.stored_alert import StoredAlert
from monitor.types import ENTITY, READ_BY, Selection, StoredDocument

COUNTED = {"surge", "threshold", "drop"}
"""Kinds that judge how many texts are in a window, copies included."""
USUAL_DAYS = 28


@dataclass(frozen=True)
class Window:
    """What was judged: ``since`` to ``until``, epoch seconds."""

    since: int
    until: int

    @property
    def seconds(self) -> int:
        """Its length."""
        return max(BUCKET_S, self.until - self.since)


def gather(
    store: Store,
    alert: StoredAlert,
    documents: Sequence[StoredDocument],
    now: datetime,
    *,
    rule: Rule | None = None,
    found: Verdict | None = None,
    kept: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The evidence for an alert; docs/templates.md says what is in it.

    :param documents: those behind it, newest first; the first :data:`READ` are read.
    :param found: the verdict that raised it, where there is one at hand.
    :param kept: evidence gathered for it before: where rule or verdict are missing, its words stay.
    """
    background, kept = store.background, kept or {}
    window = _window(alert, found, kept)
    # what a keyword is looked for in is no series of its own
    known = alert.kind != "keyword" and background.knows(alert.selection)
    selection = alert.selection if known else {}
    if alert.kind in MENTIONS:  # the newest mention alone is not its height
        window = Window(min(window.since, _whole(int(alert.since.timestamp()), 0).since), window.until)
    read = list(documents[:READ])
    lately = window.since - USUAL_DAYS * DAY
    within = store.series.whole_of(alert.selection, lately) if known else {}
    judged = _judged(alert, rule, kept, within)
    # what was said after this moment is no part of it, but for the answer that ended it
    talked_until = None if alert.state == "resolved" else now
    return {
        "observed": alert.observed,
        "expected": alert.expected,
        "low": alert.low,
        "high": alert.high,
        "since": _iso(window.since),
        "until": _iso(window.until),
        "seconds": window.seconds,
        "shares": _shares(background, alert.selection, window, within, judged) if known else [],
        **said(
            store,
            read,
            selection,
            talk(store, alert.selection, talked_until),
            alert.selection.get(ENTITY, ""),
        ),
        # of all of them: what is read of many begins long after the alert did
        "first_at": moment_or_none(min((d.event_at for d in documents), default=None)),
        "behind": _behind(background, alert, len(documents), now) if known else len(documents),
        "late": late(store, read),
        "rule": rule_in_words(rule) if rule is not None else kept.get("rule", ""),
        "ends_after": _ends_after(rule) if rule is not None else kept.get("ends_after"),
        **(_newest(store, alert, window, judged, now) if known else _newest_are(None)),
        "history": _history(store, background, alert, window, now) if known else None,
    }


def _ends_after(rule: Rule) -> dict[str, float]:
    """Seconds that all must be quiet before an alert ends, one that flaps too."""
    return {"firing": rule.pace.keep_firing_for, "flapping": span(rule.pace)}


def _window(alert: StoredAlert, found: Verdict | None, kept: Mapping[str, Any]) -> Window:
    if found is not None:
        return _whole(found.since, found.until)
    if kept:
        since, until = (datetime.fromisoformat(kept[key]) for key in ("since", "until"))
        return _whole(int(since.timestamp()), int(until.timestamp()))
    return _whole(int(alert.since.timestamp()), int(alert.last_firing_at.timestamp()))


def _whole(since: int, until: int) -> Window:
    """In whole buckets, for counts know no others."""
    return Window(since // BUCKET_S * BUCKET_S, -(-until // BUCKET_S) * BUCKET_S)


def _behind(background: Background, alert: StoredAlert, attached: int, now: datetime) -> int:
    """How many texts there were in all, also where more came than were noted one by one."""
    until = int(min(alert.last_firing_at, now).timestamp()) + 1
    counted = background.sum(alert.selection, int(alert.since.timestamp()), until, live=True)
    return max(attached, counted)


def _newest(
    store: Store, alert: StoredAlert, window: Window, judged: Selection | None, now: datetime
) -> dict[str, int | None]:
    """How many texts came in the window that ends now: the one that was judged may lie behind.

    Of a share, ``judged`` is the whole: both are counted as the rule does, without copies.
    """
    until = -(-int(now.timestamp()) // BUCKET_S) * BUCKET_S
    since = until - window.seconds
    if alert.kind in COUNTED:
        return _newest_are(store.background.sum(alert.selection, since, until, live=True))
    if judged is None:
        return _newest_are(None)
    whole = store.stories.count(judged, since, until)
    return _newest_are(min(whole, store.stories.count(alert.selection, since, until)), whole)


def _newest_are(texts: int | None, of: int | None = None) -> dict[str, int | None]:
    return {"newest": texts, "newest_of": of}


def _judged(
    alert: StoredAlert, rule: Rule | None, kept: Mapping[str, Any], within: Selection
) -> Selection | None:
    """What the share is of that a rule of kind ``ratio`` judges; ``within``: where it names nothing."""
    if alert.kind != "ratio":
        return None
    if rule is not None and (of := getattr(rule.settings, "of", None)) in (None, *alert.selection):
        return within if of is None else {of: alert.selection[of]}
    before = next((share["of"] for share in kept.get("shares", ()) if share.get("judged")), None)
    return before if before is None or before.keys() - {READ_BY} else within


def _shares(
    background: Background, selection: Selection, window: Window, within: Selection, judged: Selection | None
) -> list[dict[str, Any]]:
    """The series' share of what it is part of, in the window and in the weeks before.

    :param within: the texts that could have been in it.
    :param judged: what the share is of that the rule is about, if it is about one.
    """
    wholes: list[Selection] = []
    if len(selection) > 1:
        wholes += [{task: label} for task, label in selection.items()]
    if selection:
        wholes.append(within)
    since = window.since - USUAL_DAYS * DAY
    part = background.sum(selection, window.since, window.until)
    before = background.sum(selection, since, window.since)
    found = []
    for whole in wholes:
        all_now = background.sum(whole, window.since, window.until)
        all_before = background.sum(whole, since, window.since)
        if all_now:
            found.append(
                {
                    "of": whole,
                    "what": in_words(whole),
                    "now": round(part / all_now, 4),
                    "usual": round(before / all_before, 4) if all_before else None,
                    "part": part,
                    "whole": all_now,
                    "judged": whole == judged,
                }
            )
    return found


def _history(
    store: Store, background: Background, alert: StoredAlert, window: Window, now: datetime
) -> dict[str, Any] | None:
    """Columns that end with the window, and those that are over since then."""
    step, shown = columns(window.seconds, BUCKET_S)
    since = max(0, int(now.timestamp()) - window.until) // step
    number = USUAL_DAYS * DAY // step + min(since, shown)
    start = window.until + since * step - number * step
    unit = unit_of(step)
    counts = np.array(background.columns(alert.selection, start, unit, number * (step // unit)))
    end = max(0, number - since)
    # all mentions are of the alert; of counts, a column that is mostly of another time is of that
    judged = ceil(window.seconds / step) if alert.kind in MENTIONS else round(window.seconds / step)
    first = max(0, end - max(1, judged))
    known_from = store.documents.history_from() or window.until
    believed = drop_band if alert.kind == "drop" else band
    history = drawn(counts, start, step, shown, first, end, known_from, believed)
    if history is None:
        return None
    place, end = history["window"]
    if alert.kind in USUAL and end == place + 1 <= len(history["counts"]):
        # there the rule itself said what would be no surprise
        for name, value in (("usual", alert.expected), ("low", alert.low), ("high", alert.high)):
            history[name][place] = round(value, 2)
    return {**history, "start": _iso(history["start"])}


def _iso(second: int) -> str:
    return moment(datetime.fromtimestamp(second, UTC))
