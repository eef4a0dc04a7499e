"""Figures in plain words."""

from __future__ import annotations

import pytest

from monitor.alerts.sentences import how_much


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        (0.3, "7 texts in 1 h; usually 0 to 3 at this hour."),
        (0.58, "7 texts in 1 h; usually 0 to 3 at this hour, 0.6 on average. That is 12 times as many."),
        (0.54, "7 texts in 1 h; usually 0 to 3 at this hour, 0.5 on average. That is 14 times as many."),
        (1.96, "7 texts in 1 h; usually 0 to 3 at this hour, 2.0 on average. That is 4 times as many."),
        (6.0, "7 texts in 1 h; usually 0 to 3 at this hour, 6 on average."),
    ],
)
def test_a_factor_is_that_of_the_average_beside_it(expected: float, said: str) -> None:
    alert = {"kind": "surge", "selection": {}, "observed": 7, "expected": expected, "low": 0, "high": 3}
    assert how_much(alert, 3600) == said
