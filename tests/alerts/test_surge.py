"""Surges on planted events and on nothing at all."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alerts.detectors.history import Verdict
from monitor.alerts.detectors.profile import Profile, empty
from monitor.alerts.detectors.surge import Rest, SurgeSettings, _limit, judge, may_fire
from monitor.alerts.detectors.usual import expect
from monitor.alerts.episodes import Episode, bar
from monitor.alerts.lifecycle import Pace
from monitor.alerts.replay import surge_verdicts, walk
from monitor.alerts.trial import Raised, trial
from monitor.durations import DAY, HOUR
from tests.alerts.test_profile import STEP, cycles, draw, run, triples

DEFAULTS = SurgeSettings()


def alerts(counts: np.ndarray, chosen: SurgeSettings = DEFAULTS, step: int = STEP) -> list[Raised]:
    verdicts = surge_verdicts(triples(counts, step), step=step, history_from=0, settings=chosen)
    return list(trial(verdicts, Pace(keep_firing_for=chosen.calm), chosen))


@cache
def steady(mean: float, days: int = 21, seed: int = 0) -> tuple[np.ndarray, Profile]:
    counts = draw(np.full(days * 288, mean), seed)
    return counts, run(counts)


def then(
    profile: Profile,
    burst: list[int],
    chosen: SurgeSettings = DEFAULTS,
    *,
    at: int = 21 * DAY,
    live: bool = True,
    rest: Rest | None = None,
) -> Verdict:
    """What the last bucket of ``burst`` makes after ``profile``."""
    counts = [(at + n * STEP, count, count if live else 0) for n, count in enumerate(burst) if count]
    bucket, profile, usual = list(walk(profile, counts))[-1]
    return judge(profile, usual, bucket, chosen, rest=rest)


def test_a_burst_fires_and_says_why() -> None:
    verdict = then(steady(0.2)[1], [2, 3, 3, 2])
    assert verdict.firing
    assert (verdict.observed, verdict.peak) == (8, 8)
    assert verdict.until == 21 * DAY + 4 * STEP
    assert verdict.low <= verdict.expected <= verdict.high < 8
    assert verdict.reason.startswith("8 texts in 15 min where 0 to 3 (0.")
    assert verdict.reason.endswith("are usual at this hour; 21 days of history")
    assert not verdict.quiet


def test_what_hardly_ever_comes_is_said_so() -> None:
    verdict = then(steady(0.0)[1], [8])
    assert verdict.high == 0
    assert " where hardly any are usual at this hour; " in verdict.reason


def test_a_mean_of_next_to_nothing_is_no_figure() -> None:
    verdict = then(steady(0.01)[1], [1])
    assert 0 < verdict.expected < 0.05
    assert " where hardly any are usual at this hour; " in verdict.reason


@pytest.mark.parametrize("mean", [0.0, 0.001, 0.01, 0.05, 0.3, 2, 20, 200])
def test_bursts_of_ten_times_the_mean_and_eight_more_are_found_at_every_mean(mean: float) -> None:
    profile = steady(mean, seed=1)[1]
    burst = [round(10 * mean) + more for more in (1, 2, 2, 2, 1)]
    assert then(profile, burst).firing


def test_the_minimum_count_is_a_minimum() -> None:
    nothing = steady(0.0)[1]
    assert [then(nothing, [1] * n).firing for n in range(1, 8)] == [False] * 4 + [True] * 3


def test_three_days_of_history_never_fire_however_large_the_wave() -> None:
    counts = draw(np.full(3 * 288, 0.5))
    verdict = then(run(counts), [200, 200], at=3 * DAY)
    assert not verdict.firing
    assert "3.0 of 4 whole days" in verdict.reason


def test_a_bucket_without_texts_never_fires_and_is_not_quiet_until_the_wave_is_over() -> None:
    profile = steady(0.1)[1]
    ((bucket, profile, usual),) = walk(profile, [(21 * DAY, 30, 30)])
    assert judge(profile, usual, bucket, DEFAULTS).firing
    later = [
        judge(profile, expect(profile, at), at, DEFAULTS) for at in range(21 * DAY + STEP, 22 * DAY, STEP)
    ]
    assert not any(verdict.firing for verdict in later)
    quiet = [verdict.quiet for verdict in later]
    assert quiet == sorted(quiet)
    assert quiet.index(True) == 11


def test_backfill_is_learned_from_but_never_fires() -> None:
    assert not then(steady(0.2)[1], [60, 60], live=False).firing
    assert then(steady(0.2)[1], [60, 60]).firing


def test_more_news_is_not_worse_news() -> None:
    """All texts are five times as many on a sale day, complaints among them."""
    profile, burst = steady(1.0)[1], [5, 6, 4, 5, 5, 6, 5, 4, 5, 5, 6, 5]
    assert then(profile, burst).firing
    busy = then(
        profile, burst, rest=lambda since, until: ((until - since) / STEP * 50, (until - since) / STEP * 10)
    )
    assert not busy.firing
    assert "while the other texts are" in busy.reason
    assert then(profile, burst, rest=lambda since, until: ((until - since) / STEP * 10,) * 2).firing


def test_a_series_with_waves_every_day_needs_a_larger_one() -> None:
    counts = steady(1.0, 40)[0].copy()
    dice = np.random.default_rng(2)
    for day in range(1, 40):
        for start in dice.integers(0, 280, 3):
            counts[day * 288 + start :][:4] += 40
    waved, calm = run(counts), steady(1.0, 40)[1]
    burst = [30, 40, 40, 20]
    assert then(calm, burst, at=40 * DAY).firing
    verdict = then(waved, burst, at=40 * DAY)
    assert not verdict.firing
    assert verdict.reason.endswith("the series has had waves like this")
    assert then(waved, [20 * n for n in burst], at=40 * DAY).firing


@pytest.mark.parametrize("mean", [0.02, 0.3, 5])
def test_hours_and_weekdays_raise_at_most_one_alert_in_three_months(mean: float) -> None:
    raised = [alerts(draw(cycles(70, mean, 0.95, 0.2), seed=seed)) for seed in range(5)]
    assert sum(map(len, raised)) <= 5 * 70 // 91


def test_where_only_minutes_vary_a_few_that_went_farther_than_ever_must_be_rarer() -> None:
    profile = steady(20.0)[1]

    def likeliest(drifting: float) -> float:
        """The greatest chance, in that of the rule's own rarity, at which minutes such as never before fire."""
        found = []
        for count in range(20, 200):
            counts = [(21 * DAY + n * STEP, count, count) for n in range(3)]
            bucket, after, usual = list(walk(profile, counts))[-1]
            usual = usual._replace(clumped=0.15, drifting=drifting)
            found.append(judge(after, usual, bucket, DEFAULTS))
        return max(one.probability for one in found if one.firing) / _limit(STEP, DEFAULTS.rare, 1)

    assert likeliest(0.14) > 6 > 3 > likeliest(0.03)


@pytest.mark.parametrize(("mean", "hour"), [(0.05, 7), (0.1, 10)])
def test_rare_texts_are_few_tests(mean: float, hour: int) -> None:
    """A series of a text in some hours is hardly ever judged, so that a lesser improbability is rare enough."""
    for seed in range(5):
        profile = run(draw(np.full(40 * 288, mean), seed))
        slots = np.bincount(np.linspace(0, 11, hour).round().astype(int), minlength=12)
        assert then(profile, slots.tolist(), at=40 * DAY + 10 * HOUR).firing
        few = then(profile, [0] * 6 + slots[:6].tolist(), at=40 * DAY + 10 * HOUR)
        assert not few.firing


def test_a_wave_in_office_hours_is_found() -> None:
    """A line that is silent at night and at week-ends is judged by its hours, not by its silences."""
    clock = np.arange(40 * 288) / 12
    rate = np.where((clock % 24 >= 8) & (clock % 24 < 18) & (clock // 24 % 7 < 5), 2.0, 0.0)
    wave = slice(36 * 288 + 10 * 12, 36 * 288 + 12 * 12)  # two hours of a Friday in the week of 1970
    for seed in range(5):
        counts = draw(rate, seed)
        assert alerts(counts) == []
        counts[wave] += draw(rate[wave] * 3, seed + 10)
        (raised,) = alerts(counts)
        assert raised.fired_at <= datetime.fromtimestamp(36 * DAY + 12 * HOUR, UTC)


def test_a_clock_put_forward_or_back_raises_no_alert() -> None:
    """Offices open at nine and close at five; one day all of it comes an hour earlier, or later."""
    day = np.repeat([0.02] * 9 + [1.0] * 8 + [0.02] * 7, 12)
    for an_hour in (10, 20, 60):
        for seed, shift in ((0, 12), (1, -12), (2, 12), (3, -12)):
            rate = an_hour / 12 * np.concatenate([np.tile(day, 40), np.tile(np.roll(day, shift), 40)])
            raised = alerts(draw(rate, seed))
            assert raised == [], (an_hour, seed)


def test_what_the_hour_beside_explains_is_said() -> None:
    day = np.repeat([0.01] * 9 + [20 / 12] * 8 + [0.01] * 7, 12)
    profile = run(draw(np.tile(day, 40)))
    verdict = then(profile, [2] * 12, at=40 * DAY + 8 * HOUR)  # in the hour before it becomes busy
    assert not verdict.firing
    assert verdict.reason.endswith("; the busier hour beside it explains that")
    assert then(profile, [6] * 12, at=40 * DAY + 8 * HOUR).firing


@pytest.mark.parametrize(("mean", "wave"), [(0.02, [2, 1, 1, 1]), (0.05, [1] * 8), (0.2, [5, 4, 5, 4])])
def test_a_day_long_burn_does_not_make_a_sparse_series_deaf(mean: float, wave: list[int]) -> None:
    calm = draw(np.full(43 * 288, mean), seed=7)
    burned = calm.copy()
    burned[40 * 288 : 41 * 288] = draw(np.full(288, 10 * mean), seed=8)
    assert alerts(burned), "the burn itself is told"
    for counts in (calm, burned):
        assert then(run(counts), wave, at=43 * DAY).firing


def test_a_rarer_alert_is_asked_for_by_less_chance() -> None:
    profile = steady(0.2, seed=5)[1]
    counts = [(21 * DAY + n * STEP, 2, 2) for n in range(4)]
    bucket, profile, usual = list(walk(profile, counts))[-1]
    fires = [judge(profile, usual, bucket, SurgeSettings(rare=days * DAY)).firing for days in (1, 90, 36500)]
    assert fires == sorted(fires, reverse=True)
    assert (fires[0], fires[-1]) == (True, False)


def test_hours_without_any_texts_fake_no_surge_when_they_come_back() -> None:
    counts = draw(cycles(60, 4))
    counts[45 * 288 : 47 * 288 + 100] = 0  # the machine was off
    assert alerts(counts) == []


def test_a_wave_in_pieces_is_one_alert_and_a_much_larger_piece_another() -> None:
    counts = steady(0.2, 40)[0].copy()
    for hour in (2, 5, 8, 11):
        counts[30 * 288 + hour * 12 :][:4] += 6
    assert len(alerts(counts)) == 1
    counts[30 * 288 + 15 * 12 :][:4] += 30
    first, second = alerts(counts)
    assert first.first.peak < 30 <= second.first.peak
    assert first.early > 0
    counts[39 * 288 :][:4] += 6
    assert len(alerts(counts)) == 3


def test_a_bar_halves_and_time_only_counts_forwards() -> None:
    last = Episode(peak=10, at=1000)
    assert bar(None, 0, 2, HOUR) == 0
    assert bar(last, 1000, 2, HOUR) == 20
    assert bar(last, 1000 + HOUR, 2, HOUR) == 10
    assert bar(last, 0, 2, HOUR) == 20
    assert bar(last, 1000, 2, 0) == 0


def test_a_rule_on_many_series_holds_each_to_more() -> None:
    profile = steady(0.2, seed=5)[1]
    counts = [(21 * DAY + n * STEP, 3, 3) for n in range(4)]
    bucket, profile, usual = list(walk(profile, counts))[-1]
    fires = [judge(profile, usual, bucket, DEFAULTS, series=n).firing for n in (1, 10, 10**6)]
    assert fires == sorted(fires, reverse=True)
    assert (fires[0], fires[-1]) == (True, False)


@settings(max_examples=60, deadline=None)
@given(
    mean=st.sampled_from([0.0, 0.05, 1.0, 10.0]),
    burst=st.lists(st.integers(0, 30), min_size=1, max_size=24),
    more=st.integers(1, 200),
    window=st.sampled_from([900, 1800, HOUR, 2 * HOUR]),
)
def test_more_texts_in_the_last_bucket_never_make_an_alert_less_likely(
    mean: float, burst: list[int], more: int, window: int
) -> None:
    chosen = SurgeSettings(window=window)
    burst = [*burst, 1]
    less, greater = (then(steady(mean)[1], [*burst[:-1], last], chosen) for last in (1, 1 + more))
    assert greater.firing >= less.firing
    for verdict in (less, greater):
        assert 0 <= verdict.low <= verdict.high
        assert 0 <= verdict.probability <= 1
        assert np.isfinite(verdict.expected)
        if verdict.firing:
            assert verdict.observed >= max(chosen.min_count, chosen.min_ratio * verdict.expected)


@settings(max_examples=30, deadline=None)
@given(mean=st.sampled_from([0.05, 1.0]), burst=st.lists(st.integers(0, 30), min_size=1, max_size=24))
def test_what_need_not_be_judged_does_not_fire(mean: float, burst: list[int]) -> None:
    counts = [(21 * DAY + n * STEP, count, count) for n, count in enumerate(burst) if count]
    for bucket, profile, usual in walk(steady(mean)[1], counts):
        if not may_fire(profile, usual, bucket, DEFAULTS):
            assert not judge(profile, usual, bucket, DEFAULTS).firing


def test_an_empty_profile_knows_nothing_and_does_not_fire() -> None:
    profile = empty(0, STEP)
    verdict = judge(profile, expect(profile, 0), 0, DEFAULTS)
    assert (verdict.firing, verdict.quiet, verdict.observed) == (False, True, 0)


def test_hourly_buckets_work_as_well() -> None:
    counts = draw(np.full(40 * 24, 2.0), seed=6)
    assert alerts(counts, step=HOUR) == []
    counts[35 * 24] += 25
    (raised,) = alerts(counts, step=HOUR)
    assert raised.fired_at.timestamp() == 35 * DAY + HOUR
    assert raised.first.until - raised.first.since == HOUR
    assert raised.resolved_at is not None
