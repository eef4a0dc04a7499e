"""Which seeds may carry a wrong label, and which labels may be swapped.

Examples that people gave have slips among them: the key beside the right one, a spreadsheet's column that moved.
A head learns them all the same. But fits that have not seen such a seed take it for another label, and with
confidence (confident learning, Northcutt, Jiang and Chuang 2021); and where two labels are swapped throughout,
which no fit notices, each one's seeds are more like the other's name. What comes out is worth a look and no more:
a hard example looks the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.stats import binom

from monitor.learn import calibrate
from monitor.learn.adapt import Prior, prepare
from monitor.learn.rounds import Rounds, choose_strength
from monitor.learn.score import of_folds
from monitor.learn.support import Encode, Support, labelled
from monitor.learn.threads import single_threaded
from monitor.learn.views import BASE
from monitor.types import Seed, Task

TIMES = 20.0
"""So many times likelier something else must be than the label that a seed carries."""
FEW = 4
"""Seeds of a label that it takes to doubt one of them, or its name."""
MOST = 0.7
"""So large a share of each label's seeds must be more like the other's name."""
FAR = 0.3
"""And the seeds of both must lie so far apart, of what the names do."""
CHANCE = 0.05
"""How likely chance alone may call any two labels of a task swapped."""


class Doubt(NamedTuple):
    """A seed that something else is ``times`` as likely for: another label, or none of those that it is no seed of."""

    seed: Seed
    likely: str | None
    times: float


class Doubts(NamedTuple):
    """What may be wrong with a task's seeds: single ones, the most doubtful first, and pairs of labels.

    ``judged``: how many seeds could be, because their label has :data:`FEW` or more.
    """

    seeds: list[Doubt]
    swapped: list[tuple[str, str]]
    judged: int


@single_threaded
def doubts(
    task: Task,
    seeds: Sequence[Seed],
    encode: Encode,
    *,
    views: Sequence[str] = (BASE,),
    prior: Prior | None = None,
) -> Doubts:
    """What may be wrong with the seeds of a task, learned as :func:`monitor.learn.adapt.adapt` would.

    :raises LearnError: the task has too few labels to tell anything apart.
    :raises UnknownName: a seed carries a label that the task does not have.
    """
    prepared = prepare(task, seeds, encode, views, prior)
    support, labels = prepared.support, tuple(task.labels)
    seeds = labelled(seeds)
    if not len(seeds):
        return Doubts([], [], 0)
    logits = _of_several(support) if task.multi else log_odds(prepared.rounds)
    texts = list(dict.fromkeys(seed.text for seed in seeds)) if task.multi else [seed.text for seed in seeds]
    judged = support.targets * (support.targets.sum(axis=0) >= FEW)
    found = []
    others = np.where(support.targets > 0, -np.inf, logits)
    # the odds against a label by itself, or what another one has ahead of it
    against = -logits if task.multi else others.max(axis=1, keepdims=True) - logits
    for row, own in zip(*np.nonzero(judged * (against > np.log(TIMES))), strict=True):
        best = int(others[row].argmax())
        likely = labels[best] if not task.multi or others[row, best] > 0 else None
        found.append(Doubt(Seed(texts[row], labels[own]), likely, float(np.exp(against[row, own]))))
    found.sort(key=lambda doubt: -doubt.times)
    pairs = [(labels[a], labels[b]) for a, b in swapped(support)]
    return Doubts(found, pairs, int(judged.sum()))


def log_odds(rounds: Rounds) -> np.ndarray:
    """Log-odds between labels ``(n, L)``, up to a constant of each row, of seeds that a fit has not seen."""
    strength = choose_strength(rounds)
    held, targets = rounds.held_out(strength)
    return held / calibrate.temperature(held, targets, strength)


def _of_several(support: Support) -> np.ndarray:
    """Log-odds of each label ``(n, L)`` of seeds that a fit has not seen."""
    logits = np.zeros(support.targets.shape)
    for out, fitted, scores in of_folds(support):
        logits[out] = scores / fitted.temperature
    return logits


def swapped(support: Support) -> list[tuple[int, int]]:
    """Pairs of labels, by number, of which each one's seeds are more like the other's name.

    Not by chance (a sign test, one half being chance, at :data:`CHANCE` for all pairs together), and by much
    (:data:`FAR`): seeds of a label are alike, so that names that say nothing lean to one side or the other as well.
    """
    names = support.names
    similar, apart = support.seeds @ names.T, 1 - names @ names.T
    alone = support.targets * (support.targets.sum(axis=1, keepdims=True) == 1)
    pairs = list(combinations(np.flatnonzero(alone.sum(axis=0) >= FEW).tolist(), 2))
    found = []
    for a, b in pairs:
        towards = similar[:, b] - similar[:, a]
        of_a, of_b = towards[alone[:, a] > 0], towards[alone[:, b] > 0]
        middle = (of_a.mean() + of_b.mean()) / 2
        crossed_a, crossed_b = of_a > middle, of_b < middle
        far = of_a.mean() - of_b.mean() >= FAR * apart[a, b]
        if far and min(crossed_a.mean(), crossed_b.mean()) >= MOST:
            count, of = int(crossed_a.sum() + crossed_b.sum()), len(of_a) + len(of_b)
            if binom.sf(count - 1, of, 0.5) <= CHANCE / len(pairs):
                found.append((a, b))
    return found
