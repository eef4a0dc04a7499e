"""Fine-tuning: that it wins where it can, is left where it does not, and that a head carries what it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from monitor.errors import LearnError, UnknownName
from monitor.interfaces import Settings
from monitor.learn import tune
from monitor.learn.adapt import adapt
from monitor.learn.deep import LEAST_SEEDS, DeepFit, fit_deep, fits_again, refit
from monitor.learn.encoder import TransformerEncoder
from monitor.learn.head import Head, probabilities, with_threshold
from monitor.learn.meta.states import compute_states
from monitor.learn.upper import MOST_BUILT
from monitor.testing import HashEncoder
from monitor.types import Seed, Task
from tests.learn.meta.tiny import write_model

# What sets these labels apart is the tense, which the public model hardly looks at.
TASK = Task("tense", {"past": "", "future": ""})
PAST = ["We shipped", "They paid", "She called", "He cancelled", "I returned", "You opened"]
FUTURE = [
    "We will ship",
    "They will pay",
    "She will call",
    "He will cancel",
    "I will return",
    "You will open",
]
THINGS = ["the parcel", "an invoice", "the account", "a ticket"]


def texts(beginnings: Sequence[str], things: Sequence[str]) -> list[str]:
    return [f"{beginning} {thing}." for beginning, thing in product(beginnings, things)]


SEEDS = [Seed(t, "past") for t in texts(PAST[:4], THINGS[:3])] + [
    Seed(t, "future") for t in texts(FUTURE[:4], THINGS[:3])
]
ASKED = texts(PAST[4:], THINGS) + texts(FUTURE[4:], THINGS)


@pytest.fixture(scope="module")
def encoder() -> TransformerEncoder:
    return TransformerEncoder.shipped()


def learn(encoder: TransformerEncoder, seeds: Sequence[Seed] = SEEDS, task: Task = TASK) -> Head:
    return adapt(task, seeds, encoder.encode, encoder_fingerprint=encoder.fingerprint, views=encoder.views)


@pytest.fixture(scope="module")
def fit(encoder: TransformerEncoder) -> DeepFit:
    return fit_deep(TASK, SEEDS, encoder, learn(encoder))


def likelihood(head: Head, encoder: TransformerEncoder) -> float:
    """Mean log-probability of the right label over :data:`ASKED`, given that they carry one."""
    found = probabilities(head, encoder.encode(ASKED, [head.view])[head.view])
    found = found / found.sum(axis=1, keepdims=True)
    half = len(ASKED) // 2
    own = np.concatenate([found[:half, 0], found[half:, 1]])
    return float(np.log(own).mean())


def test_is_promoted_where_it_tells_texts_better(encoder: TransformerEncoder, fit: DeepFit) -> None:
    assert fit.promoted, fit.reason
    assert fit.score > fit.score_before
    assert 0.5 < fit.accuracy <= 1
    before = learn(encoder)
    assert fit.head.view.startswith(f"{before.view}+")
    assert likelihood(fit.head, encoder) > likelihood(before, encoder)


def test_is_the_same_from_the_same_seeds(encoder: TransformerEncoder, fit: DeepFit) -> None:
    again = fit_deep(TASK, SEEDS, encoder, learn(encoder))
    assert again.head.view == fit.head.view
    np.testing.assert_allclose(again.head.weight, fit.head.weight, atol=1e-4)


def test_a_head_takes_its_view_to_another_process(encoder: TransformerEncoder, fit: DeepFit) -> None:
    read = Head.from_bytes(fit.head.to_bytes())
    assert read.change == fit.head.change
    fresh = TransformerEncoder.shipped()
    with pytest.raises(UnknownName, match="view of the encoder"):
        fresh.encode(ASKED, [read.view])
    assert fresh.offer(read.change) == read.view
    assert fresh.views == encoder.views, "a task's own view is nobody else's"
    for views in ([read.view], ["base", read.view]):
        np.testing.assert_allclose(
            fresh.encode(ASKED, views)[read.view], encoder.encode(ASKED, [read.view])[read.view], atol=1e-5
        )


def test_layers_that_were_let_go_of_are_made_again(encoder: TransformerEncoder, fit: DeepFit) -> None:
    before = encoder.encode(ASKED, [fit.head.view])[fit.head.view]
    view, change = tune.from_bytes(fit.head.change)
    name = next(iter(change))
    for number in range(MOST_BUILT):
        down, up = change[name]
        encoder.offer(tune.to_bytes(view, {**change, name: (down, up * (number + 2))}))
    np.testing.assert_array_equal(encoder.encode(ASKED, [fit.head.view])[fit.head.view], before)


class Backwards:
    """An encoder whose fine-tuned view is worse than the one before: it turns seeds of the labels around."""

    def __init__(self) -> None:
        self.parts: list[np.ndarray] = []

    def encode(self, texts: Sequence[str], views: Sequence[str]) -> Mapping[str, np.ndarray]:
        told = np.array([[1.0, 0.0] if "good" in text else [0.0, 1.0] for text in texts], np.float32)
        noise = np.array([[len(text) % 2, 1 - len(text) % 2] for text in texts], np.float32)
        return {view: noise if view == "tuned" else told for view in views}

    def fine_tune(
        self,
        view: str,
        texts: Sequence[str],
        targets: np.ndarray,
        names: Sequence[str],
        parts: Sequence[np.ndarray],
        *,
        progress: object = None,
    ) -> list[bytes]:
        self.parts = list(parts)
        return [b"", b"", b""]

    def offer(self, change: bytes) -> str:
        return "tuned"


def test_stays_where_left_out_seeds_are_told_worse() -> None:
    task = Task("mood", {"good": "", "bad": ""})
    seeds = [Seed(f"{label} {'x' * n}", label) for label in task.labels for n in range(6)]
    encoder = Backwards()
    head = adapt(task, seeds, encoder.encode, encoder_fingerprint="")
    fit = fit_deep(task, seeds, encoder, head)
    assert not fit.promoted
    assert fit.head is head
    assert fit.score < fit.score_before
    first, second, every = encoder.parts
    np.testing.assert_array_equal(first, ~second)
    assert every.all()
    labels = np.array([seed.label for seed in seeds])
    assert [(labels[first] == label).sum() for label in task.labels] == [3, 3]


@pytest.mark.parametrize(
    ("task", "seeds", "reason"),
    [
        (replace(TASK, multi=True), SEEDS, "several labels"),
        (TASK, [], f"0 seeds, and views are fine-tuned from {LEAST_SEEDS} on"),
        (TASK, SEEDS[:-9], "a label has 3 seeds"),
    ],
)
def test_what_cannot_be_fine_tuned_stays_as_it_is(task: Task, seeds: Sequence[Seed], reason: str) -> None:
    encoder = Backwards()
    head = adapt(task, seeds, encoder.encode, encoder_fingerprint="")
    fit = fit_deep(task, seeds, encoder, head)
    assert (fit.promoted, fit.head) == (False, head)
    assert reason in fit.reason
    assert encoder.parts == []


def test_a_threshold_of_the_owner_stays(encoder: TransformerEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune, "STEPS", 2)
    task = replace(TASK, threshold=0.9)
    fit = fit_deep(task, SEEDS, encoder, learn(encoder, task=task))
    np.testing.assert_allclose(fit.head.thresholds, 0.9)


def test_a_model_without_views_is_cut_in_the_middle(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "tiny")
    encoder = TransformerEncoder(folder)
    said = ["cancel my order", "please stop the trip", "refund my order", "repay the trip"]
    plain = encoder.encode(said)["base"]
    every = np.ones(4, bool)
    [change] = encoder.fine_tune("base", said, np.array([0, 0, 1, 1]), ["cancel", "refund"], [every])
    view = encoder.offer(change)
    np.testing.assert_allclose(encoder.encode(said)["base"], plain, atol=1e-5)
    assert not np.allclose(encoder.encode(said, [view])[view], plain, atol=1e-3)
    _, matrices = tune.from_bytes(change)
    assert {name.partition(".")[0] for name in matrices} == {"2", "3"}
    other = TransformerEncoder(write_model(tmp_path / "wider", width=64))
    with pytest.raises(LearnError, match="made for another"):
        other.offer(change)
    with pytest.raises(UnknownName):
        other.encode(said, [view])


def test_too_few_seeds_are_one_clear_line(encoder: TransformerEncoder) -> None:
    with pytest.raises(LearnError, match="two labels with two seeds each"):
        encoder.fine_tune("base", ["a", "b"], np.array([0, 1]), ["x", "y"], [np.ones(2, bool)])


@pytest.mark.parametrize("data", [b"", b"nonsense" * 9])
def test_a_damaged_change_is_one_clear_line(encoder: TransformerEncoder, data: bytes) -> None:
    with pytest.raises(LearnError, match="damaged"):
        encoder.offer(data)


def test_an_encoder_that_cannot_says_so(tmp_path: Path) -> None:
    encoder = HashEncoder(Settings(), tmp_path)
    with pytest.raises(LearnError, match="the encoder hash cannot be fine-tuned"):
        encoder.fine_tune("base", [], np.zeros(0), [], [])
    with pytest.raises(LearnError, match="the encoder hash knows no fine-tuned views"):
        encoder.offer(b"")


def test_out_of_memory_halves_what_is_looked_at_once(
    encoder: TransformerEncoder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    every = [seed.text for seed in SEEDS]
    tokens = dict(zip(every, encoder._pieces(every), strict=True))
    upper, device = encoder._upper, encoder._device
    states = compute_states(
        encoder._model, lambda text: tokens[text].ids, encoder._pad, every, upper.start, device
    )
    layers = [layer.float() for layer in deepcopy(upper.whole("base"))]
    expected = tune._features(layers, upper.start, states, device)
    forward, most = tune._forward, 7

    def scarce(layers: object, states: object, part: np.ndarray, device: object) -> np.ndarray:
        if len(part) > most:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return forward(layers, states, part, device)  # type: ignore[arg-type]

    monkeypatch.setattr(tune, "_forward", scarce)
    np.testing.assert_allclose(tune._features(layers, upper.start, states, device), expected, atol=1e-5)
    assert "fine-tuning looks at 12 texts at once instead" in caplog.text
    most = 0
    with pytest.raises(LearnError, match=r"out of memory on .* with a single text"):
        tune._features(layers, upper.start, states, device)


def test_the_same_seeds_in_the_same_layers_give_the_same_head(
    encoder: TransformerEncoder, fit: DeepFit
) -> None:
    again = refit(TASK, SEEDS, encoder.encode, fit.head)
    np.testing.assert_allclose(again.weight, fit.head.weight, atol=1e-6)
    np.testing.assert_allclose(again.bias, fit.head.bias, atol=1e-6)
    assert again.reach is not None
    assert fit.head.reach is not None
    np.testing.assert_allclose(again.reach.centres, fit.head.reach.centres, atol=1e-6)
    assert again.temperature == fit.head.temperature
    np.testing.assert_array_equal(again.thresholds, fit.head.thresholds)


def test_layers_serve_a_task_while_its_labels_and_thresholds_are_those_they_were_made_for(
    fit: DeepFit,
) -> None:
    own = replace(TASK, threshold=0.5)
    assert fits_again(fit.head, TASK)
    assert fits_again(fit.head, own)
    assert fits_again(with_threshold(fit.head, 0.5), own)
    assert not fits_again(with_threshold(fit.head, 0.5), TASK), "what it would be without is not known"
    assert not fits_again(fit.head, replace(TASK, labels={**TASK.labels, "never": ""}))
    assert not fits_again(replace(fit.head, change=b""), TASK)
