"""Why an alert ended, as it is told."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.alerts import endings


def alert(kind: str = "threshold", ended: str = "", **more: Any) -> dict[str, Any]:
    selection = {"source": "chat", "thread": "c1"} if kind == "conversation" else {"sentiment": "negative"}
    return {
        "rule": "lot", "kind": kind, "selection": selection, "ended": ended,
        "fired_at": "2026-03-04T12:21:00+00:00", "last_firing_at": "2026-03-04T12:31:00+00:00",
        "resolved_at": "2026-03-04T12:33:00+00:00", **more,
    }  # fmt: skip


def said(told: dict[str, Any], count: str = "") -> list[str]:
    return endings.sentences(told, count, ZoneInfo("Europe/Vienna"))


def test_what_is_not_watched_any_more_is_not_called_over() -> None:
    told = alert(ended=endings.RULE_GONE)
    assert endings.title(told) == "Not watched any more: negative texts"
    assert said(told, " 19 texts in all.") == [
        "Not watched any more: rule lot was removed. Whether it is over is not known.",
        "Raised at 13:21 CET, last seen firing at 13:31 CET, given up at 13:33 CET on Wed 4 Mar. 19 texts in all.",
    ]


@pytest.mark.parametrize("reason", endings.UNWATCHED)
def test_every_such_reason_is_noted_as_it_is(reason: str) -> None:
    """Also by databases that called it quiet."""
    assert endings.end_of(reason) == reason
    assert endings.title(alert(ended=f"quiet again: {reason}")).startswith("Not watched any more: ")


@pytest.mark.parametrize(
    ("reason", "title", "first"),
    [
        ("answered after 9 min", "Over, answered after 9 min", "Over: answered after 9 min."),
        (
            "answered after 9 min; since then unanswered for 1 min, 1 text",
            "Over, answered after 9 min",
            "Over: answered after 9 min; since then unanswered for 1 min, 1 text.",
        ),
        (
            "nobody wrote for 1 day; it was never answered",
            "Over, never answered",
            "Over: nobody wrote for 1 day; it was never answered.",
        ),
        ("nobody wrote for 1 day", "Over after 12 min", "Over: nobody wrote for 1 day."),
    ],
)
def test_a_conversation_says_what_ended_it(reason: str, title: str, first: str) -> None:
    told = alert("conversation", f"quiet again: {reason}")
    assert endings.title(told) == f"{title}: conversation c1 (chat)"
    assert said(told) == [
        first,
        "Raised at 13:21 CET, ended at 13:33 CET on Wed 4 Mar, after 12 min.",
    ]


@pytest.mark.parametrize("ended", ["", "a preview"])
def test_an_end_without_a_reason_is_told_all_the_same(ended: str) -> None:
    told = alert(ended=ended)
    assert endings.title(told) == "Over after 12 min: negative texts"
    assert said(told) == ["It is over: raised at 13:21 CET, ended at 13:33 CET on Wed 4 Mar, after 12 min."]


def test_the_end_of_a_share_is_not_that_of_its_texts() -> None:
    assert endings.title(alert("ratio")) == "Over after 12 min: share of negative texts"


@pytest.mark.parametrize(
    ("kind", "selection", "reason", "title"),
    [
        ("drop", {"topic": "product"}, "0 texts in 1 h where 9 to 34 are usual", "missing texts on product"),
        ("drop", {}, "0 texts in 1 h where 9 to 34 are usual", "missing texts"),
        ("trend", {"intent": "praise"}, "rising from 5 to 9.4 texts a day", "rise of texts with intent praise"),
        ("trend", {"intent": "praise"}, "falling from 9.4 to 5 texts a day", "fall of texts with intent praise"),
        ("silence", {"source": "wire"}, "cannot be read for 1 h; 4 failures in a row", "source wire, unreadable"),
        ("model", {"task": "intent"}, "no label fits 38 % of the texts", "task intent, texts that no label fits"),
        ("model", {"task": "intent"}, "other labels than usual: refund", "task intent, other labels than usual"),
        (
            "new_topic", {"task": "intent"},
            "6 texts that fit no label resemble each other (dam, water); usually none in 7 days",
            "new topic in intent (dam, water)",
        ),
        (
            "conversation", {"source": "chat", "thread": "c1"}, "2 negative texts in a row from the customer",
            "conversation c1 (chat), turned worse",
        ),
    ],
)  # fmt: skip
def test_who_did_not_see_the_beginning_reads_what_is_over(
    kind: str, selection: dict[str, str], reason: str, title: str
) -> None:
    told = alert(kind, reason=reason, since="2026-03-04T12:21:00+00:00") | {"selection": selection}
    assert endings.title(told) == f"Over after 12 min: {title}"


def test_figures_that_became_quiet_are_said() -> None:
    told = alert(ended="quiet again: 2 texts in 1 h, the rule's limit is 5")
    assert said(told)[1] == "When it ended: 2 texts in 1 h, the rule's limit is 5."
    told["ended"] = "quiet again: 0 texts in 1 h, the rule's limit is 5"
    assert said(told)[1] == "When it ended: no texts in 1 h, the rule's limit is 5."


def test_a_silence_lasted_from_its_beginning() -> None:
    told = alert("silence", "quiet again: it was read", since="2026-03-04T09:14:10+00:00")
    told["selection"] = {"source": "wire"}
    assert endings.title(told) == "Over after 3 h 19 min: source wire, silent"
    assert said(told)[0] == (
        "It is over: silent since 10:14 CET, raised at 13:21 CET, ended at 13:33 CET on Wed 4 Mar, after 3 h 19 min."
    )
    told["reason"] = "cannot be read for 3 h 7 min; 6 failures in a row: answered 503"
    assert said(told)[0].startswith("It is over: unreadable since 10:14 CET, raised at 13:21 CET, "), (
        "not silent"
    )
    told["ended"] = "quiet again: nothing new for 10 min, less than the 2h of the rule"
    assert said(told)[1] == ("When it ended: it could be read again; its newest text had come 10 min before.")
    told["reason"] = "nothing new for 3 h 7 min, in which 40 arrivals are usual"
    assert said(told)[1] == "When it ended: its newest text had come 10 min before."
    told["ended"] = "quiet again: nothing new for 1 day, in which 60 arrivals are usual"
    assert said(told)[1] == (
        "When it ended: nothing new for 1 day, in which 60 arrivals are usual, which may be chance by now."
    )
