from __future__ import annotations

import numpy as np
import pytest

from monitor.learn import stream
from monitor.learn.head import Head, probabilities
from monitor.learn.rounds import Rounds, fit_single
from monitor.learn.stream import StreamFit, fit_stream, stream_head
from monitor.learn.stream_mix import in_scope, label_mix
from monitor.learn.support import Support
from monitor.types import Task

WIDTH = 24


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def texts(rng: np.random.Generator, label: int, count: int, noise: float = 0.35) -> np.ndarray:
    """Texts of a task: all share the first direction, each label has one of its own."""
    centre = np.zeros(WIDTH)
    centre[0], centre[1 + label] = 1.0, 1.0
    return unit(centre + noise * rng.standard_normal((count, WIDTH)))


def foreign(rng: np.random.Generator, count: int) -> np.ndarray:
    return unit(rng.standard_normal((count, WIDTH)) - np.eye(WIDTH)[0])


def support(rng: np.random.Generator, labels: int = 3, shots: int = 4) -> Support:
    names = np.zeros((labels, WIDTH), np.float32)
    names[np.arange(labels), 1 + np.arange(labels)] = 1
    seeds = np.vstack([texts(rng, label, shots) for label in range(labels)])
    targets = np.repeat(np.eye(labels, dtype=np.float32), shots, axis=0)
    return Support(seeds, targets, names, np.zeros((0, WIDTH), np.float32))


def mixed(rng: np.random.Generator, counts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    rows = np.vstack([texts(rng, label, count) for label, count in enumerate(counts)])
    return rows, np.repeat(np.arange(len(counts)), counts)


def right(fit: StreamFit, rows: np.ndarray, truth: np.ndarray) -> float:
    return float(((rows @ fit.weight.T + fit.bias).argmax(axis=1) == truth).mean())


def test_a_stream_makes_few_seeds_better() -> None:
    gains = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        given, (rows, _), (test, truth) = support(rng), mixed(rng, [100] * 3), mixed(rng, [200] * 3)
        with_stream = fit_stream(given, rows, rng)
        without = fit_stream(given, rows[:0], rng)
        assert with_stream.promoted
        assert not without.promoted
        gains.append(right(with_stream, test, truth) - right(without, test, truth))
    assert np.mean(gains) > 0.005
    assert min(gains) > -0.01


def test_more_rounds_gain_more_where_labels_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {}
    for rounds in (1, 3):
        monkeypatch.setattr(stream, "ROUNDS", rounds)
        found = []
        for seed in range(8):
            rng = np.random.default_rng(seed)
            given = support(rng, labels=8, shots=2)
            rows, test = (np.vstack([texts(rng, i, count, 0.4) for i in range(8)]) for count in (100, 200))
            found.append(right(fit_stream(given, rows, rng), test, np.repeat(np.arange(8), 200)))
        told[rounds] = np.mean(found)
    assert told[3] > told[1] + 0.001


def test_only_a_sure_head_of_many_labels_teaches_more_than_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fits = stream._fit_both
    counted = []
    monkeypatch.setattr(stream, "_fit_both", lambda *args: counted.append(args) or fits(*args))
    for labels, sure, rounds in ((8, 0.0, stream.ROUNDS), (8, 1.1, 1), (3, 0.0, 1)):
        monkeypatch.setattr(stream, "SURE", sure)
        counted.clear()
        rng = np.random.default_rng(14)
        rows = np.vstack([texts(rng, label, 50) for label in range(labels)])
        assert fit_stream(support(rng, labels), rows, rng).promoted
        assert len(counted) == rounds * 5  # four folds and the whole


def test_an_unsure_head_learns_nothing_from_few_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(15)
    given, rows = support(rng, shots=8), mixed(rng, [14] * 3)[0]
    assert fit_stream(given, rows, rng).promoted
    monkeypatch.setattr(stream, "SURE", 1.1)
    fit = fit_stream(given, rows, rng)
    assert not fit.promoted
    assert "42 unlabelled texts are too few for 3 labels that are hard to tell apart" in fit.reason


def test_mix_and_none_share_are_found() -> None:
    rng = np.random.default_rng(1)
    given = support(rng, shots=16)
    rows, _ = mixed(rng, [240, 40, 20])
    clean = fit_stream(given, rows, rng)
    assert np.abs(clean.mix - [0.8, 0.13, 0.07]).max() < 0.13
    assert clean.none_share < 0.2
    dirty = fit_stream(given, np.vstack([rows, foreign(rng, 300)]), rng)
    assert np.abs(dirty.mix - [0.8, 0.13, 0.07]).max() < 0.13
    assert abs(dirty.none_share - 0.5) < 0.15
    assert dirty.mix.sum() == pytest.approx(1)


def test_foreign_texts_change_little() -> None:
    rng = np.random.default_rng(2)
    given, (rows, _), (test, truth) = support(rng), mixed(rng, [100] * 3), mixed(rng, [200] * 3)
    clean = fit_stream(given, rows, rng)
    dirty = fit_stream(given, np.vstack([rows, foreign(rng, 900)]), rng)
    assert right(dirty, test, truth) > right(clean, test, truth) - 0.02


def test_a_label_that_the_stream_lacks_is_still_told() -> None:
    rng = np.random.default_rng(3)
    given, (test, truth) = support(rng, shots=8), mixed(rng, [200] * 3)
    rows, _ = mixed(rng, [300, 300, 0])
    fit, before = fit_stream(given, rows, rng), fit_stream(given, rows[:0], rng)
    assert fit.promoted
    assert fit.mix[2] < 0.08
    missing = truth == 2
    assert right(fit, test[missing], truth[missing]) > right(before, test[missing], truth[missing]) - 0.05


def test_a_worse_fit_leaves_the_seeds_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    given, (rows, _) = support(rng, shots=8), mixed(rng, [100] * 3)
    plain = fit_stream(given, rows[:0], rng)
    labels = stream.soft_labels

    def wrong(*args: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        soft, mix = labels(*args)  # type: ignore[arg-type]
        return 4 * soft[:, [1, 0, 2]], mix

    monkeypatch.setattr(stream, "soft_labels", wrong)
    fit = fit_stream(given, rows, rng)
    assert not fit.promoted
    assert "worse" in fit.reason
    assert fit.score < fit.score_before
    assert np.array_equal(fit.weight, plain.weight)
    assert np.array_equal(fit.bias, plain.bias)
    assert (fit.temperature, fit.thresholds[0]) == (plain.temperature, plain.thresholds[0])


@pytest.mark.parametrize(
    ("labels", "shots", "count", "why"),
    [
        (3, 1, 300, "1 seeds"),
        (3, 0, 300, "0 seeds"),
        (3, 4, 5, "5 unlabelled texts are too few"),
        (3, 4, 0, "0 unlabelled texts are too few"),
        (1, 4, 300, "one label"),
    ],
)
def test_what_is_too_little_is_said(labels: int, shots: int, count: int, why: str) -> None:
    rng = np.random.default_rng(6)
    fit = fit_stream(support(rng, labels, shots), texts(rng, 0, count), rng)
    assert not fit.promoted
    assert why in fit.reason
    assert fit.weight.shape == (labels, WIDTH)
    assert fit.mix.sum() == pytest.approx(1)


def test_a_stream_of_one_of_two_labels_is_refused() -> None:
    rng = np.random.default_rng(12)
    given = support(rng, labels=2, shots=8)
    fit = fit_stream(given, texts(rng, 0, 300), rng)
    assert not fit.promoted
    assert "missing" in fit.reason
    assert fit_stream(given, mixed(rng, [150, 150])[0], rng).promoted


def test_halves_that_disagree_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MOST_UNSTABLE", 1e-6)
    rng = np.random.default_rng(13)
    fit = fit_stream(support(rng), mixed(rng, [30, 20, 10])[0], rng)
    assert not fit.promoted
    assert "halves" in fit.reason


def test_another_stream_altogether_is_refused() -> None:
    rng = np.random.default_rng(7)
    fit = fit_stream(support(rng, shots=8), foreign(rng, 300), rng)
    assert not fit.promoted
    assert "resembles" in fit.reason
    assert fit.none_share > 0.9


def test_multi_tasks_are_refused() -> None:
    rng = np.random.default_rng(8)
    fit = fit_stream(support(rng), texts(rng, 0, 50), rng, multi=True)
    assert (fit.promoted, fit.reason) == (
        False,
        "a task of several labels a text learns from its seeds alone",
    )


def test_the_same_input_gives_the_same_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MOST_TEXTS", 200)
    monkeypatch.setattr(stream, "MOST_FITTED", 100)
    rng = np.random.default_rng(9)
    given, (rows, _) = support(rng), mixed(rng, [100] * 3)
    fits = [fit_stream(given, rows, np.random.default_rng(0)) for _ in range(2)]
    assert fits[0].weight.tobytes() == fits[1].weight.tobytes()
    assert fits[0].mix.tobytes() == fits[1].mix.tobytes()
    other = fit_stream(given, rows, np.random.default_rng(1))
    assert other.weight.tobytes() != fits[0].weight.tobytes()


def test_label_mix_by_hand() -> None:
    # Sure answers are counted, with one imaginary text a label; a tenth is the prior's.
    sure, prior = np.eye(2)[[0, 0, 0, 1]], np.array([0.5, 0.5])
    mix, told = label_mix(sure, prior, np.ones(4))
    assert mix == pytest.approx([0.9 * 4 / 6 + 0.05, 0.9 * 2 / 6 + 0.05])
    assert told == pytest.approx(sure)
    # A text of weight 0 does not count.
    mix, _ = label_mix(sure, prior, np.array([1, 1, 1, 0.0]))
    assert mix == pytest.approx([0.9 * 0.8 + 0.05, 0.9 * 0.2 + 0.05])


def test_label_mix_solves_its_own_equation() -> None:
    rng = np.random.default_rng(10)
    chances, prior = rng.dirichlet([0.3] * 3, 500), np.array([0.2, 0.3, 0.5])
    mix, told = label_mix(chances, prior, np.ones(500))
    under = chances * mix / prior
    under /= under.sum(axis=1, keepdims=True)
    assert told == pytest.approx(under, abs=1e-3)
    assert mix == pytest.approx(0.9 * (under.sum(axis=0) + 1) / 503 + 0.1 * prior, abs=1e-3)


def test_a_label_never_vanishes_from_the_mix() -> None:
    # Every text leans a little to the same label: without the prior's part, EM would give it everything.
    chances = np.tile([0.6, 0.4], (2000, 1))
    mix, told = label_mix(chances, np.array([0.5, 0.5]), np.ones(2000))
    assert mix[1] > 0.05
    assert told[0, 1] > 0.04


def test_in_scope_tells_foreign_texts() -> None:
    rng = np.random.default_rng(11)
    given = support(rng, shots=16)
    rows, _ = mixed(rng, [100] * 3)
    chance = in_scope(given.seeds, np.vstack([rows, foreign(rng, 300)]))
    assert chance[:300].mean() > 0.8
    assert chance[300:].mean() < 0.1
    assert in_scope(given.seeds[:1], rows).tolist() == [1.0] * 300


def test_a_stream_head_answers_as_many_texts_as_one_of_seeds() -> None:
    """Its threshold is of the probabilities that it gives, which its reach has lowered."""
    answered: dict[str, list[float]] = {"seeds": [], "stream": []}
    for seed in range(12):
        rng = np.random.default_rng(seed)
        given, (rows, _), (test, _) = support(rng, shots=8), mixed(rng, [200] * 3), mixed(rng, [300] * 3)
        labels = ("a", "b", "c")
        fitted = fit_single(Rounds(given))
        head = Head(
            labels=labels,
            view="base",
            encoder="",
            weight=fitted.weight,
            bias=fitted.bias,
            temperature=fitted.temperature,
            thresholds=fitted.thresholds,
            multi=False,
            reach=fitted.reach,
            strength=fitted.strength,
        )
        made, fit = stream_head(Task("t", dict.fromkeys(labels, "")), head, given, rows, rng)
        if not fit.promoted:
            continue
        assert made.reach is head.reach
        for name, one in (("seeds", head), ("stream", made)):
            chances = probabilities(one, test).max(axis=1)
            answered[name].append(float((chances >= one.thresholds[0]).mean()))
        owner = Task("t", dict.fromkeys(labels, ""), threshold=0.8)
        assert stream_head(owner, head, given, rows, rng)[0].thresholds.tolist() == pytest.approx([0.8] * 3)
    assert len(answered["stream"]) >= 6
    assert np.mean(answered["stream"]) > 0.9
    assert np.mean(answered["stream"]) > np.mean(answered["seeds"]) - 0.02
