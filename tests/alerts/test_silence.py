"""Silences of sources: usual gaps by hour and weekday, and failures."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.alerts.detectors.silence import SilenceSettings, arrivals, judge, judge_failing

STEP, HOUR, DAY = 300, 3600, 86400
DEFAULTS = SilenceSettings()


def said(times: np.ndarray, until: int, settings: SilenceSettings = DEFAULTS):
    """The verdict at ``until`` on a source whose documents are of ``times``."""
    times = times[times <= until]
    return judge(arrivals(times, int(times[0]) // STEP * STEP, until, STEP), int(times[-1]), until, settings)


def office(per_hour: float, days: int, seed: int = 0) -> np.ndarray:
    """Event times from 8 to 18 h on days 0 to 4 of each week."""
    draw = np.random.default_rng(seed)
    times = np.sort(draw.uniform(0, days * DAY, int(per_hour * 24 * days)))
    hours, day = times % DAY / HOUR, times // DAY % 7
    return times[(hours >= 8) & (hours < 18) & (day < 5)].astype(int)


def first_alarm(times: np.ndarray, stop: int) -> float | None:
    """Hours from ``stop``, when the source falls silent, to the alarm."""
    times = times[times < stop]
    for until in range(stop, stop + 10 * DAY, 1800):
        if said(times, until).firing:
            return (until - stop) / HOUR
    return None


@pytest.mark.parametrize("per_hour", [0.5, 4, 30])
def test_nights_and_week_ends_are_usual(per_hour: float) -> None:
    times = office(per_hour, 42)
    for until in range(28 * DAY, 42 * DAY, HOUR):
        found = said(times, until)
        assert not found.firing, found.reason


def test_a_silence_in_office_hours_is_noticed_soon_where_much_is_usual() -> None:
    stop = 35 * DAY + 10 * HOUR
    hours = [first_alarm(office(rate, 60), stop) for rate in (30, 6, 1)]
    assert hours[0] is not None
    assert hours[0] <= 3
    assert hours[1] is not None
    assert hours[0] < hours[1] < 24
    assert hours[2] is not None
    assert hours[1] < hours[2] < 5 * 24


def test_a_feed_that_is_silent_for_good_is_noticed_however_slow() -> None:
    daily = np.arange(0, 60 * DAY, DAY) + 9 * HOUR
    alarm = first_alarm(daily, 40 * DAY)
    assert alarm is None, "fifteen usual gaps are fifteen days"
    quick = SilenceSettings(times=4, probability=0.05)
    assert said(daily[daily < 40 * DAY], 46 * DAY + HOUR, quick).firing
    assert not said(daily[daily < 40 * DAY], 41 * DAY, quick).firing


@pytest.mark.parametrize(("a_day", "days"), [(20, 28), (40, 28), (60, 15)])
def test_a_silence_that_fires_goes_on_firing_however_long_it_lasts(a_day: int, days: int) -> None:
    draw = np.random.default_rng(a_day)
    times = np.sort(draw.uniform(0, days * DAY, a_day * days)).astype(int)
    fires = [said(times, days * DAY + hours * HOUR).firing for hours in range(0, 240)]
    assert fires[23]
    assert fires == sorted(fires), "once it fires, it does for good"


def test_texts_that_come_together_are_one_arrival() -> None:
    one = np.arange(0, 30 * DAY, 6 * HOUR)
    five = np.sort(np.concatenate([one + n for n in range(5)]))
    until = int(one[-1]) + DAY
    assert said(five, until).expected == said(one, until).expected == pytest.approx(3, abs=1)


def test_one_arrival_is_no_arrivals() -> None:
    one = np.arange(0, 30 * DAY, 6 * HOUR)
    found = said(one, int(one[-1]) + 9 * HOUR)
    assert found.reason == "nothing new for 9 h, in which 1 arrival is usual"
    often = np.arange(0, 30 * DAY, 300)
    found = said(often, int(often[-1]) + 12 * HOUR, SilenceSettings(times=1000))
    assert found.reason == "nothing new for 12 h, in which 143 arrivals are usual"


def test_little_history_and_short_gaps_never_fire() -> None:
    busy = np.arange(0, 10 * DAY, 300)
    assert "still learning" in said(busy, 10 * DAY + 5 * HOUR).reason
    busy = np.arange(0, 20 * DAY, 300)
    assert not said(busy, 20 * DAY + HOUR).firing
    found = said(busy, 20 * DAY + 5 * HOUR)
    assert found.firing
    assert found.reason == "nothing new for 5 h 5 min, in which 60 arrivals are usual"
    assert found.since == int(busy[-1]), "when the last came is told in the zone of who reads it"


def test_failures_fire_when_they_last() -> None:
    assert judge_failing(2, 0, DAY, "no route", DEFAULTS) is None
    assert judge_failing(3, DAY - 1800, DAY, "no route", DEFAULTS) is None
    found = judge_failing(3, 0, DAY, "no route", DEFAULTS)
    assert found is not None
    assert found.firing
    assert found.reason == "cannot be read for 1 day; 3 failures in a row: no route"
    assert found.since == 0, "when it was read last is told in the zone of who reads it"
    never = judge_failing(5, None, DAY, "no route", DEFAULTS)
    assert never is not None
    assert never.reason.startswith("was never read; 5 failures")


def test_faults() -> None:
    known = {"sources": {"news", "chat"}}
    found = list(SilenceSettings(sources=("new",)).faults({"mood": "bad"}, known))
    assert [setting for setting, _ in found] == ["where", "sources"]
    assert "known: chat, news" in found[1][1]
    assert list(SilenceSettings(sources=("news",)).faults({}, known)) == []
