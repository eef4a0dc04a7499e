"""Digests: when they are due, what is in them, and that each period is told once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from weeks import Weeks

from monitor.alerts.caption import line
from monitor.alerts.digest import Digest, compose_digest, moved, period
from monitor.alerts.endings import RULE_GONE, end_of
from monitor.alerts.folding import line_of
from monitor.alerts.series_in_words import named
from monitor.config.model import DigestTable
from monitor.errors import ConfigError
from monitor.pipeline.alerting.digests import gather_digest, send_due
from monitor.pipeline.alerting.wording import note
from monitor.runtime import Runtime
from monitor.store import Store
from tests.conftest import CONFIG

NOW = datetime(2026, 3, 4, 7, 10, tzinfo=UTC)
MORNING = Digest("morning", zone="Europe/Vienna", notify=["desk", "phone"])
WEEKLY = Digest("week", "week", time(9), "friday", "Europe/Vienna", ["desk"])


# -- when --------------------------------------------------------------------------------


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("digest", "now", "since", "until"),
    [
        (MORNING, utc(2026, 3, 4, 7, 0), utc(2026, 3, 3, 7), utc(2026, 3, 4, 7)),
        (MORNING, utc(2026, 3, 4, 6, 59), utc(2026, 3, 2, 7), utc(2026, 3, 3, 7)),
        # the night in which the clocks go forward, and the one in which they go back
        (MORNING, utc(2026, 3, 29, 12), utc(2026, 3, 28, 7), utc(2026, 3, 29, 6)),
        (MORNING, utc(2026, 10, 25, 12), utc(2026, 10, 24, 6), utc(2026, 10, 25, 7)),
        (WEEKLY, utc(2026, 3, 6, 8), utc(2026, 2, 27, 8), utc(2026, 3, 6, 8)),
        (WEEKLY, utc(2026, 3, 6, 7, 59), utc(2026, 2, 20, 8), utc(2026, 2, 27, 8)),
        (WEEKLY, utc(2026, 3, 5, 23), utc(2026, 2, 20, 8), utc(2026, 2, 27, 8)),
    ],
)
def test_periods(digest: Digest, now: datetime, since: datetime, until: datetime) -> None:
    assert period(digest, now) == (since, until)


@given(
    st.integers(0, 2 * 366 * 24 * 60),
    st.integers(1, 500),
    st.sampled_from(["day", "week"]),
    st.times(),
    st.sampled_from(["UTC", "Europe/Vienna", "America/New_York", "Australia/Lord_Howe"]),
)
def test_periods_follow_each_other_without_a_gap(
    minutes: int, hours: int, every: str, at: time, zone: str
) -> None:
    digest = Digest("d", every, at.replace(microsecond=0), zone=zone)
    first = utc(2025, 1, 1) + timedelta(minutes=minutes)
    later = first + timedelta(hours=hours)
    since, until = period(digest, first)
    assert since < until <= first
    assert first - until <= timedelta(days=digest.days, hours=1)
    while until < (last := period(digest, later)[1]):
        since, until = period(digest, until + timedelta(days=digest.days, hours=1))
    assert until == last


# -- once --------------------------------------------------------------------------------


def sent(store: Store) -> list[tuple[str, str]]:
    return [
        (entry.notifier, entry.notification.data["until"][:10])
        for name in ("desk", "phone")
        for entry in store.outbox.due(utc(2030, 1, 1), notifier=name)
    ]


def test_each_period_is_told_once_to_each_and_after_downtime(tmp_path: Path) -> None:
    store = Store(tmp_path / "monitor.db")
    assert send_due(store, [MORNING], NOW) == [], "a new digest waits for its first period"
    assert send_due(store, [MORNING], NOW + timedelta(hours=23)) == []
    assert send_due(store, [MORNING], NOW + timedelta(days=1)) == ["morning"]
    store.close()
    store = Store(tmp_path / "monitor.db")
    assert send_due(store, [MORNING], NOW + timedelta(days=1, hours=1)) == []
    assert sent(store) == [("desk", "2026-03-05"), ("phone", "2026-03-05")]
    # the machine was down at the hour, and is up again in the evening
    assert send_due(store, [MORNING], NOW + timedelta(days=2, hours=10)) == ["morning"]
    # a clock that was put back repeats nothing
    assert send_due(store, [MORNING], NOW + timedelta(days=1, hours=2)) == []
    assert [until for _, until in sent(store)] == ["2026-03-05", "2026-03-06"] * 2
    store.close()


def test_a_clock_that_was_years_ahead_for_a_moment_silences_no_digest(tmp_path: Path) -> None:
    store = Store(tmp_path / "monitor.db")
    send_due(store, [MORNING], NOW)
    send_due(store, [MORNING], NOW + timedelta(days=1))
    assert send_due(store, [MORNING], NOW + timedelta(days=3650)) == ["morning"]
    for days, told in ((1.1, []), (2, ["morning"]), (2.5, []), (3, ["morning"])):
        assert send_due(store, [MORNING], NOW + timedelta(days=days)) == told
    assert [until for _, until in sent(store)] == ["2026-03-05", "2036-03-01", "2026-03-06", "2026-03-07"] * 2
    store.close()


def test_a_process_that_dies_before_the_commit_sends_it_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "monitor.db")
    send_due(store, [MORNING], NOW)
    with monkeypatch.context() as patch:
        patch.setattr("monitor.store.digests.Digests.done", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            send_due(store, [MORNING], NOW + timedelta(days=1))
    assert sent(store) == []
    assert send_due(store, [MORNING], NOW + timedelta(days=1)) == ["morning"]
    assert len(sent(store)) == 2
    store.close()


# -- what --------------------------------------------------------------------------------


@pytest.fixture
def weeks(tmp_path: Path) -> Iterator[Weeks]:
    made = Weeks(tmp_path / "monitor.db", NOW)
    with made.store.transaction():
        for number, item in enumerate(made.wave):
            made.report(item, NOW - timedelta(hours=3) + timedelta(minutes=number))
    yield made
    made.store.close()


def test_a_digest_tells_the_day(weeks: Weeks) -> None:
    store = weeks.store
    fired = NOW - timedelta(hours=2)
    alert = store.alerts.insert(
        rule="bad-news", kind="surge", fingerprint="f", selection={"topic": "litigation"}, since=fired, now=fired,
        observed=44, expected=1, low=0, high=3, reason="44 texts", notify=[],
    )  # fmt: skip
    store.sources.failed("wire", NOW, NOW, "503 from the server")
    data = gather_digest(store, MORNING, *period(MORNING, NOW))
    json.dumps(data)
    assert data["rose"][0]["selection"] == {"topic": "litigation", "sentiment": "negative"}
    assert data["rose"][0]["texts"] == 44
    assert data["words"][0]["term"] == "Halvorne"
    assert any("Halvorne" in text["title"] for text in data["shown"])
    assert {source["name"]: source["error"] for source in data["sources"]}["wire"] == "503 from the server"
    assert data["unlabelled"]["sentiment"]["without"] == 0
    said = compose_digest(data, "Europe/Vienna")
    assert said.title.startswith("morning, Wed 4 Mar: 1 alert, 1 still open; ")
    assert said.title.endswith("rose; 1 source failing")
    assert "08:00 CET on Tue 3 Mar to 08:00 CET on Wed 4 Mar" in said.body
    assert (
        f"alert {alert}: 44 texts on litigation in 1 h, usually 0 to 3 [bad-news], raised 06:10 CET"
        in said.body
    )
    assert "wire: " in said.body
    assert "; fails: 503 from the server" in said.body
    few = {**data, "texts": 1, "sources": [{"name": "wire", "texts": 1, "failures": 0, "error": None}]}
    assert "wire: 1 text\n" in compose_digest(few).body
    assert ": 1 text, usually " in compose_digest(few).body
    assert "Halvorne" in said.html
    only = gather_digest(store, Digest("d", tasks=["sentiment"]), *period(MORNING, NOW))
    assert {task for series in only["rose"] for task in series["selection"]} <= {"sentiment"}
    assert only["unlabelled"].keys() == {"sentiment"}


def test_a_digest_quotes_agents_only_where_nobody_else_wrote(tmp_path: Path) -> None:
    weeks = Weeks(tmp_path / "monitor.db", NOW, days=0)
    at = NOW - timedelta(hours=3)
    with weeks.store.transaction():
        for n in range(6):
            weeks.say("chat", "", f"Sorry that the transfer of {n} euros has not arrived, we look into transfers.", at,
                      {}, thread=f"t{n}", role="agent")  # fmt: skip
    data = gather_digest(weeks.store, MORNING, NOW - timedelta(days=1), NOW)
    assert {text["role"] for text in data["shown"]} == {"agent"}
    with weeks.store.transaction():
        for n in range(2):
            weeks.say(
                "chat", "", f"My card number {n} was swallowed", at, {}, thread=f"t{n}", role="customer"
            )
    data = gather_digest(weeks.store, MORNING, NOW - timedelta(days=1), NOW)
    assert {text["role"] for text in data["shown"]} == {"customer"}
    assert {text["alike"] for text in data["shown"]} == {2}, "the agent's is one more of the conversation"
    weeks.store.close()


def test_a_digest_of_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "monitor.db")
    said = compose_digest(gather_digest(store, MORNING, NOW - timedelta(days=1), NOW))
    assert said.title == "morning, Wed 4 Mar: no alerts"
    assert "No alerts." in said.body
    store.close()


def test_a_series_and_its_part_are_not_both_named() -> None:
    now = [({}, 120), ({"a": "x"}, 100), ({"a": "x", "b": "y"}, 90), ({"b": "z"}, 0), ({"b": "w"}, 4)]
    before = [({}, 150), ({"a": "x"}, 30), ({"a": "x", "b": "y"}, 10), ({"b": "z"}, 60)]
    rose, fell = moved(now, before, 3.0, lambda selection: 3)
    assert [series["selection"] for series in rose] == [{"a": "x", "b": "y"}]
    assert [(series["selection"], series["texts"], series["usual"]) for series in fell] == [
        ({"b": "z"}, 0, 20)
    ]


def test_what_rose_is_more_than_one_story_that_is_copied(weeks: Weeks) -> None:
    one = replace(weeks.news[0], topic="markets", mood="neutral")
    with weeks.store.transaction():
        for number in range(60):
            weeks.report(one, NOW - timedelta(hours=5) + timedelta(minutes=number))
        weeks.report(weeks.wave[0], NOW - timedelta(hours=2))
    data = gather_digest(weeks.store, MORNING, *period(MORNING, NOW))
    assert (
        weeks.store.background.sum({"topic": "markets"}, *(int(t.timestamp()) for t in period(MORNING, NOW)))
        >= 60
    )
    rose = {series["selection"].get("topic"): series for series in data["rose"]}
    assert "markets" not in rose
    assert (rose["litigation"]["texts"], rose["litigation"]["stories"]) == (45, 44)
    assert "negative texts on litigation: 45 (44 stories), usually " in compose_digest(data).body


# -- in a running monitor ----------------------------------------------------------------

TABLE = '\n[[digests]]\nname = "morning"\nat = "08:00"\nzone = "Europe/Vienna"\n'


def test_a_digest_is_delivered(make_runtime: Callable[..., Runtime], monitor_now: datetime) -> None:
    runtime = make_runtime(CONFIG + TABLE)
    assert runtime.digest(monitor_now) == []
    later = monitor_now + timedelta(days=1)
    assert runtime.digest(later) == ["morning"]
    assert runtime.deliver("desk", later) == 1
    (notification,) = runtime.notifiers["desk"].sent
    assert (notification.event, notification.data["event"]) == ("digest", "digest")
    assert notification.title.startswith("morning, ")
    assert notification.html.startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        ('zone = "Mars"', "digests[1].zone: 'Mars' is no time zone"),
        ('zone = "UTC"\nat = "25:00"', "digests[1].at: '25:00' is no time of day"),
        ("", "digests[1].zone: is required"),
        ('zone = "UTC"\nnotify = ["nobody"]', "digests[1].notify: no notifier is called 'nobody'"),
        ('zone = "UTC"\ntasks = ["none"]', "digests[1].tasks: no task is called 'none'"),
    ],
)
def test_faults(make_runtime: Callable[..., Runtime], setting: str, fault: str) -> None:
    with pytest.raises(ConfigError) as raised:
        make_runtime(f'{CONFIG}\n[[digests]]\nname = "morning"\n{setting}\n')
    assert fault in str(raised.value)


def test_every_setting_is_shown() -> None:
    shown = (Path(__file__).resolve().parent.parent / "config.toml").read_text().partition("[[digests]]")[2]
    assert not [name for name in DigestTable.model_fields if f"# {name} = " not in shown]


def test_each_alert_is_drawn_and_the_larger_wave_has_more_of_the_texts(weeks: Weeks) -> None:
    store = weeks.store
    large = [d for d in store.documents.find(limit=300) if d.live]
    with store.transaction():
        small = [
            weeks.say("wire", f"Parcels of depot {n} are late", f"Lorry {n} broke down near {n} Mile.",
                      NOW - timedelta(hours=2, minutes=n), {"topic": ["product"], "sentiment": ["negative"]})
            for n in range(8)
        ]  # fmt: skip
    for document in large:
        store.mentions.replace(document.id, ["Halvorne Bank"])
    for number, (topic, documents) in enumerate(
        [("product", store.documents.many(small)), ("litigation", large)]
    ):
        alert = store.alerts.insert(
            rule=f"r{number}", kind="threshold", fingerprint=topic, selection={"topic": topic},
            since=NOW - timedelta(hours=3), now=NOW - timedelta(hours=2), observed=len(documents),
            expected=3, low=0, high=2, reason="texts",
            notify=[],
        )  # fmt: skip
        store.alert_documents.add(alert, [d.id for d in documents])
        note(store, store.alerts.need(alert), documents, NOW - timedelta(hours=2))
    data = gather_digest(store, MORNING, NOW - timedelta(days=1), NOW)
    json.dumps(data)
    late = sum("Parcels" in text["title"] for text in data["shown"])
    assert (late, len(data["shown"])) == (1, 5)
    said = compose_digest(data, "Europe/Vienna")
    assert said.body.count(" a column: ") == 2, "each is drawn"
    assert said.body.count("Share: ") == 2
    assert "mostly about Halvorne Bank [r1]" in said.body
    assert "Named more than usual: Halvorne Bank (" in said.body
    assert said.html.count("<img ") == 1


def test_a_story_that_two_alerts_tell_is_shown_once(tmp_path: Path) -> None:
    made = Weeks(tmp_path / "monitor.db", NOW, days=3, busy=3)
    store = made.store
    ids = [
        made.report(made.wave[0], NOW - timedelta(minutes=30 - n), source=("wire", "bbc-business")[n % 2])
        for n in range(4)
    ]
    for number, part in enumerate((ids[:3], ids[3:])):
        alert = store.alerts.insert(
            rule=f"r{number}", kind="keyword", fingerprint=str(number), selection={}, since=NOW, now=NOW,
            observed=len(part), expected=0, low=0, high=0, reason="texts", notify=[],
        )  # fmt: skip
        store.alert_documents.add(alert, part)
    data = gather_digest(store, MORNING, NOW - timedelta(days=1), NOW + timedelta(seconds=1))
    assert [text["alike"] for text in data["shown"]] == [4]
    assert "bbc-business, and 3 more" in compose_digest(data).body.replace("wire", "bbc-business")
    spoken = {**data, "shown": [{**data["shown"][0], "role": "agent"}]}
    for text in (compose_digest(spoken).body, compose_digest(spoken).html):
        assert ", agent, and 3 more with the same text" in text, "who speaks is said, as in an alert"
    store.close()


def test_all_alerts_of_the_time_are_told_or_counted(monitor_store: Store) -> None:
    store, since = monitor_store, NOW - timedelta(days=1)

    def raised(number: int, fired: datetime, over: datetime | None, state: str = "firing") -> int:
        alert = store.alerts.insert(
            rule="limit", kind="threshold", fingerprint=f"{number} {fired}", selection={}, since=fired, now=fired,
            observed=4, expected=3, low=0, high=3, reason="4 texts", notify=[], state=state,
        )  # type: ignore[arg-type] # fmt: skip
        if over is not None:
            store.alerts.resolve(alert, "over", over)
        return alert

    with store.transaction():
        told = [
            raised(0, since - timedelta(days=2), None),
            raised(1, since + timedelta(hours=1), since + timedelta(hours=2)),
        ]
        for number in range(100):  # what is pending, what is older and what is newer: no part of the day
            raised(number, since + timedelta(hours=3), None, "pending")
            raised(number, since - timedelta(hours=3), since - timedelta(hours=1))
            raised(number, NOW + timedelta(minutes=number), None)
    data = gather_digest(store, MORNING, since, NOW)
    assert [alert["id"] for alert in data["alerts"]] == told
    assert data["more_alerts"] == {"number": 0, "open": 0}
    with store.transaction():
        over = [raised(n, NOW - timedelta(hours=5), NOW - timedelta(hours=4)) for n in range(10)]
        still = [raised(n, NOW - timedelta(hours=3), NOW + timedelta(days=1)) for n in range(202)]
    data = gather_digest(store, MORNING, since, NOW)
    assert [alert["id"] for alert in data["alerts"]] == still[2:], "what is over makes room for what is open"
    assert data["more_alerts"] == {"number": len(told + over) + 2, "open": 3}
    said = compose_digest(data)
    assert said.title.startswith("morning, Wed 4 Mar: 214 alerts, 203 still open")
    for text in (said.body, said.html):
        assert "and 14 more, 3 of them still open; all alerts are listed by" in text
        assert "monitor alerts list --limit 0" in text


def test_an_end_reads_as_in_its_notification_and_of_what_nobody_was_notified(monitor_store: Store) -> None:
    store, since = monitor_store, NOW - timedelta(days=1)
    fired = since + timedelta(hours=3)

    def raised(rule: str, kind: str = "threshold", **more: Any) -> int:
        return store.alerts.insert(**{
            "rule": rule, "kind": kind, "fingerprint": rule, "selection": {}, "since": fired, "now": fired,
            "observed": 4, "expected": 3, "low": 0, "high": 3, "reason": "4 texts", "notify": ["desk"], **more,
        })  # fmt: skip

    over = fired + timedelta(hours=2)
    gone = raised("gone")
    store.alerts.resolve(gone, RULE_GONE, over)
    silent = raised("silent", "silence", selection={"source": "wire"}, since=fired - timedelta(hours=20))
    store.alerts.resolve(silent, end_of("it answers"), over)
    held = raised("held")
    store.alerts.suppress(held, "silence 1 of ada: holiday", fired)
    over_held = raised("over-held")
    store.alerts.suppress(over_held, "mute nights", fired)
    store.alerts.resolve(over_held, end_of("0 texts"), over)
    snoozed = raised("snoozed")
    store.alerts.suppress(snoozed, "snoozed by ada until 2026-03-09T02:10:00Z", fired)
    told = raised("told")
    store.notification_log.log(told, "desk", "", fired, observed=9)
    store.alerts.suppress(told, "silence 1 of ada: holiday", over)
    waits = raised("waits")  # for its group, since nothing holds it back any more
    store.alerts.suppress(waits, "silence 1 of ada: holiday", fired)
    store.alerts.suppress(waits, "", over)

    said = compose_digest(gather_digest(store, MORNING, since, NOW)).body
    at = "raised 10:10 UTC on Tue 3 Mar"
    assert f"[gone], {at}, not watched any more: rule gone was removed\n" in said
    assert f"[silent], silent since 14:10 UTC on Mon 2 Mar, {at}, over after 22 h\n" in said
    assert f"[held], {at}, still open, not told (silence 1 of ada: holiday)\n" in said
    assert f"[over-held], {at}, over after 2 h, not told (mute nights)\n" in said
    assert f"[snoozed], {at}, still open, not told (snoozed by ada)\n" in said, "not by the clock of UTC"
    assert f"[told], {at}, still open\n" in said
    assert f"[waits], {at}, still open\n" in said


def test_of_conversations_in_one_line_it_is_said_how_many_were_not_told(monitor_store: Store) -> None:
    store, fired = monitor_store, NOW - timedelta(hours=3)
    made = [
        store.alerts.insert(
            rule="waiting", kind="conversation", fingerprint=str(number), selection={"thread": str(number)},
            since=fired, now=fired, observed=1, expected=0, low=0, high=0, reason="turned worse", notify=["desk"],
        )
        for number in range(3)
    ]  # fmt: skip
    for number, alert in enumerate(made):
        said = compose_digest(gather_digest(store, MORNING, NOW - timedelta(days=1), NOW)).body
        assert (f", {number} not told\n" in said) == bool(number)
        store.alerts.suppress(alert, "mute nights", fired)
    said = compose_digest(gather_digest(store, MORNING, NOW - timedelta(days=1), NOW)).body
    assert ", none told\n" in said


def test_many_conversations_are_one_line_and_the_largest_wave_is_drawn(weeks: Weeks) -> None:
    store = weeks.store
    asked = NOW - timedelta(hours=9)

    def thread(number: int) -> int:
        fired = asked + timedelta(minutes=30 + number)
        alert = store.alerts.insert(
            rule="waiting", kind="conversation", fingerprint=f"c{number}",
            selection={"source": "wire", "thread": f"N-{number}"}, since=asked, now=fired, observed=1,
            expected=0, low=0, high=0, reason="unanswered for 30 min, 1 negative text", notify=[],
        )  # fmt: skip
        note(store, store.alerts.need(alert), [], fired)
        return alert

    def wave(topic: str, observed: int) -> int:
        documents = store.documents.find(labels=[("topic", topic)], since=NOW - timedelta(days=1), limit=50)
        alert = store.alerts.insert(
            rule="bad-news", kind="surge", fingerprint=f"{topic}{observed}", selection={"topic": topic}, since=asked,
            now=NOW - timedelta(hours=1), observed=observed, expected=1, low=0, high=3, reason="texts", notify=[],
        )  # fmt: skip
        note(store, store.alerts.need(alert), documents, NOW - timedelta(hours=1))
        return alert

    threads = [thread(number) for number in range(14)]
    small, large = wave("product", 5), wave("litigation", 44)
    same = wave("litigation", 40)
    for alert in threads[2:]:
        store.alerts.resolve(alert, "answered", NOW - timedelta(hours=2))
    with store.transaction() as connection:
        connection.execute(
            "update alerts set last_firing_at = ? where id = ?",
            [(asked + timedelta(hours=7, minutes=17)).isoformat(), threads[5]],
        )
    data = gather_digest(store, MORNING, NOW - timedelta(days=1), NOW)
    assert [a["id"] for a in data["alerts"]] == [large, small, *threads, same], (
        "what is drawn, the largest first"
    )
    said = compose_digest(data, "Europe/Vienna")
    line = "waiting: 14 conversations unanswered, the longest 7 h 17 min, raised 23:40 CET"
    assert f"{line} to 23:53 CET on Tue 3 Mar" in said.body
    assert f", 2 still open (alerts {threads[0]}, {threads[1]})\n" in said.body
    assert said.body.count("conversation") == 1
    for text in (said.body, said.html):
        assert f"monitor alerts ack {threads[0]} {threads[1]}" in text
        assert line in text
        assert text.count(" a column: ") == 2, "a series is drawn once"
    assert said.body.index(f"alert {large}:") < said.body.index(f"alert {small}:") < said.body.index(line)
    for alert in threads[:2]:
        store.care.acknowledge(alert, "ada", "", NOW)
    said = compose_digest(gather_digest(store, MORNING, NOW - timedelta(days=1), NOW))
    assert f", 2 still open (alerts {threads[0]}, {threads[1]}) and looked after\n" in said.body
    assert "monitor alerts list --rule waiting\n" in said.body


def test_many_conversations_that_began_together_are_a_short_line() -> None:
    at = "2026-03-04T03:10:00+00:00"
    alert = {
        "rule": "slow", "kind": "conversation", "reason": "turned worse", "fired_at": at, "resolved_at": None,
        "acked_by": None, "since": at, "last_firing_at": at,
    }  # fmt: skip
    told = line_of([{**alert, "id": number} for number in range(1, 31)], UTC)
    assert told["said"] == "slow: 30 conversations turned worse, raised 03:10 UTC on Wed 4 Mar, 30 still open"
    assert told["command"] == "monitor alerts list --rule slow --open --limit 0"
    ended = "quiet again: nobody wrote for 1 day; it was never answered"
    ends = [{**alert, "id": n, "resolved_at": at, "ended": ended if n else ""} for n in range(3)]
    assert line_of(ends, UTC)["said"].endswith(", all over, 2 never answered"), "an end is no answer"
    assert line_of(ends[1:], UTC)["said"].endswith(", all over, none answered")


def test_a_drawing_of_the_past_says_when_it_ended() -> None:
    history = {
        "start": "2026-03-02T00:00:00+00:00",
        "step": 3600,
        "window": [23, 24],
        "counts": [0] * 23 + [9],
    }
    assert line(history)["caption"].startswith("The last 24 h, 1 h a column: now 9")
    told = line(history, "resolved", zone=ZoneInfo("Europe/Vienna"))["caption"]
    assert told.startswith("The 24 h to 01:00 CET on Tue 3 Mar, 1 h a column: at its height 9")


def test_what_moved_is_told_apart_where_two_tasks_call_it_the_same(monitor_store: Store) -> None:
    data = gather_digest(monitor_store, MORNING, NOW - timedelta(days=1), NOW)
    fell = [
        {"selection": selection, "what": named(selection), "texts": 0, "usual": usual}
        for selection, usual in (
            ({"sentiment": "negative"}, 24.0), ({"mood": "negative"}, 19.0), ({"topic": "court"}, 8.0)
        )
    ]  # fmt: skip
    said = compose_digest({**data, "fell": fell}).body
    assert "  negative texts (sentiment): 0, usually 24\n  negative texts (mood): 0, usually 19\n" in said
    assert "  texts on court: 0, usually 8\n" in said
