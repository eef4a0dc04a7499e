"""From a source into the store: each batch with its cursor in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.durations import format_duration
from monitor.errors import MonitorError, SourceError, StoreError, one_line, raised
from monitor.event_time import SLACK, event_time
from monitor.interfaces import Source
from monitor.pipeline.intake import accepted
from monitor.store import Store
from monitor.store.rereading import Rereading
from monitor.store.source_state import SourceState
from monitor.types import Batch, Document

log = logging.getLogger(__name__)


@dataclass
class Fetched:
    """What a fetch brought.

    ``missed``: stored documents that a reading from the beginning did not find any more; ``elsewhere``: how many of the
    known ones another source has.
    """

    new: int = 0
    edited: int = 0
    known: int = 0
    bad: int = 0
    missed: int = 0
    elsewhere: int = 0

    def __str__(self) -> str:
        return f"{self.new} new, {self.edited} changed, {self.known} known, {self.bad} bad"

    def remark(self) -> str:
        """What a reading from the beginning could not do, in a sentence; empty where it did all."""
        if not self.missed:
            return ""
        if self.missed == 1:
            return "1 text of before was not found again, and stays as it is"
        return f"{self.missed:,} texts of before were not found again, and stay as they are"


def fetch(
    store: Store,
    name: str,
    source: Source,
    *,
    now: datetime,
    every: float,
    backfill: bool = False,
    beside: str | None = None,
    stored: Callable[[Fetched], None] | None = None,
) -> Fetched:
    """Fetch what is new from a source and store it, batch by batch; then, where that was asked for, all it gave before.

    :param every: the source's interval in seconds, which bounds what counts as live.
    :param backfill: everything is history, whatever its time. So it is without this until a fetch that found
        something is through, except for what was published after an earlier fetch that found nothing.
    :param beside: another source; what it has already is known, and not stored twice.
    :param stored: called after each stored batch with the sum so far; what it raises ends the fetch as it is.
    :raises SourceError: if the source cannot be read; what it yielded before is stored.
    """
    state = store.sources.get(name)
    assert state is not None, f"source {name} was not synchronised"
    sum_, rereading = Fetched(), Rereading(store, name)

    def batches() -> Iterator[None]:
        try:
            turned = bool(state.cursor) and not source.continues(state.cursor)
            reading = replace(state, live_since=None, last_success_at=None) if turned else state
            for number, batch in enumerate(source.fetch(state.cursor, now)):
                with store.transaction():
                    if turned and number == 0:
                        store.sources.turn(name)
                    got = accepted(batch)
                    _store(
                        store, reading, got, rereading,
                        now=now, every=every, backfill=backfill, beside=beside, sum_=sum_,
                    )  # fmt: skip
                    store.sources.set_cursor(name, got.cursor, plugin=state.plugin)
                yield
            if state.again:
                yield from _again(store, name, source, now, beside, sum_)
        except StoreError:
            raise
        except (Exception, SystemExit) as error:
            if not isinstance(error, MonitorError):
                # a plugin's bug must not stop the rest, but whoever mends it needs the traceback
                log.exception("source %s raised", name, extra={"source": name})
            raise refusal(error) from error

    for _ in batches():
        if stored is not None:
            stored(sum_)  # outside, for whoever stops the fetch here does not make the plugin fail
    return sum_


def _again(
    store: Store, name: str, source: Source, now: datetime, beside: str | None, sum_: Fetched
) -> Iterator[None]:
    """Store what a source gave before once more, batch by batch: known texts as they read now, others as history.

    The cursor moves when all is read. Whoever ends it before begins it anew at the next fetch.
    """
    state = store.sources.get(name)
    assert state is not None
    came, sum_.known, sum_.elsewhere, sum_.bad = sum_.new + sum_.edited, 0, 0, 0
    rereading, cursor = Rereading(store, name), state.cursor
    if cursor and source.rereads:
        for number, batch in enumerate(source.fetch(source.again(cursor), now)):
            with store.transaction():
                if number == 0:
                    store.sources.begin_again(name)
                got = accepted(batch)
                _store(
                    store, state, got, rereading,
                    now=now, every=0, backfill=True, beside=beside, sum_=sum_, again=True,
                )  # fmt: skip
            cursor = got.cursor
            yield
        sum_.known, sum_.missed = max(0, sum_.known - came), rereading.missed()
    with store.transaction():
        store.sources.set_cursor(name, cursor, plugin=state.plugin)
        store.sources.end_again(name)


def refusal(error: BaseException) -> SourceError:
    """What a source raised, as the one error that is noted and backed off from; its message is one line.

    Whatever a source raises means that it could not be read this time: also what it let through of
    :mod:`monitor.http`, and the end of the program, which a library may ask for.
    """
    said = one_line(error) if isinstance(error, MonitorError) else raised(error)
    permanent, asked = getattr(error, "permanent", False), getattr(error, "retry_after", None)
    found = SourceError(said, permanent=permanent, retry_after=asked)
    if found.retry_after:
        found.args = (f"{said} (it asks to be left alone for {format_duration(found.retry_after)})",)
    return found


def _store(
    store: Store,
    state: SourceState,
    batch: Batch,
    rereading: Rereading,
    *,
    now: datetime,
    every: float,
    backfill: bool,
    beside: str | None,
    sum_: Fetched,
    again: bool = False,
) -> None:
    """Store a batch but for its cursor; ``again``: of records that were read before.

    What an import has that was read like the source becomes the source's own, and stays history.
    """
    with store.transaction():
        imports = store.sources.imports_like(state.name)
        if batch.documents and not backfill:
            store.sources.begin(state.name)
        for document in batch.documents:
            if (again or document.before is not None) and (found := rereading.update(document)) is not None:
                sum_.edited += found == "edited"
                sum_.known += found == "known"
                continue
            if beside is not None and store.documents.has(beside, document):
                sum_.known += 1
                sum_.elsewhere += 1
                continue
            passed_over = (
                document.before is not None and document.published_at is None
            )  # nobody knows since when
            first = (
                backfill
                or passed_over
                or (state.live_since is None and not _came_since(state, document, now))
            )
            event_at, live = event_time(
                document.published_at, now, every, first_fetch=first, last_read=state.last_success_at
            )
            for name in imports:
                rereading.take_over(name, document)
            added = store.documents.add(state.name, document, now=now, event_at=event_at, live=live)
            sum_.new += added == "new"
            sum_.edited += added == "edited"
            sum_.known += added == "known"
        if batch.bad:
            store.sources.keep_bad(state.name, batch.bad, now)
            sum_.bad += len(batch.bad)


def _came_since(state: SourceState, document: Document, now: datetime) -> bool:
    """Whether a text was published since its source was read, and had nothing to give.

    Where it was empty, it may have been written a little before it was shown; bad records were there already.
    """
    read, at = state.last_success_at, document.published_at
    if read is None or at is None:
        return False
    return read - (timedelta() if state.bad_total else SLACK) <= at <= now
