"""Explanations: against effects worked out by hand, and on the embedded encoder by deletion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from monitor.errors import UnknownName
from monitor.learn.encoder import EMBEDDED_SHA256, TransformerEncoder, embedded_folder
from monitor.learn.explain import VARIANTS, Explanation, Neighbour, explain, log_odds, without, word_groups
from monitor.learn.head import Head, fit_softmax
from monitor.learn.support import name_text
from monitor.types import NO_LABEL, Seed
from sample.texts import read_news

WORDS = {"awful": (1.0, 0.0, 0.0), "lovely": (0.0, 1.0, 0.0), "the": (0.0, 0.0, 1.0)}


def encode(texts: Sequence[str]) -> np.ndarray:
    """A text is the sum of its known words' directions (not of length 1, to be worked out by hand)."""
    rows = [np.sum([WORDS[w] for w in text.split() if w in WORDS] or [(0, 0, 0)], axis=0) for text in texts]
    return np.array(rows, np.float32)


def head(*, multi: bool = False, threshold: float = 0.5) -> Head:
    """Scores: bad = 2 awful - 1 lovely, good = 1 lovely."""
    weight = np.array([[2, -1, 0], [0, 1, 0]], np.float32)
    return Head(
        ("bad", "good"), "base", "e", weight, np.zeros(2, np.float32), 1.0, np.full(2, threshold), multi
    )


SEEDS = [
    Seed("awful awful", "bad"),
    Seed("awful", "bad"),
    Seed("lovely", "bad"),
    Seed("the", "bad"),
    Seed("lovely", "good"),
    Seed("lovely lovely", "good"),
]


def explained(*given: Any, **said: Any) -> Explanation:
    """The explanation of the likeliest label."""
    return explain(*given, **said)[0]


def test_says_how_likely_no_label_is_and_shows_the_nearest_text_that_has_none() -> None:
    seeds = [*SEEDS, Seed("the the", NO_LABEL), Seed("awful the", NO_LABEL)]
    found = explained("the", replace(head(), none=True), encode, seeds)
    # both scores are 0, and so is that of no label
    assert found.none == pytest.approx(1 / 3)
    assert found.abstained
    assert [(near.label, near.text) for near in found.nearest][-1] == (NO_LABEL, "the the")
    assert explained("lovely", replace(head(), none=True), encode, seeds).none < 0.3
    assert all(near.label != NO_LABEL for near in explained("lovely", head(), encode, seeds).nearest)
    assert explained("the", head(multi=True), encode, seeds).none == 0


def test_effects_are_what_the_log_odds_lose() -> None:
    found = explained("the awful lovely x", head(), encode, SEEDS)
    # scores: bad 2 - 1 = 1, good 1; log-odds of two labels are the difference of their scores
    assert (found.label, found.runner_up) == ("bad", "good")
    assert found.probability == pytest.approx(0.5)
    assert found.margin == pytest.approx(0)
    assert [(w.text, w.start, w.end) for w in found.words] == [
        ("the", 0, 3),
        ("awful", 4, 9),
        ("lovely", 10, 16),
        ("x", 17, 18),
    ]
    assert [w.effect for w in found.words] == pytest.approx([0, 2, -2, 0], abs=1e-6)
    assert [w.text for w in found.top(5)] == ["awful"]
    assert [w.text for w in found.top(5, against=True)] == ["lovely"]


def test_several_labels_a_text_have_odds_of_their_own() -> None:
    found = explained("awful lovely", head(multi=True), encode, SEEDS, label="good")
    assert (found.label, found.runner_up) == ("good", "bad")
    assert found.probability == pytest.approx(1 / (1 + np.exp(-1)))
    assert [w.effect for w in found.words] == pytest.approx([0, 1], abs=1e-6)


def test_each_label_that_is_said_is_explained() -> None:
    both = explain("awful awful lovely", head(multi=True), encode, SEEDS)
    assert [(one.label, one.abstained) for one in both] == [("bad", False), ("good", False)]
    assert [p.label for p in both[1].said] == ["bad", "good"]
    assert both[0] == explained("awful awful lovely", head(multi=True), encode, SEEDS)
    assert both[1] == explained("awful awful lovely", head(multi=True), encode, SEEDS, label="good")
    (one,) = explain("awful awful lovely", head(), encode, SEEDS)
    assert [p.label for p in one.said] == ["bad"]


def test_the_nearest_seeds_of_label_and_runner_up() -> None:
    found = explained("awful", head(), encode, SEEDS)
    assert found.nearest == (
        Neighbour("bad", "awful awful", 2.0),
        Neighbour("bad", "awful", 1.0),
        Neighbour("bad", "lovely", 0.0),
        Neighbour("good", "lovely", 0.0),
    )


def test_a_label_without_seeds_has_its_name() -> None:
    found = explained("awful", head(), encode, [], {"bad": "awful the", "good": "the"})
    assert found.nearest == (
        Neighbour("bad", "awful the", 1.0, is_name=True),
        Neighbour("good", "the", 0.0, is_name=True),
    )
    assert explained("awful", head(), encode, []).nearest[0].text == "bad"


@pytest.mark.parametrize(("threshold", "abstained"), [(0.99, True), (0.5, False)])
def test_an_abstention_is_said(threshold: float, abstained: bool) -> None:
    found = explained("awful", head(threshold=threshold), encode, SEEDS)
    assert (found.abstained, found.threshold) == (abstained, threshold)


def test_one_label_has_no_runner_up() -> None:
    one = Head(
        ("bad",), "base", "e", np.array([[1.0, 0, 0]], np.float32), np.zeros(1), 1.0, np.full(1, 0.5), True
    )
    found = explained("awful the", one, encode, [])
    assert (found.runner_up, found.runner_up_probability) == (None, 0)
    assert [w.effect for w in found.words] == pytest.approx([1, 0], abs=1e-6)


def test_an_unknown_label_lists_the_known() -> None:
    with pytest.raises(UnknownName, match="known: bad, good"):
        explained("awful", head(), encode, SEEDS, label="sport")


@pytest.mark.parametrize("text", ["", "  ", "one", "word " * 5000])
def test_any_text_is_explained_with_few_variants(text: str) -> None:
    calls: list[int] = []

    def counted(texts: Sequence[str]) -> np.ndarray:
        calls.append(len(texts))
        return encode(texts)

    found = explained(text, head(), counted, SEEDS)
    assert len(calls) == 2
    assert calls[0] == 1 + len(found.words) <= 1 + VARIANTS


def test_log_odds_keep_their_digits() -> None:
    sure = np.array([[1.0, 1e-20], [0.5, 0.5]], np.float32)
    np.testing.assert_allclose(log_odds(sure, multi=False), [[46.05, -46.05], [0, 0]], atol=0.01)
    three = np.array([[0.5, 0.3, 0.2]])
    np.testing.assert_allclose(log_odds(three, multi=False), np.log(three / (1 - three)))
    of_none = np.array([[0.4, 0.1]])  # and 0.5 for no label at all
    np.testing.assert_allclose(log_odds(of_none, multi=False), np.log(of_none / (1 - of_none)))
    np.testing.assert_allclose(log_odds(np.array([[0.9, 0.2]]), multi=True), [[np.log(9), -np.log(4)]])
    assert np.isfinite(log_odds(np.array([[1.0, 0.0]], np.float32), multi=True)).all()


def test_words_are_found_and_left_out() -> None:
    assert word_groups(" a, b\nc ") == [(1, 3), (4, 5), (6, 7)]
    assert word_groups("利润下降 now") == [(0, 1), (1, 2), (2, 3), (3, 4), (5, 8)]
    assert word_groups("") == []
    groups = word_groups("w " * 200)
    assert len(groups) == 50
    assert groups[0] == (0, 7)
    assert word_groups("w " * 1000)[-1][1] == 511  # what lies beyond is not weighed
    assert without("to be or not", [(9, 12), (0, 2)]) == "be or"
    assert without("a  b c", [(0, 1)]) == "b c"
    assert without("a", [(0, 1)]) == ""


# -- the real encoder ----------------------------------------------------------------------

PER_LABEL, TEXTS, DELETED = 12, 200, 2


def test_deleting_the_top_words_hurts_more_than_deleting_random_ones() -> None:
    """Headlines of the sample: the words that explain a topic are those that it depends on."""
    encoder = TransformerEncoder(embedded_folder(), sha256=EMBEDDED_SHA256, device="cpu")

    def features(texts: Sequence[str]) -> np.ndarray:
        return encoder.encode(texts)["base"]

    generator = np.random.default_rng(7)
    short = [news for news in read_news() if 4 <= len(news.title.split()) <= 10]
    short = [short[i] for i in generator.permutation(len(short))]
    labels = sorted({news.topic for news in short})
    seeds = [n for label in labels for n in [n for n in short if n.topic == label][:PER_LABEL]]
    rest = [news for news in short if news not in seeds][:TEXTS]
    assert len(rest) == TEXTS
    rows = features([n.title for n in seeds] + [name_text(label, "") for label in labels])
    targets = np.eye(len(labels))[[labels.index(n.topic) for n in seeds] + list(range(len(labels)))]
    weight, bias = fit_softmax(rows, targets, np.ones(len(rows)), strength=10.0)
    learned = Head(tuple(labels), "base", "e", weight, bias, 0.7, np.zeros(len(labels)), False)
    examples = [Seed(news.title, news.topic) for news in seeds]
    seed_rows = dict(zip([s.text for s in examples], rows, strict=False))

    def encode_once(texts: Sequence[str]) -> np.ndarray:
        known = all(text in seed_rows for text in texts)
        return np.stack([seed_rows[text] for text in texts]) if known else features(texts)

    names = {label: label for label in labels}
    top, random = [], []
    for news in rest:
        found = explained(news.title, learned, encode_once, examples, names)
        words = [(word.start, word.end) for word in found.words]
        drawn = [words[i] for i in generator.choice(len(words), DELETED, replace=False)]
        best = [(word.start, word.end) for word in found.top(DELETED)]
        drawn = drawn[: len(best)]
        changed = features([without(found.text, best), without(found.text, drawn)])
        place = labels.index(found.label)
        scores = np.exp(log_odds(_softmax(changed @ weight.T + bias, 0.7), multi=False)[:, place])
        after = scores / (1 + scores)
        top.append(found.probability - after[0])
        random.append(found.probability - after[1])
    falls, by_chance = np.array(top), np.array(random)
    print(f"top words: {falls.mean():.3f}, random words: {by_chance.mean():.3f}")
    assert falls.mean() > by_chance.mean() + 0.05
    difference = falls - by_chance
    assert difference.mean() > 4 * difference.std() / np.sqrt(len(difference))


def _softmax(scores: np.ndarray, temperature: float) -> np.ndarray:
    raised = np.exp((scores - scores.max(axis=1, keepdims=True)) / temperature)
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
