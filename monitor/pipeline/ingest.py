"""From a source into the store: each batch with its cursor in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from monitor.errors import MonitorError, SourceError
from monitor.event_time import event_time
from monitor.interfaces import Source
from monitor.store import Store
from monitor.types import Batch

log = logging.getLogger(__name__)


@dataclass
class Fetched:
    """What a fetch brought."""

    new: int = 0
    edited: int = 0
    known: int = 0
    bad: int = 0

    def __str__(self) -> str:
        return f"{self.new} new, {self.edited} changed, {self.known} known, {self.bad} bad"


def fetch(
    store: Store,
    name: str,
    source: Source,
    *,
    now: datetime,
    every: float,
    backfill: bool = False,
    stored: Callable[[Fetched], None] | None = None,
) -> Fetched:
    """Fetch what is new from a source and store it, batch by batch.

    :param every: the source's interval in seconds, which bounds what counts as live.
    :param backfill: everything is history, whatever its time (the first fetch always is).
    :param stored: called after each stored batch with the sum so far.
    :raises SourceError: if the source cannot be read; what it yielded before is stored.
    """
    state = store.sources.get(name)
    assert state is not None, f"source {name} was not synchronised"
    sum_ = Fetched()
    first = backfill or state.first_success_at is None
    try:
        for batch in source.fetch(state.cursor, now):
            _store(store, name, batch, now=now, every=every, first=first, sum_=sum_)
            if stored is not None:
                stored(sum_)
    except MonitorError:
        raise
    except Exception as error:
        # a plugin's bug must not stop the rest, but whoever mends it needs the traceback
        log.exception("source %s raised", name, extra={"source": name})
        raise SourceError(f"the plugin raised {type(error).__name__}: {error}") from error
    return sum_


def _store(
    store: Store, name: str, batch: Batch, *, now: datetime, every: float, first: bool, sum_: Fetched
) -> None:
    with store.transaction():
        for document in batch.documents:
            event_at, live = event_time(document.published_at, now, every, first_fetch=first)
            added = store.documents.add(name, document, now=now, event_at=event_at, live=live)
            setattr(sum_, added, getattr(sum_, added) + 1)
        if batch.bad:
            store.sources.keep_bad(name, batch.bad, now)
            sum_.bad += len(batch.bad)
        store.sources.set_cursor(name, batch.cursor)
