"""Whether the monitor does its work, as heartbeats and the status go by it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from monitor.pipeline.health import health
from monitor.pipeline.health import problems as status
from monitor.runtime import Runtime
from monitor.store import Store
from monitor.testing import NOW, sample_notification
from tests.conftest import CONFIG

STAGES = ("fetch", "learn", "classify", "judge", "deliver")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def store(monitor_store: Store) -> Store:
    """Of a monitor in which everything goes on, with two sources."""
    for stage in STAGES:
        monitor_store.heartbeats.beat(stage, NOW)
    monitor_store.sources.sync([("news", "rss", 300.0), ("chats", "chatlog", 30.0)])
    for name in ("news", "chats"):
        monitor_store.sources.succeeded(name, NOW, NOW + MINUTE)
    return monitor_store


def problems(store: Store, now: datetime = NOW) -> str:
    found = health(store, now, ["desk", "phone"])
    assert found.ok is (found.problems == ())
    return "; ".join(found.problems)


def test_all_is_well(store: Store) -> None:
    assert problems(store) == ""


def test_before_the_first_rounds_it_is_not(monitor_store: Store) -> None:
    assert "fetch, classify, judge, deliver" in problems(monitor_store)


def test_the_status_waits_for_the_first_rounds_but_not_for_ever(monitor_store: Store) -> None:
    monitor_store.heartbeats.beat("judge", NOW - 60 * MINUTE)  # of a monitor that was killed
    monitor_store.heartbeats.begin(NOW)
    assert status(monitor_store, NOW + MINUTE, 1, []) == []
    monitor_store.heartbeats.beat("fetch", NOW + 6 * MINUTE)
    late = "no sign of life yet from: classify, judge, deliver"
    assert status(monitor_store, NOW + 6 * MINUTE, 1, []) == [late]
    assert problems(monitor_store, NOW + MINUTE) == late, "a heartbeat is sent once all is alive"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_stopped(store: Store, stage: str) -> None:
    now = NOW + 6 * MINUTE
    for other in STAGES:
        if other != stage:
            store.heartbeats.beat(other, now)
    assert problems(store, now) == f"the {stage} stage is late"


def test_one_source_that_fails_is_none_two_are(store: Store) -> None:
    store.sources.failed("news", NOW, NOW + 60 * MINUTE, "503")
    assert problems(store) == ""
    store.sources.failed("chats", NOW, NOW + 60 * MINUTE, "no such file")
    assert problems(store) == "no source can be read"


def test_a_source_that_hangs(store: Store) -> None:
    now = NOW + 12 * MINUTE
    for stage in STAGES:
        store.heartbeats.beat(stage, now)
    store.sources.succeeded("chats", now, now + MINUTE)
    assert problems(store, now) == "source news should have been fetched 11m ago"


def test_a_source_that_hangs_at_its_first_fetch_and_one_that_never_gets_a_turn(
    make_runtime: Callable[..., Runtime],
) -> None:
    second = '[[sources]]\nplugin = "list"\nname = "chats"\n'
    runtime = make_runtime(CONFIG + second, now=NOW - timedelta(days=1))  # a day before, nobody ran it
    runtime.synchronise(NOW)
    assert sorted(runtime.due_sources(NOW)) == ["chats", "news"]
    now = NOW + 11 * MINUTE
    for stage in STAGES:
        runtime.store.heartbeats.beat(stage, now)
    assert problems(runtime.store, now) == (
        "source chats should have been fetched 11m ago; source news should have been fetched 11m ago"
    )
    runtime.fetch("news", now)
    assert problems(runtime.store, now) == "source chats should have been fetched 11m ago"
    with runtime.store.transaction():
        runtime.store.sources.sync([("news", "list", 300.0)])
    runtime.synchronise(now)
    assert problems(runtime.store, now) == "", "who reads the configuration again begins anew"


def test_notifications_that_do_not_get_through(store: Store) -> None:
    notification = sample_notification()
    store.outbox.add("desk", notification, None, NOW - 20 * MINUTE)
    (entry,) = store.outbox.due(NOW, notifier="desk")
    assert "notifications to desk do not get through for 15m or longer (1 wait)" in problems(store), (
        "nobody even tried"
    )
    store.outbox.hold("desk", NOW + MINUTE, "held back: at most 1 in 1h")
    assert problems(store) == "", "its turn comes"
    store.outbox.postpone(entry.id, NOW, NOW + MINUTE, "refused")
    assert "notifications to desk do not get through" in problems(store), "tried in vain"
    store.outbox.resend([entry.id], NOW)
    store.outbox.give_up(entry.id, "refused", NOW)
    assert problems(store) == "", "the dead do not wait; the status shows them"


def test_notifications_that_were_written_while_their_notifier_pauses_are_not_stuck(store: Store) -> None:
    store.outbox.pause("desk", NOW + 60 * MINUTE, "held back: too many requests", NOW)
    store.outbox.add("desk", sample_notification(), None, NOW + MINUTE)
    later = NOW + 20 * MINUTE
    for stage in STAGES:
        store.heartbeats.beat(stage, later)
    for name in ("news", "chats"):
        store.sources.succeeded(name, later, later + MINUTE)
    assert problems(store, later) == ""
    (stuck,) = store.outbox.stuck(NOW + 60 * MINUTE, ["desk"])
    assert stuck == ("desk", 1), "nobody tried it for so long after the pause"


def test_the_status_and_heartbeats_agree_of_a_notifier_that_left(
    make_runtime: Callable[..., Runtime],
) -> None:
    runtime = make_runtime()
    store = runtime.store
    for stage in STAGES:
        store.heartbeats.beat(stage, NOW)
    runtime.store.sources.succeeded("news", NOW, NOW + MINUTE)
    store.outbox.add("pager", sample_notification(), None, NOW - 30 * MINUTE)
    there = list(runtime.notifiers)
    assert any("pager" in line for line in status(store, NOW, 1, there)), "nobody read the configuration yet"
    runtime.synchronise(NOW)
    dead = "a notification could not be delivered in the last 7 days: 1 to pager (`monitor alerts resend`)"
    assert status(store, NOW, 1, there) == [], "nobody waits for it"
    assert status(store, NOW, 1, ["pager"]) == [dead], "it is back in the configuration"
    (entry,) = store.outbox.dead()
    assert (entry.notifier, entry.last_error) == ("pager", "the notifier is not configured")
    store.outbox.resend([entry.id], NOW)
    runtime.tick(NOW)
    assert store.outbox.counts() == {"dead": 1}, "it is not back yet"
    back = make_runtime(f'{CONFIG}\n[[notifiers]]\nplugin = "recorder"\nname = "pager"\n')
    back.store.outbox.resend([entry.id], NOW)
    back.tick(NOW)
    assert back.deliver("pager", NOW) == 1
    there = list(back.notifiers)
    assert status(back.store, NOW, 1, there) == list(health(back.store, NOW, there).problems) == []


def test_notifications_to_a_notifier_that_is_gone_do_not_count(store: Store) -> None:
    store.outbox.add("pager", sample_notification(), None, NOW - 20 * MINUTE)
    assert problems(store) == ""
