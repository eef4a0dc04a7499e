"""Probabilities that several detectors ask for."""

from __future__ import annotations

from math import sqrt


def z_of(probability: float) -> float:
    """The standard normal value that is exceeded with ``probability``."""
    from scipy.special import ndtri

    return float(-ndtri(probability))


def normal_tail(z: float) -> float:
    """P(Z >= z) of a standard normal."""
    from scipy.special import ndtr

    return float(ndtr(-z))


def wilson(part: float, whole: float, z: float) -> tuple[float, float]:
    """Lower and upper bound of a share (E. B. Wilson, 1927), each missed with the probability of ``z``.

    Of nothing, everything is possible: ``(0, 1)``.
    """
    if whole <= 0:
        return 0.0, 1.0
    share = part / whole
    spread = z * sqrt(share * (1 - share) / whole + z**2 / (4 * whole**2))
    middle = share + z**2 / (2 * whole)
    scale = 1 + z**2 / whole
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def binomial_tail(part: int, whole: int, share: float) -> float:
    """P(Y >= part) of ``whole`` independent texts that carry something with probability ``share``."""
    from scipy.special import betainc

    if part <= 0:
        return 1.0
    return float(betainc(part, whole - part + 1, share)) if part <= whole else 0.0


def at_most(count: int, mean: float, dispersion: float) -> float:
    """P(Y <= count) of a negative binomial with variance ``mean + dispersion * mean ** 2``."""
    from scipy.special import betainc, gammaincc

    if mean <= 0:
        return 1.0
    if count < 0:
        return 0.0
    if dispersion <= 0:
        return float(gammaincc(count + 1, mean))
    return float(betainc(1 / dispersion, count + 1, 1 / (1 + mean * dispersion)))
