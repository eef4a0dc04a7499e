from __future__ import annotations

import numpy as np
import pytest

from monitor.learn.reliability import calibration_error, calibration_noise, coverage, log_loss


def test_calibration_error_by_hand() -> None:
    confidence = np.array([0.9, 0.5, 0.7, 0.6, 0.8])
    right = np.array([True, False, True, True, False])
    # sorted: .5 no, .6 yes, .7 yes | .8 no, .9 yes
    expected = 3 / 5 * abs(0.6 - 2 / 3) + 2 / 5 * abs(0.85 - 1 / 2)
    assert calibration_error(confidence, right, bins=2) == pytest.approx(expected)
    # one bin: the mean confidence against the accuracy
    assert calibration_error(confidence, right, bins=1) == pytest.approx(abs(0.7 - 0.6))
    # fewer texts than bins: a bin each
    assert calibration_error(confidence, right) == pytest.approx((0.1 + 0.5 + 0.3 + 0.4 + 0.8) / 5)
    assert calibration_error(np.zeros(0), np.zeros(0, bool)) == 0


def test_bins_hold_equal_masses_and_not_equal_widths() -> None:
    # 15 bins of two texts, each pair half right at confidence one half and more: off by 0 to 0.29
    confidence = np.repeat(0.5 + np.arange(15) * 0.02, 2)
    right = np.tile([True, False], 15)
    assert calibration_error(confidence, right) == pytest.approx(float(np.mean(np.arange(15) * 0.02)))


def test_probabilities_that_are_true_have_no_calibration_error() -> None:
    confidence, right = np.repeat([0.25, 0.5, 1.0], 4), np.array([1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1])
    assert calibration_error(confidence, right, bins=3) == pytest.approx(0)


def test_noise_is_the_error_that_true_probabilities_show() -> None:
    rng = np.random.default_rng(5)
    confidence = rng.uniform(0.3, 0.95, 300)
    shown = [calibration_error(confidence, rng.random(300) < confidence) for _ in range(400)]
    assert calibration_noise(confidence) == pytest.approx(np.mean(shown), rel=0.05)
    # one bin of four texts at one half: the share varies by 1/4, in absolute value by that times sqrt(2 / pi)
    assert calibration_noise(np.full(4, 0.5), bins=1) == pytest.approx(0.25 * np.sqrt(2 / np.pi))
    assert calibration_noise(np.ones(50)) == calibration_noise(np.zeros(0)) == 0


def test_log_loss_by_hand() -> None:
    chances = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]], np.float32)
    assert log_loss(chances, np.array([1, 1])) == pytest.approx(-(np.log(0.25) + np.log(0.8)) / 2)
    assert np.isfinite(log_loss(np.array([[1.0, 0.0]]), np.array([1])))


def test_coverage_looks_at_the_threshold_of_the_guess() -> None:
    chances = np.array([[0.6, 0.4], [0.4, 0.6], [0.2, 0.8]])
    assert coverage(chances, np.array([0.5, 0.7])) == pytest.approx(2 / 3)
