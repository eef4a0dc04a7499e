"""The negative binomial distribution, by mean and over-dispersion (variance = mean + d * mean ** 2)."""

from __future__ import annotations


def tail(count: float, mean: float, dispersion: float) -> float:
    """P(Y >= count) of a negative binomial; Poisson where ``dispersion`` is 0; drawn through
    between whole counts.
    """
    from scipy.special import betainc, gammainc

    if count <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    if dispersion <= 0:
        return float(gammainc(count, mean))
    share = mean * dispersion / (1 + mean * dispersion)
    return float(betainc(count, 1 / dispersion, share))


def quantile(p: float, mean: float, dispersion: float) -> int:
    """The smallest k with P(Y <= k) >= p."""
    reached, high = -1, 1
    while 1 - tail(high + 1, mean, dispersion) < p:
        reached, high = high, 2 * high
    while high - reached > 1:
        middle = (reached + high) // 2
        if 1 - tail(middle + 1, mean, dispersion) < p:
            reached = middle
        else:
            high = middle
    return high
