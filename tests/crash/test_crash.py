"""Killed at every commit and at random statements, a run ends like one that nobody disturbed."""

from __future__ import annotations

import json
import multiprocessing
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from monitor.store import Store
from monitor.store.check import check
from tests.crash import world

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["monitor.testing", "monitor.runtime", "feedparser", "httpx"])
CHILDREN = threading.Lock()
"""Held to start or to ask a process: starting one asks all the others too, and an exit code can be read only once."""


class Stage(ThreadingHTTPServer):
    """Serves the world's feed from disk and receives what the monitor delivers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = Path()
        self.received: Counter[str] = Counter()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: Stage

    def do_GET(self) -> None:
        body = (self.server.folder / "feed.xml").read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "application/rss+xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received[self.headers["Idempotency-Key"]] += 1
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def stage() -> Iterator[Stage]:
    """A stage of one's own, so that runs can go on side by side."""
    server = Stage()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def live(stage: Stage, folder: Path, mode: str, kill: int) -> int:
    """A run in a process of its own; returns its exit code."""
    stage.folder = folder
    process = PROCESSES.Process(target=world.main, args=(folder, mode, kill))
    with CHILDREN:
        process.start()
    wait([process.sentinel], 300)
    with CHILDREN:
        code = process.exitcode
    assert code is not None, "the run does not end"
    return code


@dataclass(frozen=True)
class Calm:
    """How a run ends that nobody disturbs, and how many commits and statements it takes."""

    state: dict[str, list[Any]]
    commits: int
    statements: int


def undisturbed(folder: Path, encoder: str = "hash") -> Calm:
    folder.mkdir()
    with stage() as here:
        world.prepare(folder, here.server_address[1], encoder)
        assert live(here, folder, "never", 0) == 0
    state = world.state_of(folder / "monitor.db")
    assert [row[3] for row in state["alerts"]] == ["resolved", "resolved"]
    assert here.received == Counter(row[0] for row in state["notifications"])
    seen = json.loads((folder / "seen.json").read_text())
    return Calm(state, seen["commit"], seen["statement"])


def assert_survives(folder: Path, mode: str, kill: int, calm: Calm, encoder: str = "hash") -> None:
    """Kill a run at ``kill``, let it go on to its end, and compare."""
    folder.mkdir()
    with stage() as here:
        world.prepare(folder, here.server_address[1], encoder)
        assert live(here, folder, mode, kill) == -signal.SIGKILL
        assert live(here, folder, "never", 0) == 0
    assert world.state_of(folder / "monitor.db") == calm.state
    store = Store(folder / "monitor.db")
    assert check(store) == []
    store.close()
    assert set(here.received) == {row[0] for row in calm.state["notifications"]}, "a notification was lost"
    assert here.received.total() <= len(here.received) + 1, "more repeats than kills"


def side_by_side(work: Callable[[int], None], numbers: Iterable[int]) -> None:
    """Do it for every number, two at a time; the first failure is raised."""
    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(work, numbers):
            pass


def test_killed_at_every_commit_boundary(tmp_path: Path) -> None:
    calm = undisturbed(tmp_path / "calm")

    def killed(commit: int) -> None:
        assert_survives(tmp_path / f"commit-{commit}", "commit", commit, calm)

    side_by_side(killed, range(1, calm.commits + 1))


def test_killed_at_random_statements(tmp_path: Path) -> None:
    calm = undisturbed(tmp_path / "calm")
    dice = random.Random(7)

    def killed(statement: int) -> None:
        assert_survives(tmp_path / f"statement-{statement}", "statement", statement, calm)

    side_by_side(killed, dice.sample(range(1, calm.statements), 20))


def test_killed_with_the_real_encoder(tmp_path: Path) -> None:
    calm = undisturbed(tmp_path / "calm", "minilm")
    # in the middle of the run, while the first wave is classified
    assert_survives(tmp_path / "killed", "commit", calm.commits // 3, calm, "minilm")
