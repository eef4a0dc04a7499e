"""From the outbox to the notifiers: pauses, limits, fallbacks, dead letters."""

from __future__ import annotations

import logging
import random
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from work import steps

from monitor.alerts.redelivery import Terms, copy_key, free_at, pause
from monitor.durations import Rate, parse_rate
from monitor.errors import DeliveryError, StoreError
from monitor.pipeline.alerting.delivery import deliver_due
from monitor.pipeline.alerting.unstored import Unstored
from monitor.runtime import Runtime
from monitor.store import Store
from monitor.templating import Templates
from monitor.testing import NOW, Recorder, sample_notification
from monitor.types import Notification

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def alert(store: Store, number: int, *notifiers: str, now: datetime = NOW) -> int:
    """An alert with a firing notification to each of ``notifiers``."""
    with store.transaction():
        found = store.alerts.insert(
            rule="bad-news", kind="surge", fingerprint=f"f{number}", selection={}, since=now, now=now, observed=9,
            expected=1, low=0, high=3, reason="9 texts", notify=list(notifiers),
        )  # fmt: skip
        for name in notifiers:
            store.outbox.add(name, notification(number, "firing", name), found, now)
    return found


def notification(number: int, event: str = "firing", notifier: str = "desk") -> Notification:
    return replace(sample_notification(event), key=f"{number}-{event}-{notifier}")


def keys(notifier: Recorder) -> list[str]:
    return [notification.key for notification in notifier.sent]


def test_a_single_run_delivers_all_that_can_be(make_runtime: Callable[..., Runtime]) -> None:
    runtime = make_runtime()
    for number in range(11):
        found = alert(runtime.store, number, "desk")
        runtime.store.outbox.add("desk", notification(number, "resolved"), found, NOW)
    runtime.once(NOW, lambda name, got: None)
    assert runtime.store.outbox.counts() == {"delivered": 22}


class Counting(Recorder):
    """Also counts how often it is asked."""

    asked = 0

    def send(self, notification: Notification) -> None:
        self.asked += 1
        super().send(notification)


def test_on_a_full_disk_each_is_delivered_once_and_noted_when_there_is_space(monitor_store: Store) -> None:
    desk, unstored = Counting(), Unstored()

    def round_at(minutes: int) -> int:
        return deliver_due(monitor_store, "desk", desk, NOW + minutes * MINUTE, limit=1, unstored=unstored)

    for number in range(3):
        alert(monitor_store, number, "desk")
    monitor_store.connection.execute(
        "create trigger full before update on outbox begin select raise(abort, 'database or disk is full'); end"
    )
    for minute in range(6):
        with pytest.raises(StoreError, match="the disk is full"):
            round_at(minute)
    assert keys(desk) == ["0-firing-desk", "1-firing-desk", "2-firing-desk"], "none waits for another"
    assert monitor_store.outbox.counts() == {"waiting": 3}
    desk.error = DeliveryError("busy", retry_after=600)
    alert(monitor_store, 3, "desk")
    for minute in range(6, 9):
        with pytest.raises(StoreError, match="the disk is full"):
            round_at(minute)
    assert desk.asked == 4, "what failed is not tried again and again, either"
    monitor_store.connection.execute("drop trigger full")
    desk.error = None
    assert round_at(9) == 0, "the other side wants to be left alone"
    assert monitor_store.outbox.counts() == {"delivered": 3, "waiting": 1}
    assert not unstored.entries
    assert round_at(30) == 1
    assert keys(desk) == [f"{number}-firing-desk" for number in range(4)]


def test_an_outcome_that_no_space_would_help_is_not_kept() -> None:
    unstored = Unstored()
    with pytest.raises(ZeroDivisionError):
        unstored.store(1, lambda: 1 // 0 and None)
    assert not unstored.entries


# -- pauses ------------------------------------------------------------------------------


def test_pauses_double_up_to_an_hour() -> None:
    assert [pause(n) for n in (1, 2, 3, 9, 10, 99)] == [10, 20, 40, 2560, 3600, 3600]


@given(st.integers(1, 200), st.floats(0, 1e6), st.floats(0, 0.999))
def test_a_pause_is_spread_a_little_and_never_shorter_than_asked(
    attempts: int, asked: float, jitter: float
) -> None:
    exact, spread = pause(attempts, asked=asked), pause(attempts, asked=asked, jitter=jitter)
    assert exact >= asked
    assert exact <= spread <= exact + 0.2 * pause(attempts)


def test_notifications_that_failed_together_do_not_come_back_together(monitor_store: Store) -> None:
    desk = Recorder()
    desk.error = DeliveryError("busy")
    for n in range(20):
        alert(monitor_store, n, "desk")
    deliver_due(monitor_store, "desk", desk, NOW, dice=random.Random(1))
    again = {found.next_at for found in monitor_store.outbox.undelivered()}
    assert len(again) > 15
    assert all(NOW + timedelta(seconds=10) <= at <= NOW + timedelta(seconds=12) for at in again)


def test_each_attempt_has_its_time_and_the_same_key(monitor_store: Store) -> None:
    desk = Recorder()
    alert(monitor_store, 1, "desk")
    deliver_due(monitor_store, "desk", desk, NOW)
    alert(monitor_store, 2, "desk")
    deliver_due(monitor_store, "desk", desk, NOW + HOUR)
    assert [notification.at for notification in desk.sent] == [NOW, NOW + HOUR]


def test_who_asks_for_a_pause_gets_no_other_notifications_either(monitor_store: Store) -> None:
    desk = Recorder()
    desk.error = DeliveryError("too many requests", retry_after=120)
    for n in range(3):
        alert(monitor_store, n, "desk")
    deliver_due(monitor_store, "desk", desk, NOW)
    attempts = [found.attempts for n in (1, 2, 3) for found in monitor_store.outbox.of_alert(n)]
    assert attempts == [1, 0, 0]
    desk.error = None
    alert(monitor_store, 3, "desk")  # written meanwhile
    assert deliver_due(monitor_store, "desk", desk, NOW + timedelta(seconds=119)) == 0
    assert deliver_due(monitor_store, "desk", desk, NOW + timedelta(seconds=120)) == 4


def test_what_failed_by_a_clock_that_was_put_back_does_not_wait_for_it(monitor_store: Store) -> None:
    desk = Recorder()
    ahead = NOW + timedelta(days=3650)
    alert(monitor_store, 1, "desk", now=ahead)
    desk.error = DeliveryError("no route")
    assert deliver_due(monitor_store, "desk", desk, ahead) == 0
    assert deliver_due(monitor_store, "desk", desk, NOW) == 0, "it is tried, and fails again"
    desk.error = None
    assert deliver_due(monitor_store, "desk", desk, NOW + timedelta(seconds=19)) == 0, "not at each look"
    assert deliver_due(monitor_store, "desk", desk, NOW + timedelta(seconds=20)) == 1


def test_a_clock_that_was_put_back_for_a_minute_has_nothing_tried_at_each_look(monitor_store: Store) -> None:
    desk = Recorder()
    desk.error = DeliveryError("no route")
    alert(monitor_store, 1, "desk")
    for second in range(-60, 60):
        deliver_due(monitor_store, "desk", desk, NOW + timedelta(seconds=second))
    (waiting,) = monitor_store.outbox.undelivered()
    assert (waiting.attempts, waiting.waits_since) == (4, NOW - MINUTE), "after 10, 20 and 40 seconds"
    assert waiting.next_at == NOW + timedelta(seconds=90)


def test_what_was_written_before_a_clock_was_far_ahead_and_failed_then_is_tried_by_the_right_one(
    monitor_store: Store,
) -> None:
    desk = Recorder()
    desk.error = DeliveryError("no route")
    alert(monitor_store, 1, "desk")
    deliver_due(monitor_store, "desk", desk, NOW)
    deliver_due(monitor_store, "desk", desk, NOW + timedelta(days=5))
    assert deliver_due(monitor_store, "desk", desk, NOW + MINUTE) == 0, "it is tried, and fails again"
    desk.error = None
    assert deliver_due(monitor_store, "desk", desk, NOW + MINUTE + timedelta(seconds=39)) == 0
    assert deliver_due(monitor_store, "desk", desk, NOW + MINUTE + timedelta(seconds=40)) == 1


def test_a_pause_is_over_where_the_clock_is_put_back_or_somebody_sends_again(monitor_store: Store) -> None:
    desk, busy = Recorder(), DeliveryError("too many requests", retry_after=120)
    desk.error = busy
    alert(monitor_store, 1, "desk")
    deliver_due(monitor_store, "desk", desk, NOW)
    desk.error = None
    alert(monitor_store, 2, "desk")
    assert deliver_due(monitor_store, "desk", desk, NOW - HOUR) == 2
    desk.error = busy
    alert(monitor_store, 3, "desk")
    deliver_due(monitor_store, "desk", desk, NOW + HOUR)
    desk.error = None
    (left,) = monitor_store.outbox.undelivered()
    monitor_store.outbox.give_up(left.id, "no such channel", NOW + HOUR)
    monitor_store.outbox.resend([left.id], NOW + HOUR + timedelta(seconds=5))
    assert deliver_due(monitor_store, "desk", desk, NOW + HOUR + timedelta(seconds=5)) == 1


def test_a_header_as_it_came_does_not_stop_delivery(monitor_store: Store) -> None:
    alert(monitor_store, 1, "desk")
    desk = Recorder()
    for asked, wait in (("120", 120), ("later", 20)):
        desk.error = DeliveryError("busy", retry_after=asked)  # type: ignore[arg-type]
        assert deliver_due(monitor_store, "desk", desk, NOW + HOUR * (wait == 20)) == 0
        (waiting,) = monitor_store.outbox.undelivered()
        assert waiting.next_at == NOW + HOUR * (wait == 20) + timedelta(seconds=wait)
    assert waiting.attempts == 2


@pytest.mark.parametrize("asked", [1.7e9, 1.7e12])  # a moment in place of a pause, in s and in ms
def test_nobody_is_waited_for_longer_than_two_days(monitor_store: Store, asked: float) -> None:
    alert(monitor_store, 1, "desk")
    desk = Recorder()
    desk.error = DeliveryError("busy", retry_after=asked)
    assert deliver_due(monitor_store, "desk", desk, NOW) == 0
    desk.error = None
    assert deliver_due(monitor_store, "desk", desk, NOW + 47 * HOUR) == 0
    assert deliver_due(monitor_store, "desk", desk, NOW + 48 * HOUR) == 1


def test_a_notifier_that_asks_to_end_the_program_is_tried_again(monitor_store: Store) -> None:
    alert(monitor_store, 1, "desk")
    desk = Recorder()
    desk.error = SystemExit(1)
    assert deliver_due(monitor_store, "desk", desk, NOW) == 0
    (waiting,) = monitor_store.outbox.undelivered()
    assert (waiting.attempts, waiting.last_error) == (1, "SystemExit: 1")
    desk.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        deliver_due(monitor_store, "desk", desk, NOW + HOUR)


def test_what_a_notifier_says_is_kept_as_one_line(monitor_store: Store) -> None:
    alert(monitor_store, 1, "desk")
    desk = Recorder()
    desk.error = DeliveryError("one\n\x1b[31mtwo " + "y" * 2_000)
    deliver_due(monitor_store, "desk", desk, NOW)
    (waiting,) = monitor_store.outbox.undelivered()
    assert waiting.last_error == "one two " + "y" * 488 + " ..."


@pytest.mark.parametrize("error", [DeliveryError("busy"), ValueError("a bug")])
def test_after_a_week_of_failures_a_notification_is_dead(monitor_store: Store, error: Exception) -> None:
    desk = Recorder()
    desk.error = error
    alert(monitor_store, 1, "desk")
    now = NOW
    while monitor_store.outbox.counts().get("waiting"):
        deliver_due(monitor_store, "desk", desk, now)
        now += HOUR
    assert timedelta(days=7) < now - NOW < timedelta(days=7, hours=3)
    (dead,) = monitor_store.outbox.dead()
    assert str(error) in (dead.last_error or "")


# -- limits ------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["10", "0/1h", "10/", "/1h", "ten/1h", "10/0s", "1.5/1h", 10])
def test_what_is_no_rate(wrong: object) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        parse_rate(wrong)


def test_a_limit_survives_restarts_and_loses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    terms = Terms(at_most=Rate(3, 3600))
    sent: list[tuple[datetime, str]] = []
    now = NOW
    for n in range(10):
        store = Store(tmp_path / "monitor.db")
        alert(store, n, "desk", now=now)
        store.close()
    for _ in range(5 * 60):
        store = Store(tmp_path / "monitor.db")  # as after a restart
        desk = Recorder()
        while deliver_due(store, "desk", desk, now, terms=terms, limit=1):
            pass
        sent += [(now, key) for key in keys(desk)]
        store.close()
        now += MINUTE
    assert [key for _, key in sent] == [f"{n}-firing-desk" for n in range(10)]
    for start, _ in sent:
        assert sum(start <= at < start + HOUR for at, _ in sent) <= 3
    assert sent[-1][0] == NOW + 3 * HOUR, "no longer than the limit says"
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == ["desk has delivered 3 in 1h, as much as it may; 7 notifications wait"]


def test_a_limit_that_is_lifted_holds_no_new_notification(monitor_store: Store) -> None:
    desk = Recorder()
    for n in range(2):
        alert(monitor_store, n, "desk")
    assert deliver_due(monitor_store, "desk", desk, NOW, terms=Terms(at_most=Rate(1, 3600))) == 1
    alert(monitor_store, 2, "desk")
    assert deliver_due(monitor_store, "desk", desk, NOW + MINUTE) == 1


def test_held_notifications_say_why_they_wait(monitor_store: Store) -> None:
    for n in range(2):
        alert(monitor_store, n, "desk")
    deliver_due(monitor_store, "desk", Recorder(), NOW, terms=Terms(at_most=Rate(1, 600)))
    (held,) = monitor_store.outbox.of_alert(2)
    assert (held.attempts, held.next_at) == (0, NOW + 10 * MINUTE)
    assert monitor_store.outbox.last_errors() == {"desk": "held back: at most 1 in 10m"}
    assert monitor_store.outbox.undelivered() == [], "waiting for its turn is no failure"


@given(st.lists(st.integers(-10_000, 1000), max_size=30), st.integers(1, 5), st.integers(1, 5000))
def test_when_the_next_may_go(offsets: list[int], number: int, seconds: int) -> None:
    at_most = Rate(number, seconds)
    delivered = [NOW + timedelta(seconds=offset) for offset in offsets]
    free = free_at(delivered, at_most, NOW)
    inside = sum(NOW - timedelta(seconds=seconds) < at <= NOW for at in delivered)
    assert (free is None) == (inside < number)
    if free is not None:
        assert NOW < free <= NOW + timedelta(seconds=seconds)
        past = [at for at in delivered if at <= NOW]
        assert free_at(past, at_most, free) is None
        assert free_at(past, at_most, free - timedelta(seconds=1)) is not None


def test_a_notification_that_comes_late_says_so_and_whether_it_is_over_by_now(monitor_store: Store) -> None:
    desk, zone = Recorder(), Templates(zone="Europe/Vienna")
    ended, open_ = alert(monitor_store, 1, "desk"), alert(monitor_store, 2, "desk")
    monitor_store.outbox.add(
        "desk", replace(notification(3), html="<body><h1>x</h1></body>"), open_, NOW + HOUR
    )
    monitor_store.alerts.resolve(ended, "over", NOW + HOUR)
    monitor_store.outbox.add("desk", notification(1, "resolved"), ended, NOW + HOUR)
    while deliver_due(monitor_store, "desk", desk, NOW + 14 * HOUR, templates=zone):
        pass
    firing, still, over, again = (
        next(sent for sent in desk.sent if sent.key == found.key)
        for found in (notification(1), notification(2), notification(1, "resolved"), notification(3))
    )
    late = "Written at 10:30 CET on Mon 2 Mar and delivered only at 00:30 CET"
    plain = notification(1).body
    assert firing.body == f"{late}: the alert has been over since 11:30 CET on Mon 2 Mar.\n{plain}"
    titles = [f"{head}{notification(1).title}" for head in ("Over by now: ", "Late: ")]
    assert [firing.title, still.title] == titles
    assert over.title == notification(1, "resolved").title
    assert still.body == f"{late}.\n{plain}"
    late = late.replace("10:30", "11:30")
    assert over.body == f"{late}.\n{notification(1, 'resolved').body}"
    assert again.html == f"<body><p>{late}.</p><h1>x</h1></body>"
    kept = monitor_store.outbox.of_alert(ended)
    assert [found.notification.body for found in kept] == [plain, notification(1, "resolved").body]


def test_a_notification_about_several_that_comes_late_says_how_many_are_over_by_now(
    monitor_store: Store,
) -> None:
    desk = Recorder()
    ids = [alert(monitor_store, number) for number in (1, 2)]
    for key in ("some", "all"):
        monitor_store.alerts.resolve(ids[key == "all"], "over", NOW + HOUR)
        data = {
            "group": {},
            "alerts": [{**notification(1).data, "id": one, "event": "firing"} for one in ids],
        }
        several = replace(notification(1), key=key, data=data)
        monitor_store.outbox.add("desk", several, None, NOW, alerts=ids)
        deliver_due(monitor_store, "desk", desk, NOW + 2 * HOUR)
    some, all_ = desk.sent
    late = "Written at 09:30 UTC and delivered only at 11:30 UTC"
    assert some.body.startswith(f"{late}: of 2 that fired then, 1 is over by now.\n")
    assert all_.body.startswith(f"{late}: all that fired then is over by now.\n")
    assert [some.title[:6], all_.title[:13]] == ["Late: ", "Over by now: "]


def test_a_notification_that_comes_within_a_quarter_of_an_hour_says_nothing_of_it(
    monitor_store: Store,
) -> None:
    desk = Recorder()
    alert(monitor_store, 1, "desk")
    monitor_store.outbox.add("desk", notification(9, "digest"), None, NOW - HOUR)
    deliver_due(monitor_store, "desk", desk, NOW + 15 * MINUTE)
    assert [sent.body for sent in desk.sent] == [notification(1).body, notification(9, "digest").body]


# -- fallbacks ---------------------------------------------------------------------------

ON_CALL = Terms(fallback="phone", fallback_after=900)


def test_a_dead_letter_goes_to_the_fallback_once(monitor_store: Store) -> None:
    desk, phone = Recorder(), Recorder()
    desk.error = DeliveryError("no such <room>", permanent=True)
    number = alert(monitor_store, 1, "desk")
    monitor_store.outbox.add(
        "desk",
        replace(notification(2), html="<html><body class='x'><p>Hi</p></body></html>", picture=b"PNG"),
        number,
        NOW,
    )
    for minute in range(60):
        deliver_due(monitor_store, "desk", desk, NOW + minute * MINUTE, terms=ON_CALL)
        deliver_due(monitor_store, "phone", phone, NOW + minute * MINUTE)
    assert keys(phone) == [copy_key("1-firing-desk", "phone"), copy_key("2-firing-desk", "phone")]
    first, second = phone.sent
    assert first.body.startswith("(desk could not deliver this: no such <room>)\n12 texts")
    assert first.data["fallback_for"] == "desk"
    assert monitor_store.notification_log.standing("phone") == [number], "it may have to go on saying so"
    assert second.html == (
        "<html><body class='x'><p>(desk could not deliver this: no such &lt;room&gt;)</p><p>Hi</p></body></html>"
    )
    assert second.picture == b"PNG"


def test_a_notification_that_waits_goes_to_the_fallback_and_goes_on_waiting(monitor_store: Store) -> None:
    desk, phone = Recorder(), Recorder()
    desk.error = DeliveryError("refused")
    number = alert(monitor_store, 1, "desk")
    for minute in range(30):
        if minute == 20:
            monitor_store.outbox.add("desk", notification(1, "resolved"), number, NOW + 20 * MINUTE)
        if minute == 25:
            desk.error = None
        deliver_due(monitor_store, "desk", desk, NOW + minute * MINUTE, terms=ON_CALL)
        deliver_due(monitor_store, "phone", phone, NOW + minute * MINUTE)
        if minute == 14:
            assert keys(phone) == []
        if minute == 15:
            assert keys(phone) == [copy_key("1-firing-desk", "phone")]
    deliver_due(monitor_store, "desk", desk, NOW + HOUR, terms=ON_CALL)
    deliver_due(monitor_store, "desk", desk, NOW + HOUR, terms=ON_CALL)
    deliver_due(monitor_store, "phone", phone, NOW + HOUR)
    assert keys(desk) == ["1-firing-desk", "1-resolved-desk"]
    assert [n.event for n in phone.sent] == ["firing", "resolved"], "notified of the beginning, so of the end"
    assert "could not deliver" not in phone.sent[1].body


def test_who_is_notified_anyway_gets_no_copy(monitor_store: Store) -> None:
    desk, phone = Recorder(), Recorder()
    desk.error = DeliveryError("gone", permanent=True)
    alert(monitor_store, 1, "desk", "phone")
    deliver_due(monitor_store, "desk", desk, NOW, terms=ON_CALL)
    deliver_due(monitor_store, "phone", phone, NOW)
    assert keys(phone) == ["1-firing-phone"]


def test_who_got_a_copy_of_a_groups_beginning_gets_its_end_too(monitor_store: Store) -> None:
    desk, phone = Recorder(), Recorder()
    desk.error = DeliveryError("refused")
    members = [alert(monitor_store, n) for n in (1, 2, 3)]
    monitor_store.outbox.add("desk", notification(10), None, NOW, alerts=members)
    monitor_store.outbox.add("desk", notification(1, "resolved"), members[0], NOW + 20 * MINUTE)
    monitor_store.outbox.add(
        "desk", notification(10, "resolved"), None, NOW + 21 * MINUTE, alerts=members[1:]
    )
    for minute in (0, 15):
        deliver_due(monitor_store, "desk", desk, NOW + minute * MINUTE, terms=ON_CALL)
    desk.error = None
    for _ in range(3):
        deliver_due(monitor_store, "desk", desk, NOW + 22 * MINUTE, terms=ON_CALL)
        deliver_due(monitor_store, "phone", phone, NOW + 22 * MINUTE)
    assert keys(desk) == ["10-firing-desk", "1-resolved-desk", "10-resolved-desk"]
    assert keys(phone) == [copy_key(key, "phone") for key in keys(desk)]


def test_copies_keep_the_order_of_a_group_where_the_clock_was_put_back(monitor_store: Store) -> None:
    members = [alert(monitor_store, n) for n in (1, 2)]
    monitor_store.outbox.add("desk", notification(10), None, NOW + HOUR, alerts=members)
    monitor_store.outbox.add("desk", notification(1, "resolved"), members[0], NOW)
    late = monitor_store.outbox.late(NOW, notifier="desk", fallback="phone")
    assert [found.notification.key for found in late] == ["10-firing-desk", "1-resolved-desk"]


def test_what_a_fallback_is_to_get_is_found_at_once_however_much_waits(monitor_store: Store) -> None:
    def work(numbers: range) -> int:
        with monitor_store.transaction():
            for number in numbers:
                alert(monitor_store, number, "desk")

        def find() -> None:
            assert monitor_store.outbox.late(NOW - HOUR, notifier="desk", fallback="phone") == []

        return steps(monitor_store.connection, find)

    few, many = work(range(400)), work(range(400, 1600))
    assert many < 8 * few, "it takes as long as there are notifications, not as their square"


def test_who_is_notified_of_all_of_a_group_anyway_gets_no_copy(monitor_store: Store) -> None:
    members = [alert(monitor_store, 1, "phone"), alert(monitor_store, 2)]
    monitor_store.outbox.add("desk", notification(10), None, NOW, alerts=members)
    (group,) = monitor_store.outbox.late(NOW, notifier="desk", fallback="phone")
    assert not monitor_store.outbox.notified(group, "phone"), "of the second it was not"
    monitor_store.outbox.add("phone", notification(2, "firing", "phone"), members[1], NOW)
    assert monitor_store.outbox.notified(group, "phone")
    assert monitor_store.outbox.late(NOW, notifier="desk", fallback="phone") == []


def test_fallbacks_of_fallbacks(monitor_store: Store) -> None:
    desk, phone, mail = Recorder(), Recorder(), Recorder()
    desk.error = phone.error = DeliveryError("gone", permanent=True)
    alert(monitor_store, 1, "desk")
    for _ in range(3):
        deliver_due(monitor_store, "desk", desk, NOW, terms=ON_CALL)
        deliver_due(monitor_store, "phone", phone, NOW, terms=Terms(fallback="mail"))
        deliver_due(monitor_store, "mail", mail, NOW)
    assert keys(mail) == [copy_key(copy_key("1-firing-desk", "phone"), "mail")]


def test_a_copy_and_the_death_of_its_notification_are_one_transaction(monitor_store: Store) -> None:
    desk = Recorder()
    desk.error = DeliveryError("gone", permanent=True)
    alert(monitor_store, 1, "desk")
    monitor_store.connection.execute(
        "create trigger no_copies before insert on outbox begin select raise(abort, 'no'); end"
    )
    with pytest.raises(sqlite3.IntegrityError):
        deliver_due(monitor_store, "desk", desk, NOW, terms=ON_CALL)
    assert monitor_store.outbox.counts() == {"waiting": 1}


# -- dead letters ------------------------------------------------------------------------


def test_resent_notifications_have_their_keys_and_another_week(monitor_store: Store) -> None:
    desk = Recorder()
    desk.error = DeliveryError("gone", permanent=True)
    number = alert(monitor_store, 1, "desk")
    monitor_store.outbox.add("desk", notification(1, "resolved"), number, NOW)
    for _ in range(2):
        deliver_due(monitor_store, "desk", desk, NOW)
    later = NOW + timedelta(days=30)
    monitor_store.outbox.resend([found.id for found in monitor_store.outbox.dead()], later)
    desk.error = DeliveryError("busy")
    deliver_due(monitor_store, "desk", desk, later)
    assert monitor_store.outbox.counts() == {"waiting": 2}
    desk.error = None
    for _ in range(2):
        deliver_due(monitor_store, "desk", desk, later + MINUTE)
    assert keys(desk) == ["1-firing-desk", "1-resolved-desk"]


def test_a_picture_is_kept_until_it_is_delivered(monitor_store: Store) -> None:
    desk = Recorder()
    monitor_store.outbox.add(
        "desk", replace(notification(1), html="<p>x</p>", picture=b"\x89PNG\0\xff"), None, NOW
    )
    deliver_due(monitor_store, "desk", desk, NOW)
    assert (desk.sent[0].html, desk.sent[0].picture) == ("<p>x</p>", b"\x89PNG\0\xff")
    assert monitor_store.connection.execute("select picture from outbox").fetchone()[0] is None


def test_notifications_of_before_are_readable(tmp_path: Path) -> None:
    from sqlite_utils import Database

    from monitor.store.migrations_alerts import core

    database = Database(tmp_path / "monitor.db")
    core.apply(database, stop_before="m0008_letters_that_are_copied_held_and_sent_again")
    database.conn.execute(
        "insert into outbox (key, event, notifier, notification, created_at, next_at) values ('k', 'firing', 'desk', "
        '\'{"key": "k", "event": "firing", "title": "t", "body": "b", "data": {}}\', '
        "'2026-03-01T00:00:00.000000Z', '2026-03-01T00:00:00.000000Z')"
    )
    database.conn.commit()
    database.close()
    store, desk = Store(tmp_path / "monitor.db"), Recorder()
    assert deliver_due(store, "desk", desk, NOW) == 1
    assert desk.sent == [Notification("k", "firing", "t", "b", {}, at=NOW)]
    store.close()


def test_who_comes_late_does_not_change_what_became_of_a_notification(monitor_store: Store) -> None:
    number, outbox = alert(monitor_store, 1, "desk"), monitor_store.outbox
    (waiting,) = outbox.of_alert(number)
    outbox.delivered(waiting.id, NOW)
    outbox.postpone(waiting.id, NOW, NOW + HOUR, "no route")
    outbox.give_up(waiting.id, "no route", NOW + HOUR)
    (found,) = outbox.of_alert(number)
    assert (outbox.counts(), found.attempts, found.last_error) == ({"delivered": 1}, 1, None)
