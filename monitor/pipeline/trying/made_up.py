"""A moment at which a rule would raise an alert, made up where the past has none: it keeps to the rule's settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import ceil
from typing import Any

from monitor.alerts.detectors import Verdict
from monitor.alerts.detectors.chances import wilson, z_of
from monitor.alerts.detectors.history import average, duration, span, texts
from monitor.alerts.detectors.mention import MENTIONS
from monitor.alerts.detectors.ratio import at_least
from monitor.alerts.rules import Rule, describe
from monitor.alerts.sentences import OFFER
from monitor.alerts.series_in_words import counted
from monitor.durations import DAY
from monitor.pipeline.judging.topics import offer
from monitor.pipeline.judging.watching import mentioned, of_mentions
from monitor.pipeline.trying.made_up_texts import (
    MADE_UP,
    READ,
    about_what,
    close_together,
    distinct,
    invented,
)
from monitor.pipeline.trying.past_moment import LOOK_BACK_S, Moment
from monitor.store import Store
from monitor.store.room import BUCKET_S, bucket_of
from monitor.types import Selection, StoredDocument

SILENT_S = 5 * 3600
WITHOUT_TEXTS = {"silence", "model"}
"""Kinds whose alerts are about no texts."""
OWN_TIMES = {"drop", "trend", "new_topic", "conversation", *MENTIONS}
"""Kinds whose texts need not have come within one window."""


def made_up(store: Store, rule: Rule, now: datetime) -> tuple[Moment, str]:
    """A moment like one at which the rule would fire, and what it is made of, in words.

    Of texts that are there as far as they go. Adds texts to the store: the caller takes that back.
    """
    selection, there = about_what(store, rule, now)
    seconds = _span(rule)
    newest = max((document.event_at for document in there), default=now)
    until = bucket_of(newest) + BUCKET_S + (seconds if rule.kind == "drop" else 0)
    until = min(until, bucket_of(now) + BUCKET_S)
    expected = _usual(store, selection, until, seconds)
    number = _needed(rule, expected)
    documents = distinct(store, there)[: min(number, READ)]
    if rule.kind in WITHOUT_TEXTS:
        what = "made-up figures; such an alert has no texts"
    else:
        real = len(documents)
        documents += invented(store, rule, min(number, READ) - real, now)
        what = _made_of(rule, selection, real, len(documents) - real)
    if rule.kind not in OWN_TIMES:
        documents = close_together(documents, until - seconds, until)
    found = _found(store, rule, selection, documents, number, expected, (until - seconds, until))
    return Moment(selection, documents, found, min(datetime.fromtimestamp(until, UTC), now)), what


def _span(rule: Rule) -> int:
    """How many seconds it is about."""
    settings = rule.settings
    if rule.kind == "silence":
        return int(max(SILENT_S, settings.at_least))
    if rule.kind == "model":
        return int(settings.recent // DAY * DAY)
    if rule.kind == "new_topic":
        return int(settings.recent)
    if rule.kind == "trend":
        return int(settings.over)
    return int(settings.window) or 3600


def _made_of(rule: Rule, selection: Selection, real: int, invented: int) -> str:
    series = (
        f"that fit no label of {selection['task']}"
        if rule.kind == "new_topic"
        else f"of {describe(selection)}"
    )
    said = []
    if real:
        said.append(f"the newest {texts(real)} {series}")
    if invented:
        said.append(f"{texts(invented).replace(' ', ' made-up ', 1)}")
    made = " and ".join(said)
    if rule.kind in MENTIONS:
        return made
    why = (
        "cannot be tried on the past"
        if rule.kind == "new_topic"
        else "would not have fired in the last 28 days"
    )
    return f"{made}; the figures and times are made up, since the rule {why}"


def _needed(rule: Rule, expected: float) -> int:
    """How many texts, each another story, it takes to raise an alert."""
    settings, number = rule.settings, 1 if rule.kind in MENTIONS else 5
    if rule.kind == "threshold":
        number = max(settings.at_least, settings.min_stories)
    elif rule.kind == "surge":
        least = (settings.min_count, settings.min_stories, _high(expected) + 1)
        number = max(*least, ceil(settings.min_ratio * expected))
    elif rule.kind == "ratio":
        number = _portion(settings)[0]
    elif rule.kind == "new_topic":
        number = max(settings.min_stories, ceil(settings.times * settings.recent / settings.reference))
    elif rule.kind == "conversation":
        number = 1 if settings.when == "unanswered" else settings.in_a_row
    return number


def _usual(store: Store, selection: Selection, until: int, seconds: int) -> float:
    """How many texts came in such a window on average, in the weeks before."""
    since = until - seconds
    known = store.documents.history_from() or since
    windows = max(1, (since - max(known, since - LOOK_BACK_S)) // seconds)
    return store.background.sum(selection, since - windows * seconds, since) / windows


def _high(expected: float) -> int:
    return int(expected + 2 * max(expected, 0.25) ** 0.5)


def _found(
    store: Store,
    rule: Rule,
    selection: Selection,
    documents: Sequence[StoredDocument],
    number: int,
    expected: float,
    window: tuple[int, int],
) -> Verdict:
    """What the rule would say of it."""
    settings, kind = rule.settings, rule.kind
    low, high, observed = 0.0, float(_high(expected)), number
    if kind in MENTIONS:
        saying = mentioned(store, rule, documents).get(tuple(selection.items()))
        named = saying or [(document, [_name(rule, selection)]) for document in documents]
        return of_mentions(named, 0, datetime.fromtimestamp(window[1], UTC))
    if kind == "threshold":
        expected, high = float(settings.at_least), settings.at_least - 1.0
    elif kind == "ratio":
        expected = high = settings.at_least * _portion(settings)[1]
    elif kind in WITHOUT_TEXTS:
        observed, expected, high = 0, 0.0, 0.0
    elif kind == "drop":
        observed, expected = 0, max(expected, settings.min_expected)
        low, high = 1.0, float(_high(expected))
    return Verdict(
        True, observed, expected, low, high, *window, 0.0, _reason(rule, selection, documents, number)
    )


def _name(rule: Rule, selection: Selection) -> str:
    return str(rule.settings.words[0]) if rule.kind == "keyword" else selection["entity"]


def _reason(rule: Rule, selection: Selection, documents: Sequence[StoredDocument], number: int) -> str:
    settings = rule.settings
    if rule.kind == "conversation":
        if settings.when == "unanswered":
            return f"unanswered for {span(settings.after)}, {counted(1, rule.where)}"
        return f"{counted(settings.in_a_row, rule.where)} in a row from the customer"
    if rule.kind == "ratio":
        return _share(settings)
    if rule.kind == "trend":
        return _drift(settings)
    if rule.kind == "new_topic":
        offered = offer(selection["task"], "new-label", documents)
        return (
            f"{texts(number)} that fit no label resemble each other; "
            f"usually none in {span(settings.recent)}{OFFER}{offered}"
        )
    if rule.kind == "silence":
        return f"nothing new for {span(_span(rule))}, in which {2 * settings.times:.0f} arrivals are usual"
    if rule.kind == "model":
        share = min(100, 10 + 150 * settings.abstained)
        return f"no label fits {share:.0f} % of the texts in {duration(_span(rule))}, usually 10 %"
    return "figures made up for a preview"


def _portion(settings: Any) -> tuple[int, int]:
    """The smallest share of a few dozen texts, or more where it must be, that would fire."""
    z, whole = z_of(1 - settings.confidence), max(24, settings.min_count, settings.min_stories)
    while wilson(whole, whole, z)[0] < settings.at_least:
        whole *= 2
    least = settings.min_stories
    return next(n for n in range(least, whole + 1) if wilson(n, whole, z)[0] >= settings.at_least), whole


def _share(settings: Any) -> str:
    part, whole = _portion(settings)
    surely = at_least(wilson(part, whole, z_of(1 - settings.confidence))[0], settings.confidence)
    return (
        f"{part:,} of {texts(whole)} in {duration(settings.window)} ({100 * part / whole:.0f} %, "
        f"{surely}); the rule's limit is {100 * settings.at_least:.3g} %"
    )


def _drift(settings: Any) -> str:
    """A drift of just more than the rule asks for, the way that it looks."""
    few, many = settings.min_per_day, 1.25 * settings.min_ratio * settings.min_per_day
    figures, unit = [average(few), average(many)], "texts a day"
    if settings.of is not None:
        figures, unit = ["10 %", f"{min(100, 12.5 * settings.min_ratio):.0f} %"], "of the texts"
    down = settings.direction == "down"
    first, last = reversed(figures) if down else figures
    days = int(settings.over // DAY)
    moves = "falling" if down else "rising"
    return f"{moves} from {first} to {last} {unit} over {days} days; means of the first week and the last"


def agree(evidence: Mapping[str, Any], rule: Rule, found: Verdict) -> dict[str, Any]:
    """Evidence that was read of the store, with the figures that are made up."""
    shares = [share for share in evidence["shares"] if share.get("judged")]
    if rule.kind == "ratio":
        part, whole = _portion(rule.settings)
        shares = [{**share, "now": round(part / whole, 4), "part": part, "whole": whole} for share in shares]
    history = evidence["history"]
    if history is not None and rule.kind != "trend":
        (first, end), counts = history["window"], list(history["counts"])
        for n in range(first, end):
            counts[n] = found.observed * (n + 1 - first) // (end - first) - found.observed * (n - first) // (
                end - first
            )
        history = {**history, "counts": counts}
    behind = max(evidence["behind"], found.observed)
    shown = [text for text in evidence["texts"] if text["source"] != MADE_UP]
    # made-up texts fill up the number; what is there is what is worth reading
    return {
        **evidence,
        "shares": shares,
        "history": history,
        "behind": behind,
        "texts": shown or evidence["texts"],
        "words": [] if shown != evidence["texts"] else evidence["words"],
    }
