"""The score of a head, from seeds that were left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.special import softmax

from monitor.learn import calibrate
from monitor.learn.adapt import adapt, adapt_and_judge
from monitor.learn.fit import HELD_OUT_ITERATIONS, NAME_PULL, NAME_WEIGHT
from monitor.learn.head import fit_softmax
from monitor.learn.names import name_worth
from monitor.learn.score import Score
from monitor.learn.support import gather
from monitor.types import Seed, Task
from tests.learn.words import by_view

MOOD = Task("mood", {"bad": "terrible loss", "good": "great success"})
TOPIC = Task("topic", {"court": "", "money": ""}, multi=True)
SEEDS = [Seed(f"{word} day number {n}", "bad") for n, word in enumerate(("terrible", "awful", "great"))] + [
    Seed(f"{word} week, item {n}", "good") for n, word in enumerate(("success", "great win", "awful", "fine"))
]


def score(task: Task, seeds: Sequence[Seed]) -> Score | None:
    return adapt_and_judge(task, seeds, by_view, encoder_fingerprint="words").score


@pytest.mark.parametrize("enough", [200, 1])
def test_is_that_of_fits_without_the_seeds_that_they_judge(
    enough: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.learn.rounds.ENOUGH", enough)
    head = adapt(MOOD, SEEDS, by_view, encoder_fingerprint="words")
    support = gather(MOOD, SEEDS, by_view, ["base"])["base"]
    fold = calibrate.folds(support.targets)
    judged = range(len(SEEDS)) if enough == 200 else np.flatnonzero(fold == 0)  # of each label the first
    losses, hits = [], []
    for n in judged:
        part, own = support.without(fold == fold[n], np.zeros(0, bool)), support.targets[n].argmax()
        worth = name_worth(part)
        even = part.targets.sum(axis=0).mean() / part.targets.sum(axis=0)
        weight, bias = fit_softmax(
            np.vstack([part.seeds, part.names]),
            np.vstack([part.targets, np.eye(2)]),
            np.concatenate([part.targets @ even**0.5, NAME_WEIGHT * worth]),
            prior=NAME_PULL * worth[:, None] * (part.names - part.names.mean(axis=0)),
            strength=head.strength,
            iterations=HELD_OUT_ITERATIONS,
        )
        bias = bias + 0.5 * np.log(even)
        chances = softmax((weight @ support.seeds[n] + bias) / head.temperature)
        losses.append(-np.log(chances[own]))
        hits.append(chances.argmax() == own)
    found = score(MOOD, SEEDS)
    assert found is not None
    assert found.log_loss == pytest.approx(np.mean(losses), rel=1e-4)
    assert found.accuracy == pytest.approx(np.mean(hits))
    assert found.judged == len(hits) == (7 if enough == 200 else 2)


def test_there_is_none_without_seeds() -> None:
    assert score(MOOD, []) is None


def test_several_labels_must_all_be_right() -> None:
    plain = [Seed(f"judge fine lawsuit {n}", "court") for n in range(6)] + [
        Seed(f"profit sales dividend {n}", "money") for n in range(6)
    ]
    told = score(TOPIC, plain)
    assert told is not None
    assert (told.accuracy, told.judged) == (1, 12)
    assert told.log_loss < 0.4
    mixed = [Seed(seed.text, ("court", "money")[n // 2 % 2]) for n, seed in enumerate(plain)]
    guessed = score(TOPIC, mixed)
    assert guessed is not None
    assert guessed.accuracy < 0.5
    assert guessed.log_loss > told.log_loss
