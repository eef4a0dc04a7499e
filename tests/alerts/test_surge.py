"""The surge and threshold detectors against hand-made references and on planted events."""

from __future__ import annotations

from dataclasses import replace
from math import exp, isclose, lgamma, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alerts.detectors import DETECTORS, KINDS, History, SurgeSettings, ThresholdSettings
from monitor.alerts.detectors.history import duration
from monitor.alerts.detectors.surge import baseline, judge, quantile, reach, tail
from monitor.alerts.detectors.threshold import judge as judge_threshold

STEP, HOUR, DAY = 300, 3600, 86400
DEFAULTS = SurgeSettings()


def nb_pmf(k: int, mean: float, dispersion: float) -> float:
    size = 1 / dispersion
    share = mean / (mean + size)
    return exp(lgamma(k + size) - lgamma(size) - lgamma(k + 1) + size * log(1 - share) + k * log(share))


def history(counts: np.ndarray, live: np.ndarray | None = None, start: int = 0) -> History:
    return History(start, STEP, counts, counts if live is None else live)


def poisson(rate_an_hour: float | np.ndarray, days: int, seed: int = 0) -> np.ndarray:
    rate = np.broadcast_to(rate_an_hour, days * 24)
    return np.random.default_rng(seed).poisson(np.repeat(rate / 12, 12))


def with_burst(counts: np.ndarray, size: int) -> np.ndarray:
    """``counts`` whose last hour holds exactly ``size`` texts."""
    counts = counts.copy()
    counts[-12:] = 0
    counts[-12:] += np.bincount(np.arange(size) % 12, minlength=12)
    return counts


@pytest.mark.parametrize("mean", [0.003, 0.6, 20, 300])
@pytest.mark.parametrize("dispersion", [0.02, 0.5, 4])
def test_tail_and_quantile_are_those_of_a_direct_sum(mean: float, dispersion: float) -> None:
    mass = np.array([nb_pmf(k, mean, dispersion) for k in range(20000)])
    below = np.cumsum(mass)
    for count in (1, 2, 5, 18, 400):
        # Summed from the far end, so that small tails keep their digits.
        assert tail(count, mean, dispersion) == pytest.approx(mass[count:][::-1].sum(), rel=1e-7, abs=1e-250)
    assert tail(0, mean, dispersion) == 1
    for p in (0.025, 0.5, 0.975):
        assert quantile(p, mean, dispersion) == int(np.searchsorted(below, p))


def test_without_dispersion_the_tail_is_poissons() -> None:
    mass = [exp(-3 + k * log(3) - lgamma(k + 1)) for k in range(100)]
    assert tail(7, 3, 0) == pytest.approx(sum(mass[7:]))
    assert tail(1, 0, 0) == 0
    assert tail(0, 0, 0) == 1


def test_the_baseline_of_a_steady_series_is_its_mean_and_never_narrower_than_poisson() -> None:
    usual = baseline(history(poisson(5, 29)), 29 * 288 - 12, 0, DEFAULTS)
    assert usual.mean == pytest.approx(5, rel=0.2)
    assert 0 < usual.dispersion < 0.2
    assert usual.span == 28 * DAY


def test_clumps_in_the_past_widen_what_is_usual() -> None:
    steady = poisson(1, 29)
    clumped = np.zeros_like(steady)
    clumped[:: 12 * 12] = 12
    last = len(steady) - 12
    even, rough = (baseline(history(counts), last, 0, DEFAULTS) for counts in (steady, clumped))
    assert rough.mean < 2
    assert rough.dispersion > 4 * even.dispersion


def test_a_tenfold_burst_fires_and_says_why() -> None:
    verdict = judge(history(with_burst(poisson(2, 22), 20)), 22 * DAY, 0, DEFAULTS)
    assert verdict.firing
    assert verdict.observed == 20
    assert (verdict.since, verdict.until) == (22 * DAY - HOUR, 22 * DAY)
    assert verdict.low <= verdict.expected <= verdict.high < 20
    assert verdict.probability < DEFAULTS.probability
    assert verdict.reason.startswith("20 texts in 1 h where ")
    assert verdict.reason.endswith("are usual at this hour; history of 22 days")


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.1, 0.5, 1, 5, 20, 200])
def test_bursts_of_ten_times_the_mean_and_ten_more_are_found_at_every_rate(rate: float) -> None:
    for seed in range(10):
        counts = with_burst(poisson(rate, 28, seed), round(10 * rate) + 10)
        assert judge(history(counts), 28 * DAY, 0, DEFAULTS).firing, seed


def test_a_series_never_seen_in_fourteen_days_fires_at_the_minimum_count_and_not_below() -> None:
    silent = np.zeros(14 * 288, int)
    fires = [judge(history(with_burst(silent, n)), 14 * DAY, 0, DEFAULTS).firing for n in range(8)]
    assert fires == [False] * 5 + [True] * 3


def test_nothing_against_nothing_is_quiet() -> None:
    verdict = judge(history(np.zeros(28 * 288, int)), 28 * DAY, 0, DEFAULTS)
    assert (verdict.firing, verdict.observed, verdict.low, verdict.high) == (False, 0, 0, 0)
    assert verdict.probability == 1


def test_three_days_of_history_never_fire_however_large_the_wave() -> None:
    verdict = judge(history(with_burst(poisson(0.5, 3), 500)), 3 * DAY, 0, DEFAULTS)
    assert not verdict.firing
    assert "3.0 of 7 days" in verdict.reason


def test_days_before_the_oldest_event_are_unknown_and_not_zeros() -> None:
    recent = poisson(6, 8)
    padded = np.concatenate([np.zeros(20 * 288, int), recent])
    at = 28 * DAY
    known = judge(history(padded), at, 20 * DAY, DEFAULTS)
    assert known == judge(history(recent, start=20 * DAY), at, 20 * DAY, DEFAULTS)
    assert known.expected == pytest.approx(6, rel=0.4)
    assert judge(history(padded), at, 0, DEFAULTS).expected < 4


def test_no_past_at_all_never_fires() -> None:
    at_once = SurgeSettings(min_history=0)
    for length in (0, 12, 23):
        counts = np.full(length, 100)
        assert not judge(history(counts), length * STEP, 0, at_once).firing
    assert not judge(history(np.full(288, 100)), -DAY, 0, at_once).firing


def test_buckets_after_the_last_are_empty() -> None:
    counts = poisson(3, 21)
    longer = np.concatenate([counts, np.zeros(36, int)])
    at = 21 * DAY + 3 * HOUR
    assert judge(history(counts), at, 0, DEFAULTS) == judge(history(longer), at, 0, DEFAULTS)
    assert judge(history(counts), at, 0, DEFAULTS).observed == 0


def test_a_window_that_ends_inside_a_bucket_holds_that_bucket() -> None:
    counts = with_burst(poisson(1, 21), 24)
    inside, whole = (judge(history(counts), 21 * DAY - off, 0, DEFAULTS) for off in (120, 0))
    assert inside == whole
    assert inside.until == 21 * DAY


def test_backfill_raises_what_is_usual_but_never_fires() -> None:
    total = with_burst(poisson(2, 22), 300)
    live = total.copy()
    live[-12:] = 0
    assert not judge(history(total, live), 22 * DAY, 0, DEFAULTS).firing
    # The same texts in the past count, live or not.
    busy, rare = poisson(20, 22), np.zeros(22 * 288, int)
    assert judge(history(busy, rare), 22 * DAY, 0, DEFAULTS).expected == pytest.approx(20, rel=0.3)


def test_a_wave_does_not_feed_its_own_baseline_nor_hide_the_next() -> None:
    calm = with_burst(poisson(1, 28), 15)
    waved = calm.copy()
    waved[-24:-12] += 2  # the hour before: still the same wave
    waved[10 * 288 : 10 * 288 + 36] += 3  # an old one of three hours
    before, after = (judge(history(counts), 28 * DAY, 0, DEFAULTS) for counts in (calm, waved))
    assert before.firing
    assert after.firing
    assert after.expected < 1.5 * before.expected


def cycles(days: int, hour_depth: float, weekend: float, mean: float) -> np.ndarray:
    clock = np.arange(days * 24)
    daily = 1 + hour_depth * np.cos(2 * np.pi * (clock - 14) / 24)
    return mean * daily * np.where(clock // 24 % 7 >= 5, weekend, 1)


@pytest.mark.parametrize("mean", [0.3, 3, 60])
def test_hours_and_weekdays_do_not_fire(mean: float) -> None:
    counts = poisson(cycles(42, 0.95, 0.2, mean), 42, seed=3)
    series = history(counts)
    fired = [at for at in range(28 * DAY, 42 * DAY, STEP) if judge(series, at, 0, DEFAULTS).firing]
    assert fired == []


def test_the_usual_count_follows_hour_and_weekday() -> None:
    series = history(poisson(cycles(42, 0.9, 0.2, 20), 42))
    expected = {
        name: judge(series, day * DAY + hour * HOUR, 0, DEFAULTS).expected
        for name, day, hour in (("weekday", 38, 14), ("night", 38, 3), ("weekend", 41, 14))
    }
    assert expected["weekday"] > 5 * expected["night"]
    assert expected["weekday"] > 1.7 * expected["weekend"]


def test_a_burst_at_night_fires_that_noon_would_swallow() -> None:
    counts = poisson(cycles(35, 0.9, 1, 5), 35)
    noon, night = 34 * DAY + 15 * HOUR, 34 * DAY + 3 * HOUR
    for end, firing in ((noon, False), (night, True)):
        planted = counts.copy()
        planted[end // STEP - 12 : end // STEP] = [1, 2] * 6
        assert judge(history(planted), end, 0, DEFAULTS).firing is firing


@settings(max_examples=60, deadline=None)
@given(
    rate=st.floats(0, 10),
    days=st.integers(1, 40),
    seed=st.integers(0, 2**32 - 1),
    first=st.integers(0, 30),
    more=st.integers(1, 60),
    window=st.sampled_from([300, 900, HOUR, 6 * HOUR, DAY, 3 * DAY]),
)
def test_more_texts_never_make_an_alert_less_likely(
    rate: float, days: int, seed: int, first: int, more: int, window: int
) -> None:
    chosen = SurgeSettings(window=window)
    calm = poisson(rate, days, seed)
    less, greater = (
        judge(history(with_burst(calm, size)), days * DAY, 0, chosen) for size in (first, first + more)
    )
    if window >= HOUR:
        assert greater.observed == less.observed + more
        assert greater.expected == less.expected
    if greater.expected == less.expected:
        assert greater.probability <= less.probability
        assert greater.firing >= less.firing
    for verdict in (less, greater):
        assert 0 <= verdict.low <= verdict.high
        assert 0 <= verdict.probability <= 1
        assert np.isfinite(verdict.expected)
        assert not verdict.firing or verdict.observed >= chosen.min_count
        assert not verdict.firing or days >= 7
        assert not verdict.firing or verdict.observed >= chosen.min_ratio * verdict.expected


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), shift=st.integers(-(10**6), 10**6))
def test_only_times_relative_to_the_window_matter(seed: int, shift: int) -> None:
    counts = poisson(2, 20, seed)
    here = judge(history(counts), 20 * DAY, 0, DEFAULTS)
    there = judge(history(counts, start=shift * STEP), 20 * DAY + shift * STEP, shift * STEP, DEFAULTS)
    assert isclose(here.expected, there.expected)
    assert here.reason == there.reason


def test_as_much_history_as_reach_says_is_enough() -> None:
    counts = with_burst(poisson(3, 60), 20)
    buckets = reach(DEFAULTS) // STEP
    cut = History(60 * DAY - reach(DEFAULTS), STEP, counts[-buckets:], counts[-buckets:])
    whole = judge(history(counts), 60 * DAY, 0, DEFAULTS)
    assert judge(cut, 60 * DAY, 0, DEFAULTS) == whole
    assert whole.firing


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
