"""monitor silences, alerts snooze, alerts judge."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from datetime import time as wall

import pytest

from monitor.cli.parameters import moment


def test_add_list_and_expire(fetched, alert_id):
    said = fetched(
        "silences", "add", "topic=court", "rule=~bad.*", "--for", "3h", "--comment", "holiday", "--by", "ada"
    )
    assert 'silence 1 of topic="court", rule=~"bad.*" until ' in said.out
    assert "it covers 1 of 1 open alert" in said.out
    assert "0 of 1 open" in fetched("silences", "add", "topic=money", "--until", "2099-01-01T00:00Z").out
    second, first = fetched("silences", "list", "--json").json
    assert (first["matchers"], first["author"], first["comment"], first["state"]) == (
        ['topic="court"', 'rule=~"bad.*"'],
        "ada",
        "holiday",
        "active",
    )
    ends, starts = (datetime.fromisoformat(first[key]) for key in ("ends_at", "starts_at"))
    assert ends - starts == timedelta(hours=3)
    assert second["ends_at"] == "2099-01-01T00:00:00Z"
    assert "silence 1 ended" in fetched("silences", "expire", 1).out
    assert [s["id"] for s in fetched("silences", "list", "--json").json] == [2]
    assert [s["state"] for s in fetched("silences", "list", "--all", "--json").json] == ["active", "expired"]
    text = fetched("silences", "list", "--all").out
    assert 'topic="court", rule=~"bad.*"' in text
    assert "holiday" in text


def test_one_that_is_to_come_can_be_called_off(fetched):
    fetched("silences", "add", "rule=court", "--from", "2099-01-01T00:00", "--for", "1d")
    assert fetched("silences", "list", "--json").json[0]["state"] == "pending"
    fetched("silences", "expire", 1)
    assert "no silences in force or to come" in fetched("silences", "list").out
    assert fetched("silences", "list", "--all", "--json").json[0]["state"] == "expired"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["topic"], "'topic' is not a matcher"),
        (["topic=~["], "no valid regular expression"),
        (["topic=x", "--for", "soon"], "is not a duration"),
        (["topic=x", "--for", "0s"], "is no time at all"),
        (["topic=x", "--until", "soon"], "is no time"),
        (["topic=x", "--until", "2099-01-01", "--for", "1h"], "not both"),
        ([], "Missing argument"),
    ],
)
def test_what_cannot_be_is_refused(fetched, words, said):
    assert said in fetched("silences", "add", *words, code=2).err


def test_a_label_that_no_alert_can_have_is_refused(fetched):
    fetched("tasks", "add", "urgency", "--label", "urgent", "--label", "routine")
    err = fetched("silences", "add", "topc=court", code=2).err
    known = "entity, kind, mood, owner, rule, source, task, thread, topic, urgency"
    assert f"no label of alerts is called 'topc'; known: {known}" in err
    assert fetched("silences", "list", "--json").json == []
    fetched.edit('kind = "surge"', 'kind = "surge"\nlabels = { severity = "page" }')
    for matcher in ("severity=page", "urgency=urgent", "source=news"):
        fetched("silences", "add", matcher)


@pytest.mark.parametrize(
    ("matcher", "said"),
    [
        ("rule=naems", "no rule is called 'naems'; known: bad-news, court"),
        ("rule!=naems", "no rule is called 'naems'; known: bad-news, court"),
        ("topic=shipping", "no label of topic is called 'shipping'; known: court, money"),
        ("mood=sad", "no label of mood is called 'sad'; known: bad, good"),
        ("kind=serge", "no rule kind is called 'serge'; known: conversation, "),
        ("source=nwes", "no source is called 'nwes'; known: news"),
        ("task=topics", "no task is called 'topics'; known: mood, topic"),
        ("entity=Acme", "no entity is called 'Acme'; known: Border Bank"),
    ],
)
def test_a_value_that_its_label_never_has_is_refused(fetched, matcher, said):
    fetched.edit("[[notifiers]]", '[entities]\n"Border Bank" = []\n\n[[notifiers]]')
    assert said in fetched("silences", "add", matcher, code=2).err
    assert fetched("silences", "list", "--json").json == []


def test_patterns_no_value_and_what_open_alerts_have_are_taken(fetched, alert_id):
    fetched.edit('name = "bad-news"', 'name = "renamed"')
    for matcher in ("rule=~na.*", "topic=", "rule=bad-news", "rule=renamed", "owner=desk"):
        fetched("silences", "add", matcher)


def test_a_time_of_day_is_the_next_one(fetched, in_vienna):
    after = datetime(
        2026, 3, 28, 17, 30, tzinfo=UTC
    )  # half past six in the evening, before the clocks go forward
    assert moment(wall(18, 0), after) == datetime(2026, 3, 29, 16, 0, tzinfo=UTC)
    assert moment(wall(19, 0), after) == datetime(2026, 3, 28, 18, 0, tzinfo=UTC)
    assert moment(after, after) == after
    fetched("silences", "add", "rule=court", "--from", "2099-07-01T22:00", "--until", "6:00")
    assert fetched("silences", "list", "--json").json[0]["ends_at"] == "2099-07-02T04:00:00Z"
    fetched("silences", "add", "rule=court", "--until", "18:00")
    ends = datetime.fromisoformat(fetched("silences", "list", "--json").json[0]["ends_at"])
    assert timedelta() < ends - datetime.now(UTC) <= timedelta(hours=25)
    assert "is no time" in fetched("silences", "add", "rule=court", "--until", "25:00", code=2).err


def test_an_end_in_the_past_and_an_unknown_silence(fetched):
    assert (
        "would end before it starts"
        in fetched("silences", "add", "rule=court", "--until", "2020-01-01", code=1).err
    )
    assert "there is no silence 9" in fetched("silences", "expire", 9, code=1).err


def test_snooze(fetched, alert_id):
    assert (
        f"alert {alert_id} is snoozed until"
        in fetched("alerts", "snooze", alert_id, "--for", "1h", "--by", "ada").out
    )
    record = fetched("alerts", "show", alert_id, "--json").json
    until = datetime.fromisoformat(record["snoozed_until"])
    assert timedelta(minutes=59) < until - datetime.now(UTC) <= timedelta(hours=1)
    assert record["snoozed_by"] == "ada"
    assert "snoozed: by ada until" in fetched("alerts", "show", alert_id).out
    store = fetched.store()
    store.alerts.resolve(alert_id, "quiet", datetime.now(UTC))
    store.close()
    said = f"alert {alert_id} is over: it can be judged (`monitor alerts judge {alert_id} real|false`)"
    for words in (("snooze", alert_id), ("snooze", alert_id, "--end"), ("ack", alert_id)):
        assert said in fetched("alerts", *words, code=1).err
    assert "there is no alert 9" in fetched("alerts", "snooze", 9, code=1).err


def test_a_snooze_is_ended_and_says_who_was_notified(fetched, alert_id):
    assert f"alert {alert_id} is not snoozed" in fetched("alerts", "snooze", alert_id, "--end", code=1).err
    fetched("alerts", "snooze", alert_id, "--by", "ada")
    fetched("alerts", "snooze", alert_id, "--end", "--by", "grace", "--note", "back")
    record = fetched("alerts", "show", alert_id, "--json").json
    assert record["snoozed_until"] is None
    assert record["transitions"][-1]["reason"] == "ended by grace: back"
    assert "not both" in fetched("alerts", "snooze", alert_id, "--end", "--for", "1h", code=2).err
    store = fetched.store()
    store.alerts.suppress(alert_id, "snoozed by ada", datetime.now(UTC))
    assert "firing (told no more)" in fetched("alerts", "list").out, "the desk was notified"
    store.connection.execute("update outbox set state = 'waiting'")
    store.connection.commit()
    assert "firing (told nobody)" in fetched("alerts", "show", alert_id).out
    store.close()


@pytest.fixture
def in_vienna(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Vienna")
        time.tzset()
        yield
    time.tzset()


def test_times_are_read_and_told_in_the_zone_of_the_terminal(fetched, alert_id, in_vienna):
    said = fetched("silences", "add", "topic=court", "--until", "2099-07-01T18:00").out
    assert "until 2099-07-01 18:00:00 CEST" in said
    fetched("silences", "add", "topic=court", "--until", "2099-01-01T18:00Z")
    assert [s["ends_at"] for s in fetched("silences", "list", "--json").json] == [
        "2099-01-01T18:00:00Z",
        "2099-07-01T16:00:00Z",
    ]
    fetched("alerts", "ack", alert_id)
    fetched("alerts", "snooze", alert_id, "--for", "1h", "--by", "ada")
    store = fetched.store()
    store.alerts.suppress(alert_id, "snoozed by ada until 2099-07-01T16:00:00Z", datetime.now(UTC))
    store.close()
    shown = fetched("alerts", "show", alert_id).out
    assert re.search(r"snoozed: by ada until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d CES?T\n", shown)
    assert "silent:       snoozed by ada until 2099-07-01 18:00:00 CEST" in shown
    assert "UTC" not in shown
    assert shown.count(" CE") >= 2
    assert (
        "is no time" in fetched("silences", "add", "topic=court", "--until", "0001-01-01T00:00", code=2).err
    )


def test_judge_is_counted_for_the_rule(fetched, alert_id):
    said = fetched("alerts", "judge", alert_id, "false", "--note", "a film title", "--by", "ada").out
    assert "bad-news, 0 of 1 judged alert was real" in said
    record = fetched("alerts", "show", alert_id, "--json").json
    assert (record["judgement"]["real"], record["judgement"]["note"]) == (False, "a film title")
    assert record["transitions"][-1]["state"] == "judged"
    rule = fetched("rules", "list", "--json").json[0]
    assert (rule["judged_real"], rule["judged_false"], rule["precision"]) == (0, 1, 0)
    fetched("alerts", "judge", alert_id, "real")
    assert "1 of 1" in fetched("rules", "list").out
    assert "'maybe' is not one of" in fetched("alerts", "judge", alert_id, "maybe", code=2).err
    assert "there is no alert 9" in fetched("alerts", "judge", 9, "real", code=1).err


def test_rules_list_makes_a_suggestion_from_five_judgements_on(fetched):
    store, now = fetched.store(), datetime.now(UTC)
    for number in range(6):
        found = store.alerts.insert(
            rule="bad-news", kind="surge", fingerprint=f"f{number}", selection={}, since=now, now=now,
            observed=40 if number == 5 else 6, expected=1, low=0, high=3, reason="x", notify=[],
        )  # fmt: skip
        store.judgements.add(found, number == 5, author="ada", note="", now=now)
    store.close()
    said = "min_count = 40 would have spared 5 of 5 false alerts and kept the real one"
    assert f"bad-news: {said}" in fetched("rules", "list").out
    assert fetched("rules", "list", "--json").json[0]["suggestion"] == said


def test_owners_are_shown_and_asked_for(fetched, alert_id):
    fetched.edit('kind = "surge"', 'kind = "surge"\nowner = "desk"\nfor = "5m"')
    rule = fetched("rules", "list", "--json").json[0]
    assert (rule["owner"], rule["for"], rule["keep_firing_for"]) == ("desk", 300, 3600)
    store = fetched.store()
    store.connection.execute(
        "update alerts set owner = 'desk', suppressed = 'silence 3 of ada', flapping = 1"
    )
    store.close()
    assert len(fetched("alerts", "list", "--owner", "desk", "--json").json) == 1
    assert fetched("alerts", "list", "--owner", "nobody", "--json").json == []
    text = fetched("alerts", "list").out
    assert "firing (flapping, told no more)" in text
    assert "for desk" in text
    assert "silence 3 of ada" in fetched("alerts", "show", alert_id).out


def test_a_silence_until_the_end_of_time(fetched, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        said = fetched("silences", "add", "rule=court", "--until", "9999-12-31T23:59Z").out
    finally:
        monkeypatch.undo()
        time.tzset()
    assert "until 9999-12-31 23:59:00 UTC" in said
