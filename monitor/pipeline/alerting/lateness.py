"""Texts that came long after they were written, for nothing came from their source meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from monitor.durations import format_duration
from monitor.event_time import SLACK
from monitor.moments import moment
from monitor.store import Store
from monitor.store.source_state import SourceState
from monitor.types import StoredDocument

NEWEST = 50
"""So many of the documents that came last are looked at."""
FEW = 5
"""Of fewer nothing is said."""
LATE = 1800.0
"""Seconds: texts that came so long after they were written are late, if their source is read more often."""


@dataclass(frozen=True)
class Punctuality:
    """How the documents came that a source gave last, its first fetch left out.

    ``newest``: how many there are, of which ``live`` came live, and ``late`` have a time that was too long ago
    for that. ``lag``: seconds from when they were published to when they came, the median of those that say when.
    """

    newest: int = 0
    live: int = 0
    late: int = 0
    lag: float | None = None

    def remark(self, every: float) -> str:
        """One sentence, where most came too late to raise alerts; ``every``: the source's interval in seconds."""
        if self.newest < FEW or 2 * self.late <= self.newest:
            return ""
        bound = format_duration(2 * every + SLACK.total_seconds())
        return (
            f"{self.late} of the newest {self.newest} texts came too late to raise alerts: "
            f"what comes more than {bound} after it was published is history"
        )


def punctuality(store: Store, state: SourceState) -> Punctuality:
    """How the newest documents of a source came."""
    if state.live_since is None:
        return Punctuality()
    came = store.sources.newest_arrivals(state.name, state.live_since, NEWEST)
    lags = [max((fetched - at).total_seconds(), 0.0) for at, fetched, _ in came if at is not None]
    return Punctuality(
        newest=len(came),
        live=sum(live for _, _, live in came),
        late=sum(not live and at is not None for at, _, live in came),
        lag=median(lags) if lags else None,
    )


def late(store: Store, documents: Sequence[StoredDocument]) -> list[dict[str, Any]]:
    """From when to when nothing came from which source, where that made most of the documents late.

    ``source``, ``since`` and ``until``: when its last text before came, and when these did.
    """
    tardy = [d for d in documents if _lag(d) >= LATE]
    if 2 * len(tardy) <= len(documents):
        return []
    found, explained = [], 0
    for name in sorted({document.source for document in tardy}):
        source = store.sources.get(name)
        own = [d for d in tardy if d.source == name and source is not None and _lag(d) >= 2 * source.every]
        until = max((d.fetched_at for d in own), default=None)
        since = None if until is None else store.sources.came_before(name, until)
        if until is None or since is None:
            continue
        # what was written before the last text came was not held up by what came after it
        held = sum(d.fetched_at == until and d.event_at >= since for d in own)
        if held:
            explained += held
            found.append({"source": name, "since": moment(since), "until": moment(until)})
    return found if 2 * explained > len(documents) else []


def _lag(document: StoredDocument) -> float:
    """Seconds from when a text counts to when it came."""
    return (document.fetched_at - document.event_at).total_seconds()
