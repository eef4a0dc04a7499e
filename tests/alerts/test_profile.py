"""The running profile against a reference that goes bucket by bucket and keeps everything."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alerts.detectors.counting import CAP_FACTOR, CAP_LEAST, LANDMARK, advance
from monitor.alerts.detectors.distribution import far
from monitor.alerts.detectors.profile import (
    DAILY,
    LASTS,
    SETTLES,
    Profile,
    empty,
    noise,
    retained,
    weight_seen,
)
from monitor.alerts.detectors.usual import (
    AHEAD,
    DISPERSION_FLOOR,
    HOUR_LIKE,
    HOUR_PRIOR,
    HOUR_SPREAD,
    LEVEL_PRIOR,
    WEEKDAY_AFTER,
    WEEKDAY_PRIOR,
    WEEKDAY_SPREAD,
    expect,
    idle,
)
from monitor.alerts.replay import walk
from monitor.durations import DAY, HOUR

STEP = 300


def run(counts: np.ndarray, step: int = STEP, start: int = 0) -> Profile:
    return after(empty(start, step), triples(counts, step, start))


def after(profile: Profile, counts: list[tuple[int, int, int]]) -> Profile:
    steps = list(walk(profile, counts))
    return steps[-1][1] if steps else profile


def triples(counts: np.ndarray, step: int = STEP, start: int = 0) -> list[tuple[int, int, int]]:
    return [(start + n * step, int(counts[n]), int(counts[n])) for n in np.flatnonzero(counts).tolist()]


def cycles(days: int, mean: float, depth: float = 0.9, weekend: float = 0.3) -> np.ndarray:
    clock = np.arange(days * 288) / 12
    daily = 1 + depth * np.cos(2 * np.pi * (clock - 14) / 24)
    return mean * daily * np.where(clock // 24 % 7 >= 5, weekend, 1)


def draw(rate: np.ndarray, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).poisson(rate)


def usual_in_silence(profile: Profile, bucket: int) -> float:
    """What is usual of an empty bucket after the last one with texts, in plain sums."""
    if not profile.usual or bucket // HOUR == profile.at // HOUR:
        return profile.usual
    day = profile.at // DAY
    weight = 2 ** ((day - profile.origin) / 14)
    days = np.arange(profile.since, profile.at + STEP, STEP) // DAY
    level = (LEVEL_PRIOR + profile.level / weight) / sum(2.0 ** ((days - day) / 14))
    if bucket >= -(-(profile.at + STEP) // HOUR) * HOUR + AHEAD * HOUR:
        return float(level)
    rough = 1 + HOUR_SPREAD * level / noise(STEP)[1]
    texts = np.array(profile.hours) / weight / rough
    before, own, after = (texts[(bucket // HOUR + n) % 24] for n in (-1, 0, 1))
    like = (HOUR_PRIOR + before + after) / (HOUR_PRIOR + 2 * texts.mean())
    usual = level * (HOUR_LIKE * like + own) / (HOUR_LIKE + texts.mean())
    if day - profile.since // DAY >= WEEKDAY_AFTER:
        texts = np.array(profile.days) / weight / (1 + WEEKDAY_SPREAD * level * 288)
        usual *= (WEEKDAY_PRIOR + texts[bucket // DAY % 7]) / (WEEKDAY_PRIOR + texts.mean())
    return float(usual)


def test_means_and_moments_are_those_of_a_loop_over_every_bucket() -> None:
    counts = draw(cycles(24, 0.4))
    counts[18 * 288 : 22 * 288] = 0  # four silent days
    counts[4 * 288 :][:150] += draw(np.full(150, 3.0), 1)  # a wave of half a day, one of two days
    counts[6 * 288 :][:600] += draw(np.full(600, 20.0), 2)
    profile, means, moments = empty(0, STEP), np.zeros(4), np.zeros(4)
    keep = np.array(retained(STEP))
    ordinary, squares, lasts, lasted = 0.0, 0.0, 0, set[int]()
    usual_before = 0.0
    for n, count in enumerate(counts.tolist()):
        bucket = n * STEP
        usual = expect(profile, bucket)
        if n:
            weight = 2 ** (profile.at // DAY / 14)
            news = not LASTS < lasts <= SETTLES
            moments += weight * means**2 * [news, news, True, True]
            squares += weight * usual_before**2
        if not count:
            usual_before = usual_in_silence(profile, bucket)
            means = keep * means - (1 - keep) * usual_before
            continue
        mean, capped = usual.mean, float(count)
        if bucket < DAY:
            usual_before = 0.0
            profile = advance(profile, bucket, count, count, usual)
            continue
        else:
            capped = min(
                capped, max(CAP_FACTOR * mean + far(mean, 1, max(DISPERSION_FLOOR, usual.clumped)), CAP_LEAST)
            )
        slow = noise(STEP)[1]
        reached = keep[1] * means[1] + (1 - keep[1]) * (count - mean)
        gap, passes = bucket - profile.at, capped
        drifting = max(DISPERSION_FLOOR, usual.drifting)
        if reached > max(far(mean, slow, drifting, usual.doubt), CAP_LEAST * slow):
            lasts = min(SETTLES + LASTS, max(0, lasts + (gap if gap < HOUR else 2 * HOUR - gap)))
            if lasts <= SETTLES:
                passes = min(capped, mean)
        else:
            lasts = max(0, lasts - gap)
            ordinary += 2 ** (bucket // DAY / 14) * capped
        lasted.add(lasts)
        above = np.array([count, count, passes, passes]) - mean
        means = keep * means + (1 - keep) * above
        usual_before = mean
        profile = advance(profile, bucket, count, count, usual)
        assert profile.means == pytest.approx(means)
        assert profile.ordinary == pytest.approx(ordinary)
        assert profile.squares == pytest.approx(squares)
        assert profile.lasts == lasts
    assert any(LASTS < one <= SETTLES for one in lasted)
    assert max(lasted) > SETTLES
    end = len(counts) * STEP
    assert lasts == 0
    moments += 2 ** (profile.at // DAY / 14) * means**2
    squares += 2 ** (profile.at // DAY / 14) * usual_before**2
    assert idle(profile, end)[0] == pytest.approx(means)
    assert idle(profile, end)[1] == pytest.approx(moments)
    assert idle(profile, end)[2] == pytest.approx(squares)


def test_what_buckets_weigh_is_a_sum_over_every_bucket() -> None:
    profile = run(draw(cycles(5, 2)), start=3 * DAY)
    for bucket in (4 * DAY + 5 * HOUR, 12 * DAY, 40 * DAY + 86100):
        days = np.arange(profile.since, bucket, STEP) // DAY
        assert weight_seen(profile, bucket) == pytest.approx(sum(2 ** ((days - profile.origin) / 14)))


@pytest.mark.parametrize("hour", [0, 9, 22, 23])
@pytest.mark.parametrize("days", [5, 12])
def test_what_is_usual_is_that_of_plain_sums(days: int, hour: int) -> None:
    """Level, hour and weekday, each a posterior of sums over every bucket; an hour leans on those beside it."""
    counts = draw(cycles(days + 1, 1))[: days * 288 + hour * 12 + 7]
    profile, n = run(counts), np.arange(len(counts))
    weights = 2.0 ** ((n // 288 - days) / 14)

    def texts(chosen: np.ndarray) -> float:
        return float((weights * counts)[chosen].sum())

    usual = expect(profile, len(counts) * STEP)
    level = (LEVEL_PRIOR + texts(n >= 0)) / weights.sum()
    rough = 1 + min(usual.drifting, HOUR_SPREAD) * level / noise(STEP)[1]

    def of(*hours: int) -> tuple[float, float]:
        """Texts of these hours of the day, and how many there would be if all hours were alike."""
        chosen = np.isin(n // 12 % 24, [one % 24 for one in hours])
        return texts(chosen) / rough, float(level * weights[chosen].sum() / rough)

    (own, due), (beside, due_beside) = of(hour), of(hour - 1, hour + 1)
    like = (HOUR_PRIOR + beside) / (HOUR_PRIOR + due_beside)
    mean = level * (HOUR_LIKE * like + own) / (HOUR_LIKE + due)
    if days >= WEEKDAY_AFTER:
        rough = 1 + WEEKDAY_SPREAD * level * 288
        alike = (n // 288 % 7 == days % 7) & (n // 288 < days)
        mean *= WEEKDAY_PRIOR + texts(alike) / rough
        mean /= WEEKDAY_PRIOR + level * weights[alike].sum() / rough
    assert usual.mean == pytest.approx(mean)


def test_errors_of_decayed_sums_go_by_the_squares_of_weights() -> None:
    """Of days that weigh less and less: the part of the doubt about a level that every bucket adds to."""
    for days in (4, 12, 60):
        weights = 2.0 ** (-np.arange(1, days + 1) / 14)
        part = (1 + DAILY**-days) / (1 + DAILY)
        assert part == pytest.approx((weights**2).sum() / weights.sum())
    calm = draw(np.full(60 * 288, 2.0))
    assert expect(run(calm), 60 * DAY + HOUR).doubt < 0.5 * expect(run(calm[: 4 * 288]), 4 * DAY + HOUR).doubt


def test_an_hour_of_a_sparse_series_is_told_better_with_those_beside_it() -> None:
    """By the mean of many: alone, an hour of few texts is known much worse."""
    rate = cycles(28, 0.02, weekend=1.0)  # one text in four hours
    bucket = 28 * DAY + 14 * HOUR
    hours = [14 * 12 + 288 * day + n for day in range(28) for n in range(12)]
    errors, alone = [], []
    for seed in range(20):
        counts = draw(rate, seed)
        errors.append(expect(run(counts), bucket).mean / rate[hours].mean() - 1)
        alone.append(counts[hours].mean() / rate[hours].mean() - 1)
    assert abs(np.mean(errors)) < 0.2
    assert np.std(errors) < 0.8 * np.std(alone)


def test_the_usual_count_follows_hour_and_weekday() -> None:
    rate = cycles(56, 3)
    profile = run(draw(rate))
    for day in (53, 54, 55):  # from Monday on, for the first day of 1970 is a Thursday in its week
        for hour in (3, 9, 14, 20):
            n = (day - 7) * 288 + hour * 12
            past = run(draw(rate)[:n])
            assert expect(past, n * STEP).mean == pytest.approx(rate[n : n + 12].mean(), rel=0.35, abs=0.15)
    assert expect(profile, 56 * DAY).clumped < 0.05
    assert expect(profile, 56 * DAY).drifting < 0.05


def test_office_hours_are_learned_and_do_not_pass_for_wildness() -> None:
    clock = np.arange(35 * 288) / 12
    working = (clock % 24 >= 8) & (clock % 24 < 18) & (clock // 24 % 7 < 5)
    profile = run(draw(np.where(working, 2.0, 0.0)))
    noon, night = (
        34 * DAY + 12 * HOUR,
        34 * DAY + 3 * HOUR,
    )  # a Thursday in the week of 1970, which begins with one
    assert expect(profile, noon + DAY).mean == pytest.approx(2.0, rel=0.2)
    assert expect(profile, night + DAY).mean < 0.1
    assert expect(profile, noon + DAY).drifting < 0.15


def test_clumps_and_drifts_are_told_apart() -> None:
    dice = np.random.default_rng(1)
    rate = np.full(40 * 288, 3.0)
    clumped = dice.poisson(rate * dice.gamma(2, 0.5, rate.shape))
    drifting = dice.poisson(rate * np.repeat(dice.gamma(2, 0.5, rate.size // 24), 24))
    for counts, low, high in ((clumped, 0.0, 0.1), (drifting, 0.2, 0.8)):
        usual = expect(run(counts), 40 * DAY)
        assert low < usual.drifting < high
        assert usual.clumped >= usual.drifting


def test_old_waves_do_not_pass_for_usual_but_are_remembered() -> None:
    calm = draw(np.full(40 * 288, 2.0))
    waved = calm.copy()
    for day in range(10, 40, 3):
        waved[day * 288 + 12 * (day % 9) :][:24] += 40
    before, after, noon = run(calm), run(waved), 40 * DAY + 12 * HOUR
    assert expect(after, noon).mean < 1.3 * expect(before, noon).mean
    assert after.moments[1] > 3 * after.moments[3]
    assert before.moments[1] == pytest.approx(before.moments[3], rel=0.1)


@pytest.mark.parametrize("mean", [0.05, 0.3, 2])
def test_a_day_long_wave_is_taken_neither_for_ordinary_variation_nor_for_many_waves(mean: float) -> None:
    calm = draw(np.full(40 * 288, mean))
    burned = calm.copy()
    burned[36 * 288 : 37 * 288] = draw(np.full(288, 10 * mean), 1)
    before, after = run(calm), run(burned)
    assert expect(after, 40 * DAY).clumped < expect(before, 40 * DAY).clumped + 0.1
    assert expect(after, 40 * DAY).drifting < expect(before, 40 * DAY).drifting + 0.1
    brief = calm.copy()
    brief[36 * 288 : 36 * 288 + 48] = burned[36 * 288 : 36 * 288 + 48]
    assert 1 < after.moments[1] / run(brief).moments[1] < 2.5


def test_the_mean_of_the_busiest_neighbour_covers_a_clock_put_forward() -> None:
    rate = np.tile(np.repeat([0.5] * 7 + [8.0] * 12 + [0.5] * 5, 12), 40)
    profile = run(draw(rate))
    usual = expect(profile, 40 * DAY + 6 * HOUR)
    assert usual.mean < 1.5
    assert usual.high > 5


@settings(max_examples=40, deadline=None)
@given(
    data=st.lists(st.tuples(st.integers(1, 5000), st.integers(1, 400)), min_size=1, max_size=80),
    cut=st.integers(0, 80),
)
def test_stored_and_carried_on_it_is_the_same_to_the_last_digit(
    data: list[tuple[int, int]], cut: int
) -> None:
    buckets = np.cumsum([gap for gap, _ in data]) * STEP
    counts = [(int(b), n, n) for b, (_, n) in zip(buckets, data, strict=True)]
    whole = after(empty(0, STEP), counts)
    part = after(empty(0, STEP), counts[:cut])
    part = after(Profile.from_json(json.loads(json.dumps(part.to_json()))), counts[cut:])
    assert part == whole


def test_years_go_by_without_running_out_of_numbers() -> None:
    def until(first: int, last: int) -> Profile:
        profile = empty(first * 30 * DAY, STEP)
        for n in range(first + 1, last):
            bucket = n * 30 * DAY
            profile = advance(profile, bucket, 5, 5, expect(profile, bucket))
        return profile

    old, young = until(0, 400), until(370, 400)
    assert old.origin > LANDMARK
    assert old.at == young.at
    later = old.at + DAY
    assert expect(old, later).mean == pytest.approx(expect(young, later).mean, rel=1e-3)


def test_it_only_goes_forward() -> None:
    profile = run(draw(np.full(600, 1.0)))
    with pytest.raises(ValueError, match="is not after"):
        advance(profile, profile.at, 1, 1, expect(profile, profile.at))


def test_it_begins_at_a_midnight_and_is_small() -> None:
    profile = run(draw(np.full(12 * 288, 9.0)), start=DAY + 5 * HOUR)
    assert profile.since == 2 * DAY
    assert len(json.dumps(profile.to_json())) < 3000
