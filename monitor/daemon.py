"""The daemon: one for a database, until a signal ends it."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from monitor.closing import close_all
from monitor.config.model import Config
from monitor.errors import ConfigError, MonitorError, one_line, raised
from monitor.interfaces import Encoder
from monitor.plugins import Plugins
from monitor.runtime import Runtime
from monitor.scheduler import Scheduler, utc_now
from monitor.shared_encoder import SharedEncoder, make_encoder
from monitor.signals import Signals, leave
from monitor.store import Store
from monitor.store.heartbeats import PART, RELOAD
from monitor.store.lock import DaemonLock
from monitor.turns import Turns

log = logging.getLogger(__name__)

STOP_WITHIN_S = 8.0
HUNG_AFTER_S = 600.0
KEPT = "the configuration stays as it was"

Load = Callable[[], tuple[Config, Plugins]]


@dataclass(frozen=True)
class Loaded:
    """A configuration that can be used, and what was made for it."""

    config: Config
    plugins: Plugins
    encoder: SharedEncoder


Going = list[tuple[Scheduler, Runtime]]


def run_daemon(load: Load, *, started: Callable[[Config], None] | None = None) -> None:
    """Run a configuration until SIGTERM or SIGINT, and the file's new contents after SIGHUP.

    The process is gone within seconds of SIGTERM or SIGINT (:class:`~monitor.signals.Signals`), whatever hangs.

    :param load: reads the configuration; called at start and at each SIGHUP. One that cannot
        be used at SIGHUP is reported, and the present one goes on.
    :param started: called when everything runs.
    :raises MonitorError: if the configuration cannot be used at start, or another daemon runs
        on the same database.
    """
    signals = Signals()
    config, plugins = load()
    lock = DaemonLock(config.database)
    lock.acquire()
    store = Store(config.database, migrations=plugins.migrations)
    store.heartbeats.begin(utc_now())
    present = Loaded(config, plugins, _encoder(config))
    turns = Turns()
    going: Going = []  # of configurations before, with something still under way
    runtime = _runtime(present, store)
    while True:
        scheduler = Scheduler(runtime, turns=turns)
        scheduler.start()
        config = present.config
        log.info("running with %s on %s (process %d)", _parts(runtime), config.database, os.getpid())
        if started is not None:
            started(config)
        notify_systemd("READY=1")
        new = _wait(scheduler, signals, going, partial(_reload, load, present, store))
        if new is None:
            notify_systemd("STOPPING=1")
        if scheduler.stop(STOP_WITHIN_S):
            runtime.close()
        else:
            going.append((scheduler, runtime))
        _close_ended(going, present.encoder)
        if new is None or signals.ending:
            break
        if going:
            what = ", ".join(turns.taken()) or "a round"
            log.warning("%s: still under way, and goes on only when that has ended", what)
        try:
            runtime = _runtime(new, store, present.config)
        except Exception as error:
            _report(error, store)
            # what it did to the database was rolled back, so that this is still as the present one wants it
            runtime = Runtime(present.config, present.plugins, store, present.encoder)
            left = new
        else:
            present, left = new, present
        if left.encoder not in (present.encoder, *(earlier.encoder for _, earlier in going)):
            close_all({"the encoder": left.encoder.close})
    store.heartbeats.clear()
    log.info("stopped")
    if going:
        # A fetch still waits for its server. It holds no transaction, and the database is
        # safe at any moment, so nothing is lost by leaving it where it is.
        leave(0)
    close_all({"the encoder": present.encoder.close})
    store.close()
    lock.release()


def _encoder(config: Config) -> SharedEncoder:
    encoder = make_encoder(config)
    encoder.encode(["ready?"])  # one that cannot be used is to be known now, not at the first text
    return encoder


def _runtime(loaded: Loaded, store: Store, before: Config | None = None) -> Runtime:
    """The parts of a configuration, and the database as it wants it: all of that, or as it was.

    :param before: what ran up to now.
    """
    mended = None if before is None else _mended(before, loaded.config)
    runtime = Runtime(loaded.config, loaded.plugins, store, loaded.encoder)
    try:
        with store.transaction():
            runtime.synchronise(utc_now(), mended)
            store.documents.retry_failed()
            store.heartbeats.all_mended()
            for fault in loaded.config.left_out:
                store.heartbeats.trouble(PART + fault.place, fault.message, utc_now())
    except Exception:
        runtime.close()
        raise
    return runtime


def _mended(before: Config, now: Config) -> set[str]:
    """Names of the sources with other settings, secrets included, than they had before."""
    had = {source.name: source.settings for source in before.sources}
    return {source.name for source in now.sources if had.get(source.name) != source.settings}


def _close_ended(going: Going, present: Encoder) -> None:
    """Let go of the parts of earlier configurations that are in use no more.

    :param present: the encoder in use.
    """
    for scheduler, runtime in [*going]:
        if scheduler.ended:
            runtime.close()
            going.remove((scheduler, runtime))
            if runtime.encoder not in (present, *(earlier.encoder for _, earlier in going)):
                close_all({"the encoder": runtime.encoder.close})


def _wait(
    scheduler: Scheduler, signals: Signals, going: Going, reload: Callable[[], Loaded | None]
) -> Loaded | None:
    """Wait for a signal that ends what runs; returns what is to run then, ``None`` if nothing is.

    :param going: of earlier configurations; each is closed when it has ended.
    :param reload: the file's new contents, ``None`` if they cannot be used.
    """
    while True:
        got = signals.wait(5.0)
        _close_ended(going, scheduler.runtime.encoder)
        scheduler.follow_clock()
        if got is None:
            classified = scheduler.alive.get("classify")
            if classified is None or (utc_now() - classified).total_seconds() < HUNG_AFTER_S:
                notify_systemd("WATCHDOG=1")
        elif got == signal.SIGHUP:
            log.info("%s: reading the configuration again", got.name)
            notify_systemd("RELOADING=1")
            if (new := reload()) is not None:
                return new
            notify_systemd("READY=1")
        else:
            log.info("%s: stopping", got.name)
            return None


def _reload(load: Load, present: Loaded, store: Store) -> Loaded | None:
    """The file's new contents, ready to run; ``None``, and a line that says why, if they cannot be used."""
    config = present.config
    try:
        new, plugins = load()
        if new.database != config.database:
            raise MonitorError("the database changed: stop the monitor and start it again")
        same = (new.encoder, new.encoder_settings) == (config.encoder, config.encoder_settings)
        store.schema.adopt(plugins.migrations)  # a plugin may have been installed since
        encoder = present.encoder if same else _encoder(new)
    except (Exception, SystemExit) as error:  # plugins' code runs in it
        _report(error, store)
        return None
    return Loaded(new, plugins, encoder)


def _report(error: BaseException, store: Store) -> None:
    """Say why a configuration is not used, also to ``monitor status``."""
    if isinstance(error, ConfigError):
        faults = [replace(fault, advice="") for fault in error.faults]  # nobody starts anything just now
        why = f"{error.path}: {'; '.join(map(str, faults))}"
        log.error("%s: %s", KEPT, why)
    elif isinstance(error, MonitorError):
        why = str(error)
        log.error("%s: %s", KEPT, error)
    else:
        why = raised(error)
        log.error("%s", KEPT, exc_info=error)
    try:
        store.heartbeats.trouble(RELOAD, one_line(why, 1000), utc_now())
    except (MonitorError, sqlite3.Error) as failure:  # a full disk, maybe; what runs is to go on
        log.error("monitor status cannot show that: %s", failure)


def _parts(runtime: Runtime) -> str:
    """What runs, counted; tasks that commands added, too."""
    counts = {
        "source": len(runtime.sources),
        "task": len(runtime.store.tasks.active()),
        "rule": len(runtime.rules),
    }
    return ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for noun, count in counts.items())


def notify_systemd(state: str) -> None:
    """Tell systemd how the service is (sd_notify(3)); without systemd, nothing."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        try:
            sender.sendto(state.encode(), address)
        except OSError as error:
            log.warning("systemd could not be told %s: %s", state, error)
