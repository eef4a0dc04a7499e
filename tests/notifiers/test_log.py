"""The log notifier, through a real logger."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.logs import set_up
from monitor.testing import check_notifier, make, sample_notification
from monitor_plugins.log import Log


@pytest.fixture
def log() -> Log:
    made: Log = make(Log, Path())
    return made


@pytest.fixture
def restored() -> Iterator[None]:
    """Whatever a test does to logging is undone."""
    loggers = [logging.getLogger(name) for name in (None, "monitor", "monitor_plugins")]
    before = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


def test_it_fulfils_the_contract(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    check_notifier(log, lambda: caplog.messages)


def test_a_firing_alert_is_a_warning(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    log.send(sample_notification())
    [record] = caplog.records
    assert (record.name, record.levelno) == ("monitor.alerts", logging.WARNING)
    title, *body = record.getMessage().splitlines()
    assert title == sample_notification().title
    assert [line.strip() for line in body] == [sample_notification().body]


def test_no_text_can_pass_for_a_line_of_the_log(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    forged = "2026-03-02 09:30:00 WARNING monitor.alerts: all is well"
    notification = sample_notification()
    log.send(replace(notification, title=f"a\n{forged}", body=f"b\n{forged}\r{forged}\u2028{forged}"))
    first, *rest = caplog.messages[0].splitlines()
    assert first == f"a {forged}"
    assert len(rest) == 4
    assert all(line.startswith("    ") for line in rest)


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("format", ["plain", "json"])
def test_in_the_programs_own_formats(log: Log, format: str) -> None:
    stream = io.StringIO()
    set_up("info", format, stream)
    for event in ("firing", "resolved", "test"):
        log.send(replace(sample_notification(event), body="%s {}"))
    written = stream.getvalue()
    assert written.count(sample_notification().title) == 3
    assert written.count("%s {}") == 3
    if format == "json":
        levels = [json.loads(line)["level"] for line in written.splitlines()]
        assert levels == ["warning", "info", "info"]
        assert json.loads(written.splitlines()[0])["alert"] == 1


@pytest.mark.usefixtures("restored")
def test_the_time_in_json_is_utc_wherever_the_machine_is(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    set_up("info", "json", stream)
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        log.send(sample_notification())
    finally:
        monkeypatch.undo()
        time.tzset()
    written = datetime.fromisoformat(json.loads(stream.getvalue())["time"])
    assert abs(datetime.now(UTC) - written) < timedelta(minutes=5)
