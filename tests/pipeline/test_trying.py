"""Rules tried on the stored past raise what the running monitor raised, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from weeks import Weeks

from monitor.pipeline.alerting.windows import Windows
from monitor.pipeline.trying import suggesting
from monitor.pipeline.trying.as_it_came import AsItCame
from monitor.pipeline.trying.rules import Report, try_on_store
from monitor.pipeline.trying.suggesting import suggest
from monitor.runtime import Runtime
from monitor.store.room import bucket_of
from monitor.types import Document, Role
from tests.conftest import CONFIG
from tests.pipeline.test_pipeline import BAD_COURT, GOOD_MONEY, history, settle
from tests.pipeline.test_watching import with_rules

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


WATCHERS = """
[[rules]]
name = "waiting"
kind = "conversation"
when = "unanswered"
where = { mood = "bad" }
after = "30m"

[[rules]]
name = "turning"
kind = "conversation"
when = "worse"
where = { mood = "bad" }

[[rules]]
name = "quiet"
kind = "silence"
at_least = "1h"
times = 4
min_history = "7d"

[[rules]]
name = "lawsuit"
kind = "keyword"
words = ["lawsuit"]

[[rules]]
name = "bank"
kind = "entity"
where = { entity = "*", mood = "bad" }

[entities]
"Border Bank" = []
"""


def chatted(runtime: Runtime, start: datetime) -> datetime:
    """A day of conversations in one source, after two weeks that were loaded; it is silent in the evening."""
    rng = np.random.default_rng(3)
    texts = [BAD_COURT, GOOD_MONEY, "terrible collapse loss at Border Bank", "wonderful growth"]
    waiting = [
        Document(f"old-{n}", f"{GOOD_MONEY} old {n}", published_at=start - timedelta(minutes=20 * n))
        for n in range(14 * 72)
    ]
    now, end, number = start, start + timedelta(hours=30), 0
    while now <= end:
        hours = (now - start).total_seconds() / 3600
        for _ in range(rng.poisson(0.0 if 12 <= hours < 20 else 0.7)):
            number += 1
            role = "agent" if rng.random() < 0.4 else "customer"
            thread = str(int(hours) // 3 * 3 + rng.integers(3))
            text = f"{texts[rng.integers(len(texts))]} {number}"
            at = now - timedelta(seconds=int(rng.integers(1, 280)))
            waiting.append(Document(str(number), text, thread=thread, role=role, published_at=at))  # type: ignore[arg-type]
        runtime.sources["news"].waiting = waiting
        waiting = []
        runtime.fetch("news", now)
        settle_quickly(runtime, now)
        now += timedelta(minutes=5)
    return end


def test_what_reads_no_counts_is_tried_as_well(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(with_rules(WATCHERS))
    end = chatted(runtime, monitor_now)
    reports = tried(runtime, end)
    for rule, report in zip(runtime.rules, reports, strict=True):
        live = raised_live(runtime, rule.name)
        assert raised(report) == live, rule.name
        assert live, rule.name


def test_who_waited_for_less_than_a_bucket_longer_than_allowed_is_found_as_it_was_live(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(with_rules(WATCHERS).replace('every = "5m"', 'every = "1m"'))
    assert [source.every for source in runtime.config.sources] == [60.0]
    runtime.sources["news"].waiting = history(monitor_now)
    for minute in range(90):
        now = monitor_now + timedelta(minutes=minute)
        for thread, wrote, answered in (("short", 2, 31), ("long", 3, 36), ("longer", 14, 80)):
            if minute in (wrote, answered):
                role: Role = "customer" if minute == wrote else "agent"
                text = BAD_COURT if minute == wrote else GOOD_MONEY
                runtime.sources["news"].waiting += [
                    Document(f"{thread} {minute}", text, thread=thread, role=role, published_at=now)
                ]
        runtime.fetch("news", now)
        runtime.sources["news"].waiting = []
        settle_quickly(runtime, now)
    live = raised_live(runtime, "waiting")
    assert len(live) == 2
    assert raised(tried(runtime, now)[0]) == live


def raised_live(runtime: Runtime, rule: str) -> set[tuple[str, datetime, datetime | None, str]]:
    found = set()
    for alert in runtime.store.alerts.find(limit=1000):
        if alert.rule == rule and alert.fired_at is not None:
            steps = runtime.store.transitions.of_alert(alert.id)
            said = next(step.reason for step in steps if step.state == "firing")
            found.add((str(alert.selection), alert.fired_at, alert.resolved_at, said))
    return found


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
        live = raised_live(runtime, rule.name)
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


def test_what_fired_a_few_times_a_month_is_suggested(runtime: Runtime, monitor_now: datetime) -> None:
    end = lived(runtime, monitor_now)
    assert suggest(runtime.store, end - timedelta(days=20), end) == [], (
        "too often in the two days that it lived"
    )
    end += timedelta(days=20)
    found = suggest(runtime.store, end - timedelta(days=60), end)
    assert {one.report.watched.since for one in found} == {monitor_now}, "what came before was history"
    kinds = {(one.rule.kind, *sorted(one.rule.where.items())) for one in found}
    assert ("threshold", ("mood", "*")) in kinds
    assert ("ratio", ("mood", "*"), ("topic", "court")) in kinds
    for one in found:
        assert 0.5 <= one.report.a_month <= 8
        assert one.rule.settings == type(one.rule.settings).model_validate(one.settings)
    times = [{raised.fired_at for _, raised in one.report.alerts} for one in found]
    assert all(one != other for one, other in combinations(times, 2)), "one of each times is enough"
    agreed = [len(one.alike) for one in found]
    assert agreed == sorted(agreed, reverse=True)
    assert max(agreed) > 0
    for one in found[::4]:
        (again,) = try_on_store(runtime.store, [one.rule], end - timedelta(days=60), end)
        assert raised(again) == raised(one.report), "tried together or alone"


@pytest.mark.parametrize("reader", ["sentiment", "mood"])
def test_rules_for_bad_news_come_first_and_the_others_have_a_remark(tmp_path: Path, reader: str) -> None:
    """Also where a task of its own, beside the one for the news, says how customers sound."""
    now = datetime(2026, 3, 4, 3, 10, tzinfo=UTC)
    weeks = Weeks(tmp_path / "monitor.db", now, days=25, busy=4)
    store = weeks.store
    sentiment = store.tasks.need("sentiment").task
    others = [store.tasks.need(name).task for name in ("topic", "intent")]
    tasks = [others[0], replace(sentiment, family="sentiment"), others[1]]
    if reader == "mood":
        tasks.append(replace(tasks[1], name="mood"))
    moods = {"complaint": "negative", "praise": "positive"}

    def wave(days: int, intent: str) -> None:
        for n in range(12):
            at = now - timedelta(days=days, minutes=n)
            said = {"intent": [intent], reader: [moods[intent]]}
            weeks.say(
                "chat", "", f"{intent} number {days} {n}", at, said, thread=f"{days} {n}", role="customer"
            )

    with store.transaction():
        store.tasks.sync([(task, "labels", {}) for task in tasks], now)
        if reader not in weeks.heads:
            head = store.heads.add(reader, inputs="x", encoder="e", seeds=0, data=b"", now=now)
            weeks.heads[reader] = head.id
        wave(12, "praise")
        wave(8, "complaint")
        wave(4, "praise")
    found = suggest(store, now - timedelta(days=30), now, as_live=True)
    remarks = {one.rule.name: one.remark for one in found}
    assert len(remarks) == len(found)
    assert remarks["surge-negative" if reader == "sentiment" else "surge-mood-negative"] == ""
    assert remarks["surge-sentiment"] == "good news raises it as well"
    assert "of the texts that it would have told of were negative" in remarks["surge-intent"]
    named = [one.named for one in found]
    assert named == sorted(named, reverse=True)
    assert named[0]
    told = [bool(one.remark) for one in found]
    assert told == sorted(told)
    store.close()


def test_rules_that_are_too_loud_are_not_tried_to_the_end_and_the_others_are(
    runtime: Runtime, monitor_now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = lived(runtime, monitor_now) + timedelta(days=20)
    since = end - timedelta(days=60)
    monkeypatch.setattr(suggesting, "MANY", 4.0)
    rates: list[list[float | None]] = []

    def noted(*given: Any, most: float, **more: Any) -> list[Report]:
        for limit in (most, inf):
            reports = try_on_store(*given, most=limit, **more)
            rates.append([report.a_month for report in reports])
        return reports

    found = suggest(runtime.store, since, end)
    monkeypatch.setattr(suggesting, "try_on_store", noted)
    assert found == suggest(runtime.store, since, end)
    cut, whole = rates
    assert cut != whole
    assert all(one == other or (one or 0) > 4 for one, other in zip(cut, whole, strict=True))


@pytest.mark.parametrize("as_live", [False, True])
def test_windows_of_the_past_say_what_the_store_says(
    make_runtime: Callable[..., Runtime], monitor_now: datetime, as_live: bool
) -> None:
    runtime = make_runtime(with_rules(WATCHERS))
    store, end = runtime.store, chatted(runtime, monitor_now)
    if as_live:
        store.connection.execute("update documents set live = 1")
    windows, day = Windows(store, as_live), bucket_of(monitor_now)
    assert any(thread for (thread,) in store.connection.execute("select thread from documents"))
    asked = 0
    for selection in store.series.all():
        for hour in range(0, 30, 5):
            since, until = day + 3600 * hour + 7, day + 3600 * hour + 5400
            told = store.stories.count(selection, since, until)
            assert windows.stories(selection, since, until, end) == told
            other = store.stories.beside(selection, {}, since, until)
            assert windows.beside(selection, {}, since, until, end) == other
            asked += bool(told and other)
            early = windows.stories(selection, since, until, monitor_now + timedelta(hours=hour))
            assert early == 0 or told
    assert asked


@pytest.mark.parametrize("as_live", [False, True])
def test_what_came_before_is_learned_from_counts_as_from_the_texts(
    make_runtime: Callable[..., Runtime], monitor_now: datetime, as_live: bool
) -> None:
    """Also where texts of before came later on."""
    runtime = make_runtime(with_rules(RULES) + TWO)
    end = lived(runtime, monitor_now)
    store, epoch = runtime.store, datetime(1970, 1, 1, tzinfo=UTC)
    for hours in (0.0, 5.6, 18.0, 29.7):
        since = monitor_now + timedelta(hours=hours)
        whole, begun = (AsItCame(end, store, runtime.rules, as_live=as_live) for _ in range(2))
        whole.add(store.arrivals.all(epoch, as_live=as_live))
        begun.begin(since)
        begun.add(store.arrivals.all(since, as_live=as_live))
        if hours == 18.0:  # two hours later a source brings what is older than that
            assert as_live or len(list(store.arrivals.late(since))) == 40
        assert store.arrivals.count(since, as_live=as_live) == len(
            list(store.arrivals.all(since, as_live=as_live))
        )
        assert whole.history_from() == begun.history_from()
        for rule in runtime.rules:
            assert whole.number(rule) == begun.number(rule)
            for selection in whole.watched(rule):
                assert whole.counts(selection, 0, 2**62) == begun.counts(selection, 0, 2**62)
                assert whole.of(selection) == begun.of(selection)
