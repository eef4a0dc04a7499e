"""A share that a rule judges is told once, with what is usual of it."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.alerts import portion
from monitor.alerts.message import context

REASON = "10 of 10 texts in 1 h (100 %, at least 79 % with 95 % confidence); the rule's limit is 50 %"


def alert(
    of: dict[str, str], usual: float | None = 0.09, reason: str = REASON, **more: Any
) -> dict[str, Any]:
    share = {"of": of, "now": 0.91, "usual": usual, "part": 10, "whole": 11, "judged": True}
    return {
        "kind": "ratio", "rule": "sour", "selection": {"topic": "court", "sentiment": "negative"},
        "reason": reason, "observed": 10, "expected": 5, "evidence": {"shares": [share]}, **more,
    }  # fmt: skip


@pytest.mark.parametrize("of", [{}, {"read by": "sentiment"}])
def test_a_share_of_all_texts(of: dict[str, str]) -> None:
    told = alert(of, selection={"sentiment": "negative"})
    assert portion.title(told) == "100 % of texts in 1 h are negative, usually 9 % (10 of 10; limit 50 %)"
    assert portion.sentence(told) == (
        "10 of 10 texts in 1 h are negative (100 %, at least 79 % with 95 % confidence), usually 9 %; "
        "the rule's limit is 50 %."
    )


def test_a_share_of_a_topic() -> None:
    told = alert({"topic": "court"}, usual=None)
    assert portion.title(told) == "100 % of texts on court in 1 h are negative (10 of 10; limit 50 %)"
    both = alert({}, usual=0)
    assert portion.title(both).startswith(
        "100 % of texts in 1 h are on court and negative, usually none (10 of 10;"
    )


def test_copies_are_left_out() -> None:
    told = alert({}, reason=REASON.replace("1 h", "1 h, copies left out"), selection={"mood": "bad"})
    assert portion.title(told).startswith("100 % of texts in 1 h are bad, usually 9 % (10 of 10;")
    assert "(100 %, at least 79 % with 95 % confidence, copies left out)" in portion.sentence(told)


@pytest.mark.parametrize("old", [", 100%, and surely over 79%;", " (100 %, surely over 79 %);", None])
def test_alerts_of_before_are_told_as_they_were(old: str | None) -> None:
    told = alert({})
    if old:
        told["reason"] = f"10 of 10 texts in 1 h{old} the rule's limit is 50%"
    else:
        told["evidence"] = {"shares": [{"of": {}, "now": 0.91, "usual": 0.09}]}
    assert portion.title(told) == portion.sentence(told) == ""
    told.pop("evidence")
    headline = context("firing", told)["headline"]
    assert headline.startswith("Negative texts on court: 10 of 10 texts in 1 h")
