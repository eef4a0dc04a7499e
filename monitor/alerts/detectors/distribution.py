"""Distributions of counts: the negative binomial by mean and over-dispersion (variance = mean + d * mean ** 2)."""

from __future__ import annotations

from math import sqrt

FAR, FAR_SKEWED = 4.0, 3.5
"""Standard deviations that ordinary numbers hardly ever go, and those from which skewness counts beside."""


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


def half_tail(count: int, mean: float, dispersion: float) -> float:
    """P(Y > count) + P(Y = count) / 2, the mid-p value (Lancaster, "Significance tests in discrete distributions",
    JASA 56, 1961): counts are whole, and of rare texts P(Y >= count) is far above how seldom the like happens.
    """
    return (tail(count, mean, dispersion) + tail(count + 1, mean, dispersion)) / 2


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


def far(mean: float, share: float, dispersion: float, doubt: float = 0.0) -> float:
    """How far above ``mean`` ordinary numbers hardly ever come: negative binomial counts, or means of several.

    Numbers that vary much are skewed and often go far in standard deviations; taken for waves, they would make a
    series look calmer than it is. So the quantile of the normal distribution is corrected for skewness (Cornish
    and Fisher 1938), as far as that comes from over-dispersion: by the skewness of rare texts themselves, their
    waves would pass for ordinary.

    :param share: 1 over the number of counts that a number is the mean of.
    :param dispersion: over-dispersion of the number; :param doubt: relative variance of ``mean`` itself.
    """
    variance = share * mean + (dispersion + doubt) * mean * mean
    third = dispersion * mean * mean * (3 * share + 2 * dispersion * mean)
    deviation = sqrt(variance)
    skew = third / (variance * deviation) if variance else 0.0
    return deviation * max(FAR, FAR_SKEWED + skew * (FAR_SKEWED**2 - 1) / 6)
