"""Trying a rule on verdicts of the past: its alerts, by the very steps that live ones take. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from monitor.alerts.detectors.history import Verdict
from monitor.alerts.episodes import Episode, one_wave_once
from monitor.alerts.lifecycle import Life, Pace, step


@dataclass(frozen=True)
class Raised:
    """An alert that would have been.

    ``first``: the verdict that it fired with. ``worst``: the one with the most texts. ``resolved_at``
    is ``None`` where it was open to the end.
    """

    fired_at: datetime
    first: Verdict
    worst: Verdict
    resolved_at: datetime | None = None

    @property
    def early(self) -> float:
        """Seconds from its firing to the end of its worst window: how much of the wave was still to come."""
        return max(0.0, self.worst.until - self.fired_at.timestamp())


def trial(verdicts: Iterable[tuple[int, Verdict]], pace: Pace, settings: Any) -> Iterator[Raised]:
    """The alerts of one series, each when it is over.

    :param verdicts: ``(epoch second, verdict)`` by time.
    :param settings: of the rule's kind; its ``again`` and ``hold`` are heeded where it has them.
    """
    life: Life | None = None
    episode: Episode | None = None
    fired: list[datetime] = []
    raised: Raised | None = None
    again, hold = getattr(settings, "again", None), getattr(settings, "hold", 0.0)
    for second, found in verdicts:
        now = datetime.fromtimestamp(second, UTC)
        if found.firing and again is not None:
            found, episode = one_wave_once(found, episode, again, hold, is_open=life is not None)
        recent = sum((now - at).total_seconds() < pace.flap_span for at in fired)
        todo, life = step(life, found.sight, now, pace, recent)
        if todo in ("fire", "flap"):
            fired.append(now)
            raised = Raised(now, found, found)
        elif raised is not None and found.firing and found.observed > raised.worst.observed:
            raised = Raised(raised.fired_at, raised.first, found)
        if todo == "resolve" and raised is not None:
            yield Raised(raised.fired_at, raised.first, raised.worst, now)
            raised = None
    if raised is not None:
        yield raised
