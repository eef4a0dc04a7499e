"""How well a view learns tasks that it has not practised: the same heads as in use, on validation tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from monitor.learn.adapt import adapt
from monitor.learn.evaluate import accuracy, draw, macro_f1
from monitor.learn.head import probabilities
from monitor.learn.meta.catalog import MetaTask
from monitor.learn.views import BASE
from monitor.types import Seed, Task

SHOTS = (0, 8)
DRAWS = 2
TESTED = 400
"""At most so many texts of a task are asked."""


def texts_of(task: MetaTask) -> list[str]:
    """Every text that :func:`answers` may read, names excepted."""
    asked, _ = _asked(task)
    labels = [list(task.labels)[target] for target in task.train.targets]
    seeds = {row for k in SHOTS if k for n in range(DRAWS) for row in draw(labels, k, n)}
    return [*asked, *(task.train.texts[row] for row in sorted(seeds))]


Answers = Mapping[str, Sequence[tuple[Sequence[str], Sequence[str]]]]
"""By number of seeds a label: for each draw the true labels and the guessed ones."""


def answers(task: MetaTask, encode: Callable[[Sequence[str]], np.ndarray]) -> Answers:
    """What heads made of few seeds answer to a task's test texts; ``encode`` gives one view's features."""
    names = list(task.labels)
    asked, truth = _asked(task)
    features = encode(asked)
    labels = [names[target] for target in task.train.targets]
    plain = Task(name=task.name, labels=dict(task.labels), family=task.family)
    found = {}
    for shots in SHOTS:
        draws = []
        for number in range(DRAWS if shots else 1):
            seeds = [Seed(task.train.texts[row], labels[row]) for row in draw(labels, shots, number)]
            head = adapt(plain, seeds, lambda texts, views: {BASE: encode(texts)}, encoder_fingerprint="")
            draws.append((truth, [names[place] for place in probabilities(head, features).argmax(axis=1)]))
        found[str(shots)] = draws
    return found


def scores(given: Answers) -> dict[str, dict[str, float]]:
    """Accuracy and macro-F1 by number of seeds a label, mean over draws."""
    found = {}
    for shots, draws in given.items():
        mean = np.mean([(accuracy(*draw), macro_f1(*draw)) for draw in draws], axis=0)
        found[shots] = {"accuracy": float(mean[0]), "macro_f1": float(mean[1])}
    return found


def by_label(given: Answers) -> dict[str, dict[str, dict[str, float]]]:
    """Precision, recall, F1 and number of texts of each label, by number of seeds a label.

    The answers of all draws are counted together; where nothing can be divided by, the share is 0.
    """
    found = {}
    for shots, draws in given.items():
        truth = [label for true, _ in draws for label in true]
        guesses = [label for _, guessed in draws for label in guessed]
        pairs, true, guessed = Counter(zip(truth, guesses, strict=True)), Counter(truth), Counter(guesses)
        found[shots] = {
            label: {
                "precision": pairs[label, label] / max(1, guessed[label]),
                "recall": pairs[label, label] / max(1, true[label]),
                "f1": 2 * pairs[label, label] / max(1, true[label] + guessed[label]),
                "texts": true[label] // len(draws),
            }
            for label in sorted({*truth, *guesses})
        }
    return found


def _asked(task: MetaTask) -> tuple[list[str], list[str]]:
    rows = np.random.default_rng(0).permutation(len(task.test))[:TESTED]
    names = list(task.labels)
    return [task.test.texts[row] for row in rows], [names[task.test.targets[row]] for row in rows]
