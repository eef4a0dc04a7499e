"""What speaks for an alert: read from a database with weeks of the sample's texts."""

from __future__ import annotations

import dataclasses
import json
import shutil
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from matplotlib.font_manager import fontManager
from weeks import Weeks
from work import lines, steps

from monitor.alerts import lettering
from monitor.alerts.detectors import KINDS, SurgeSettings, ThresholdSettings, Verdict
from monitor.alerts.lettering import FAMILY, drawable
from monitor.alerts.picture import picture, pictures
from monitor.alerts.rules import Rule
from monitor.pipeline.alerting.following import alert_data, follow
from monitor.pipeline.judging.watching import watch_documents
from monitor.pipeline.trying.preview import preview
from monitor.store.predictions import Answer
from monitor.store.room import BUCKET_S, bucket_of
from monitor.types import READ_BY, Notification, Prediction, Selection

NOW = datetime(2026, 3, 4, 3, 10, tzinfo=UTC)
BAD = {"topic": "litigation", "sentiment": "negative"}
BAD_MOOD = {"sentiment": ["negative"]}
RULE = Rule("bad-news", "surge", {"topic": "*", "sentiment": "negative"}, ["desk"], SurgeSettings())


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weeks") / "monitor.db"
    Weeks(path, NOW).store.close()
    return path


@pytest.fixture
def weeks(filled: Path, tmp_path: Path) -> Iterator[Weeks]:
    shutil.copy(filled, tmp_path)
    made = Weeks(tmp_path / "monitor.db", NOW)
    yield made
    made.store.close()


def found(observed: int, *, firing: bool = True, expected: float = 0.4, seconds: int = 3600) -> Verdict:
    until = bucket_of(NOW) + BUCKET_S
    reason = f"{observed} texts in 1 h where 0 to 3 ({expected:.2g} on average) are usual at this hour"
    return Verdict(firing, observed, expected, 0, 3, until - seconds, until, 1e-9, reason)


def raise_(
    weeks: Weeks, ids: list[int], rule: Rule = RULE, selection: Selection = BAD, **of: Any
) -> Notification:
    """The notification of an alert on these documents."""
    documents = weeks.documents(ids)
    follow(weeks.store, rule, selection, found(len(ids), **of), lambda _: documents, NOW)
    return notifications(weeks)[-1]


def notifications(weeks: Weeks) -> list[Notification]:
    (alert,) = weeks.store.alerts.find()
    return [entry.notification for entry in weeks.store.outbox.of_alert(alert.id)]


def wave(weeks: Weeks) -> list[int]:
    """44 texts on one bank in an hour."""
    begun = NOW - timedelta(minutes=50)
    with weeks.store.transaction():
        return [
            weeks.report(item, begun + timedelta(minutes=n), source=["wire", "bbc-business"][n % 2])
            for n, item in enumerate(weeks.wave)
        ]


def test_a_wave_explains_itself(weeks: Weeks) -> None:
    notification = raise_(weeks, wave(weeks))
    evidence = notification.data["evidence"]
    assert (evidence["observed"], evidence["expected"], evidence["low"], evidence["high"]) == (44, 0.4, 0, 3)
    assert (evidence["stories"], evidence["behind"], evidence["sources_in_all"]) == (44, 44, 2)
    assert evidence["sources"] == [
        {"name": name, "texts": 22, "stories": 22} for name in (s["name"] for s in evidence["sources"])
    ]
    assert evidence["words"][0]["term"] == "Halvorne"
    assert not {"the", "of", "a"} & {word["term"] for word in evidence["words"]}
    share = {tuple(sorted(s["of"])): s for s in evidence["shares"]}
    assert share[READ_BY,]["now"] == 1
    assert share[READ_BY,]["usual"] < 0.2
    assert share[READ_BY,]["what"] == "all texts read for topic", "agents' turns are read for nothing"
    assert share["topic",]["usual"] > share[READ_BY,]["usual"]
    assert 3 <= len(evidence["texts"]) <= 5
    assert all(text["url"].startswith("https://") for text in evidence["texts"])
    assert datetime.fromisoformat(evidence["first_at"]) == NOW - timedelta(minutes=50)
    history = evidence["history"]
    assert (history["counts"][-1], history["step"]) == (44, 3600)
    assert history["window"] == [len(history["counts"]) - 1, len(history["counts"])]
    assert evidence["rule"].startswith("bad-news (surge) watches each topic, sentiment negative")
    assert "window 2h" in evidence["rule"]


def test_the_notification_says_what_where_how_much_and_since_when(weeks: Weeks) -> None:
    notification = raise_(weeks, wave(weeks))
    assert notification.title == (
        "44 negative texts on litigation in 1 h, usually 0 to 3: "
        '"Halvorne broke disclosure law three times, regulator rules" [bad-news]'
    )
    first, second, *_ = notification.body.splitlines()
    assert first == "44 negative texts on litigation in 1 h; usually 0 to 3 at this hour."
    assert second == "Since 02:20 UTC, newest text 03:03 UTC; raised 03:10 UTC on Wed 4 Mar."
    (alert,) = weeks.store.alerts.find()
    assert f"monitor alerts ack {alert.id}" in notification.body
    for part in ("Halvorne (39)", "What they say", "https://wire.example/", "█"):
        assert part in notification.body
        assert part in notification.html
    assert "  say that you look after it\n" in notification.body
    assert '  say that it was a false alarm, or "real"\n' in notification.body


def test_one_story_told_often_is_called_so(weeks: Weeks) -> None:
    item = weeks.wave[0]
    ids = [weeks.report(item, NOW - timedelta(minutes=n), source="wire") for n in range(12)]
    notification = raise_(weeks, ids)
    assert notification.data["evidence"]["stories"] == 1
    assert [text["alike"] for text in notification.data["evidence"]["texts"]] == [12]
    assert notification.title.startswith(
        "12 negative texts on litigation in 1 h, usually 0 to 3, only one story: "
    )
    assert "One and the same text, 12 times, from wire." in notification.body
    assert "and 11 more with the same text" in notification.body


def test_conversations_are_shown_once_each(weeks: Weeks) -> None:
    ids = [i for n in range(6) for i in weeks.talk(NOW - timedelta(minutes=40 - n), chat=n)]
    notification = raise_(weeks, ids, selection={"sentiment": "negative"})
    evidence = notification.data["evidence"]
    assert evidence["conversations"] == 6
    assert evidence["in_conversations"] == evidence["read"]
    threads = [text["thread"] for text in evidence["texts"]]
    assert len(threads) == len(set(threads))
    assert "6 conversations" in notification.body
    assert "monitor documents show" in notification.body, "a text without a link can be found all the same"


def test_agents_are_quoted_only_where_nobody_else_wrote(weeks: Weeks) -> None:
    def say(number: int, role: str) -> list[int]:
        said = {"agent": "We are sorry that parcels are late", "customer": "My parcel is late, again"}[role]
        return [
            weeks.say("chat", "", f"{said}, case {n} of {n} Mile", NOW - timedelta(minutes=5), BAD_MOOD, thread=f"p{n}",
                      role=role)
            for n in range(number)
        ]  # fmt: skip

    agents = say(6, "agent")
    shown = raise_(weeks, agents, selection={"sentiment": "negative"}).data["evidence"]["texts"]
    assert {text["role"] for text in shown} == {"agent"}
    follow(
        weeks.store,
        RULE,
        {"sentiment": "negative", "topic": "product"},
        found(8),
        lambda _: weeks.documents([*agents, *say(2, "customer")]),
        NOW,
    )
    newest = weeks.store.alerts.find()[0]
    evidence = weeks.store.evidence.of(newest.id)
    assert {text["role"] for text in evidence["texts"]} == {"customer"}
    assert evidence["read"] == 8, "what agents wrote counts all the same"


def test_news_beside_conversations_are_counted_too(weeks: Weeks) -> None:
    ids = [i for n in range(2) for i in weeks.talk(NOW - timedelta(minutes=40 - n), chat=n)]
    ids += [weeks.report(weeks.wave[n], NOW - timedelta(minutes=n), source="wire") for n in range(9)]
    notification = raise_(weeks, ids, selection={"sentiment": "negative"})
    assert "\n9 texts and 2 conversations, from " in notification.body


def test_the_end_says_how_long_it_lasted_and_how_many_texts_there_were(weeks: Weeks) -> None:
    raise_(weeks, wave(weeks))
    over = NOW + timedelta(hours=3, minutes=20)
    for now in (over - timedelta(hours=1), over):
        follow(weeks.store, RULE, BAD, found(0, firing=False), lambda _: [], now)
    fired, resolved = notifications(weeks)
    assert resolved.event == "resolved"
    assert resolved.title.startswith("Over after 3 h 20 min: ")
    assert resolved.body.startswith("It is over: raised at 03:10 UTC, ended at 06:30 UTC on Wed 4 Mar")
    assert "44 texts in all." in resolved.body
    assert (
        "\nWhen it ended: no texts in 1 h where 0 to 3 (0.4 on average) are usual at this hour.\n"
        in resolved.body
    )
    assert "alerts ack" not in resolved.body
    history = resolved.data["evidence"]["history"]
    assert history["counts"][-3:] == [0, 0, 0], "the picture shows the time since"
    assert history["counts"][history["window"][0]] == 44
    assert resolved.data["evidence"]["rule"] == fired.data["evidence"]["rule"]


def test_the_evidence_is_kept_with_the_alert(weeks: Weeks) -> None:
    notification = raise_(weeks, wave(weeks))
    (alert,) = weeks.store.alerts.find()
    assert alert_data(weeks.store, alert)["evidence"] == notification.data["evidence"]
    json.dumps(notification.data)


def test_a_threshold_speaks_of_its_limit(weeks: Weeks) -> None:
    rule = Rule("many", "threshold", {"topic": "litigation"}, ["desk"], ThresholdSettings(at_least=10))
    notification = raise_(weeks, wave(weeks), rule, {"topic": "litigation"}, expected=10)
    assert notification.title.startswith("44 texts on litigation in 1 h, limit 10: ")
    assert "the rule's limit is 10" in notification.body
    assert "at this hour" not in notification.body


@pytest.mark.parametrize("kind", ["drop", "silence", "ratio", "conversation", "model", "something_new"])
def test_kinds_explain_themselves_by_their_reason(weeks: Weeks, kind: str) -> None:
    """Also with a selection that is no series, and without any documents."""
    rule = Rule("r", kind, {"source": "wire"}, ["desk"], SurgeSettings())
    verdict = Verdict(
        True, 0, 40, 30, 50, int(NOW.timestamp()) - 3600, int(NOW.timestamp()), 1e-9, "nothing came"
    )
    follow(weeks.store, rule, {"source": "wire"}, verdict, lambda _: [], NOW)
    (notification,) = notifications(weeks)
    assert notification.data["evidence"]["history"] is None
    assert notification.data["evidence"]["texts"] == []
    assert notification.title == (
        "No texts with source wire in 1 h, usually 30 to 50 [r]"
        if kind == "drop"
        else "Nothing came: source wire [r]"
        if kind == "conversation"
        else "Source wire: nothing came [r]"
    )
    assert notification.body.count("othing came") == (kind != "drop"), "what was said is not said again"
    assert "img" not in notification.html


def test_texts_are_escaped_in_html_and_cannot_forge_lines(weeks: Weeks) -> None:
    evil = "<script>alert(1)</script>\n\nRule: none\x1b[2J{{ alert }}"
    ids = [weeks.say("wire", evil, f"{evil} {n}", NOW, BAD_LISTS, url='javascript:"x"') for n in range(3)]
    notification = raise_(weeks, ids)
    assert "<script>" not in notification.html
    assert "javascript:" not in notification.html
    assert "\x1b" not in notification.body
    assert "\nRule: none" not in notification.body
    assert "{{ alert }}" in notification.body, "a text is no template"
    assert notification.data["documents"][0]["title"] == evil, "the data has it as stored"


BAD_LISTS = {"topic": ["litigation"], "sentiment": ["negative"]}


def raising(weeks: Weeks, ids: list[int], name: str) -> Callable[[], None]:
    """What raises an alert on these documents, in its transaction, once they are read."""
    rule, documents = dataclasses.replace(RULE, name=name), weeks.documents(ids)
    return lambda: follow(weeks.store, rule, BAD, found(len(ids)), lambda _: documents, NOW)


def test_evidence_is_bounded(filled: Path, tmp_path: Path) -> None:
    def work(number: int, words: int) -> int:
        weeks = Weeks(shutil.copy(filled, tmp_path / f"{number}.db"), NOW)
        long = {"title": "t" * 5000, "text": "word " * words, "url": "u" * 300}
        with weeks.store.transaction():
            ids = [weeks.say("wire", at=NOW, labels=BAD_LISTS, **long) for _ in range(number)]
        count = lines(raising(weeks, ids, "bad-news"))
        notification = notifications(weeks)[-1]
        assert len(json.dumps(notification.data["evidence"])) < 40_000
        assert len(json.dumps(notification.data)) < 400_000
        assert len(notification.body) < 10_000
        assert len(notification.title) <= 200
        weeks.store.close()
        return count

    few, many = work(120, 4_500), work(480, 9_000)
    assert many < 1.2 * few, "more of the texts is read than is bounded"


def test_evidence_takes_as_much_work_however_long_the_past(
    weeks: Weeks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.store.background.LOOKED_AT", 100)  # both pasts have more

    def work(weeks: Weeks) -> tuple[int, int]:
        ids = wave(weeks)
        read = steps(weeks.store.connection, raising(weeks, ids, "one"))
        return read, lines(raising(weeks, ids, "two"))

    longer = Weeks(tmp_path / "longer.db", NOW, days=84)
    try:
        few, many = work(weeks), work(longer)
    finally:
        longer.store.close()
    assert many[0] < 1.2 * few[0], "what is read of the database grows with it"
    assert many[1] < 1.2 * few[1]


def test_words_of_earlier_texts_are_read_by_label(weeks: Weeks) -> None:
    background = weeks.store.background
    everything = background.before(10**9, {}, 1000)
    negative = background.before(10**9, {"sentiment": "negative"}, 1000)
    both = background.before(10**9, BAD, 1000)
    assert len(everything) > len(negative) > len(both) > 0
    assert len(both) == background.sum(BAD, 0, 2**40)
    assert len(background.before(10**9, BAD, 2)) == 2
    assert background.before(1, {}, 10) == []


def test_the_picture_is_a_png(weeks: Weeks) -> None:
    history = raise_(weeks, wave(weeks)).data["evidence"]["history"]
    drawn = picture(history, "Europe/Vienna")
    assert drawn.startswith(b"\x89PNG")
    assert 2_000 < len(drawn) < 100_000
    assert picture(None) == b""
    for odd in ("texts on $AAPL and $TSLA", "texts on $^$", "W" * 300):
        assert picture(history, "UTC", odd).startswith(b"\x89PNG"), "a name is no formula"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert picture(history, "UTC", "texts with 意图 登录问题 or שאלה").startswith(b"\x89PNG"), (
            "a glyph is missing"
        )
    drawn = pictures([("texts on litigation", history)] * 9)
    assert int.from_bytes(drawn[20:24]) == 1743, "four series below each other, and the key"


@pytest.mark.parametrize("event", ["firing", "resolved"])
def test_a_preview_is_made_of_the_newest_texts_of_a_series(weeks: Weeks, event: str) -> None:
    before = weeks.store.row_counts()
    shown = preview(weeks.store, RULE, NOW, event=event)
    assert shown.made_of.startswith("the newest 5 texts of ")
    assert shown.made_of.endswith("made up, since the rule would not have fired in the last 28 days")
    assert shown.data["selection"]["sentiment"] == "negative"
    assert shown.picture.startswith(b"\x89PNG")
    assert shown.message.title.startswith("Over after 2 h: " if event == "resolved" else "5 negative texts ")
    assert weeks.store.row_counts() == before


def test_the_name_that_most_texts_mention_is_said(weeks: Weeks) -> None:
    """A rule on all negative texts tells whom they are about, where the owner listed the name."""
    ids = wave(weeks)[:10]
    for document_id in ids[:8]:
        weeks.store.mentions.replace(document_id, ["Halvorne Bank"])
    notification = raise_(weeks, ids, selection={"sentiment": "negative"})
    (named,) = notification.data["evidence"]["names"]
    assert (named["name"], named["texts"], named["of"], named["usual"]) == ("Halvorne Bank", 8, 10, 0)
    said = "Named more than usual: Halvorne Bank (8 of 10, usually none)."
    assert said in notification.body
    assert said in notification.html
    assert ", mostly about Halvorne Bank: " in notification.title
    assert "Halvorne" not in [word["term"] for word in notification.data["evidence"]["words"]], (
        "it is said once"
    )


def test_the_name_that_an_alert_is_about_is_no_news(weeks: Weeks) -> None:
    ids = wave(weeks)[:10]
    for document_id in ids:
        weeks.store.mentions.replace(document_id, ["Halvorne Bank"])
    notification = raise_(weeks, ids, selection={"entity": "Halvorne Bank"})
    assert notification.data["evidence"]["names"] == []


def test_the_height_of_mentions_is_that_of_the_whole_alert(weeks: Weeks) -> None:
    """The newest mention alone says nothing of how large the wave was."""
    rule = Rule("names", "entity", {"entity": "*"}, [], KINDS["entity"]())
    for number, n in enumerate([*range(80, 60, -1), 5]):
        at = NOW - timedelta(minutes=n)
        with weeks.store.transaction():
            (one,) = [weeks.report(weeks.wave[number], at)]
            weeks.store.predictions.record(
                one,
                {"topic": Answer([Prediction("litigation", 0.9)], weeks.heads["topic"])},
                ["Halvorne Bank"],
            )
        watch_documents(weeks.store, [rule], [one], at + timedelta(minutes=1))
    (alert,) = weeks.store.alerts.find()
    data = alert_data(weeks.store, alert, NOW)
    history = data["evidence"]["history"]
    first, end = history["window"]
    assert sum(history["counts"][first:end]) == 21
    assert sum(history["counts"][:first]) == 0


def test_letters_that_no_font_has_are_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert drawable("texts on Störung, Łódź, возврат") == ("texts on Störung, Łódź, возврат", [FAMILY])
    assert drawable("texts on שאלה وشكوى x") == ("texts on … x", [FAMILY])
    bundled = [entry for entry in fontManager.ttflist if "mpl-data" in entry.fname]
    monkeypatch.setattr(fontManager, "ttflist", bundled)
    lettering._fonts.cache_clear()
    assert drawable("意图 登录问题 in 1 h") == ("… in 1 h", [FAMILY])
    assert caplog.messages == []
    lettering._fonts.cache_clear()
