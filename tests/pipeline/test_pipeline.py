"""A document's walk, from a source to a delivered alert, with fast parts."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.errors import DeliveryError, MonitorError, SourceError, StoreError
from monitor.http import AddressRefused, OutgoingError
from monitor.logs import fields
from monitor.pipeline.ingest import Fetched
from monitor.pipeline.judging.series import judge_due
from monitor.runtime import Runtime
from monitor.scheduler import Scheduler
from monitor.store import Store
from monitor.store.check import check
from monitor.store.documents import Documents
from monitor.testing import Recorder
from monitor.types import BadRecord, Document, Seed
from tests.conftest import CONFIG, ListSource

BAD_COURT = "judge fine lawsuit terrible collapse loss"
GOOD_MONEY = "profit sales dividend wonderful success growth"


def documents(count: int, text: str, at: datetime, *, start: int = 0, apart: float = 30.0) -> list[Document]:
    return [
        Document(f"{text[:5]}-{n}", f"{text} number {n}", published_at=at + timedelta(seconds=apart * n))
        for n in range(start, start + count)
    ]


def history(now: datetime, days: int = 20) -> list[Document]:
    """A few calm texts a day, and a bad one every other day."""
    found = []
    for day in range(1, days + 1):
        at = now - timedelta(days=day, hours=day % 5)
        found += [Document(f"calm-{day}-{n}", f"{GOOD_MONEY} day {day} part {n}",
                           published_at=at + timedelta(hours=n)) for n in range(4)]  # fmt: skip
        if day % 2:
            found.append(Document(f"bad-{day}", f"{BAD_COURT} day {day}", published_at=at))
    return found


def settle(runtime: Runtime, now: datetime) -> None:
    """Everything that is to be done at ``now``."""
    while runtime.classify(now):
        pass
    runtime.tick(now)
    for name in runtime.notifiers:
        runtime.deliver(name, now)
    assert check(runtime.store) == []


def fetched(runtime: Runtime, now: datetime, *new: Document) -> Runtime:
    """The runtime, which has fetched ``new`` and done everything that was to be done at ``now``."""
    runtime.sources["news"].waiting = list(new)
    runtime.fetch("news", now)
    settle(runtime, now)
    return runtime


def wave(now: datetime) -> list[Document]:
    """Twelve bad texts of the last minutes."""
    return documents(12, BAD_COURT, now - timedelta(minutes=8))


@pytest.fixture
def warm(make_runtime: Callable[..., Runtime], monitor_now: datetime) -> Runtime:
    """A runtime that has read its history."""
    return fetched(make_runtime(), monitor_now, *history(monitor_now))


def test_documents_get_labels_and_are_counted(warm: Runtime, monitor_now: datetime) -> None:
    later = monitor_now + timedelta(minutes=5)
    warm.sources["news"].waiting = [Document("x", BAD_COURT, published_at=later)]
    assert warm.fetch("news", later).new == 1
    settle(warm, later)
    [document] = warm.store.documents.find(live=True)
    said = warm.store.predictions.of([document.id])[document.id]
    assert [p.label for p in said["topic"]] == ["court"]
    assert [p.label for p in said["mood"]] == ["bad"]
    live = [c for c in warm.store.series.counts({"topic": "court", "mood": "bad"}) if c.live]
    assert [(c.total, c.live) for c in live] == [(1, 1)]


def test_first_fetch_is_backfill_and_raises_no_alert(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime()
    bad = documents(30, BAD_COURT, monitor_now - timedelta(minutes=20))
    fetched(runtime, monitor_now, *history(monitor_now), *bad)
    assert runtime.store.alerts.find() == []
    assert runtime.store.documents.find(live=True) == []


def test_the_first_fetch_of_a_source_that_changed_its_plugin_is_backfill(
    warm: Runtime, monitor_now: datetime
) -> None:
    store, later = warm.store, monitor_now + timedelta(minutes=5)
    store.sources.failed("news", later, later + timedelta(hours=1), "no route")
    store.sources.sync([("news", "another", 300.0)])
    state = store.sources.get("news")
    assert state is not None
    assert (state.cursor, state.first_success_at, state.last_success_at) == ({}, None, None)
    assert (state.failures, state.last_error, state.next_at) == (0, None, None), "due at once"
    warm.sources["news"].waiting = [Document(f"undated-{n}", f"{BAD_COURT} again {n}") for n in range(50)]
    assert warm.fetch("news", later).new == 50
    settle(warm, later)
    assert store.documents.find(live=True) == []
    assert store.alerts.find() == []
    store.sources.sync([("news", "another", 600.0)])
    assert store.sources.get("news").last_success_at == later, "the same plugin goes on"  # type: ignore[union-attr]


@pytest.mark.parametrize("failed", [False, True])
@pytest.mark.parametrize(("before", "after", "due"), [(86400, 300, 300), (300, 86400, 300), (300, 300, 300)])
def test_a_source_that_is_to_be_read_more_often_is_due_as_its_new_interval_says(
    warm: Runtime, monitor_now: datetime, failed: bool, before: float, after: float, due: float
) -> None:
    sources = warm.store.sources
    sources.sync([("news", "list", before)])
    if failed:
        sources.failed("news", monitor_now, monitor_now + timedelta(seconds=before), "no route")
    else:
        sources.succeeded("news", monitor_now, monitor_now + timedelta(seconds=before))
    sources.sync([("news", "list", after)])
    state = sources.get("news")
    assert state is not None
    assert state.next_at == monitor_now + timedelta(seconds=due)
    assert state.failures == int(failed)


def test_a_failing_source_is_read_soon_after_its_configuration_was_mended(
    warm: Runtime, monitor_now: datetime
) -> None:
    sources = warm.store.sources
    sources.failed("news", monitor_now, monitor_now + timedelta(days=2), "answered 404")
    warm.synchronise(monitor_now + timedelta(hours=5))
    state = sources.get("news")
    assert state is not None
    assert (state.next_at, state.failures) == (monitor_now + timedelta(seconds=state.every), 1)
    sources.succeeded("news", monitor_now, monitor_now + timedelta(days=1))
    warm.synchronise(monitor_now + timedelta(hours=5))
    state = sources.get("news")
    assert state is not None
    assert state.next_at == monitor_now + timedelta(days=1), "only what fails"


def test_the_log_tells_of_alerts_that_were_raised_delivered_and_resolved(
    warm: Runtime, monitor_now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "monitor.pipeline.alerting")
    later = monitor_now + timedelta(minutes=10)
    fetched(warm, later, *wave(later))
    (alert,) = warm.store.alerts.find(rule="bad-news")
    told = {r.getMessage(): fields(r) for r in caplog.records if fields(r).get("alert") == alert.id}
    raised, delivered = told
    assert raised.startswith("alert raised: rule bad-news, ")
    assert "12 texts" in raised
    assert told[raised] == {"alert": alert.id}
    assert delivered.startswith("delivered to desk: firing, rule bad-news: ")
    assert told[delivered] == {"alert": alert.id, "notifier": "desk"}
    caplog.clear()
    settle(warm, later)
    assert caplog.messages == [], "once"
    for minutes in range(10, 200, 10):
        settle(warm, later + timedelta(minutes=minutes))
    (over,) = [m for m in caplog.messages if m.startswith("alert resolved: rule bad-news, ")]
    assert over.endswith(warm.store.transitions.ended(alert.id))
    assert any(m.startswith("delivered to desk: resolved, rule bad-news: ") for m in caplog.messages)


def test_the_log_tells_of_no_alert_that_was_undone(
    warm: Runtime, monitor_now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "monitor.pipeline.alerting")
    later = monitor_now + timedelta(minutes=10)
    warm.sources["news"].waiting = wave(later)
    warm.fetch("news", later)

    def ends() -> None:
        if warm.store.alerts.find():  # in the transaction in which it was raised
            raise RuntimeError("not today")

    with pytest.raises(RuntimeError, match="not today"):
        warm.classify(later, ends)
    warm.tick(later)
    assert caplog.messages == []
    settle(warm, later)
    assert len([m for m in caplog.messages if m.startswith("alert raised: rule bad-news, ")]) == 1


def test_a_wave_fires_once_and_is_delivered(warm: Runtime, monitor_now: datetime) -> None:
    later = monitor_now + timedelta(minutes=10)
    fetched(warm, later, *wave(later))
    alerts = {alert.rule: alert for alert in warm.store.alerts.find()}
    assert set(alerts) == {"bad-news", "any-court"}
    alert = alerts["bad-news"]
    assert (alert.state, alert.observed) == ("firing", 12)
    assert alert.expected < 2
    assert len(warm.store.alert_documents.of_alert(alert.id)) == 12
    sent = warm.notifiers["desk"].sent
    assert sorted(n.data["rule"] for n in sent) == ["any-court", "bad-news"]
    assert "12 texts in 15 min" in next(n.body for n in sent if n.data["rule"] == "bad-news")
    settle(warm, later + timedelta(seconds=30))
    assert len(sent) == 2, "an alert that goes on is not announced again"


def test_a_wave_fires_while_the_feed_is_polled_hourly(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    hourly = make_runtime(CONFIG.replace('every = "5m"', 'every = "1h"'))
    runtime = fetched(hourly, monitor_now, *history(monitor_now))
    later = monitor_now + timedelta(hours=1)
    fetched(runtime, later, *documents(12, BAD_COURT, monitor_now + timedelta(minutes=3)))
    assert "bad-news" in {alert.rule for alert in runtime.store.alerts.find()}


def test_old_documents_are_backfill(warm: Runtime, monitor_now: datetime) -> None:
    later = monitor_now + timedelta(minutes=10)
    fetched(warm, later, *documents(30, BAD_COURT, later - timedelta(hours=3)))
    assert warm.store.alerts.find() == []


def test_surge_waits_for_the_backlog_and_then_fires(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime()
    runtime.fetch("news", monitor_now)  # nothing there: the first fetch is done
    later = monitor_now + timedelta(minutes=10)
    runtime.sources["news"].waiting = history(monitor_now) + wave(later)
    runtime.fetch("news", later)
    store = runtime.store
    from monitor.pipeline.classify import classify_pending

    classify_pending(store, runtime.featurizer, runtime.readers, runtime.rules, later, limit=12)
    assert store.documents.backlog()
    assert {a.rule for a in store.alerts.find()} == {"any-court"}, "a threshold needs no history"
    settle(runtime, later)
    assert {a.rule for a in store.alerts.find()} == {"any-court", "bad-news"}


def test_an_alert_resolves_when_it_is_quiet_again(warm: Runtime, monitor_now: datetime) -> None:
    at = monitor_now + timedelta(minutes=10)
    fetched(warm, at, *wave(at))
    for minutes in range(10, 200, 10):
        settle(warm, at + timedelta(minutes=minutes))
    states = {(a.rule, a.state) for a in warm.store.alerts.find()}
    assert states == {("bad-news", "resolved"), ("any-court", "resolved")}
    events = [n.event for n in warm.notifiers["desk"].sent]
    assert events.count("firing") == 2
    assert events.count("resolved") == 2
    keys = [n.key for n in warm.notifiers["desk"].sent]
    assert len(set(keys)) == 4


def test_a_group_speaks_when_its_time_has_come(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    route = '[[routes]]\nname = "all"\nnotify = ["desk"]\ngroup_by = []\ngroup_wait = "1m"\n'
    runtime = fetched(make_runtime(CONFIG + route), monitor_now, *history(monitor_now))
    at = monitor_now + timedelta(minutes=10)
    fetched(runtime, at, *wave(at))
    sent = runtime.notifiers["desk"].sent
    assert sent == []
    settle(runtime, at + timedelta(minutes=1))
    (notification,) = sent
    assert re.fullmatch(
        r"2 firing: 12 bad texts on court in 15 min, usually none: "
        r'"judge fine lawsuit terrible collapse loss number \d+"; and 1 more',
        notification.title,
    )
    assert sorted(a["rule"] for a in notification.data["alerts"]) == ["any-court", "bad-news"]
    assert all(len(a["documents"]) == 5 for a in notification.data["alerts"])


def test_delivery_is_retried_with_the_same_key(warm: Runtime, monitor_now: datetime) -> None:
    at = monitor_now + timedelta(minutes=10)
    desk = warm.notifiers["desk"]
    desk.error = DeliveryError("nobody there")
    fetched(warm, at, *wave(at))
    waiting = warm.store.outbox.due(at + timedelta(hours=1), notifier="desk")
    keys = {entry.notification.key for entry in waiting}
    assert [entry.attempts for entry in waiting] == [1, 1]
    assert warm.store.outbox.due(at, notifier="desk") == [], "not at once"
    desk.error = None
    warm.deliver("desk", at + timedelta(minutes=1))
    assert {n.key for n in desk.sent} == keys


def test_a_permanent_error_ends_in_a_dead_letter(warm: Runtime, monitor_now: datetime) -> None:
    at = monitor_now + timedelta(minutes=10)
    warm.notifiers["desk"].error = DeliveryError("no such room", permanent=True)
    fetched(warm, at, *wave(at))
    assert warm.store.outbox.counts() == {"dead": 2}
    assert warm.store.outbox.undelivered()[0].last_error == "no such room"
    assert warm.once(at + timedelta(minutes=1), lambda *_: None) == {}, "it was reported when it happened"


def test_a_notifier_that_raises_takes_nothing_with_it(warm: Runtime, monitor_now: datetime) -> None:
    at = monitor_now + timedelta(minutes=10)
    warm.notifiers["desk"].error = ZeroDivisionError("oh")
    fetched(warm, at, *wave(at))
    assert warm.store.outbox.counts() == {"waiting": 2}


@pytest.mark.parametrize("error", [ZeroDivisionError("oh"), SystemExit("oh")])
def test_a_notifier_that_raises_where_it_refreshes_ends_no_round(
    warm: Runtime, monitor_now: datetime, error: BaseException
) -> None:
    class Tired(Recorder):
        def refresh(self, now: datetime, firing: object) -> None:
            raise error

    warm.notifiers["desk"] = Tired()
    failed = warm.once(monitor_now, lambda *_: None)
    assert failed == {"notifier desk": f"the plugin raised {type(error).__name__}: oh"}


def test_an_edited_text_is_classified_again_and_counted_once(warm: Runtime, monitor_now: datetime) -> None:
    at = monitor_now + timedelta(minutes=5)
    fetched(warm, at, Document("x", BAD_COURT, published_at=at))
    warm.sources["news"].waiting = [Document("x", GOOD_MONEY, published_at=at)]
    later = at + timedelta(minutes=5)
    assert warm.fetch("news", later).edited == 1
    settle(warm, later)
    [document] = warm.store.documents.find(live=True)
    assert document.event_at == at
    said = warm.store.predictions.of([document.id])[document.id]
    assert [p.label for p in said["topic"]] == ["money"]
    assert [c for c in warm.store.series.counts({"topic": "court"}) if c.live] == []


def test_a_text_that_changes_all_the_time_is_left_alone(warm: Runtime, monitor_now: datetime) -> None:
    at = monitor_now + timedelta(minutes=5)
    edited = 0
    for minute in range(40):
        warm.sources["news"].waiting = [Document("x", f"profit at minute {minute}", published_at=at)]
        edited += warm.fetch("news", at).edited
    assert edited == 24


def test_what_becomes_due_while_due_series_are_read_is_judged(monitor_store: Store) -> None:
    series = monitor_store.series
    series.put_due(["{}"], 300)
    writer = threading.Thread(target=series.put_due, args=(['{"mood": "bad"}'], 600))
    started = threading.Event()

    class Slow(Documents):
        """Somebody writes as the backlog is asked for, and is through where nothing holds the file."""

        def backlog(self) -> bool:
            found = super().backlog()
            if not started.is_set():
                started.set()
                writer.start()
                writer.join(0.5)
            return found

    monitor_store.documents = Slow(monitor_store)
    judge_due(monitor_store, [], datetime(2026, 3, 2, tzinfo=UTC))
    writer.join()
    assert series.due() == {'{"mood": "bad"}': [600]}
    assert started.is_set()


def test_seeds_change_the_past_and_raise_no_alert(warm: Runtime, monitor_now: datetime) -> None:
    at = monitor_now + timedelta(minutes=10)
    text = "zeppelin harbour umbrella lantern"
    fetched(warm, at, *documents(12, text, at - timedelta(minutes=8)))
    assert warm.store.alerts.find() == []
    store = warm.store
    store.tasks.add_seeds("topic", [Seed(text, "court")], at)
    store.tasks.add_seeds("mood", [Seed(text, "bad")], at)
    assert sorted(warm.learn(at)) == ["mood", "topic"]
    encoded = store.features.count()
    changed = warm.relabel(at)
    assert changed["topic"] >= 12
    assert store.features.count() == encoded, "kept features were used"
    settle(warm, at)
    assert sum(c.live for c in store.series.counts({"topic": "court", "mood": "bad"})) == 12
    assert store.alerts.find() == [], "a changed mind is no news"
    assert warm.relabel(at) == {}


@pytest.mark.parametrize(
    "said",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+02:00",
        "1970-01-01T00:00:00Z",
        "1969-12-31T23:00:00-05:00",
        "9999-12-31T23:00:00-05:00",
    ],
)
def test_a_date_that_nobody_can_have_meant_is_none(warm: Runtime, monitor_now: datetime, said: str) -> None:
    at = monitor_now + timedelta(minutes=5)
    warm.sources["news"].waiting = [Document("x", GOOD_MONEY, published_at=datetime.fromisoformat(said))]
    assert warm.fetch("news", at).new == 1
    settle(warm, at)
    document = warm.store.documents.find(limit=1)[0]
    assert document.external_id == "x"
    assert (document.published_at, document.event_at) == (None, at)


def test_bad_records_are_kept_and_stop_nothing(warm: Runtime, monitor_now: datetime) -> None:
    warm.sources["news"].waiting = [
        Document("a", GOOD_MONEY),
        BadRecord("is not JSON", "line 2", "{oops"),
        Document("b", GOOD_MONEY + " again"),
    ]
    got = warm.fetch("news", monitor_now)
    assert (got.new, got.bad) == (2, 1)
    state = warm.store.sources.get("news")
    assert state is not None
    assert state.bad_total == 1
    assert warm.store.sources.bad("news")[0].reason == "is not JSON"


def test_a_source_that_raises_backs_off_and_keeps_what_it_gave(warm: Runtime, monitor_now: datetime) -> None:
    warm.sources["news"].waiting = [Document("a", GOOD_MONEY), ZeroDivisionError("oh")]
    pauses = []
    for _ in range(12):
        with pytest.raises(SourceError, match="the plugin raised ZeroDivisionError"):
            warm.fetch("news", monitor_now)
        state = warm.store.sources.get("news")
        assert state is not None
        assert state.next_at is not None
        pauses.append((state.next_at - monitor_now).total_seconds())
    assert pauses == [300, 600, 1200, 2400, *[3600] * 8], "a plugin's bug may pass"
    assert warm.store.documents.find(words="dividend wonderful", limit=1)
    warm.sources["news"].waiting = []
    warm.fetch("news", monitor_now)
    state = warm.store.sources.get("news")
    assert state is not None
    assert (state.failures, state.last_error) == (0, None)


def test_a_fetch_that_is_stopped_is_no_failure_and_goes_on_at_once(
    warm: Runtime, monitor_now: datetime
) -> None:
    warm.sources["news"].waiting = documents(2, GOOD_MONEY, monitor_now)
    before = warm.store.sources.get("news")
    scheduler = Scheduler(warm, lambda: monitor_now)
    stored = scheduler._stored

    def stop(fetched: Fetched) -> None:
        scheduler._stop.set()
        stored(fetched)

    scheduler._stored = stop  # type: ignore[method-assign]
    scheduler._fetch("news")
    after = warm.store.sources.get("news")
    assert before is not None
    assert after is not None
    assert after == replace(before, cursor={"count": before.cursor["count"] + 1})


@pytest.mark.parametrize("down", [False, True])
def test_a_source_whose_fetch_cannot_be_noted_is_not_fetched_all_the_time(
    warm: Runtime, monitor_now: datetime, down: bool
) -> None:
    now = monitor_now + timedelta(minutes=6)
    assert warm.due_sources(now) == ["news"]
    warm.sources["news"].waiting = [SourceError("too many requests", retry_after=7200)] if down else []
    warm.store.connection.execute(
        "create trigger full before update of next_at on sources "
        "begin select raise(abort, 'database or disk is full'); end"
    )
    with pytest.raises(StoreError, match="disk is full"):
        warm.fetch("news", now)
    pause = timedelta(hours=2) if down else timedelta(minutes=5)
    assert warm.due_sources(now + pause - timedelta(seconds=1)) == []
    assert warm.due_sources(now + pause) == ["news"]
    warm.store.connection.execute("drop trigger full")
    warm.sources["news"].waiting = []
    warm.fetch("news", now + pause)
    warm.store.sources.due_now("news", now)
    assert warm.due_sources(now + pause) == ["news"], "whoever asks for a fetch gets one again"


def test_a_source_whose_texts_cannot_be_stored_is_not_fetched_all_the_time(
    warm: Runtime, monitor_now: datetime
) -> None:
    now = monitor_now + timedelta(minutes=6)
    warm.sources["news"].waiting = documents(1, GOOD_MONEY, now)
    warm.store.connection.execute(
        "create trigger full before insert on documents "
        "begin select raise(abort, 'database or disk is full'); end"
    )
    with pytest.raises(StoreError, match="disk is full"):
        warm.fetch("news", now)
    assert warm.due_sources(now + timedelta(minutes=5, seconds=-1)) == []
    assert warm.due_sources(now + timedelta(minutes=5)) == ["news"]


@pytest.mark.parametrize("trigger", ["update of next_at on sources", "insert on documents"])
def test_a_database_that_was_locked_for_a_moment_costs_a_daily_source_no_day(
    make_runtime: Callable[..., Runtime], monitor_now: datetime, trigger: str
) -> None:
    daily = make_runtime(CONFIG.replace('every = "5m"', 'every = "1d"'))
    daily.sources["news"].waiting = documents(1, GOOD_MONEY, monitor_now)
    daily.store.connection.execute(
        f"create trigger locked before {trigger} begin select raise(abort, 'database is locked'); end"
    )
    with pytest.raises(StoreError, match="locked"):
        daily.fetch("news", monitor_now)
    assert daily.due_sources(monitor_now + timedelta(seconds=299)) == []
    assert daily.due_sources(monitor_now + timedelta(minutes=5)) == ["news"]


def test_retry_after_is_kept(warm: Runtime, monitor_now: datetime) -> None:
    warm.sources["news"].waiting = [SourceError("too many requests", retry_after=7200)]
    with pytest.raises(SourceError):
        warm.fetch("news", monitor_now)
    state = warm.store.sources.get("news")
    assert state is not None
    assert state.next_at == monitor_now + timedelta(seconds=7200)


@pytest.mark.parametrize(
    ("asked", "pause"),
    [
        ("7200", 7200),
        (timedelta(hours=2), 300),
        (float("nan"), 300),
        (-5, 300),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 300),
    ],
)
def test_what_is_no_number_of_seconds_is_as_if_nobody_asked(
    warm: Runtime, monitor_now: datetime, asked: Any, pause: float
) -> None:
    warm.sources["news"].waiting = [SourceError("too many requests", retry_after=asked)]
    with pytest.raises(SourceError, match="too many requests"):
        warm.fetch("news", monitor_now)
    state = warm.store.sources.get("news")
    assert state is not None
    assert state.next_at == monitor_now + timedelta(seconds=pause)


class Legacy(SourceError):
    """Does not call ``__init__``."""

    def __init__(self, code: int) -> None:
        Exception.__init__(self, f"answered {code}")


@pytest.mark.parametrize(
    ("error", "said", "pause"),
    [
        (MonitorError("the key is missing"), "the key is missing", 300),
        (OutgoingError("http://news.example/: connection refused"), "http://news.example/: connection refused", 300),
        (Legacy(418), "answered 418", 300),
        (SystemExit(3), "the plugin raised SystemExit: 3", 300),
        (SourceError("one\n\x1b[31mtwo\x1b[0m\x07 " + "y" * 2_000), "one two " + "y" * 488 + " ...", 300),
    ],
)  # fmt: skip
def test_whatever_a_source_raises_is_noted_and_backed_off_from(
    warm: Runtime, monitor_now: datetime, error: BaseException, said: str, pause: float
) -> None:
    warm.sources["news"].waiting = [Document("a", GOOD_MONEY), error]
    for failures in (1, 2):
        with pytest.raises(SourceError):
            warm.fetch("news", monitor_now)
        state = warm.store.sources.get("news")
        assert state is not None
        assert (state.failures, state.last_error) == (failures, said)
        assert state.next_at == monitor_now + timedelta(seconds=pause * failures)
    assert warm.store.documents.find(words="dividend wonderful", limit=1), "what came before is kept"


def test_parts_that_ask_to_end_the_program_while_they_are_made_are_stood_in_for(
    make_runtime: Callable[..., Runtime], monitor_now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(*_: object) -> None:
        raise SystemExit(3)

    monkeypatch.setattr(ListSource, "__init__", leave)
    monkeypatch.setattr(Recorder, "__init__", leave)
    runtime = make_runtime()
    assert runtime.once(monitor_now, lambda *_: None) == {"source news": "the plugin raised SystemExit: 3"}
    assert runtime.notifiers["desk"].describe() == "the plugin raised SystemExit: 3"


def test_what_somebody_has_to_mend_stays_so(warm: Runtime, monitor_now: datetime) -> None:
    for _ in range(10):
        warm.sources["news"].waiting = [AddressRefused("http://10.0.0.1/: a private address")]
        with pytest.raises(SourceError) as caught:
            warm.fetch("news", monitor_now)
        assert caught.value.permanent
    state = warm.store.sources.get("news")
    assert state is not None
    assert state.next_at == monitor_now + timedelta(hours=300 * 2**9 / 3600)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), StoreError("the disk is full")])
def test_what_is_no_fault_of_the_source_goes_on(
    warm: Runtime, monitor_now: datetime, error: BaseException
) -> None:
    warm.sources["news"].waiting = [error]
    with pytest.raises(type(error)):
        warm.fetch("news", monitor_now)


@pytest.fixture
def fragile(warm: Runtime, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """``warm``, whose encoder cannot read poison."""
    encode = warm.encoder.encode

    def read(texts: list[str], *args: object, **kwargs: object) -> object:
        if any("poison" in text for text in texts):
            raise RuntimeError("cannot read this")
        return encode(texts, *args, **kwargs)

    monkeypatch.setattr(warm.encoder, "encode", read)
    return warm


def test_one_text_that_breaks_the_encoder_does_not_hold_up_others(
    fragile: Runtime, monitor_now: datetime
) -> None:
    good, bad = (documents(5, text, monitor_now) for text in (GOOD_MONEY, BAD_COURT))
    fetched(fragile, monitor_now, *good, Document("p", "poison"), *bad)
    assert fragile.store.documents.count("failed") == 1
    assert fragile.store.documents.count("pending") == 0


def test_an_encoder_that_breaks_fails_no_text_that_comes_alone(
    warm: Runtime, monitor_now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **kwargs: object) -> object:
        raise RuntimeError("CUDA error")

    with monkeypatch.context() as patch:
        patch.setattr(warm.encoder, "encode", broken)
        for n in range(3):
            warm.sources["news"].waiting = documents(1, GOOD_MONEY, monitor_now, start=n)
            warm.fetch("news", monitor_now)
            with pytest.raises(RuntimeError, match="CUDA error"):
                warm.classify(monitor_now)
    assert (warm.store.documents.count("pending"), warm.store.documents.count("failed")) == (3, 0)
    settle(warm, monitor_now)
    assert warm.store.documents.count("pending") == 0


def test_a_text_that_breaks_the_encoder_is_set_aside_also_where_it_comes_alone(
    fragile: Runtime, monitor_now: datetime
) -> None:
    fetched(fragile, monitor_now, Document("p", "poison"))
    assert fragile.store.documents.count("failed") == 1


def test_texts_that_break_the_encoder_hold_up_no_others_where_they_come_side_by_side(
    fragile: Runtime, monitor_now: datetime
) -> None:
    poison = Document("p", "poison"), Document("q", "more poison")
    fetched(fragile, monitor_now, *poison, *documents(2, GOOD_MONEY, monitor_now))
    assert (fragile.store.documents.count("pending"), fragile.store.documents.count("failed")) == (0, 2)


def test_a_broken_encoder_leaves_documents_pending(
    warm: Runtime, monitor_now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **kwargs: object) -> object:
        raise RuntimeError("out of memory")

    warm.sources["news"].waiting = documents(5, GOOD_MONEY, monitor_now)
    warm.fetch("news", monitor_now)
    with monkeypatch.context() as patch:
        patch.setattr(warm.encoder, "encode", broken)
        with pytest.raises(RuntimeError):
            warm.classify(monitor_now)
    assert warm.store.documents.count("pending") == 5
    settle(warm, monitor_now)
    assert warm.store.documents.count("pending") == 0
