"""Seeds that may carry a wrong label."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.learn.adapt import adapt
from monitor.learn.doubts import TIMES, doubts, swapped
from monitor.learn.rounds import Rounds
from monitor.learn.support import Support, gather
from monitor.types import Seed, Task
from tests.learn.words import by_view

MOOD = Task("mood", {"bad": "", "good": ""})
TOPIC = Task("topic", {"court": "", "money": "", "weather": ""}, multi=True)
GOOD = [
    "great win today",
    "a great success",
    "great and splendid",
    "splendid success",
    "win and success",
    "great win",
]
BAD = [
    "terrible loss today",
    "a terrible defeat",
    "awful and sad",
    "sad defeat",
    "loss and defeat",
    "terrible loss",
]


def seeds(good: list[str], bad: list[str]) -> list[Seed]:
    return [Seed(text, "good") for text in good] + [Seed(text, "bad") for text in bad]


def test_a_slip_comes_first_and_what_is_right_is_left_alone() -> None:
    slip = "a great splendid success"
    found = doubts(MOOD, seeds(GOOD, [*BAD, slip]), by_view)
    assert [(one.seed, one.likely) for one in found.seeds] == [(Seed(slip, "bad"), "good")]
    assert doubts(MOOD, seeds(GOOD, BAD), by_view) == ([], [], 12)


def test_how_many_times_likelier_is_what_held_out_scores_say() -> None:
    given = seeds(GOOD, [*BAD, "a great splendid success"])
    (found,) = doubts(MOOD, given, by_view).seeds
    head = adapt(MOOD, given, by_view, encoder_fingerprint="words")
    held, _ = Rounds(gather(MOOD, given, by_view, ["base"])["base"]).held_out(head.strength)
    bad, good = held[-1] / head.temperature
    assert found.times == pytest.approx(np.exp(good - bad), rel=1e-6)
    assert found.times > TIMES


def test_the_most_doubtful_is_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.learn.doubts.TIMES", 1.0)
    slips = [Seed("a great splendid success", "bad"), Seed("terrible loss and defeat", "good")]
    found = doubts(MOOD, [slips[1], *seeds(GOOD, BAD), slips[0]], by_view).seeds
    times = [one.times for one in found]
    assert {one.seed for one in found} >= set(slips)
    assert times == sorted(times, reverse=True)
    assert times[0] > 2 * times[-1]


def test_where_a_text_may_carry_several_labels_each_is_judged_by_itself() -> None:
    court = [
        "the judge ruled",
        "judge and jury",
        "the jury trial",
        "trial before a judge",
        "the judge and the trial",
    ]
    money = [
        "profit rose",
        "profit and revenue",
        "revenue rose again",
        "the revenue and profit",
        "profit rose again",
    ]
    given = [Seed(text, "court") for text in court] + [Seed(text, "money") for text in money]
    both = "the judge ruled that profit rose and revenue"
    given += [Seed(both, "court"), Seed(both, "money")]
    assert doubts(TOPIC, given, by_view).seeds == []
    found = doubts(TOPIC, [*given, Seed("the judge and the jury", "money")], by_view).seeds
    assert [(one.seed, one.likely) for one in found] == [(Seed("the judge and the jury", "money"), "court")]
    found = doubts(TOPIC, [*given, Seed("how do i boil an egg", "money")], by_view).seeds
    assert (Seed("how do i boil an egg", "money"), None) in [(one.seed, one.likely) for one in found]


def test_a_seed_of_a_label_that_has_three_is_not_doubted(monkeypatch: pytest.MonkeyPatch) -> None:
    slip = "great win and splendid success"
    assert [one.seed.text for one in doubts(MOOD, seeds(GOOD, [slip, *BAD[:3]]), by_view).seeds] == [slip]
    found = doubts(MOOD, seeds(GOOD, [slip, *BAD[:2]]), by_view)
    assert (found.seeds, found.judged) == ([], len(GOOD))
    monkeypatch.setattr("monitor.learn.doubts.FEW", 3)
    assert [one.seed.text for one in doubts(MOOD, seeds(GOOD, [slip, *BAD[:2]]), by_view).seeds] == [slip]


def test_a_task_without_seeds_has_none_to_doubt() -> None:
    assert doubts(MOOD, [], by_view) == ([], [], 0)
    assert doubts(TOPIC, [], by_view) == ([], [], 0)
    assert doubts(Task("one", {"court": ""}, multi=True), [Seed("a judge", "court")], by_view).swapped == []


def test_labels_that_are_swapped_throughout_are_named() -> None:
    named = Task("mood", {"terrible loss": "", "great success": "", "the weather": ""})
    days = ("monday", "tuesday", "friday", "sunday")
    right = [Seed(f"a {name} on {day}", name) for name in ("great success", "terrible loss") for day in days]
    right += [Seed(f"rain on day {n}", "the weather") for n in range(4)]
    other = {"great success": "terrible loss", "terrible loss": "great success", "the weather": "the weather"}
    assert doubts(named, right, by_view).swapped == []
    wrong = [Seed(seed.text, other[seed.label]) for seed in right]
    assert doubts(named, wrong, by_view).swapped == [("terrible loss", "great success")]
    assert doubts(named, [*wrong[:3], *wrong[4:7]], by_view).swapped == [], "too few to tell"


def test_what_chance_alone_would_do_is_no_swap() -> None:
    def support(wrong: int, of: int, labels: int = 2, far: float = 1.0) -> Support:
        """Seeds of labels, ``of`` each, ``wrong`` of the first two of which lie ``far`` on the other's side."""
        names = np.eye(labels, dtype=np.float32)
        crossed = np.arange(of) < wrong
        rows = [np.outer(crossed, far * names[1]) + np.outer(~crossed, far * names[0])]
        rows += [np.outer(crossed, far * names[0]) + np.outer(~crossed, far * names[1])]
        rows += [np.tile(name, (of, 1)) for name in names[2:]]
        seeds = np.concatenate(rows).astype(np.float32)
        return Support(seeds, np.repeat(np.eye(labels), of, axis=0), names, seeds[:0])

    assert swapped(support(5, 5)) == [(0, 1)]
    assert swapped(support(4, 5)) == [], "8 of 10 happen by chance in one case of 18"
    assert swapped(support(8, 10)) == [(0, 1)]
    assert swapped(support(7, 10)) == []
    assert swapped(support(3, 3)) == [], "too few seeds"
    assert swapped(support(5, 5, labels=6)) == [(0, 1)]
    assert swapped(support(5, 5, labels=20)) == [], "one of many pairs does so by chance"
    assert swapped(support(10, 10, labels=20)) == [(0, 1)]
    assert swapped(support(5, 5, far=0.1)) == [], (
        "seeds that are alike lean to one of two names that say nothing"
    )
    assert swapped(support(5, 5, far=0.2)) == [(0, 1)]


def test_a_seed_of_both_labels_says_nothing_of_their_names() -> None:
    names = np.eye(2, dtype=np.float32)
    seeds = np.concatenate([np.tile(names[1], (5, 1)), np.tile(names[0], (5, 1))])
    apart, both = np.repeat(np.eye(2), 5, axis=0), np.ones((10, 2))
    assert swapped(Support(seeds, apart, names, seeds[:0])) == [(0, 1)]
    assert swapped(Support(seeds, both, names, seeds[:0])) == []
