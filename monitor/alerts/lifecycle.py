"""The life of an alert: what a verdict makes of it. Pure functions.

========  ===============================  ==================================================  ========
state     verdict                          step                                                after
========  ===============================  ==================================================  ========
none      quiet, holding, unknown          **nothing**                                         none
none      firing, a ``for`` is set         **wait**: a pending alert; nobody is notified       pending
none      firing, no ``for``               **fire**: a new alert                               firing
none      firing, ``flap_count`` reached   **flap**: a new alert that will stay open           flapping
pending   firing, ``for`` not over         **wait**                                            pending
pending   firing, ``for`` is over          **fire**                                            firing
pending   firing, ``flap_count`` reached   **flap**, once ``for`` is over                      flapping
pending   holding                          **hold**: the clock of ``for`` goes on              pending
pending   quiet                            **drop**: it did not last; nobody is notified       resolved
pending   unknown                          **freeze**: ``for`` starts again afterwards         pending
firing    firing                           **go on**: figures follow if they got worse         firing
firing    holding                          **hold**: not quiet, so the clock to the end stops  firing
firing    quiet for less                   **hold**: the clock to the end runs                 firing
firing    quiet for ``keep_firing_for``    **resolve**                                         resolved
firing    unknown                          **freeze**: the clock to the end stops              firing
flapping  firing                           **go on**                                           flapping
flapping  firing, steady for the span      **settle**: an ordinary alert from now on           firing
flapping  holding                          **hold**                                            flapping
flapping  quiet for less                   **hold**                                            flapping
flapping  quiet for the span               **resolve**                                         resolved
flapping  unknown                          **freeze**                                          flapping
========  ===============================  ==================================================  ========

*Firing*: above the level at which an alert begins. *Quiet*: below the one at which it may end.
*Holding*: between the two. *Unknown*: what feeds the series is silent. *The span* is ``flap_span``, or
``keep_firing_for`` where that is longer. A resolved alert stays as it is; the next one of its
series is a new alert.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

Sight = Literal["firing", "holding", "quiet", "unknown"]
"""What a verdict shows."""
Step = Literal["nothing", "wait", "fire", "flap", "go on", "hold", "settle", "drop", "resolve", "freeze"]


@dataclass(frozen=True)
class Pace:
    """How fast alerts of a rule begin and end, in seconds.

    ``wait``: a verdict must fire for so long before the alert does (``for``). ``keep_firing_for``:
    so long must verdicts be quiet before it resolves. The ``flap_count``-th alert of a series
    within ``flap_span`` is flapping; 0 never calls one so.
    """

    wait: float = 0.0
    keep_firing_for: float = 3600.0
    flap_count: int = 4
    flap_span: float = 43200.0


USUAL_PACE = Pace()


@dataclass(frozen=True)
class Life:
    """Where an open alert stands.

    ``since``: when the clock of its state began: of ``for`` while pending, of being steady while
    flapping. ``quiet_since``: the first of the quiet verdicts that were not interrupted.
    ``frozen_at``: since when verdicts are unknown.
    """

    state: Literal["pending", "firing", "flapping"]
    since: datetime
    quiet_since: datetime | None = None
    frozen_at: datetime | None = None


def step(
    life: Life | None, sight: Sight, now: datetime, pace: Pace, fired: int = 0
) -> tuple[Step, Life | None]:
    """What to do, and where the alert stands then (``None``: there is no open one).

    Clocks only count forwards: where ``now`` lies before the time at which one began, it
    begins again at ``now``.

    :param life: of the open alert of the series, if there is one.
    :param fired: how many other alerts of the series fired in the last ``flap_span``.
    """
    if life is None:
        return _begin(sight, now, pace, fired)
    life = _clocks(life, sight, now)
    if sight == "unknown":
        return "freeze", life
    if life.state == "pending":
        return _pending(life, sight, now, pace, fired)
    if sight == "quiet":
        return _quiet(life, now, pace)
    if life.state == "flapping" and life.quiet_since is not None:
        life = replace(life, since=now)  # it was quiet, and now is not: that is not steady
    life = replace(life, quiet_since=None)
    if sight == "holding":
        return "hold", life
    if life.state == "flapping" and _passed(life.since, now) >= span(pace):
        return "settle", replace(life, state="firing", since=now)
    return "go on", life


def span(pace: Pace) -> float:
    """Seconds that a flapping alert must be steady for."""
    return max(pace.flap_span, pace.keep_firing_for)


def _begin(sight: Sight, now: datetime, pace: Pace, fired: int) -> tuple[Step, Life | None]:
    if sight != "firing":
        return "nothing", None
    if pace.wait > 0:
        return "wait", Life("pending", now)
    return _fire(now, pace, fired)


def _fire(now: datetime, pace: Pace, fired: int) -> tuple[Step, Life]:
    if pace.flap_count and fired + 1 >= pace.flap_count:
        return "flap", Life("flapping", now)
    return "fire", Life("firing", now)


def _pending(life: Life, sight: Sight, now: datetime, pace: Pace, fired: int) -> tuple[Step, Life | None]:
    if sight == "quiet":
        return "drop", None
    if sight == "holding":
        return "hold", life
    return _fire(now, pace, fired) if _passed(life.since, now) >= pace.wait else ("wait", life)


def _quiet(life: Life, now: datetime, pace: Pace) -> tuple[Step, Life | None]:
    since = life.quiet_since or now
    needed = span(pace) if life.state == "flapping" else pace.keep_firing_for
    if _passed(since, now) >= needed:
        return "resolve", None
    return "hold", replace(life, quiet_since=since)


def _clocks(life: Life, sight: Sight, now: datetime) -> Life:
    """The clocks as they are at ``now``: started again after a freeze, and after a step back in time."""
    if sight == "unknown":
        return replace(life, quiet_since=None, frozen_at=min(life.frozen_at or now, now))
    if life.frozen_at is not None:
        return replace(life, since=now, quiet_since=None, frozen_at=None)
    quiet = life.quiet_since
    return replace(life, since=min(life.since, now), quiet_since=None if quiet is None else min(quiet, now))


def _passed(since: datetime, now: datetime) -> float:
    return (now - since).total_seconds()


def delivery_key(
    fingerprint: str, number: int, fired_at: datetime, event: str, notifier: str, times: int = 1
) -> str:
    """The idempotency key of one event of one alert for one notifier: the same whenever it is made.

    :param number: of the alert among those of its fingerprint, from 1: a clock that was put back
        gives the same time twice, but not the same number.
    :param times: how often this event was notified of, this time included.
    """
    text = "\x00".join([fingerprint, str(number), fired_at.isoformat(), event, notifier, str(times)])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
