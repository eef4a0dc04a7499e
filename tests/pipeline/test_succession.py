"""Notifications of one series go out in order; one that never gets through does not hide what comes after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from loopback import LoopbackServer, Reply, Seen
from work import steps

from monitor.alerts.redelivery import Terms, stuck
from monitor.errors import DeliveryError
from monitor.pipeline.alerting.delivery import deliver_due
from monitor.store import Store
from monitor.testing import NOW, Recorder, make, sample_notification
from monitor.types import Notification
from monitor_plugins.webhook import Webhook

SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3600, 86400))


class Picky(Recorder):
    """Refuses some notifications, whatever else it takes; remembers each attempt."""

    def __init__(self, refuses: Callable[[Notification], bool]) -> None:
        super().__init__()
        self.refuses, self.tried = refuses, list[str]()

    def send(self, notification: Notification) -> None:
        self.tried.append(notification.key)
        if self.refuses(notification):
            raise DeliveryError("HTTP 500")
        super().send(notification)

    @property
    def got(self) -> list[str]:
        return [notification.key for notification in self.sent]


def poisoned(*keys: str) -> Picky:
    return Picky(lambda notification: notification.key in keys)


def alert(store: Store, series: str, now: datetime = NOW) -> int:
    """A new alert on a series; the one before it is over."""
    with store.transaction():
        before = store.alerts.open(series)
        if before is not None:
            store.alerts.resolve(before.id, "quiet again", now)
        return store.alerts.insert(
            rule="bad-news", kind="surge", fingerprint=series, selection={}, since=now, now=now, observed=9,
            expected=1, low=0, high=3, reason="9 texts", notify=["desk"],
        )  # fmt: skip


def write(store: Store, *alerts: int, event: str = "firing", now: datetime = NOW) -> str:
    key = f"{'+'.join(map(str, alerts))}-{event}"
    said = replace(sample_notification(event), key=key, data={})
    store.outbox.add("desk", said, alerts[0] if len(alerts) == 1 else None, now, alerts=alerts)
    return key


def run(
    store: Store, desk: Recorder, since: datetime, until: datetime, *, every: timedelta = SECOND, **how: Terms
) -> None:
    now = since
    while now < until:
        deliver_due(store, "desk", desk, now, **how)
        now += every


def test_later_news_of_an_alert_passes_what_never_gets_through(monitor_store: Store) -> None:
    first = alert(monitor_store, "credit")
    fire = write(monitor_store, first)
    desk = poisoned(fire)
    run(monitor_store, desk, NOW, NOW + 5 * MINUTE)
    end = write(monitor_store, first, event="resolved", now=NOW + 5 * MINUTE)
    run(monitor_store, desk, NOW + 5 * MINUTE, NOW + 15 * MINUTE)
    assert desk.got == [], "so far it may be an outage"
    run(monitor_store, desk, NOW + 15 * MINUTE, NOW + 30 * MINUTE)
    assert desk.got == [end]
    (dead,) = monitor_store.outbox.dead()
    assert (dead.notification.key, dead.last_error) == (fire, "passed over by later news: HTTP 500")
    assert dead.attempts == desk.tried.count(fire)
    assert monitor_store.succession.overtaken(dead)
    assert monitor_store.outbox.lately_dead(NOW) == [], "the end says what it was"


def test_a_new_alert_of_a_series_passes_an_end_that_never_gets_through_at_once(monitor_store: Store) -> None:
    first = alert(monitor_store, "credit")
    fire, end = write(monitor_store, first), write(monitor_store, first, event="resolved")
    desk = poisoned(end)
    run(monitor_store, desk, NOW, NOW + 20 * HOUR, every=MINUTE)
    later = NOW + 20 * HOUR + MINUTE / 2  # between two attempts
    again = write(monitor_store, alert(monitor_store, "credit", later), now=later)
    deliver_due(monitor_store, "desk", desk, later)
    assert desk.got == [fire, again]
    (dead,) = monitor_store.outbox.dead()
    assert dead.notification.key == end
    assert monitor_store.succession.overtaken(dead), "sent again, it would end the new alert"
    assert monitor_store.outbox.lately_dead(NOW) == []


def test_an_alert_of_which_nothing_got_through_stays_a_problem(monitor_store: Store) -> None:
    first = alert(monitor_store, "credit")
    fire, end = write(monitor_store, first), write(monitor_store, first, event="resolved")
    desk = poisoned(fire, end)
    run(monitor_store, desk, NOW, NOW + 2 * HOUR, every=10 * SECOND)
    later = NOW + 2 * HOUR
    again = write(monitor_store, alert(monitor_store, "credit", later), now=later)
    run(monitor_store, desk, later, later + MINUTE)
    assert desk.got == [again]
    assert [found.notification.key for found in monitor_store.outbox.lately_dead(NOW)] == [fire]


def test_a_server_that_chokes_on_one_notification_gets_the_next_of_its_series(monitor_store: Store) -> None:
    first = alert(monitor_store, "credit")
    fire, end = write(monitor_store, first), write(monitor_store, first, event="resolved")

    def choke(seen: Seen) -> Reply:
        return Reply(500 if seen.headers["idempotency-key"] == fire else 200)

    with LoopbackServer() as server:
        server.routes["/hook"] = choke
        desk = make(Webhook, Path(), url=server.url("/hook"), allow_private=True)
        now = NOW
        while now < NOW + 30 * MINUTE:
            deliver_due(monitor_store, "desk", desk, now)
            now += 10 * SECOND
        desk.close()
        keys = [seen.headers["idempotency-key"] for seen in server.requests]
    assert keys == [*[fire] * keys.count(fire), end], "one key each, and the end once"
    assert monitor_store.outbox.counts() == {"dead": 1, "delivered": 1}


def test_in_an_outage_nothing_is_passed_over_and_all_comes_in_order(monitor_store: Store) -> None:
    down_until = NOW + 10 * HOUR
    now = NOW
    desk = Picky(lambda notification: now < down_until)
    written = []
    while now < down_until + 2 * HOUR:
        if (now - NOW) % HOUR == timedelta(0) and now < down_until:
            for series in ("credit", "debit"):
                number = alert(monitor_store, series, now)
                written += [write(monitor_store, number, event=e, now=now) for e in ("firing", "resolved")]
        deliver_due(monitor_store, "desk", desk, now)
        now += 10 * SECOND
    assert monitor_store.outbox.counts() == {"delivered": 40}
    for part in (0, 1):
        series = [key for n, key in enumerate(written) if n // 2 % 2 == part]
        assert [key for key in desk.got if key in series] == series
    assert len(desk.tried) < 40 * 10, "a long queue costs no more attempts than a short one"


def test_who_asks_for_a_pause_is_not_tried_with_later_news(monitor_store: Store) -> None:
    first = alert(monitor_store, "credit")
    fire, end = write(monitor_store, first), write(monitor_store, first, event="resolved")
    desk = poisoned(fire)
    run(monitor_store, desk, NOW, NOW + 10 * MINUTE)
    busy = Recorder()
    busy.error = DeliveryError("too many requests", retry_after=3600)
    run(monitor_store, busy, NOW + 10 * MINUTE, NOW + 50 * MINUTE)
    write(monitor_store, alert(monitor_store, "credit", NOW + HOUR), now=NOW + HOUR)
    run(monitor_store, desk, NOW + 50 * MINUTE, NOW + 70 * MINUTE)
    assert end not in desk.tried
    assert monitor_store.outbox.counts() == {"waiting": 3}


def test_the_fallback_gets_what_was_passed_over_and_then_what_passed_it(monitor_store: Store) -> None:
    first = alert(monitor_store, "credit")
    fire, end = write(monitor_store, first), write(monitor_store, first, event="resolved")
    desk, phone = poisoned(fire), Recorder()
    run(
        monitor_store,
        desk,
        NOW,
        NOW + HOUR,
        terms=Terms(fallback="phone", fallback_after=DAY.total_seconds()),
    )
    deliver_due(monitor_store, "phone", phone, NOW + HOUR)
    deliver_due(monitor_store, "phone", phone, NOW + HOUR)
    assert desk.got == [end]
    assert [notification.event for notification in phone.sent] == ["firing", "resolved"]
    assert "passed over by later news: HTTP 500" in phone.sent[0].body


def test_a_notification_about_several_waits_for_all_that_hold_it_up(monitor_store: Store) -> None:
    one, two, three = (alert(monitor_store, series) for series in ("credit", "debit", "savings"))
    first, second, third = (write(monitor_store, number) for number in (one, two, three))
    both = write(monitor_store, one, two, event="resolved")
    desk = poisoned(first, second)
    run(monitor_store, desk, NOW, NOW + 12 * MINUTE)
    assert desk.got == [third]
    run(monitor_store, desk, NOW + 12 * MINUTE, NOW + HOUR)
    assert desk.got == [third, both]
    assert [found.notification.key for found in monitor_store.outbox.dead()] == [first, second]


def test_of_a_notification_about_several_what_nobody_heard_stays_a_problem(monitor_store: Store) -> None:
    one, two = alert(monitor_store, "credit"), alert(monitor_store, "debit")
    both = write(monitor_store, one, two)
    end = write(monitor_store, one, event="resolved")
    desk = poisoned(both)
    run(monitor_store, desk, NOW, NOW + HOUR)
    assert desk.got == [end]
    (dead,) = monitor_store.outbox.lately_dead(NOW)
    assert dead.notification.key == both
    write(monitor_store, two, event="resolved")
    run(monitor_store, desk, NOW + HOUR, NOW + 2 * HOUR, every=MINUTE)
    assert monitor_store.outbox.lately_dead(NOW) == []


@pytest.mark.parametrize(("attempts", "minutes", "may"), [(5, 15, True), (4, 600, False), (50, 14, False)])
def test_when_a_notification_may_be_passed(attempts: int, minutes: int, may: bool) -> None:
    assert stuck(NOW, attempts, NOW + minutes * MINUTE) is may


def test_later_news_is_found_with_as_much_work_however_long_the_past(monitor_store: Store) -> None:
    def work(past: int) -> int:
        with monitor_store.transaction() as connection:
            for _ in range(past):
                write(monitor_store, alert(monitor_store, "credit"))
            connection.execute("update outbox set state = 'delivered', delivered_at = next_at")
        first = alert(monitor_store, "credit")
        fire = write(monitor_store, first)
        end = write(monitor_store, first, event="resolved")
        desk = poisoned(fire)
        run(monitor_store, desk, NOW, NOW + 14 * MINUTE, every=MINUTE)
        later = NOW + 14 * MINUTE, NOW + 30 * MINUTE
        count = steps(monitor_store.connection, lambda: run(monitor_store, desk, *later, every=MINUTE))
        assert desk.got == [end]
        return count

    few, many = work(200), work(600)
    assert many < 1.5 * few, "it is searched for in all that was ever written about the series"
