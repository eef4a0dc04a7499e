"""The title of a notification about several alerts."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.alerts.grouping import SHOWN_ALERTS, group_message, group_notification
from monitor.alerts.message import TITLE_CHARACTERS
from monitor.types import Notification


def alert(topic: str, *, new: bool = False, event: str = "firing") -> dict[str, Any]:
    return {
        "id": 1, "rule": "r", "kind": "threshold", "selection": {"entity": topic}, "reason": "9 texts",
        "observed": 9, "expected": 1, "low": 0, "high": 3, "new": new, "event": event,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("group", "alerts", "title"),
    [
        (
            {"kind": "threshold"},
            [alert("Zedco", new=True), alert("Acme Bank")],
            "2 firing (1 new): 9 texts about Zedco in 1 h, limit 1; and 1 more",
        ),
        (
            {"owner": "press", "team": ""},
            [alert("Zedco"), alert("Acme"), alert("Old", event="resolved")],
            "2 still firing: 9 texts about Zedco in 1 h, limit 1; and 1 more; 1 over: texts about Old (owner press)",
        ),
        (
            {},
            [*(alert(name) for name in ("A", "B", "C")), alert("Old", event="resolved")],
            "3 still firing: 9 texts about A in 1 h, limit 1; and 2 more; 1 over: texts about Old",
        ),
        (
            {},
            [{**alert("Zedco"), "was": 2}, alert("Acme")],
            "2 still firing (1 grown): 9 texts about Zedco in 1 h, limit 1; and 1 more",
        ),
        (
            {"entity": "Acme"},
            [alert("Acme"), alert("Acme")],
            "2 still firing: 9 texts about Acme in 1 h, limit 1; and 1 more",
        ),
        (
            {"entity": "Acme"},
            [alert("Acme", new=True), alert("Acme", event="resolved")],
            "1 firing again: 9 texts about Acme in 1 h, limit 1",
        ),
        (
            {},
            [alert("Acme", new=True), alert("Zedco"), *(alert(n, event="resolved") for n in ("Acme", "Old"))],
            "2 firing (1 new, 1 again): 9 texts about Acme in 1 h, limit 1; and 1 more; 1 over: texts about Old",
        ),
    ],
)
def test_the_title_of_a_group_says_what_it_is_about(
    group: dict[str, str], alerts: list[dict[str, Any]], title: str
) -> None:
    assert group_message({"group": group, "alerts": alerts}).title == title


def test_who_looks_after_an_alert_is_said_in_its_line() -> None:
    cared = {"acked_by": "ada <a@b.example>", "ack_note": "calling\nthe agency"}
    alerts = [
        {**alert("Acme"), **cared},
        {**alert("Bank", new=True), "acked_by": "ben", "ack_note": ""},
        {**alert("Old", event="resolved"), **cared},
    ]
    said = group_message({"group": {}, "alerts": alerts})
    lines = said.body.splitlines()
    assert lines[0].endswith(" [r], ada <a@b.example> looks after it (calling the agency)")
    assert lines[1].endswith(" [r], ben looks after it")
    assert "looks after it" not in lines[2]
    assert " [r], ada &lt;a@b.example&gt; looks after it (calling the agency)</li>" in said.html


def test_one_command_acknowledges_all_that_are_new() -> None:
    alerts = [
        {**alert("Zedco", new=True), "id": 43},
        {**alert("Acme", new=True), "id": 44},
        {**alert("Tolvik", new=True), "id": 45, "acked_by": "ada"},
        {**alert("Norvane"), "id": 7},
        {**alert("Old", event="resolved"), "id": 8},
    ]
    said = group_message({"group": {}, "alerts": alerts})
    for text in (said.body, said.html):
        assert text.count("monitor alerts ack") == 1
        assert (
            text.index("Old") < text.index("monitor alerts ack 43 44") < text.index("monitor alerts show 43")
        )
        assert "say that you look after all that are new" in text
    assert "monitor alerts snooze 43" in said.body
    again = group_message({"group": {}, "alerts": [{**one, "new": False} for one in alerts[:4]]})
    assert (
        "monitor alerts ack 43 44 7  say that you look after all that nobody looks after yet\n" in again.body
    )
    alone = group_message({"group": {}, "alerts": [alerts[0], *alerts[3:]]})
    assert "monitor alerts ack 43 " in alone.body, "with what is said of it"
    assert "say that you look after all" not in alone.body


def conversation(thread: str, reason: str, *, new: bool = True, event: str = "firing") -> dict[str, Any]:
    said_by = [
        {"id": number, "source": "support", "role": role, "thread": thread, "title": "", "url": "", "alike": 1,
         "text": f"text of the {role} {thread}", "event_at": "2026-03-05T09:00:00+00:00"}
        for number, role in enumerate(("customer", "agent"))
    ]  # fmt: skip
    evidence = {
        "since": "2026-03-05T09:00:00+00:00", "until": "2026-03-05T09:00:00+00:00", "seconds": 60, "shares": [],
        "stories": 1, "conversations": 1, "read": 1, "behind": 1, "limited": False, "sources": [], "words": [],
        "first_at": "2026-03-05T09:00:00+00:00", "last_at": "2026-03-05T09:00:00+00:00", "texts": said_by,
        "at": "2026-03-05T09:00:00+00:00",
    }  # fmt: skip
    return {
        **alert("", new=new, event=event), "kind": "conversation", "reason": reason, "evidence": evidence,
        "selection": {"source": "support", "thread": thread}, "since": "2026-03-05T09:00:00+00:00",
        "fired_at": "2026-03-05T09:00:00+00:00", "resolved_at": None,
        "last_firing_at": "2026-03-05T09:00:00+00:00", "documents": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("alerts", "title"),
    [
        (
            [conversation("k1", "unanswered for 31 min, 1 text with intent complaint"),
             conversation("k2", "2 negative texts in a row from the customer")],
            '2 firing: unanswered for 31 min, 1 text with intent complaint: conversation k1 (support); '
             'and 1 more',
        ),
        (
            [conversation("k1", "unanswered for 31 min, 1 text with intent complaint"),
             conversation("k2", "unanswered for 40 min, 1 text with intent complaint", event="resolved")],
            '1 firing: unanswered for 31 min, 1 text with intent complaint: conversation k1 (support); '
             '1 over: conversation k2 (support)',
        ),
        (
            [alert("Acme", new=True), alert("Zedco", new=True),
             *(conversation(f"k{n}", "unanswered for 31 min, 1 text", new=False) for n in range(28)),
             *(conversation(f"o{n}", "unanswered for 31 min, 1 text", event="resolved") for n in range(3))],
            "30 firing (2 new): 9 texts about Acme in 1 h, limit 1; 28 conversations, unanswered up to 31 min; "
            "and 1 more; 3 over: conversations",
        ),
        (
            [conversation(f"k{n}", "unanswered for 31 min, 1 text") for n in range(300)],
            '300 firing: conversations, unanswered up to 31 min',
        ),
        (
            [*(conversation(f"k{n}", "unanswered for 31 min, 1 text") for n in range(6)), alert("Acme")],
            '7 firing (6 new): 6 conversations, unanswered up to 31 min; and 1 more',
        ),
        (
            [conversation("k0", "2 negative texts in a row from the customer"),
             *(conversation(f"k{n}", "unanswered for 31 min, 1 text") for n in range(5)),
             conversation("k9", "unanswered for 2 h 4 min, 1 text") | {"since": "2026-03-05T07:00:00+00:00"},
             alert("Acme")],
            '8 firing (7 new): 7 conversations, 6 unanswered up to 2 h 4 min, 1 turned worse; and 1 more',
        ),
        (
            [{**conversation(f"k{n}", "unanswered for 31 min, 1 text", event="resolved"), "ended": ended}
             for n, ended in enumerate(["quiet again: nobody wrote for 1 day; it was never answered"] * 2 + [""])],
            '3 over: conversations, 2 never answered',
        ),
        (
            [{**conversation("k1", "unanswered for 1 day, 1 text", event="resolved"),
              "ended": "quiet again: nobody wrote for 1 day; it was never answered"}],
            '1 over: conversation k1 (support), never answered',
        ),
        (
            [{**alert("Acme"), "kind": "keyword", "selection": {}, "reason": "2 texts with 'strike'"},
             {**alert("Acme"), "kind": "ratio"}, {**alert("Acme", event="resolved"), "kind": "surge"}],
            "2 still firing: 2 texts with 'strike'; and 1 more; 1 over: texts about Acme",
        ),
    ],
)  # fmt: skip
def test_the_title_of_a_group_tells_its_alerts_apart(alerts: list[dict[str, Any]], title: str) -> None:
    assert group_message({"group": {}, "alerts": alerts}).title == title


def surge(topic: str, quoted: str, **more: Any) -> dict[str, Any]:
    one = {
        **conversation("", "3 texts"),
        "kind": "surge",
        "selection": {"sentiment": "negative", "topic": topic},
    }
    text = {**one["evidence"]["texts"][0], "role": "publisher", "title": "", "text": quoted}
    evidence = {**one["evidence"], "texts": [text], "seconds": 3600, "sources_in_all": 0}
    return {**one, "observed": 3, "high": 0, "evidence": evidence, **more}


def test_the_title_of_a_group_has_figures_and_a_quote_as_far_as_there_is_room() -> None:
    leak = surge(
        "cyber", "Our customers' data is for sale on a forum, says a researcher who downloaded a part of it"
    )
    data = {"group": {"severity": "page"}, "alerts": [leak, surge("intent", "x", new=False)]}
    assert group_message(data).title == (
        "2 firing (1 new): 3 negative texts on cyber in 1 h, usually none: \"Our customers' data is for sale on a "
        'forum, says a researcher who downloaded a…"; and 1 more (severity page)'
    )
    data["group"] = {"severity": "page", "desk": "d" * 60}
    title = group_message(data).title
    assert "\"Our customers' data is for sale" in title
    assert title.endswith('…"; and 1 more (severity page, desk ' + "d" * 60 + ")")
    assert len(title) <= TITLE_CHARACTERS
    data["group"]["desk"] = "d" * 120
    title = group_message(data).title
    assert title.startswith("2 firing (1 new): 3 negative texts on cyber in 1 h, usually none; and 1 more (")
    assert len(title) <= TITLE_CHARACTERS


def test_a_rule_of_several_alerts_of_a_group_is_explained_once() -> None:
    waiting = [conversation(f"k{n}", "unanswered for 31 min, 1 text") for n in range(3)]
    other = conversation("k3", "2 negative texts in a row from the customer")
    for one, rule in zip([*waiting, other], ("waiting", "waiting", "waiting", "worse"), strict=True):
        one["evidence"]["rule"] = f"{rule} (conversation) watches intent complaint"
    said = group_message({"group": {}, "alerts": [{**waiting[0], "new": False}, *waiting[1:], other]})
    for text in (said.body, said.html):
        assert text.count("Rule: waiting (conversation) watches") == 1
        assert text.count("Rule: worse (conversation) watches") == 1
        assert (
            text.rindex("2. Unanswered")
            < text.index("Rule: waiting")
            < text.rindex("3. Unanswered")
            < text.index("Rule: worse")
        )


def test_who_wrote_in_a_conversation_is_said() -> None:
    waiting = conversation("k1", "unanswered for 31 min, 1 text with intent complaint")
    said = group_message({"group": {}, "alerts": [waiting, alert("Zedco", new=True)]})
    assert "- text of the customer k1 (09:00 UTC, support, customer)" in said.body
    assert "- text of the agent k1 (09:00 UTC, support, agent)" in said.body
    assert "09:00 UTC, support, agent</span>" in said.html


def notification(number: int, observed: float, event: str = "firing") -> Notification:
    data = {**alert(f"t{number}"), "id": number, "rule": f"r{number}", "observed": observed}
    return Notification("k", event, f"notification {number}", "", data)


def test_the_largest_alerts_of_a_group_are_named_first_and_acknowledged_where_they_are_shown() -> None:
    new = [notification(n, 9) for n in range(1, 300)] + [notification(300, 900)]
    known = [notification(301, 50), notification(302, 5000)]
    over = [notification(303, 9, "resolved"), notification(304, 90, "resolved")]
    said = group_notification("k", {}, [*new, *known, *over], new=len(new))
    ids = [one["id"] for one in said.data["alerts"]]
    assert ids[:3] == [300, 1, 2], "of the new ones the largest, then the oldest"
    assert ids[-4:] == [302, 301, 304, 303]
    assert [one["new"] for one in said.data["alerts"]] == [True] * 300 + [False] * 4
    assert said.title.startswith(
        "302 firing (300 new): 900 texts about t300 in 1 h, limit 1; and 301 more; 2 over: "
    )
    command = f"monitor alerts ack 300 {' '.join(map(str, range(1, SHOWN_ALERTS)))}"
    assert f"{command}  say that you look after these; 280 more are new\n" in said.body
    assert f"{command}</code>" in said.html


def test_what_is_known_makes_way_for_what_is_news() -> None:
    said = group_notification(
        "k",
        {},
        [notification(n, 9) for n in range(1, 31)]
        + [notification(n, 9, event="resolved") for n in range(31, 34)],
    )
    lines = said.body.splitlines()[:21]
    assert [line[:4] for line in lines[-4:-1]] == [" 18.", " 19.", " 20."]
    assert [f"t{n}" in "".join(lines[17:20]) for n in (31, 32, 33)] == [True] * 3
    assert lines[-1].strip() == "and 13 more: monitor alerts list --open"
    said = group_notification("k", {}, [notification(n, 9, event="resolved") for n in range(1, 31)])
    for text in (said.body, said.html):
        assert "monitor alerts list --limit 0" in text, "what is over is not open"
        assert "--open" not in text


def test_what_is_told_again_is_acknowledged_where_it_is_shown() -> None:
    said = group_notification("k", {}, [notification(n, 9) for n in range(1, 31)])
    assert " 19 20  say that you look after these; 10 more have nobody who does\n" in said.body
    said = group_notification("k", {}, [notification(n, 9) for n in range(1, SHOWN_ALERTS + 2)])
    assert "; 1 more has nobody who does\n" in said.body
    new = [notification(n, 9) for n in range(1, SHOWN_ALERTS + 2)]
    assert "; 1 more is new\n" in group_notification("k", {}, new, new=len(new)).body


def test_an_alert_whose_rule_has_other_labels_is_not_lost_among_larger_ones() -> None:
    page = notification(300, 9)
    page.data["rule_labels"] = {"severity": "page"}
    others = [notification(n, 9 + n) for n in range(1, 300)]
    said = group_notification("k", {}, [*others, page], new=300)
    assert [one["id"] for one in said.data["alerts"]][:4] == [299, 300, 298, 297]
    assert "texts about t300" in said.body.splitlines()[1]
