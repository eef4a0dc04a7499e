"""Labels that have no seeds yet, beside labels that have some."""

from __future__ import annotations

from dataclasses import replace
from statistics import mean

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


URGENCY = Task("urgency", {"urgent": "somebody must act within the hour", "routine": "can wait for its turn"})
MOOD = Task("mood", {"praise": "", "anger": "", "worry": ""})
MATTER = Task("matter", {"billing": "", "delivery": "", "password": ""})
TEXTS = {
    "urgency": {
        "urgent": (
            "Water is pouring out of the boiler into the server room, call me now",
            "Somebody is emptying my account right this minute, block it!",
            "Our whole shop cannot take payments, customers are walking out",
            "The lift is stuck with people inside",
            "Smoke is coming out of the meter cupboard!",
            "The website is down and the sale starts in twenty minutes",
        ),
        "routine": (
            "Thank you, the parcel arrived.",
            "What are your opening hours on Sunday?",
            "Please send me a copy of last month's invoice when you have a moment.",
            "I would like to change the colour of my order, no hurry.",
            "Could you tell me how to update my address?",
            "Just wanted to say the new app looks nice.",
        ),
    },
    "mood": {
        "praise": (
            "Everything arrived on time and the fit is perfect.",
            "Your colleague solved it in two minutes, wonderful.",
            "Best purchase of the year, I tell all my friends.",
        ),
        "anger": (
            "Third time you send me the wrong size, this is a disgrace.",
            "I have been ignored for two weeks and I have had enough.",
            "You charge for support that hangs up on people!",
        ),
        "worry": (
            "Is my money safe if the bank is taken over?",
            "I hope the parcel is not lost, there are my mother's rings in it.",
            "The brakes make a noise, can I still drive with the children?",
        ),
    },
    "matter": {
        "billing": (
            "Why was I charged twice in March?",
            "The invoice shows a fee that nobody told me about.",
            "My direct debit was higher than agreed.",
        ),
        "delivery": (
            "The courier left my box in the rain.",
            "Where is the sofa that I ordered in June?",
            "Tracking has said 'on its way' for nine days.",
        ),
        "password": (
            "I cannot log in since yesterday.",
            "The reset link has expired, send another.",
            "My account is locked after three tries.",
        ),
    },
}
FIRST = {
    "urgent": "the card machine is down and there is a queue out of the door",
    "routine": "When you find the time, how do I reset my PIN?",
    "praise": "The nurse was so kind to my father.",
    "anger": "What a rotten way to treat people who pay you every month.",
    "worry": "I fear that somebody else can read my letters.",
    "billing": "Please explain the second line of my bill.",
    "delivery": "My order was left with a neighbour I do not know.",
    "password": "The app does not take my PIN any more.",
}


@pytest.fixture(scope="module")
def encoder() -> TransformerEncoder:
    return TransformerEncoder.shipped()


@pytest.mark.parametrize("multi", [False, True])
def test_a_first_seed_does_not_draw_all_texts_to_its_label(encoder: TransformerEncoder, multi: bool) -> None:
    def right(task: Task, seeds: list[Seed]) -> float:
        """The share of the task's texts that are told right."""
        head = adapt(
            replace(task, multi=multi),
            seeds,
            encoder.encode,
            encoder_fingerprint="",
            views=encoder.views,
            prior=encoder.prior,
        )
        texts = [(text, label) for label, own in TEXTS[task.name].items() for text in own]
        chances = probabilities(head, encoder.encode([text for text, _ in texts], [head.view])[head.view])
        told = [list(task.labels)[row.argmax()] for row in chances]
        return mean(guess == label for guess, (_, label) in zip(told, texts, strict=True))

    tasks = (URGENCY, MOOD, MATTER)
    before = {task.name: right(task, []) for task in tasks}
    after = {
        (task.name, label): right(task, [Seed(FIRST[label], label)])
        for task in tasks
        for label in task.labels
    }
    assert mean(before.values()) > 0.6
    # A single seed may be an odd one; all in all they do hardly any harm.
    assert mean(after.values()) > mean(before[name] for name, _ in after) - 0.1, (before, after)
