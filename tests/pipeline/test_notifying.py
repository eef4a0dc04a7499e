"""Who is notified of what: at once, by route and group, and what holds notifications back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from work import lines

from monitor.alerts.detectors import SurgeSettings, Verdict
from monitor.alerts.detectors.mention import KeywordSettings
from monitor.alerts.lifecycle import Pace
from monitor.alerts.rules import Rule
from monitor.matching import parse_matchers
from monitor.pipeline.alerting.following import follow
from monitor.pipeline.alerting.inhibition import Inhibition
from monitor.pipeline.alerting.notifying import dispatch
from monitor.pipeline.judging.series import end_unwatched
from monitor.routes import NOTIFY_AT_ONCE, Inhibit, Mute, Policy, Route, group_labels
from monitor.store import Store
from monitor.store.check import check
from monitor.types import Notification

PACE = Pace(keep_firing_for=0, flap_count=0)


def seen(kind: str, observed: int = 9) -> Verdict:
    return Verdict(
        kind == "firing",
        observed,
        1.0,
        0,
        3,
        0,
        3600,
        0.0,
        f"{observed} texts",
        quiet=kind == "quiet",
        unknown=kind == "unknown",
    )


@dataclass
class World:
    """A store, a policy and a clock, with short words for what happens."""

    store: Store
    now: datetime
    policy: Policy = NOTIFY_AT_ONCE
    pace: Pace = PACE
    routed: bool = True
    notify: tuple[str, ...] = ("desk",)
    settings: SurgeSettings | KeywordSettings = field(default_factory=SurgeSettings)

    def see(self, kind: str, rule: str = "bad", observed: int = 9, **selection: str) -> None:
        made = Rule(
            rule,
            "surge" if isinstance(self.settings, SurgeSettings) else "keyword",
            dict.fromkeys(selection, "*") or {"topic": "*"},
            self.notify,
            self.settings,
            owner=f"owner of {rule}",
            pace=self.pace,
            routed=self.routed,
            policy=self.policy,
        )
        follow(
            self.store, made, selection or {"topic": "court"}, seen(kind, observed), lambda _: [], self.now
        )

    def wait(self, **span: float) -> None:
        self.now += timedelta(**span)
        dispatch(self.store, self.policy, self.now)

    def notifications(self) -> list[tuple[str, Notification]]:
        """The notifications that were not looked at yet."""
        rows = self.store.connection.execute("select distinct notifier from outbox where state = 'waiting'")
        found = []
        for (notifier,) in rows.fetchall():
            while due := self.store.outbox.due(self.now, notifier=notifier):
                for entry in due:
                    found.append((entry.id, notifier, entry.notification))
                    self.store.outbox.delivered(entry.id, self.now)
        return [
            (notifier, notification) for _, notifier, notification in sorted(found, key=lambda item: item[0])
        ]

    def events(self) -> list[tuple[str, str]]:
        return [(notifier, notification.event) for notifier, notification in self.notifications()]

    def steps(self, alert_id: int = 1) -> list[str]:
        return [step.state for step in self.store.transitions.of_alert(alert_id)]


@pytest.fixture
def world(monitor_store: Store, monitor_now: datetime) -> World:
    return World(monitor_store, monitor_now)


def route(name: str = "all", notify: tuple[str, ...] = ("press",), **settings: Any) -> Route:
    return Route.model_validate({"name": name, "notify": notify, **settings})


def test_without_routes_the_rules_notifiers_are_notified_at_once_and_once(world: World) -> None:
    world.see("firing")
    assert world.events() == [("desk", "firing")]
    world.see("firing")
    world.wait(days=1)
    assert world.events() == []
    world.see("quiet")
    assert world.events() == [("desk", "resolved")]
    world.wait(days=1)
    assert world.events() == []


def test_for_waits_and_of_what_does_not_last_nobody_is_notified(world: World) -> None:
    world.pace = replace(PACE, wait=600)
    world.see("firing")
    world.wait(seconds=599)
    world.see("firing")
    assert world.events() == []
    world.see("quiet")
    assert (world.events(), world.steps(1)) == ([], ["pending", "resolved"])
    world.see("firing")
    world.wait(seconds=600)
    world.see("firing")
    assert (world.events(), world.steps(2)) == ([("desk", "firing")], ["pending", "firing"])
    assert world.store.alerts.need(2).fired_at == world.now


def test_a_flapping_alert_is_announced_once_and_stays_open_until_it_is_steady(world: World) -> None:
    world.pace = replace(PACE, flap_count=3, flap_span=36000)
    for _ in range(5):
        world.see("firing")
        world.wait(minutes=10)
        world.see("quiet")
        world.wait(minutes=10)
    notifications = world.notifications()
    assert [notification.event for _, notification in notifications] == [
        "firing",
        "resolved",
        "firing",
        "resolved",
        "firing",
    ]
    assert notifications[-1][1].title.startswith("Flapping: ")
    flaps = "It flaps: it came and went, and now stays open until it is quiet for 10 h.\n"
    assert [flaps in notification.body for _, notification in notifications] == [False] * 4 + [True]
    assert world.store.alerts.need(3).flapping
    assert world.steps(3) == ["firing", "flapping"]
    world.wait(hours=10)
    world.see("quiet")
    assert world.events() == [("desk", "resolved")]


def test_a_silent_source_freezes(world: World) -> None:
    world.see("firing")
    world.see("unknown")
    world.wait(days=1)
    world.see("unknown")
    assert world.store.alerts.need(1).frozen_at is not None
    assert world.events() == [("desk", "firing")]
    world.see("holding")
    world.see("quiet")
    assert world.steps() == ["firing", "frozen", "thawed", "resolved"]
    world.see("unknown", topic="money")
    assert len(world.store.alerts.find()) == 1


def test_the_same_moment_twice_gives_two_keys(world: World) -> None:
    start, keys = world.now, []
    for _ in range(2):
        world.now = start
        world.see("firing")
        world.see("quiet")
        keys += [notification.key for _, notification in world.notifications()]
    assert len(keys) == len(set(keys)) == 4


def test_a_rule_that_is_gone_ends_its_alert_and_says_so(world: World) -> None:
    world.see("firing")
    end_unwatched(world.store, [], world.now)
    _, (_, notification) = world.notifications()
    assert notification.event == "resolved"
    assert notification.title.startswith("Not watched any more: texts on ")
    assert "rule bad was removed" in notification.body
    assert notification.data["ended"] == "the rule is no longer there"


# -- silences, snoozing, inhibition, mutes -------------------------------------------------


def silence(world: World, text: str, hours: float) -> int:
    return world.store.silences.add(
        parse_matchers([text]),
        author="ada",
        comment="holiday",
        starts_at=world.now,
        ends_at=world.now + timedelta(hours=hours),
        now=world.now,
    )


def test_a_silenced_alert_is_announced_when_the_silence_ends(world: World) -> None:
    silence(world, "topic=court", 2)
    world.see("firing")
    world.see("firing", topic="money")
    world.wait(minutes=119)
    assert world.events() == [("desk", "firing")]
    assert world.store.alerts.need(1).suppressed == "silence 1 of ada: holiday"
    world.wait(minutes=1)
    assert world.events() == [("desk", "firing")]
    assert world.steps() == ["firing", "suppressed", "unsuppressed"]


def held_back(notification: Notification) -> list[str]:
    return [line for line in notification.body.splitlines() if line.startswith("Held back")]


def test_an_announcement_that_was_held_back_says_until_when_and_by_what(world: World) -> None:
    world.now = world.now.replace(hour=9, minute=30)
    silence(world, "topic=court", 2)
    world.see("firing")
    world.see("firing", topic="money")
    ((_, at_once),) = world.notifications()
    assert (held_back(at_once), at_once.data["held_back"]) == ([], None)
    world.wait(hours=2)
    ((_, notification),) = world.notifications()
    assert held_back(notification) == ["Held back until 11:30 UTC by silence 1 of ada: holiday."]
    assert "Held back until 11:30 UTC by silence 1 of ada: holiday.</p>" in notification.html
    assert notification.data["held_back"]["why"] == "silence 1 of ada: holiday"
    assert datetime.fromisoformat(notification.data["held_back"]["until"]) == world.now
    world.see("quiet")
    assert [held_back(notification) for _, notification in world.notifications()] == [[]], (
        "the end is notified at once"
    )


def test_a_snoozed_and_an_inhibited_alert_say_why_they_come_late(world: World) -> None:
    world.now = world.now.replace(hour=9, minute=30)
    world.policy = Policy(
        inhibits=(
            Inhibit.model_validate({"source": ["rule=outage"], "target": ["rule=bad"], "equal": ["topic"]}),
        )
    )
    world.see("firing", "outage")
    world.see("firing")
    assert len(world.notifications()) == 1
    world.wait(hours=1)
    world.see("quiet", "outage")
    world.wait(minutes=0)
    notifications = [
        notification for _, notification in world.notifications() if notification.event == "firing"
    ]
    assert [held_back(notification) for notification in notifications] == [
        ["Held back until 10:30 UTC: inhibited by alert 1 (outage)."]
    ]
    silence(world, "topic=money", 1)
    world.see("firing", topic="money")
    world.store.care.snooze(3, world.now + timedelta(hours=2), "ada", "later", world.now)
    world.wait(hours=1)
    world.wait(hours=1)
    ((_, notification),) = world.notifications()
    assert held_back(notification) == ["Held back until 12:30 UTC: snoozed by ada."]


def test_the_notification_of_a_group_says_which_of_its_alerts_were_held_back(world: World) -> None:
    nights = Mute.model_validate({"name": "nights", "zone": "UTC", "hours": "22:00-07:00"})
    world.policy = Policy(
        (
            route("day", ("desk",), mute=["nights"], **{"continue": True}),
            route("grouped", ("phone",), group_by=[]),
        ),
        mutes=(nights,),
    )
    world.now = world.now.replace(hour=23, minute=0)
    silence(world, "topic=court", 0.5)
    world.see("firing")
    world.wait(minutes=30)
    world.see("firing", topic="money")
    world.wait(minutes=5)
    ((_, notification),) = world.notifications()
    said = [line.partition(", held back")[2] for line in notification.body.splitlines()[:2]]
    assert said == [" until 23:30 UTC by silence 1 of ada: holiday", ""], "the mute is of another route"
    world.wait(hours=8)
    late = [held_back(notification) for name, notification in world.notifications() if name == "desk"]
    assert late == [["Held back until 07:35 UTC on Tue 3 Mar by mute nights of the route day."]] * 2


def test_each_alert_in_the_notification_of_a_group_says_why_it_comes_late(world: World) -> None:
    world.now = world.now.replace(hour=9, minute=0)
    world.policy = Policy((route(group_by=[]),))
    silence(world, "topic=court", 1)
    world.see("firing")
    world.wait(hours=1)
    world.see("firing", topic="money")
    world.wait(seconds=30)
    ((_, notification),) = world.notifications()
    said = ", held back until 10:00 UTC by silence 1 of ada: holiday"
    assert [line.endswith(said) for line in notification.body.splitlines()[:2]] == [True, False]
    assert notification.html.count(f"{said}</li>") == 1
    assert "Held back until 10:00 UTC by silence 1 of ada: holiday." in notification.body
    world.see("firing", topic="tax")
    world.wait(minutes=5)
    ((_, later),) = world.notifications()
    assert said not in later.body, "what is known already says it no more"


def test_what_nobody_was_notified_of_has_no_end_to_notify_of(world: World) -> None:
    number = silence(world, "rule=~b.d", 2)
    world.see("firing")
    world.see("quiet")
    world.store.silences.expire(number, world.now)
    world.wait(hours=3)
    assert world.events() == []


def test_who_was_notified_hears_the_end_through_a_silence_and_a_snooze(world: World) -> None:
    world.see("firing")
    silence(world, "topic=court", 2)
    world.store.care.snooze(1, world.now + timedelta(hours=2), "ada", "", world.now)
    world.wait(minutes=1)
    world.see("quiet")
    assert world.events() == [("desk", "firing"), ("desk", "resolved")]


def test_a_snooze_ends_by_itself(world: World) -> None:
    silence(world, "topic=court", 1)
    world.see("firing")
    world.store.care.snooze(1, world.now + timedelta(hours=2), "ada", "later", world.now)
    world.wait(minutes=90)
    assert world.events() == []
    assert world.store.alerts.need(1).suppressed.startswith("snoozed by ada until ")
    world.wait(minutes=30)
    assert world.events() == [("desk", "firing")]


def test_a_source_inhibits_its_targets_where_labels_are_equal(world: World) -> None:
    inhibit = Inhibit.model_validate({"source": ["rule=outage"], "target": ["rule=bad"], "equal": ["topic"]})
    world.policy = Policy(inhibits=(inhibit,))
    world.see("firing", rule="outage", topic="court")
    world.see("firing", topic="court")
    world.see("firing", topic="money")
    assert [notification.data["id"] for _, notification in world.notifications()] == [1, 3]
    assert world.store.alerts.need(2).suppressed == "inhibited by alert 1 (outage)"
    world.see("quiet", rule="outage", topic="court")
    world.wait(seconds=10)
    assert [(x.event, x.data["id"]) for _, x in world.notifications()] == [("resolved", 1), ("firing", 2)]


def test_an_alert_does_not_inhibit_itself(world: World) -> None:
    world.policy = Policy(
        inhibits=(Inhibit.model_validate({"source": ["kind=surge"], "target": ["kind=surge"]}),)
    )
    world.see("firing")
    assert world.events() == [("desk", "firing")]


def test_two_alerts_on_both_sides_of_a_table_do_not_silence_each_other(world: World) -> None:
    pages = ["rule=~bad|worse"]
    inhibit = Inhibit.model_validate(
        {"source": pages, "target": ["rule=~bad|worse|minor"], "equal": ["topic"]}
    )
    world.policy = Policy(inhibits=(inhibit,))
    world.see("firing")
    world.see("firing", rule="worse")
    world.see("firing", rule="minor")
    world.wait(hours=5)
    assert [notification.data["id"] for _, notification in world.notifications()] == [1, 2]
    assert [world.store.alerts.need(n).suppressed for n in (1, 2, 3)] == [
        "",
        "",
        "inhibited by alert 1 (bad)",
    ]


@pytest.mark.parametrize("rules", [["a", "b"], ["b", "a"], ["a", "b", "c"], ["c", "a", "b"], ["b", "a", "c"]])
def test_of_alerts_that_inhibit_each_other_in_a_circle_the_oldest_is_notified_of(
    world: World, rules: list[str]
) -> None:
    circle = sorted(rules)
    world.policy = Policy(
        inhibits=tuple(
            Inhibit.model_validate({"source": {"rule": one}, "target": {"rule": two}})
            for one, two in zip(circle, [*circle[1:], circle[0]], strict=True)
        )
    )
    silence(world, "topic=court", 1)
    for name in rules:
        world.see("firing", rule=name)
    world.wait(hours=2)  # none knows of another from before
    found = [notification.data["id"] for _, notification in world.notifications()]
    assert found[0] == 1
    assert len(found) < len(rules)


def test_many_alerts_that_inhibit_each_other_pairwise_are_not_held_each_against_each(world: World) -> None:
    inhibit = Inhibit.model_validate({"source": ["rule=outage"], "target": ["rule=bad"], "equal": ["topic"]})
    world.see("firing")
    one = world.store.alerts.need(1)

    def work(pairs: int) -> int:
        sources, targets = (
            [replace(one, id=2 * n + side, rule=rule, selection={"topic": str(n)}) for n in range(pairs)]
            for side, rule in enumerate(("outage", "bad"))
        )

        def find() -> None:
            inhibition = Inhibition([inhibit], [*sources, *targets])
            assert [inhibition.of(alert) for alert in targets] == sources
            assert [inhibition.of(alert) for alert in sources] == [None] * len(sources)

        return lines(find)

    assert work(400) < 6 * work(100)


def test_what_is_inhibited_inhibits_others_all_the_same(world: World) -> None:
    chain = [("worst", "worse"), ("worse", "bad")]
    world.policy = Policy(
        inhibits=tuple(
            Inhibit.model_validate({"source": {"rule": one}, "target": {"rule": two}}) for one, two in chain
        )
    )
    silence(world, "topic=court", 1)
    for name in ("bad", "worse", "worst"):
        world.see("firing", rule=name)
    world.wait(hours=2)
    assert [notification.data["id"] for _, notification in world.notifications()] == [3]


def test_a_mute_holds_back_beginnings_and_ends_until_it_is_over(world: World) -> None:
    mute = Mute.model_validate(
        {"name": "move", "zone": "Europe/Berlin", "match": ["topic=court"], "hours": ["12:00-13:00"]}
    )
    world.policy = Policy(mutes=(mute,))
    world.see("firing", topic="court")  # 10:30 in Berlin
    world.wait(hours=2)
    world.see("quiet", topic="court")
    world.see("firing", rule="other", topic="court")
    world.see("firing", topic="money")
    assert [(x.event, x.data["id"]) for _, x in world.notifications()] == [("firing", 1), ("firing", 3)]
    world.wait(minutes=30)
    assert [(x.event, x.data["id"]) for _, x in world.notifications()] == [("resolved", 1), ("firing", 2)]


# -- routes and groups ---------------------------------------------------------------------


def test_the_first_route_is_taken_and_those_below_where_it_says_continue(world: World) -> None:
    world.policy = Policy(
        (
            route("a", ("press", "phone"), match={"owner": "owner of bad"}, **{"continue": True}),
            route("b", ("phone", "mail"), match=["topic=~court|money"]),
            route("c", ("never",), match=["topic=court"]),
        )
    )
    world.see("firing", topic="court")
    assert world.events() == [("press", "firing"), ("phone", "firing"), ("mail", "firing")]
    world.see("firing", rule="other", topic="sport")
    assert world.events() == [("desk", "firing")]
    world.see("quiet", topic="court")
    assert sorted(world.events()) == [("mail", "resolved"), ("phone", "resolved"), ("press", "resolved")]
    notified = world.store.notification_log.of_alert(1)["phone"]
    assert (notified.route, notified.times) == ("a", 1)


def test_a_rule_that_names_its_notifiers_takes_no_route(world: World) -> None:
    world.policy, world.routed = Policy((route(),)), False
    world.see("firing")
    assert world.events() == [("desk", "firing")]


def test_what_comes_together_is_notified_together(world: World) -> None:
    world.policy = Policy((route(group_by=["rule"], group_wait="30s", group_interval="5m"),))
    world.see("firing", topic="court")
    world.see("firing", rule="other", topic="court")
    world.wait(seconds=20)
    world.see("firing", topic="money")
    assert world.notifications() == []
    world.wait(seconds=10)
    (_, both), (_, one) = world.notifications()
    assert both.title == "2 firing: 9 texts on court in 1 h, usually 0 to 3; and 1 more"
    assert [(a["id"], a["event"]) for a in both.data["alerts"]] == [(1, "firing"), (3, "firing")]
    assert both.data["group"] == {"rule": "bad"}
    assert "NEW" not in both.body, "all of it is"
    assert both.html.count("<h2") == 2
    assert "texts on court" in both.body
    assert "texts on money" in both.body
    assert (one.data["id"], "alerts" in one.data) == (2, False), "a single alert is an ordinary notification"
    world.see("quiet", topic="court")
    world.see("firing", topic="sport")
    world.wait(seconds=299)
    assert world.notifications() == []
    world.wait(seconds=1)
    ((_, news),) = world.notifications()
    assert news.event == "firing"
    assert (
        news.title
        == "2 firing (1 new): 9 texts on sport in 1 h, usually 0 to 3; and 1 more; 1 over: texts on court"
    )
    overview, _, whole = news.body.partition("\n\n")
    assert "1. NEW 9 texts on sport" in overview
    assert "2. 9 texts on money" in overview
    assert "3. Over" in overview
    assert "on money" not in whole, "what is known already has a line, no more"
    assert "monitor alerts show 4" in whole
    assert "monitor alerts ack 4" in whole
    assert "monitor alerts snooze 4" in whole
    assert "monitor alerts ack 1" not in whole, "that one is over"
    assert [(a["id"], a["event"]) for a in news.data["alerts"]] == [
        (4, "firing"),
        (3, "firing"),
        (1, "resolved"),
    ]
    assert [entry.notification.key for entry in world.store.outbox.of_alert(1)] == [both.key, news.key]


def test_a_thousand_groups_do_not_look_at_a_thousand_alerts_each(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule on each of many labels, and a route that groups by that label."""
    looks: list[str] = []

    def noted(route: Route, labels: Mapping[str, str]) -> dict[str, Any]:
        looks.append(labels["topic"])
        return group_labels(route, labels)

    monkeypatch.setattr("monitor.pipeline.alerting.group_notifying.group_labels", noted)
    world.policy = Policy((route(group_by=["topic"]),))
    for number in range(30):
        world.see("firing", topic=f"t{number}")
    world.wait(seconds=30)
    assert len(world.notifications()) == 30
    assert len(looks) == 30


def test_a_group_that_is_over_says_so_once_and_is_forgotten(world: World) -> None:
    world.policy = Policy((route(group_by=[], group_wait=0, group_interval="1m"),))
    world.see("firing", topic="court")
    world.see("firing", topic="money")
    world.wait(seconds=10)
    assert world.events() == [("press", "firing")]
    world.see("quiet", topic="court")
    world.see("quiet", topic="money")
    world.wait(minutes=1)
    ((_, over),) = world.notifications()
    assert (over.event, over.title) == ("resolved", "2 over: texts on court; texts on money")
    world.wait(minutes=1)
    assert world.store.notification_log.groups() == []
    world.see("firing", topic="court")
    world.wait(seconds=0)
    assert world.events() == [("press", "firing")]


def minutes_notified(world: World, minutes: range, label: str = "thread") -> list[int]:
    """The minutes in which a notification came, where something new fires in each."""
    found = []
    for minute in minutes:
        world.see("firing", **{label: f"t{minute}"})
        world.wait(minutes=1)
        found += [minute] * len(world.notifications())
    return found


def test_a_group_of_conversations_is_notified_of_at_growing_intervals(world: World) -> None:
    world.policy = Policy((route(group_by=[], group_wait=0, group_interval="5m", repeat_interval="4h"),))
    found = minutes_notified(world, range(120))
    assert found == [0, 5, 15, 35, 75]
    world.wait(minutes=16)
    assert len(world.notifications()) == 1, "an hour after the last"
    world.wait(hours=3)
    assert world.notifications() == [], "nothing new"
    keys = {entry.notification.key for entry in world.store.outbox.of_alert(1)}
    assert minutes_notified(world, range(1000, 1020)) == [1000, 1005, 1015], "it was calm"
    assert (
        len({*keys, *(entry.notification.key for entry in world.store.outbox.of_alert(1))}) == len(keys) + 3
    )


@pytest.mark.parametrize("routed", [True, False])
def test_conversations_without_a_route_are_notified_of_together(world: World, routed: bool) -> None:
    world.routed = routed
    for rule in ("waiting", "turned"):
        for thread in "abc":
            world.see("firing", rule=rule, thread=thread)
    assert world.events() == [], "the first notification waits for what comes with it"
    assert check(world.store) == []
    world.wait(seconds=31)
    found = world.notifications()
    assert sorted(notification.data["group"]["rule"] for _, notification in found) == ["turned", "waiting"]
    assert all(len(notification.data["alerts"]) == 3 and name == "desk" for name, notification in found)
    for rule in ("waiting", "turned"):
        for thread in "abc":
            world.see("quiet", rule=rule, thread=thread)
    world.wait(minutes=5)
    assert world.events() == [("desk", "resolved"), ("desk", "resolved")]
    world.wait(minutes=5)
    assert world.store.notification_log.groups() == []


def test_conversations_on_a_route_that_does_not_group_are_notified_of_together_too(world: World) -> None:
    world.policy = Policy((route(),))
    for rule in ("waiting", "turned"):
        for thread in "abc":
            world.see("firing", rule=rule, source="chats", thread=thread)
    world.see("firing", topic="court")
    ((name, alone),) = world.notifications()
    assert (name, alone.data["selection"]) == ("press", {"topic": "court"}), (
        "whatever else fires goes at once"
    )
    world.wait(seconds=31)
    found = [notification.data for _, notification in world.notifications()]
    assert sorted((data["group"]["rule"], len(data["alerts"])) for data in found) == [
        ("turned", 3),
        ("waiting", 3),
    ]
    world.see("quiet", topic="court")
    assert world.events() == [("press", "resolved")]
    world.see("quiet", rule="turned", source="chats", thread="a")
    world.wait(minutes=5)
    ((_, over),) = world.notifications()
    assert [alert["event"] for alert in over.data["alerts"]] == ["firing", "firing", "resolved"]
    assert check(world.store) == []


def test_conversations_are_notified_of_each_alone_where_a_route_says_so(world: World) -> None:
    world.policy = Policy((route(group_by=["rule", "source", "thread"], group_wait=0),))
    for thread in "abc":
        world.see("firing", source="chats", thread=thread)
    world.wait(seconds=0)
    found = [notification.data["selection"]["thread"] for _, notification in world.notifications()]
    assert found == ["a", "b", "c"]


def test_the_end_of_a_conversation_notified_alone_before_it_took_a_route_comes_once(world: World) -> None:
    world.see("firing", thread="a")
    world.wait(seconds=31)
    assert world.events() == [("desk", "firing")]
    world.policy = Policy((route(notify=("desk",)),))
    world.see("quiet", thread="a")
    world.wait(minutes=5)
    assert world.events() == [("desk", "resolved")]


def test_a_group_that_begins_again_is_notified_as_a_new_one(world: World) -> None:
    world.policy = Policy((route(group_by=[], group_wait=0, group_interval="5m"),))
    assert minutes_notified(world, range(40)) == [0, 5, 15, 35]
    for minute in range(40):
        world.see("quiet", thread=f"t{minute}")
    world.wait(hours=1)
    assert world.events() == [("press", "resolved")]
    world.wait(minutes=1)
    assert minutes_notified(world, range(40, 50)) == [40, 45]


def test_news_of_a_group_is_never_held_back_for_longer_than_asked(world: World) -> None:
    world.policy = Policy((route(group_by=[], group_wait=0, group_interval="5m"),))
    assert minutes_notified(world, range(20), label="topic") == [0, 5, 10, 15]
    assert minutes_notified(world, range(20, 30), label="thread") == [20, 25], "and a wave is among them"


@pytest.mark.parametrize(
    ("settings", "pauses"),
    [
        ({}, [30, 300, 600, 1200, 2400, 3600, 3600]),
        ({"group_interval": "2h"}, [30, 7200, 7200]),
        ({"group_interval": 0}, [30, 0, 0, 0]),
        ({"repeat_interval": "30m"}, [30, 300, 600, 1200, 1800, 1800]),
        ({"repeat_interval": "1m"}, [30, 300, 300]),
    ],
)
def test_pauses_between_notifications_of_a_group(settings: Mapping[str, Any], pauses: list[float]) -> None:
    made = route(group_by=[], **settings)
    assert [made.pause(number) for number in range(len(pauses))] == pauses
    assert made.pause(10_000) == pauses[-1]


def test_an_alert_that_ends_before_its_group_speaks_is_notified_to_nobody(world: World) -> None:
    world.policy = Policy((route(group_by=["topic"]),))
    world.see("firing")
    world.wait(seconds=5)
    world.see("quiet")
    world.wait(hours=1)
    assert world.events() == []
    assert world.store.notification_log.groups() == []


@pytest.mark.parametrize("grouping", [{}, {"group_by": [], "group_wait": 0, "group_interval": 0}])
def test_what_still_fires_is_said_again_until_somebody_looks_after_it(
    world: World, grouping: Mapping[str, Any]
) -> None:
    world.policy = Policy((route(repeat_interval="4h", **grouping),))
    world.see("firing")
    world.wait(seconds=0)
    keys = []
    for hours, number in ((3, 1), (1, 0), (3, 1), (1, 0)):
        found = world.notifications()
        assert len(found) == number
        keys += [notification.key for _, notification in found]
        world.wait(hours=hours)
    ((_, last),) = world.notifications()
    assert last.title.endswith("; raised 8 h ago [bad]")
    assert last.title.startswith("Still firing: 9 texts on court")
    assert last.body.startswith("Still firing after 8 h. Nobody has acknowledged it.\n")
    assert len({*keys, last.key}) == 3
    world.store.care.acknowledge(1, "ada", "", world.now)
    world.wait(hours=9)
    world.see("quiet")
    world.wait(hours=1)
    assert world.events() == [("press", "resolved")]


def test_a_muted_route_is_notified_afterwards_and_others_at_once(world: World) -> None:
    nights = Mute.model_validate({"name": "nights", "zone": "UTC", "hours": "22:00-07:00"})
    world.policy = Policy(
        (
            route("day", ("desk",), mute=["nights"], **{"continue": True}),
            route("always", ("phone",)),
            route("grouped", ("never",), group_by=[]),
        ),
        mutes=(nights,),
    )
    world.now = world.now.replace(hour=23)
    world.see("firing")
    assert world.events() == [("phone", "firing")]
    assert world.store.alerts.need(1).suppressed == "mute nights of the route day"
    world.wait(hours=8)
    assert world.events() == [("desk", "firing")]
    assert world.store.alerts.need(1).suppressed == ""


def test_when_a_route_is_removed_nothing_that_is_owed_is_lost(world: World) -> None:
    world.policy = Policy((route(group_by=[], group_wait=0),))
    world.see("firing", topic="court")
    world.wait(seconds=0)
    world.see("firing", topic="money")
    world.policy = Policy()
    world.see("quiet", topic="court")
    world.wait(seconds=0)
    assert sorted(world.events()) == [("desk", "firing"), ("press", "firing"), ("press", "resolved")]


GROUPINGS: list[dict[str, Any]] = [{}, {"group_by": [], "group_wait": 0, "group_interval": 0}]


@pytest.mark.parametrize("grouping", GROUPINGS)
@pytest.mark.parametrize("configured", [True, False])
def test_who_is_taken_off_a_route_hears_the_end_alone_and_who_is_gone_nothing(
    world: World, grouping: Mapping[str, Any], configured: bool
) -> None:
    both = route(notify=("desk", "press"), repeat_interval="1h", **grouping)
    world.policy = Policy((both,), notifiers=frozenset({"desk", "press"}))
    world.see("firing")
    world.wait(seconds=0)
    assert world.events() == [("desk", "firing"), ("press", "firing")]
    there = {"desk", "press"} if configured else {"desk"}
    world.policy = Policy((both.model_copy(update={"notify": ("desk",)}),), notifiers=frozenset(there))
    for _ in range(3):
        world.wait(hours=1)
        assert world.events() == [("desk", "firing")]
    world.see("quiet")
    world.wait(hours=1)
    assert world.events() == [(name, "resolved") for name in sorted(there)]
    world.wait(seconds=1)
    assert (world.store.alerts.unsettled(), world.store.notification_log.groups()) == ([], [])
    assert check(world.store) == []


def test_whom_a_rule_names_by_now_is_notified_of_what_is_open(world: World) -> None:
    silence(world, "topic=court", 2)
    world.see("firing")
    world.see("firing", topic="money")
    assert world.events() == [("desk", "firing")]
    world.notify, world.policy = ("press",), Policy(notifiers=frozenset({"desk", "press"}))
    world.see("firing")
    world.see("quiet", topic="money")
    assert world.events() == [("desk", "resolved")], "who knew"
    world.wait(hours=2)
    assert world.events() == [("press", "firing")], "nobody else was notified"
    world.see("quiet")
    assert world.events() == [("press", "resolved")]
    assert check(world.store) == []


@pytest.mark.parametrize("grouping", GROUPINGS)
def test_who_stood_in_for_one_that_is_gone_hears_the_end(world: World, grouping: Mapping[str, Any]) -> None:
    one = route(**grouping)
    world.policy = Policy((one,), notifiers=frozenset({"press", "phone"}))
    world.see("firing")
    world.wait(seconds=0)
    (entry,) = world.store.outbox.due(world.now, notifier="press")
    copy = replace(entry.notification, key="a copy")
    world.store.outbox.add("phone", copy, entry.alert_id, world.now, copy_of=entry.id)
    world.store.outbox.give_up(entry.id, "gone", world.now)
    assert world.events() == [("phone", "firing")]
    world.policy = Policy((one.model_copy(update={"notify": ()}),), notifiers=frozenset({"phone"}))
    world.see("quiet")
    world.wait(hours=1)
    world.wait(hours=1)
    assert world.events() == [("phone", "resolved")]
    assert (world.store.alerts.unsettled(), world.store.notification_log.groups()) == ([], [])


def test_a_rule_that_names_a_notifier_that_is_gone_tells_nobody_and_its_end_neither(world: World) -> None:
    world.see("firing")
    assert world.events() == [("desk", "firing")]
    world.policy = Policy(notifiers=frozenset({"press"}))
    end_unwatched(world.store, [], world.now, world.policy)
    world.see("firing", topic="money")
    world.wait(hours=1)
    assert world.events() == []
    assert [alert.id for alert in world.store.alerts.unsettled()] == [2]


@pytest.mark.parametrize("before", GROUPINGS)
@pytest.mark.parametrize("after", GROUPINGS)
def test_a_route_by_another_name_or_that_groups_by_now_goes_on_saying_it(
    world: World, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    for names in ("aa", "ab"):
        world.policy = Policy((route(names[0], repeat_interval="1h", **before),))
        world.see("firing")
        world.wait(seconds=0)
        assert world.events() == [("press", "firing")]
        world.policy = Policy((route(names[1], repeat_interval="1h", **after),))
        for hours in (1, 2, 3):
            world.wait(minutes=59)
            assert world.notifications() == []
            world.wait(minutes=1)
            ((_, notification),) = world.notifications()
            assert notification.title.endswith(f"; raised {hours} h ago [bad]")
        world.see("quiet")
        world.wait(seconds=0)
        assert world.events() == [("press", "resolved")]
        world.wait(hours=2)
        assert (world.notifications(), world.store.notification_log.groups()) == ([], [])


@pytest.mark.parametrize("first", [None, "2h"])
@pytest.mark.parametrize("grouping", GROUPINGS)
def test_each_route_that_tells_a_notifier_repeats_as_it_says(
    world: World, first: str | None, grouping: Mapping[str, Any]
) -> None:
    one = route("a", repeat_interval=first or 0, **{"continue": True})
    world.policy = Policy((one, route("b", repeat_interval="1h", **grouping)))
    world.see("firing")
    world.wait(seconds=0)
    assert world.events() == [("press", "firing")]
    for _ in range(4):
        world.wait(hours=1)
        assert world.events() == [("press", "firing")]
    assert world.store.notification_log.of_alert(1)["press"].times == 5


@pytest.mark.parametrize("grouping", GROUPINGS)
def test_nothing_is_said_again_while_it_was_not_heard(world: World, grouping: Mapping[str, Any]) -> None:
    world.policy = Policy((route(repeat_interval="1h", **grouping),))
    world.see("firing")
    for _ in range(360):
        world.wait(minutes=1)
    assert world.store.outbox.counts() == {"waiting": 1}
    assert world.events() == [("press", "firing")]
    world.wait(minutes=59)
    assert world.notifications() == []
    world.wait(minutes=1)
    ((_, notification),) = world.notifications()
    assert notification.title.endswith("; raised 7 h ago [bad]")


@pytest.mark.parametrize("grouping", GROUPINGS)
def test_what_is_said_again_does_not_wait_for_a_clock_that_was_put_back(
    world: World, grouping: Mapping[str, Any]
) -> None:
    world.policy = Policy((route(repeat_interval="1h", **grouping),))
    world.see("firing")
    world.wait(seconds=0)
    assert world.events() == [("press", "firing")]
    world.wait(hours=-10)
    world.wait(minutes=59)
    assert world.events() == []
    for _ in range(2):
        world.wait(minutes=1)
        assert world.events() == [("press", "firing")]
        world.wait(minutes=59)
        assert world.events() == []


def test_a_group_does_not_wait_for_a_clock_that_was_put_back(world: World) -> None:
    world.policy = Policy((route(group_by=[], group_wait="1m", group_interval="5m"),))
    world.see("firing", topic="court")
    world.now -= timedelta(days=30)
    world.wait(seconds=0)
    world.wait(minutes=1)
    world.now += timedelta(days=30)
    assert world.events() == [("press", "firing")]
    world.see("firing", topic="money")
    world.now -= timedelta(days=60)
    world.wait(seconds=0)
    world.wait(minutes=5)
    assert world.store.outbox.counts() == {"delivered": 1, "waiting": 1}


def test_a_notification_waits_for_earlier_ones_about_its_alerts(world: World) -> None:
    world.policy = Policy((route(group_by=[], group_wait=0, group_interval=0),))
    for topic in ("court", "money"):
        world.see("firing", topic=topic)
    world.wait(seconds=0)
    world.see("quiet", topic="money")
    world.wait(seconds=0)
    (first,) = world.store.outbox.due(world.now, notifier="press")
    assert first.notification.title == "2 firing: 9 texts on court in 1 h, usually 0 to 3; and 1 more"
    world.store.outbox.delivered(first.id, world.now)
    assert len(world.store.outbox.due(world.now, notifier="press")) == 1


def test_a_notification_waits_for_earlier_ones_about_the_same_series(world: World) -> None:
    world.see("firing")
    world.see("firing", topic="money")
    assert len(world.notifications()) == 2
    world.see("quiet")
    (over,) = world.store.outbox.due(world.now, notifier="desk")
    world.see("firing")
    world.store.outbox.postpone(over.id, world.now, world.now + timedelta(minutes=1), "busy")
    world.see("quiet", topic="money")
    assert [(x.event, x.data["id"]) for _, x in world.notifications()] == [("resolved", 2)], (
        "an end would close it"
    )
    world.wait(minutes=1)
    assert [(x.event, x.data["id"]) for _, x in world.notifications()] == [("resolved", 1), ("firing", 3)]


@pytest.mark.parametrize(
    ("kind", "looks", "kept"),
    [
        ("drop", [(3, 24.0), (0, 24.0), (4, 40.0)], (0, 24.0)),
        ("drop", [(3, 24.0), (4, 100.0)], (4, 100.0)),
        ("surge", [(9, 1.0), (12, 1.0), (10, 1.0)], (12, 1.0)),
        ("silence", [(0, 30.0), (0, 60.0)], (0, 60.0)),
    ],
)
def test_an_alert_keeps_its_worst_figures_and_how_long_it_lasts_by_now(
    world: World, kind: str, looks: list[tuple[int, float]], kept: tuple[int, float]
) -> None:
    made = Rule("r", kind, {"topic": "*"}, ("desk",), SurgeSettings(), pace=PACE)
    for observed, expected in looks:
        verdict = replace(seen("firing", observed), expected=expected)
        follow(world.store, made, {"topic": "court"}, verdict, lambda _: [], world.now)
        world.now += timedelta(minutes=5)
    (alert,) = world.store.alerts.all_open()
    assert (alert.observed, alert.expected) == kept


@pytest.mark.parametrize("routed", [False, True])
def test_what_is_much_worse_than_notified_is_notified_at_once_whoever_looks_after_it(
    world: World, routed: bool
) -> None:
    world.policy = Policy((route(),)) if routed else NOTIFY_AT_ONCE
    world.see("firing")
    assert [notification.data.get("was") for _, notification in world.notifications()] == [None]
    world.store.care.acknowledge(1, "ada", "on the phone", world.now)
    world.see("firing", observed=35)
    world.wait(minutes=5)
    assert world.events() == []
    world.see("firing", observed=36)
    world.wait(minutes=5)
    ((_, notification),) = world.notifications()
    assert (
        notification.title == "Grown: 36 texts on court in 1 h, usually 0 to 3; told before: 9 in 1 h [bad]"
    )
    assert notification.body.startswith(
        "Up from 9 texts in 1 h, as last told at 09:30 UTC; still firing after 10 min. "
        "ada looks after it (on the phone).\n"
    )
    assert "monitor alerts ack" not in notification.body, "ada does"
    assert (notification.data["times"], notification.data["was"]) == (2, 9)
    world.see("firing", observed=143)
    world.wait(hours=5)
    assert world.events() == [], "the figure that counts is the one that was notified"
    world.store.care.snooze(1, world.now + timedelta(hours=1), "ada", "", world.now)
    world.see("firing", observed=144)
    world.wait(minutes=5)
    assert world.events() == []
    world.wait(hours=1)
    assert [notification.data["was"] for _, notification in world.notifications()] == [36]
    assert check(world.store) == []


@pytest.mark.parametrize(("worse", "told"), [(4, [None, 1, 2, 4]), (16, [None, 1]), (0, [None])])
def test_more_mentions_are_notified_of_when_there_are_the_square_root_of_worse_times_as_many(
    world: World, worse: float, told: list[int | None]
) -> None:
    world.settings, world.policy = KeywordSettings(words=("lawyer",)), Policy((route(worse=worse),))
    world.pace = replace(PACE, keep_firing_for=3600)
    found = []
    for number in range(1, 9):
        world.see("firing", observed=number)
        world.see("quiet")  # for none came since
        world.wait(minutes=5)
        found += [notification.data.get("was") for _, notification in world.notifications()]
    assert found == told


def test_what_is_worse_is_not_notified_where_a_route_says_so_nor_before_the_last_notification_arrived(
    world: World,
) -> None:
    world.policy = Policy((route(worse=0),))
    world.see("firing")
    world.see("firing", observed=900)
    world.wait(hours=1)
    assert [notification.title[:8] for _, notification in world.notifications()] == ["9 texts "]
    world.policy = Policy((route(worse=2),))
    world.see("firing", topic="money")
    world.see("firing", observed=20, topic="money")
    world.wait(minutes=5)
    assert len(world.notifications()) == 2, (
        "the first one about money waited, and of court there are 100 times as many"
    )
    world.wait(minutes=5)
    assert [notification.data["was"] for _, notification in world.notifications()] == [9]


def test_a_group_tells_what_is_worse_in_full(world: World) -> None:
    world.policy = Policy((route(group_by=[], group_wait=0),))
    world.see("firing")
    world.see("firing", topic="money")
    world.wait(minutes=1)
    assert len(world.notifications()) == 1
    world.see("firing", observed=50, topic="money")
    world.wait(minutes=6)
    ((_, notification),) = world.notifications()
    assert [alert.get("was") for alert in notification.data["alerts"]] == [9, None]
    assert "1. Grown: 50 texts on money" in notification.body
    assert "Up from 9 texts in 1 h, as last told at 09:3" in notification.body
    world.wait(hours=9)
    assert world.notifications() == []


def test_of_what_was_notified_before_figures_were_noted_nothing_is_worse(world: World) -> None:
    world.see("firing")
    assert len(world.notifications()) == 1
    world.store.notification_log.write(
        "update notification_log set observed = null"
    )  # as the seventeenth migration leaves it
    world.see("firing", observed=900)
    world.wait(minutes=5)
    assert world.notifications() == []
