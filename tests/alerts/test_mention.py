"""What an alert on words and names says of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from monitor.alerts import standing
from monitor.alerts.detectors.mention import judge
from monitor.alerts.sentences import how_much, much


@pytest.mark.parametrize(
    ("named", "new", "before", "known", "reason"),
    [
        ({"hacked": 1}, 1, 0, {}, "1 text with 'hacked'"),
        ({"hacked": 1, "data leak": 1}, 1, 0, {}, "1 text with 'hacked', 'data leak'"),
        ({"hacked": 2, "data leak": 1}, 2, 0, {}, "2 texts with 'hacked' (2), 'data leak' (1)"),
        ({"hacked": 2, "data leak": 2}, 4, 0, {}, "4 texts with 'hacked' (2), 'data leak' (2)"),
        ({"hacked": 2}, 2, 4, {"data leak": 2, "hacked": 2}, "6 texts with 'hacked' (4), 'data leak' (2)"),
        ({"hacked": 2}, 2, 500, None, "502 texts, the newest 2 with 'hacked'"),
        ({"hacked": 1}, 1, 500, None, "501 texts, the newest with 'hacked'"),
        (dict.fromkeys("abcdefg", 1), 1, 0, {}, "1 text with 'a', 'b', 'c', 'd', 'e' and 2 more"),
    ],
)
def test_an_alert_on_words_counts_all_of_its_texts(
    named: Mapping[str, int], new: int, before: int, known: Mapping[str, int] | None, reason: str
) -> None:
    found = judge(named, new, before, 0, 60, known)
    assert (found.reason, found.observed) == (reason, before + new)
    alert = {"kind": "keyword", "selection": {}, "reason": reason, "observed": 9, "expected": 0}
    assert much(alert, 3600) == reason
    assert how_much(alert, 3600) == f"{reason}."


def test_a_word_with_a_semicolon_is_said_whole() -> None:
    alert = {"kind": "keyword", "selection": {}, "reason": "2 texts with 'a; b'", "observed": 2}
    assert much(alert, 0) == "2 texts with 'a; b'"


@pytest.mark.parametrize(
    ("kind", "minutes", "title"),
    [
        ("keyword", 0, "1 text with 'a'"),
        ("keyword", 5, "1 text with 'a'"),
        ("keyword", 20, "quiet for 20 min: 1 text with 'a'"),
        ("surge", 5, "quiet for 5 min: 1 text with 'a'"),
    ],
)
def test_a_word_that_was_said_a_moment_ago_is_not_called_quiet(kind: str, minutes: int, title: str) -> None:
    at = datetime(2026, 3, 5, 9, tzinfo=UTC)
    evidence = {"at": at.isoformat(), "seconds": 3600}
    since = (at - timedelta(minutes=minutes)).isoformat()
    alert = {"kind": kind, "selection": {}, "evidence": evidence, "quiet_since": since}
    assert standing.title(alert, "1 text with 'a'") == title
    quiet = [said for said in standing.sentences(alert, "One.", UTC) if said.startswith("Quiet since")]
    assert bool(quiet) == title.startswith("quiet")
