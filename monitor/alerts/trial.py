"""Trying a rule on verdicts of the past: its alerts, by the very steps that live ones take. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.alerts.detectors.history import Verdict
from monitor.alerts.episodes import Episode, one_wave_once
from monitor.alerts.lifecycle import Life, Pace, span, step


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


@dataclass
class Trial:
    """One series of a rule, shown one verdict after the other. ``raised``: its alerts, by time."""

    pace: Pace
    settings: Any
    raised: list[Raised] = field(default_factory=list)
    life: Life | None = None
    _episode: Episode | None = None
    _fired: list[datetime] = field(default_factory=list)

    def see(self, found: Verdict, now: datetime) -> None:
        """What a verdict makes of the alerts. The settings' ``again`` and ``hold`` are heeded where there are any."""
        again, hold = getattr(self.settings, "again", None), getattr(self.settings, "hold", 0.0)
        waits, wave = self.life is not None and self.life.state == "pending", self._episode
        if found.firing and again is not None:
            is_open = self.life is not None
            found, wave = one_wave_once(found, self._episode, again, hold, is_open=is_open, waits=waits)
        recent = sum((now - at).total_seconds() < self.pace.flap_span for at in self._fired)
        fires = self.life is not None and self.life.state != "pending"
        todo, self.life = step(self.life, found.sight, now, self.pace, recent)
        if self.life is not None and self.life.state != "pending":
            self._episode = wave
        if todo in ("fire", "flap"):
            self._fired.append(now)
            self.raised.append(Raised(now, found, found))
        elif fires and found.firing and found.observed > self.raised[-1].worst.observed:
            self.raised[-1] = replace(self.raised[-1], worst=found)
        if todo == "resolve":
            self.raised[-1] = replace(self.raised[-1], resolved_at=now)

    def stay_quiet(self, last: Verdict, until: datetime) -> None:
        """Let an alert be over that ends before ``until`` if all is quiet, as the last verdict found it."""
        if last.sight == "quiet" and self.life is not None and self.life.quiet_since is not None:
            lasts = span(self.pace) if self.life.state == "flapping" else self.pace.keep_firing_for
            if (over := self.life.quiet_since + timedelta(seconds=lasts)) < until:
                self.see(last, over)


def trial(
    verdicts: Iterable[tuple[int, Verdict]], pace: Pace, settings: Any, until: float | None = None
) -> list[Raised]:
    """The alerts of one series, by time.

    :param verdicts: ``(epoch second, verdict)`` by time.
    :param settings: of the rule's kind.
    :param until: epoch second of the end, where verdicts that say that all is still quiet may be left out.
    """
    tried, last = Trial(pace, settings), None
    for second, found in verdicts:
        now = datetime.fromtimestamp(second, UTC)
        if last is not None and until is not None:
            tried.stay_quiet(last, now)
        tried.see(found, now)
        last = found
    if last is not None and until is not None:
        tried.stay_quiet(last, datetime.fromtimestamp(until, UTC))
    return tried.raised
