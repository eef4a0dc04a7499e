"""Can probabilities be believed? Measures over texts whose label is known."""

from __future__ import annotations

import numpy as np

BINS = 15
_LEAST = 1e-12  # a probability that rounds to zero would cost without end


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = BINS) -> float:
    """Expected calibration error of the top label (Naeini et al. 2015), over bins of equal mass.

    Texts are sorted by confidence (ties stay in their order) and cut into ``bins`` runs of equal
    length, give or take one; the gap between a run's mean confidence and the share of it that is
    right counts by the run's length. Fewer texts than bins are a bin each.

    :param confidence: ``(n,)`` probabilities of the guesses; :param right: ``(n,)`` of true and false.
    :return: in [0, 1]; 0 for no texts.
    """
    order = np.argsort(confidence, kind="stable")
    runs = np.array_split(order, bins)
    gaps = [len(run) * abs(float(confidence[run].mean() - right[run].mean())) for run in runs if len(run)]
    return sum(gaps) / max(1, len(order))


def calibration_noise(confidence: np.ndarray, bins: int = BINS) -> float:
    """The :func:`calibration_error` that is expected where every probability is exactly right.

    In a bin of ``n`` texts the share that is right varies by itself, and the error takes its
    absolute value: few texts look badly calibrated however true their probabilities are (Bröcker 2012,
    Roelofs et al. 2022). Normal approximation of each bin's share.

    :param confidence: ``(n,)`` probabilities of the guesses.
    :return: in [0, 1]; 0 for no texts.
    """
    runs = np.array_split(np.sort(confidence), bins)
    gaps = [np.sqrt(2 / np.pi * float((run * (1 - run)).sum())) for run in runs if len(run)]
    return float(sum(gaps) / max(1, len(confidence)))


def log_loss(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Mean of ``-log p(the true label)``, in nats; ``probabilities`` ``(n, L)``, ``truth`` ``(n,)`` of columns."""
    own = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return float(-np.log(np.clip(own, _LEAST, 1.0)).mean())


def coverage(probabilities: np.ndarray, thresholds: np.ndarray) -> float:
    """The share of texts that are answered: the best guess of ``(n, L)`` reaches its label's threshold ``(L,)``."""
    return float((probabilities.max(axis=1) >= thresholds[probabilities.argmax(axis=1)]).mean())
