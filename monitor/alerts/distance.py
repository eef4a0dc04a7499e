"""Which of several alerts is the largest. Pure functions."""

from __future__ import annotations

from math import sqrt


def distance(observed: float, expected: float) -> float:
    """How far figures are from what is usual, or from their limit: about in standard deviations."""
    return abs(observed - expected) / sqrt(max(expected, 0.0) + 1)
