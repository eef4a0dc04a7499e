"""Why an alert ended, in words: quiet again, answered, given up, or not watched any more. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from monitor.alerts.detectors.conversation import ANSWERED, UNANSWERED, WAITS
from monitor.alerts.detectors.history import span
from monitor.alerts.detectors.silence import GAP, UNREADABLE
from monitor.alerts.sentences import much, new_topic, when
from monitor.alerts.series_in_words import about, named
from monitor.alerts.standing import outgrown

QUIET = "quiet again: "
"""How the reason of an end begins that the figures brought."""
RULE_GONE = "the rule is no longer there"
RULE_CHANGED = "the rule does not watch it any more"
SOURCE_UNREAD = "the source is not read any more"
SOURCE_UNWATCHED = "the source is not watched any more"
TASK_UNWATCHED = "the task is not watched any more"
UNWATCHED: Mapping[str, str] = {
    RULE_GONE: "rule {rule} was removed",
    RULE_CHANGED: "rule {rule} does not watch it any more",
    SOURCE_UNREAD: "its source is not read any more",
    SOURCE_UNWATCHED: "rule {rule} does not watch this source any more",
    TASK_UNWATCHED: "rule {rule} does not watch this task any more",
}
"""Reasons that say nothing of whether what was reported is over, and what is told of them."""

EXTREME = {
    "drop": "At its lowest",
    "trend": "At its clearest",
    "silence": "Before it ended",
    "conversation": "Before it ended",
}
"""By kind of alert: what its figures are, once it is over."""


def end_of(reason: str) -> str:
    """The reason of an end as it is noted: what is not watched did not become quiet."""
    return reason if reason in UNWATCHED else f"{QUIET}{reason}"


def head(alert: Mapping[str, Any]) -> str:
    """How the title of an end begins: ``Over after 12 min``, ``Over, answered after 9 min``."""
    reason = _reason(alert)
    if reason in UNWATCHED:
        return "Not watched any more"
    if reason.startswith(ANSWERED):
        return f"Over, {reason.partition(';')[0]}"
    if never_answered(alert):
        return "Over, never answered"
    lasted = _lasted(alert)
    return f"Over{f' after {lasted}' if lasted else ''}"


def never_answered(alert: Mapping[str, Any]) -> bool:
    """Whether it is over only since the customer, whom nobody answered, wrote no more."""
    return UNANSWERED in _reason(alert)


def digested(alert: Mapping[str, Any]) -> str:
    """An end in a line of a digest: ``over after 12 min``, ``not watched any more: rule x was removed``."""
    said, reason = head(alert), _reason(alert)
    why = f": {UNWATCHED[reason].format(rule=alert['rule'])}" if reason in UNWATCHED else ""
    return f"{said[:1].lower()}{said[1:]}{why}"


def title(alert: Mapping[str, Any]) -> str:
    """The title of an end, but for its rule."""
    return f"{head(alert)}: {subject(alert)}"


def subject(alert: Mapping[str, Any]) -> str:
    """What is over: such that it says what was wrong to one who did not see it begin."""
    kind, reason = alert["kind"], str(alert.get("reason", ""))
    said = about(kind, alert["selection"])
    if kind == "keyword":
        return much(alert, 0)
    if kind == "ratio":
        return f"share of {said}"
    if kind == "drop":
        return f"missing {named(alert['selection'])}"
    if kind == "trend":
        return f"{'fall' if reason.startswith('falling') else 'rise'} of {said}"
    if kind == "silence":
        return f"{said}, {how_silent(alert)}"
    if kind == "new_topic":
        return new_topic(alert)
    if kind == "model":
        unfit = reason.startswith("no label fits")
        return f"{said}, {'texts that no label fits' if unfit else 'other labels than usual'}"
    if kind == "conversation" and reason and not reason.startswith(WAITS):
        return f"{said}, turned worse"
    return said


def sentences(alert: Mapping[str, Any], count: str, zone: tzinfo) -> list[str]:
    """What is said of an end: why, when, and what was seen last.

    :param count: how many texts there were in all, or ``""``.
    """
    reason, fired, over = _reason(alert), _time(alert.get("fired_at")), _time(alert.get("resolved_at"))
    if fired is None or over is None:
        return [f"It is over.{count}"]
    began, ended = when(fired, zone, over), when(over, zone)
    if reason in UNWATCHED:
        told = UNWATCHED[reason].format(rule=alert["rule"])
        seen = _time(alert.get("last_firing_at"))
        last = "" if seen is None else f", last seen firing at {when(seen, zone, over)}"
        return [
            f"Not watched any more: {told}. Whether it is over is not known.",
            f"Raised at {began}{last}, given up at {ended}.{count}",
        ]
    silent = silent_since(alert)
    first = "" if silent is None else f"{how_silent(alert)} since {when(silent, zone, over)}, "
    lasted = f"{first}raised at {began}, ended at {ended}, after {_lasted(alert)}"
    if alert["kind"] == "conversation" and reason:
        return [f"Over: {reason}.", f"{lasted[:1].upper()}{lasted[1:]}.{count}"]
    if reason and silent is not None:
        reason = _of_silence(alert, reason)
    reason = re.sub("^0 texts", "no texts", reason)
    return [f"It is over: {lasted}.{count}", *([f"When it ended: {reason}."] if reason else [])]


def _of_silence(alert: Mapping[str, Any], reason: str) -> str:
    """How a source stood when its silence ended, which its gap alone does not say."""
    gap, again, _ = reason.removeprefix(GAP).partition(", less than the ")
    if reason.startswith(GAP):
        reason = (
            f"its newest text had come {gap} before" if again else f"{reason}, which may be chance by now"
        )
    return f"it could be read again; {reason}" if how_silent(alert) == "unreadable" else reason


def extreme(alert: Mapping[str, Any], zone: tzinfo) -> str:
    """What the figures of an alert that is over are: of its worst moment, or only of the one that was judged."""
    if outgrown(alert):
        return f"At {when(datetime.fromisoformat(alert['evidence']['until']), zone, _time(alert.get('resolved_at')))}"
    return EXTREME.get(alert["kind"], "At its height")


def _reason(alert: Mapping[str, Any]) -> str:
    """Why it ended, where that is known; what a preview gives is no reason."""
    reason = str(alert.get("ended") or "").rstrip(".")
    return reason.removeprefix(QUIET) if reason.startswith(QUIET) or reason in UNWATCHED else ""


def silent_since(alert: Mapping[str, Any]) -> datetime | None:
    """When the last text of a silent source came, or when it was read last; ``None`` for other kinds."""
    return _time(alert.get("since")) if alert["kind"] == "silence" else None


def how_silent(alert: Mapping[str, Any]) -> str:
    """What a silent source is."""
    return "unreadable" if str(alert.get("reason", "")).startswith(UNREADABLE) else "silent"


def _lasted(alert: Mapping[str, Any]) -> str:
    """How long it was so: of a silence from its beginning, which lies before the alert."""
    began = silent_since(alert) or _time(alert.get("fired_at"))
    over = _time(alert.get("resolved_at"))
    return "" if began is None or over is None else span((over - began).total_seconds())


def _time(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
