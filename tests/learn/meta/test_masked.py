from __future__ import annotations

import re

import numpy as np
import pytest

from monitor.learn.meta import masked
from monitor.learn.meta.catalog import MetaTask, digest
from monitor.learn.meta.masked import masked_tasks, without_word
from monitor.learn.meta.trunk import Trunk

SUBJECTS = ["bank", "harbour", "teacher", "engine", "garden", "doctor", "violin", "bridge"]
ENDS = ["opened again", "needs some repair", "was praised today", "costs money", "closed early", "looks new"]
PLACES = ["Paris", "Rome"]
TEXTS = [f"Everybody knows the {s} in {p} {e}." for s in SUBJECTS for e in ENDS for p in PLACES]


def make(texts: list[str] = TEXTS, count: int = 6, seed: int = 0) -> list[MetaTask]:
    return masked_tasks(texts, "topic", count, "[MASK]", np.random.default_rng(seed), "m")


def test_a_task_asks_which_word_is_missing() -> None:
    tasks = make()
    assert [task.name for task in tasks] == [f"m_{n:03d}" for n in range(6)]
    for task in tasks:
        assert (task.family, task.role, task.ships) == ("topic", "train", True)
        words = list(task.labels)
        assert words == sorted(words)
        assert masked.LABELS[0] <= len(words) <= masked.LABELS[1]
        assert len(task.test) == 0
        assert np.bincount(task.train.targets).min() >= masked.FEWEST_TEXTS
        assert np.bincount(task.train.targets).max() <= masked.MOST_TEXTS
        for text, target in zip(task.train.texts, task.train.targets, strict=True):
            assert text.count("[MASK]") == 1
            assert text.replace("[MASK]", words[target]).lower() in {own.lower() for own in TEXTS}
            left = set(re.findall(r"\w+", text.lower()))
            assert not left & set(words)  # one answer: no other word of the task is to be seen


def test_words_are_of_middling_frequency() -> None:
    texts = [*TEXTS, *(f"the violin was rare, number {n}" for n in range(3)), "a hapax is alone here"]
    played = {word for task in make(texts, 20) for word in task.labels}
    counts = {word: sum(word in t.lower().split() for t in texts) for word in ("everybody", "knows", "hapax")}
    assert counts["everybody"] == len(TEXTS) > masked.FEW
    assert not played & {"everybody", "knows", "hapax", "the", "was"}
    assert played >= set(SUBJECTS)


def test_words_are_dealt_like_cards() -> None:
    played = [word for task in make(count=2) for word in task.labels]
    assert len(played) == len(set(played))


def test_the_same_texts_and_generator_give_the_same_tasks() -> None:
    assert digest(make()) == digest(make())
    assert digest(make()) != digest(make(seed=1))
    assert digest(make([*TEXTS, *TEXTS])) == digest(make())  # said twice is said once


@pytest.mark.parametrize("texts", [[], ["one text"], TEXTS[:4], ["too few words"] * 3, ["12 34 !?"] * 9])
def test_too_few_texts_give_no_task(texts: list[str]) -> None:
    assert make(texts) == []


def test_the_word_goes_wherever_it_stands_and_long_texts_are_cut_around_it() -> None:
    assert (
        without_word("Bank of banks: the BANK, bank-like", "bank", "<mask>")
        == "<mask> of banks: the <mask>, <mask>-like"
    )
    words = [f"w{'x' * (n % 5 + 3)}" for n in range(200)]
    cut = without_word(" ".join([*words, "harbour", *words]), "harbour", "[MASK]").split()
    assert cut == [*words[-masked.AROUND :], "[MASK]", *words[: masked.AROUND]]
    assert without_word("İstanbul harbour", "harbour", "[MASK]") == "İstanbul [MASK]"


def test_the_tokenizer_reads_the_mask_as_one_token(trunk: Trunk) -> None:
    assert trunk.mask == "[MASK]"
    ids = trunk._tokenizer.encode("the [MASK], please").ids
    assert ids.count(trunk._tokenizer.token_to_id("[MASK]")) == 1
