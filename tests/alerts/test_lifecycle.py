"""The state machine of an alert: every row of its table, its clocks, and the table in the docs."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts import lifecycle
from monitor.alerts.lifecycle import Life, Pace, delivery_key, step

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PACE = Pace(wait=600, keep_firing_for=3600, flap_count=3, flap_span=7200)
AT_ONCE = replace(PACE, wait=0)
DOCS = (Path(__file__).resolve().parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def docstring_rows() -> list[list[str]]:
    """The table of the module: a row for each step, without its marks."""
    table = (lifecycle.__doc__ or "").split("\n\n")[1].splitlines()
    edges = [m.span() for m in re.finditer("=+", table[0])]
    rows = [[line[a:b].strip() for a, b in edges] for line in table[1:] if not line.startswith("=")]
    return [[re.sub(r"`+|\*+", "", cell) for cell in row] for row in rows]


def docs_rows() -> list[list[str]]:
    section = DOCS.partition("\n## The life of an alert\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [[re.sub(r"`+|\*+", "", cell) for cell in row] for row in rows if not set(row[0]) <= {"-"}]


def test_the_table_in_the_docs_is_the_modules() -> None:
    assert docs_rows() == docstring_rows()
    assert len(docs_rows()) == 1 + len(ROWS)


PENDING = Life("pending", ago(60))
FIRING = Life("firing", ago(60))
FLAPPING = Life("flapping", ago(60))
ROWS: dict[tuple[str, str], tuple[Life | None, Any, Pace, int]] = {
    ("none", "quiet, holding, unknown"): (None, ["quiet", "holding", "unknown"], PACE, 9),
    ("none", "firing, a for is set"): (None, ["firing"], PACE, 0),
    ("none", "firing, no for"): (None, ["firing"], AT_ONCE, 1),
    ("none", "firing, flap_count reached"): (None, ["firing"], AT_ONCE, 2),
    ("pending", "firing, for not over"): (Life("pending", ago(599)), ["firing"], PACE, 0),
    ("pending", "firing, for is over"): (Life("pending", ago(600)), ["firing"], PACE, 1),
    ("pending", "firing, flap_count reached"): (Life("pending", ago(600)), ["firing"], PACE, 2),
    ("pending", "holding"): (PENDING, ["holding"], PACE, 0),
    ("pending", "quiet"): (PENDING, ["quiet"], PACE, 0),
    ("pending", "unknown"): (PENDING, ["unknown"], PACE, 0),
    ("firing", "firing"): (FIRING, ["firing"], PACE, 0),
    ("firing", "holding"): (FIRING, ["holding"], PACE, 0),
    ("firing", "quiet for less"): (replace(FIRING, quiet_since=ago(3599)), ["quiet"], PACE, 0),
    ("firing", "quiet for keep_firing_for"): (replace(FIRING, quiet_since=ago(3600)), ["quiet"], PACE, 0),
    ("firing", "unknown"): (replace(FIRING, quiet_since=ago(9999)), ["unknown"], PACE, 0),
    ("flapping", "firing"): (Life("flapping", ago(7199)), ["firing"], PACE, 0),
    ("flapping", "firing, steady for the span"): (Life("flapping", ago(7200)), ["firing"], PACE, 0),
    ("flapping", "holding"): (FLAPPING, ["holding"], PACE, 0),
    ("flapping", "quiet for less"): (replace(FLAPPING, quiet_since=ago(7199)), ["quiet"], PACE, 0),
    ("flapping", "quiet for the span"): (replace(FLAPPING, quiet_since=ago(7200)), ["quiet"], PACE, 0),
    ("flapping", "unknown"): (replace(FLAPPING, quiet_since=ago(9999)), ["unknown"], PACE, 0),
}
"""What makes each row of the table true: a life, verdicts, a pace, earlier alerts."""


@pytest.mark.parametrize("row", docstring_rows()[1:], ids=lambda row: f"{row[0]}: {row[1]}")
def test_every_row_of_the_table_is_what_happens(row: list[str]) -> None:
    state, verdict, said, after = row
    life, sights, pace, fired = ROWS[state, verdict]
    for sight in sights:
        todo, got = step(life, sight, NOW, pace, fired)
        assert said.startswith(todo)
        assert after == (got.state if got else {"nothing": "none"}.get(todo, "resolved"))


def test_the_rows_are_all_there_are() -> None:
    assert {tuple(row[:2]) for row in docstring_rows()[1:]} == ROWS.keys()


def walk(life: Life | None, pace: Pace, *verdicts: tuple[float, Any]) -> list[str]:
    """The steps of verdicts that come at seconds after now."""
    steps = []
    for seconds, sight in verdicts:
        todo, life = step(life, sight, NOW + timedelta(seconds=seconds), pace)
        steps.append(todo)
    return steps


def test_quiet_counts_from_its_first_verdict_and_starts_again_when_it_was_interrupted() -> None:
    for between in ("firing", "holding", "unknown"):
        steps = walk(
            FIRING, PACE, (0, "quiet"), (3000, between), (3100, "quiet"), (6699, "quiet"), (6700, "quiet")
        )
        assert steps[3:] == ["hold", "resolve"], between


def test_what_is_not_seen_does_not_count_towards_for() -> None:
    steps = walk(
        None, PACE, (0, "firing"), (100, "unknown"), (5000, "firing"), (5599, "firing"), (5600, "firing")
    )
    assert steps == ["wait", "freeze", "wait", "wait", "fire"]


def test_a_flapping_alert_that_wavers_is_not_steady() -> None:
    steps = walk(
        FLAPPING, PACE, (0, "quiet"), (4000, "firing"), (8000, "firing"), (11199, "firing"), (11200, "firing")
    )
    assert steps == ["hold", "go on", "go on", "go on", "settle"]


def test_flapping_can_be_switched_off() -> None:
    assert step(None, "firing", NOW, replace(AT_ONCE, flap_count=0), 99)[0] == "fire"


def test_a_clock_that_was_put_back_starts_the_clocks_again_and_does_nothing_else() -> None:
    late = NOW + timedelta(days=30)
    quiet = Life("firing", late, quiet_since=late)
    assert walk(quiet, PACE, (0, "quiet"), (3599, "quiet"), (3600, "quiet")) == ["hold", "hold", "resolve"]
    assert walk(Life("pending", late), PACE, (0, "firing"), (600, "firing")) == ["wait", "fire"]
    frozen = Life("firing", late, frozen_at=late)
    assert step(frozen, "unknown", NOW, PACE)[1] == Life("firing", late, frozen_at=NOW)


sights = st.sampled_from(["firing", "holding", "quiet", "unknown"])
jumps = st.sampled_from([-86400.0, -60.0, 0.0, 10.0, 300.0, 3600.0, 90000.0])


@given(st.lists(st.tuples(sights, jumps), max_size=40), st.sampled_from([PACE, AT_ONCE]))
def test_whatever_comes_it_fires_on_firing_ends_on_quiet_and_no_clock_is_ahead(
    events: list[tuple[Any, float]], pace: Pace
) -> None:
    now, life = NOW, None
    for sight, jump in events:
        now += timedelta(seconds=jump)
        before = life
        todo, life = step(before, sight, now, pace)
        assert todo not in ("fire", "flap", "wait") or sight == "firing"
        assert todo not in ("resolve", "drop") or sight == "quiet"
        assert (before is None) == (
            todo in ("nothing",) or (before is None and todo in ("wait", "fire", "flap"))
        )
        assert (life is None) == (todo in ("nothing", "drop", "resolve"))
        if life is not None:
            assert (life.frozen_at is not None) == (sight == "unknown")
            assert life.quiet_since is None or (sight == "quiet" and life.quiet_since <= now)
            assert sight == "unknown" or life.since <= now


def test_each_event_has_a_key_of_its_own() -> None:
    keys = {
        delivery_key(mark, number, at, event, notifier, times)
        for mark in ("a", "b")
        for number in (1, 2)
        for at in (NOW, ago(1))
        for event in ("firing", "resolved")
        for notifier in ("desk", "phone")
        for times in (1, 2)
    }
    assert len(keys) == 64
    assert delivery_key("a", 1, NOW, "firing", "desk") == delivery_key("a", 1, NOW, "firing", "desk", 1)
