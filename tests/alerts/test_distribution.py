"""The negative binomial against direct sums."""

from __future__ import annotations

from math import exp, lgamma, log

import numpy as np
import pytest

from monitor.alerts.detectors.distribution import FAR, FAR_SKEWED, far, half_tail, quantile, tail


def nb_pmf(k: int, mean: float, dispersion: float) -> float:
    size = 1 / dispersion
    share = mean / (mean + size)
    return exp(lgamma(k + size) - lgamma(size) - lgamma(k + 1) + size * log(1 - share) + k * log(share))


@pytest.mark.parametrize("mean", [0.003, 0.6, 20, 300])
@pytest.mark.parametrize("dispersion", [0.02, 0.5, 4])
def test_tail_and_quantile_are_those_of_a_direct_sum(mean: float, dispersion: float) -> None:
    mass = np.array([nb_pmf(k, mean, dispersion) for k in range(20000)])
    below = np.cumsum(mass)
    for count in (1, 2, 5, 18, 400):
        # Summed from the far end, so that small tails keep their digits.
        assert tail(count, mean, dispersion) == pytest.approx(mass[count:][::-1].sum(), rel=1e-7, abs=1e-250)
    assert tail(0, mean, dispersion) == 1
    for p in (0.025, 0.5, 0.975):
        assert quantile(p, mean, dispersion) == int(np.searchsorted(below, p))


def test_without_dispersion_the_tail_is_poissons() -> None:
    mass = [exp(-3 + k * log(3) - lgamma(k + 1)) for k in range(100)]
    assert tail(7, 3, 0) == pytest.approx(sum(mass[7:]))
    assert tail(1, 0, 0) == 0
    assert tail(0, 0, 0) == 1


@pytest.mark.parametrize("mean", [0.05, 0.6, 20])
@pytest.mark.parametrize("dispersion", [0.02, 0.5])
def test_the_half_tail_counts_the_same_number_half(mean: float, dispersion: float) -> None:
    mass = np.array([nb_pmf(k, mean, dispersion) for k in range(2000)])
    for count in (1, 5, 40):
        found = half_tail(count, mean, dispersion)
        assert found == pytest.approx(mass[count] / 2 + mass[count + 1 :][::-1].sum(), rel=1e-7, abs=1e-250)
    # of whole counts, it is on average a half, as the chance of numbers without steps is
    assert sum(m * half_tail(k, mean, dispersion) for k, m in enumerate(mass)) == pytest.approx(0.5)


@pytest.mark.parametrize("mean", [3.0, 40.0])
@pytest.mark.parametrize("dispersion", [0.02, 0.3, 1.0])
def test_far_is_a_quantile_or_so_many_deviations(mean: float, dispersion: float) -> None:
    from scipy.stats import norm

    skewed = quantile(norm.cdf(FAR_SKEWED), mean, dispersion) - mean
    bound = max(skewed, FAR * (mean + dispersion * mean**2) ** 0.5)
    assert far(mean, 1, dispersion) == pytest.approx(bound, rel=0.15, abs=1)


def test_far_of_a_mean_of_many_counts_is_nearer() -> None:
    counts = (
        np.random.default_rng(0).negative_binomial(2.0, 2 / 5, (100_000, 8)).mean(axis=1)
    )  # mean 3, d 0.5
    assert np.mean(counts > 3 + far(3.0, 1 / 8, 0.5 / 8)) < 5e-4
    assert far(3.0, 1 / 8, 0.5 / 8) < far(3.0, 1, 0.5) / 2


def test_far_of_rare_texts_is_so_many_deviations() -> None:
    assert far(0.04, 1, 0.02) == pytest.approx(FAR * (0.04 + 0.02 * 0.04**2) ** 0.5)


def test_far_above_nothing_is_nothing_and_doubt_moves_it_away() -> None:
    assert far(0.0, 1, 0.5) == 0
    assert far(3.0, 1, 0.1, 0.2) > far(3.0, 1, 0.1)
