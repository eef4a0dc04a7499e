"""Notifiers that go on saying that an alert fires."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from loopback import LoopbackServer, Reply

from monitor.errors import DeliveryError
from monitor.runtime import Runtime
from monitor.scheduler import Scheduler
from tests.conftest import CONFIG
from tests.pipeline.test_pipeline import fetched, history, settle, wave


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        running.routes["/api/v2/alerts"] = Reply(200)
        yield running


def test_what_fires_is_said_again_until_it_is_over(
    make_runtime: Callable[..., Runtime], server: LoopbackServer, monitor_now: datetime
) -> None:
    there = f'plugin = "alertmanager"\nurl = "{server.url("")}"\nallow_private = true\nname = "prometheus"'
    own = 'body_template = "look at {{ what }}"'
    runtime = make_runtime(f"{CONFIG}\n[[notifiers]]\n{there}\n{own}\n")

    def said(now: datetime) -> list[tuple[str, str, str]]:
        before = len(server.requests)
        runtime.refresh("prometheus", now)
        alerts = [alert for seen in server.requests[before:] for alert in json.loads(seen.body)]
        return sorted(
            (a["labels"]["alertname"], a["endsAt"], a["annotations"]["description"]) for a in alerts
        )

    assert runtime.refreshing == ["prometheus"]
    fetched(runtime, monitor_now, *history(monitor_now))
    assert said(monitor_now) == []
    at = monitor_now + timedelta(minutes=10)
    fetched(runtime, at, *wave(at))
    waiting = len(runtime.store.outbox.undelivered())
    assert said(at + timedelta(minutes=1)) == [
        ("any-court", "2026-03-02T09:56:00.000Z", "look at texts on court\n"),
        ("bad-news", "2026-03-02T09:56:00.000Z", "look at bad texts on court\n"),
    ]
    assert len(runtime.store.outbox.undelivered()) == waiting, "nobody is notified anew"
    server.routes["/api/v2/alerts"] = Reply(503)
    with pytest.raises(DeliveryError):
        said(at + timedelta(minutes=2))
    server.routes["/api/v2/alerts"] = Reply(200)
    for minutes in range(5, 400, 5):
        settle(runtime, at + timedelta(minutes=minutes))
    assert {alert.state for alert in runtime.store.alerts.find()} == {"resolved"}
    assert said(at + timedelta(hours=7)) == []


def test_nothing_is_said_again_while_something_is_delivered(
    make_runtime: Callable[..., Runtime], monkeypatch: pytest.MonkeyPatch, monitor_now: datetime
) -> None:
    """That an alert still fires, found before it was over, would else arrive after the news that it is."""
    runtime = make_runtime()
    scheduler = Scheduler(runtime, lambda: monitor_now)
    beside, said = threading.Event(), list[str]()

    def refresh(*_: object) -> None:
        said.append("refresh")
        beside.set()

    def deliver(*_: object, **__: object) -> int:
        told.start()
        beside.wait(0.2)
        said.append("delivered")
        return 0

    monkeypatch.setattr(runtime, "refresh", refresh)
    monkeypatch.setattr(runtime, "deliver", deliver)
    told = threading.Thread(target=scheduler._refresh, args=["desk"])
    scheduler._deliver("desk")
    told.join()
    assert said == ["delivered", "refresh"]
