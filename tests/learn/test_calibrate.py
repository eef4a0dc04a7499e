from __future__ import annotations

import numpy as np
from scipy.special import expit, softmax

from monitor.learn import calibrate


def sample(scores: np.ndarray, heat: float) -> np.ndarray:
    """Targets drawn from the softmax of scores at a temperature."""
    rng = np.random.default_rng(5)
    chances = softmax(scores / heat, axis=1)
    return np.array([np.eye(chances.shape[1])[rng.choice(chances.shape[1], p=row)] for row in chances])


def test_temperature_is_recovered_from_many_seeds() -> None:
    scores = np.random.default_rng(4).standard_normal((3000, 4)) * 6
    for heat in (0.5, 3.0):
        assert abs(np.log(calibrate.temperature(scores, sample(scores, heat), 2.0) / heat)) < 0.15


def test_few_seeds_barely_move_the_temperature() -> None:
    scores = np.eye(2) * 9
    many = calibrate.temperature(np.tile(scores, (200, 1)), np.tile(np.eye(2), (200, 1)), 2.0)
    few = calibrate.temperature(scores, np.eye(2), 2.0)
    assert many < few < 0.5


def test_threshold_answers_for_the_stated_share() -> None:
    scores = np.random.default_rng(4).standard_normal((2000, 5)) * 3
    found = calibrate.threshold(scores, 5)
    answered = (softmax(scores, axis=1).max(axis=1) >= found).mean()
    assert abs(answered - calibrate.COVERAGE) < 0.01


def test_threshold_answers_for_that_share_where_probabilities_are_lowered() -> None:
    rng = np.random.default_rng(4)
    scores, chance = rng.standard_normal((2000, 5)) * 3, rng.uniform(0.2, 1, 2000)
    found = calibrate.threshold(scores, 5, chance)
    assert abs((softmax(scores, axis=1).max(axis=1) * chance >= found).mean() - calibrate.COVERAGE) < 0.01


def test_reach_ends_where_hardly_any_seed_is() -> None:
    nearest = np.random.default_rng(3).normal(0.6, 0.1, 1000)
    middle, width = calibrate.reach(nearest) or (0, 0)
    assert (abs(middle - 0.35) < 0.02, abs(width - 0.04) < 0.005) == (True, True)
    assert calibrate.reach(nearest[:3]) is None
    same = calibrate.reach(np.full(20, 0.7))
    assert same is not None
    assert same[1] > 0


def test_threshold_without_seeds_lies_above_chance() -> None:
    for labels in (2, 3, 10, 100):
        assert 1 / labels < calibrate.threshold(np.zeros((0, labels)), labels) < 1


def test_slope_and_shift_make_up_for_scores_that_run_low() -> None:
    rng = np.random.default_rng(6)
    targets = (rng.uniform(size=(400, 3)) < 0.3).astype(float)
    scores = targets * 2.0 - 4.0 + rng.standard_normal(targets.shape) * 0.4
    slope, shift = calibrate.slope_and_shift(scores, targets)
    chances = expit(slope * scores + shift)
    assert chances[targets > 0].mean() > 0.9
    assert chances[targets == 0].mean() < 0.1
    assert expit(scores[targets > 0]).mean() < 0.2


def test_slope_and_shift_without_both_kinds_are_the_default() -> None:
    default = calibrate.slope_and_shift(np.zeros((0, 2)), np.zeros((0, 2)))
    assert calibrate.slope_and_shift(np.ones((3, 1)), np.ones((3, 1))) == default


def test_a_label_whose_own_texts_score_low_gets_a_lower_threshold_within_bounds() -> None:
    targets = np.repeat(np.eye(3), 8, axis=0)
    scores = np.where(targets > 0, np.array([4.0, -0.2, -5.0]), -6.0)
    np.testing.assert_allclose(calibrate.label_thresholds(scores, targets), [0.5, expit(-0.2), 0.4])


def test_folds_spread_every_label() -> None:
    targets = np.repeat(np.eye(3), 8, axis=0)
    fold = calibrate.folds(targets)
    for column in targets.T:
        assert np.bincount(fold[column > 0]).tolist() == [2, 2, 2, 2]
