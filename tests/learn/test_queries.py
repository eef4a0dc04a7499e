"""Which texts to ask about: against choices made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.learn.queries import LEAST_POOL, choose, least_sure, uncertainty

NONE = np.zeros((0, 2), np.float32)


def turned(*degrees: float) -> np.ndarray:
    """Rows of length 1 that point so far round."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_uncertainty_is_the_margin() -> None:
    chances = np.array([[0.5, 0.5, 0.0], [0.2, 0.7, 0.1], [0.0, 0.0, 1.0]])
    assert uncertainty(chances, np.full(3, 0.9), multi=False) == pytest.approx([1.0, 0.5, 0.0])
    # likely of no label: the same toss between two labels is worth less
    assert uncertainty(np.array([[0.1, 0.1]]), np.full(2, 0.9), multi=False) == pytest.approx([0.2])
    assert uncertainty(np.zeros((0, 3)), np.full(3, 0.9), multi=False).shape == (0,)


def test_uncertainty_of_several_labels_is_the_nearest_threshold() -> None:
    chances = np.array([[0.5, 0.0], [0.1, 0.4], [1.0, 1.0]])
    found = uncertainty(chances, np.array([0.5, 0.4]), multi=True)
    assert found == pytest.approx([1.0, 1.0, 0.0])
    assert uncertainty(np.array([[0.25]]), np.array([0.5]), multi=True) == pytest.approx([0.5])


def test_the_middle_of_each_group_is_asked_the_weightier_group_first() -> None:
    rows = turned(0, 4, 10, 90, 94, 100, 104)
    # two groups: 0 to 10 degrees, whose middle by weight is nearest to 4, and 90 to 104, with 97 between 94 and 100
    unsure = np.array([0.6, 0.5, 0.6, 0.9, 0.9, 0.8, 0.9])
    assert choose(unsure, rows, NONE, 2) == [4, 1]
    assert choose(unsure, rows, NONE, 1) == [3]  # one group, in the middle of which no text lies
    # the middle goes where texts are unsure
    assert choose(np.array([0.1, 0.1, 0.9]), turned(0, 20, 40), NONE, 1) == [2]


def test_an_odd_text_is_not_asked_for_being_odd() -> None:
    rows = np.vstack([turned(*range(0, 40, 4)), turned(*range(100, 140, 4)), turned(190)])
    assert 20 not in choose(np.append(np.full(20, 0.9), 0.5), rows, NONE, 2)


def test_what_is_nearly_a_seed_is_not_asked() -> None:
    rows = turned(10, 90)
    assert choose(np.array([1.0, 0.6]), rows, NONE, 1) == [0]
    assert choose(np.array([1.0, 0.6]), rows, turned(9), 1) == [1]


def test_copies_are_asked_once_and_seeds_never() -> None:
    rows = turned(0, 0, 0, 60, 120)
    assert choose(np.ones(5), rows, turned(120), 5) == [0, 3]


def test_what_is_clear_is_asked_last_but_asked() -> None:
    assert choose(np.array([0.0, 1.0]), turned(0, 90), NONE, 5) == [1, 0]


def test_diversity_is_sought_among_the_least_sure_only() -> None:
    """A clear text that is far from everything does not push out unclear ones."""
    generator = np.random.default_rng(0)
    rows = np.vstack([turned(*generator.uniform(0, 90, 200)), turned(180)])
    unsure = np.append(np.linspace(1, 0.9, 200), 0.6)
    assert 200 not in choose(unsure, rows, NONE, 4)
    assert list(least_sure(np.array([0.1, 0.9, 0.5, 0.9]), 2)) == [1, 3, 2, 0]
    assert len(least_sure(np.ones(1000), 1)) == LEAST_POOL


def test_nothing_to_choose_from() -> None:
    assert choose(np.zeros(0), NONE, NONE, 3) == []
    assert choose(np.ones(2), turned(0, 90), NONE, 0) == []


def test_texts_of_which_nothing_is_known_are_asked_once() -> None:
    asked = choose(np.ones(9), np.zeros((9, 4), np.float32), np.zeros((0, 4), np.float32), 5)
    assert len(asked) == len(set(asked)) == 5
