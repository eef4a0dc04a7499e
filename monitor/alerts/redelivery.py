"""When a notification is tried again, and what becomes of one that does not get through. Pure functions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.durations import Rate

FIRST_PAUSE_S = 10.0
LONGEST_PAUSE_S = 3600.0
GIVE_UP_S = 7 * 86400.0
"""A notification that could not be delivered for so long is dead; it is kept and shown."""

STUCK_S, STUCK_ATTEMPTS = 900.0, 5
"""Later news of a series need not wait for a notification that failed so often, and waits for so many seconds."""
PASSES = 2
"""So many later ones of a series are tried where the first is stuck: what a beginning has, its end may have.

Not all that wait, for in an outage each fails.
"""

FALLBACK_AFTER_S = 900.0
"""Unless the owner says otherwise, a copy goes to the fallback after so long."""

SPREAD = 0.2


@dataclass(frozen=True)
class Terms:
    """On what terms a notifier gets its notifications.

    ``at_most``: more deliveries than that wait. ``fallback``: who gets a copy of a notification that is
    dead, or that has waited for ``fallback_after`` seconds.
    """

    at_most: Rate | None = None
    fallback: str | None = None
    fallback_after: float = FALLBACK_AFTER_S


def pause(attempts: int, *, asked: float = 0.0, jitter: float = 0.0) -> float:
    """Seconds to wait after the ``attempts``-th failed delivery: 10 s, 20 s, ... at most an hour.

    :param asked: what the other side asked for (``Retry-After``); it is never less than that.
    :param jitter: in [0, 1): adds up to a fifth, so that those who failed together do not come
        back together.
    """
    base = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(attempts - 1, 20))
    return max(base, asked) + jitter * SPREAD * base


def stuck(waits_since: datetime, attempts: int, now: datetime) -> bool:
    """Whether later news may pass a notification that just failed for the ``attempts``-th time."""
    return attempts >= STUCK_ATTEMPTS and (now - waits_since).total_seconds() >= STUCK_S


def free_at(delivered: Sequence[datetime], at_most: Rate, now: datetime) -> datetime | None:
    """When the next notification may go, ``None`` if it may go now.

    :param delivered: times of the last deliveries, in any order; at least those of the last
        ``at_most.seconds``, or the last ``at_most.number`` of them.
    """
    span = timedelta(seconds=at_most.seconds)
    recent = sorted(time for time in delivered if now - span < time <= now)
    return None if len(recent) < at_most.number else recent[-at_most.number] + span


def copy_key(key: str, notifier: str) -> str:
    """The idempotency key of the copy of a notification for ``notifier``: the same whenever it is made."""
    return hashlib.blake2b("\x00".join(["copy", key, notifier]).encode(), digest_size=16).hexdigest()
