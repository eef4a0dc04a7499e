"""What a title quotes."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.alerts.message import TITLE_CHARACTERS, headline
from monitor.alerts.quote import QUOTE_CHARACTERS, quote, words

LONG = "My lawyer will hear of this: you charged me twice in March, and once more\nin April, for one parcel"


def alert(kind: str, *texts: tuple[str, str, str], **more: Any) -> dict[str, Any]:
    shown = [{"role": role, "title": title, "text": text} for role, title, text in texts]
    return {
        "rule": "lone", "kind": kind, "selection": {}, "reason": "1 text with 'lawyer'", "observed": 1,
        "expected": 0, "evidence": {"seconds": 3600, "texts": shown}, **more,
    }  # fmt: skip


def test_what_was_published_without_a_title_is_quoted_by_its_beginning() -> None:
    post = alert("keyword", ("publisher", "", LONG))
    assert headline("firing", post) == (
        "1 text with 'lawyer': "
        '"My lawyer will hear of this: you charged me twice in March, and once more in…" [lone]'
    )
    news = alert("keyword", ("publisher", "Data leak at Vantor", "Thousands of records"))
    assert headline("firing", news) == "1 text with 'lawyer': \"Data leak at Vantor\" [lone]"
    assert headline("firing", alert("keyword")) == "1 text with 'lawyer' [lone]"
    said = alert("keyword", ("publisher", 'Activist calls merger "value destruction"', ""))
    assert headline("firing", said).endswith(": \"Activist calls merger 'value destruction'\" [lone]")


def test_what_customers_wrote_is_not_for_locked_screens() -> None:
    assert headline("firing", alert("keyword", ("customer", "", LONG))) == "1 text with 'lawyer' [lone]"
    talk = alert(
        "conversation", ("customer", "", "You said so in May!"),
        reason="unanswered for 31 min, 1 text", selection={"source": "chat", "thread": "k1"},
    )  # fmt: skip
    assert headline("firing", talk) == "Unanswered for 31 min, 1 text: conversation k1 (chat) [lone]"


@pytest.mark.parametrize("length", [20, 100, 150, 170, 185, 400])
def test_a_quote_makes_way_for_the_rule_and_is_closed(length: int) -> None:
    said = headline("firing", alert("keyword", ("publisher", "", LONG), reason="x" * length))
    assert len(said) <= TITLE_CHARACTERS
    assert said.endswith(" [lone]")
    assert said.count('"') in (0, 2)


def test_a_kind_that_is_about_no_text_quotes_none() -> None:
    assert quote(alert("drop", ("publisher", "", LONG)), TITLE_CHARACTERS) == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("one two", "one two"),
        ("one two three four five", "one two three…"),
        ("one two three, four five", "one two three…"),
        ("one two three fourfivesix", "one two three…"),
        ("你" * 40, "你" * 15 + "…"),
        ("", ""),
    ],
)
def test_a_quote_is_cut_between_two_words(text: str, shown: str) -> None:
    assert words(text, 16) == shown
    assert len(words(LONG, QUOTE_CHARACTERS)) <= QUOTE_CHARACTERS
