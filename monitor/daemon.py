"""The daemon: one for a database, until a signal ends it."""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Callable

from monitor.config import Config
from monitor.errors import ConfigError, MonitorError
from monitor.plugins import Plugins
from monitor.runtime import Runtime
from monitor.scheduler import Scheduler, utc_now
from monitor.shared_encoder import SharedEncoder, make_encoder
from monitor.store import Store
from monitor.store.lock import DaemonLock
from monitor.turns import Turns

log = logging.getLogger(__name__)

STOP_WITHIN_S = 8.0
HUNG_AFTER_S = 600.0
SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}

Load = Callable[[], tuple[Config, Plugins]]


def run_daemon(load: Load, *, started: Callable[[Config], None] | None = None) -> None:
    """Run a configuration until SIGTERM or SIGINT, and the file's new contents after SIGHUP.

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
    encoder = make_encoder(config)
    encoder.encode(["ready?"])  # one that cannot be used is to be known now, not at the first text
    turns = Turns()
    going: list[tuple[Scheduler, Runtime]] = []  # of configurations before, with something still under way
    while True:
        runtime = Runtime(config, plugins, store, encoder)
        runtime.synchronise(utc_now())
        store.documents.retry_failed()
        scheduler = Scheduler(runtime, turns=turns)
        scheduler.start()
        parts = f"{len(runtime.sources)} sources, {len(config.tasks)} tasks, {len(config.rules)} rules"
        log.info("running with %s on %s (process %d)", parts, config.database, os.getpid())
        if started is not None:
            started(config)
        notify_systemd("READY=1")
        again = _wait(scheduler, signals, going)
        notify_systemd("RELOADING=1" if again else "STOPPING=1")
        if scheduler.stop(STOP_WITHIN_S):
            runtime.close()
        else:
            going.append((scheduler, runtime))
        _close_ended(going)
        if not again:
            break
        if going:
            what = ", ".join(turns.taken()) or "a round"
            log.warning("%s: still under way, and goes on only when that has ended", what)
        config, plugins, encoder = _reload(load, config, plugins, encoder)
    store.heartbeats.clear()
    log.info("stopped")
    if going:
        # A fetch still waits for its server. It holds no transaction, and the database is
        # safe at any moment, so nothing is lost by leaving it where it is.
        logging.shutdown()
        os._exit(0)
    encoder.close()
    store.close()
    lock.release()


class Signals:
    """Notes the signals that come, to be waited for: nothing is ever interrupted halfway.

    Whichever thread a signal reaches, it is noted. (Blocking signals would not do: threads that a
    library started before let them through, and they would end the process.)
    """

    def __init__(self) -> None:
        self._read, self._written = socket.socketpair()
        self._written.setblocking(False)
        for number in SIGNALS:
            signal.signal(number, lambda number, frame: None)
        signal.set_wakeup_fd(self._written.fileno(), warn_on_full_buffer=False)

    def wait(self, seconds: float) -> signal.Signals | None:
        """The next signal; ``None`` if there is none for so long."""
        self._read.settimeout(seconds)
        try:
            return signal.Signals(self._read.recv(1)[0])
        except TimeoutError:
            return None


def _close_ended(going: list[tuple[Scheduler, Runtime]]) -> None:
    """Let go of the parts of earlier configurations that are in use no more."""
    for scheduler, runtime in [*going]:
        if scheduler.ended:
            runtime.close()
            going.remove((scheduler, runtime))


def _wait(scheduler: Scheduler, signals: Signals, going: list[tuple[Scheduler, Runtime]]) -> bool:
    """Wait for a signal; says whether to go on with the file's new contents.

    :param going: of earlier configurations; each is closed when it has ended.
    """
    while True:
        got = signals.wait(5.0)
        _close_ended(going)
        if got is not None:
            again = got == signal.SIGHUP
            log.info("%s: %s", got.name, "reading the configuration again" if again else "stopping")
            return again
        classified = scheduler.alive.get("classify")
        if classified is None or (utc_now() - classified).total_seconds() < HUNG_AFTER_S:
            notify_systemd("WATCHDOG=1")


def _reload(
    load: Load, config: Config, plugins: Plugins, encoder: SharedEncoder
) -> tuple[Config, Plugins, SharedEncoder]:
    """The file's new contents, or what there was if they cannot be used."""
    try:
        new, new_plugins = load()
        if new.database != config.database:
            raise MonitorError("the database changed: stop the monitor and start it again")
        if (new.encoder, new.encoder_settings) != (config.encoder, config.encoder_settings):
            changed = make_encoder(new)
            changed.encode(["ready?"])
            encoder.close()
            encoder = changed
    except ConfigError as error:
        log.error("the configuration stays as it was: %s", "; ".join(map(str, error.faults)))
        return config, plugins, encoder
    except MonitorError as error:
        log.error("the configuration stays as it was: %s", error)
        return config, plugins, encoder
    except Exception:  # of a plugin's: whatever runs well goes on
        log.exception("the configuration stays as it was")
        return config, plugins, encoder
    return new, new_plugins, encoder


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
