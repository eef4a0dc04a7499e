"""What judgements say of a rule."""

from __future__ import annotations

import re

import pytest

from monitor.alerts.detectors import KINDS, SurgeSettings, ThresholdSettings
from monitor.alerts.detectors.kind import KindSettings
from monitor.alerts.feedback import Judged, feedback

SURGE = SurgeSettings()


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
    level = feedback(judged([(50, 20)], [(21, 20)] * 5), ThresholdSettings(at_least=20))
    assert level.suggestion.startswith("at_least = 50 would have spared 5 of 5")


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("surge", {}, 'rare = "900d"'),
        ("threshold", {"at_least": 20}, "at_least = 30"),
        ("ratio", {"at_least": 0.3}, "at_least = 0.65"),
        ("drop", {}, "probability = 1e-05"),
        ("trend", {}, "probability = 0.0001"),
        ("model", {}, "probability = 1e-05"),
        ("silence", {}, 'at_least = "3h"'),
        ("new_topic", {}, "min_stories = 9"),
        ("conversation", {"when": "unanswered"}, 'after = "1h"'),
        ("conversation", {"when": "unanswered", "after": 0}, 'after = "5m"'),
        ("conversation", {"when": "worse"}, "turned = 3 and in_a_row = 4"),
        ("keyword", {"words": ["loss"]}, "words that mean nothing else, or a label beside them in `where`"),
        ("entity", {}, "one entity, or a label beside it, in `where`"),
    ],
)
def test_where_none_separates_them_a_setting_of_the_kind_is_to_be_stricter(
    kind: str, given: dict[str, object], said: str
) -> None:
    settings = KINDS[kind].model_validate(given)
    found = feedback(judged([(9, 9)], [(9, 9)] * 5), settings)
    assert found.suggestion == f"fewer alerts with {said}"
    for name in re.findall(r"(\w+) = ", said):
        assert name in type(settings).model_fields


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (SURGE, 'could be more sensitive: rare = "30d"'),
        (ThresholdSettings(at_least=20), "could be more sensitive: at_least = 16"),
        (ThresholdSettings(at_least=1), ""),
        (KindSettings(), ""),
    ],
)
def test_where_nearly_all_were_real_a_kind_that_can_be_keener_says_how(
    settings: KindSettings, said: str
) -> None:
    assert feedback(judged([(9, 3)] * 20, []), settings).suggestion == said


def test_a_kind_that_says_nothing_of_itself_is_left_as_it_is() -> None:
    assert feedback(judged([(9, 3)], [(8, 3)] * 5), KindSettings()).suggestion == ""
