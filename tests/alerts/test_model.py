"""Drift of a task's answers against its reference weeks."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.alerts.detectors.model import ModelSettings, judge, risen

DEFAULTS = ModelSettings()
LABELS = ["court", "money", "people"]
USUAL = [0.5, 0.3, 0.1, 0.1]
DAY = 86400


def days(mix: list[float], number: int, texts: int, seed: int, clumped: float = 0.0) -> np.ndarray:
    """Answers by day; with ``clumped`` days differ by more than chance (Dirichlet-multinomial)."""
    draw = np.random.default_rng(seed)
    mixes = [draw.dirichlet(np.array(mix) / clumped) if clumped else mix for _ in range(number)]
    return np.stack([draw.multinomial(texts, m) for m in mixes])


def said(mix: list[float], texts: int = 100, seed: int = 0, clumped: float = 0.0):
    reference = days(USUAL, 28, texts, seed, clumped)
    return judge(LABELS, reference, days(mix, 7, texts, seed + 1000, clumped), 35 * DAY, DEFAULTS)


@pytest.mark.parametrize("clumped", [0.0, 0.02])
def test_the_same_stream_does_not_fire_however_many_texts(clumped: float) -> None:
    for texts in (10, 100, 3000):
        for seed in range(60):
            assert not said(USUAL, texts, seed, clumped).firing


def test_a_small_change_of_many_texts_is_significant_and_no_alert() -> None:
    found = said([0.45, 0.35, 0.1, 0.1], 20000)
    assert found.probability < 1e-6
    assert (found.firing, found.quiet) == (False, True)


def test_more_abstentions_fire() -> None:
    found = said([0.4, 0.2, 0.1, 0.3])
    assert found.firing
    assert found.reason.startswith("no label fits 29 % ")
    assert found.reason.endswith("of the texts in 7 days, usually 10 %")
    assert found.observed == pytest.approx(210, abs=40)
    assert found.expected == pytest.approx(70, abs=5)


def test_fewer_abstentions_are_good_news() -> None:
    assert not said([0.55, 0.35, 0.1, 0.0]).firing


def test_another_mix_fires_and_names_what_moved_most() -> None:
    found = said([0.2, 0.3, 0.4, 0.1])
    assert found.firing
    assert found.reason.endswith(
        "other labels than usual in 7 days: court 23 % (usually 57 %), people 44 % (usually 12 %), "
        "money 33 % (usually 31 %)"
    )


def test_a_label_that_comes_up_is_found() -> None:
    reference = np.column_stack([days([0.6, 0.4], 28, 90, 1), np.zeros((28, 1), int), np.full((28, 1), 10)])
    recent = np.column_stack([days([0.4, 0.3, 0.3], 7, 90, 2), np.full((7, 1), 10)])
    assert judge(LABELS, reference, recent, 35 * DAY, DEFAULTS).firing


def test_few_answers_say_nothing() -> None:
    assert not said([0, 0, 0, 1.0], 10).firing
    nothing = np.zeros((7, 4), int)
    assert "too few" in judge(LABELS, nothing, nothing, DAY, DEFAULTS).reason


def test_faults() -> None:
    found = list(ModelSettings(tasks=("topik",)).faults({"mood": "bad"}, {"tasks": {"topic"}}))
    assert [setting for setting, _ in found] == ["where", "tasks"]
    assert list(DEFAULTS.faults({}, {"tasks": {"topic"}})) == []


def test_the_answer_that_rose_most_may_be_none() -> None:
    before, calm = np.array([[50, 40, 10]]), np.array([[5, 4, 1]])
    assert risen(["a", "b"], before, np.array([[20, 40, 40]])) is None
    assert risen(["a", "b"], before, np.array([[20, 70, 10]])) == "b"
    assert risen(["a", "b"], np.zeros((1, 3), int), calm) == "a"
