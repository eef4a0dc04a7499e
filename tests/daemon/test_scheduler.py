"""The rounds of a running monitor: how they end, and what they say."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest
from loopback import LoopbackServer, Reply

from monitor.errors import DeliveryError, SourceError
from monitor.logs import fields
from monitor.pipeline.health import problems
from monitor.runtime import Runtime
from monitor.scheduler import STAGES, Scheduler
from monitor.testing import Recorder, make
from monitor.types import Notification, Seed
from monitor_plugins.heartbeat import Heartbeat
from tests.conftest import CONFIG


@pytest.fixture
def runtime(make_runtime: Callable[..., Runtime]) -> Runtime:
    return make_runtime()


def reached(condition: Callable[[], object]) -> None:
    """Wait until it is so."""
    ticks = threading.Event()
    for _ in range(600):
        if condition():
            return
        ticks.wait(0.05)
    raise AssertionError("it did not come to that")


def test_a_source_that_turns_out_to_be_due_while_the_rounds_end_does_not_keep_them(
    runtime: Runtime,
) -> None:
    looks, go = threading.Event(), threading.Event()

    def due(_: datetime) -> list[str]:
        looks.set()
        assert go.wait(30)
        return ["news"]

    runtime.due_sources = due  # type: ignore[method-assign]
    scheduler = Scheduler(runtime)
    scheduler.start()
    assert looks.wait(30)
    assert not scheduler.stop(0.01), "a round is under way"
    reached(lambda: not scheduler._jobs.running)
    go.set()
    scheduler._ender.join(30)
    assert scheduler.ended


class Clock(datetime):
    """The real one, put back by ``back``."""

    back = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) - cls.back


def test_a_clock_that_is_put_back_stops_no_round(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apscheduler.schedulers.base.datetime", Clock)
    fetched: list[datetime] = []
    fetch = runtime.sources["news"].fetch

    def noted(cursor: Any, now: datetime) -> Any:
        fetched.append(now)
        return fetch(cursor, now)

    runtime.sources["news"].fetch = noted  # type: ignore[method-assign]
    scheduler = Scheduler(runtime, lambda: Clock.now(UTC))
    scheduler.start()
    try:
        reached(lambda: scheduler.alive.keys() >= set(STAGES) and fetched)
        monkeypatch.setattr(Clock, "back", timedelta(hours=1))
        reached(lambda: not scheduler._fetching)
        put_back = Clock.now(UTC)
        scheduler.follow_clock()
        reached(
            lambda: all(
                put_back < scheduler.alive[stage] < put_back + timedelta(minutes=30) for stage in STAGES
            )
        )
        reached(lambda: len(fetched) == 2)
    finally:
        assert scheduler.stop(30)


@pytest.mark.parametrize("fails", [True, False])
def test_a_pause_counts_from_the_end_of_a_fetch(runtime: Runtime, monitor_now: datetime, fails: bool) -> None:
    times = [monitor_now]
    fetch = runtime.sources["news"].fetch

    def slow(cursor: Any, now: datetime) -> Any:
        times.append(now + timedelta(seconds=400))  # longer than its `every`
        if fails:
            raise SourceError("took longer than 400 s")
        return fetch(cursor, now)

    runtime.sources["news"].fetch = slow  # type: ignore[method-assign]
    Scheduler(runtime, lambda: times[-1])._fetch("news")
    state = runtime.store.sources.get("news")
    assert state is not None
    assert state.next_at is not None
    assert 270 <= (state.next_at - times[-1]).total_seconds() <= 330
    assert runtime.due_sources(times[-1]) == []


def test_notifiers_that_fail_in_turn_are_named_and_heard_once_a_minute(
    make_runtime: Callable[..., Runtime], monitor_now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = Scheduler(make_runtime(), lambda: monitor_now)
    for name in ("desk", "pager", "desk", "pager"):
        scheduler._complain("refresh", DeliveryError(f"{name} answered 500"), notifier=name)
    said = [record for record in caplog.records if record.name == "monitor.scheduler"]
    assert [(record.getMessage(), fields(record)) for record in said] == [
        (f"refresh of {name} failed: {name} answered 500", {"notifier": name}) for name in ("desk", "pager")
    ]


def test_a_round_in_which_a_plugin_asks_to_end_the_program_is_complained_of_like_one_that_raises(
    make_runtime: Callable[..., Runtime], caplog: pytest.LogCaptureFixture
) -> None:
    class Ends(Recorder):
        def refresh(self, now: datetime, firing: Sequence[Notification]) -> None:
            raise SystemExit(3)

    runtime = make_runtime()
    runtime.notifiers["desk"] = Ends()
    scheduler = Scheduler(runtime)
    scheduler.start()
    try:
        reached(lambda: "refresh of desk failed" in caplog.text)
    finally:
        assert scheduler.stop(60)
    assert [record.name for record in caplog.records if record.exc_info] == ["monitor.scheduler"]


def test_a_head_that_could_not_be_stored_is_learned_again(
    runtime: Runtime, monitor_now: datetime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = runtime.store
    monkeypatch.setattr("monitor.scheduler.LEARN_AGAIN_S", 0.01)
    store.connection.execute(
        "create trigger full before insert on heads when new.task = 'mood' "
        "begin select raise(abort, 'database or disk is full'); end"
    )
    made = {task: store.heads.made(task) for task in ("mood", "topic")}
    store.tasks.add_seeds("mood", [Seed("zeppelin", "good")], monitor_now)
    store.tasks.add_seeds("topic", [Seed("zeppelin", "money")], monitor_now)
    scheduler = Scheduler(runtime)
    scheduler.start()
    try:
        reached(lambda: "learn failed" in caplog.text)
        assert store.heads.made("mood") == made["mood"]
        assert store.heads.made("topic") == made["topic"] + 1, "the others are learned"
        store.connection.execute("drop trigger full")
        reached(lambda: store.heads.made("mood") == made["mood"] + 1)
        reached(lambda: store.heads.unread() == [])
    finally:
        assert scheduler.stop(60)


def test_a_heartbeat_that_is_not_heard_is_a_problem_until_a_ping_gets_through(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime()
    store, times = runtime.store, [monitor_now]
    with LoopbackServer() as server:
        url = server.url("/ping/s3cret")
        runtime.notifiers["pulse"] = pulse = make(Heartbeat, Path(), url=url, every="5m", allow_private=True)
        assert runtime.beating == ["pulse"]
        scheduler = Scheduler(runtime, lambda: times[-1])

        def told(first: int, last: int) -> list[str]:
            for second in range(first, last, 5):
                times.append(monitor_now + timedelta(seconds=second))
                for stage in STAGES:
                    store.heartbeats.beat(stage, times[-1])
                store.sources.succeeded("news", times[-1], times[-1] + timedelta(minutes=1))
                with suppress(DeliveryError):
                    scheduler._ping("pulse")
            return problems(store, times[-1], 1, list(runtime.notifiers))

        store.heartbeats.begin(monitor_now)
        server.routes["/ping/s3cret"] = Reply(503)
        assert told(0, 150) == [], "one time is no problem"
        (line,) = told(150, 305)
        assert line.startswith("pulse cannot say how the monitor is, since 2026-03-02T09:30:00Z: ")
        assert "503" in line
        assert "s3cret" not in line
        assert problems(store, times[-1], 1, ["desk"]) == [], "nobody waits for one that left"
        server.routes["/ping/s3cret"] = Reply(200)
        assert told(305, 340) == []
        assert told(340, 600) == [], "between two pings, too"
        server.routes["/ping/s3cret"] = Reply(503)
        assert told(600, 700) == [], "it begins anew"
        pulse.close()


def test_a_notifier_that_cannot_be_told_what_still_fires_is_a_problem_until_it_can(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    class Refuses(Recorder):
        fails = True

        def refresh(self, now: datetime, firing: Sequence[Notification]) -> None:
            if self.fails:
                raise DeliveryError("answered 500")

    runtime = make_runtime()
    store, times = runtime.store, [monitor_now]
    runtime.notifiers["desk"] = refuses = Refuses()
    scheduler = Scheduler(runtime, lambda: times[-1])

    def told(seconds: float) -> list[str]:
        times.append(monitor_now + timedelta(seconds=seconds))
        try:
            scheduler._refresh("desk")
        except DeliveryError:
            assert refuses.fails
        found = problems(store, times[-1], 1, list(runtime.notifiers))
        return [line for line in found if "told" in line]

    store.heartbeats.begin(monitor_now)
    assert told(0) == told(60) == []
    line = "desk cannot be told what still fires, since 2026-03-02T09:30:00Z: answered 500"
    assert told(180) == told(240) == [line]
    assert problems(store, times[-1], 1, []) == [], "nobody waits for one that left"
    refuses.fails = False
    assert told(300) == []
    refuses.fails = True
    assert told(360) == [], "it begins anew"
    told(600)
    store.heartbeats.all_mended()
    assert problems(store, times[-1], 1, list(runtime.notifiers)) == problems(store, times[-1], 1, [])


def test_a_monitor_that_has_nobody_to_tell_is_not_late_with_it(make_runtime: Callable[..., Runtime]) -> None:
    scheduler = Scheduler(make_runtime(CONFIG.split("[[rules]]")[0]))
    scheduler.start()
    try:
        reached(lambda: set(STAGES) <= scheduler.alive.keys())
    finally:
        assert scheduler.stop(60)


@pytest.mark.parametrize(
    ("asked", "said"), [(7200, "again at 11:30:00 UTC"), (86400, "again at 2026-03-03 09:30:00 UTC")]
)
def test_a_pause_until_another_day_names_the_day(
    runtime: Runtime, monitor_now: datetime, caplog: pytest.LogCaptureFixture, asked: float, said: str
) -> None:
    runtime.sources["news"].waiting = [SourceError("too many requests", retry_after=asked)]  # type: ignore[attr-defined]
    Scheduler(runtime, lambda: monitor_now)._fetch("news")
    assert said in caplog.text


@pytest.mark.parametrize("moved", [timedelta(days=-400), timedelta(days=4000)], ids=["back", "forward"])
def test_rounds_go_on_whatever_becomes_of_the_clock(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, moved: timedelta
) -> None:
    shift = timedelta()

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + shift

    monkeypatch.setattr("apscheduler.schedulers.base.datetime", Clock)
    looked: list[datetime] = []

    def due(now: datetime) -> list[str]:
        looked.append(now)
        return []

    runtime.due_sources = due  # type: ignore[method-assign]
    scheduler = Scheduler(runtime, lambda: Clock.now(UTC))
    scheduler.start()
    try:
        reached(lambda: looked)
        shift = moved
        scheduler.follow_clock()
        here = Clock.now(UTC)
        reached(lambda: sum(abs(at - here) < timedelta(days=1) for at in looked) > 1)
    finally:
        assert scheduler.stop(60)


def test_a_source_that_was_read_in_a_future_that_the_clock_has_left_is_read_again(
    runtime: Runtime, monitor_now: datetime
) -> None:
    runtime.fetch("news", monitor_now + timedelta(days=1000))
    assert runtime.due_sources(monitor_now) == ["news"]
    runtime.fetch("news", monitor_now)
    assert runtime.due_sources(monitor_now - timedelta(seconds=30)) == [], "a clock that is kept right"
