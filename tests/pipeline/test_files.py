"""Rules tried on a file of counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.alerts.detectors import KINDS
from monitor.alerts.lifecycle import Pace
from monitor.alerts.rules import Rule
from monitor.pipeline.trying.files import try_on_file

START = datetime(2026, 1, 5, tzinfo=UTC)
STEP, DAY = timedelta(minutes=5), 288


@pytest.mark.parametrize("kind", ["threshold", "surge"])
@pytest.mark.parametrize(
    ("hours", "ended"),
    [(1, [True, True]), (8, [True, True]), (30, [True, False]), (100, [False])],
)
def test_an_alert_that_stays_open_for_long_ends_before_the_next_wave(
    tmp_path: Path, kind: str, hours: float, ended: list[bool]
) -> None:
    """Where nothing comes, nothing need be judged; time goes by all the same."""
    counts = [0] * (10 * DAY)
    for wave, height in ((6 * DAY, 9), (9 * DAY, 40)):
        counts[wave + 60 : wave + 63] = [height] * 3
    path = tmp_path / "counts.csv"
    rows = [f"{(START + n * STEP).isoformat()},{count}" for n, count in enumerate(counts)]
    path.write_text("\n".join(["timestamp,count", *rows]))
    settings = KINDS[kind].model_validate({"at_least": 5} if kind == "threshold" else {})
    rule = Rule("x", kind, {}, (), settings, pace=Pace(keep_firing_for=3600.0 * hours))
    report, _, _ = try_on_file(rule, path)
    assert [raised.resolved_at is not None for _, raised in report.alerts] == ended
    for _, raised in report.alerts:
        if raised.resolved_at is not None:
            lasted = raised.resolved_at - raised.fired_at
            assert timedelta(hours=hours) <= lasted <= timedelta(hours=hours + 2.5)
