"""Groups of texts that fit no label."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.detectors.new_topic import NEIGHBOURS, NewTopicSettings, groups, names, newest_group

DEFAULTS = NewTopicSettings()
DIMENSION = 256


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def scattered(number: int, seed: int = 0) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(number, DIMENSION)))


def around(centre: np.ndarray, number: int, seed: int = 1, spread: float = 0.5) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(number, DIMENSION)) / np.sqrt(DIMENSION)
    return unit(centre + spread * noise)


CENTRE = scattered(1, 99)[0]
NOTHING = np.zeros((0, DIMENSION), np.float32)
MEAN = np.zeros(DIMENSION, np.float32)


@given(st.integers(0, 10_000), st.integers(2, 30), st.floats(0.05, 0.9))
def test_groups_are_the_components_of_mutual_neighbours(seed: int, number: int, similarity: float) -> None:
    rows = around(CENTRE, number, seed, 1.0)
    near = rows @ rows.T
    closest = [
        set(sorted(set(range(number)) - {n}, key=lambda m: -near[n, m])[:NEIGHBOURS]) for n in range(number)
    ]
    parts = [{n} for n in range(number)]
    for a, b in combinations(range(number), 2):
        if near[a, b] >= similarity and a in closest[b] and b in closest[a]:
            one, other = (next(p for p in parts if n in p) for n in (a, b))
            if one is not other:
                parts.remove(other)
                one |= other
    wanted = sorted((sorted(p) for p in parts if len(p) > 1), key=len)
    assert sorted((sorted(g) for g in groups(rows, similarity)), key=lambda g: (len(g), g)) == sorted(
        wanted, key=lambda g: (len(g), g)
    )


def test_a_dense_group_among_scattered_texts_is_found() -> None:
    rows = np.concatenate([scattered(200), around(CENTRE, 12)])
    found = newest_group(rows, scattered(300, 7), MEAN, (7, 28), DEFAULTS)
    assert found is not None
    assert set(found.members) == set(range(200, 212))
    assert found.before == 0


def test_the_most_typical_comes_first() -> None:
    rows = np.concatenate([around(CENTRE, 12, spread=0.6), CENTRE[None]])
    assert groups(rows, 0.4)[0][0] == 12


def test_scattered_few_and_long_known_texts_are_no_new_topic() -> None:
    for seed in range(20):
        assert newest_group(scattered(300, seed), NOTHING, MEAN, (7, 28), DEFAULTS) is None
    few = np.concatenate([scattered(100), around(CENTRE, 5)])
    assert newest_group(few, NOTHING, MEAN, (7, 28), DEFAULTS) is None
    known = np.concatenate([scattered(100), around(CENTRE, 40, 5)])
    many = np.concatenate([scattered(100), around(CENTRE, 12)])
    assert newest_group(many, known, MEAN, (7, 28), DEFAULTS) is None


def test_what_all_texts_share_makes_no_group() -> None:
    shared = unit(scattered(200) + 3 * CENTRE)
    assert groups(shared, 0.4)
    assert newest_group(shared, NOTHING, shared.mean(axis=0), (7, 28), DEFAULTS) is None


def test_a_group_is_named_by_the_words_that_tell_it_apart() -> None:
    group = [f"the voucher code {n} is expired, says the till" for n in range(6)] + ["a voucher"]
    others = [
        "the parcel is late",
        "the till says no",
        "is the shop open",
        "where is the code of the app",
    ] * 5
    assert names(group, others)[:2] == ["voucher", "expired"]
    assert names(["99 !", "12"], others) == []


def test_a_group_is_named_in_its_language() -> None:
    group = ["手机银行无法登录", "我的账户无法登录了", "今天早上开始无法登录，怎么办", "为什么我无法登录"]
    assert names(group, ["请问余额怎么查询", "我想咨询贷款的问题", "今天利率是多少"] * 3)[0] == "无法登录"
    group = [f"der Gutschein {n} ist nicht mehr gültig und die Kasse nimmt ihn nicht" for n in range(6)]
    found = names(group, ["Wo ist mein Paket", "Ich habe eine Frage", "Danke für das Paket"] * 5)
    assert set(found) == {"gutschein", "gültig", "kasse"}


@pytest.mark.parametrize("rows", [NOTHING, scattered(1)])
def test_next_to_nothing_has_no_groups(rows: np.ndarray) -> None:
    assert groups(rows, 0.4) == []


def test_faults() -> None:
    found = list(NewTopicSettings(tasks=("topik",)).faults({"mood": "bad"}, {"tasks": {"topic"}}))
    assert [setting for setting, _ in found] == ["where", "tasks"]
