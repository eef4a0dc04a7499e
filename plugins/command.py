"""Alerts handed to a program of the owner's, as JSON on its standard input."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from typing import Any

from pydantic import Field

from monitor import hookimpl
from monitor.errors import DeliveryError
from monitor.interfaces import Notifier, Settings
from monitor.types import Notification

EX_TEMPFAIL = 75
"""sysexits.h: something passing, try again later."""

POLL_MS = 20
SAID_BYTES = 1000


class CommandSettings(Settings):
    """What to run."""

    command: tuple[str, ...] = Field(
        min_length=1, description='program and arguments, as in ["./page.sh", "desk"]; no shell reads it'
    )
    timeout: float = Field(30.0, gt=0, le=600, description="seconds after which it is killed")


class Command(Notifier):
    """Runs a program for each notification, in the folder of the configuration.

    It gets one JSON object on its standard input: ``key``, ``event``, ``title``, ``body``, ``alert``, and
    ``html`` and ``picture`` (a PNG in base64) where there are any; ``MONITOR_KEY`` and ``MONITOR_EVENT`` are in
    its environment too. Exit code 0 is a delivery. 75 (``EX_TEMPFAIL`` of sysexits.h), a time-out, and
    death by a signal pass; any other code does not. Whether a repeat can be told from a first time is
    up to the program: delivery is at least once.
    """

    name = "command"
    Settings = CommandSettings
    pictures = True

    def send(self, notification: Notification) -> None:
        with tempfile.TemporaryFile() as given:  # a file, for a program need not read all of it, or any
            given.write(json.dumps(_payload(notification)).encode())
            given.seek(0)
            try:
                process = subprocess.Popen(
                    self.settings.command,
                    stdin=given,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    cwd=self.base,
                    env={**os.environ, "MONITOR_KEY": notification.key, "MONITOR_EVENT": notification.event},
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                permanent = isinstance(error, FileNotFoundError | PermissionError | ValueError)
                reason = error.strerror if isinstance(error, OSError) else str(error)
                raise DeliveryError(
                    f"{self.describe()} cannot be run: {reason}", permanent=permanent
                ) from error
        try:
            said = self._wait(process)
        finally:
            assert process.stderr is not None
            process.stderr.close()
        code = process.returncode
        if code == 0:
            return
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        raise DeliveryError(
            f"{self.describe()} {how}{': ' + said if said else ''}",
            permanent=code > 0 and code != EX_TEMPFAIL,
        )

    def check(self) -> None:
        """See whether the program is there and may be run.

        :raises DeliveryError: it is not.
        """
        program = self.settings.command[0]
        if "/" not in program:
            if shutil.which(program) is None:
                raise DeliveryError(
                    f"{self.describe()} cannot be run: it is in no folder of PATH; write its path"
                )
            return
        path = self.base / program
        if not path.is_file():
            raise DeliveryError(f"{self.describe()} cannot be run: there is no file {path}")
        if not os.access(path, os.X_OK):
            raise DeliveryError(f"{self.describe()} cannot be run: allow it with chmod +x {path}")

    def describe(self) -> str:
        """The program alone: an argument may be a secret."""
        return f"the program {self.settings.command[0]}"

    def _wait(self, process: subprocess.Popen[bytes]) -> str:
        """Wait for the program's end; returns the last of what it wrote to standard error.

        What it started may live on with that end of the pipe, so the end of the pipe is not waited for.

        :raises DeliveryError: it took too long; it and all that it started are killed.
        """
        assert process.stderr is not None
        pipe = process.stderr.fileno()
        os.set_blocking(pipe, False)
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        open_ = True
        deadline = time.monotonic() + self.settings.timeout
        said, ended = b"", False
        while not ended:
            ended = process.poll() is not None  # before reading: what was written is in the pipe by then
            if open_:
                said, open_ = _read(pipe, said)
                if not open_:
                    poll.unregister(pipe)
            if time.monotonic() >= deadline and not ended:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise DeliveryError(f"{self.describe()} took longer than {self.settings.timeout:g} s")
            if not ended:
                poll.poll(POLL_MS)
        return " ".join("".join(c if c.isprintable() else " " for c in said.decode(errors="replace")).split())


def _read(pipe: int, said: bytes) -> tuple[bytes, bool]:
    """What is in the pipe now, the last bytes of it; and whether there may come more."""
    for _ in range(64):  # not for ever, where somebody writes faster than this reads
        try:
            piece = os.read(pipe, 65536)
        except BlockingIOError:
            return said, True
        if not piece:
            return said, False
        said = (said + piece)[-SAID_BYTES:]
    return said, True


def _payload(notification: Notification) -> dict[str, Any]:
    found: dict[str, Any] = {
        "key": notification.key,
        "event": notification.event,
        "title": notification.title,
        "body": notification.body,
        "alert": notification.data,
    }
    if notification.html:
        found["html"] = notification.html
    if notification.picture:
        found["picture"] = base64.b64encode(notification.picture).decode("ascii")
    return found


@hookimpl
def register_notifiers() -> list[type[Notifier]]:
    return [Command]
