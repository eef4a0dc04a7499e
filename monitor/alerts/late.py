"""What comes only now: an alert whose texts came long after they were written, or a notification. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from monitor.alerts.sentences import when

_STILL = re.compile(r"^(?:Flapping: )?[Ss]till (?:firing|open)\b[^:]*: ")
_FIRING = re.compile(r"^(\d+) (?:still )?firing\b")
"""How titles of one alert that is repeated begin, and of several."""


def sentence(evidence: Mapping[str, Any], zone: tzinfo, beside: datetime) -> str:
    """From when to when nothing came from its sources; empty where the texts did not come late.

    :param beside: the day of this time is not said.
    """
    said = [
        f"nothing came from {one['source']} between {when(datetime.fromisoformat(one['since']), zone, beside)}"
        f" and {when(datetime.fromisoformat(one['until']), zone, beside)}"
        for one in evidence.get("late") or ()
    ]
    return f"Came late: {'; '.join(said)}." if said else ""


def of_notification(written: datetime, now: datetime, over: datetime | None, zone: tzinfo) -> str:
    """When a notification was written that is delivered ``now``, and since when its alert is over, if it is."""
    said = f"Written at {when(written, zone, now)} and delivered only at {when(now, zone, now)}"
    return f"{said}: the alert has been over since {when(over, zone, now)}." if over else f"{said}."


def of_group(written: datetime, now: datetime, over: int, of: int, zone: tzinfo) -> str:
    """Likewise of one about several alerts, ``of`` of which it says that they fire; ``over`` of these are over."""
    said = of_notification(written, now, None, zone)
    if not over:
        return said
    those = (
        "all that fired then is"
        if over == of
        else f"of {of:,} that fired then, {over:,} {'is' if over == 1 else 'are'}"
    )
    return f"{said.removesuffix('.')}: {those} over by now."


def titled(title: str, over: bool) -> str:
    """The title of such a notification: who sees nothing else is not to take it for news.

    What is over does not fire still, as it did when that was written.
    """
    if not over:
        return f"Late: {title}"
    then = _FIRING.sub(r"\1 fired", title)
    if still := _STILL.match(then):
        then = f"{then[still.end() :][:1].upper()}{then[still.end() + 1 :]}"
    return f"Over by now: {then}"
