"""What all kinds of rules share, and the threshold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitor.alerts.detectors import DETECTORS, KINDS, Detector, History, ThresholdSettings
from monitor.alerts.detectors.history import duration
from monitor.alerts.detectors.threshold import judge as judge_threshold

STEP, DAY = 300, 86400


def history(counts: np.ndarray, live: np.ndarray | None = None) -> History:
    return History(0, STEP, counts, counts if live is None else live)


def with_burst(counts: np.ndarray, size: int) -> np.ndarray:
    """``counts`` whose last hour holds exactly ``size`` texts."""
    counts = counts.copy()
    counts[-12:] = np.bincount(np.arange(size) % 12, minlength=12)
    return counts


def test_threshold_counts_live_texts_of_the_window_alone() -> None:
    counts = with_burst(np.zeros(288, int), 7)
    seven, eight = (ThresholdSettings(at_least=n) for n in (7, 8))
    fired = judge_threshold(history(counts), DAY, DAY, seven)
    assert fired.firing
    assert fired.reason == "7 texts in 1 h, at least the 7 that the rule sets"
    assert not judge_threshold(history(counts), DAY, 0, eight).firing
    assert not judge_threshold(history(counts, np.zeros_like(counts)), DAY, 0, seven).firing
    assert not judge_threshold(history(counts), DAY + STEP, 0, seven).firing


def test_every_kind_is_listed_with_its_settings() -> None:
    levels = {"threshold": {"at_least": 3}, "ratio": {"at_least": 0.3}}
    nothing = np.zeros(288, int)
    for name, detector in DETECTORS.items():
        if isinstance(detector, Detector):
            chosen = detector.settings.model_validate(levels.get(name, {}))
            verdict = detector.judge(replace(history(nothing), whole=history(nothing)), DAY, 0, chosen)
            assert not verdict.firing
            assert detector.reach(chosen) >= 3600
    for kind in KINDS.values():
        assert all(field.description for field in kind.model_fields.values())


def test_counts_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="must be equal"):
        History(0, STEP, np.zeros(3), np.zeros(4))
    with pytest.raises(ValueError, match="positive"):
        History(0, 0, np.zeros(3), np.zeros(3))


def test_spans_are_said_in_the_largest_whole_unit() -> None:
    spans = (300, 3600, 5400, 86400, 3 * 86400, 45)
    assert [duration(span) for span in spans] == ["5 min", "1 h", "90 min", "1 day", "3 days", "45 s"]
