"""What the unlabelled texts of a stream seem to hold: which of them carry a label at all, which, and in what mix."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

from monitor.learn.fit import Scores
from monitor.learn.head import carried
from monitor.learn.support import Support

SHARPEN = 2.0
"""How much surer of itself than the calibrated probabilities of the first head each head labels the stream."""
CAP = 2.0
"""The most that the stream may weigh for a label, as a multiple of the label's seeds."""
KEPT = 0.1
"""The share of the prior that every round keeps in the mix: a label that seems to vanish must not be lost."""

_EM_ROUNDS = 50


def label_mix(chances: np.ndarray, prior: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mix of labels that makes a stream likeliest (EM; Saerens, Latinne and Decaestecker 2002).

    One imaginary text of each label, and :data:`KEPT` of the prior in every round, keep the weaker of
    two labels from vanishing where few seeds tell them apart badly.

    :param chances: ``(m, L)``, rows sum to 1, as told by a head that took ``prior`` ``(L,)`` for the mix.
    :param weights: ``(m,)``, how much each text counts.
    :return: the mix ``(L,)``, and ``chances`` under it.
    """
    labels = chances.shape[1]
    mix, told = prior, chances
    for _ in range(_EM_ROUNDS):
        told = chances * (mix / prior)
        told /= np.maximum(told.sum(axis=1, keepdims=True), 1e-30)
        mix = (1 - KEPT) * (weights @ told + 1) / (weights.sum() + labels) + KEPT * prior
    return mix, told


def in_scope(seeds: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """How likely each text is to carry one of the labels: ``(m,)`` in [0, 1].

    A text's resemblance is its mean similarity to the seeds. Were all texts like the seeds, half
    would resemble them more than the middle seed resembles the others; what is missing from
    that half is the share of texts of no label (Storey 2002). A text's own chance is that share
    times the ratio of the two densities, made to rise with resemblance.

    :param seeds: ``(n, d)``; :param texts: ``(m, d)``, rows of length 1.
    """
    count = len(seeds)
    if count < 2 or not len(texts):
        return np.ones(len(texts))
    total = seeds.sum(axis=0)
    among = (seeds @ total - 1) / (count - 1)
    alike = texts @ total / count
    share = min(1.0, 2 * float((alike > np.median(among)).mean()))
    width = max(1e-3, 0.9 * float(among.std()) * count**-0.2)
    grid = np.linspace(alike.min(), alike.max() + 1e-6, 201)
    ratio = share * _density(among, grid, width) / np.maximum(_density(alike, grid, width), 1e-12)
    rising = np.minimum(1.0, np.maximum.accumulate(ratio))
    return np.asarray(np.interp(alike, grid, rising))


def soft_labels(
    support: Support, head: Scores, heat: float, texts: np.ndarray, within: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weights ``(m, L)`` of the texts for each label, and the mix ``(L,)``."""
    weight, bias = head
    scores = (texts @ weight.T + bias) / heat
    within = within * carried(scores, none=len(support.background) > 0)
    chances = softmax(scores * SHARPEN, axis=1)
    count = support.targets.sum(axis=0)
    mix, told = label_mix(chances, np.full(len(count), 1 / len(count)), within)
    told = told * within[:, None]
    return told * np.minimum(1.0, CAP * count / np.maximum(told.sum(axis=0), 1e-9)), mix


def _density(points: np.ndarray, grid: np.ndarray, width: float) -> np.ndarray:
    """Gaussian kernel density of ``points`` at ``grid``, up to a constant that depends on ``width`` alone."""
    return np.asarray(
        [np.exp(-0.5 * ((at - points) / width) ** 2).mean() if len(points) else 0.0 for at in grid]
    )
