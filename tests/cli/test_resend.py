"""monitor alerts resend."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.types import Notification


def notifier(name):
    return f'\n[[notifiers]]\nplugin = "file"\nname = "{name}"\npath = "{name}.jsonl"\n'


@pytest.fixture
def dead(fetched, alert_id):
    """The alert's notification to phone is dead, and so is one that belongs to no alert."""
    fetched.config.write_text(fetched.config.read_text() + notifier("phone") + notifier("mail"))
    store, now = fetched.store(), datetime.now(UTC)
    (phone,) = (entry for entry in store.outbox.of_alert(alert_id) if entry.notifier == "phone")
    store.outbox.give_up(phone.id, "no such number", now)
    store.outbox.add("desk", Notification("key-digest", "test", "the digest", "body", {}), None, now)
    (digest,) = store.outbox.due(now, notifier="desk")
    store.outbox.give_up(digest.id, "no such room", now)
    store.close()
    return alert_id


def states(monitor):
    store = monitor.store()
    try:
        return store.outbox.counts()
    finally:
        store.close()


def test_resend_of_an_alert(fetched, dead):
    assert fetched("alerts", "resend", dead).out == f"alert {dead}, firing, to phone: waits for delivery\n"
    assert states(fetched) == {"delivered": 1, "waiting": 1, "dead": 1}
    assert fetched("alerts", "resend", dead).out == "there is nothing that was given up\n"


def test_resend_of_a_notifier(fetched, dead):
    (record,) = fetched("alerts", "resend", "--notifier", "desk", "--json").json
    assert record == {"alert": None, "notifier": "desk", "event": "test", "key": "key-digest", "resent": True}
    assert fetched("alerts", "resend", dead, "--notifier", "desk", "--json").json == []
    assert "known: desk, phone" in fetched("alerts", "resend", "--notifier", "pager", code=2).err


def test_what_is_for_a_notifier_that_is_gone_is_not_sent_again(fetched, dead):
    fetched.edit(notifier("phone"), "")
    said = fetched("alerts", "resend", "--notifier", "phone", code=1).err
    assert "phone is not configured any more" in said
    assert len(said.splitlines()) == 1
    fate = "not configured any more, so it stays"
    assert fetched("alerts", "resend", dead).out == f"alert {dead}, firing, to phone: {fate}\n"
    assert f"to phone: {fate}" in fetched("alerts", "resend", "--all-dead").out
    assert states(fetched) == {"delivered": 1, "waiting": 1, "dead": 1}
    (record,) = fetched("alerts", "resend", dead, "--json").json
    assert not record["resent"]


def test_resend_of_all(fetched, dead):
    out = fetched("alerts", "resend", "--all-dead").out
    assert "the digest, test, to desk: waits" in out
    assert f"alert {dead}, firing, to phone: waits" in out
    assert states(fetched) == {"delivered": 1, "waiting": 2}


def test_what_was_overtaken_stays(fetched, dead):
    store, now = fetched.store(), datetime.now(UTC)
    store.outbox.add("phone", Notification("key-over", "resolved", "title", "body", {}), dead, now)
    (over,) = store.outbox.due(now, notifier="phone")
    store.outbox.delivered(over.id, now)
    store.close()
    assert "firing, to phone: was overtaken, and stays" in fetched("alerts", "resend", dead).out
    (record,) = fetched("alerts", "resend", dead, "--json").json
    assert not record["resent"]
    assert states(fetched) == {"delivered": 2, "dead": 2}


def test_a_notification_about_several_belongs_to_each_and_is_overtaken_by_news_of_one(fetched, dead):
    store, now = fetched.store(), datetime.now(UTC)
    store.outbox.add(
        "mail", Notification("key-group", "firing", "2 firing", "body", {}), None, now, alerts=[dead]
    )
    (group,) = store.outbox.due(now, notifier="mail")
    store.outbox.give_up(group.id, "no such room", now)
    of_the_alert = fetched("alerts", "resend", dead, "--notifier", "mail").out
    assert of_the_alert == "2 firing, firing, to mail: waits for delivery\n"
    store.outbox.give_up(group.id, "no such room", now)
    store.outbox.add("mail", Notification("key-end", "resolved", "title", "body", {}), dead, now)
    (over,) = store.outbox.due(now, notifier="mail")
    store.outbox.delivered(over.id, now)
    store.close()
    assert "to mail: was overtaken, and stays" in fetched("alerts", "resend", "--notifier", "mail").out


def test_what_to_resend_must_be_said(fetched, dead):
    assert "--all-dead" in fetched("alerts", "resend", code=2).err
    assert "leave out the ID" in fetched("alerts", "resend", dead, "--all-dead", code=2).err
    assert "there is no alert 9" in fetched("alerts", "resend", 9, code=1).err


def test_status_names_the_way_out(fetched, dead):
    assert "`monitor alerts resend`" in fetched("status", code=1).out


def died(store, entry_id, at):
    store.outbox.resend([entry_id], at)  # the dead stay what they are
    store.outbox.give_up(entry_id, "old", at)


def test_the_dead_are_a_problem_for_a_week(fetched, dead):
    store = fetched.store()
    said = "2 notifications could not be delivered in the last 7 days: 1 to desk, 1 to phone (`monitor alerts resend`)"
    assert said in fetched("status", code=1).out
    report = fetched("status", "--json", code=1).json
    assert said in report["problems"]
    assert report["notifications"]["undelivered"] == {"desk": 1, "phone": 1}
    for number, entry in enumerate(store.outbox.dead()):
        died(store, entry.id, datetime.now(UTC) - timedelta(days=7 + number, minutes=-1))
    assert "a notification could not be delivered" in fetched("status", code=1).out
    for entry in store.outbox.dead():
        died(store, entry.id, datetime.now(UTC) - timedelta(days=8))
    store.close()
    assert "could not be delivered" not in fetched("status", code=1).out
    assert fetched("status", "--json", code=1).json["notifications"]["dead"] == 2, "they are kept"


def test_what_is_for_a_notifier_that_is_gone_is_no_problem(fetched, dead):
    fetched.edit(notifier("phone"), "")
    said = fetched("status", code=1).out
    assert "a notification could not be delivered in the last 7 days: 1 to desk (" in said
    assert "2 dead, 1 of them for a notifier that is not configured any more" in said


def test_a_copy_for_another_notifier_is_marked(fetched, dead):
    store, now = fetched.store(), datetime.now(UTC)
    (entry,) = store.outbox.dead(alert_id=dead)
    copy = Notification("key-copy", "firing", "title", "body", {"fallback_for": "phone"})
    store.outbox.add("desk", copy, dead, now, copy_of=entry.id)
    store.close()
    assert "desk, firing (a copy, for phone): waiting" in fetched("alerts", "show", dead).out
    found = fetched("alerts", "show", dead, "--json").json["deliveries"]
    assert [sent["copy_for"] for sent in found] == [None, None, "phone"]
