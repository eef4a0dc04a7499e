"""Every head against numpy, written down from its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from monitor.learn.meta import objective
from monitor.learn.meta.objective import HEADS, Scales, away, episode_loss, head_scores, held_geometry

HEAT, WORTH, RIDGE = 7.0, 1.5, 0.3
DIMENSION, LABELS = 6, 3


def scales() -> Scales:
    return Scales(*(torch.tensor(math.log(value), dtype=torch.float64) for value in (HEAT, WORTH, RIDGE)))


def unit(count: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, DIMENSION))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


QUERY, SUPPORT, NAMES = unit(5, 0), unit(7, 1), unit(LABELS, 2)
TARGETS = np.array([0, 0, 1, 1, 1, 2, 2])
ASKED = np.array([0, 1, 2, 1, 0])


def weighted(named: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a head is fitted to: rows, their labels as 0 and 1, and what each row counts for."""
    if not named:
        return SUPPORT, np.eye(LABELS)[TARGETS], np.ones(len(SUPPORT))
    return (
        np.vstack([SUPPORT, NAMES]),
        np.vstack([np.eye(LABELS)[TARGETS], np.eye(LABELS)]),
        np.concatenate([np.ones(len(SUPPORT)), np.full(LABELS, WORTH)]),
    )


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    found: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return found


def prototypes(named: bool) -> np.ndarray:
    rows, hot, counts = weighted(named)
    means = np.stack([(rows * (hot[:, [label]] * counts[:, None])).sum(axis=0) for label in range(LABELS)])
    found: np.ndarray = means / np.linalg.norm(means, axis=1, keepdims=True)
    return found


def reference(kind: str, named: bool) -> np.ndarray:
    rows, hot, counts = weighted(named)
    if kind == "prototype":
        return HEAT * QUERY @ prototypes(named).T
    if kind == "ridge":  # minimises sum_i c_i |x_i W - y_i|^2 + ridge |W|^2, in the primal
        gram = rows.T @ np.diag(counts) @ rows + RIDGE * np.eye(DIMENSION)
        return HEAT * QUERY @ np.linalg.solve(gram, rows.T @ np.diag(counts) @ hot)
    weight = HEAT * prototypes(named)
    length = np.linalg.norm(weight, axis=1).mean()
    for _ in range(objective.INNER_STEPS):  # of the cross-entropy, row by row
        slope = np.zeros_like(weight)
        for row, wanted, count in zip(rows, hot, counts, strict=True):
            chances = softmax(row[None] @ weight.T)[0]
            slope += count / counts.sum() * np.outer(chances - wanted, row)
        weight = weight - objective.INNER_RATE * LABELS * length * slope
    return QUERY @ weight.T


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("kind", HEADS)
def test_a_head_is_what_it_says(kind: str, named: bool) -> None:
    found = head_scores(
        kind,
        torch.tensor(QUERY),
        torch.tensor(SUPPORT),
        torch.eye(LABELS, dtype=torch.float64)[TARGETS],
        torch.tensor(NAMES) if named else None,
        scales(),
    )
    np.testing.assert_allclose(found.numpy(), reference(kind, named), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", HEADS)
def test_names_alone_make_a_head(kind: str) -> None:
    none = torch.empty(0, DIMENSION, dtype=torch.float64)
    found = head_scores(
        kind,
        torch.tensor(NAMES),
        none,
        torch.empty(0, LABELS, dtype=torch.float64),
        torch.tensor(NAMES),
        scales(),
    )
    assert found.argmax(1).tolist() == [0, 1, 2]


def test_gradient_steps_fit_the_seeds_better_than_prototypes() -> None:
    hot = torch.eye(LABELS, dtype=torch.float64)[TARGETS]
    losses = {}
    for kind in ("prototype", "gradient"):
        scores = head_scores(kind, torch.tensor(SUPPORT), torch.tensor(SUPPORT), hot, None, scales())
        losses[kind] = float(torch.nn.functional.cross_entropy(scores, torch.tensor(TARGETS)))
    assert losses["gradient"] < losses["prototype"]


@pytest.mark.parametrize("named", [True, False])
def test_the_loss_of_an_episode_by_hand(named: bool) -> None:
    loss, right = episode_loss(
        "prototype",
        torch.tensor(QUERY),
        torch.tensor(ASKED),
        torch.tensor(SUPPORT),
        torch.tensor(TARGETS),
        torch.tensor(NAMES) if named else None,
        scales(),
        0.5,
    )

    def surprise(scores: np.ndarray, truth: np.ndarray) -> float:
        return float(-np.log(softmax(scores)[np.arange(len(truth)), truth]).mean())

    scores = reference("prototype", named)
    expected = surprise(scores, ASKED)
    if named:
        every, truth = np.vstack([QUERY, SUPPORT]), np.concatenate([ASKED, TARGETS])
        expected += 0.5 * surprise(HEAT * every @ NAMES.T, truth)
    assert float(loss) == pytest.approx(expected)
    assert float(right) == pytest.approx((scores.argmax(axis=1) == ASKED).mean())


@pytest.mark.parametrize("kind", HEADS)
def test_every_scale_and_feature_that_matters_gets_a_gradient(kind: str) -> None:
    given = [torch.tensor(rows, requires_grad=True) for rows in (QUERY, SUPPORT, NAMES)]
    made = Scales(*(torch.tensor(0.5, dtype=torch.float64, requires_grad=True) for _ in range(3)))
    loss, _ = episode_loss(
        kind, given[0], torch.tensor(ASKED), given[1], torch.tensor(TARGETS), given[2], made, 0.0
    )
    loss.backward()
    assert all(rows.grad is not None and rows.grad.abs().max() > 0 for rows in given)
    assert made.heat.grad is not None
    assert made.name.grad is not None
    assert (made.ridge.grad is not None) == (kind == "ridge")


def test_held_geometry_by_hand() -> None:
    moved, base = unit(4, 5), unit(4, 6)
    expected = np.mean([(moved[i] @ moved[j] - base[i] @ base[j]) ** 2 for i in range(4) for j in range(4)])
    assert float(held_geometry(torch.tensor(moved), torch.tensor(base))) == pytest.approx(expected)
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((DIMENSION, DIMENSION)))[0]
    assert float(held_geometry(torch.tensor(base @ turn), torch.tensor(base))) == pytest.approx(0, abs=1e-12)


def test_away_is_a_step_up_the_gradient_of_a_share_of_the_texts_length() -> None:
    generator = np.random.default_rng(0)
    states, slope = generator.standard_normal((2, 3, 4)), generator.standard_normal((2, 3, 4))
    slope[1] = 0  # where there is no slope nothing moves
    found = away(torch.tensor(states), torch.tensor(slope), 0.1).numpy()
    expected = states[0] + 0.1 * np.linalg.norm(states[0]) * slope[0] / np.linalg.norm(slope[0])
    np.testing.assert_allclose(found[0], expected)
    np.testing.assert_allclose(found[1], states[1])
