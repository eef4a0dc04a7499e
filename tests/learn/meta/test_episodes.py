from __future__ import annotations

import numpy as np
import pytest

from monitor.learn.meta.episodes import (
    MOST_LABELS,
    QUERIES,
    SEEDS,
    Episode,
    Mix,
    Pool,
    draw_episode,
    draw_step,
)

PLAIN = Mix({})


def make_pool(sizes: list[int], task: str = "task", first: int = 0, seed: int = 0) -> Pool:
    """Labels with so many texts each, and three names each, numbered on from ``first``."""
    ends = first + np.cumsum(sizes)
    rows = tuple(np.arange(end - size, end) for end, size in zip(ends, sizes, strict=True))
    names = tuple(1000 + first + np.arange(3 * place, 3 * place + 3) for place in range(len(sizes)))
    directions = np.random.default_rng(seed).standard_normal((len(sizes), 4))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return Pool(task, rows, names, directions @ directions.T)


def same(one: Episode, other: Episode) -> bool:
    fields = ("support", "support_targets", "query", "query_targets", "names")
    return one.task == other.task and all(np.array_equal(getattr(one, f), getattr(other, f)) for f in fields)


def episodes(pool: Pool, mix: Mix = PLAIN, budget: int = 60, count: int = 300) -> list[Episode]:
    generator = np.random.default_rng(1)
    return [draw_episode(pool, mix, budget, generator) for _ in range(count)]


def test_the_same_generator_gives_the_same_episodes() -> None:
    pools = [make_pool([9, 3, 20]), make_pool([5] * 30, "wide", 100)]
    one, two, other = (draw_step(pools, PLAIN, 96, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert len(one) == len(two)
    assert all(map(same, one, two))
    assert not (len(one) == len(other) and all(map(same, one, other)))


def test_drawing_changes_nothing() -> None:
    pool = make_pool([9, 3, 20])
    before = [own.copy() for own in (*pool.rows, *pool.names, pool.near)]
    episodes(pool, count=50)
    assert all(
        np.array_equal(a, b) for a, b in zip(before, (*pool.rows, *pool.names, pool.near), strict=True)
    )


@pytest.mark.parametrize("sizes", [[2, 2], [2, 50, 7], [30] * 6, [2] * 40, [100] * 150])
@pytest.mark.parametrize("budget", [12, 24, 96])
def test_an_episode_is_what_it_should_be(sizes: list[int], budget: int) -> None:
    pool = make_pool(sizes)
    for episode in episodes(pool, budget=budget, count=150):
        labels = len(episode.names)
        assert 2 <= labels <= min(MOST_LABELS, len(sizes))
        assert not set(episode.support) & set(episode.query)
        assert len({*episode.support, *episode.query}) == len(episode.support) + len(episode.query)
        assert sorted(set(episode.query_targets)) == list(range(labels))  # every label is asked
        owner = {row: place for place, own in enumerate(pool.rows) for row in own}
        played: dict[int, int] = {}
        for row, target in [
            *zip(episode.support, episode.support_targets, strict=True),
            *zip(episode.query, episode.query_targets, strict=True),
        ]:
            assert played.setdefault(int(target), owner[row]) == owner[row]
        assert len(set(played.values())) == labels
        per_label = np.bincount(episode.support_targets, minlength=labels)
        assert per_label.max(initial=0) in SEEDS
        assert np.bincount(episode.query_targets).max() <= QUERIES + max(SEEDS)
        if episode.names[0] >= 0:
            assert all(name in pool.names[played[place]] for place, name in enumerate(episode.names))
        else:
            assert (episode.names == -1).all()
            assert per_label.min() > 0  # never without seeds and names
        # two labels with eight seeds, a query and a name are the least that a large draw can come down to
        assert episode.size <= max(budget, 2 * (max(SEEDS) + 2))


def test_steps_keep_to_the_budget() -> None:
    pools = [make_pool([9, 3, 20]), make_pool([12] * 30, "wide", 100)]
    generator = np.random.default_rng(0)
    sizes = [sum(e.size for e in draw_step(pools, PLAIN, 96, generator)) for _ in range(300)]
    assert max(sizes) <= 96 + 96 // 4
    assert min(sizes) >= 96 - 96 // 8


def test_names_are_never_missing_without_seeds_and_missing_as_often_as_asked() -> None:
    pool = make_pool([30] * 4)
    found = episodes(pool, Mix({}, names_missing=1.0))
    assert {len(e.support) == 0 for e in found} == {True, False}
    for episode in found:
        assert (episode.names[0] >= 0) == (len(episode.support) == 0)
    assert all(e.names[0] >= 0 for e in episodes(pool, Mix({}, names_missing=0.0)))


def test_names_are_said_in_other_words_as_often_as_asked() -> None:
    pool = make_pool([30] * 4)

    def share(paraphrased: float) -> float:
        names = np.concatenate([e.names for e in episodes(pool, Mix({}, 0.0, paraphrased))])
        return float((names % 3 != 1000 % 3).mean())

    assert share(0.0) == 0
    assert share(1.0) == 1
    assert share(0.4) == pytest.approx(0.4, abs=0.06)


def test_near_labels_are_nearer_than_random_ones() -> None:
    pool = make_pool([30] * 60)
    place = {row: label for label, own in enumerate(pool.rows) for row in own}

    def nearness(near: float) -> float:
        found = []
        for episode in episodes(pool, Mix({}, near_labels=near)):
            labels = sorted({place[row] for row in episode.query})
            among = pool.near[np.ix_(labels, labels)]
            found.append(among[~np.eye(len(labels), dtype=bool)].mean())
        return float(np.mean(found))

    assert nearness(1.0) > nearness(0.0) + 0.2


def test_weights_say_how_often_a_task_is_drawn() -> None:
    pools = [make_pool([9, 9], name, 100 * place) for place, name in enumerate("abc")]
    generator = np.random.default_rng(0)
    mix = Mix({"a": 2.0, "c": 0.0})
    drawn = [e.task for _ in range(200) for e in draw_step(pools, mix, 24, generator)]
    assert "c" not in drawn
    assert drawn.count("a") / len(drawn) == pytest.approx(2 / 3, abs=0.07)
