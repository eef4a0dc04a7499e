"""No second alert of one wave, and no wave that is hidden by what nobody heard of."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.alerts.detectors import SurgeSettings, Verdict
from monitor.alerts.lifecycle import Pace
from monitor.alerts.rules import Rule
from monitor.alerts.trial import Trial
from monitor.pipeline.alerting.following import follow
from monitor.pipeline.judging.guards import of_one_wave, remember
from monitor.store import Store

COURT = {"topic": "court"}


@pytest.mark.parametrize(
    ("wait", "peaks", "fired"),
    [
        # minutes with the peak of a verdict that fires, 0: all is quiet
        (0, {0: 20, 10: 0, 80: 0, 90: 30, 120: 30}, [0]),
        (0, {0: 20, 10: 30, 20: 0, 90: 0, 100: 50}, [0]),
        (0, {0: 20, 10: 0, 80: 0, 90: 41}, [0, 90]),
        # the first did not last, so nobody heard of it
        (30, {0: 20, 10: 0, 60: 30, 75: 12, 90: 30}, [90]),
        # the third is a piece of the second, which lasted
        (30, {0: 20, 10: 0, 60: 30, 90: 30, 100: 0, 170: 0, 200: 30, 240: 30}, [90]),
        (30, {0: 20, 30: 22, 40: 0, 110: 0, 120: 90, 130: 60, 150: 30}, [30, 150]),
    ],
)
def test_only_a_wave_that_was_told_of_hides_another(
    monitor_store: Store, monitor_now: datetime, wait: int, peaks: dict[int, int], fired: list[int]
) -> None:
    """Live, and where a rule is tried."""
    pace = Pace(wait=60.0 * wait, keep_firing_for=3600)
    rule = Rule("x", "surge", COURT, ("desk",), SurgeSettings(), pace=pace)
    tried = Trial(pace, rule.settings)
    for minutes, peak in peaks.items():
        now = monitor_now + timedelta(minutes=minutes)
        at = int(now.timestamp())
        found = replace(
            Verdict.nothing(at - 3600, at, f"{peak} texts"),
            firing=peak > 0,
            quiet=not peak,
            observed=peak,
            peak=peak,
        )
        tried.see(found, now)
        found, wave = of_one_wave(monitor_store, rule, COURT, found)
        follow(monitor_store, rule, COURT, found, lambda _: [], now)
        remember(monitor_store, rule, COURT, wave)
    due = [monitor_now + timedelta(minutes=minutes) for minutes in fired]
    assert [alert.fired_at for alert in reversed(monitor_store.alerts.find()) if alert.fired_at] == due
    assert [raised.fired_at for raised in tried.raised] == due
