"""The heartbeat: a ping while all is well, and silence when it is not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from loopback import LoopbackServer, Reply
from pydantic import ValidationError

from monitor.errors import DeliveryError
from monitor.testing import NOW, make
from monitor.types import Health
from monitor_plugins.heartbeat import Heartbeat

WELL = Health(True)
ILL = Health(False, ("the classify stage is late",))
SECOND = timedelta(seconds=1)


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        running.routes["/ping/s3cret"] = Reply(200)
        yield running


@pytest.fixture
def pulse(server: LoopbackServer) -> Iterator[Heartbeat]:
    made = make(Heartbeat, Path(), url=server.url("/ping/s3cret"), every="5m", allow_private=True, timeout=5)
    yield made
    made.close()


def pings(pulse: Heartbeat, server: LoopbackServer, health: Health, first: int, last: int) -> list[int]:
    """The seconds at which it pinged, asked every five."""
    found = []
    for second in range(first, last, 5):
        before = len(server.requests)
        pulse.beat(NOW + second * SECOND, health)
        found += [second] * (len(server.requests) - before)
    return found


def test_it_beats_while_all_is_well(pulse: Heartbeat, server: LoopbackServer) -> None:
    assert pings(pulse, server, WELL, 0, 1000) == [0, 300, 600, 900]
    assert {(seen.method, seen.path) for seen in server.requests} == {("GET", "/ping/s3cret")}


def test_it_is_silent_when_it_is_not_and_says_why_once(
    pulse: Heartbeat, server: LoopbackServer, caplog: pytest.LogCaptureFixture
) -> None:
    assert pings(pulse, server, WELL, 0, 100) == [0]
    assert pings(pulse, server, ILL, 100, 1000) == []
    assert pings(pulse, server, WELL, 1000, 1100) == [1000], "at once when all is well again"
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "the classify stage is late" in record.getMessage()
    assert "s3cret" not in record.getMessage()


def test_before_it_was_ever_well_it_says_why_only_after_minutes(
    pulse: Heartbeat, server: LoopbackServer, caplog: pytest.LogCaptureFixture
) -> None:
    assert pings(pulse, server, ILL, 0, 300) == []
    assert caplog.messages == [], "stages that did no round yet are normal"
    assert pings(pulse, server, ILL, 300, 600) == []
    (said,) = caplog.messages
    assert "the classify stage is late" in said


def test_one_that_starts_and_fails_soon_says_so_at_once(
    pulse: Heartbeat, server: LoopbackServer, caplog: pytest.LogCaptureFixture
) -> None:
    pings(pulse, server, ILL, 0, 10)
    assert pings(pulse, server, WELL, 10, 20) == [10]
    pings(pulse, server, ILL, 20, 30)
    assert len(caplog.messages) == 1


def test_one_that_is_not_heard_is_repeated_soon(pulse: Heartbeat, server: LoopbackServer) -> None:
    server.routes["/ping/s3cret"] = Reply(503)
    for second in (0, 30):
        with pytest.raises(DeliveryError, match="not heard") as caught:
            pulse.beat(NOW + second * SECOND, WELL)
        assert "s3cret" not in str(caught.value)
    pulse.beat(NOW + 55 * SECOND, WELL)
    server.routes["/ping/s3cret"] = Reply(200)
    assert pings(pulse, server, WELL, 60, 600) == [60, 360]


def test_a_clock_that_is_put_back_does_not_silence_it(pulse: Heartbeat, server: LoopbackServer) -> None:
    assert pings(pulse, server, WELL, 0, 10) == [0]
    assert pings(pulse, server, WELL, -7200, -6000) == [-7200, -6900, -6600, -6300]


@pytest.mark.parametrize("wrong", [{"every": "5s"}, {"method": "PUT"}, {"url": "ftp://x"}])
def test_settings_that_cannot_work(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        make(Heartbeat, Path(), **{"url": "https://example.com/"} | wrong)
