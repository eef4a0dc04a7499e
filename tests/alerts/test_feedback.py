"""What judgements say of a rule."""

from __future__ import annotations

import pytest

from monitor.alerts.feedback import Judged, feedback, interval

SURGE = {"min_count": 5, "min_ratio": 2.0, "rare": 90 * 86400.0}


def judged(real: list[tuple[float, float]], false: list[tuple[float, float]]) -> list[Judged]:
    return [Judged(True, *item) for item in real] + [Judged(False, *item) for item in false]


def test_nothing_is_said_of_what_was_not_judged_and_little_of_few() -> None:
    assert feedback([], SURGE).precision is None
    few = feedback(judged([], [(6, 1)] * 4), SURGE)
    assert (few.precision, few.suggestion) == (0, "")


def test_the_setting_that_spares_the_most_false_alerts_is_suggested() -> None:
    found = feedback(judged([(20, 2), (30, 8)], [(6, 1), (7, 1), (25, 9)]), SURGE)
    assert (found.real, found.false, found.precision) == (2, 3, 0.4)
    assert found.suggestion == "min_count = 20 would have spared 2 of 3 false alerts and kept all 2 real ones"
    by_ratio = feedback(judged([(20, 2), (8, 1)], [(18, 6), (19, 7), (20, 8)]), SURGE)
    assert by_ratio.suggestion.startswith("min_ratio = 8 would have spared 3 of 3")
    level = feedback(judged([(50, 20)], [(21, 20)] * 5), {"at_least": 20})
    assert level.suggestion.startswith("at_least = 50 would have spared 5 of 5")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (SURGE, 'fewer alerts with rare = "900d"'),
        ({"at_least": 20}, "fewer alerts with at_least = 30"),
        ({}, "it is too sensitive: raise its level, or let it wait with `for`"),
    ],
)
def test_where_none_separates_them_it_should_be_less_sensitive(settings: dict[str, float], said: str) -> None:
    assert feedback(judged([(9, 1)], [(9, 1)] * 5), settings).suggestion == said


def test_a_rule_that_is_always_right_could_say_more() -> None:
    always = judged([(9, 1)] * 12, [])
    assert feedback(always, SURGE).suggestion == 'could be more sensitive: rare = "30d"'
    assert feedback(always, {"at_least": 10}).suggestion == "could be more sensitive: at_least = 8"
    assert feedback(always[:5], SURGE).suggestion == "", "five are not enough to be sure of that"


def test_a_rule_that_does_well_is_left_alone() -> None:
    assert feedback(judged([(9, 1)] * 8, [(9, 1)] * 2), SURGE).suggestion == ""


def test_the_interval_is_wilsons() -> None:
    low, high = interval(8, 10)
    assert (round(low, 3), round(high, 3)) == (0.602, 0.914)
    assert interval(0, 5)[0] == pytest.approx(0)
    assert interval(5, 5)[1] == pytest.approx(1)
