"""The ratio detector, and bounds of shares, against hand-made references."""

from __future__ import annotations

from dataclasses import replace
from math import comb

import numpy as np
import pytest
from pydantic import ValidationError

from monitor.alerts.detectors import History, RatioSettings
from monitor.alerts.detectors.chances import at_most, binomial_tail, normal_tail, wilson, z_of
from monitor.alerts.detectors.ratio import judge, reach, whole
from monitor.alerts.detectors.surge import tail
from monitor.alerts.lifecycle import Pace
from monitor.alerts.trial import trial

HALF = RatioSettings(at_least=0.4)


def share(part: int, all_: int, backfill: int = 0) -> History:
    """An hour that holds ``part`` of ``all_`` live texts, and some that came too late to count."""
    counts = np.zeros((2, 24), int)
    counts[:, -1] = part, all_
    late = np.zeros(24, int)
    late[-2] = backfill
    return History(0, 300, counts[0] + late, counts[0], History(0, 300, counts[1] + late, counts[1]))


def test_no_texts_are_no_share() -> None:
    said = judge(share(0, 0), 24 * 300 - 1, 0, HALF).reason
    assert said == "no texts in 1 h, fewer than the 10 that the rule asks for"


def test_wilsons_interval_is_the_published_one() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
    for (part, all_), bounds in {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }.items():
        assert wilson(part, all_, z_of(0.025)) == pytest.approx(bounds, abs=5e-5)
    assert wilson(0, 0, 2) == (0, 1)


def test_tails_are_those_of_a_direct_sum() -> None:
    mass = [comb(12, k) * 0.3**k * 0.7 ** (12 - k) for k in range(13)]
    for k in range(13):
        assert binomial_tail(k, 12, 0.3) == pytest.approx(sum(mass[k:]))
    assert binomial_tail(13, 12, 0.3) == 0
    for mean, dispersion in ((3.0, 0.4), (3.0, 0.0), (40.0, 0.1)):
        for count in (0, 2, 9):
            assert at_most(count, mean, dispersion) == pytest.approx(1 - tail(count + 1, mean, dispersion))
    assert (at_most(0, 0, 1), at_most(-1, 2, 1)) == (1, 0)
    assert normal_tail(z_of(0.01)) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("part", "all_", "firing", "quiet"),
    [
        (2, 3, False, True),  # 67 %, of next to nothing
        (9, 9, False, True),  # below min_count
        (12, 20, True, False),  # the lower bound is 42 %
        (11, 20, False, False),  # 55 %, but it may be 37
        (400, 900, True, False),
        (370, 900, False, False),  # 41.1 %, the bound is below the level: neither
        (315, 900, False, False),  # 35 %, surely over four fifths of the level
        (310, 900, False, True),  # 34.4 %, and 31.9 by its bound
        (9, 20, False, True),  # 45 %, but it may be 28; what is not sure does not keep an alert open
        (0, 0, False, True),
    ],
)
def test_the_lower_bound_fires_and_a_lower_level_ends(
    part: int, all_: int, firing: bool, quiet: bool
) -> None:
    found = judge(share(part, all_), 7200, 0, HALF)
    assert (found.firing, found.quiet) == (firing, quiet)
    assert found.observed == part
    assert (found.since, found.until) == (3600, 7200)


def test_backfill_does_not_count() -> None:
    assert not judge(share(0, 20, backfill=500), 7200, 0, HALF).firing


def test_the_reason_names_both_counts_and_the_bound() -> None:
    assert judge(share(12, 20), 7200, 0, HALF).reason == (
        "12 of 20 texts in 1 h (60 %, at least 42 % with 95 % confidence); the rule's limit is 40 %"
    )


def test_a_story_counts_once_however_often_it_is_told() -> None:
    def told(history: History, stories: int) -> History:
        return replace(history, told=lambda since, until: stories if (since, until) == (3600, 7200) else -1)

    # one story was copied 50 times: 52 of 70 texts, 3 of 21 stories
    storm = share(52, 70)
    assert storm.whole is not None
    assert judge(storm, 7200, 0, HALF).firing, "nothing is known of stories"
    found = judge(replace(told(storm, 3), whole=told(storm.whole, 21)), 7200, 0, HALF)
    assert (found.firing, found.quiet, found.observed) == (False, True, 3)
    assert found.reason.startswith("3 of 21 texts in 1 h, copies left out (14 %, ")
    # copies of something else do not hide a share either
    hidden = share(15, 70)
    assert hidden.whole is not None
    assert judge(replace(told(hidden, 15), whole=told(hidden.whole, 21)), 7200, 0, HALF).firing


def test_a_part_never_tells_more_stories_than_the_whole() -> None:
    history = share(20, 22)
    assert history.whole is not None
    told = replace(history, told=lambda *_: 22, whole=replace(history.whole, told=lambda *_: 20))
    verdict = judge(told, 7200, 0, HALF)
    assert verdict.firing
    assert (verdict.observed, verdict.reason[:14]) == (20, "20 of 20 texts")


def test_an_alert_ends_when_its_share_is_a_usual_one_again() -> None:
    # about 60 texts an hour: 42 % are usual, two hours have 85 %, and half a day later two more
    half, rng, hours = RatioSettings(at_least=0.5), np.random.default_rng(1), 100
    counts = np.zeros((2, hours * 12), int)
    for hour in range(hours):
        places = hour * 12 + rng.integers(0, 12, rng.poisson(60))
        bad = rng.random(len(places)) < (0.85 if hour in (30, 31, 44, 45) else 0.42)
        np.add.at(counts[1], places, 1)
        np.add.at(counts[0], places[bad], 1)
    history = History(0, 300, counts[0], counts[0], History(0, 300, counts[1], counts[1]))
    verdicts = ((at, judge(history, at, 0, half)) for at in range(3600, hours * 3600, 300))
    (first, second) = trial(verdicts, Pace(keep_firing_for=3600), half)
    for raised, hour in ((first, 30), (second, 44)):
        assert raised.resolved_at is not None
        assert hour < raised.fired_at.timestamp() / 3600 < hour + 2
        assert hour + 2 < raised.resolved_at.timestamp() / 3600 < hour + 5


def test_what_the_share_is_of() -> None:
    pair = {"topic": "court", "mood": "bad"}
    assert whole(pair, HALF) == {}
    assert whole(pair, RatioSettings(at_least=0.4, of="topic")) == {"topic": "court"}
    assert reach(HALF) == 3600


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValidationError, match="clear_below must not be above"):
        RatioSettings(at_least=0.4, clear_below=0.5)
    said = RatioSettings(at_least=0.4, of="topic").faults({"mood": "bad"}, {})
    assert list(said) == [("of", "must be one of the two tasks of where (it is 'topic')")]
    assert [place for place, _ in HALF.faults({}, {})] == ["where"]
    assert list(HALF.faults({"mood": "bad"}, {})) == []
