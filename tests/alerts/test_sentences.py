"""Figures in plain words."""

from __future__ import annotations

import pytest

from monitor.alerts import sentences
from monitor.alerts.sentences import how_much


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        (0.3, "7 texts in 1 h; usually 0 to 3 at this hour."),
        (0.58, "7 texts in 1 h; usually 0 to 3 at this hour, 0.6 on average. That is 12 times as many."),
        (0.54, "7 texts in 1 h; usually 0 to 3 at this hour, 0.5 on average. That is 14 times as many."),
        (1.96, "7 texts in 1 h; usually 0 to 3 at this hour, 2.0 on average. That is 4 times as many."),
        (6.0, "7 texts in 1 h; usually 0 to 3 at this hour, 6 on average."),
    ],
)
def test_a_factor_is_that_of_the_average_beside_it(expected: float, said: str) -> None:
    alert = {"kind": "surge", "selection": {}, "observed": 7, "expected": expected, "low": 0, "high": 3}
    assert how_much(alert, 3600) == said


@pytest.mark.parametrize(
    ("kind", "selection", "reason", "said"),
    [
        ("conversation", {"source": "chat", "thread": "c" * 36}, "unanswered for 36 min, 2 texts",
         f"unanswered for 36 min, 2 texts: conversation {'c' * 36} (chat)"),
        ("new_topic", {"task": "intent"},
         "6 texts that fit no label resemble each other (fraud, bank); usually none in 7 days; to make them: x",
         "new topic in intent: 6 texts (fraud, bank), usually none in 7 days"),
        ("new_topic", {"task": "intent"}, "3 texts that fit no label resemble each other; usually 1 in 7 days",
         "new topic in intent: 3 texts, usually 1 in 7 days"),
        ("trend", {"topic": "court"}, "rising from 2.3 to 9.4 texts a day over 42 days; means of weeks",
         "texts on court: rising from 2.3 to 9.4 a day over 42 days"),
        ("ratio", {"sentiment": "negative"}, "44 of 72 texts in 1 h (61 %, at least 51 % with 95 % confidence); limit",
         "negative texts: 44 of 72 texts in 1 h (61 %)"),
        ("model", {"task": "topic"},
         "other labels than usual in 7 days: cyber 14 % (usually 4 %), credit 8 % (usually 13 %)",
         "task topic: other labels than usual in 7 days: cyber 14 % (usually 4 %)"),
        ("model", {"task": "topic"}, "no label fits 38 % of the texts in 7 days, usually 0 %",
         "task topic: no label fits 38 % of the texts in 7 days, usually 0 %"),
    ],
)  # fmt: skip
def test_titles_say_how_much_before_long_names(
    kind: str, selection: dict[str, str], reason: str, said: str
) -> None:
    assert (
        sentences.much({"kind": kind, "selection": selection, "reason": reason, "observed": 2}, 3600) == said
    )


def test_all_of_a_series_is_not_told_where_that_is_as_ever() -> None:
    shares = [
        {"of": {"topic": "court"}, "now": 1.0, "usual": 1.0},
        {"of": {"sentiment": "negative"}, "now": 1.0, "usual": 0.5},
    ]
    assert sentences.shares(shares) == "Share: 100 % of negative texts (usually 50 %)."


def test_voices_of_a_part_are_said_to_be_of_a_part() -> None:
    """A trend is of weeks, most of which may be older than the monitor."""
    evidence = {
        "read": 5, "stories": 5, "sources": [{"name": "news", "texts": 5}], "sources_in_all": 1,
        "limited": False, "conversations": 0, "observed": 12.0,
    }  # fmt: skip
    assert sentences.origin(evidence) == "Of the newest 5 texts: 5 stories, no two alike, from news."
    assert sentences.origin({**evidence, "observed": 5}) == "5 stories, no two alike, from news."
    one = {**evidence, "read": 1, "stories": 1}
    assert sentences.origin(one) == "One text, from news."


@pytest.mark.parametrize(
    ("kind", "more", "said"),
    [
        ("surge", {}, ", only 2 stories"),
        ("entity", {"stories": 1}, ", only one story"),
        ("threshold", {"limited": True}, ", mostly copies"),
        ("threshold", {"stories": 27}, ""),
        ("threshold", {"conversations": 53}, ""),
        ("ratio", {}, ""),
        ("surge", {"read": 0, "stories": 0}, ""),
        # more came after the window of the figure
        ("threshold", {"observed": 40, "read": 90, "stories": 42}, ""),
        ("threshold", {"observed": 40, "read": 90, "stories": 9}, ", only 9 stories"),
        ("threshold", {"observed": 150, "read": 100, "limited": True, "behind": 160}, ", mostly copies"),
        ("threshold", {"observed": 150, "read": 100, "limited": True, "behind": 900}, ""),
    ],
)
def test_a_title_says_that_most_texts_are_copies(kind: str, more: dict[str, int], said: str) -> None:
    evidence = {"read": 53, "stories": 2, "conversations": 0, "limited": False}
    assert sentences.copies(kind, {**evidence, **more}) == said


@pytest.mark.parametrize(
    ("kind", "reason", "title", "body"),
    [
        (
            "surge",
            "40 texts in 2 h where 6 to 20 (12 on average) are expected at this hour, while the other texts are 3.1 "
            "times as many as usual; 28 days of history",
            "40 texts in 2 h, expected 6 to 20 while the other texts are 3.1 times as many",
            "40 texts in 2 h; 6 to 20 would be expected at this hour, 12 on average, since the other texts are 3.1 "
            "times as many as usual. That is 3 times as many.",
        ),
        (
            "drop",
            "4 texts in 2 h, while all other texts fell to 40 % of what is usual where 6 to 20 (12 on average) are "
            "expected at this hour; 28 days of history",
            "4 texts in 2 h, expected 6 to 20 while all other texts fell to 40 % of what is usual",
            "4 texts in 2 h; 6 to 20 would be expected at this hour, 12 on average, since all other texts fell to "
            "40 % of what is usual.",
        ),
    ],
)
def test_what_other_texts_let_expect_is_not_called_usual(
    kind: str, reason: str, title: str, body: str
) -> None:
    alert = {
        "kind": kind,
        "selection": {},
        "observed": int(reason.partition(" ")[0]),
        "expected": 12,
        "low": 6,
        "high": 20,
    }
    assert sentences.much({**alert, "reason": reason}, 7200) == title
    assert how_much({**alert, "reason": reason}, 7200) == body
    rare = {**alert, "reason": reason, "expected": 0.1, "low": 0, "high": 0}
    assert sentences.much(rare, 7200).endswith(" in 2 h, usually none")
