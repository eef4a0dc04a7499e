"""A share that a rule judges, in one sentence: how many of how many, what is usual, and the limit. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from monitor.alerts.detectors.history import percent
from monitor.alerts.sentences import sentence as as_sentence
from monitor.alerts.series_in_words import are, counted, named
from monitor.types import READ_BY, Selection

LIMIT = "the rule's limit is"
_REASON = re.compile(
    r"(?P<part>[\d,]+ of [\d,]+) texts? in (?P<span>.+?)(?P<copies>, copies left out)? "
    r"\((?P<share>[^,()]+), (?P<low>at least [^,()]+)\); the rule's limit is (?P<limit>.+)"
)


def judged(alert: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The share that the rule is about, of those in the evidence."""
    shares = (alert.get("evidence") or {}).get("shares", ())
    return next((share for share in shares if share.get("judged")), None)


def title(alert: Mapping[str, Any]) -> str:
    """``100 % of texts in 1 h are negative, usually 9 % (10 of 10; limit 50 %)``; ``""`` if it cannot be told."""
    return _told(alert, surely=False)


def sentence(alert: Mapping[str, Any]) -> str:
    """The same with how sure it is; ``""`` if it cannot be told."""
    told = _told(alert, surely=True)
    return as_sentence(told) if told else ""


def part_of(alert: Mapping[str, Any], part: int, whole: int) -> str:
    """``2 of 30 texts are negative``, for other figures than those that were judged; ``""`` if it cannot be told."""
    share = judged(alert)
    if share is None or not whole:
        return ""
    return f"{part:,} of {counted(whole, _of(share))} {_rest(alert, share, part)}"


def _of(share: Mapping[str, Any]) -> Selection:
    """What the share is of, in few words: that a task says nothing of what it does not read goes without saying."""
    return {task: label for task, label in share["of"].items() if task != READ_BY}


def _rest(alert: Mapping[str, Any], share: Mapping[str, Any], part: int = 2) -> str:
    rest = {task: label for task, label in alert["selection"].items() if task not in share["of"]}
    return are(rest, part)


def _told(alert: Mapping[str, Any], *, surely: bool) -> str:
    share, found = judged(alert), _REASON.fullmatch(str(alert["reason"]).rstrip("."))
    if share is None or found is None:
        return ""
    whole, rest = f"{named(_of(share))} in {found['span']}", _rest(alert, share)
    if surely:
        sure = f"{found['share']}, {found['low']}{', copies left out' if found['copies'] else ''}"
        said = f"{found['part']} {whole} {rest} ({sure})"
    else:
        said = f"{found['share']} of {whole} {rest}"
    if share["usual"] is not None:
        said += f", usually {percent(share['usual']) if share['usual'] else 'none'}"
    return (
        f"{said}; {LIMIT} {found['limit']}" if surely else f"{said} ({found['part']}; limit {found['limit']})"
    )
