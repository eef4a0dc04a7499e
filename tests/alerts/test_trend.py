"""Slow drifts, against a brute-force reference and on seeded draws."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from monitor.alerts.detectors import History
from monitor.alerts.detectors.trend import TrendSettings, judge, reach, seasonal_kendall, whole

DAY = 86400
DEFAULTS = TrendSettings()
WEEK = np.array([1.3, 1.2, 1.1, 1.0, 1.1, 0.4, 0.3])


def history(days: np.ndarray, part_of: np.ndarray | None = None, live: bool = True) -> History:
    """A series with one bucket of texts a day."""
    counts = np.zeros((len(days), 288), int)
    counts[:, 140] = days
    counts = counts.ravel()
    of = None if part_of is None else history(part_of)
    return History(0, 300, counts, counts if live else np.zeros_like(counts), of)


def said(days: np.ndarray, settings: TrendSettings = DEFAULTS, **given):
    return judge(history(days, **given), len(days) * DAY, 0, settings)


def draw(level: np.ndarray, seed: int, clumps: float = 0.1) -> np.ndarray:
    """Over-dispersed days with a week's rhythm."""
    random = np.random.default_rng(seed)
    mean = level * np.resize(WEEK, len(level))
    return random.poisson(mean * random.gamma(1 / clumps, clumps, len(level)))


def test_the_score_is_that_of_all_pairs_of_one_weekday() -> None:
    values = np.random.default_rng(3).integers(0, 9, 28).astype(float)
    pairs = [(a, b) for a, b in combinations(range(28), 2) if (b - a) % 7 == 0]
    score = sum(np.sign(values[b] - values[a]) for a, b in pairs)
    # the variance of a score is that over all orders of the days
    random = np.random.default_rng(0)
    scores = np.zeros(20000)
    for weekday in range(7):
        own = values[weekday::7]
        mixed = random.permuted(np.tile(own, (len(scores), 1)), axis=1)
        for a, b in combinations(range(4), 2):
            scores += np.sign(mixed[:, b] - mixed[:, a])
    wanted = np.sign(score) * (abs(score) - 1) / scores.std()
    assert seasonal_kendall(values).z == pytest.approx(wanted, rel=0.03)


def test_a_straight_line_has_its_own_ratio() -> None:
    found = seasonal_kendall(np.linspace(10, 30, 28))
    assert found.ratio == pytest.approx(3, rel=0.01)
    assert found.z > 5
    assert seasonal_kendall(np.linspace(30, 10, 28)).z < -5
    assert seasonal_kendall(np.full(28, 4.0)).z == 0
    assert seasonal_kendall(np.zeros(28)).ratio == 1


def test_hundreds_of_texts_are_told_as_people_write_them() -> None:
    verdict = said(np.rint(np.linspace(1000, 2500, 28)).astype(int))
    assert verdict.reason == (
        "rising from 1,167 to 2,333 texts a day over 28 days; means of the first week and the last"
    )


def test_a_drift_over_six_weeks_fires() -> None:
    found = [said(draw(np.linspace(20, 60, 42), seed)).firing for seed in range(40)]
    assert sum(found) >= 34
    verdict = said(np.rint(np.linspace(20, 50, 28) * np.resize(WEEK, 28)).astype(int))
    assert verdict.reason.startswith("rising from 2")
    assert verdict.observed > 1.5 * verdict.expected


@pytest.mark.parametrize("level", [6, 40, 400])
def test_steady_weeks_do_not_fire(level: float) -> None:
    fired = sum(said(draw(np.full(42, level), seed, 0.2)).firing for seed in range(400))
    assert fired <= 2


def test_one_wild_week_is_hardly_ever_a_trend() -> None:
    fired = 0
    for seed in range(100):
        days = draw(np.full(42, 20.0), seed)
        days[-6:] *= 4
        fired += said(days).firing
    assert fired <= 3


def test_the_way_down_is_news_where_it_is_asked_for() -> None:
    days = np.rint(np.linspace(50, 20, 28)).astype(int)
    assert not said(days).firing
    for direction in ("down", "both"):
        verdict = said(days, TrendSettings(direction=direction))
        assert verdict.firing
        assert verdict.reason.startswith("falling from 4")


def test_a_share_does_not_rise_because_all_does() -> None:
    everything = np.linspace(100, 400, 28).astype(int)
    shared = TrendSettings(of="topic")
    assert whole({"topic": "court", "mood": "bad"}, shared) == {"topic": "court"}
    assert whole({"mood": "bad"}, DEFAULTS) is None
    steady, rising = everything // 10, (everything * np.linspace(0.1, 0.3, 28)).astype(int)
    assert said(steady, DEFAULTS).firing
    assert not said(steady, shared, part_of=everything).firing
    verdict = said(rising, shared, part_of=everything)
    assert verdict.firing
    assert "12 % to 28 % of the texts" in verdict.reason


def test_backfill_rare_series_and_short_histories_never_fire() -> None:
    days = np.linspace(20, 60, 28).astype(int)
    assert said(days).firing
    assert not said(days, live=False).firing
    assert not said(days // 20).firing
    assert not judge(history(days), 28 * DAY, 8 * DAY, DEFAULTS).firing
    assert reach(DEFAULTS) == 42 * DAY
