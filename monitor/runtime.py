"""What a configuration becomes when it runs: sources, tasks, rules, notifiers, encoder."""

from __future__ import annotations

import logging
import random
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from monitor import standins
from monitor.alerts.redelivery import Terms
from monitor.alerts.rules import Rule
from monitor.closing import close_all
from monitor.config.model import Config, NotifierConfig, SourceConfig
from monitor.errors import LearnError, MonitorError, SourceError, StoreError, raised
from monitor.interfaces import Encoder, Notifier, Source
from monitor.mentions import Mentions
from monitor.pipeline.alerting.alert_log import AlertLog
from monitor.pipeline.alerting.delivery import deliver_due, forsake, refresh
from monitor.pipeline.alerting.digests import send_due
from monitor.pipeline.alerting.notifying import dispatch
from monitor.pipeline.alerting.unstored import Unstored
from monitor.pipeline.classify import classify_pending
from monitor.pipeline.declared import make_digests, make_rules, synchronise
from monitor.pipeline.health import health
from monitor.pipeline.ingest import Fetched
from monitor.pipeline.judging.attempts import Attempts, Backoff
from monitor.pipeline.judging.ticking import tick
from monitor.pipeline.learning.featurizer import Featurizer
from monitor.pipeline.learning.heads import adapt_reader, relabel
from monitor.pipeline.learning.readers import Reader, load_readers
from monitor.pipeline.learning.tagging import outdated, retag
from monitor.pipeline.polling import Polling, settings_digest
from monitor.plugins import Plugins
from monitor.store import Store
from monitor.templating import Templates

log = logging.getLogger(__name__)


@dataclass
class Runtime:
    """The parts of one configuration, made once; the rounds of work are its methods.

    Every method takes ``now`` and returns when its round is done. :attr:`readers` is replaced
    as a whole when tasks or heads change, so a round always works with one state of things.
    """

    config: Config
    plugins: Plugins
    store: Store
    encoder: Encoder
    sources: dict[str, Source] = field(default_factory=dict)
    notifiers: dict[str, Notifier] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    readers: list[Reader] = field(default_factory=list)
    templates: dict[str, Templates] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._attempts, self._backoff = Attempts(self.store), Backoff()
        self._unstored: dict[str, Unstored] = defaultdict(Unstored)
        self._alert_log = AlertLog(self.store)
        self.featurizer = Featurizer(self.store, self.encoder)
        self.rules = make_rules(self.config)
        self.mentions = Mentions(self.config.entities)
        self.digests = make_digests(self.config)
        for fault in self.config.left_out:
            log.error("%s is left out: %s", *str(fault).split(": ", 1))
        for source in self.config.sources:
            self.sources[source.name] = _made(source, self.config, standins.source)
        self._polling = Polling(self.store, self.sources, self.config.sources)
        self.terms = {n.name: Terms(n.at_most, n.fallback, n.fallback_after) for n in self.config.notifiers}
        for notifier in self.config.notifiers:
            self.notifiers[notifier.name] = _made(notifier, self.config, standins.notifier)
            self.templates[notifier.name] = notifier.templates

    def synchronise(self, now: datetime, mended: Collection[str] | None = None) -> None:
        """Make the database follow the configuration: sources, tasks, and the seeds it owns.

        :param mended: the sources whose settings are others than in the configuration that ran up to now, if one did.
        """
        synchronise(self.config, self.store, now)
        forsake(self.store, tuple(self.notifiers), now)
        self.store.sources.await_first(now)
        digests = {source.name: settings_digest(source.settings) for source in self.config.sources}
        self.store.sources.try_again(now, digests, mended)

    # -- sources -----------------------------------------------------------------------

    def due_sources(self, now: datetime) -> list[str]:
        """Names of the sources whose time has come."""
        return self._polling.due(now)

    def fetch(
        self,
        name: str,
        now: datetime,
        *,
        jitter: float = 0.0,
        stored: Callable[[Fetched], None] | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> Fetched:
        """Fetch one source and note when it is due again; see :meth:`Polling.fetch`."""
        return self._polling.fetch(name, now, jitter=jitter, stored=stored, clock=clock)

    # -- learning ----------------------------------------------------------------------

    def learn(self, now: datetime) -> list[str]:
        """Adapt every task whose seeds changed, and take up tasks that came or went.

        A task that cannot be learned is reported and left with the head it has. Returns the
        names of the tasks with a new head.

        :raises StoreError, sqlite3.Error: a head was learned and could not be stored, or a task not read; the other
            tasks were learned.
        """
        readers = load_readers(self.store, self.plugins, self.config.base, self.encoder)
        changed, unstored = [], None
        for reader in readers:
            try:
                if adapt_reader(self.store, self.featurizer, reader, now) is not None:
                    changed.append(reader.task.name)
            except (StoreError, sqlite3.Error) as error:
                unstored = unstored or error
            except MonitorError as error:
                log.error("task %s: %s", reader.task.name, error, extra={"task": reader.task.name})
            except Exception:
                log.exception(
                    "task %s could not be learned", reader.task.name, extra={"task": reader.task.name}
                )
        self.readers = readers
        if unstored is not None:
            raise unstored  # unlike a task that cannot be learned as it is, this one can be another time
        return changed

    def unread(self) -> set[str]:
        """What is to read the past again: heads in use, and the lists of entities."""
        lists = {"entities"} if outdated(self.store, self.config.entities) else set()
        return lists | {f"head {id_}" for id_ in self.store.heads.unread()}

    def relabel(self, now: datetime) -> dict[str, int]:
        """Let new heads and lists of entities read the past.

        Returns ``{task: documents that got other labels}``.
        """
        retag(self.store, self.config.entities)
        found = {}
        for reader in load_readers(self.store, self.plugins, self.config.base, self.encoder):
            changed = relabel(self.store, self.featurizer, reader, now, window=self.config.retention.features)
            if changed is not None:
                found[reader.task.name] = changed
        return found

    # -- documents and alerts ----------------------------------------------------------

    def classify(self, now: datetime, go_on: Callable[[], None] = lambda: None) -> int:
        """Classify one batch of pending documents and judge what it touches; :meth:`tick` tells which rules failed.

        :param go_on: called before each rule; raises where this configuration is in use no more, and nothing is
            written: nobody is to be notified any more of what its rules say.
        """
        done = classify_pending(
            self.store, self.featurizer, self.readers, self.rules, now,
            mentions=self.mentions, attempt=partial(self._attempt, go_on),
        )  # fmt: skip
        self._alert_log.tell()
        return done

    def _attempt(self, go_on: Callable[[], None], rule: Rule) -> AbstractContextManager[None]:
        go_on()
        return self._attempts.of(rule)

    def tick(self, now: datetime, go_on: Callable[[], None] = lambda: None) -> None:
        """Judge what was put off, let alerts resolve as time goes by, and notify of what is due.

        :param go_on: as of :meth:`classify`; called before anybody is notified, too.
        :raises ExceptionGroup: rules failed, here or while texts were classified; all else is done.
        """
        # ends, for who was notified of the beginning; first, for a long round may reach into the next configuration
        forsake(self.store, tuple(self.notifiers), now)
        try:
            policy, attempt, again = self.config.policy, partial(self._attempt, go_on), self._backoff.of
            tick(self.store, self.rules, self.readers, policy, now, attempt, again)
            self._attempts.report()
        finally:
            self._alert_log.tell()
            go_on()
            dispatch(self.store, self.config.policy, now)

    def deliver(
        self, name: str, now: datetime, *, dice: random.Random | None = None, limit: int = 100
    ) -> int:
        """Deliver what one notifier has to, at most ``limit`` notifications; returns how many got through."""
        return deliver_due(
            self.store, name, self.notifiers[name], now, dice=dice, limit=limit,
            templates=self.templates[name], terms=self.terms[name], unstored=self._unstored[name],
        )  # fmt: skip

    def beat(self, name: str, now: datetime) -> bool | None:
        """Let one notifier say that the monitor does its work, or that it does not: see :meth:`Notifier.beat`."""
        return self.notifiers[name].beat(now, health(self.store, now, tuple(self.notifiers)))

    def refresh(self, name: str, now: datetime) -> None:
        """Let one notifier say of every alert that it knows of that it still fires."""
        refresh(self.store, name, self.notifiers[name], now, templates=self.templates[name])

    @property
    def refreshing(self) -> list[str]:
        """Names of the notifiers whose alerts end unless they go on saying that they fire."""
        return [name for name, made in self.notifiers.items() if type(made).refresh is not Notifier.refresh]

    @property
    def beating(self) -> list[str]:
        """Names of the notifiers that want to know how the monitor is."""
        return [name for name, made in self.notifiers.items() if type(made).beat is not Notifier.beat]

    def digest(self, now: datetime) -> list[str]:
        """Send the digests whose period is over; returns their names."""
        return send_due(self.store, self.digests, now)

    def prune(self, now: datetime) -> int:
        """Forget features that are older than the configuration keeps them."""
        return self.store.features.prune(now, self.config.retention.features)

    def once(self, now: datetime, fetched: Callable[[str, Fetched], None]) -> dict[str, str]:
        """Every round once, whether it is due or not; returns what failed, and why.

        :param fetched: told of each source that was fetched.
        """
        failed: dict[str, str] = {}
        given_up = {entry.id for entry in self.store.outbox.dead()}
        for name in self.sources:
            try:
                fetched(name, self.fetch(name, now))
            except SourceError as error:
                failed[f"source {name}"] = str(error)
        try:
            if self.store.tasks.active():
                self.encoder.encode(["ready?"])
            self.learn(now)
            self.relabel(now)
            while self.classify(now):
                pass
        except LearnError as error:
            failed["encoder"] = str(error)  # documents wait for one that can be used
        try:
            self.tick(now)
        except ExceptionGroup as error:
            log.error("judge failed", exc_info=error)
            failed["judge"] = error.message
        self.digest(now)
        for name in self.notifiers:
            while self.deliver(name, now):
                pass  # what waited for an earlier notification about the same alert can go now
        for name in self.refreshing:
            try:
                self.refresh(name, now)
            except MonitorError as error:
                failed[f"notifier {name}"] = str(error)
            except (Exception, SystemExit) as error:
                log.exception("notifier %s raised", name)
                failed[f"notifier {name}"] = raised(error)
        for entry in self.store.outbox.undelivered():
            if entry.id in given_up:
                continue  # in an earlier round, which said so
            failed[f"notifier {entry.notifier}"] = entry.last_error or "could not deliver"
        return failed

    def close(self) -> None:
        """Let go of sources and notifiers (the encoder may serve the next configuration)."""
        sources = {f"source {name}": part.close for name, part in self.sources.items()}
        close_all(sources | {f"notifier {name}": part.close for name, part in self.notifiers.items()})


def _made(part: SourceConfig | NotifierConfig, config: Config, stand_in: Callable[[str], Any]) -> Any:
    """The configured part, or what stands in for it where its plugin raises."""
    try:
        return part.part(part.settings, config.base)
    except (Exception, SystemExit) as error:
        log.exception("%s could not be made", part.name)
        return stand_in(raised(error))
