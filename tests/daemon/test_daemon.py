"""The daemon as a process: it starts, follows, is told things, is killed, and goes on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from monitor.store import Store
from monitor.store.check import check

FAST_PLUGIN = """
from monitor import hookimpl
from monitor.testing import HashEncoder

class Unready(HashEncoder):
    name = "unready"

    def encode(self, *arguments, **named):
        raise RuntimeError("not today")

@hookimpl
def register_encoders():
    return [HashEncoder, Unready]
"""

CONFIG = """
database = "monitor.db"
encoder = "hash"

[log]
format = "json"

[[sources]]
plugin = "chatlog"
name = "chats"
every = "1s"
path = "chats/*.jsonl"

[[tasks]]
name = "mood"
labels = { bad = "terrible broken loss", good = "wonderful great win" }

[[rules]]
name = "bad"
kind = "threshold"
where = { mood = "bad" }
at_least = 3

[[notifiers]]
plugin = "log"
name = "log"
"""

LEFT = "something does not end within"
"""What a monitor says that was told to stop, could not, and is left as it is."""


class Monitor:
    """A folder with a configuration, and the monitor that runs on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        site = folder / "site"
        (site / "fast-1.dist-info").mkdir(parents=True)
        (site / "fast_plugin.py").write_text(FAST_PLUGIN)
        (site / "fast-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: fast\nVersion: 1\n")
        (site / "fast-1.dist-info" / "entry_points.txt").write_text("[monitor]\nfast = fast_plugin\n")
        self.environment = {**os.environ, "PYTHONPATH": str(site)}
        (folder / "chats").mkdir()
        (folder / "config.toml").write_text(CONFIG)
        self.log = folder / "log"

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "monitor", "--config", str(self.folder / "config.toml")]

    def start(self, *options: str) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.command, "run", *options], env=self.environment, stderr=log, stdout=log
            )

    def run(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, *arguments], env=self.environment, capture_output=True, text=True,
            input=stdin, timeout=60, check=False,
        )  # fmt: skip

    def tell(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Signal and wait; returns the exit code."""
        self.tell(number)
        assert self.process is not None
        return self.process.wait(30)

    def say(self, *texts: str, file: str = "a.jsonl", start: int = 0) -> None:
        with (self.folder / "chats" / file).open("a") as chats:
            for n, text in enumerate(texts, start):
                line = {"id": f"{file}-{n}", "text": text, "time": datetime.now(UTC).isoformat()}
                chats.write(json.dumps(line) + "\n")

    def store(self) -> Store:
        return Store(self.folder / "monitor.db", create=False)

    def documents(self) -> list[dict[str, Any]]:
        done = self.run("documents", "list", "--json")
        return json.loads(done.stdout) if done.returncode == 0 else []

    def messages(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def wait_for(self, condition: Callable[[], object], seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process is None or self.process.poll() is None, self.messages()
            assert time.monotonic() < deadline, self.messages()
            time.sleep(0.1)

    def wait_for_documents(self, count: int) -> None:
        def there() -> bool:
            if not (self.folder / "monitor.db").exists():
                return False
            store = self.store()
            try:
                return store.documents.count("classified") == count
            finally:
                store.close()

        self.wait_for(there)


@pytest.fixture
def monitor(tmp_path: Path) -> Iterator[Monitor]:
    found = Monitor(tmp_path)
    yield found
    if found.process is not None and found.process.poll() is None:
        found.process.kill()
        found.process.wait()


def test_follows_labels_alerts_and_stops_in_good_order(monitor: Monitor) -> None:
    monitor.say("a great win", "a terrible loss")
    monitor.start("--view")
    monitor.wait_for_documents(2)
    monitor.say("broken terrible loss", "loss again, terrible", "terrible loss, broken", start=10)
    for sign in ("terrible", "ALERT 1", '"logger": "monitor.alerts"'):
        monitor.wait_for(lambda sign=sign: sign in monitor.messages())
    # signs of life are noted every few seconds
    monitor.wait_for(lambda: json.loads(monitor.run("status", "--json").stdout)["stages"])
    status = monitor.run("status", "--json")
    assert (status.returncode, json.loads(status.stdout)["problems"]) == (0, [])
    assert monitor.end() == 0
    assert LEFT not in monitor.messages()
    assert monitor.run("status").returncode == 1
    assert monitor.run("db", "check").returncode == 0
    [alert] = json.loads(monitor.run("alerts", "list", "--json").stdout)
    assert (alert["rule"], alert["state"], alert["observed"]) == ("bad", "firing", 3)
    assert len(alert["documents"]) == 3
    lines = [json.loads(line) for line in monitor.messages().splitlines() if line.startswith("{")]
    assert any(line.get("source") == "chats" for line in lines)
    assert any(line["logger"] == "monitor.alerts" and line["level"] == "warning" for line in lines)


def test_a_second_one_is_refused(monitor: Monitor) -> None:
    monitor.say("a great win")
    monitor.start()
    monitor.wait_for_documents(1)
    second = monitor.run("run")
    assert second.returncode == 1
    assert "another monitor (process" in second.stderr
    assert monitor.run("run", "--once").returncode == 1


def test_seeds_are_taken_up_without_a_restart(monitor: Monitor) -> None:
    monitor.say("zeppelin umbrella")
    monitor.start()
    monitor.wait_for_documents(1)
    assert monitor.run("seeds", "add", "mood", "bad", "zeppelin umbrella").returncode == 0
    monitor.wait_for(lambda: monitor.documents()[0]["predictions"]["mood"]["label"] == "bad")
    done = monitor.run(
        "tasks", "add", "object", "--label", "air=zeppelin balloon", "--label", "rain=umbrella coat"
    )
    assert done.returncode == 0, done.stderr
    monitor.wait_for(lambda: "object" in monitor.documents()[0]["predictions"])


def test_hangup_reads_the_configuration_again(monitor: Monitor) -> None:
    monitor.say("a great win")
    monitor.start()
    monitor.wait_for_documents(1)
    config = monitor.folder / "config.toml"
    config.write_text(CONFIG + "\noops = 1\n")
    monitor.tell(signal.SIGHUP)
    monitor.wait_for(lambda: "the configuration stays as it was" in monitor.messages())
    kept = "the configuration could not be read again, so the earlier one goes on since "
    monitor.wait_for(lambda: kept in monitor.run("status").stdout)
    status = monitor.run("status", "--json")
    report = json.loads(status.stdout)
    assert (status.returncode, report["ok"], len(report["problems"])) == (1, False, 1)
    assert "config.toml" in report["problems"][0]
    assert "oops" in report["problems"][0]
    assert not any("reload" in stage for stage in report["stages"])
    more = '\n[[sources]]\nplugin = "chatlog"\nname = "more"\nevery = "1s"\npath = "more.jsonl"\n'
    config.write_text(CONFIG + more)
    (monitor.folder / "more.jsonl").write_text('{"id": "m1", "text": "a terrible loss"}\n')
    monitor.tell(signal.SIGHUP)
    monitor.wait_for_documents(2)
    assert kept not in monitor.run("status").stdout
    assert monitor.end() == 0


def test_a_start_forgets_that_an_earlier_configuration_was_refused(monitor: Monitor) -> None:
    monitor.start()
    monitor.wait_for(lambda: "running with" in monitor.messages())
    (monitor.folder / "config.toml").write_text(CONFIG.replace('"hash"', '"unready"'))
    monitor.tell(signal.SIGHUP)
    kept = "the configuration could not be read again"
    monitor.wait_for(lambda: kept in monitor.run("status").stdout)
    assert "not today" in monitor.run("status").stdout
    monitor.end(signal.SIGKILL)
    assert kept not in monitor.run("status").stdout, "nothing goes on"
    (monitor.folder / "config.toml").write_text(CONFIG)
    monitor.start()
    monitor.wait_for(lambda: monitor.messages().count("running with") == 2)
    assert kept not in monitor.run("status").stdout
    assert monitor.end() == 0


def test_hangup_takes_up_a_plugin_that_was_installed_meanwhile(monitor: Monitor) -> None:
    monitor.say("a great win")
    monitor.start()
    monitor.wait_for_documents(1)
    site = monitor.folder / "site"
    (site / "one_plugin.py").write_text(
        "from monitor import hookimpl\nfrom monitor.interfaces import Source\n"
        "from monitor.types import Batch, Document\n\nclass One(Source):\n    name = 'one'\n\n"
        "    def fetch(self, cursor, now):\n        yield Batch((Document('1', 'a loss'),))\n\n"
        "@hookimpl\ndef register_sources():\n    return [One]\n"
    )
    (site / "one-1.dist-info").mkdir()
    (site / "one-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: one\nVersion: 1\n")
    (site / "one-1.dist-info" / "entry_points.txt").write_text("[monitor]\none = one_plugin\n")
    (monitor.folder / "config.toml").write_text(CONFIG + '\n[[sources]]\nplugin = "one"\nname = "one"\n')
    monitor.tell(signal.SIGHUP)
    monitor.wait_for_documents(2)
    assert monitor.end() == 0


def test_status_tells_of_parts_that_a_plugin_leaves_out(monitor: Monitor) -> None:
    site = monitor.folder / "site"
    (site / "broken-1.dist-info").mkdir()
    (site / "broken-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (site / "broken-1.dist-info" / "entry_points.txt").write_text("[monitor]\nbroken = not_there\n")
    lost = '\n[[tasks]]\nname = "lost"\nadapter = "broken"\n'
    config = monitor.folder / "config.toml"
    config.write_text(CONFIG + lost)
    monitor.start()
    told = "tasks[2].adapter of the configuration is left out: no task adapter is called 'broken'; known: "
    monitor.wait_for(lambda: told in monitor.run("status").stdout)
    assert monitor.run("status").returncode == 1
    config.write_text(CONFIG)
    monitor.tell(signal.SIGHUP)
    monitor.wait_for(lambda: told not in monitor.run("status").stdout)
    assert monitor.end() == 0


def test_a_configuration_that_makes_a_plugin_raise_leaves_the_present_one(monitor: Monitor) -> None:
    monitor.say("a great win")
    monitor.start()
    monitor.wait_for_documents(1)
    (monitor.folder / "config.toml").write_text(CONFIG.replace('"hash"', '"unready"'))
    monitor.tell(signal.SIGHUP)
    monitor.wait_for(lambda: "the configuration stays as it was" in monitor.messages())
    monitor.say("a terrible loss", file="b.jsonl")
    monitor.wait_for_documents(2)
    assert monitor.end() == 0


def test_the_log_counts_what_runs_the_tasks_of_commands_too(monitor: Monitor) -> None:
    monitor.start()
    monitor.wait_for(lambda: "running with 1 source, 1 task, 1 rule on " in monitor.messages())
    assert monitor.run("tasks", "add", "any", "--label", "a", "--label", "b").returncode == 0
    monitor.tell(signal.SIGHUP)
    monitor.wait_for(lambda: "running with 1 source, 2 tasks, 1 rule on " in monitor.messages())
    assert monitor.end() == 0


def test_killed_it_goes_on_where_it_was(monitor: Monitor) -> None:
    for turn in range(4):
        monitor.say(*["a great win, a terrible loss"] * 40, file=f"{turn}.jsonl")
        monitor.start()
        if turn % 2:
            monitor.wait_for_documents(40 * (turn + 1))
        else:
            monitor.wait_for(lambda: (monitor.folder / "monitor.db").exists())
        assert monitor.end(signal.SIGKILL) == -signal.SIGKILL
    started = monitor.messages().count("running with")
    monitor.start()
    monitor.wait_for(lambda: monitor.messages().count("running with") > started)
    monitor.wait_for_documents(160)
    assert monitor.end() == 0
    store = monitor.store()
    assert check(store) == []
    assert store.documents.count() == 160
    store.close()


class _Hanging(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked.set()  # type: ignore[attr-defined]
        self.server.leave.wait(60)  # type: ignore[attr-defined]

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_server_that_never_answers_holds_up_nothing(monitor: Monitor) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hanging)
    server.asked, server.leave = threading.Event(), threading.Event()  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    feed = (
        '\n[[sources]]\nplugin = "rss"\nname = "slow"\nevery = "1s"\nallow_private = true\n'
        f'url = "http://127.0.0.1:{server.server_address[1]}/"\n'
    )
    dead = '\n[[sources]]\nplugin = "rss"\nname = "dead"\nevery = "1s"\nallow_private = true\nurl = "http://127.0.0.1:9/"\n'
    (monitor.folder / "config.toml").write_text(CONFIG + feed + dead)
    try:
        monitor.say("a great win")
        monitor.start()
        assert server.asked.wait(60)  # type: ignore[attr-defined]
        monitor.wait_for_documents(1)
        monitor.say("a terrible loss", start=5)
        monitor.wait_for_documents(2)
        monitor.wait_for(lambda: "source dead" in monitor.messages())
        states = {s["name"]: s for s in json.loads(monitor.run("sources", "list", "--json").stdout)}
        assert states["dead"]["failures"] >= 1
        assert states["chats"]["failures"] == 0
        assert monitor.end() == 0
    finally:
        server.leave.set()  # type: ignore[attr-defined]
        server.shutdown()
        server.server_close()


def test_systemd_is_told(monitor: Monitor, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        path = Path("/tmp") / f"monitor-notify-{os.getpid()}"  # a socket's path must be short
        listener.bind(str(path))
        listener.settimeout(60)
        try:
            monitor.environment["NOTIFY_SOCKET"] = str(path)
            monitor.start()
            assert listener.recv(100) == b"READY=1"
            assert listener.recv(100) == b"WATCHDOG=1"
            assert monitor.end() == 0
            told = b""
            while b"STOPPING=1" not in told:
                told = listener.recv(100)
        finally:
            path.unlink()


def test_once_does_everything_once(monitor: Monitor) -> None:
    monitor.say("a great win", "a terrible loss")
    done = monitor.run("run", "--once", "--view")
    assert done.returncode == 0, done.stderr
    assert "a great win" in done.stdout
    assert len(monitor.documents()) == 2
    (monitor.folder / "chats" / "b.jsonl").write_bytes(b"\x00\x01binary\n")
    monitor.say("wonderful", start=7)
    done = monitor.run("run", "--once")
    assert done.returncode == 0, done.stderr
    assert len(monitor.documents()) == 3
    shown = json.loads(monitor.run("sources", "show", "chats", "--json").stdout)
    assert shown["bad"] == 1


def test_a_moved_database_starts_anew(monitor: Monitor) -> None:
    monitor.say("a great win")
    assert monitor.run("run", "--once").returncode == 0
    shutil.move(monitor.folder / "monitor.db", monitor.folder / "kept.db")
    assert monitor.run("status").returncode == 1
    assert monitor.run("run", "--once").returncode == 0
    assert len(monitor.documents()) == 1


def test_hangup_takes_up_how_to_log(monitor: Monitor) -> None:
    monitor.start()
    monitor.wait_for(lambda: '"message": "running with' in monitor.messages())
    config = monitor.folder / "config.toml"
    config.write_text(CONFIG.replace('format = "json"', 'level = "warning"'))
    monitor.tell(signal.SIGHUP)
    monitor.wait_for(lambda: monitor.messages().count("running with") == 2)
    config.write_text(CONFIG + "\noops = 1\n")
    monitor.tell(signal.SIGHUP)
    monitor.wait_for(
        lambda: " ERROR   monitor.daemon: the configuration stays as it was" in monitor.messages()
    )
    assert monitor.end() == 0
    assert "stopping" not in monitor.messages()
