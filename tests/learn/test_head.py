from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.special import expit, log_softmax

from monitor.errors import LearnError
from monitor.learn.head import Head, Reach, decide, fit_sigmoid, fit_softmax, probabilities
from monitor.types import Prediction


def make_head(*, multi: bool = False, thresholds: tuple[float, ...] = (0.5, 0.5, 0.5)) -> Head:
    return Head(
        labels=("a", "b", "c"),
        view="base",
        encoder="f00",
        weight=np.array([[1, 0], [0, 1], [-1, -1]], np.float32),
        bias=np.array([0, 0.5, 0], np.float32),
        temperature=0.5,
        thresholds=np.array(thresholds, np.float32),
        multi=multi,
    )


def make_problem(count: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    features = rng.standard_normal((count, width))
    targets = np.eye(3)[rng.integers(3, size=count)]
    return features / np.linalg.norm(features, axis=1, keepdims=True), targets, rng.uniform(0.2, 2, count)


def test_bytes_hold_the_whole_head() -> None:
    head = make_head(multi=True, thresholds=(0.2, 0.3, 0.4))
    again = Head.from_bytes(head.to_bytes())
    for name in ("labels", "view", "encoder", "temperature", "multi", "version"):
        assert getattr(again, name) == getattr(head, name)
    for name in ("weight", "bias", "thresholds"):
        np.testing.assert_array_equal(getattr(again, name), getattr(head, name))
        assert getattr(again, name).dtype == np.float32


def test_bytes_hold_the_reach() -> None:
    head = replace(make_head(), reach=Reach(np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32), 0.4, 0.1))
    again = Head.from_bytes(head.to_bytes())
    assert again.reach is not None
    assert (again.reach.middle, again.reach.width, again.version) == (0.4, 0.1, head.version)
    np.testing.assert_array_equal(again.reach.centres, head.reach.centres)  # type: ignore[union-attr]
    assert head.version != make_head().version


def test_a_text_far_from_all_labels_is_believed_less() -> None:
    centres = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32)
    head = replace(make_head(), reach=Reach(centres, 0.5, 0.1))
    features = np.array([[1, 0], [-0.8, -0.6], [-0.5, np.sqrt(0.75)]], np.float32)
    plain, found = probabilities(make_head(), features), probabilities(head, features)
    chance = 0.1 + 0.9 * expit((np.array([1.0, -0.6, np.sqrt(0.75)]) - 0.5) / 0.1)
    np.testing.assert_allclose(found, plain * chance[:, None], rtol=1e-5)
    assert found[0].sum() > 0.99
    assert found[1].sum() == pytest.approx(0.1, abs=0.001)  # never quite refused


def test_version_changes_with_what_the_head_holds() -> None:
    assert make_head().version == make_head().version
    assert make_head().version != make_head(thresholds=(0.5, 0.5, 0.6)).version


@pytest.mark.parametrize("cut", [0, 4, 30, -1])
def test_damaged_bytes_are_one_clear_line(cut: int) -> None:
    with pytest.raises(LearnError, match="damaged: adapt the task again") as caught:
        Head.from_bytes(make_head().to_bytes()[:cut])
    assert "\n" not in str(caught.value)


def test_bytes_with_arrays_that_do_not_match_are_damaged() -> None:
    head = make_head()
    short = Head(head.labels, "base", "f00", head.weight[:2], head.bias, 1.0, head.thresholds, False)
    with pytest.raises(LearnError, match="damaged"):
        Head.from_bytes(short.to_bytes())


def test_probabilities_by_hand() -> None:
    features = np.array([[0.6, 0.8]], np.float32)
    scores = np.array([0.6, 0.8 + 0.5, -1.4]) / 0.5
    single = probabilities(make_head(), features)
    np.testing.assert_allclose(single[0], np.exp(scores) / np.exp(scores).sum(), rtol=1e-5)
    np.testing.assert_allclose(probabilities(make_head(multi=True), features)[0], expit(scores), rtol=1e-5)


def test_features_of_another_width_are_refused() -> None:
    with pytest.raises(LearnError, match="adapt the task again"):
        probabilities(make_head(), np.zeros((1, 5), np.float32))


def test_one_label_a_text_always_says_its_best_guess() -> None:
    said = decide(make_head(), np.array([[0.2, 0.7, 0.1], [0.4, 0.3, 0.3]]))
    assert said == [[Prediction("b", 0.7)], [Prediction("a", 0.4, abstained=True)]]


def test_multi_says_every_label_that_reaches_its_threshold_likeliest_first() -> None:
    head = make_head(multi=True, thresholds=(0.5, 0.9, 0.3))
    said = decide(head, np.array([[0.6, 0.8, 0.7], [0.4, 0.8, 0.1], [0.5, 0.1, 0.31]]))
    assert said == [
        [Prediction("c", 0.7), Prediction("a", 0.6)],
        [Prediction("b", 0.8, abstained=True)],
        [Prediction("a", 0.5), Prediction("c", 0.31)],
    ]


def softmax_loss(
    flat: np.ndarray, features: np.ndarray, targets: np.ndarray, weights: np.ndarray, prior: np.ndarray
) -> float:
    table = flat.reshape(3, -1)
    logs = log_softmax(features @ table[:, :-1].T + table[:, -1], axis=1)
    away = ((table[:, :-1] - prior) ** 2).sum()
    return float(-(weights[:, None] * targets * logs).sum() + away / (2 * 5.0))


@pytest.mark.parametrize("pull", [0.0, 2.0])
@pytest.mark.parametrize(("count", "width"), [(40, 4), (6, 30)])
def test_softmax_fit_is_where_the_gradient_vanishes(count: int, width: int, pull: float) -> None:
    features, targets, weights = make_problem(count, width)
    prior = pull * np.random.default_rng(1).standard_normal((3, width))
    weight, bias = fit_softmax(features, targets, weights, strength=5.0, prior=prior if pull else None)
    found = np.column_stack([weight, bias]).astype(float).ravel()
    slope = approx_fprime(found, softmax_loss, 1e-6, features, targets, weights, prior)
    assert np.abs(slope).max() < 5e-3
    start = approx_fprime(np.zeros_like(found), softmax_loss, 1e-6, features, targets, weights, prior)
    assert np.abs(start).max() > 0.1


@pytest.mark.parametrize(("count", "width"), [(40, 4), (6, 30)])
def test_sigmoid_fit_is_where_the_gradient_vanishes(count: int, width: int) -> None:
    features, targets, row = make_problem(count, width)
    weights = row[:, None] * np.array([1.0, 2.0, 0.5])
    weight, bias = fit_sigmoid(features, targets, weights, strength=5.0)
    off = weights * (expit(features @ weight.T + bias) - targets)
    assert np.abs(off.T @ features + weight / 5.0).max() < 5e-3
    assert np.abs(off.sum(axis=0)).max() < 5e-3


def test_an_example_of_weight_two_counts_as_two() -> None:
    features, targets, _ = make_problem(12, 4)
    twice = np.ones(12)
    twice[0] = 2
    weighted = fit_softmax(features, targets, twice, strength=5.0)
    copied = fit_softmax(
        np.vstack([features, features[:1]]), np.vstack([targets, targets[:1]]), np.ones(13), strength=5.0
    )
    np.testing.assert_allclose(weighted[0], copied[0], atol=1e-2)


def test_nothing_to_fit_is_no_opinion() -> None:
    weight, bias = fit_softmax(np.zeros((0, 4)), np.zeros((0, 3)), np.zeros(0), strength=5.0)
    assert weight.shape == (3, 4)
    assert not weight.any()
    assert not bias.any()
    prior = np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(
        fit_softmax(np.zeros((0, 4)), np.zeros((0, 3)), np.zeros(0), strength=5.0, prior=prior)[0], prior
    )
