"""Signals that come while nobody waits for them."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os, signal, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()  # lets every signal through
from monitor.daemon import Signals

signals = Signals()
assert signals.wait(0.01) is None
os.kill(os.getpid(), signal.SIGHUP)
os.kill(os.getpid(), signal.SIGTERM)
print(signals.wait(30).name, signals.wait(30).name, signals.wait(0.01))
"""


def test_are_noted_in_their_order_and_end_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.split()) == (0, ["SIGHUP", "SIGTERM", "None"]), done.stderr
