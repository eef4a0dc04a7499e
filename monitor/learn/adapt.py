"""Seeds and label names in, a head out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit, log_softmax, softmax

from monitor.errors import LearnError, UnknownName
from monitor.learn.head import Head, fit_sigmoid, fit_softmax
from monitor.types import Seed, Task

STRENGTH = 100.0
NAME_WEIGHT = 0.3
FOLDS = 4
TEMPERATURE = 1.0
COVERAGE = 0.93
"""Share of the texts that belong to one of the labels that a task should answer for."""

BACKGROUND = (
    "The weather was mild and dry this morning.",
    "We had dinner with friends and watched a film.",
    "The team won the match in the last minute.",
    "How long do I boil an egg?",
    "The museum opens a new exhibition of paintings.",
    "Scientists found water on a distant planet.",
    "Thank you and have a nice day.",
    "Hello, how are you?",
    "The train leaves from platform two.",
    "She is reading a book about history.",
    "The recipe needs two cups of flour.",
    "Ok, one moment please.",
    "The city plants trees along the river.",
    "My dog likes long walks in the park.",
    "The concert was sold out.",
    "What time is it in Tokyo?",
)
"""Texts of no label: what a ``multi`` task's labels are told apart from, besides each other."""

_BOUNDARY = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\s_\-./]+")


def name_text(name: str, description: str) -> str:
    """What a label says of itself: its name in plain words, then its description.

    >>> name_text("cardLost_orStolen", "")
    'card lost or stolen'
    >>> name_text("M&A", "One company buys another.")
    'M&A: One company buys another.'
    """
    words = [word for word in _BOUNDARY.split(name) if word]
    plain = " ".join(word if word.isupper() else word.lower() for word in words) or name.strip()
    return f"{plain}: {description.strip()}" if description.strip() else plain


def adapt(
    task: Task,
    seeds: Sequence[Seed],
    encode: Callable[[Sequence[str]], np.ndarray],
    *,
    encoder_fingerprint: str,
    view: str = "base",
) -> Head:
    """Learn a task from its seeds, with label names and descriptions as a prior.

    Works from names alone, and with labels that have no seeds yet. The same input gives the
    same head.

    :param encode: texts to features ``(n, d)``, rows of length 1 (the caller may cache).
    :raises LearnError: the task has too few labels to tell anything apart.
    :raises UnknownName: a seed carries a label that the task does not have.
    """
    labels = tuple(task.labels)
    if not labels:
        raise LearnError(f"task {task.name!r} has no labels: give it some")
    if len(labels) < 2 and not task.multi:
        raise LearnError(
            f"task {task.name!r} has the one label {labels[0]!r}: give it a second one, or set multi = true"
        )
    place = {label: index for index, label in enumerate(labels)}
    for seed in seeds:
        if seed.label not in place:
            raise UnknownName(f"label of task {task.name!r}", seed.label, labels)
    names = [name_text(label, description) for label, description in task.labels.items()]
    if task.multi:
        texts = list(dict.fromkeys(seed.text for seed in seeds))
        targets = np.zeros((len(texts), len(labels)), np.float32)
        row = {text: index for index, text in enumerate(texts)}
        for seed in seeds:
            targets[row[seed.text], place[seed.label]] = 1
        extra: tuple[str, ...] = BACKGROUND
    else:
        texts = [seed.text for seed in seeds]
        targets = np.eye(len(labels), dtype=np.float32)[[place[seed.label] for seed in seeds]]
        extra = ()
    features = np.asarray(encode([*texts, *names, *extra]), np.float32)
    count = len(texts)
    fit = _fit_multi if task.multi else _fit_single
    prior = features[count : count + len(labels)], features[count + len(labels) :]
    weight, bias, temperature, thresholds = fit(features[:count], targets, *prior)
    if task.threshold is not None:
        thresholds = np.full(len(labels), task.threshold)
    return Head(
        labels=labels,
        view=view,
        encoder=encoder_fingerprint,
        weight=weight,
        bias=bias,
        temperature=temperature,
        thresholds=thresholds.astype(np.float32),
        multi=task.multi,
    )


Fitted = tuple[np.ndarray, np.ndarray, float, np.ndarray]


def _fit_single(features: np.ndarray, targets: np.ndarray, names: np.ndarray, _: np.ndarray) -> Fitted:
    labels = targets.shape[1]
    everything = np.vstack([features, names])
    answers = np.vstack([targets, np.eye(labels, dtype=np.float32)])
    weights = np.concatenate([np.ones(len(features)), np.full(labels, NAME_WEIGHT if len(features) else 1.0)])
    start = fit_softmax(everything, answers, weights, strength=STRENGTH)
    held = np.empty((len(features), labels))
    fold = _folds(targets)
    for part in np.unique(fold):
        kept = np.append(fold != part, np.ones(labels, bool))
        weight, bias = fit_softmax(
            everything[kept], answers[kept], weights[kept], strength=STRENGTH, start=start, iterations=30
        )
        held[fold == part] = features[fold == part] @ weight.T + bias
    temperature = _shrink(held, lambda scores: -float((targets * log_softmax(scores, axis=1)).sum()))
    sure = softmax(held / temperature, axis=1).max(axis=1)
    threshold = _quantile(sure, 1.3 / labels)
    return *start, temperature, np.full(labels, threshold)


def _fit_multi(
    features: np.ndarray, targets: np.ndarray, names: np.ndarray, background: np.ndarray
) -> Fitted:
    labels = targets.shape[1]
    everything = np.vstack([features, names, background])
    answers = np.vstack([targets, np.eye(labels), np.zeros((len(background), labels))]).astype(np.float32)
    weights = np.concatenate(
        [
            np.ones(len(features)),
            np.full(labels, NAME_WEIGHT if len(features) else 1.0),
            np.ones(len(background)),
        ]
    )
    weights = np.repeat(weights[:, None], labels, axis=1)
    start = fit_sigmoid(everything, answers, weights, strength=STRENGTH)
    held = np.empty((len(features), labels))
    fold = _folds(targets)
    for part in np.unique(fold):
        kept = np.append(fold != part, np.ones(labels + len(background), bool))
        weight, bias = fit_sigmoid(
            everything[kept], answers[kept], weights[kept], strength=STRENGTH, start=start, iterations=30
        )
        held[fold == part] = features[fold == part] @ weight.T + bias
    temperature = _shrink(
        held,
        lambda scores: -float((targets * log_expit(scores) + (1 - targets) * log_expit(-scores)).sum()),
    )
    own = expit(held / temperature)
    thresholds = np.array(
        [np.clip(_quantile(own[targets[:, label] > 0, label], 0.5), 0.2, 0.5) for label in range(labels)]
    )
    return *start, temperature, thresholds


def _folds(targets: np.ndarray) -> np.ndarray:
    """A fold for each seed, every label spread over all of them: ``(n,)``."""
    fold = np.zeros(len(targets), np.intp)
    for label in range(targets.shape[1]):
        own = np.flatnonzero(targets[:, label] > 0)
        fold[own] = np.arange(len(own)) % FOLDS
    return fold


def _shrink(held: np.ndarray, loss: Callable[[np.ndarray], float]) -> float:
    """The temperature that held-out scores ask for, drawn to the default where they are few."""
    if not len(held):
        return TEMPERATURE
    found = minimize_scalar(lambda log: loss(held / np.exp(log)), bounds=(-2.0, 3.0), method="bounded")
    trust = len(held) / (len(held) + 20)
    return float(np.exp(trust * found.x + (1 - trust) * np.log(TEMPERATURE)))


def _quantile(sure: np.ndarray, default: float) -> float:
    if not len(sure):
        return default
    trust = len(sure) / (len(sure) + 8)
    return float(trust * np.quantile(sure, 1 - COVERAGE) + (1 - trust) * default)
