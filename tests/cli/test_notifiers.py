"""monitor notifiers."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta

from tests.cli.conftest import File

SECOND = '\n[[notifiers]]\nplugin = "file"\nname = "broken"\npath = "x"\nfail = true\n'


def sent(monitor):
    return [json.loads(line) for line in (monitor.folder / "sent.jsonl").read_text().splitlines()]


def test_test_sends_through_the_real_notifier_with_a_fresh_key_each_time(monitor):
    assert monitor("notifiers", "test", "desk").out == "desk: delivered\n"
    (result,) = monitor("notifiers", "test", "--json").json
    assert (result["name"], result["error"]) == ("desk", None)
    (one, key, title), (other, second, _) = sent(monitor)
    assert (one, other) == ("test", "test")
    assert "desk" in title
    assert key != second == result["key"]


def test_test_fails_where_one_cannot_deliver(monitor):
    monitor.config.write_text(monitor.config.read_text() + SECOND)
    said = monitor("notifiers", "test", code=1)
    assert said.out.splitlines() == ["desk: delivered", "broken: the disk is on fire"]
    monitor("notifiers", "test", "desk")
    monitor.edit('path = "sent.jsonl"', 'path = "no/such/folder"')
    (result,) = monitor("notifiers", "test", "desk", "--json", code=1).json
    assert "the plugin raised FileNotFoundError" in result["error"]


def test_test_says_so_where_one_asks_to_end_the_program(monitor, monkeypatch):
    monkeypatch.setattr(File, "send", lambda self, notification: sys.exit("no\n\x1b[31mmore"))
    said = monitor("notifiers", "test", "desk", code=1)
    assert said.out == "desk: the plugin raised SystemExit: no more\n"


def test_unknown_notifier_lists_known_ones_and_sends_nothing(monitor):
    assert "known: desk" in monitor("notifiers", "test", "desk", "nope", code=2).err
    assert not (monitor.folder / "sent.jsonl").exists()


def test_list_shows_rules_and_notifications(fetched, alert_id):
    record, gone = fetched("notifiers", "list", "--json").json
    assert (gone["name"], gone["plugin"], gone["error"]) == ("phone", None, "not configured any more")
    assert (gone["waiting"], gone["last_error"]) == (1, "nobody answers")
    assert "not configured any more" in fetched("notifiers", "list").out
    assert "cannot be made" not in fetched("notifiers", "list").out
    assert record == {
        "name": "desk",
        "plugin": "file",
        "where": "lines in sent.jsonl",
        "error": None,
        "rules": ["bad-news"],
        "at_most": None,
        "fallback": None,
        "waiting": 0,
        "delivered": 1,
        "dead": 0,
        "last_error": None,
        "untold": None,
    }
    fetched.edit('name = "desk"', 'name = "phone"')
    (record,) = fetched("notifiers", "list", "--json").json
    assert (record["waiting"], record["last_error"]) == (1, "nobody answers")
    assert "nobody answers" in fetched("notifiers", "list").out


def test_list_shows_who_stands_in_for_whom(monitor):
    monitor.edit('path = "sent.jsonl"', 'path = "sent.jsonl"\nat_most = "10/1h"\nfallback = "broken"')
    monitor.edit(
        'where = { topic = "*", mood = "bad" }', 'where = { topic = "*", mood = "bad" }\nnotify = []'
    )
    monitor.config.write_text(monitor.config.read_text() + SECOND)
    first, second = monitor("notifiers", "list", "--json").json
    assert (first["at_most"], first["fallback"], second["fallback"]) == ("10 in 1h", "broken", None)
    assert "instead of desk" in monitor("notifiers", "list").out


def test_list_shows_who_cannot_be_told_what_still_fires(fetched):
    store, now = fetched.store(), datetime.now(UTC)
    store.heartbeats.trouble("refresh of desk", "desk answered 500", now - timedelta(minutes=5))
    store.close()
    (record,) = fetched("notifiers", "list", "--json").json
    assert "cannot be told what still fires" in record["untold"]
    assert "desk answered 500" in fetched("notifiers", "list").out


def test_list_without_database_or_notifiers(monitor):
    assert monitor("notifiers", "list", "--json").json[0]["delivered"] == 0
    text = monitor.config.read_text()
    monitor.config.write_text(text[: text.index("[[notifiers]]")])
    assert "no notifiers" in monitor("notifiers", "list").out
    assert "no notifiers" in monitor("notifiers", "test").out
