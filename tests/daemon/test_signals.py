"""Signals that come while nobody waits for them."""

from __future__ import annotations

import signal
import subprocess
import sys

BEGIN = """
import os, signal, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()  # lets every signal through
from monitor.signals import Signals
"""

IN_ORDER = """
signals = Signals()
assert signals.wait(0.01) is None
for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGTERM):
    os.kill(os.getpid(), number)
assert signals._ending.wait(30)
print(signals.wait(30).name, signals.wait(30).name, signals.wait(0.01), signals.ending)
"""

FOREIGN = """
signals = Signals()
for number in (signal.SIGUSR1, signal.SIGRTMIN + 3):  # as a plugin, or a library of one, may do
    signal.signal(number, lambda number, frame: None)
    os.kill(os.getpid(), number)
assert signals.wait(0.5) is None
os.kill(os.getpid(), signal.SIGTERM)
print(signals.wait(5))
"""

HANGS_UP = """
signals = Signals(leave_after_s=1.0)
os.kill(os.getpid(), signal.SIGTERM)
for _ in range(300):
    os.kill(os.getpid(), signal.SIGHUP)
    threading.Event().wait(0.1)
"""

HANGS = """
signals = Signals(leave_after_s=0.2)
os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=threading.Event().wait).start()  # the interpreter would wait for it for ever
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BEGIN + program], capture_output=True, text=True, timeout=120, check=False
    )


def test_are_noted_in_their_order_and_end_nothing() -> None:
    done = run(IN_ORDER)
    assert (done.returncode, done.stdout.split()) == (0, ["SIGHUP", "SIGTERM", "None", "True"]), done.stderr


def test_a_process_that_was_told_to_stop_is_gone_whatever_hangs() -> None:
    done = run(HANGS)
    assert (done.returncode, "something does not end within 0.2 s" in done.stderr) == (0, True), done.stderr


def test_those_of_others_are_not_taken_for_ours() -> None:
    done = run(FOREIGN)
    assert (done.returncode, done.stdout.strip()) == (0, str(int(signal.SIGTERM))), done.stderr


def test_hanging_up_puts_the_end_off_no_longer() -> None:
    done = run(HANGS_UP)
    assert (done.returncode, "something does not end within 1 s" in done.stderr) == (0, True), done.stderr
