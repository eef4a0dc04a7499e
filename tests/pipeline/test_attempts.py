"""A rule that fails: the others watch on, texts are classified, and the fault is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor.alerts.detectors import DETECTORS
from monitor.pipeline.classify import BATCH
from monitor.runtime import Runtime
from monitor.store import Store
from monitor.store.check import check
from tests.conftest import CONFIG
from tests.pipeline.test_pipeline import BAD_COURT, documents

OTHER = """
[[rules]]
name = "broken"
kind = "ratio"
where = { topic = "court" }
at_least = 0.5

[[rules]]
name = "words"
kind = "keyword"
words = ["judge"]
"""


def broken(*_: Any) -> Any:
    raise ZeroDivisionError("a bug of this kind")


def test_a_rule_that_fails_holds_up_nobody(
    make_runtime: Callable[..., Runtime], monitor_now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DETECTORS, "ratio", replace(DETECTORS["ratio"], judge=broken))  # type: ignore[type-var]
    runtime = make_runtime(CONFIG + OTHER)
    runtime.sources["news"].waiting = documents(12, BAD_COURT, monitor_now - timedelta(minutes=5), apart=5)
    runtime.store.sources.succeeded("news", monitor_now - timedelta(days=1), monitor_now)
    runtime.fetch("news", monitor_now)
    assert runtime.classify(monitor_now), "the next texts are not waited with"
    with pytest.raises(ExceptionGroup, match="rules that failed: broken") as told:
        runtime.tick(monitor_now)
    (fault,) = told.value.exceptions
    assert isinstance(fault, ZeroDivisionError)
    assert fault.__notes__ == ["This was the rule 'broken' (kind ratio)."]
    assert runtime.store.documents.count("pending") == 0
    assert {alert.rule for alert in runtime.store.alerts.find()} == {"any-court", "words"}
    runtime.store.series.put_due(['{"topic": "court"}'], int(monitor_now.timestamp()) // 300 * 300)
    later = monitor_now + timedelta(hours=9)
    with pytest.raises(ExceptionGroup, match="broken"):
        runtime.tick(later)
    for hours in (1, 2):
        runtime.tick(later + timedelta(hours=hours))
    assert {alert.state for alert in runtime.store.alerts.find(rule="any-court")} == {"resolved"}
    assert runtime.store.outbox.counts()["waiting"] >= 3, "who was notified hears of the end"
    assert check(runtime.store) == []


def test_a_single_run_with_a_rule_that_fails_does_all_else_and_says_so(
    make_runtime: Callable[..., Runtime], monitor_now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DETECTORS, "ratio", replace(DETECTORS["ratio"], judge=broken))  # type: ignore[type-var]
    runtime = make_runtime(CONFIG + OTHER)
    runtime.store.sources.succeeded("news", monitor_now - timedelta(days=1), monitor_now)
    many = documents(2 * BATCH + 1, BAD_COURT, monitor_now - timedelta(minutes=5), apart=0)
    runtime.sources["news"].waiting = many
    failed = runtime.once(monitor_now, lambda name, got: None)
    assert failed == {"judge": "rules that failed: broken"}
    assert runtime.store.documents.count("pending") == 0
    counts = runtime.store.outbox.counts()
    assert counts.pop("delivered") >= 2
    assert counts == {}


def test_a_part_of_a_transaction_is_undone_by_itself(monitor_store: Store) -> None:
    def beat(stage: str) -> None:
        monitor_store.heartbeats.beat(stage, datetime.fromisoformat("2026-03-02T09:30:00+00:00"))

    def failing(*stages: str) -> None:
        with monitor_store.part():
            for stage in stages:
                with monitor_store.part():
                    beat(stage)
            raise ValueError("no")

    with monitor_store.transaction():
        beat("fetch")
        with pytest.raises(ValueError, match="no"):
            failing("judge", "deliver")
        with monitor_store.part():
            beat("classify")
    assert set(monitor_store.heartbeats.all()) == {"fetch", "classify"}
    with pytest.raises(ValueError, match="no"):
        failing("judge")
    assert "judge" in monitor_store.heartbeats.all(), "each write stands for itself there"


def test_a_rule_that_fails_as_time_goes_by_is_tried_less_and_less_and_counts_as_failed(
    make_runtime: Callable[..., Runtime], monitor_now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[float] = []
    now = monitor_now

    def look(*_: Any) -> None:
        tried.append((now - monitor_now).total_seconds())
        raise ZeroDivisionError("a bug of this kind")

    monkeypatch.setattr("monitor.pipeline.judging.topics._look_at_all", look)
    runtime = make_runtime(CONFIG + '[[rules]]\nname = "news"\nkind = "new_topic"\n')
    for _ in range(1080):
        with pytest.raises(ExceptionGroup, match="rules that failed: news") as told:
            runtime.tick(now)
        now += timedelta(seconds=10)
    (fault,) = told.value.exceptions
    assert len(fault.__notes__) == 1
    assert tried == [0, 10, 30, 70, 150, 310, 630, 1270, 2550, 5110, 8710]
    monkeypatch.undo()
    runtime.tick(now + timedelta(hours=1))
    runtime.tick(now + timedelta(hours=1, seconds=10))
