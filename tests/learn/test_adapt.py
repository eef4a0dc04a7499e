from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from zlib import crc32

import numpy as np
import pytest

from monitor.errors import LearnError, UnknownName
from monitor.learn.adapt import adapt
from monitor.learn.fit import STRENGTH, fit_multi, fit_scores
from monitor.learn.head import Head, decide, fit_softmax, probabilities
from monitor.learn.names import name_worth
from monitor.learn.support import Support, name_text
from monitor.types import Prediction, Seed, Task
from tests.learn.words import by_view, encode

TASK = Task("mood", {"bad": "loss failure", "good": "win success"})
SEEDS = [
    Seed("terrible loss today", "bad"),
    Seed("a loss and a failure", "bad"),
    Seed("broken terrible thing", "bad"),
    Seed("a great win", "good"),
    Seed("success and a win", "good"),
    Seed("great lovely thing", "good"),
]
TOPICS = Task("topic", {"court": "judge lawsuit", "money": "profit sales"}, multi=True)
TOPIC_SEEDS = [
    *(Seed(f"judge hears lawsuit {word}", "court") for word in ("today", "again", "late", "soon")),
    *(Seed(f"profit and sales {word}", "money") for word in ("rise", "fall", "stall", "soar")),
]


def learn(task: Task, seeds: list[Seed]) -> Head:
    return adapt(task, seeds, by_view, encoder_fingerprint="words")


def says(head: Head, text: str) -> list[Prediction]:
    return decide(head, probabilities(head, encode([text])))[0]


@pytest.mark.parametrize(
    ("name", "description", "text"),
    [
        ("card_lost-or.stolen", "", "card lost or stolen"),
        ("cardLostOrStolen", "", "card lost or stolen"),
        ("HTTPError", "", "HTTP error"),
        ("M&A", "One company buys another. ", "M&A: One company buys another."),
        ("0", "", "0"),
        ("   ", "", ""),
        ("__", "", "__"),
        ("Zahlung_fällig", "", "zahlung fällig"),
    ],
)
def test_name_text(name: str, description: str, text: str) -> None:
    assert name_text(name, description) == text


def test_names_alone_are_enough() -> None:
    head = learn(TASK, [])
    assert says(head, "a loss")[0].label == "bad"
    assert says(head, "the win")[0].label == "good"


def test_seeds_teach_what_names_do_not_say() -> None:
    head = learn(
        Task("numbers", {"0": "", "1": ""}), [replace(s, label=str(int(s.label == "good"))) for s in SEEDS]
    )
    assert says(head, "terrible broken")[0].label == "0"
    assert says(head, "lovely great")[0].label == "1"


def test_a_label_without_seeds_lives_from_its_name() -> None:
    task = replace(TASK, labels={**TASK.labels, "weather": "rain wind snow"})
    head = learn(task, SEEDS)
    assert says(head, "rain and snow")[0].label == "weather"
    assert says(head, "terrible loss")[0].label == "bad"


def test_the_same_input_gives_the_same_head() -> None:
    assert learn(TASK, SEEDS).version == learn(TASK, SEEDS).version


def test_the_head_says_what_it_was_made_for() -> None:
    head = adapt(TASK, SEEDS, by_view, encoder_fingerprint="words", views=["tone"])
    assert (head.labels, head.encoder, head.view, head.multi) == (("bad", "good"), "words", "tone", False)


def blind(texts: Sequence[str], views: Sequence[str]) -> dict[str, np.ndarray]:
    """In the view ``deaf`` every text is one of two, at random; the others see words."""
    found = by_view(texts, views)
    if "deaf" in found:
        rows = np.array([crc32(text.encode()) % 2 for text in texts])
        found["deaf"] = np.eye(found["deaf"].shape[1], dtype=np.float32)[rows]
    return found


def test_seeds_choose_the_view_whatever_the_names_say() -> None:
    for views in (["base", "deaf", "words"], ["base", "words", "deaf"]):
        for task, seeds in ((TASK, SEEDS), (TOPICS, TOPIC_SEEDS)):
            head = adapt(
                task, seeds, blind, encoder_fingerprint="x", views=views, prior=lambda names: {"deaf": 0.5}
            )
            assert head.view == "words"


def test_names_alone_choose_the_view_by_the_prior() -> None:
    heard: list[Sequence[str]] = []

    def prior(names: Sequence[str]) -> dict[str, float]:
        heard.append(names)
        return {"two": 0.1}

    head = adapt(TASK, [], by_view, encoder_fingerprint="x", views=["base", "one", "two"], prior=prior)
    assert head.view == "two"
    assert heard == [["bad: loss failure", "good: win success"]]
    assert adapt(TASK, [], by_view, encoder_fingerprint="x", views=["base", "one", "two"]).view == "one"


def test_the_owners_threshold_wins() -> None:
    for task, seeds in ((TASK, SEEDS), (TOPICS, TOPIC_SEEDS)):
        head = learn(replace(task, threshold=0.97), seeds)
        np.testing.assert_allclose(head.thresholds, [0.97, 0.97])


def test_multi_finds_both_one_or_none() -> None:
    head = learn(TOPICS, TOPIC_SEEDS)
    both = says(head, "judge hears lawsuit profit and sales")
    assert {p.label for p in both if not p.abstained} == {"court", "money"}
    assert says(head, "judge hears lawsuit")[0].label == "court"
    assert len(says(head, "judge hears lawsuit")) == 1
    none = says(head, "the puppy sleeps under a table")
    assert len(none) == 1
    assert none[0].abstained


def test_one_label_of_multi_is_told_from_texts_of_no_label() -> None:
    seeds = [seed for seed in TOPIC_SEEDS if seed.label == "court"]
    head = learn(Task("court", {"court": "judge lawsuit"}, multi=True), seeds)
    assert not says(head, "judge hears a lawsuit")[0].abstained
    assert says(head, "the puppy sleeps under a table")[0].abstained


def test_one_text_under_two_labels_is_positive_for_both() -> None:
    shared = [
        Seed(f"stolen funds {word}", label) for word in ("now", "here", "there") for label in TOPICS.labels
    ]
    head = learn(TOPICS, [*TOPIC_SEEDS, *shared])
    assert {p.label for p in says(head, "stolen funds now") if not p.abstained} == {"court", "money"}


def test_one_seed_and_an_empty_text_are_no_trouble() -> None:
    for task in (TASK, replace(TASK, multi=True)):
        for seeds in (
            [Seed("", "bad")],
            [Seed("terrible", "bad")],
            [Seed("same", "bad"), Seed("same", "good")],
        ):
            head = learn(task, seeds)
            assert np.isfinite(probabilities(head, encode(["terrible", ""]))).all()
            assert head.temperature > 0


@pytest.mark.parametrize("labels", [{}, {"only": ""}])
def test_too_few_labels_are_one_clear_line(labels: dict[str, str]) -> None:
    with pytest.raises(LearnError, match="task 'mood'") as caught:
        learn(Task("mood", labels), [])
    assert "\n" not in str(caught.value)


def test_an_unknown_label_lists_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="'ugly'; known: bad, good"):
        learn(TASK, [Seed("x", "ugly")])


def test_names_that_contradict_the_seeds_count_for_nothing() -> None:
    seeds = encode([seed.text for seed in SEEDS])
    targets = np.eye(2)[[int(seed.label == "good") for seed in SEEDS]]
    names = encode(["terrible loss", "great win"])
    none = np.zeros((0, seeds.shape[1]))
    right = name_worth(Support(seeds, targets, names, none))
    wrong = name_worth(Support(seeds, targets, names[::-1], none))
    assert right.min() > 0.5
    np.testing.assert_array_equal(wrong, [0, 0])


def test_labels_with_many_seeds_are_not_taken_for_frequent_ones() -> None:
    rng = np.random.default_rng(11)
    middle = np.eye(16)[:2]

    def texts(label: int, count: int) -> np.ndarray:
        rows = middle[label] + rng.normal(size=(count, 16)) * 0.6
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    names = np.zeros((2, 16), np.float32)  # they say nothing
    many, few = texts(0, 30), texts(1, 3)
    targets = np.repeat(np.eye(2, dtype=np.float32), [30, 3], axis=0)
    weight, bias = fit_scores(Support(np.vstack([many, few]), targets, names, many[:0]))
    told = np.vstack([texts(0, 400), texts(1, 400)]) @ weight.T + bias
    share = float((told.argmax(axis=1) == 1).mean())
    assert 0.4 < share < 0.6


def test_as_many_seeds_each_need_no_making_up_for() -> None:
    rng = np.random.default_rng(12)
    rows = rng.normal(size=(12, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    targets = np.tile(np.eye(3, dtype=np.float32), (4, 1))
    support = Support(rows, targets, rows[:3], rows[:0])
    found = fit_scores(support)
    worth = name_worth(support)
    plain = fit_softmax(
        np.vstack([rows, rows[:3]]),
        np.vstack([targets, np.eye(3)]),
        np.concatenate([np.ones(12), worth]),
        strength=STRENGTH,
        prior=3.0 * worth[:, None] * (rows[:3] - rows[:3].mean(axis=0)),
    )
    for one, other in zip(found, plain, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)


def test_a_label_with_few_seeds_is_told_nearly_as_often_where_a_text_may_have_several() -> None:
    one, other = np.eye(16)[:2]
    names, targets = np.zeros((2, 16), np.float32), np.repeat(np.eye(2, dtype=np.float32), [30, 3], axis=0)
    right = []
    for draw in range(8):
        rng = np.random.default_rng(draw)

        def texts(middle: np.ndarray, count: int, rng: np.random.Generator = rng) -> np.ndarray:
            rows = middle + rng.normal(size=(count, 16)) * 0.4
            return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

        seeds, background = np.vstack([texts(one, 30), texts(other, 3)]), texts(np.zeros(16), 16)
        made = fit_multi(Support(seeds, targets, names, background))
        told = [(texts(middle, 400) @ made.weight.T + made.bias).argmax(axis=1) for middle in (one, other)]
        right.append([(told[label] == label).mean() for label in (0, 1)])
    many, few = np.mean(right, axis=0)
    assert many > 0.95
    assert few > 0.73  # seeds that weigh the same give 0.69


def test_names_that_are_equally_far_from_a_seed_are_half_beaten() -> None:
    """What rounding makes of equal similarities must not decide what names are worth."""
    seeds, names = np.eye(6)[:4], np.eye(6)[4:]
    targets = np.repeat(np.eye(2), 2, axis=0)
    tied = name_worth(Support(seeds, targets, names, seeds[:0]))
    noise = 1e-9 * np.random.default_rng(3).standard_normal(names.shape)
    np.testing.assert_allclose(name_worth(Support(seeds, targets, names + noise, seeds[:0])), tied)
    np.testing.assert_allclose(tied, ((0.625 - 0.5) / 0.15) ** 2)
