"""Threads that go wrong, turn by turn."""

from __future__ import annotations

import pytest

from monitor.alerts.detectors.conversation import ConversationSettings, Turn, judge
from monitor.alerts.rules import Rule
from monitor.alerts.sentences import rule_in_words

MINUTE = 60


def turns(said: str) -> list[Turn]:
    """A turn a minute: ``-`` the customer with the label, ``+`` without, ``?`` unsaid, ``a`` the agent."""
    roles = {"a": "agent", "p": "publisher"}
    carries = {"-": True, "+": False}
    return [Turn(n * MINUTE, roles.get(c, "customer"), carries.get(c)) for n, c in enumerate(said)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "firing", "quiet", "row"),
    [
        ("", False, True, 0),
        ("+", False, True, 0),
        ("-", False, False, 1),
        ("--", False, False, 2),
        ("---", True, False, 3),
        ("+-", False, False, 1),
        ("+--", True, False, 2),
        ("+-a-", True, False, 2),
        ("+-?-", True, False, 2),
        ("+--+", False, True, 0),
        ("--a+-", False, False, 1),
        ("aaa", False, True, 0),
        ("ppp", False, True, 0),
    ],
)
def test_worse_is_a_turn_or_a_row(said: str, firing: bool, quiet: bool, row: int) -> None:
    found = judge(turns(said), 20 * MINUTE, ConversationSettings(when="worse"))
    assert (found.firing, found.quiet, found.observed) == (firing, quiet, row)


def test_what_turned_better_is_no_row_of_none() -> None:
    where = {"sentiment": "negative"}
    found = judge(turns("--+"), 20 * MINUTE, ConversationSettings(when="worse"), where)
    assert found.reason == "the customer's newest text is not negative"


@pytest.mark.parametrize(
    ("said", "firing", "open_"),
    [
        ("-", True, 1),
        ("+", False, 0),
        ("a-", True, 1),
        ("-a", False, 0),
        ("-a-", True, 1),
        ("-+-", True, 2),
        ("-+", True, 1),
        ("-p", True, 1),
    ],
)
def test_unanswered_counts_from_the_first_open_text(said: str, firing: bool, open_: int) -> None:
    settings = ConversationSettings(when="unanswered", after="30m")
    found = judge(turns(said), 40 * MINUTE, settings)
    assert (found.firing, found.observed) == (firing, open_)
    assert not judge(turns(said), 20 * MINUTE, settings).firing


@pytest.mark.parametrize(("said", "open_"), [("a-", 1), ("-a", 0), ("-a-", 1), ("a--a", 0)])
def test_texts_of_the_same_time_follow_their_order(said: str, open_: int) -> None:
    together = [Turn(0, turn.role, turn.carries) for turn in turns(said)]
    found = judge(together, 40 * MINUTE, ConversationSettings(when="unanswered", after="30m"))
    assert (found.firing, found.observed) == (open_ > 0, open_)


def test_the_reason_says_for_how_long() -> None:
    settings = ConversationSettings(when="unanswered", after="30m")
    found = judge(turns("a-+-"), 45 * MINUTE, settings)
    assert (found.reason, found.since) == ("unanswered for 44 min, 2 texts", MINUTE)


def test_a_thread_that_ended_long_ago_is_over() -> None:
    settings = ConversationSettings(when="unanswered", expires="1h")
    assert judge(turns("-"), 3600, settings).firing
    found = judge(turns("-"), 3601, settings)
    assert (found.firing, found.quiet, found.reason) == (
        False,
        True,
        "nobody wrote for 1 h; it was never answered",
    )
    assert judge(turns("-a"), 3661, settings).reason == "nobody wrote for 1 h"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("--+a", "answered after 3 min"),
        ("-a+a--a", "answered after 2 min"),
        ("-aa", "answered after 1 min"),
        (
            "-aa-",
            "answered after 1 min; since then unanswered for 1 min, 1 text; the rule waits 30 min",
        ),
        ("+a", "nothing is left to answer"),
    ],
)
def test_the_end_says_how_long_the_answer_took(said: str, reason: str) -> None:
    settings = ConversationSettings(when="unanswered", after="30m")
    found = judge(turns(said), len(said) * MINUTE, settings)
    assert (found.firing, found.quiet, found.reason) == (False, True, reason)


def test_what_the_customer_wrote_before_is_said_too() -> None:
    settings = ConversationSettings(when="unanswered", after="30m")
    earlier = "; the customer's first text without an answer came 6 min earlier"
    found = judge(turns("-a+????+-+"), 45 * MINUTE, settings)
    assert (found.firing, found.reason) == (True, f"unanswered for 37 min, 1 text{earlier}")
    assert judge(turns("-a+????+-+a"), 45 * MINUTE, settings).reason == f"answered after 2 min{earlier}"
    assert judge(turns("-a++++-+a"), 45 * MINUTE, settings).reason == "answered after 2 min", "shortly before"
    assert judge(turns("+++++++a-a"), 45 * MINUTE, settings).reason == "answered after 1 min", (
        "that was answered"
    )


def test_where_must_name_a_label() -> None:
    settings = ConversationSettings(when="worse")
    assert [s for s, _ in settings.faults({}, {})] == ["where"]
    assert [s for s, _ in settings.faults({"mood": "*"}, {})] == ["where"]
    assert list(settings.faults({"mood": "bad"}, {})) == []


@pytest.mark.parametrize(
    ("when", "said"),
    [
        (
            "unanswered",
            "fires when a customer's text waits too long for an answer: when unanswered, after 30m",
        ),
        ("worse", "fires when a customer's texts turn to that: when worse, turned 2"),
    ],
)
def test_the_rule_says_which_of_its_questions_it_asks(when: str, said: str) -> None:
    rule = Rule("talk", "conversation", {"mood": "bad"}, [], ConversationSettings(when=when))  # type: ignore[arg-type]
    assert rule_in_words(rule).startswith(f"talk (conversation) watches mood bad and {said}")
