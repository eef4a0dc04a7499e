"""When a text counts: as its publisher says, as far as that can be believed."""

from __future__ import annotations

from datetime import datetime, timedelta

SLACK = timedelta(minutes=10)


def event_time(
    published_at: datetime | None, first_seen: datetime, every: float, *, first_fetch: bool
) -> tuple[datetime, bool]:
    """``(event time, live)`` of a document seen for the first time.

    A poll can only bring what was published since the one before, so a time within
    ``[first_seen - 2 * every - 10 min, first_seen]`` is believed and *live*: it may raise an
    alert. An older one is *backfill*: it counts at its time, for baselines only. A time in the
    future is clamped to ``first_seen``, a missing one becomes ``first_seen``. Everything of a
    source's first fetch is backfill: it was there before anybody looked.

    :param every: the source's interval in seconds.
    """
    if published_at is None or published_at > first_seen:
        return first_seen, not first_fetch
    oldest = first_seen - timedelta(seconds=2 * every) - SLACK
    return published_at, published_at >= oldest and not first_fetch
