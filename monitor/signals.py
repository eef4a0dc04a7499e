"""The signals that a daemon is told things by, and the end that comes whatever hangs."""

from __future__ import annotations

import logging
import os
import queue
import signal
import socket
import sys
import threading
import time
from typing import NoReturn

log = logging.getLogger(__name__)

LEAVE_AFTER_S = 15.0
"""A daemon that was told to stop is gone after so many seconds (systemd kills it after 20)."""
ENDING = {signal.SIGTERM, signal.SIGINT}
SIGNALS = {*ENDING, signal.SIGHUP}


class Signals:
    """Notes the signals that come, to be waited for: nothing is ever interrupted halfway.

    Whichever thread a signal reaches, it is noted. (Blocking signals would not do: threads that a
    library started before let them through, and they would end the process.)

    After a SIGTERM or SIGINT the process has :data:`LEAVE_AFTER_S` to end by itself; then, or at the
    second one, it is left as it is. The database is safe at any moment.
    """

    def __init__(self, leave_after_s: float = LEAVE_AFTER_S) -> None:
        self.leave_after_s = leave_after_s
        self._read, self._written = socket.socketpair()
        self._written.setblocking(False)
        self._noted: queue.SimpleQueue[signal.Signals] = queue.SimpleQueue()
        self._hung_up, self._ending = threading.Event(), threading.Event()
        for number in SIGNALS:
            signal.signal(number, lambda number, frame: None)
        signal.set_wakeup_fd(self._written.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=self._listen, name="signals", daemon=True).start()

    @property
    def ending(self) -> bool:
        """Whether the process was told to stop."""
        return self._ending.is_set()

    def wait(self, seconds: float) -> signal.Signals | None:
        """The next signal; ``None`` if there is none for so long. SIGHUPs that wait are one."""
        try:
            got = self._noted.get(timeout=seconds)
        except queue.Empty:
            return None
        if got == signal.SIGHUP:
            self._hung_up.clear()
        return got

    def _listen(self) -> None:
        while not self._ending.is_set():
            self._note(self._next())
        until = time.monotonic() + self.leave_after_s
        try:
            while (got := self._next(until)) not in ENDING:
                pass
        except TimeoutError:
            leave(0, f"something does not end within {self.leave_after_s:g} s: it is left as it is")
        leave(128 + got, f"{got.name} again: leaving at once")

    def _next(self, until: float | None = None) -> signal.Signals:
        """The next one of ours; what plugins and their libraries handle comes this way as well.

        :raises TimeoutError: there is none until then, on the monotonic clock.
        """
        while True:
            self._read.settimeout(None if until is None else max(0.001, until - time.monotonic()))
            if (number := self._read.recv(1)[0]) in SIGNALS:
                return signal.Signals(number)

    def _note(self, got: signal.Signals) -> None:
        if got in ENDING:
            self._ending.set()
        elif self._hung_up.is_set():
            return
        else:
            self._hung_up.set()
        self._noted.put(got)


def leave(code: int, said: str = "") -> NoReturn:
    """End the process with ``code``, whatever its threads do; ``said`` is logged first, unless that hangs as well."""

    def last() -> None:
        if said:
            log.warning("%s", said)
        logging.shutdown()
        sys.stdout.flush()

    words = threading.Thread(target=last, daemon=True)
    words.start()
    words.join(1.0)
    os._exit(code)
