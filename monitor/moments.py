"""Times as programs read them."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(time: datetime) -> str:
    """An aware time in RFC 3339: in UTC, to the second, as in ``2026-03-04T02:10:00Z``.

    What was stored before this was the only form may end in ``+00:00`` and have parts of a second;
    ``datetime.fromisoformat`` reads both.
    """
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def moment_or_none(time: datetime | None) -> str | None:
    """Likewise, where there may be none."""
    return None if time is None else moment(time)
