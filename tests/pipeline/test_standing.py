"""What is said again of an alert, hours later: the past is not told as the present."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from weeks import Weeks

from monitor.alerts import standing
from monitor.alerts.caption import line
from monitor.alerts.detectors import RatioSettings, ThresholdSettings
from monitor.alerts.digest import Digest, compose_digest
from monitor.alerts.lifecycle import Pace
from monitor.alerts.message import context, headline
from monitor.alerts.rules import Rule
from monitor.alerts.standing import later
from monitor.matching import parse_matchers
from monitor.moments import moment
from monitor.pipeline.alerting.delivery import deliver_due, refresh
from monitor.pipeline.alerting.digests import gather_digest
from monitor.pipeline.alerting.following import alert_data
from monitor.pipeline.alerting.notifying import dispatch
from monitor.pipeline.judging.series import judge_due, judge_open
from monitor.routes import Policy, Route
from monitor.store import Store
from monitor.templating import BUILT_IN
from monitor.testing import Recorder
from monitor.types import Notification

NOW = datetime(2026, 3, 4, 15, 10, tzinfo=UTC)
POLICY = Policy((Route(name="all", notify=("desk",), repeat_interval=6 * 3600),))
RULE = Rule(
    "lot", "threshold", {"topic": "litigation"}, [], ThresholdSettings(at_least=5, window=900),
    pace=Pace(keep_firing_for=86400), routed=True, policy=POLICY,
)  # fmt: skip


@pytest.fixture
def weeks(tmp_path: Path) -> Iterator[Weeks]:
    made = Weeks(tmp_path / "monitor.db", NOW, days=3, busy=3)
    for number, item in enumerate(made.wave[:8]):
        made.report(item, NOW - timedelta(minutes=8 - number))
    yield made
    made.store.close()


def notified(store: Store, policy: Policy, at: datetime) -> None:
    """A round of notifying, whose notifications arrive at once."""
    dispatch(store, policy, at)
    while waiting := store.outbox.due(at, notifier="desk"):
        for entry in waiting:
            store.outbox.delivered(entry.id, at)


def notifications(weeks: Weeks) -> list[Notification]:
    (alert,) = weeks.store.alerts.find()
    return [entry.notification for entry in weeks.store.outbox.of_alert(alert.id)]


def test_a_repeat_says_what_was_and_what_is(weeks: Weeks) -> None:
    judge_due(weeks.store, [RULE], NOW)
    notified(weeks.store, POLICY, NOW)
    notified(weeks.store, POLICY, NOW + timedelta(hours=6))
    first, again = notifications(weeks)
    assert first.title.startswith("8 texts on litigation in 15 min, limit 5")
    assert "now 8, in the" in first.body
    assert again.title.startswith(
        "Still firing: at its height 8 texts on litigation in 15 min, limit 5; now 0; raised 6 h ago: "
    )
    said = again.body.splitlines()
    assert said[0] == "Still firing after 6 h. Nobody has acknowledged it."
    assert said[1].startswith(
        "At its height, at 15:10 UTC: 8 texts on litigation in 15 min; the rule's limit"
    )
    assert said[2] == "In the last 15 min: no texts on litigation."
    assert ": at its height 8, 0 in the last column, in the " in again.body
    assert "now 8" not in again.body


def test_what_is_said_on_another_day_names_the_days(weeks: Weeks) -> None:
    """Without one, a time is of the day on which it is read."""
    policy = Policy((Route(name="all", notify=("desk",), repeat_interval=11 * 3600),))
    judge_due(weeks.store, [replace(RULE, policy=policy)], NOW)
    notified(weeks.store, policy, NOW)
    notified(weeks.store, policy, NOW + timedelta(hours=11))  # past midnight
    first, again = notifications(weeks)
    assert "\nSince 15:02 UTC, newest text 15:09 UTC; raised 15:10 UTC on Wed 4 Mar.\n" in first.body
    assert (
        "\nSince 15:02 UTC on Wed 4 Mar, newest text 15:09 UTC on Wed 4 Mar; raised 15:10 UTC on Wed 4 Mar.\n"
        in again.body
    )
    (text, *_) = first.data["evidence"]["texts"]
    clock = f"\n    {datetime.fromisoformat(text['event_at']):%H:%M} UTC"
    assert f"{clock}, " in first.body
    assert f"{clock} on Wed 4 Mar, " in again.body


def test_the_first_notification_after_a_silence_does_not_call_it_now_either(weeks: Weeks) -> None:
    late = NOW + timedelta(hours=2)
    weeks.store.silences.add(
        parse_matchers(["rule=lot"]), author="ada", comment="", starts_at=NOW, ends_at=late, now=NOW
    )
    judge_due(weeks.store, [RULE], NOW)
    notified(weeks.store, POLICY, late)
    (notification,) = notifications(weeks)
    assert notification.data["evidence"]["newest"] == 0
    assert notification.title.startswith("At its height 8 texts on litigation in 15 min, limit 5; now 0")


@pytest.mark.parametrize(("minutes", "newest", "past"), [(14, 3, False), (16, 3, True), (60, 8, False)])
def test_a_text_that_was_read_a_little_late_is_the_present(minutes: int, newest: int, past: bool) -> None:
    evidence = {
        "observed": 8, "newest": newest, "seconds": 900, "until": NOW.isoformat(),
        "at": (NOW + timedelta(minutes=minutes)).isoformat(),
    }  # fmt: skip
    assert later({"evidence": evidence}) is past
    assert not later({"evidence": evidence, "frozen_at": NOW.isoformat()})


def test_somebody_who_looks_after_it_is_named(weeks: Weeks) -> None:
    policy = Policy((Route(name="all", notify=("desk",), group_by=(), group_wait=0, repeat_interval=21600),))
    other = Rule(
        "other", "threshold", {}, [], ThresholdSettings(at_least=5, window=900),
        pace=Pace(keep_firing_for=86400), routed=True, policy=policy,
    )  # fmt: skip
    judge_due(weeks.store, [RULE, other], NOW)
    notified(weeks.store, policy, NOW)
    weeks.store.care.acknowledge(1, "ada", "", NOW)
    notified(weeks.store, policy, NOW + timedelta(hours=7))
    (*_, again) = weeks.store.outbox.of_alert(2)
    assert "ada looks after it." in again.notification.body
    assert "Nobody has acknowledged it." in again.notification.body


@pytest.mark.parametrize(
    ("event", "falls", "said"),
    [
        ("firing", False, "at its height 8, 2 in the last column, in the 2 h before at most 3"),
        ("resolved", False, "at its height 8, in the 2 h before at most 3"),
        ("firing", True, "at its lowest 1, 2 in the last column, in the 2 h before at most 3"),
    ],
)
def test_the_drawing_says_which_column_is_meant(event: str, falls: bool, said: str) -> None:
    history = {"counts": [3, 0, 8, 1, 2], "step": 3600, "window": [2, 3]}
    assert line(history, event, falls=falls)["caption"].endswith(f"{said}.")


def test_a_past_of_minutes_is_not_one_of_no_hours() -> None:
    """Where the monitor has only begun to read."""
    caption = line({"counts": [0, 5], "step": 900, "window": [1, 2]})["caption"]
    assert caption == "The last 30 min, 15 min a column: now 5, in the 15 min before none."
    caption = line({"counts": [2, 0, 5], "step": 2700, "window": [2, 3]})["caption"]
    assert caption == "The last 2 h, 45 min a column: now 5, in the 1 h 30 min before at most 2."


def test_what_is_shown_is_of_one_moment(weeks: Weeks) -> None:
    """Figures that went on are not shown beside texts, words and columns of before."""
    judge_due(weeks.store, [RULE], NOW)
    after = NOW + timedelta(minutes=5)
    for number, item in enumerate(weeks.wave[8:30]):
        weeks.report(item, after - timedelta(seconds=1 + number))
    judge_due(weeks.store, [RULE], after)
    (alert,) = weeks.store.alerts.find()
    assert alert.observed == 30
    before = weeks.store.evidence.of(alert.id)
    evidence = alert_data(weeks.store, alert)["evidence"]
    assert (evidence["observed"], evidence["read"], evidence["stories"], evidence["newest"]) == (
        30,
        30,
        30,
        30,
    )
    assert evidence["history"]["counts"][-1] == 30
    assert evidence["rule"].startswith("lot (threshold)")
    assert weeks.store.evidence.of(alert.id) == before, "to look changes nothing"
    shown = context("firing", alert_data(weeks.store, alert, after + timedelta(hours=3)))
    assert "In the last 15 min: no texts on litigation." in shown["facts"]


def test_a_quiet_that_has_only_begun_is_none_yet(weeks: Weeks) -> None:
    """A window that has only begun has few texts: those of before are not called quiet beside their own figures."""
    judge_due(weeks.store, [RULE], NOW)
    (alert,) = weeks.store.alerts.find()
    shown = alert_data(weeks.store, alert, NOW + timedelta(minutes=20))
    for seconds, quiet in ((0, False), (299, False), (300, True)):
        since = moment(datetime.fromisoformat(shown["evidence"]["at"]) - timedelta(seconds=seconds))
        said = context("firing", {**shown, "quiet_since": since})
        assert said["headline"].startswith("Quiet for") is quiet
        assert any(fact.startswith("Quiet since") for fact in said["facts"]) is quiet


@pytest.mark.parametrize(
    ("kind", "reason", "title"),
    [
        (
            "silence",
            "cannot be read for 5 h; 3 failures in a row: no route",
            "source wire: cannot be read for 5 h",
        ),
        (
            "conversation",
            "unanswered for 5 h, 1 negative text",
            "unanswered for 5 h, 1 negative text: source wire",
        ),
    ],
)
def test_a_title_says_once_for_how_long(kind: str, reason: str, title: str) -> None:
    fired = (NOW - timedelta(hours=4)).isoformat()
    alert = {
        "rule": "r", "kind": kind, "selection": {"source": "wire"}, "reason": reason, "times": 2, "observed": 1,
        "expected": 0, "fired_at": fired, "evidence": {"at": NOW.isoformat()},
    }  # fmt: skip
    assert headline("firing", alert) == f"Still firing: {title} [r]"


def test_what_has_grown_names_what_was_notified_and_in_which_window() -> None:
    alert = {
        "rule": "r", "kind": "surge", "selection": {"topic": "court"}, "reason": "36 texts", "times": 2, "observed": 36,
        "expected": 1, "low": 0, "high": 3, "fired_at": (NOW - timedelta(hours=4)).isoformat(), "was": 9,
        "evidence": {"at": NOW.isoformat(), "seconds": 3600}, "id": None,
    }  # fmt: skip
    shorter = {**alert, "was_seconds": 900.0, "was_at": (NOW - timedelta(hours=1)).isoformat()}
    title = "Grown: 36 texts on court in 1 h, usually 0 to 3; told before: 9"
    assert headline("firing", shorter) == f"{title} in 15 min [r]"
    assert headline("firing", alert) == f"{title} [r]", "a notification of an earlier version"
    said = standing.sentences(shorter, "", ZoneInfo("Europe/Berlin"))[0]
    hour = (NOW - timedelta(hours=1)).astimezone(ZoneInfo("Europe/Berlin"))
    assert said.startswith(
        f"Up from 9 texts in 15 min, as last told at {hour:%H:%M} CET; still firing after 4 h."
    )
    assert standing.sentences(alert, "", ZoneInfo("UTC"))[0].startswith(
        "Up from 9 texts, as last told; still firing"
    )


@pytest.mark.parametrize(("kind", "told"), [("entity", "2"), ("keyword", "2"), ("threshold", "2 in 5 min")])
def test_mentions_are_counted_in_no_window(kind: str, told: str) -> None:
    alert = {
        "rule": "r", "kind": kind, "selection": {"entity": "Acme"}, "reason": "9 texts with 'leak'", "times": 2,
        "observed": 9, "expected": 1, "was": 2, "was_seconds": 300.0, "was_at": NOW.isoformat(), "id": None,
        "fired_at": NOW.isoformat(), "evidence": {"at": NOW.isoformat(), "seconds": 900},
    }  # fmt: skip
    assert headline("firing", alert).endswith(f"; told before: {told} [r]")


def test_what_copies_outgrew_was_not_at_its_height(weeks: Weeks) -> None:
    """Copies of one text raise no figure of a rule that asks for several stories."""
    settings = ThresholdSettings(at_least=5, window=900, min_stories=5)
    rule = replace(RULE, settings=settings, pace=Pace(keep_firing_for=3600))
    judge_due(weeks.store, [rule], NOW)
    notified(weeks.store, POLICY, NOW)
    for _ in range(40):
        weeks.report(weeks.wave[0], NOW + timedelta(minutes=20))
    at = NOW + timedelta(minutes=30)
    judge_due(weeks.store, [rule], at)
    (alert,) = weeks.store.alerts.find()
    again = alert_data(weeks.store, alert, at)
    assert headline("firing", again).startswith("First 8 texts on litigation in 15 min, limit 5; now 40: ")
    said = context("firing", again)["facts"]
    assert said[0] == "At 15:10 UTC: 8 texts on litigation in 15 min; the rule's limit is 5."
    assert said[1] == "In the last 15 min: 40 texts on litigation."
    for over in (timedelta(hours=1), timedelta(hours=3)):
        judge_open(weeks.store, [rule], NOW + over)
        notified(weeks.store, POLICY, NOW + over)
    end = notifications(weeks)[-1]
    assert end.event == "resolved"
    assert "\nAt 15:10 UTC: 8 texts on litigation in 15 min; the rule's limit is 5.\n" in end.body
    assert "in all" not in end.body


class Standing(Recorder):
    """Goes on saying what fires."""

    def refresh(self, now: datetime, firing: Sequence[Notification]) -> None:
        self.sent.extend(firing)


def test_who_hears_each_minute_hears_what_is(weeks: Weeks) -> None:
    judge_due(weeks.store, [RULE], NOW)
    dispatch(weeks.store, POLICY, NOW)
    desk = Standing()
    assert deliver_due(weeks.store, "desk", desk, NOW) == 1
    for minutes in (1, 120):
        refresh(weeks.store, "desk", desk, NOW + timedelta(minutes=minutes), templates=BUILT_IN)
    _, soon, late = desk.sent
    assert soon.title.startswith("8 texts on litigation in 15 min, limit 5")
    assert late.title.startswith("At its height 8 texts on litigation in 15 min, limit 5; now 0")


def test_an_alert_that_nobody_was_notified_of_is_shown_as_it_was_last(tmp_path: Path) -> None:
    rule = Rule(
        "lot", "threshold", {"topic": "litigation"}, [], ThresholdSettings(at_least=3, window=900),
        pace=Pace(keep_firing_for=600),
    )  # fmt: skip
    made = Weeks(tmp_path / "monitor.db", NOW, days=3, busy=3)
    for number, item in enumerate(made.wave[:3]):
        made.report(item, NOW - timedelta(minutes=3 - number))
    judge_due(made.store, [rule], NOW)
    for number, item in enumerate(made.wave[3:9]):
        made.report(item, NOW + timedelta(minutes=number))
    judge_due(made.store, [rule], NOW + timedelta(minutes=6))
    for minutes in range(10, 120, 5):
        judge_open(made.store, [rule], NOW + timedelta(minutes=minutes))
    (alert,) = made.store.alerts.find()
    assert alert.state == "resolved"
    evidence = alert_data(made.store, alert, NOW + timedelta(hours=3))["evidence"]
    assert (evidence["observed"], evidence["read"], evidence["behind"]) == (9, 9, 9)
    assert evidence["at"] == moment(alert.last_firing_at)
    made.store.close()


def test_a_share_is_told_in_stories_then_and_now(tmp_path: Path) -> None:
    policy = Policy((Route(name="all", notify=("desk",), repeat_interval=6 * 3600),))
    rule = Rule(
        "share", "ratio", {"sentiment": "negative"}, [], RatioSettings(at_least=0.5),
        pace=Pace(keep_firing_for=86400), routed=True, policy=policy,
    )  # fmt: skip
    made = Weeks(tmp_path / "monitor.db", NOW, days=3, busy=3)

    def tell(texts: Sequence[str], mood: str, at: datetime) -> None:
        for text in texts:
            made.say("wire", text, "", at, {"sentiment": [mood]})

    bad, good = ([item.title for item in made.news if item.mood == mood] for mood in ("negative", "positive"))
    tell(bad[:12], "negative", NOW - timedelta(minutes=5))
    judge_due(made.store, [rule], NOW)
    notified(made.store, policy, NOW)
    late = NOW + timedelta(hours=6)
    tell([bad[12]] * 35, "negative", late - timedelta(minutes=20))
    tell(good[:4], "positive", late - timedelta(minutes=20))
    notified(made.store, policy, late)
    *_, again = notifications(made)
    assert ": at its height 100 % of texts in 1 h are negative, usually 33 % (12 of 12; " in again.title
    assert "; now 20 % (1 of 5)" in again.title
    assert "In the last hour: 1 of 5 texts is negative." in again.body.splitlines()
    notified(made.store, policy, late + timedelta(hours=6))
    *_, last = notifications(made)
    assert "In the last hour: no negative texts." in last.body.splitlines()
    assert "; now 0" in last.title
    made.store.close()


@pytest.mark.parametrize("flapping", [False, True])
def test_what_is_quiet_and_only_stays_open_says_so_and_is_not_repeated(weeks: Weeks, flapping: bool) -> None:
    pace = Pace(keep_firing_for=12 * 3600, flap_count=int(flapping), flap_span=86400)
    rule = replace(RULE, pace=pace)
    judge_due(weeks.store, [rule], NOW)
    notified(weeks.store, POLICY, NOW)
    quiet = NOW + timedelta(hours=1)
    judge_open(weeks.store, [rule], quiet)
    notified(weeks.store, POLICY, NOW + timedelta(hours=7))
    assert len(notifications(weeks)) == 1, "nothing new is seen"
    (alert,) = weeks.store.alerts.find()
    now = alert_data(weeks.store, alert, NOW + timedelta(hours=7))
    shown = context("firing", {**now, "times": 2}, "Europe/Vienna")
    until, why = ("17:10 CET", "it flaps") if flapping else ("05:10 CET", "keep_firing_for 12h")
    assert shown["facts"][:2] == [
        "Still open after 7 h. Nobody has acknowledged it.",
        f"Quiet since 17:10 CET; it stays open until {until} on Thu 5 Mar unless it begins again ({why}).",
    ]
    head = "Flapping: still open" if flapping else "Still open"
    assert shown["headline"].startswith(f"{head}, quiet for 6 h: at its height 8 texts")
    assert (
        context("firing", now)["headline"]
        .lower()
        .removeprefix("flapping: ")
        .startswith("quiet for 6 h: at its")
    )
    digest = Digest("evening", at=time(22), notify=["desk"])
    said = compose_digest(
        gather_digest(weeks.store, digest, NOW - timedelta(days=1), NOW + timedelta(hours=7))
    ).body
    open_ = ", still open, flapping, quiet since" if flapping else ", still open, quiet since"
    assert f"{open_} 16:10 UTC; it stays open until " in said
    for item in weeks.wave[9:16]:
        weeks.report(item, NOW + timedelta(hours=8))
    judge_due(weeks.store, [rule], NOW + timedelta(hours=8, minutes=1))
    notified(weeks.store, POLICY, NOW + timedelta(hours=8, minutes=1))
    assert notifications(weeks)[-1].body.startswith(
        "Still firing after 8 h 1 min. Nobody has acknowledged it."
    )
