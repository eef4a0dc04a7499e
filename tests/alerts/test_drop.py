"""The drop detector on series made by hand and by a seeded draw."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.alerts.detectors import DETECTORS, DropSettings, History
from monitor.alerts.detectors.drop import judge, may_fire, reach, usual, whole
from monitor.alerts.replay import history_verdicts

STEP, HOUR, DAY = 300, 3600, 86400
DEFAULTS = DropSettings()
NOON = 28 * DAY + 12 * HOUR


def office(
    day_rate: float, weekend: float = 1.0, days: int = 30, seed: int = 0, shift: int = 0
) -> np.ndarray:
    """Texts from 8 to 18 h, ``day_rate`` an hour; ``weekend`` times as many on days 5 and 6."""
    hours = np.arange(days * 24) - shift
    rate = np.where((hours % 24 >= 8) & (hours % 24 < 18), day_rate, 0.0)
    rate = np.where((hours // 24) % 7 >= 5, weekend * rate, rate)
    return np.random.default_rng(seed).poisson(np.repeat(rate / 12, 12))


def history(counts: np.ndarray) -> History:
    return History(0, STEP, counts, counts)


def silent_from(counts: np.ndarray, at: int) -> np.ndarray:
    counts = counts.copy()
    counts[at // STEP :] = 0
    return counts


def test_the_usual_count_is_the_mean_of_the_same_hour() -> None:
    counts = np.zeros(29 * 288, int)
    counts[::1] = 2
    mean, dispersion, days = usual(history(counts), 28 * 288, 28 * 288 + 12, 0, DEFAULTS)
    assert (mean, days) == (24, 27)
    assert 0 < dispersion < 0.1


def test_an_hour_without_texts_at_a_busy_time_fires() -> None:
    found = judge(history(silent_from(office(40), NOON - HOUR)), NOON, 0, DEFAULTS)
    assert (found.firing, found.quiet, found.observed) == (True, False, 0)
    assert (found.since, found.until) == (NOON - HOUR, NOON)
    assert found.expected == pytest.approx(40, rel=0.15)
    assert found.low > 10
    assert found.reason.startswith("0 texts in 1 h where ")
    assert found.probability < 1e-4


@pytest.mark.parametrize("hour", range(24))
def test_no_hour_of_a_usual_day_is_a_drop_nor_is_the_night(hour: int) -> None:
    for seed in range(5):
        found = judge(history(office(40, seed=seed)), 28 * DAY + hour * HOUR, 0, DEFAULTS)
        assert not found.firing, found.reason


def test_a_quiet_week_end_is_no_drop() -> None:
    counts = office(40, weekend=0.0, days=35)
    for day in range(28, 35):
        assert not judge(history(counts), day * DAY + 12 * HOUR, 0, DEFAULTS).firing
    assert judge(history(silent_from(counts, 32 * DAY)), 32 * DAY + 12 * HOUR, 0, DEFAULTS).firing


def test_a_change_of_the_clock_is_no_drop() -> None:
    for shift in (-1, 1):
        counts = office(60)
        counts[28 * 288 :] = office(60, shift=shift)[28 * 288 :]
        for hour in range(24):
            assert not judge(history(counts), 28 * DAY + hour * HOUR, 0, DEFAULTS).firing, (shift, hour)


def test_at_night_an_alert_is_left_as_it_is_and_ends_where_the_series_is_gone() -> None:
    midnight = 29 * DAY + HOUR
    found = judge(history(silent_from(office(40), NOON)), midnight, 0, DEFAULTS)
    assert (found.firing, found.quiet) == (False, False)
    gone = np.concatenate([office(40), np.zeros(40 * 288, int)])
    found = judge(history(gone), 70 * DAY, 0, DEFAULTS)
    assert (found.firing, found.quiet) == (False, True)


def test_it_is_over_when_half_as_many_come_as_usual() -> None:
    for count, firing, quiet in ((5, True, False), (15, False, False), (26, False, True)):
        counts = silent_from(office(40), NOON - HOUR)
        counts[NOON // STEP - 12] = count
        found = judge(history(counts), NOON, 0, DEFAULTS)
        assert (found.firing, found.quiet) == (firing, quiet), found.reason


def test_few_texts_and_a_short_history_are_never_missed() -> None:
    assert not judge(history(silent_from(office(5), NOON - HOUR)), NOON, 0, DEFAULTS).firing
    assert not judge(history(silent_from(office(40), NOON - HOUR)), NOON, NOON - 13 * DAY, DEFAULTS).firing
    assert not judge(history(np.zeros(9000, int)), NOON, 0, DEFAULTS).firing
    assert judge(history(silent_from(office(40), NOON - HOUR)), NOON, NOON - 15 * DAY, DEFAULTS).firing


def test_what_is_usual_is_told_as_people_write_it() -> None:
    counts = np.full(29 * 288, 20)
    said = judge(history(counts), 28 * DAY, 0, DropSettings(min_expected=500)).reason
    assert said == "240 texts in 1 h, and 240 are usual at this hour: too few to miss any"


def test_backfill_is_not_missing() -> None:
    counts = office(40)
    assert not judge(History(0, STEP, counts, np.zeros_like(counts)), NOON, 0, DEFAULTS).firing


def test_days_that_differ_much_make_a_low_one_less_surprising() -> None:
    calm, wild = np.full(30 * 288, 2), np.zeros((30, 288), int)
    wild[:] = np.random.default_rng(1).gamma(0.7, 2 / 0.7, (30, 1)).round()
    counts = wild.ravel()
    for series in (calm, counts):
        series[NOON // STEP - 12 : NOON // STEP] = 0
        series[NOON // STEP - 12] = 2
    assert judge(history(calm), NOON, 0, DEFAULTS).firing
    assert not judge(history(counts), NOON, 0, DEFAULTS).firing


def test_reach_covers_the_hours_around_the_oldest_day() -> None:
    assert reach(DEFAULTS) >= 28 * DAY + 2 * HOUR


def beside(counts: np.ndarray, rest: np.ndarray) -> History:
    """A series, and the whole that it and the rest make."""
    return History(0, STEP, counts, counts, history(counts + rest))


def test_a_holiday_is_no_drop_of_one_series_but_a_series_that_falls_alone_is() -> None:
    series, rest = office(40), office(100, seed=1)
    quiet, holiday = silent_from(series, NOON - HOUR), silent_from(rest, NOON - HOUR)
    some = holiday.copy()
    some[NOON // STEP - 12 :: 4] = 1
    assert judge(beside(quiet, rest), NOON, 0, DEFAULTS).firing
    assert not judge(beside(quiet, holiday), NOON, 0, DEFAULTS).firing
    found = judge(beside(quiet, some), NOON, 0, DEFAULTS)
    assert not found.firing
    assert "while all other texts fell to" in found.reason
    assert whole({"intent": "refund"}, DEFAULTS) == {}
    assert whole({}, DEFAULTS) is None
    assert whole({"intent": "refund"}, DropSettings(compare=False)) is None


def test_a_rest_that_is_small_or_more_than_usual_changes_nothing() -> None:
    quiet = silent_from(office(40), NOON - HOUR)
    alone = judge(history(quiet), NOON, 0, DEFAULTS)
    for rest in (office(1, seed=2), office(100, seed=1) * 3, np.zeros_like(quiet)):
        found = judge(beside(quiet, rest), NOON, 0, DEFAULTS)
        assert found.firing
        assert found.expected == pytest.approx(alone.expected)


@pytest.mark.parametrize("seed", range(4))
def test_what_counts_alone_say_cannot_fire_does_not_fire(seed: int) -> None:
    counts = office(40, weekend=0.3, days=40, seed=seed)
    for day in (18, 26, 33, 39):
        counts[day * 288 + 10 * 12 : day * 288 + 13 * 12] //= 5
    ends = np.arange(12, len(counts) + 1)
    able = may_fire(history(counts), ends, DEFAULTS)
    counted = [(n * STEP, int(count), int(count)) for n, count in enumerate(counts) if count]

    def verdicts(**given: object) -> list[tuple[int, bool]]:
        made = history_verdicts(
            DETECTORS["drop"],  # type: ignore[arg-type]
            DEFAULTS,
            counted,
            step=STEP,
            history_from=0,
            until=len(counts) * STEP,
            **given,  # type: ignore[arg-type]
        )
        return [(end, verdict.firing) for end, verdict in made]

    all_ = verdicts(is_open=lambda: True)
    firing = {end for end, fires in all_ if fires}
    assert firing
    assert firing <= {int(end) * STEP for end, may in zip(ends, able, strict=True) if may}
    assert able.sum() < len(ends) / 20
    asked = verdicts(is_open=lambda: False, since=20 * DAY)
    assert [end for end, fires in asked if fires] == sorted(end for end in firing if end >= 20 * DAY)
    assert len(asked) < len(all_) / 5
    of_file = verdicts()
    assert {end for end, fires in of_file if fires} == firing, "no score, but all that fires"
    assert len(of_file) < len(all_) / 5


def test_an_hour_without_texts_is_found_where_a_rule_is_tried_though_it_begins_at_half_past() -> None:
    counts = office(40, days=21)
    counts[18 * 288 + 150 : 18 * 288 + 162] = 0
    live = [
        end
        for end in range(18 * 288, len(counts))
        if judge(history(counts[:end]), end * STEP, 0, DEFAULTS).firing
    ]
    assert live
    counted = [(n * STEP, int(count), int(count)) for n, count in enumerate(counts) if count]
    for given in ({}, {"is_open": lambda: False}):
        tried = history_verdicts(
            DETECTORS["drop"],  # type: ignore[arg-type]
            DEFAULTS,
            counted,
            step=STEP,
            history_from=0,
            until=len(counts) * STEP,
            **given,  # type: ignore[arg-type]
        )
        assert [end // STEP for end, verdict in tried if verdict.firing] == live
