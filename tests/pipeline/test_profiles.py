"""Profiles that are stored: whatever happened to them, alerts are those of the counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.alerts.detectors.profile import VERSION
from monitor.alerts.rules import Rule
from monitor.pipeline.judging.profiles import Present
from monitor.pipeline.trying.as_it_came import AsItCame
from monitor.pipeline.trying.rules import try_on_store
from monitor.runtime import Runtime
from monitor.store.check import check
from monitor.store.room import bucket_of
from monitor.types import READ_BY, Document
from tests.conftest import CONFIG
from tests.pipeline.test_pipeline import BAD_COURT, GOOD_MONEY, documents, fetched, history, settle

BAD = {"mood": "bad", "topic": "court"}


@pytest.fixture
def warm(make_runtime: Callable[..., Runtime], monitor_now: datetime) -> Runtime:
    return fetched(make_runtime(), monitor_now, *history(monitor_now))


def surge(runtime: Runtime) -> Rule:
    return next(rule for rule in runtime.rules if rule.kind == "surge")


def test_a_profile_is_stored_and_goes_on_from_there(warm: Runtime, monitor_now: datetime) -> None:
    later = monitor_now + timedelta(days=3)
    for hour in range(72):
        at = monitor_now + timedelta(hours=hour + 1)
        fetched(warm, at, Document(f"c{hour}", f"{GOOD_MONEY} hour {hour}", published_at=at))
    fetched(warm, later, *documents(2, BAD_COURT, later - timedelta(minutes=4), start=50))
    assert warm.store.profiles.get({}, VERSION) is not None
    present = Present(later, warm.store)
    carried = present.of({}).last
    warm.store.profiles.clear()
    assert Present(later, warm.store).of({}).last == carried, "to the last digit"
    rule = surge(warm)
    kept = present.verdict(rule, BAD, [])
    assert Present(later, warm.store).verdict(rule, BAD, []) == kept


def test_a_profile_of_another_version_is_made_anew(warm: Runtime, monitor_now: datetime) -> None:
    Present(monitor_now, warm.store).of({})
    stored = warm.store.profiles.get({}, VERSION)
    assert stored is not None
    warm.store.profiles.put({}, VERSION + 1, 0, [1, 2, 3])
    assert warm.store.profiles.get({}, VERSION) is None
    Present(monitor_now, warm.store).of({})
    assert warm.store.profiles.get({}, VERSION) == stored


@pytest.mark.parametrize("stray", [None, timedelta(days=30), timedelta(days=18000)])
def test_one_old_text_is_no_history(
    make_runtime: Callable[..., Runtime], monitor_now: datetime, stray: timedelta | None
) -> None:
    runtime = make_runtime()
    came = [timedelta(minutes=30 * n) for n in range(20)] + [stray] * (stray is not None)
    fetched(runtime, monitor_now, *(
        Document(f"h{n}", f"{GOOD_MONEY} {n}", published_at=monitor_now - ago) for n, ago in enumerate(came)
    ))  # fmt: skip
    now = monitor_now + timedelta(minutes=5)
    fetched(runtime, now, *documents(12, BAD_COURT, now - timedelta(minutes=4), apart=5))
    assert runtime.store.alerts.find(rule="bad-news") == []
    verdict = Present(now, runtime.store).verdict(surge(runtime), BAD, [])
    assert "still learning what is usual: 0.4 of 4 whole days of history" in verdict.reason


def test_backfill_into_the_past_takes_the_profile_away(warm: Runtime, monitor_now: datetime) -> None:
    Present(monitor_now, warm.store).of({})
    before = warm.store.profiles.get({}, VERSION)
    assert before is not None
    old = monitor_now - timedelta(days=6)
    fetched(warm, monitor_now + timedelta(minutes=5), Document("old", f"{GOOD_MONEY} old", published_at=old))
    after = Present(monitor_now, warm.store).of({}).last
    warm.store.profiles.clear()
    assert Present(monitor_now, warm.store).of({}).last == after
    assert after.level > before[4]


def test_a_new_label_of_the_past_takes_the_profiles_of_its_task_away(
    warm: Runtime, monitor_now: datetime
) -> None:
    present = Present(monitor_now, warm.store)
    for selection in ({}, {"mood": "bad"}, BAD):
        present.of(selection)
    store = warm.store
    told = store.connection.execute(
        "select document_id from predictions where task = 'mood' and label = 'bad'"
    )
    ids = [row[0] for row in told]
    store.series.restate(
        "mood", ids, lambda: store.series.write("update predictions set label = 'good' where task = 'mood'")
    )
    assert check(store) == []
    assert warm.store.profiles.get({"mood": "bad"}, VERSION) is None
    assert warm.store.profiles.get(BAD, VERSION) is None
    assert warm.store.profiles.get({}, VERSION) is not None


def test_a_wave_in_a_feed_that_is_polled_hourly_fires_at_the_next_poll(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(CONFIG.replace('every = "5m"', 'every = "1h"'))
    fetched(runtime, monitor_now, *history(monitor_now))
    poll = monitor_now + timedelta(hours=1)
    fetched(runtime, poll, Document("calm", f"{GOOD_MONEY} calm", published_at=poll - timedelta(minutes=50)))
    assert [a for a in runtime.store.alerts.find() if a.rule == "bad-news"] == []
    # the wave is over when the feed is read again, and lies between other texts
    poll += timedelta(hours=1)
    wave = documents(9, BAD_COURT, poll - timedelta(minutes=55), apart=40)
    calm = [Document(f"after-{n}", f"{GOOD_MONEY} after {n}", published_at=poll - timedelta(minutes=30 - n))
            for n in range(3)]  # fmt: skip
    fetched(runtime, poll, *wave, *calm)
    (alert,) = [a for a in runtime.store.alerts.find() if a.rule == "bad-news"]
    assert alert.observed == 9
    assert poll - timedelta(hours=1, minutes=15) <= alert.since <= poll - timedelta(minutes=50)


def test_a_second_piece_of_a_wave_is_no_second_alert_even_after_a_restart(
    warm: Runtime, monitor_now: datetime
) -> None:
    at = monitor_now + timedelta(minutes=10)
    fetched(warm, at, *documents(12, BAD_COURT, at - timedelta(minutes=8)))
    for minutes in range(10, 300, 10):
        settle(warm, at + timedelta(minutes=minutes))
    again = at + timedelta(hours=6)
    fetched(warm, again, *documents(12, BAD_COURT, again - timedelta(minutes=8), start=100))
    bad = [a for a in warm.store.alerts.find() if a.rule == "bad-news"]
    assert [a.state for a in bad] == ["resolved"]
    much = again + timedelta(hours=2)
    fetched(warm, much, *documents(40, BAD_COURT, much - timedelta(minutes=8), start=200, apart=10))
    bad = [a for a in warm.store.alerts.find() if a.rule == "bad-news"]
    assert [a.state for a in bad] == ["firing", "resolved"]


def test_one_text_told_often_is_no_wave(warm: Runtime, monitor_now: datetime) -> None:
    at = monitor_now + timedelta(minutes=10)
    storm = [Document(f"same-{n}", BAD_COURT, published_at=at - timedelta(minutes=5)) for n in range(30)]
    fetched(warm, at, *storm)
    assert [a.rule for a in warm.store.alerts.find()] == ["any-court"]
    assert check(warm.store) == []


def test_the_past_tried_again_raises_what_was_raised(warm: Runtime, monitor_now: datetime) -> None:
    at = monitor_now + timedelta(minutes=10)
    fetched(warm, at, *documents(12, BAD_COURT, at - timedelta(minutes=8)))
    (live,) = [a for a in warm.store.alerts.find() if a.rule == "bad-news"]
    warm.store.judgements.add(live.id, True, author="ada", note="", now=at)
    seen: list[tuple[int, int]] = []
    (report,) = try_on_store(
        warm.store,
        [surge(warm)],
        monitor_now - timedelta(days=10),
        at,
        lambda done, of: seen.append((done, of)),
    )
    ((tried, raised),) = report.alerts
    assert tried.selection == live.selection
    assert raised.fired_at == live.fired_at
    assert report.judged == {live.id: (True, True)}
    assert report.precision == 1
    (none,) = try_on_store(warm.store, [surge(warm)], at + timedelta(days=1), at + timedelta(days=2))
    assert none.judged == {}, "what was over before is not tried, and not missed"
    assert report.a_month is None, "it is live for ten minutes"
    assert seen[-1][0] == seen[-1][1]
    assert len(warm.store.alerts.find()) == 2, "trying raises nothing"


def test_the_other_texts_of_the_same_conversations_explain_no_wave(
    warm: Runtime, monitor_now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = monitor_now + timedelta(minutes=30)
    chats = [
        Document(
            f"{n}-{turn}", f"{text} {n} {turn}", thread=f"case {n}", published_at=now - timedelta(minutes=9)
        )
        for n in range(8)
        for turn, text in enumerate([BAD_COURT, GOOD_MONEY, GOOD_MONEY, GOOD_MONEY, GOOD_MONEY, GOOD_MONEY])
    ]
    fetched(warm, now, *chats)
    rule = surge(warm)
    buckets = [bucket_of(now - timedelta(minutes=9))]
    assert warm.store.stories.beside(BAD, {}, buckets[0], buckets[0] + 300) == 40
    told = Present(now, warm.store).verdict(rule, BAD, buckets)
    assert told.firing
    assert "times as many" not in told.reason
    monkeypatch.setattr(Present, "count_beside", lambda *_: 0)
    assert "the other texts are" in Present(now, warm.store).verdict(rule, BAD, buckets).reason


def test_what_a_task_does_not_read_explains_no_wave_in_what_it_reads(
    make_runtime: Callable[..., Runtime], monitor_now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day of much news, of which the task for customers reads nothing, and of much trouble in the chats."""
    customers = CONFIG.replace('seeds = "mood.csv"', 'seeds = "mood.csv"\nroles = ["customer"]')
    runtime = make_runtime(customers.replace('{ topic = "*", mood = "bad" }', '{ mood = "*" }'))
    said = [
        replace(one, role="customer", external_id=f"chat-{n}") for n, one in enumerate(history(monitor_now))
    ]
    fetched(runtime, monitor_now, *said, *history(monitor_now))
    now = monitor_now + timedelta(minutes=10)
    trouble = documents(6, BAD_COURT, now - timedelta(minutes=8), apart=20)
    news = documents(600, GOOD_MONEY, now - timedelta(minutes=8), apart=0.5)
    fetched(runtime, now, *(replace(one, role="customer") for one in trouble), *news)
    (raised,) = runtime.store.alerts.find(rule="bad-news")
    assert raised.selection == {"mood": "bad"}
    buckets = [bucket_of(now - timedelta(minutes=m)) for m in range(9)]
    ways = Present(now, runtime.store), AsItCame(now, runtime.store, runtime.rules)
    ways[1].add(runtime.store.arrivals.all(datetime(1970, 1, 1, tzinfo=UTC)))
    for known in ways:
        assert known.whole_of({"mood": "bad"}) == {READ_BY: "mood"}
        assert known.whole_of({"mood": "bad", "topic": "court"}) == {READ_BY: "mood"}
        assert known.whole_of({"topic": "court"}) == known.whole_of({"entity": "Acme"}) == {}
        assert known.verdict(surge(runtime), {"mood": "bad"}, buckets).firing
        monkeypatch.setattr(type(known), "whole_of", lambda *_: {})
        known.forget()
        hidden = known.verdict(surge(runtime), {"mood": "bad"}, buckets)
        assert not hidden.firing
        assert "while the other texts are" in hidden.reason
    assert check(runtime.store) == []
