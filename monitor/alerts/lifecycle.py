"""The life of an alert: what a verdict makes of it. Pure functions.

=========  ==================  ===========================================
state      verdict             step
=========  ==================  ===========================================
(none)     not firing          nothing
(none)     firing              **fire**: a new alert, a letter to each notifier
firing     firing              **go on**: figures follow if they got worse
firing     not firing          nothing for ``window`` seconds, then **resolve**
=========  ==================  ===========================================

A resolved alert stays as it is; the next surge of its series is a new alert.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal

Step = Literal["nothing", "fire", "go on", "resolve"]


def step(
    firing: bool, open_since: datetime | None, last_firing_at: datetime | None, now: datetime, hold: float
) -> Step:
    """What to do, given a verdict and the open alert of the series, if there is one.

    :param open_since: when the open alert fired, ``None`` where there is none.
    :param last_firing_at: when a verdict last fired for it.
    :param hold: seconds without a firing verdict after which the alert resolves.
    """
    if open_since is None or last_firing_at is None:
        return "fire" if firing else "nothing"
    if firing:
        return "go on"
    return "resolve" if (now - last_firing_at).total_seconds() >= hold else "nothing"


def delivery_key(fingerprint: str, fired_at: datetime, event: str, notifier: str) -> str:
    """The idempotency key of one event of one alert for one notifier: the same whenever it is made."""
    text = "\x00".join([fingerprint, fired_at.isoformat(), event, notifier])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
