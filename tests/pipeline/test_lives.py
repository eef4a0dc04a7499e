"""Random orders of verdicts, restarts, clock jumps and what people do never break an alert's life."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from monitor.alerts.detectors import SurgeSettings, Verdict
from monitor.alerts.lifecycle import Pace
from monitor.alerts.rules import Rule
from monitor.matching import parse_matchers
from monitor.pipeline.alerting.following import follow, resolve
from monitor.pipeline.alerting.notifying import dispatch
from monitor.routes import Inhibit, Mute, Policy, Route
from monitor.store import Store
from monitor.store.check import check
from monitor.testing import NOW

TOPICS = ("court", "money")
POLICIES = {
    "at once": Policy(),
    "one by one": Policy(
        (
            Route(name="desk", notify=("desk", "phone"), repeat_interval="1h", continue_=True),
            Route(name="phone", notify=("phone", "mail")),
        )
    ),
    "grouped": Policy(
        (
            Route(name="press", match=["rule=a"], notify=("desk",), group_by=("rule",), continue_=True),
            Route(name="all", notify=("phone", "desk"), group_by=(), repeat_interval="30m", mute=("nights",)),
        ),
        (Inhibit(source=["rule=b"], target=["rule=a"], equal=("topic",)),),
        (Mute(name="nights", zone="Asia/Tokyo", hours="22:00-06:00"),),
    ),
    "taken off": Policy(
        (
            Route(name="all", notify=("desk",), repeat_interval="2h", continue_=True),
            Route(name="new", notify=("desk", "mail"), group_by=("topic",), repeat_interval="1h"),
        ),
        notifiers=frozenset({"desk", "phone", "mail"}),
    ),
}
RULES = ("a", "b")
SPANS = st.sampled_from([1.0, 60.0, 600.0, 3600.0, 7200.0, 40000.0])


def make_rule(name: str, policy: Policy) -> Rule:
    pace = Pace(wait=600 if name == "b" else 0, keep_firing_for=1800, flap_count=3, flap_span=36000)
    return Rule(
        name,
        "surge",
        {"topic": "*"},
        ("desk", "mail"),
        SurgeSettings(),
        pace=pace,
        routed=True,
        policy=policy,
    )


def seen(kind: str) -> Verdict:
    said = f"what is seen is {kind}"
    return Verdict(
        kind == "firing", 9, 1.0, 0, 3, 0, 3600, 0.0, said, quiet=kind == "quiet", unknown=kind == "unknown"
    )


class Lives(RuleBasedStateMachine):
    """Two rules on two series of a real database."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        shutil.copy(self.template, self.folder / "monitor.db")
        self.store = Store(self.folder / "monitor.db")
        self.now = NOW
        self.policy = POLICIES["at once"]

    def teardown(self) -> None:
        self.settle()
        self.store.close()
        shutil.rmtree(self.folder)

    @initialize(policy=st.sampled_from(sorted(POLICIES)))
    def begin(self, policy: str) -> None:
        self.policy = POLICIES[policy]

    # -- what happens ----------------------------------------------------------------------

    @rule(
        name=st.sampled_from(RULES),
        topic=st.sampled_from(TOPICS),
        kind=st.sampled_from(["firing", "firing", "holding", "quiet", "quiet", "unknown"]),
        times=st.integers(1, 3),
        pause=SPANS,
    )
    def verdicts(self, name: str, topic: str, kind: str, times: int, pause: float) -> None:
        for _ in range(times):
            follow(
                self.store, make_rule(name, self.policy), {"topic": topic}, seen(kind), lambda _: [], self.now
            )
            self.now += timedelta(seconds=pause)

    @rule(seconds=SPANS)
    def time_goes_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        dispatch(self.store, self.policy, self.now)

    @rule(seconds=st.sampled_from([-90000.0, -3600.0, -5.0, 900000.0]))
    def the_clock_jumps(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def the_clock_is_where_it_began(self) -> None:
        self.now = NOW

    @rule()
    def it_is_restarted(self) -> None:
        self.store.close()
        self.store = Store(self.folder / "monitor.db")

    @rule(policy=st.sampled_from(sorted(POLICIES)))
    def the_configuration_changes(self, policy: str) -> None:
        self.policy = POLICIES[policy]

    @rule(which=st.integers(0, 3))
    def a_rule_is_removed(self, which: int) -> None:
        found = self.store.alerts.all_open()
        if which < len(found):
            resolve(self.store, found[which], "the rule is no longer there", self.now, self.policy)

    @rule(text=st.sampled_from(["rule=a", "topic=money", "rule=~.*", "topic!=court"]), seconds=SPANS)
    def somebody_silences(self, text: str, seconds: float) -> None:
        ends = self.now + timedelta(seconds=seconds)
        self.store.silences.add(
            parse_matchers([text]), author="ada", comment="", starts_at=self.now, ends_at=ends, now=self.now
        )

    @rule()
    def a_silence_is_ended(self) -> None:
        for silence in self.store.silences.active(self.now)[:1]:
            self.store.silences.expire(silence.id, self.now)

    @rule(which=st.integers(0, 3), seconds=SPANS, ack=st.booleans())
    def somebody_looks_after_one(self, which: int, seconds: float, ack: bool) -> None:
        found = self.store.alerts.all_open()
        if which < len(found) and ack:
            self.store.care.acknowledge(found[which].id, "ada", "on it", self.now)
        elif which < len(found):
            until = self.now + timedelta(seconds=seconds)
            self.store.care.snooze(found[which].id, until, "ada", "", self.now)

    @rule(notifier=st.sampled_from(["desk", "phone", "mail"]), works=st.booleans())
    def notifications_are_delivered(self, notifier: str, works: bool) -> None:
        for entry in self.store.outbox.due(self.now, notifier=notifier):
            if works:
                self.store.outbox.delivered(entry.id, self.now)
            else:
                self.store.outbox.postpone(entry.id, self.now, self.now + timedelta(minutes=1), "down")

    # -- what must hold --------------------------------------------------------------------

    def notified(self) -> dict[tuple[int, str], list[str]]:
        """The events notified of each alert to each notifier, in the order of the notifications."""
        found: dict[tuple[int, str], list[str]] = {}
        rows = self.store.connection.execute("select id, notifier, notification from outbox order by id")
        for _, notifier, text in rows.fetchall():
            notification = json.loads(text)
            events = [(a["id"], a["event"]) for a in notification["data"].get("alerts", [])]
            for alert, event in events or [(notification["data"]["id"], notification["event"])]:
                found.setdefault((alert, notifier), []).append(event)
        return found

    @invariant()
    def an_alert_is_open_once_and_says_why(self) -> None:
        alerts = {a.id: a for a in self.store.alerts.find(limit=None)}
        assert (
            max(Counter(a.fingerprint for a in alerts.values() if a.state != "resolved").values(), default=1)
            == 1
        )
        for alert in alerts.values():
            steps = self.store.transitions.of_alert(alert.id)
            assert all(step.reason for step in steps)
            states = [s.state for s in steps if s.state in ("pending", "firing", "resolved")]
            assert states in (
                ["pending"], ["firing"], ["pending", "firing"], ["firing", "resolved"],
                ["pending", "resolved"], ["pending", "firing", "resolved"],
            )  # fmt: skip
            assert states[-1] == alert.state
            assert (alert.fired_at is not None) == ("firing" in states)
        numbers = [(a.fingerprint, a.number) for a in alerts.values()]
        assert len(set(numbers)) == len(numbers)

    @invariant()
    def each_event_is_notified_once_and_in_order(self) -> None:
        keys = [row[0] for row in self.store.connection.execute("select key from outbox")]
        assert len(set(keys)) == len(keys)
        for (alert, notifier), events in self.notified().items():
            assert events[0] == "firing", "who was not notified of the beginning hears no end"
            assert events.count("resolved") <= 1
            assert "resolved" not in events[:-1], "nothing comes after the end"
            notified = self.store.notification_log.of_alert(alert)[notifier]
            assert notified.times <= events.count("firing"), (
                "a notification may name it for the sake of others"
            )
            assert notified.route or events.count("firing") == 1, "only routes repeat"
            assert (notified.resolved_at is not None) == ("resolved" in events)

    def settle(self) -> None:
        """Let all be quiet, unsilenced and by day for long enough."""
        hour = timedelta(hours=1)
        self.now = max([self.now, NOW, *(s.ends_at for s in self.store.silences.all())])
        for _ in range(40):
            self.now += hour
            for alert in self.store.alerts.all_open():
                follow(
                    self.store,
                    make_rule(alert.rule, self.policy),
                    alert.selection,
                    seen("quiet"),
                    lambda _: [],
                    self.now,
                )
            dispatch(self.store, self.policy, self.now)
        assert self.store.alerts.all_open() == []
        assert self.store.alerts.unsettled() == []
        assert self.store.notification_log.groups() == []
        for events in self.notified().values():
            assert events.count("resolved") == 1, "no end is lost"
        failed = [entry.next_at for entry in self.store.outbox.undelivered()]
        self.now = max([self.now, *failed])  # a pause that began by a clock that was ahead
        for _ in range(3000):
            entries = [
                x for n in ("desk", "phone", "mail") for x in self.store.outbox.due(self.now, notifier=n)
            ]
            for entry in entries:
                self.store.outbox.delivered(entry.id, self.now)
            if not entries:
                break
        assert set(self.store.outbox.counts()) <= {"delivered"}
        assert check(self.store) == []


@pytest.fixture(scope="module", autouse=True)
def _template(tmp_path_factory: pytest.TempPathFactory) -> None:
    """An empty database, made once."""
    path = tmp_path_factory.mktemp("lives") / "monitor.db"
    store = Store(path)
    store.connection.execute("pragma wal_checkpoint(truncate)")
    store.close()
    Lives.template = path


class TestLives(Lives.TestCase):  # type: ignore[name-defined,misc]
    settings = settings(
        max_examples=60,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
