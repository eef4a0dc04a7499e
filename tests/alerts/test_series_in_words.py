"""Series as one would speak of them."""

from __future__ import annotations

import pytest

from monitor.alerts.series_in_words import about, are, counted, is_not, named, whole
from monitor.types import Selection


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        ({}, "texts"),
        ({"sentiment": "negative"}, "negative texts"),
        ({"topic": "litigation", "sentiment": "negative"}, "negative texts on litigation"),
        ({"entity": "Acme", "sentiment": "negative"}, "negative texts about Acme"),
        ({"entity": "Acme", "topic": "cyber"}, "texts on cyber about Acme"),
        ({"intent": "complaint", "entity": "Acme"}, "texts about Acme with intent complaint"),
        ({"intent": "refund", "urgency": "high"}, "texts with intent refund, urgency high"),
    ],
)
def test_a_series_is_named_as_one_would_speak_of_it(selection: Selection, said: str) -> None:
    assert named(selection) == said


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        ({}, "all texts"),
        ({"read by": "intent"}, "all texts read for intent"),
        ({"topic": "money"}, "texts on money"),
    ],
)
def test_what_a_share_is_of_is_named(selection: Selection, said: str) -> None:
    assert whole(selection) == said


@pytest.mark.parametrize(
    ("count", "said"), [(0, "no texts on money"), (1, "1 text on money"), (1234, "1,234 texts on money")]
)
def test_texts_are_counted(count: int, said: str) -> None:
    assert counted(count, {"topic": "money"}) == said


@pytest.mark.parametrize(
    ("kind", "selection", "said"),
    [
        ("surge", {}, "all texts"),
        ("drop", {"topic": "money"}, "texts on money"),
        ("silence", {"source": "wire"}, "source wire"),
        ("model", {"task": "intent"}, "task intent"),
        ("conversation", {"source": "chat", "thread": "c17"}, "conversation c17 (chat)"),
        ("keyword", {}, "certain words"),
        ("keyword", {"sentiment": "negative"}, "certain words in negative texts"),
    ],
)
def test_what_an_alert_is_about(kind: str, selection: Selection, said: str) -> None:
    assert about(kind, selection) == said


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        ({"sentiment": "negative"}, "are negative"),
        ({"sentiment": "negative", "topic": "court"}, "are on court and negative"),
        ({"entity": "Acme", "mood": "bad"}, "are about Acme and bad"),
        ({"mood": "bad", "sentiment": "negative"}, "are negative and bad"),
        ({"intent": "refund", "urgency": "high"}, "have intent refund and urgency high"),
    ],
)
def test_what_texts_are_is_said_of_them(selection: Selection, said: str) -> None:
    assert are(selection) == said
    denied = (
        said.replace("are ", "is not ").replace("have ", "does not have ").replace(" and does", " or does")
    )
    assert is_not(selection) == denied
    assert are(selection, 1) == said.replace("are ", "is ").replace("have ", "has ")
