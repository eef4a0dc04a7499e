"""Labels that have no seeds yet, beside labels that have some."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.learn.adapt import adapt
from monitor.learn.encoder import TransformerEncoder
from monitor.learn.fit import centres
from monitor.learn.head import probabilities
from monitor.learn.names import NAME_SHARE, imagined, name_worth
from monitor.learn.support import Support
from monitor.types import Seed, Task

E = np.eye(6)
NONE = E[:0]


def test_an_unseeded_label_is_imagined_from_the_seeds_and_the_names() -> None:
    names = E[:3]
    targets = np.array([[1, 0, 0], [1, 0, 0], [1, 0, 0], [0, 1, 0]])
    seeds = np.stack([E[3], E[3], E[4], E[5]])
    texts, counts = imagined(Support(seeds, targets, names, NONE))
    middle = ((2 * E[3] + E[4]) / 3 + E[5]) / 2  # each label counts the same, whatever its seeds
    np.testing.assert_allclose(texts, [middle + NAME_SHARE * (E[2] - (E[0] + E[1]) / 2)])
    np.testing.assert_allclose(counts, [[0, 0, np.sqrt(2)]])  # of the mean of three seeds and one


@pytest.mark.parametrize("seeded", [0, 2])
def test_nothing_is_imagined_where_no_label_has_seeds_or_all_have(seeded: int) -> None:
    texts, counts = imagined(Support(E[:seeded], np.eye(2)[:seeded], E[2:4], NONE))
    assert texts.shape == (0, 6)
    assert counts.shape == (0, 2)


def test_names_are_judged_among_labels_with_seeds() -> None:
    one_label = Support(E[:2], np.array([[1, 0], [1, 0]]), E[2:4], NONE)
    np.testing.assert_array_equal(name_worth(one_label), [1, 1])
    # the names of the first two are the wrong way round; the third has no seeds, and only its name
    wrong = Support(np.repeat(E[:2], 3, axis=0), np.eye(3)[[0, 0, 0, 1, 1, 1]], E[[1, 0, 2]], NONE)
    worth = name_worth(wrong)
    assert worth[0] == worth[1] < 0.05
    assert worth[2] == 1


def test_a_centre_without_seeds_is_as_much_of_a_text() -> None:
    support = Support(E[3:4], np.array([[1, 0]]), E[:2], NONE)
    expected = E[3] + NAME_SHARE * (E[1] - E[0])
    np.testing.assert_allclose(centres(support), [E[3], expected / np.linalg.norm(expected)], rtol=1e-6)


URGENCY = {"urgent": "somebody must act within the hour", "routine": "can wait for its turn"}
FIRST = "the card machine is down and there is a queue out of the door"
ROUTINE = (
    "Thank you, the parcel arrived.",
    "What are your opening hours on Sunday?",
    "Please send me a copy of last month's invoice when you have a moment.",
    "I would like to change the colour of my order, no hurry.",
    "Could you tell me how to update my address?",
    "Just wanted to say the new app looks nice.",
)
URGENT = (
    "Water is pouring out of the boiler into the server room, call me now",
    "Somebody is emptying my account right this minute, block it!",
    "Our whole shop cannot take payments, customers are walking out",
    "The lift is stuck with people inside",
)


@pytest.fixture(scope="module")
def encoder() -> TransformerEncoder:
    return TransformerEncoder.shipped()


@pytest.mark.parametrize("multi", [False, True])
@pytest.mark.parametrize("label", ["urgent", "routine"])
def test_a_first_seed_does_not_draw_all_texts_to_its_label(
    encoder: TransformerEncoder, label: str, multi: bool
) -> None:
    task = Task("urgency", URGENCY, multi=multi)
    seed = Seed(FIRST if label == "urgent" else "When you find the time, how do I reset my PIN?", label)
    truth = ["urgent"] * len(URGENT) + ["routine"] * len(ROUTINE)

    def told(seeds: list[Seed]) -> list[str]:
        head = adapt(
            task,
            seeds,
            encoder.encode,
            encoder_fingerprint="",
            views=encoder.views,
            prior=encoder.prior,
        )
        chances = probabilities(head, encoder.encode([*URGENT, *ROUTINE], [head.view])[head.view])
        return [list(URGENCY)[row.argmax()] for row in chances]

    before, after = told([]), told([seed])
    assert set(after) == set(URGENCY)
    assert sum(map(str.__eq__, after, truth)) >= sum(map(str.__eq__, before, truth)) - 1
