"""Rules tried on the stored past raise what the running monitor raised, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import numpy as np
import pytest

from monitor.pipeline.trying import Report, try_on_store
from monitor.runtime import Runtime
from monitor.types import Document
from tests.conftest import CONFIG
from tests.pipeline.test_pipeline import BAD_COURT, GOOD_MONEY, history, settle

RULES = """
[[rules]]
name = "stories"
kind = "threshold"
where = { topic = "court", mood = "bad" }
at_least = 8
min_stories = 4
for = "10m"

[[rules]]
name = "share"
kind = "ratio"
where = { topic = "*", mood = "bad" }
at_least = 0.35
"""
TWO = '\n[[sources]]\nplugin = "list"\nname = "slow"\nevery = "1h"\n'


def lived(runtime: Runtime, start: datetime) -> datetime:
    """Two days with two sources, the one polled every five minutes and the other hourly; returns their end."""
    rng = np.random.default_rng(4)
    waiting: dict[str, list[Document]] = {"news": history(start), "slow": []}
    number = 0

    def write(source: str, text: str, at: datetime, copies: int = 1) -> None:
        nonlocal number
        number += 1
        for copy in range(copies):
            waiting[source].append(Document(f"{number}-{copy}", f"{text} number {number}", published_at=at))

    now, end = start, start + timedelta(hours=40)
    while now <= end:
        hours = (now - start).total_seconds() / 3600
        if rng.random() < 0.2:
            write(("news", "slow")[number % 2], GOOD_MONEY, now - timedelta(minutes=2))
        if rng.random() < 0.02:
            write("news", BAD_COURT, now - timedelta(minutes=2))
        if 5 <= hours < 6 or 29 <= hours < 30.5:  # waves, the second one mostly in the slow source
            for n in range(3):
                write("news" if hours < 29 or n == 0 else "slow", BAD_COURT, now - timedelta(seconds=50 * n))
        if hours == 14:  # one story, copied sixty times
            write("news", BAD_COURT, now - timedelta(minutes=3), copies=60)
        if hours == 20:  # a source brings much that is old
            for n in range(40):
                write("slow", BAD_COURT, now - timedelta(hours=4, minutes=n))
        for name in ("news", "slow"):
            if name == "news" or now.minute == start.minute:
                runtime.sources[name].waiting = waiting[name]
                runtime.fetch(name, now)
                waiting[name] = []
        settle_quickly(runtime, now)
        now += timedelta(minutes=5)
    settle(runtime, end)
    return end


def settle_quickly(runtime: Runtime, now: datetime) -> None:
    while runtime.classify(now):
        pass
    runtime.tick(now)


def raised(report: Report) -> set[tuple[str, datetime, datetime | None, str]]:
    return {
        (str(one.selection), alert.fired_at, alert.resolved_at, alert.first.reason)
        for one, alert in report.alerts
    }


@pytest.fixture
def runtime(make_runtime: Callable[..., Runtime]) -> Runtime:
    return make_runtime(CONFIG.replace("\n[[tasks]]", TWO + "\n[[tasks]]", 1) + RULES)


def tried(runtime: Runtime, end: datetime, *, as_live: bool = False) -> Sequence[Report]:
    return try_on_store(runtime.store, runtime.rules, end - timedelta(days=60), end, as_live=as_live)


def test_the_past_raises_what_was_raised_to_the_minute_and_word(
    runtime: Runtime, monitor_now: datetime
) -> None:
    end = lived(runtime, monitor_now)
    reports = tried(runtime, end)
    counted = 0
    for rule, report in zip(runtime.rules, reports, strict=True):
        live = set()
        for alert in runtime.store.alerts.find(limit=1000):
            if alert.rule == rule.name and alert.fired_at is not None:
                said = next(
                    t.reason for t in runtime.store.alerts.transitions(alert.id) if t.state == "firing"
                )
                live.add((str(alert.selection), alert.fired_at, alert.resolved_at, said))
        assert raised(report) == live, rule.name
        counted += len(live)
    assert counted >= 8
    backfilled = monitor_now + timedelta(hours=20)
    assert not any(
        abs(fired - backfilled) < timedelta(hours=1) for report in reports for _, fired, *_ in raised(report)
    ), "what comes late raises nothing"
    storm = monitor_now + timedelta(hours=14)
    told = {
        r.rule.name for r in reports for _, fired, *_ in raised(r) if abs(fired - storm) < timedelta(hours=1)
    }
    assert told == {"any-court"}, "the one rule that counts texts and not stories"


def test_backfill_may_be_let_count(runtime: Runtime, monitor_now: datetime) -> None:
    end = lived(runtime, monitor_now)
    stories = [rule.name for rule in runtime.rules].index("stories")
    late = {fired for _, fired, *_ in raised(tried(runtime, end, as_live=True)[stories])} - {
        fired for _, fired, *_ in raised(tried(runtime, end)[stories])
    }
    assert any(
        monitor_now + timedelta(hours=15) <= fired <= monitor_now + timedelta(hours=17) for fired in late
    )
