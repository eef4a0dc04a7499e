"""Episodes: small labelling tasks that look like use, drawn from large ones.

Everything here is a pure function of its arguments and the generator that is passed in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

SEEDS = (0, 1, 2, 3, 4, 6, 8)
"""How many seeds a label may have in an episode."""
MOST_LABELS = 24
QUERIES = 6
"""At most so many queries a label."""


@dataclass(frozen=True, eq=False)
class Pool:
    """What episodes of one task are drawn from.

    ``rows`` holds for each label the numbers of its texts; ``names`` for each label the numbers
    of the texts that say what it is (its name first, then paraphrases); ``near`` ``(L, L)`` how
    alike the labels are. Numbers refer to one long list of texts that all pools share.
    """

    task: str
    rows: tuple[np.ndarray, ...]
    names: tuple[np.ndarray, ...]
    near: np.ndarray


@dataclass(frozen=True, eq=False)
class Episode:
    """A labelling task of ``N`` labels: seeds to learn it from and queries to be judged on.

    ``support`` and ``query`` are numbers of texts, the ``_targets`` their labels, 0 to N - 1;
    ``names`` ``(N,)`` are numbers of texts, or -1 throughout where names are missing.
    """

    task: str
    support: np.ndarray
    support_targets: np.ndarray
    query: np.ndarray
    query_targets: np.ndarray
    names: np.ndarray

    @property
    def size(self) -> int:
        """How many texts have to be encoded."""
        return len(self.support) + len(self.query) + len(self.names) * bool(self.names[0] >= 0)


@dataclass(frozen=True)
class Mix:
    """How episodes are mixed. ``weights`` by task (1 where it says nothing)."""

    weights: Mapping[str, float]
    names_missing: float = 0.15
    names_paraphrased: float = 0.4
    near_labels: float = 0.5


def draw_step(pools: Sequence[Pool], mix: Mix, budget: int, generator: np.random.Generator) -> list[Episode]:
    """Episodes for one step of training, of ``budget`` texts together (about, and at least one)."""
    share = np.array([mix.weights.get(pool.task, 1.0) for pool in pools], float)
    drawn: list[Episode] = []
    left = budget
    while left > budget // 8 or not drawn:
        pool = pools[generator.choice(len(pools), p=share / share.sum())]
        drawn.append(draw_episode(pool, mix, max(left, budget // 4), generator))
        left -= drawn[-1].size
    return drawn


def draw_episode(pool: Pool, mix: Mix, budget: int, generator: np.random.Generator) -> Episode:
    """One episode of at most ``budget`` texts (but at least two labels with a query each).

    Names are never missing where there are no seeds.
    """
    seeds = int(generator.choice(SEEDS))
    named = seeds == 0 or generator.random() >= mix.names_missing
    # Two or three queries a label at least: more labels only where the budget allows for them.
    room = max(2, budget // (seeds + named + 2))
    labels = _labels(pool, min(room, MOST_LABELS), mix.near_labels, generator)
    queries = int(np.clip(budget // len(labels) - seeds - named, 1, QUERIES))
    support: list[int] = []
    query: list[int] = []
    places: tuple[list[int], list[int]] = ([], [])
    for place, label in enumerate(labels):
        own = pool.rows[label]
        chosen = generator.permutation(own)[: seeds + queries]
        kept = min(seeds, len(chosen) - 1)  # a rare label gives up seeds before its last query
        support += chosen[:kept].tolist()
        query += chosen[kept:].tolist()
        places[0].extend([place] * kept)
        places[1].extend([place] * (len(chosen) - kept))
    names = np.full(len(labels), -1)
    if named or len(set(places[0])) < len(labels):
        for place, label in enumerate(labels):
            said = pool.names[label]
            other = len(said) > 1 and generator.random() < mix.names_paraphrased
            names[place] = said[generator.integers(1, len(said)) if other else 0]
    return Episode(
        pool.task,
        np.array(support, int),
        np.array(places[0], int),
        np.array(query, int),
        np.array(places[1], int),
        names,
    )


def _labels(pool: Pool, most: int, near: float, generator: np.random.Generator) -> np.ndarray:
    """Which labels play: all of them, or some at random, or one with those that are nearest to it."""
    count = len(pool.rows)
    most = min(most, count)
    size = int(generator.integers(2, most + 1)) if generator.random() < 0.5 else most
    if generator.random() < near:
        # The nearest, with a little noise, so that the same few do not always meet.
        anchor = int(generator.integers(count))
        alike = pool.near[anchor] + 0.1 * generator.standard_normal(count)
        alike[anchor] = np.inf
        return np.argsort(-alike, kind="stable")[:size]
    return generator.permutation(count)[:size]
