"""When a text counts: as its publisher says, as far as that can be believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SLACK = timedelta(minutes=10)
"""A text is live that comes no later than two intervals and this after it was published."""
OUTAGE = timedelta(hours=6)
"""What was published in a longer one is no news any more when it comes."""
UNSET = datetime(1970, 1, 2, tzinfo=UTC)
"""Earlier is what clocks say that nobody set: Unix' begin with 1970 in their zone, .NET's with year 1."""
NEVER = datetime(9000, 1, 1, tzinfo=UTC)


def meant(published_at: datetime | None) -> datetime | None:
    """The time, unless nobody can have meant it: before :data:`UNSET`, or from the year 9000 on."""
    return published_at if published_at is not None and UNSET <= published_at < NEVER else None


def event_time(
    published_at: datetime | None,
    first_seen: datetime,
    every: float,
    *,
    first_fetch: bool,
    last_read: datetime | None = None,
) -> tuple[datetime, bool]:
    """``(event time, live)`` of a document seen for the first time.

    A poll can only bring what was published since the one before, so a time within
    ``[first_seen - 2 * every - 10 min, first_seen]`` is believed and *live*: it may raise an
    alert. Where the source could not be read, or nobody read it, for longer than ``every``, the window
    begins that much earlier, by up to 6 hours: what was published in an outage is news when it comes. An older
    one is *backfill*: it counts at its time, for baselines only. A time in the
    future is clamped to ``first_seen``, a missing one becomes ``first_seen``; where the source was
    unread for longer than that window, texts without a time are backfill, for they may have come at any
    moment of it, and all of them at once would look like a wave. Everything of a
    source's first fetch is backfill: it was there before anybody looked.

    :param every: the source's interval in seconds.
    :param last_read: when the source was last read with success before.
    """
    interval = timedelta(seconds=every)
    if published_at is None:
        late = last_read is not None and first_seen - last_read > 2 * interval + SLACK
        return first_seen, not first_fetch and not late
    if published_at > first_seen:
        return first_seen, not first_fetch
    unread = interval if last_read is None else max(interval, min(first_seen - last_read, OUTAGE))
    oldest = first_seen - unread - interval - SLACK
    return published_at, published_at >= oldest and not first_fetch
