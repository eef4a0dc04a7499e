"""Texts that carry none of a task's labels, given as examples."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from monitor.errors import LearnError, UnknownName
from monitor.learn.adapt import adapt
from monitor.learn.deep import refit
from monitor.learn.depths import Given, frozen_baseline
from monitor.learn.doubts import doubts
from monitor.learn.fit import NAME_PULL, NAME_WEIGHT, fit_scores
from monitor.learn.head import FORMAT, Head, decide, fit_softmax, probabilities
from monitor.learn.names import name_worth
from monitor.learn.stream import stream_head
from monitor.learn.support import ENOUGH, gather
from monitor.learn.task_folder import check_labels
from monitor.types import NO_LABEL, Seed, Task
from tests.learn.words import by_view, encode

TASK = Task("mood", {"bad": "loss failure", "good": "win success"})
LABELLED = [
    *(Seed(f"terrible loss {word}", "bad") for word in ("today", "again", "late", "soon")),
    *(Seed(f"great win {word}", "good") for word in ("today", "again", "late", "soon")),
]
NONE = [Seed(f"yes please {word}", NO_LABEL) for word in ("today", "again", "late", "soon")]


def learn(seeds: list[Seed], task: Task = TASK) -> Head:
    return adapt(task, seeds, by_view, encoder_fingerprint="words")


def test_the_task_abstains_on_what_is_like_them_and_nothing_else_changes() -> None:
    few = LABELLED[::2]  # too few to tell how far labels reach
    before, head = learn(few), learn([*few, *NONE])
    assert before.reach is None
    texts = encode(["yes please", "terrible loss", "great win"])
    without, with_them = probabilities(before, texts), probabilities(head, texts)
    assert without[0].max() > 0.6
    assert with_them[0].max() < 0.2
    assert decide(head, with_them)[0][0].abstained
    assert [said[0].label for said in decide(head, with_them)[1:]] == ["bad", "good"]
    assert not any(said[0].abstained for said in decide(head, with_them)[1:])
    assert (without[1:].max(axis=1) - with_them[1:].max(axis=1) < 0.1).all()


def test_they_are_one_label_more_whose_score_is_taken_from_the_others() -> None:
    # as many of each, so that nothing is made up for
    support = gather(TASK, [*LABELLED, *NONE], by_view, ["base"])["base"]
    assert support.background.shape == (4, support.seeds.shape[1])
    assert support.targets.shape == (8, 2)
    weight, bias = fit_scores(support, strength=2.0)
    worth = name_worth(support)
    prior = NAME_PULL * worth[:, None] * (support.names - support.names.mean(axis=0))
    wide, at = fit_softmax(
        np.vstack([support.seeds, support.background, support.names]),
        np.vstack([np.repeat(np.eye(3), 4, axis=0), np.eye(2, 3)]),
        np.concatenate([np.ones(12), NAME_WEIGHT * worth]),
        strength=2.0,
        prior=np.vstack([prior, np.zeros_like(prior[:1])]),
    )
    rows = encode(["terrible", "win again", "yes", "please loss"])
    ours = np.column_stack([rows @ weight.T + bias, np.zeros(4)])
    np.testing.assert_allclose(softmax(ours, axis=1), softmax(rows @ wide.T + at, axis=1), atol=2e-3)


def test_the_probability_of_none_is_what_is_missing() -> None:
    head = Head(
        labels=("a", "b"),
        view="base",
        encoder="f00",
        weight=np.array([[1, 0], [0, 1]], np.float32),
        bias=np.zeros(2, np.float32),
        temperature=0.5,
        thresholds=np.full(2, 0.4, np.float32),
        multi=False,
        none=True,
    )
    found = probabilities(head, np.array([[1, 0], [-1, -1]], np.float32))
    by_hand = np.exp([[2, 0], [-2, -2]]) / (1 + np.exp([[2, 0], [-2, -2]]).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(found, by_hand, rtol=1e-6)
    assert Head.from_bytes(head.to_bytes()).none


def test_a_head_of_before_has_no_place_for_them() -> None:
    data = learn(LABELLED).to_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    plain = json.loads(header["__metadata__"]["head"])
    assert plain.pop("none") is False
    assert plain["format"] == FORMAT
    header["__metadata__"]["head"] = json.dumps(plain)
    written = json.dumps(header).encode()
    old = len(written).to_bytes(8, "little") + written + data[8 + length :]
    assert not Head.from_bytes(old).none


def test_beside_bare_names_they_teach_nothing_yet() -> None:
    # any text is more like a text than like a name: all would be refused
    few = LABELLED[: ENOUGH - 1]
    assert not learn([*few, *NONE]).none
    assert learn([*LABELLED[2:6], *NONE]).none
    head = learn(NONE)
    assert not head.none
    np.testing.assert_array_equal(head.weight, learn([]).weight)


def test_a_task_of_several_labels_a_text_is_told_from_them() -> None:
    topics = Task("topic", {"court": "judge lawsuit", "money": "profit sales"}, multi=True)
    own = [
        *(Seed(f"judge hears lawsuit {word}", "court") for word in ("today", "again", "late", "soon")),
        *(Seed(f"profit and sales {word}", "money") for word in ("rise", "fall", "stall", "soar")),
    ]
    none = [
        Seed(f"judge of a beauty contest {word}", NO_LABEL) for word in ("smiles", "waves", "sings", "jokes")
    ]
    text = encode(["the judge of a beauty contest"])
    before, after = learn(own, topics), learn([*own, *none], topics)
    assert probabilities(after, text)[0, 0] < probabilities(before, text)[0, 0] / 2
    support = gather(topics, [*own, *none, Seed(own[0].text, NO_LABEL)], by_view, ["base"])["base"]
    bare = gather(topics, own, by_view, ["base"])["base"]
    assert len(support.background) == len(bare.background) + 4, "what has a label is none of them"


def test_what_is_made_of_labelled_seeds_leaves_them_out() -> None:
    given = Given(TASK, [*NONE, *LABELLED], by_view, "words")
    np.testing.assert_array_equal(
        frozen_baseline(given).weight, frozen_baseline(replace(given, seeds=LABELLED)).weight
    )
    slip = Seed("great win now", "bad")
    found = doubts(TASK, [*NONE, *LABELLED, slip], by_view)
    assert [doubt.seed for doubt in found.seeds[:1]] == [slip]
    assert found.judged == len(LABELLED) + 1


def test_layers_that_stay_take_them_up_and_let_them_go() -> None:
    head = learn(LABELLED)
    taught = refit(TASK, [*LABELLED, *NONE], by_view, head)
    assert taught.none
    assert (
        probabilities(taught, encode(["yes please"])).max()
        < probabilities(head, encode(["yes please"])).max()
    )
    assert not refit(TASK, LABELLED, by_view, taught).none


def test_a_stream_keeps_their_place() -> None:
    seeds = [*LABELLED, *NONE]
    head = learn(seeds)
    support = gather(TASK, seeds, by_view, ["base"])["base"]
    words = [f"w{n}" for n in range(30)]
    texts = encode([f"terrible loss {w}" for w in words] + [f"great win {w}" for w in words])
    made, fit = stream_head(TASK, head, support, texts, np.random.default_rng(0))
    assert fit.promoted, fit.reason
    assert made.none
    rows = encode(["yes please w3", "terrible w3", "great w3"])
    said = decide(made, probabilities(made, rows))
    assert [one[0].label for one in said[1:]] == ["bad", "good"]
    assert said[0][0].abstained


def test_no_label_is_called_so() -> None:
    with pytest.raises(LearnError, match="cannot be a label"):
        check_labels(Path("folder"), ["a", NO_LABEL])
    with pytest.raises(UnknownName):
        learn([Seed("a text", "nobody")])
