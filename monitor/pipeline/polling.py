"""When sources are read, and when they are read again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel

from monitor.config.model import SourceConfig
from monitor.errors import SourceError
from monitor.interfaces import Source
from monitor.pipeline.ingest import Fetched, fetch
from monitor.store import Store

UNNOTED_S = 300.0
"""After so long at most, a source is fetched again whose fetch could not be noted, or its texts not be stored."""
HOUR_S = 3600.0
LONGEST_PAUSE_S = 48 * HOUR_S


class Polling:
    """The sources of one configuration, each fetched when its time has come."""

    def __init__(self, store: Store, sources: Mapping[str, Source], configs: Sequence[SourceConfig]) -> None:
        self._store, self._sources = store, sources
        self._configs = {config.name: config for config in configs}
        # when a source is due again whose fetch is not noted: a full disk shall not be the publisher's trouble
        self._again: dict[str, datetime] = {}

    def due(self, now: datetime) -> list[str]:
        """Names of the sources whose time has come, or of which the clock, set back since, says that it is far away."""
        states = {state.name: state for state in self._store.sources.all()}
        due = [name for name in self._sources if states[name].due(now)]
        return [name for name in due if (again := self._again.get(name)) is None or again <= now]

    def fetch(
        self,
        name: str,
        now: datetime,
        *,
        jitter: float = 0.0,
        stored: Callable[[Fetched], None] | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> Fetched:
        """Fetch one source and note when it is due again.

        :param clock: says when the fetch ended, for the pause counts from then on; without it, it took no time.
        :param jitter: in [-1, 1], moves the next time by up to a tenth of the interval.
        :raises SourceError: after noting the failure; it is tried again, for ever (:func:`pause`).
        """
        config = self._configs[name]
        every = config.every
        ended = clock or (lambda: now)
        wait = timedelta(seconds=every * (1 + jitter / 10))
        soon = min(wait, timedelta(seconds=UNNOTED_S))
        self._again[name] = now + soon
        try:
            fetched = fetch(self._store, name, self._sources[name], now=now, every=every, stored=stored)
        except SourceError as error:
            state = self._store.sources.get(name)
            wait = timedelta(seconds=pause(error, every, state.failures if state else 0, jitter))
            end = ended()
            again = self._again[name] = end + wait
            asked = error.retry_after or 0.0
            self._store.sources.failed(
                name,
                now,
                again,
                str(error),
                asked_until=end + timedelta(seconds=asked) if asked else None,
                asked_with=settings_digest(config.settings),
            )
            del self._again[name]
            raise
        self._again[name], again = ended() + soon, ended() + wait
        self._store.sources.succeeded(name, now, again)
        del self._again[name]
        return fetched


def pause(error: SourceError, every: float, failures: int, jitter: float = 0.0) -> float:
    """Seconds until a source that failed is read again.

    Pauses double with each failure in a row. They grow to an hour where the failure may pass (or ``every``, where
    that is longer), so that what was published meanwhile is still news; to two days where it will not; and what the
    other side asked for is kept to, up to two days.

    :param failures: in a row before this one; :param jitter: in [-1, 1], moves it by up to a tenth.
    """
    longest = LONGEST_PAUSE_S if error.permanent else max(every, HOUR_S)
    doubled = min(every * 2.0 ** min(failures, 20), longest)
    return max(doubled * (1 + jitter / 10), error.retry_after or 0.0)


def settings_digest(settings: object) -> str:
    """Changes when the settings of a source do, but for secrets, which are masked."""
    said = settings.model_dump() if isinstance(settings, BaseModel) else settings
    return hashlib.blake2b(repr(said).encode(errors="replace"), digest_size=8).hexdigest()
