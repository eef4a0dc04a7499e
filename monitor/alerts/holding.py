"""That an alert was held back, and what by: a silence, a snooze, an inhibition or a mute. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from monitor.alerts.sentences import when

BY = ("silence ", "mute ")
"""How reasons begin that name what held an alert back."""


def clause(alert: Mapping[str, Any], zone: tzinfo, beside: datetime | None = None) -> str:
    """``held back until 11:30 UTC by silence 1 of ada: holiday``; ``""`` where nothing did.

    :param alert: data of a notification; ``held_back`` has ``why`` and ``until``.
    """
    held = alert.get("held_back")
    if not held:
        return ""
    until = when(datetime.fromisoformat(held["until"]), zone, beside)
    return f"held back until {until}{cause(held['why'])}"


def cause(why: str) -> str:
    """What held an alert back, as it goes on after a word: `` by mute nights``, ``: snoozed by ada``."""
    why = shortly(why)
    return f"{' by ' if why.startswith(BY) else ': '}{why}"


def shortly(why: str) -> str:
    """What held an alert back, but for how long a snooze was to last: that is by another clock, and no news."""
    return re.sub(r"^(snoozed by .*) until \S+Z$", r"\1", why).rstrip(".")
