"""The time in which a rule that is tried could have fired."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from monitor.alerts.detectors import ProfileDetector
from monitor.alerts.detectors.profile import empty
from monitor.alerts.rules import Rule
from monitor.pipeline.judging.profiles import known_since
from monitor.store import Store
from monitor.store.room import BUCKET_S


@dataclass(frozen=True)
class Watched:
    """``since`` to ``until`` a rule could have fired; the two are the same where it never could.

    ``asked``: since when it was to be tried. ``known``: since when it has counts to learn from. ``learns``: so many
    seconds of them come before its first alert, which makes ``ready`` the earliest time of one.
    """

    since: datetime
    until: datetime
    asked: datetime
    known: datetime
    learns: float
    ready: datetime

    @property
    def seconds(self) -> float:
        """How long that was."""
        return (self.until - self.since).total_seconds()


@dataclass(frozen=True)
class Extent:
    """How far the past reaches.

    ``begun``: when something could first raise an alert. ``since``: from when on there are counts, epoch seconds.
    """

    begun: datetime
    since: int


def of_store(store: Store, now: datetime, *, as_live: bool) -> Extent:
    """Since when the documents of a store are known.

    Backfill raises nothing, so what could begins when the first source was read or the first text came live.

    :param as_live: backfill counts as if it had come live: it begins with the oldest document.
    """
    oldest = known_from(store, as_live=as_live)
    read = store.sources.first_success()
    if as_live:
        begun = now if oldest is None else datetime.fromtimestamp(oldest, UTC)
    else:
        begun = min((at for at in (read, store.arrivals.first_live()) if at is not None), default=now)
    return Extent(begun, known_since(oldest, read, now))


def known_from(store: Store, *, as_live: bool) -> int | None:
    """The bucket from which on the documents of a store say what is usual, ``None`` where there are none."""
    return store.arrivals.oldest() if as_live else store.documents.history_from()


def of_file(first: int) -> Extent:
    """Likewise, of counts that begin at ``first``, in epoch seconds."""
    return Extent(datetime.fromtimestamp(first, UTC), first)


def watched(rule: Rule, known: Extent, since: datetime, until: datetime, *, step: int = BUCKET_S) -> Watched:
    """The time between ``since`` and ``until`` in which a rule could have fired.

    :param step: seconds that one count is of.
    """
    learns = float(getattr(rule.settings, "min_history", 0.0))
    of_profiles = rule.counted and isinstance(rule.detector, ProfileDetector)
    ready = datetime.fromtimestamp(
        (empty(known.since, step).since if of_profiles else known.since) + learns, UTC
    )
    could = max(since, known.begun, ready) if learns else max(since, known.begun)
    first = datetime.fromtimestamp(known.since, UTC)
    return Watched(min(could, until), until, since, first, learns, ready)
