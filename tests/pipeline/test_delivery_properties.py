"""Whatever happens, in whatever order: no notification is lost, none comes twice, none comes too early."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from monitor.alerts.redelivery import Terms, copy_key
from monitor.durations import Rate
from monitor.errors import DeliveryError
from monitor.pipeline.alerting.delivery import deliver_due
from monitor.store import Store
from monitor.testing import NOW, Recorder, sample_notification
from monitor.types import Notification

OUTCOMES: dict[str, Exception | None] = {
    "well": None,
    "busy": DeliveryError("busy"),
    "later": DeliveryError("later", retry_after=1800),
    "gone": DeliveryError("gone", permanent=True),
    "bug": ValueError("bug"),
    "poison": None,
}
STEPS = st.one_of(
    st.just(("raise", "")),
    st.just(("resolve", "")),
    st.just(("resend", "")),
    st.just(("restart", "")),
    st.tuples(st.sampled_from(["desk", "phone"]), st.sampled_from(sorted(OUTCOMES))),
    st.tuples(st.just("wait"), st.sampled_from(["10", "600", "1000", "4000", "700000", "-300"])),
)


class Picky(Recorder):
    """Refuses the beginnings of every other alert, and takes all else."""

    def send(self, notification: Notification) -> None:
        if notification.event == "firing" and notification.data["id"] % 2:
            raise DeliveryError("HTTP 500")
        super().send(notification)


class World:
    """An outbox, two notifiers of which one stands in for the other, and a clock that may go back."""

    def __init__(self, path: Path, terms: Terms) -> None:
        self.path, self.terms, self.now = path, terms, NOW
        self.sent: dict[str, list[tuple[datetime, str, str, int]]] = {"desk": [], "phone": []}
        self.open: list[int] = []
        self.alerts = 0
        self.store = self.opened()

    def opened(self) -> Store:
        store = Store(self.path)
        store.connection.execute("pragma synchronous = off")
        return store

    def step(self, what: str, how: str) -> None:
        if what == "raise":
            self.alerts += 1
            number = self.store.alerts.insert(
                rule="r", kind="surge", fingerprint=str(self.alerts), selection={}, since=NOW, now=NOW, observed=9,
                expected=1, low=0, high=3, reason="9 texts", notify=["desk"],
            )  # fmt: skip
            self.notification(number, "firing")
            self.open.append(number)
        elif what == "resolve" and self.open:
            self.notification(self.open.pop(0), "resolved")
        elif what == "resend":
            self.resend()
        elif what == "restart":
            self.store.close()
            self.store = self.opened()
        elif what == "wait":
            self.now += timedelta(seconds=int(how))
        elif what in self.sent:
            self.deliver(what, OUTCOMES[how], Picky() if how == "poison" else Recorder())

    def notification(self, number: int, event: str) -> None:
        notification = replace(sample_notification(event), key=f"{number}-{event}", data={"id": number})
        self.store.outbox.add("desk", notification, number, self.now)

    def resend(self) -> None:
        outbox = self.store.outbox
        overtaken = self.store.succession.overtaken
        outbox.resend([found.id for found in outbox.dead() if not overtaken(found)], self.now)

    def deliver(self, name: str, error: Exception | None, notifier: Recorder) -> None:
        notifier.error = error
        terms = self.terms if name == "desk" else Terms()
        deliver_due(self.store, name, notifier, self.now, terms=terms)
        self.sent[name] += [(self.now, n.key, n.event, n.data["id"]) for n in notifier.sent]

    def heal(self) -> None:
        """From now on all goes well, and what is dead is sent again."""
        self.now += timedelta(hours=2)
        for _ in range(400):
            self.resend()
            self.deliver("desk", None, Recorder())
            self.deliver("phone", None, Recorder())
            if not self.store.outbox.counts().get("waiting"):
                return
            self.now += timedelta(minutes=30)
        raise AssertionError("notifications wait for ever")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(STEPS, min_size=15, max_size=40),
    st.sampled_from([None, Rate(1, 900), Rate(3, 3600)]),
    st.sampled_from([0, 900]),
)
@example([("raise", ""), ("desk", "busy"), ("resolve", ""), ("desk", "well")], None, 900)
@example([("raise", ""), ("resolve", ""), *[("desk", "poison"), ("wait", "1000")] * 5], None, 0)
@example([("raise", ""), ("wait", "-300"), ("resolve", ""), ("desk", "bug"), ("phone", "well")], None, 0)
def test_no_order_of_events_breaks_it(steps: list[tuple[str, str]], at_most: Rate | None, after: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "monitor.db", Terms(at_most, "phone", after))
        for what, how in steps:
            world.step(what, how)
        world.heal()
        check(world)
        world.store.close()


def check(world: World) -> None:
    rows: list[Any] = world.store.connection.execute("select * from outbox").fetchall()
    notifications = {row["key"]: row for row in rows}
    assert len(notifications) == len(rows), "one key a notification"
    for name, sent in world.sent.items():
        counts = Counter(key for _, key, _, _ in sent)
        assert set(counts.values()) <= {1}, "nothing comes twice"
        lost = {row["key"] for row in rows if row["notifier"] == name} - counts.keys()
        for key in lost:
            row = notifications[key]
            assert row["state"] == "dead", "nothing is lost"
            assert row["event"] == "firing", "no end of an alert is missing"
            assert any(row["alert_id"] == alert and event == "resolved" for _, _, event, alert in sent), (
                "overtaken"
            )
        order = [(alert, event) for _, _, event, alert in sent]
        for place, (alert, event) in enumerate(order):
            assert event == "resolved" or (alert, "resolved") not in order[:place], (
                "no alert begins after its end"
            )
    copied = {row["copy_of"]: row for row in rows if row["copy_of"] is not None}
    assert all(row["notifier"] == "desk" and row["copy_of"] is None for row in rows if row["id"] in copied)
    for row in rows:
        if row["id"] in copied:
            assert copied[row["id"]]["key"] == copy_key(row["key"], "phone"), (
                "a copy's key comes from the first"
            )
            end = notifications.get(f"{row['alert_id']}-resolved")
            assert row["event"] == "resolved" or end is None or end["id"] in copied, (
                "told of beginning and end"
            )


@pytest.mark.parametrize("limit", [Rate(1, 900), Rate(3, 3600)])
def test_a_limit_is_never_exceeded(tmp_path: Path, limit: Rate) -> None:
    world = World(tmp_path / "monitor.db", Terms(limit))
    for n in range(200):
        world.step("raise", "")
        world.step("desk", "busy" if n % 7 == 0 else "well")
        world.step("wait", "600" if n % 3 else "10")
    times = [at for at, *_ in world.sent["desk"]]
    span = timedelta(seconds=limit.seconds)
    assert len(times) > 20
    assert all(sum(start <= at < start + span for at in times) <= limit.number for start in times)
    world.store.close()
