from __future__ import annotations

import numpy as np
import pytest

from monitor.learn import calibrate, rounds
from monitor.learn.fit import HELD_OUT_ITERATIONS, STRENGTH, fit_scores
from monitor.learn.rounds import ENOUGH, Rounds, choose_strength, fit_single
from monitor.learn.support import Support, compact


def made(labels: int, each: int, width: int, noise: float = 0.3) -> Support:
    """Labels around centres of their own, with ``each`` seeds and a name."""
    rng = np.random.default_rng([labels, each, width])
    centres = rng.standard_normal((labels, width)) / np.sqrt(width)

    def rows(count: int) -> np.ndarray:
        found = np.repeat(centres, count, axis=0)
        # As of real features, a few directions vary much and the others little.
        found = found + noise * rng.standard_normal(found.shape) / (1 + np.arange(width)) ** 0.7
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)

    targets = np.repeat(np.eye(labels, dtype=np.float32), each, axis=0)
    return Support(rows(each), targets, rows(1), np.zeros((0, width), np.float32))


def test_few_rows_lose_nothing_in_their_own_coordinates() -> None:
    support = made(3, 8, 60)
    inner, basis = compact(support)
    assert inner.seeds.shape == (24, 27)
    np.testing.assert_allclose(inner.seeds @ basis.T, support.seeds, atol=1e-5)
    np.testing.assert_allclose(inner.names @ basis.T, support.names, atol=1e-5)
    for found, plain in zip(Rounds(support).fit(5.0), fit_scores(support, strength=5.0), strict=True):
        np.testing.assert_allclose(found, plain, atol=1e-3)


def test_of_many_rows_the_main_directions_decide_alike() -> None:
    support = made(6, 60, 80)
    inner, basis = compact(support)
    assert basis.shape[1] < 80
    lost = (support.seeds**2).sum() - (inner.seeds**2).sum()
    assert 0 < lost < 0.025 * (support.seeds**2).sum()
    weight, bias = Rounds(support).fit(5.0)
    plain_weight, plain_bias = fit_scores(support, strength=5.0)
    found, plain = support.seeds @ weight.T + bias, support.seeds @ plain_weight.T + plain_bias
    assert np.abs(found - plain).max() < 0.1 * plain.std()
    assert (found.argmax(axis=1) == plain.argmax(axis=1)).mean() > 0.99


def test_every_seed_is_judged_by_a_fit_without_its_fold() -> None:
    support = made(3, 8, 60)
    held, targets = Rounds(support).held_out(5.0)
    fold = calibrate.folds(support.targets)
    np.testing.assert_array_equal(targets, support.targets)
    for part in range(calibrate.FOLDS):
        out = fold == part
        weight, bias = fit_scores(support.without(out, np.zeros(0, bool)), HELD_OUT_ITERATIONS, strength=5.0)
        np.testing.assert_allclose(held[out], support.seeds[out] @ weight.T + bias, atol=1e-3)


def test_each_fit_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, float]] = []

    def counted(support: Support, iterations: int = 200, *, strength: float) -> object:
        asked.append((len(support.seeds), strength))
        return fit_scores(support, iterations, strength=strength)

    monkeypatch.setattr(rounds, "fit_scores", counted)
    support = made(4, ENOUGH // 2, 40)
    of = Rounds(support)
    of.held_out(STRENGTH, to_choose=True)  # as a view is chosen
    fitted = fit_single(of)
    strengths = {strength for _, strength in asked}
    # Two of four folds choose, all of them tell how sure the chosen one may be, and one fit sees all seeds.
    assert len(asked) == 2 * len(strengths) + 2 + 1
    assert asked[-1] == (len(support.seeds), fitted.strength)


def test_seeds_say_how_far_they_may_pull() -> None:
    """Fine-grained labels that names do not tell apart want strong weights; noise does not."""
    generator = np.random.default_rng(0)
    centres = generator.standard_normal((12, 40)) * 0.2 + generator.standard_normal(40)
    names = np.tile(centres.mean(axis=0), (12, 1)) + 0.01 * generator.standard_normal((12, 40))

    def support(noise: float) -> Support:
        rows = np.repeat(centres, 8, axis=0) + noise * generator.standard_normal((96, 40))
        unit = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in (rows, names)]
        return Support(unit[0], np.repeat(np.eye(12), 8, axis=0), unit[1], np.zeros((0, 40)))

    assert choose_strength(Rounds(support(0.02))) > STRENGTH
    assert choose_strength(Rounds(support(2.0))) <= STRENGTH
    nothing = support(0.1).without(np.ones(96, bool), np.zeros(0, bool))
    assert choose_strength(Rounds(nothing)) == STRENGTH
