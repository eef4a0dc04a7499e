"""From a wave of texts to the mail that arrives: judged, raised, notified, drawn, sent over SMTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from loopback_smtp import LoopbackSmtp
from weeks import Weeks

from monitor.alerts.detectors import KINDS, SurgeSettings, ThresholdSettings
from monitor.alerts.message import context, data
from monitor.alerts.rules import Rule
from monitor.interfaces import Notifier
from monitor.pipeline.alerting.delivery import deliver_due
from monitor.pipeline.alerting.notifying import dispatch
from monitor.pipeline.judging.series import judge_due
from monitor.pipeline.trying.preview import preview
from monitor.pipeline.trying.rules import try_on_store
from monitor.routes import Policy, Route
from monitor.store.predictions import Answer
from monitor.templating import Templates
from monitor.testing import Recorder, make
from monitor.types import Prediction
from monitor_plugins.apprise import Apprise
from monitor_plugins.command import Command
from monitor_plugins.email import Email

NOW = datetime(2026, 3, 4, 15, 10, tzinfo=UTC)
BAD = Rule("bad-news", "surge", {"topic": "*", "sentiment": "negative"}, ["desk"], SurgeSettings())


@pytest.fixture
def weeks(tmp_path: Path) -> Iterator[Weeks]:
    made = Weeks(tmp_path / "monitor.db", NOW, days=21, busy=6)
    for number, item in enumerate(made.wave):
        made.report(item, NOW - timedelta(minutes=50 - number), source=["wire", "bbc-business"][number % 2])
    yield made
    made.store.close()


@pytest.fixture
def server() -> Iterator[LoopbackSmtp]:
    with LoopbackSmtp() as running:
        yield running


def email(server: LoopbackSmtp) -> Notifier:
    settings = {"host": "127.0.0.1", "port": server.port, "security": "none", "sender": "m@example.com"}
    found: Notifier = make(Email, Path(), **settings, to=["desk@example.com"])
    return found


@pytest.mark.parametrize("zone", ["UTC", "Europe/Vienna"])
def test_a_surge_arrives_as_text_html_and_picture(weeks: Weeks, server: LoopbackSmtp, zone: str) -> None:
    judge_due(weeks.store, [BAD], NOW)
    assert deliver_due(weeks.store, "desk", email(server), NOW, templates=Templates(zone=zone)) == 1
    message = server.messages[0].message
    assert "negative texts on litigation" in message["Subject"]
    assert message["Subject"].endswith("[bad-news]")
    parts = [part for part in message.walk() if not part.is_multipart()]
    assert [p.get_content_type() for p in parts] == ["text/plain", "text/html", "image/png"]
    text, page, picture = (part.get_content() for part in parts)
    assert "Halvorne" in text
    assert "monitor alerts show 1" in text
    assert ("15:10 UTC" if zone == "UTC" else "16:10 CET") in text
    name = parts[2]["Content-ID"].strip("<>")
    assert f'<img src="cid:{name}"' in page
    assert "Halvorne" in page
    assert 'dir="auto">' in page, "texts may be written from right to left"
    assert picture.startswith(b"\x89PNG")


def test_a_notification_about_several_alerts_arrives_as_text_and_html(
    weeks: Weeks, server: LoopbackSmtp
) -> None:
    policy = Policy((Route(name="all", notify=("desk",), group_by=(), group_wait=0),))
    rules = [
        Rule(name, "threshold", where, [], ThresholdSettings(at_least=2), routed=True, policy=policy)
        for name, where in (("<b>", {"topic": "litigation"}), ("all", {}))
    ]
    judge_due(weeks.store, rules, NOW)
    dispatch(weeks.store, policy, NOW)
    deliver_due(weeks.store, "desk", email(server), NOW, templates=Templates(zone="Europe/Vienna"))
    message = server.messages[0].message
    assert message["Subject"].startswith('2 firing: 44 texts on litigation in 1 h, limit 2: "Creditors drag ')
    text, page, drawn = (part.get_content() for part in message.walk() if not part.is_multipart())
    assert page.count("<!doctype html>") == page.count("<body") == 1
    assert page.count("<h2") == 2
    assert "<b>" not in page, "names are escaped"
    assert page.count('<img src="cid:') == 1
    assert drawn.startswith(b"\x89PNG")
    assert text.count(" a column: now ") == 2
    assert "Rule: all (threshold) watches all documents and fires" in text
    for said in (text, page):
        assert "raised 16:10 CET" in said
        assert "Halvorne" in said
        assert "monitor alerts show 1" in said


@pytest.mark.parametrize("part", [Email, Apprise, Command])
def test_who_shows_pictures_says_so(part: type[Notifier]) -> None:
    assert part.pictures


def test_later_figures_are_those_of_their_window(weeks: Weeks) -> None:
    """An alert that got worse says how many texts came in how long, of one and the same window."""
    judge_due(weeks.store, [BAD], NOW - timedelta(minutes=35))
    later = NOW + timedelta(minutes=10)
    for number, item in enumerate(weeks.wave):
        weeks.report(item.about("Other Bank"), later - timedelta(seconds=5 * number))
    judge_due(weeks.store, [BAD], later)
    policy = Policy((Route(name="again", notify=("night",)),))
    alert = weeks.store.alerts.all_open()[0]
    weeks.store.connection.execute("update alerts set routed = 1")
    dispatch(weeks.store, policy, later)
    night = Recorder()
    deliver_due(weeks.store, "night", night, later)
    notification = next(n for n in night.sent if n.data["id"] == alert.id)
    evidence = notification.data["evidence"]
    assert evidence["observed"] == alert.observed
    assert evidence["shares"][-1]["part"] == alert.observed


ASKED: dict[str, dict[str, Any]] = {
    "threshold": {"at_least": 5},
    "ratio": {"at_least": 0.5},
    "keyword": {"words": ["court"]},
    "conversation": {"when": "unanswered"},
}
"""Settings without a default."""


@pytest.mark.parametrize("event", ["firing", "resolved"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_previewed(weeks: Weeks, kind: str, event: str) -> None:
    everywhere = kind in ("keyword", "silence", "model", "new_topic")
    where = {} if everywhere else {"entity": "*"} if kind == "entity" else {"sentiment": "negative"}
    rule = Rule("a rule", kind, where, [], KINDS[kind].model_validate(ASKED.get(kind, {})))
    shown = preview(weeks.store, rule, NOW, event=event)
    assert shown.message.title.startswith("Over after ") is (event == "resolved")
    assert "[a rule]" in shown.message.title
    assert "preview" not in shown.message.title
    assert "all documents" not in shown.message.title
    assert "monitor alerts show" in shown.message.body
    assert ("At its height: " in shown.message.body) is (
        event == "resolved" and kind not in ("drop", "trend", "silence", "conversation")
    )
    assert "<h1" in shown.message.html
    assert weeks.store.alerts.find() == [], "nothing is kept"


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        ("trend", {"over": "21d", "min_per_day": 4}, "rising from 4 to 7.5 a day over 21 days"),
        ("trend", {"direction": "down"}, "falling from 9.4 to 5 a day over 42 days"),
        ("ratio", {"at_least": 0.6}, "100 % of texts in 1 h are negative, usually "),
        ("ratio", {"at_least": 0.6, "min_count": 80}, "70 % of texts in 1 h are negative, usually "),
        ("ratio", {"at_least": 0.995, "window": "2h"}, "100 % of texts in 2 h are negative, usually "),
        ("threshold", {"at_least": 20}, "20 negative texts in 1 h, limit 20"),
        ("drop", {"window": "2h"}, "no negative texts in 2 h, usually "),
    ],
)
def test_a_preview_keeps_to_the_settings_of_its_rule(
    weeks: Weeks, kind: str, settings: dict[str, Any], said: str
) -> None:
    rule = Rule("a rule", kind, {"sentiment": "negative"}, [], KINDS[kind].model_validate(settings))
    shown = preview(weeks.store, rule, NOW)
    assert said.casefold() in shown.message.title.casefold()
    if kind == "ratio":
        assert f"; limit {100 * settings['at_least']:.3g} %): " in shown.message.title
    if kind == "drop":
        evidence = shown.data["evidence"]
        last, since, until = (datetime.fromisoformat(evidence[key]) for key in ("last_at", "since", "until"))
        assert last < since < until <= NOW + timedelta(minutes=5), "no text came in the window"


def test_a_preview_is_of_the_last_moment_at_which_the_rule_would_have_fired(weeks: Weeks) -> None:
    (report,) = try_on_store(weeks.store, [BAD], NOW - timedelta(days=28), NOW, as_live=True)
    tried, last = report.alerts[-1]
    shown = preview(weeks.store, BAD, NOW)
    assert shown.data["selection"] == tried.selection
    assert datetime.fromisoformat(shown.data["fired_at"]) == last.fired_at
    figures = [shown.data[name] for name in ("observed", "expected", "low", "high", "reason")]
    assert figures == [
        getattr(last.first, name) for name in ("observed", "expected", "low", "high", "reason")
    ]
    evidence = shown.data["evidence"]
    assert evidence["read"] == last.first.observed >= BAD.settings.min_count
    assert evidence["stories"] >= BAD.settings.min_stories
    assert "made up" not in shown.made_of
    later = preview(weeks.store, BAD, NOW + timedelta(hours=8), event="resolved")
    assert "would have fired last" in later.made_of
    assert later.data["observed"] == last.worst.observed > last.first.observed
    assert later.data["evidence"]["read"] == last.worst.observed
    still = preview(weeks.store, BAD, NOW, event="resolved")
    assert still.made_of.endswith("; its end is made up")


@pytest.mark.parametrize(
    ("kind", "settings", "least"),
    [
        ("threshold", {"at_least": 4, "min_stories": 70}, 70),
        ("threshold", {"at_least": 90}, 90),
        ("surge", {"min_count": 60}, 60),
        ("surge", {"min_stories": 60}, 60),
        ("ratio", {"at_least": 0.5, "min_stories": 80}, 80),
    ],
)
def test_a_preview_with_made_up_figures_is_one_that_the_rule_could_raise(
    weeks: Weeks, kind: str, settings: dict[str, Any], least: int
) -> None:
    rule = Rule("a rule", kind, {"sentiment": "negative"}, [], KINDS[kind].model_validate(settings))
    shown = preview(weeks.store, rule, NOW)
    assert "the figures and times are made up, since the rule would not have fired" in shown.made_of
    evidence = shown.data["evidence"]
    assert (shown.data["observed"], evidence["read"], evidence["stories"]) == (least, least, least)
    assert sum(evidence["history"]["counts"][slice(*evidence["history"]["window"])]) == least
    first, last, since, until = (
        datetime.fromisoformat(evidence[key]) for key in ("first_at", "last_at", "since", "until")
    )
    assert since <= first < last <= until
    if kind == "surge":
        assert shown.data["observed"] > shown.data["high"]
    assert "Nobody answers" not in shown.message.body, "what is there is shown first"


def test_a_preview_of_new_topics_shows_texts_without_a_label_and_offers_one(weeks: Weeks) -> None:
    rule = Rule("odd", "new_topic", {}, [], KINDS["new_topic"](tasks=["topic"], recent="3d"))
    without = weeks.store.documents.find(limit=3)
    for document in without:
        said = weeks.store.predictions.of([document.id])[document.id]
        answers = {task: Answer(found, weeks.heads[task]) for task, found in said.items()}
        answers["topic"] = Answer([Prediction("earnings", 0.2, True)], weeks.heads["topic"])
        weeks.store.predictions.record(document.id, answers)
    shown = preview(weeks.store, rule, NOW)
    assert shown.made_of == (
        "the newest 3 texts that fit no label of topic and 3 made-up texts; "
        "the figures and times are made up, since the rule cannot be tried on the past"
    )
    assert {text["id"] for text in shown.data["evidence"]["texts"]} <= {d.id for d in without}
    assert "6 texts that fit no label resemble each other; usually none in 3 days" in shown.message.body
    assert "monitor tasks extend topic new-label --seed " in shown.message.body


def test_a_preview_of_answers_says_of_which_days_they_are(weeks: Weeks) -> None:
    rule = Rule("fit", "model", {}, [], KINDS["model"](tasks=["topic"], recent="3d 12h"))
    shown = preview(weeks.store, rule, NOW)
    assert "no label fits 25 % of the texts in 3 days, usually 10 %" in shown.message.title
    assert shown.data["evidence"]["seconds"] == 3 * 86400


def test_a_conversation_is_shown_in_its_order(weeks: Weeks) -> None:
    rule = Rule(
        "waiting", "conversation", {"sentiment": "negative"}, [], KINDS["conversation"](when="unanswered")
    )
    told = preview(weeks.store, rule, NOW).data["evidence"]["texts"]
    times = [text["event_at"] for text in told]
    assert len(times) > 1
    assert times == sorted(times)
    assert len({text["thread"] for text in told}) == 1


def test_what_was_said_of_a_name_before_is_found(weeks: Weeks) -> None:
    store = weeks.store
    ids = [d.id for d in store.documents.find(labels=[("topic", "earnings")], limit=9)]
    for document_id in ids:
        store.mentions.replace(document_id, ["Acme"])
    background = store.background
    negative = {d.id for d in store.documents.find(labels=[("sentiment", "negative")], limit=10000)} & set(
        ids
    )
    assert len(background.before(max(ids), {"entity": "Acme"}, 50)) == 8
    found = background.before(max(ids) + 1, {"entity": "Acme", "sentiment": "negative"}, 50)
    assert len(found) == len(negative)
    assert len(background.before(max(ids) + 1, {"sentiment": "negative", "entity": "Acme"}, 50)) == len(
        negative
    )


@pytest.mark.parametrize(
    ("kind", "selection", "reason", "run"),
    [
        ("silence", {"source": "my feed"}, "nothing new", "monitor sources check 'my feed'"),
        ("model", {"task": "intent"}, "no label", "monitor label intent"),
        (
            "conversation",
            {"source": "my chat", "thread": "c1"},
            "no answer",
            "monitor documents list --source 'my chat' --thread c1",
        ),
        ("new_topic", {"task": "intent"}, "8 texts; to make them a label: monitor do", "monitor do"),
        ("surge", {}, "12 texts", "monitor alerts show 7"),
    ],
)
def test_what_to_do_first_is_said_first(kind: str, selection: dict[str, str], reason: str, run: str) -> None:
    alert = {
        "id": 7, "rule": "r", "kind": kind, "selection": selection, "reason": reason,
        "observed": 12, "expected": 1, "low": 0, "high": 3,
    }  # fmt: skip
    said = context("firing", data(alert, []))
    assert said["commands"][0]["run"] == run
    assert "to make them a label" not in said["headline"]


def test_a_long_headline_is_cut_before_its_rule() -> None:
    alert = {
        "id": 7, "rule": "slow", "kind": "trend", "selection": {}, "reason": "it " * 99,
        "observed": 12, "expected": 1, "low": 0, "high": 3,
    }  # fmt: skip
    said = context("firing", data(alert, []))["headline"]
    assert len(said) <= 200
    assert said.endswith("… [slow]")
    reason = "3 texts with " + ", ".join(repr("w" * 60 + str(n)) for n in range(4))
    over = context("resolved", data({**alert, "kind": "keyword", "reason": reason}, []))["headline"]
    assert len(over) <= 200
    assert over.endswith("… [slow]")


def test_a_silence_is_told_from_its_moment_in_the_zone_of_who_reads_it() -> None:
    since, fired = "2026-03-04T08:59:10+00:00", "2026-03-04T10:00:00+00:00"
    alert = {
        "id": 1, "rule": "quiet", "kind": "silence", "selection": {"source": "wire"}, "since": since,
        "reason": "cannot be read for 1 h; 3 failures in a row: no route", "fired_at": fired,
        "observed": 3, "expected": 0.0,
        "evidence": {
            "seconds": 3900, "since": "2026-03-04T08:55:00+00:00", "until": fired, "at": fired, "read": 0,
            "shares": [], "first_at": None, "last_at": None, "behind": 0, "newest": None,
        },
    }  # fmt: skip
    assert context("firing", alert, "America/Los_Angeles")["facts"] == [
        "Cannot be read for 1 h; 3 failures in a row: no route.",
        "Since 00:59 PST; raised 02:00 PST on Wed 4 Mar.",
    ]
