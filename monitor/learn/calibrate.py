"""Probabilities that can be believed, and when to abstain, from held-out scores of the seeds.

No separate calibration set is needed: every seed is scored by a fit that has not seen it.
Where seeds are few the answer is drawn to a default that was chosen on other tasks.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, log_expit, log_softmax, softmax

FOLDS = 4
COVERAGE = 0.93
"""The share of texts that do carry one of the labels for which a task should answer."""

# Temperature by default, and the powers by which it grows: of one more than the seeds a label, of the labels, and of
# the fits' strength.
_TEMPERATURE, _BY_SEEDS, _BY_LABELS, _BY_STRENGTH = 0.28, 0.14, -0.1, 0.27
_TEMPERATURE_TRUST = 80  # seeds that weigh as much as the default
_LEAST_TEMPERATURE = 0.15  # a few seeds that are easy to tell apart prove little
_THRESHOLD_TRUST = 4
_REACH, _REACH_WIDTH = (
    2.5,
    0.4,
)  # where labels end, and how soon, in standard deviations of their seeds' similarity
_LEAST_SPREAD = 0.02
_FEWEST_FOR_REACH = 6
_SLOPE, _SHIFT = 1.0, 4.5  # logarithm of the slope, and shift, of a multi head's scores
_SLOPE_SPREAD, _SHIFT_SPREAD = 0.5, 1.5
_BALANCE = 0.2  # 0 takes seeds for a fair sample of the stream, 1 as many positives as negatives


def folds(targets: np.ndarray) -> np.ndarray:
    """A fold for each row of ``targets`` ``(n, L)``, every label spread over all of them: ``(n,)``."""
    fold = np.arange(len(targets)) % FOLDS
    for column in targets.T:
        own = np.flatnonzero(column > 0)
        fold[own] = np.arange(len(own)) % FOLDS
    return fold


def temperature(scores: np.ndarray, targets: np.ndarray, strength: float) -> float:
    """What to divide scores by before the softmax (temperature scaling, Guo et al. 2017).

    :param scores: ``(n, L)``, held out; :param targets: ``(n, L)``, one 1 a row.
    :param strength: inverse of the regularisation of the fits.
    """
    labels = targets.shape[1]
    default = _TEMPERATURE * (1 + targets.sum() / labels) ** _BY_SEEDS * labels**_BY_LABELS
    default *= strength**_BY_STRENGTH
    if not len(scores):
        return float(default)
    trust = len(scores) / (len(scores) + _TEMPERATURE_TRUST)
    return float(np.exp(trust * _best(scores, targets)[0] + (1 - trust) * np.log(default)))


def evidence(scores: np.ndarray, targets: np.ndarray) -> float:
    """Log-likelihood of held-out scores ``(n, L)``, summed over the rows, at the temperature that suits them best."""
    return -_best(scores, targets)[1]


def _best(scores: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
    """Logarithm of the temperature with the least log-loss, and that loss."""

    def loss(log: float) -> float:
        return -float((targets * log_softmax(scores / np.exp(log), axis=1)).sum())

    found = minimize_scalar(loss, bounds=(np.log(_LEAST_TEMPERATURE), 3.0), method="bounded")
    return float(found.x), float(found.fun)


def reach(nearest: np.ndarray) -> tuple[float, float] | None:
    """Middle and width of the chance that a text carries one of the labels (:class:`monitor.learn.head.Reach`).

    :param nearest: the seeds' greatest similarity to labels' centres that were made without
        them: ``(n,)``. ``None`` where they are too few to tell how much it varies.
    """
    if len(nearest) < _FEWEST_FOR_REACH:
        return None
    spread = max(float(nearest.std()), _LEAST_SPREAD)
    return float(nearest.mean()) - _REACH * spread, _REACH_WIDTH * spread


def threshold(scores: np.ndarray, labels: int, chance: np.ndarray | float = 1.0) -> float:
    """The top probability below which to abstain, so that ``COVERAGE`` of the texts are answered.

    :param scores: held-out scores ``(n, L)``, divided by their temperature.
    :param chance: how likely each text carries one of the labels at all: ``(n,)``.
    """
    default = 0.7 * labels**-0.45  # what that share reaches from names alone, by number of labels
    if not len(scores):
        return float(default)
    top = softmax(scores, axis=1).max(axis=1) * chance
    reached = max(float(np.quantile(top, 1 - COVERAGE)), 1e-6)
    trust = len(top) / (len(top) + _THRESHOLD_TRUST)
    return float(np.exp(trust * np.log(reached) + (1 - trust) * np.log(default)))


def slope_and_shift(scores: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
    """Slope and shift of scores before the sigmoid, the same for all labels (Platt 1999).

    Held-out scores of a label's own texts run low, because the label is then learned from
    fewer of them; the shift makes up for that. Maximum a posteriori around the default.

    :param scores: ``(n, L)``, held out; :param targets: ``(n, L)`` of 0 and 1.
    """
    positive, negative = targets.sum(), (1 - targets).sum()
    if not positive or not negative:
        return float(np.exp(_SLOPE)), _SHIFT
    weight = np.where(targets > 0, (negative / positive) ** _BALANCE, 1.0)

    def loss(value: np.ndarray) -> float:
        moved = np.exp(value[0]) * scores + value[1]
        fit = (weight * (targets * log_expit(moved) + (1 - targets) * log_expit(-moved))).sum()
        apart = ((value[0] - _SLOPE) / _SLOPE_SPREAD) ** 2 + ((value[1] - _SHIFT) / _SHIFT_SPREAD) ** 2
        return float(apart / 2 - fit)

    slope, shift = minimize(loss, np.array([_SLOPE, _SHIFT]), method="Nelder-Mead").x
    return float(np.exp(slope)), float(shift)


def label_thresholds(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """A threshold for each label ``(L,)``: one half, or less (at least 0.4) where its own texts ask for it.

    :param scores: held-out scores ``(n, L)`` with slope and shift; :param targets: ``(n, L)``.
    """
    found = np.full(targets.shape[1], 0.5)
    for label, column in enumerate(targets.T):
        own = expit(scores[column > 0, label])
        if len(own) >= FOLDS:
            found[label] = np.clip(np.quantile(own, 0.2), 0.4, 0.5)
    return found
