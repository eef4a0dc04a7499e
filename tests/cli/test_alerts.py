"""monitor alerts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from monitor.matching import parse_matchers
from monitor.pipeline.alerting.wording import note
from monitor.store.room import to_text


def resolve(monitor, alert_id):
    store = monitor.store()
    store.alerts.resolve(alert_id, "quiet again", datetime.now(UTC))
    store.close()


def test_list_as_json(fetched, alert_id):
    (record,) = fetched("alerts", "list", "--json").json
    assert record["id"] == alert_id
    assert (record["rule"], record["state"], record["observed"], record["expected"]) == (
        "bad-news",
        "firing",
        12,
        0.6,
    )
    assert record["selection"] == {"topic": "court", "mood": "bad"}
    assert datetime.fromisoformat(record["fired_at"]).utcoffset() is not None
    (document,) = record["documents"]
    assert (document["id"], document["source"], document["text"]) == (1, "news", "terrible loss")


TIMES = re.compile(r'"(\d{4}-\d\d-\d\dT[^"]*)"')


@pytest.mark.parametrize(
    "command",
    [("alerts", "list"), ("alerts", "show", "1"), ("digest",), ("silences", "list"), ("documents", "list"),
     ("alerts", "preview", "bad-news")],
    ids=" ".join,
)  # fmt: skip
def test_every_time_that_a_program_reads_has_one_form(fetched, alert_id, command):
    now = datetime(2026, 3, 4, 2, 10, 0, 123456, tzinfo=UTC)
    store = fetched.store()
    note(store, store.alerts.need(alert_id), store.documents.many([1]), now)
    matchers = parse_matchers(["rule=bad-news"])
    store.silences.add(
        matchers,
        author="ada",
        comment="",
        starts_at=now,
        ends_at=datetime(2100, 1, 1, 0, 0, 0, 5, tzinfo=UTC),
        now=now,
    )
    store.close()
    found = TIMES.findall(fetched(*command, "--json").out)
    assert found
    assert [time for time in found if not re.fullmatch(r"[\d-]{10}T\d\d:\d\d:\d\dZ", time)] == []


def test_list_shows_open_ones_unless_asked_for_all(fetched, alert_id):
    assert "12 bad texts on court in 1 h" in fetched("alerts", "list").out
    resolve(fetched, alert_id)
    assert fetched("alerts", "list", "--open").out == "no open alerts\n"
    assert fetched("alerts", "list", "--open", "--json").json == []
    (record,) = fetched("alerts", "list", "--json").json
    assert record["state"] == "resolved"
    assert "resolved" in fetched("alerts", "list").out


@pytest.mark.parametrize(("kind", "said"), [("surge", "firing (quiet)"), ("drop", "firing (as usual)")])
def test_list_says_what_only_stays_open(fetched, alert_id, kind, said):
    store = fetched.store()
    at = to_text(datetime.now(UTC))
    store.connection.execute("update alerts set quiet_since = ?, kind = ?", [at, kind])
    store.connection.commit()
    store.close()
    assert said in fetched("alerts", "list").out
    assert f"state:        {said}\n" in fetched("alerts", "show", alert_id).out


def test_list_says_who_looks_after_an_alert_and_whom_it_concerns_where_nobody_does(fetched, alert_id):
    line = fetched("alerts", "list").out.splitlines()[-1].rstrip()
    assert line.endswith(" nobody")
    store = fetched.store()
    store.connection.execute("update alerts set owner = 'risk'")
    store.connection.commit()
    assert fetched("alerts", "list").out.splitlines()[-1].rstrip().endswith(" nobody, for risk")
    store.care.acknowledge(alert_id, "ada", "", datetime.now(UTC))
    store.close()
    assert fetched("alerts", "list").out.splitlines()[-1].rstrip().endswith(" by ada")


def test_list_of_one_rule_knows_those_of_the_configuration_and_of_alerts(fetched, alert_id):
    assert len(fetched("alerts", "list", "--rule", "bad-news", "--json").json) == 1
    assert fetched("alerts", "list", "--rule", "court", "--json").json == []
    assert "known: bad-news, court" in fetched("alerts", "list", "--rule", "nope", code=2).err
    fetched.edit('name = "bad-news"', 'name = "renamed"')
    assert len(fetched("alerts", "list", "--rule", "bad-news", "--json").json) == 1


def test_list_of_a_time_has_what_fired_in_it(fetched, alert_id):
    store = fetched.store()
    store.connection.execute(
        "update alerts set fired_at = ?", [to_text(datetime.now(UTC) - timedelta(days=2))]
    )
    store.connection.commit()
    store.close()
    assert fetched("alerts", "list", "--since", "1d").out == "no alerts in that time\n"
    assert [a["id"] for a in fetched("alerts", "list", "--since", "3d", "--json").json] == [alert_id]
    assert "is not a duration" in fetched("alerts", "list", "--since", "soon", code=2).err


def test_several_are_looked_after_at_once_and_a_refusal_keeps_no_other_from_it(fetched, alert_id):
    store, now = fetched.store(), datetime.now(UTC)
    second = store.alerts.insert(
        rule="court", kind="threshold", fingerprint="beef", selection={}, since=now, now=now,
        observed=3, expected=3, low=0, high=3, reason="x", notify=[],
    )  # fmt: skip
    store.close()
    said = fetched("alerts", "ack", 9, alert_id, second, alert_id, "--by", "ada", code=1)
    assert said.out == f"alert {alert_id} is acknowledged by ada\nalert {second} is acknowledged by ada\n"
    assert said.err == "Error: there is no alert 9; `monitor alerts list` shows them\n"
    assert fetched("alerts", "snooze", alert_id, second).out.count("is snoozed until") == 2
    assert fetched("alerts", "snooze", alert_id, second, "--end").out.count("is not snoozed any more") == 2
    assert fetched("alerts", "judge", alert_id, second, "real").out.count("was real;") == 2
    assert "Missing argument" in fetched("alerts", "judge", "real", code=2).err
    assert "Missing argument" in fetched("alerts", "ack", code=2).err


def test_show_has_reason_figures_life_notifications_and_texts(fetched, alert_id):
    out = fetched("alerts", "show", alert_id).out
    for part in (
        "bad-news (surge)",
        "firing: 12 texts where 0.6 are usual",
        "firing: 12 texts where 0.6 are usual",
        "desk, firing: delivered",
        "phone, firing: waiting next in",
        "nobody answers",
        "terrible loss",
    ):
        assert part in out


def test_show_as_json_adds_transitions_and_deliveries(fetched, alert_id):
    resolve(fetched, alert_id)
    record = fetched("alerts", "show", alert_id, "--json").json
    assert [(t["state"], t["reason"]) for t in record["transitions"]] == [
        ("firing", "12 texts where 0.6 are usual"),
        ("resolved", "quiet again"),
    ]
    assert [(d["notifier"], d["state"], d["attempts"], d["last_error"]) for d in record["deliveries"]] == [
        ("desk", "delivered", 1, None),
        ("phone", "waiting", 1, "nobody answers"),
    ]
    assert record["documents"][0]["id"] == 1


def test_show_says_of_an_end_what_its_notification_says(fetched, alert_id):
    store, now = fetched.store(), datetime.now(UTC)
    note(store, store.alerts.need(alert_id), store.documents.many([1]), now)
    store.alerts.resolve(alert_id, "the rule is no longer there", now)
    store.close()
    out = fetched("alerts", "show", alert_id).out
    assert "Not watched any more: rule bad-news was removed. Whether it is over is not known.\n" in out
    assert "It is over" not in out


def test_ack_notes_who_and_what(fetched, alert_id, monkeypatch):
    monkeypatch.setenv("LOGNAME", "ada")
    assert f"alert {alert_id} is acknowledged by ada" in fetched("alerts", "ack", alert_id).out
    fetched("alerts", "ack", alert_id, "--note", "on it", "--by", "grace")
    record = fetched("alerts", "show", alert_id, "--json").json
    assert (record["acked_by"], record["ack_note"], record["state"]) == ("grace", "on it", "firing")
    assert record["acked_at"] is not None
    assert "by grace: on it" in fetched("alerts", "show", alert_id).out
    fetched("alerts", "ack", alert_id, "--by", "grace")
    assert "by grace: on it" in fetched("alerts", "show", alert_id).out, "a second one keeps the note"
    assert "by grace" in fetched("alerts", "list").out


@pytest.mark.parametrize("command", ["show", "ack"])
def test_unknown_alert(fetched, command):
    assert "there is no alert 9; `monitor alerts list`" in fetched("alerts", command, 9, code=1).err
    fetched("alerts", command, "nine", code=2)


def test_the_labels_of_a_rule_are_shown(fetched, alert_id):
    assert "labels:" not in fetched("alerts", "show", alert_id).out
    store = fetched.store()
    store.connection.execute("update alerts set rule_labels = ?", ['{"severity": "page", "team": "credit"}'])
    store.connection.commit()
    store.close()
    assert "labels:       severity=page, team=credit\n" in fetched("alerts", "show", alert_id).out
    shown = fetched("alerts", "show", alert_id, "--json").json
    assert shown["rule_labels"] == {"severity": "page", "team": "credit"}
    said = fetched("silences", "add", "severity=page", "--comment", "x").out
    assert "it covers 1 of 1 open alert" in said


def test_show_offers_what_the_alert_itself_offers(fetched, alert_id):
    assert "\nnext\n" not in fetched("alerts", "show", alert_id).out, "its own commands are known"
    store = fetched.store()
    store.connection.execute(
        "update alerts set kind = 'conversation', selection = ? where id = ?",
        ('{"source": "support", "thread": "k 1"}', alert_id),
    )
    store.connection.commit()
    store.close()
    out = fetched("alerts", "show", alert_id).out
    assert "  monitor documents list --source support --thread 'k 1'  the whole conversation\n" in out
    assert out.count("monitor ") == 1
