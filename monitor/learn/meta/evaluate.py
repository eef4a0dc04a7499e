"""How well a view learns tasks that it has not practised: the same heads as in use, on validation tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from monitor.learn.adapt import adapt
from monitor.learn.evaluate import accuracy, draw, macro_f1
from monitor.learn.head import probabilities
from monitor.learn.meta.catalog import MetaTask
from monitor.types import Seed, Task

SHOTS = (0, 8)
DRAWS = 2
TESTED = 400
"""At most so many texts of a task are asked."""


def texts_of(task: MetaTask) -> list[str]:
    """Every text that :func:`judge` may read, names excepted."""
    asked, _ = _asked(task)
    labels = [list(task.labels)[target] for target in task.train.targets]
    seeds = {row for k in SHOTS if k for n in range(DRAWS) for row in draw(labels, k, n)}
    return [*asked, *(task.train.texts[row] for row in sorted(seeds))]


def judge(task: MetaTask, encode: Callable[[Sequence[str]], np.ndarray]) -> dict[str, dict[str, float]]:
    """Accuracy and macro-F1 by number of seeds a label, mean of two draws; ``encode`` gives one view's features."""
    names = list(task.labels)
    asked, truth = _asked(task)
    features = encode(asked)
    labels = [names[target] for target in task.train.targets]
    plain = Task(name=task.name, labels=dict(task.labels), family=task.family)
    found = {}
    for shots in SHOTS:
        scores = []
        for number in range(DRAWS if shots else 1):
            seeds = [Seed(task.train.texts[row], labels[row]) for row in draw(labels, shots, number)]
            head = adapt(plain, seeds, encode, encoder_fingerprint="")
            guesses = [names[place] for place in probabilities(head, features).argmax(axis=1)]
            scores.append((accuracy(truth, guesses), macro_f1(truth, guesses)))
        mean = np.mean(scores, axis=0)
        found[str(shots)] = {"accuracy": float(mean[0]), "macro_f1": float(mean[1])}
    return found


def _asked(task: MetaTask) -> tuple[list[str], list[str]]:
    rows = np.random.default_rng(0).permutation(len(task.test))[:TESTED]
    names = list(task.labels)
    return [task.test.texts[row] for row in rows], [names[task.test.targets[row]] for row in rows]
