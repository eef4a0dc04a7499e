"""What is under way when the configuration is read again: it ends, once, and the new one waits its turn."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from monitor.runtime import Runtime
from monitor.scheduler import Scheduler, Stopped
from monitor.testing import sample_notification
from monitor.turns import Turns
from monitor.types import Batch, Document
from tests.conftest import CONFIG
from tests.daemon.test_daemon import Monitor, monitor
from tests.pipeline.test_pipeline import BAD_COURT, documents

__all__ = ["monitor"]  # a fixture


@pytest.fixture
def runtime(make_runtime: Callable[..., Runtime]) -> Runtime:
    return make_runtime()


def schedulers(runtime: Runtime, now: datetime) -> tuple[Scheduler, Scheduler]:
    """One before the configuration was read again, and one after."""
    turns = Turns()
    return Scheduler(runtime, lambda: now, turns), Scheduler(runtime, lambda: now, turns)


def test_a_notification_under_way_is_not_sent_by_the_next_scheduler_too(
    runtime: Runtime, monitor_now: datetime
) -> None:
    desk, first, go = runtime.notifiers["desk"], threading.Event(), threading.Event()
    send, sent = desk.send, list[str]()

    def slow(notification: Any) -> None:
        sent.append(notification.key)
        first.set()
        assert go.wait(30)
        send(notification)

    desk.send = slow  # type: ignore[method-assign]
    runtime.store.outbox.add("desk", sample_notification(), None, monitor_now)
    before, after = schedulers(runtime, monitor_now)
    with ThreadPoolExecutor(2) as pool:
        ends = [pool.submit(before._deliver, "desk")]
        assert first.wait(30)
        ends.append(pool.submit(after._deliver, "desk"))
        go.set()
        for end in ends:
            end.result(30)
    assert sent == [sample_notification().key]


def test_a_long_round_tells_nobody_by_the_configuration_before(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(CONFIG + '[[notifiers]]\nplugin = "recorder"\nname = "late"\n')
    minutes = timedelta(minutes=1)
    runtime.store.sources.succeeded("news", monitor_now - timedelta(days=1), monitor_now)
    runtime.sources["news"].waiting = documents(12, BAD_COURT, monitor_now - 5 * minutes, apart=5)  # type: ignore[attr-defined]
    runtime.fetch("news", monitor_now)
    before, after = schedulers(runtime, monitor_now)
    told, classify = runtime.featurizer.vectors, threading.Event()

    def slow(*args: Any) -> Any:
        before._stop.set()  # the configuration is read again while the encoder runs
        classify.set()
        return told(*args)

    runtime.featurizer.vectors = slow  # type: ignore[method-assign]
    before._learned.set()
    before._classify()
    assert classify.is_set()
    assert runtime.store.documents.count("pending") == 12, "the next configuration reads them"
    assert runtime.store.alerts.find() == []
    runtime.featurizer.vectors = told  # type: ignore[method-assign]
    runtime.classify(monitor_now)
    (alert,) = runtime.store.alerts.find()
    runtime.store.connection.execute("delete from notification_log")
    runtime.store.connection.commit()
    with pytest.raises(Stopped):
        runtime.tick(monitor_now, before._go_on)
    assert runtime.store.notification_log.of_alert(alert.id) == {}
    runtime.tick(monitor_now, after._go_on)
    assert runtime.store.notification_log.of_alert(alert.id).keys() == {"desk", "late"}


class Slow:
    """A source whose second batch comes when it is told to."""

    name = "news"

    def __init__(self) -> None:
        self.asked: list[Mapping[str, Any]] = []
        self.waits, self.go = threading.Event(), threading.Event()

    def continues(self, cursor: Mapping[str, Any]) -> bool:
        return True

    def fetch(self, cursor: Mapping[str, Any], now: datetime) -> Iterator[Batch]:
        self.asked.append(cursor)
        yield Batch((Document("1", "profit"),), cursor={"n": 1})
        self.waits.set()
        assert self.go.wait(30)
        yield Batch((Document("2", "loss"),), cursor={"n": 2})

    def close(self) -> None:
        pass


def test_a_source_is_read_by_one_scheduler_at_a_time(runtime: Runtime, monitor_now: datetime) -> None:
    slow = Slow()
    runtime.sources["news"] = slow  # type: ignore[assignment]
    before, after = schedulers(runtime, monitor_now)
    with ThreadPoolExecutor(1) as pool:
        end = pool.submit(before._fetch, "news")
        assert slow.waits.wait(30)
        after._fetch("news")
        assert slow.asked == [{}], "not while the other one reads"
        slow.go.set()
        end.result(30)
    after._fetch("news")
    assert slow.asked == [{}, {"n": 2}]


def test_a_fetch_under_way_leaves_no_cursor_to_another_plugin(
    runtime: Runtime, monitor_now: datetime
) -> None:
    slow = Slow()
    runtime.sources["news"] = slow  # type: ignore[assignment]
    with ThreadPoolExecutor(1) as pool:
        end = pool.submit(schedulers(runtime, monitor_now)[0]._fetch, "news")
        assert slow.waits.wait(30)
        runtime.store.sources.sync([("news", "another", 300.0)])
        slow.go.set()
        end.result(30)
    state = runtime.store.sources.get("news")
    assert state is not None
    assert state.cursor == {}


class _SlowHook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.server.keys.append(self.headers["Idempotency-Key"])  # type: ignore[attr-defined]
        self.server.go.wait(100)  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


HOOK = """
[[notifiers]]
plugin = "webhook"
name = "desk"
url = "http://127.0.0.1:{port}/"
allow_private = true
timeout = 100
"""


def test_what_failed_is_tried_again(monitor: Monitor) -> None:
    monitor.say("wonderful win")
    monitor.start()
    monitor.wait_for_documents(1)
    store = monitor.store()
    store.documents.failed(1, "RuntimeError: CUDA error")
    store.close()
    monitor.tell(signal.SIGHUP)
    monitor.wait_for_documents(1)
    assert monitor.end() == 0


def test_mended_settings_are_applied_to_what_was_read_while_it_runs(monitor: Monitor) -> None:
    monitor.say("wonderful win", "terrible loss")
    monitor.start()
    monitor.wait_for_documents(2)
    config = monitor.folder / "config.toml"
    config.write_text(config.read_text().replace('path = "chats', 'default_role = "agent"\npath = "chats'))
    monitor.tell(signal.SIGHUP)
    monitor.wait_for(lambda: monitor.messages().count("running with") == 2)
    assert (
        "was asked to fetch all there is again of chats"
        in monitor.run("sources", "fetch", "--again", "chats").stdout
    )
    monitor.wait_for(lambda: "source chats: 0 new, 2 changed, 0 bad" in monitor.messages())
    monitor.wait_for_documents(2)
    store = monitor.store()
    assert [d.role for d in store.documents.find()] == ["agent", "agent"]
    store.close()
    assert monitor.end() == 0


def test_a_reload_while_a_webhook_is_slow_repeats_nothing_and_can_be_stopped(monitor: Monitor) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _SlowHook)
    server.keys, server.go = list[str](), threading.Event()  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with (monitor.folder / "config.toml").open("a") as config:
        config.write(HOOK.format(port=server.server_address[1]))
    try:
        monitor.say("wonderful win")
        monitor.start()
        monitor.wait_for_documents(1)
        monitor.say("terrible loss", "broken loss", "terrible broken loss", file="b.jsonl")
        monitor.wait_for(lambda: server.keys)  # type: ignore[attr-defined]
        monitor.tell(signal.SIGHUP)
        monitor.wait_for(lambda: "notifier desk: still under way" in monitor.messages())
        monitor.wait_for(lambda: monitor.messages().count("running with") == 2)
        monitor.say("a great win", file="c.jsonl")
        monitor.wait_for_documents(5)
        assert len(server.keys) == 1  # type: ignore[attr-defined]
        assert monitor.end() == 0
    finally:
        server.go.set()  # type: ignore[attr-defined]
        server.shutdown()
        server.server_close()
