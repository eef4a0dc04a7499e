"""Kills: a process that delivers alerts is killed again and again; none may be lost.

    python benchmarks/kills.py [--kills 200] [--seed 0] [--out FILE.json]

A process raises alerts and delivers them by a webhook to a receiver on the loopback interface, which notes
every key that comes in. It is killed (SIGKILL) in the middle of a delivery: when the receiver has the request,
when half of the answer is out, right after the answer, or a few milliseconds later; then it is started again. In the
end every key of the outbox must have arrived, none may have arrived that is not there, "resolved" never
before its "firing", and there may be no more repeats than kills. Otherwise the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from monitor.pipeline.alerting.delivery import deliver_due
from monitor.plugins import load_plugins
from monitor.store import Store
from monitor.types import Notification

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["monitor.pipeline.alerting.delivery", "monitor.plugins", "monitor_plugins.webhook", "httpx"]
)
MOMENTS = ("request", "half an answer", "answer", "a little later")
ALERTS_A_LIFE = 4
DESK = "desk"


class Receiver(ThreadingHTTPServer):
    """Counts keys, and kills whoever delivers at the moment that it was told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.daemon_threads = True
        self.arrived: list[tuple[str, str, int]] = []
        """Key, event and alert of every request, in the order in which they came."""
        self.moment, self.left, self.prey = "", 0, 0
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def kill(self, moment: str) -> None:
        if self.left == 0 and moment == self.moment and self.prey:
            with suppress(ProcessLookupError):
                os.kill(self.prey, signal.SIGKILL)


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        seen = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.arrived.append((self.headers["Idempotency-Key"], seen["event"], seen["alert"]["id"]))
        self.server.left -= 1
        self.server.kill("request")
        with suppress(OSError):  # the other side may be gone
            self.wfile.write(b"HTTP/1.1 204 ")
            self.server.kill("half an answer")
            self.wfile.write(b"No Content\r\nConnection: close\r\n\r\n")
        self.server.kill("answer")
        if self.server.left == 0 and self.server.moment == "a little later":
            time.sleep(random.Random(seen["key"]).uniform(0, 0.01))
            self.server.kill("a little later")
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


def live(folder: Path, port: int, alerts: int, seed: int) -> None:
    """Raise alerts until there are so many, each resolved by the next, and deliver all there is."""
    store = Store(folder / "kills.db")
    part = load_plugins().pick("notifier", "webhook")
    settings = {"url": f"http://127.0.0.1:{port}/", "allow_private": True}
    notifier = part(part.Settings.model_validate(settings), folder)
    dice = random.Random(seed)
    raised = len(store.alerts.find(limit=None))
    while raised < alerts or store.outbox.counts().get("waiting"):
        now = datetime.now(UTC)
        if raised < alerts:
            raise_alert(store, raised, now)
            raised += 1
        deliver_due(store, DESK, notifier, now, dice=dice, limit=1)
    notifier.close()
    store.close()


def raise_alert(store: Store, number: int, now: datetime) -> None:
    """A new alert with its notification, and the end of the one before with its own: one transaction."""
    with store.transaction():
        for alert in store.alerts.all_open():
            store.alerts.resolve(alert.id, "over", now)
            store.outbox.add(DESK, notification(alert.id, "resolved"), alert.id, now)
        found = store.alerts.insert(
            rule="kills", kind="threshold", fingerprint=str(number), selection={}, since=now, now=now, observed=9,
            expected=1, low=0, high=3, reason="9 texts", notify=[DESK],
        )  # fmt: skip
        store.outbox.add(DESK, notification(found, "firing"), found, now)


def notification(alert: int, event: Any) -> Notification:
    """What is sent of an alert."""
    return Notification(f"{alert}-{event}", event, f"alert {alert}", "9 texts.", {"id": alert})


def kill(folder: Path, kills: int, seed: int) -> dict[str, Any]:
    """Do it; returns the figures. Whoever starts processes in other threads must not meanwhile."""
    dice = random.Random(seed)
    receiver = Receiver()
    killed: Counter[str] = Counter()
    began, lives = time.monotonic(), 0
    try:
        while True:
            last = killed.total() == kills
            lives += 1
            receiver.prey = 0
            receiver.moment, receiver.left = ("", 0) if last else (dice.choice(MOMENTS), dice.randint(1, 5))
            port = receiver.server_address[1]
            process = PROCESSES.Process(target=live, args=(folder, port, ALERTS_A_LIFE * lives, lives))
            process.start()
            receiver.prey = process.pid or 0
            wait([process.sentinel], 120)
            if process.exitcode == -signal.SIGKILL:
                killed[receiver.moment] += 1
            elif process.exitcode != 0:
                raise RuntimeError(f"a process ended with exit code {process.exitcode}")
            elif last:
                break
    finally:
        receiver.shutdown()
        receiver.server_close()
    return {"kills": killed.total(), **judge(folder / "kills.db", receiver.arrived), "moments": dict(killed),
            "lives": lives, "seconds": round(time.monotonic() - began, 1)}  # fmt: skip


def judge(database: Path, arrived: list[tuple[str, str, int]]) -> dict[str, int]:
    """What the receiver saw, against the outbox."""
    store = Store(database)
    sent = {row[0] for row in store.connection.execute("select key from outbox")}
    undelivered = store.connection.execute(
        "select count(*) from outbox where state <> 'delivered'"
    ).fetchone()[0]
    store.close()
    first: dict[str, int] = {}
    for place, (key, _, _) in enumerate(arrived):
        first.setdefault(key, place)
    early = [
        key
        for key, event, alert in arrived
        if event == "resolved" and first[key] < first.get(f"{alert}-firing", 0)
    ]
    return {
        "notifications": len(sent),
        "lost": len(sent - first.keys()),
        "invented": len(first.keys() - sent),
        "undelivered": undelivered,
        "out_of_order": len(early),
        "repeats": len(arrived) - len(first),
    }


def passed(figures: dict[str, Any]) -> bool:
    """Whether nothing was lost, invented, left or out of order, and nothing was repeated without a kill."""
    bad = ("lost", "invented", "undelivered", "out_of_order")
    return not any(figures[name] for name in bad) and figures["repeats"] <= figures["kills"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write the figures there as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = kill(Path(folder), options.kills, options.seed)
    if options.out:
        options.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=1))
    return 0 if passed(figures) else 1


if __name__ == "__main__":
    sys.exit(main())
