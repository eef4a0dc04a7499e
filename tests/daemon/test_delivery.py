"""The running monitor: it beats while it is well, and delivers at once what is sent again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import LoopbackServer, Reply

from tests.daemon.test_daemon import Monitor

MORE = """
[[notifiers]]
plugin = "webhook"
name = "desk"
url = "{hook}"
allow_private = true
at_most = "100/1h"
secret = "c2l4dGVlbiBtb3JlIG9yIGxlc3MgYnl0ZXM="

[[notifiers]]
plugin = "heartbeat"
name = "pulse"
url = "{ping}"
method = "POST"
allow_private = true
"""


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        running.routes |= {"/hook": Reply(404), "/ping": Reply(200)}
        yield running


@pytest.fixture
def monitor(tmp_path: Path, server: LoopbackServer) -> Iterator[Monitor]:
    made = Monitor(tmp_path)
    with (tmp_path / "config.toml").open("a") as config:
        config.write(MORE.format(hook=server.url("/hook"), ping=server.url("/ping")))
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


def test_it_beats_and_resends(monitor: Monitor, server: LoopbackServer) -> None:
    def to(path: str) -> list[bytes]:
        return [seen.body for seen in server.requests if seen.path == path]

    def dead() -> bool:
        store = monitor.store()
        try:
            return store.outbox.counts().get("dead") == 1
        finally:
            store.close()

    monitor.say("wonderful win")
    monitor.start()
    monitor.wait_for_documents(1)
    monitor.say("terrible loss", "broken loss", "terrible broken loss", file="b.jsonl")
    monitor.wait_for(dead)
    server.routes["/hook"] = Reply(204)
    (record,) = json.loads(monitor.run("alerts", "resend", "--all-dead", "--json").stdout)
    monitor.wait_for(lambda: len(to("/hook")) == 2)
    first, second = (seen for seen in server.requests if seen.path == "/hook")
    assert first.headers["idempotency-key"] == second.headers["webhook-id"] == record["key"]
    assert first.headers["webhook-timestamp"] <= second.headers["webhook-timestamp"]
    assert first.headers["webhook-signature"].startswith("v1,")
    monitor.wait_for(lambda: to("/ping"))
    assert b"delivers" in to("/ping")[0]
    assert monitor.end() == 0
