"""When things happen: the rounds of a running monitor, each on its own beat."""

from __future__ import annotations

import logging
import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

from apscheduler.executors.pool import ThreadPoolExecutor as JobPool
from apscheduler.schedulers.background import BackgroundScheduler

from monitor.beat import Beat, follow_clock
from monitor.complaints import Complaints
from monitor.errors import MonitorError, SourceError, StoreError, one_line, raised
from monitor.memory import give_back
from monitor.pipeline.ingest import Fetched
from monitor.runtime import Runtime
from monitor.store.heartbeats import PING, REFRESH
from monitor.store.source_state import SourceState
from monitor.turns import Turns

log = logging.getLogger(__name__)

FETCHERS = 8
ROUNDS = 9
"""Jobs that are nobody's own (see :meth:`Scheduler.start`): a long one keeps no other one waiting."""
LEARN_AGAIN_S, RELABEL_AGAIN_S = 5.0, 60.0
"""Seconds until that is tried again where it failed."""
STAGES = ("fetch", "learn", "classify", "judge", "deliver")
"""The rounds whose signs of life are kept."""


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


class Stopped(Exception):
    """Raised inside a round to end it: between two batches of a fetch, or before the next rule."""


class Scheduler:
    """Runs the rounds of a :class:`Runtime` until :meth:`stop`.

    Which sources are due is read from the database, so a restart neither skips nor repeats a
    fetch, and a command can ask for one. One thread classifies; the other rounds are
    APScheduler jobs. A round that raises is logged and comes again: none takes others along.

    :param turns: those of the scheduler before, where a configuration was read again; what that one has under
        way may go on beside this one.
    """

    def __init__(
        self, runtime: Runtime, clock: Callable[[], datetime] = utc_now, turns: Turns | None = None
    ) -> None:
        self.runtime, self.clock = runtime, clock
        self.alive: dict[str, datetime] = {}
        self._complaints = Complaints(log)
        self._fetching: set[str] = set()
        self._guard = threading.Lock()
        self._turns = turns or Turns()
        self._stop = threading.Event()
        self._work = threading.Event()
        self._learned = threading.Event()
        self._revision = -1
        self._left: set[str] = set()
        self._random = random.Random()  # spreads polls; nothing depends on its values
        self._jobs = BackgroundScheduler(
            timezone=UTC,
            executors={
                "default": JobPool(
                    ROUNDS + len(runtime.notifiers) + len(runtime.beating) + len(runtime.refreshing)
                )
            },
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        # not the jobs' own: APScheduler ends its pools with the lock held that adding a job takes
        self._fetchers = ThreadPoolExecutor(FETCHERS, "fetch")
        self._classifier = threading.Thread(target=self._classify, name="classifier", daemon=True)
        self._ender = threading.Thread(target=self._end, name="ender", daemon=True)

    def start(self) -> None:
        """Start the rounds and return."""
        # apscheduler reports every job that runs late because its last round took longer
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        every = self._every
        every(1, "fetch", self._dispatch)
        every(0.25, "learn", self._learn)  # a correction counts for the next text, within a second
        every(1, "relabel", self._relabel)
        every(10, "judge", lambda: self.runtime.tick(self.clock(), self._go_on))
        every(20, "digest", lambda: self.runtime.digest(self.clock()))
        every(5, "beat", self._beat)
        every(10, "memory", give_back)
        every(3600, "prune", lambda: self.runtime.prune(self.clock()))
        for name in self.runtime.notifiers:
            every(1, "deliver", partial(self._deliver, name), name)
        if not self.runtime.notifiers:
            every(10, "deliver", lambda: None)  # who has nobody to tell is not late with it
        for name in self.runtime.beating:
            every(5, "ping", partial(self._ping, name), name)
        for name in self.runtime.refreshing:
            every(60, "refresh", partial(self._refresh, name), name)
        self._jobs.start()
        self._classifier.start()

    def stop(self, wait_s: float) -> bool:
        """Let the rounds end, for at most ``wait_s`` seconds; says whether all did."""
        self._stop.set()
        self._work.set()
        self._learned.set()
        self._ender.start()
        self._ender.join(wait_s)
        return self.ended

    def follow_clock(self) -> None:
        """Go on at once where the machine's clock was set back; to be called every few seconds."""
        follow_clock(self._jobs, self.clock())

    @property
    def ended(self) -> bool:
        """Whether all rounds ended after :meth:`stop`."""
        return self._stop.is_set() and not self._ender.is_alive()

    def _end(self) -> None:
        self._jobs.shutdown(wait=True)  # no round asks for a fetch any more
        self._fetchers.shutdown(wait=True)
        self._classifier.join()

    def _every(self, seconds: float, stage: str, round_: Callable[[], object], name: str = "") -> None:
        """Add a round; ``name``: of the notifier that it is for."""

        def run() -> None:
            if self._stop.is_set():
                return
            try:
                round_()
            except Stopped:
                return
            except (Exception, SystemExit) as error:
                self._complain(stage, error, **({"notifier": name} if name else {}))
            else:
                self.alive[stage] = self.clock()

        self._jobs.add_job(run, Beat(seconds), id=f"{stage} {name}".strip(), next_run_time=self.clock())

    def _complain(self, stage: str, error: BaseException, **where: str) -> None:
        self._complaints.add(stage, error, self.clock(), **where)

    def _dispatch(self) -> None:
        for name in self.runtime.due_sources(self.clock()):
            with self._guard:
                if name in self._fetching:
                    continue
                self._fetching.add(name)
            self._fetchers.submit(self._fetch, name)

    def _fetch(self, name: str) -> None:
        turn = self._turns.source(name)
        try:
            # one that the configuration before began goes on until its batch is stored
            if not self._stop.is_set() and turn.acquire(blocking=False):
                try:
                    self._fetch_in_turn(name)
                finally:
                    turn.release()
        finally:
            with self._guard:
                self._fetching.discard(name)

    def _fetch_in_turn(self, name: str) -> None:
        where = {"source": name}
        try:
            got = self.runtime.fetch(
                name,
                self.clock(),
                jitter=self._random.uniform(-1, 1),
                stored=self._stored,
                clock=self.clock,
            )
        except Stopped:
            return
        except SourceError as error:
            state = self.runtime.store.sources.get(name)
            log.warning("source %s: %s; again %s", name, error, self._when(state), extra=where)
        except Exception as error:
            self._complain("fetch", error, source=name)
        else:
            if got.new or got.edited or got.bad:
                log.info(
                    "source %s: %d new, %d changed, %d bad", name, got.new, got.edited, got.bad, extra=where
                )
            if remark := got.remark():
                log.warning("source %s: %s", name, remark, extra=where)

    def _when(self, state: SourceState | None) -> str:
        if state is None or state.next_at is None:
            return "later"
        day = "" if state.next_at.date() == self.clock().date() else f"{state.next_at:%Y-%m-%d} "
        return f"at {day}{state.next_at:%H:%M:%S} UTC"

    def _deliver(self, name: str) -> None:
        # one at a time, so that each goes out with the time at which it does
        delivered = 1
        while delivered:
            with self._turns.notifier(name):
                if self._stop.is_set():
                    return
                delivered = self.runtime.deliver(name, self.clock(), dice=self._random, limit=1)

    def _refresh(self, name: str) -> None:
        with self._turns.notifier(name):  # that an alert still fires shall not arrive after that it is over
            if self._stop.is_set():
                return
            with self._noted(REFRESH + name):
                self.runtime.refresh(name, self.clock())
            self.runtime.store.heartbeats.mended(REFRESH + name)

    def _ping(self, name: str) -> None:
        with self._noted(PING + name):
            heard = self.runtime.beat(name, self.clock())
        if heard is not False:  # else it may just wait for the time of its next try
            self.runtime.store.heartbeats.mended(PING + name)

    @contextmanager
    def _noted(self, what: str) -> Iterator[None]:
        """What is raised goes on, and is a trouble for ``monitor status``."""
        try:
            yield
        except (Exception, SystemExit) as error:
            said = one_line(error) if isinstance(error, MonitorError) else raised(error)
            self.runtime.store.heartbeats.trouble(what, said, self.clock())
            raise

    def _stored(self, _: Fetched) -> None:
        self._work.set()
        self._go_on()

    def _go_on(self) -> None:
        """What this configuration began is not to go on beside the next one.

        :raises Stopped: it is in use no more.
        """
        if self._stop.is_set():
            raise Stopped

    def _learn(self) -> None:
        # a number that triggers count up, so that a change by any process is noticed
        revision = self.runtime.store.revision("learning")
        if revision != self._revision:
            try:
                self.runtime.learn(self.clock())
            except (StoreError, sqlite3.Error):  # a disk that is full now: to be made up for
                if self.runtime.readers:  # the others need not wait for that
                    self._learned.set()
                self._stop.wait(LEARN_AGAIN_S)
                raise
            self._revision, self._left = revision, set()
            self._learned.set()

    def _relabel(self) -> None:
        """Let the past be read again where the store says that it is to be.

        Beside learning, for it can take minutes. A round that raised is made up for; what a round that did not left
        unread (its head cannot be read) waits until something else is to be read.
        """
        if not self._learned.is_set():
            return
        unread = self.runtime.unread()
        self._left &= unread
        if unread > self._left:
            try:
                self.runtime.relabel(self.clock())
            except Exception as error:
                self._complain("relabel", error)
                self._stop.wait(RELABEL_AGAIN_S)  # it may have read a lot before
            else:
                self._left = unread & self.runtime.unread()

    def _classify(self) -> None:
        self._learned.wait()
        pause = 1.0
        while not self._stop.is_set():
            try:
                while not self._stop.is_set() and self.runtime.classify(self.clock(), self._go_on):
                    self.alive["classify"] = self.clock()
                self.alive["classify"] = self.clock()
                pause = 1.0
            except Stopped:
                return
            except Exception as error:
                self._complain("classify", error)
                self._stop.wait(pause)
                pause = min(60.0, 2 * pause)
            self._work.wait(pause)
            self._work.clear()

    def _beat(self) -> None:
        store = self.runtime.store
        with store.transaction():
            for stage in STAGES:
                if stage in self.alive:
                    store.heartbeats.beat(stage, self.alive[stage])
