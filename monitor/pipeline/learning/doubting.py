"""The stored seeds of a task that may carry a wrong label."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from monitor.learn.doubts import FEW, doubts
from monitor.pipeline.learning.featurizer import Featurizer
from monitor.store import Store
from monitor.store.tasks import StoredSeed
from monitor.types import NO_LABEL

ADAPTER = "adapter"
"""The origin of seeds that come with a task."""


class Doubtful(NamedTuple):
    """A seed that something else is ``times`` as likely for: the label ``likely``, or (``None``) none at all."""

    stored: StoredSeed
    likely: str | None
    times: float


class Found(NamedTuple):
    """Seeds that look wrong, the most doubtful first, labels that seem swapped, and how many seeds were judged.

    ``left_out``: how many look wrong, but come with the task's adapter.
    """

    doubtful: list[Doubtful]
    swapped: list[tuple[str, str]]
    judged: int
    left_out: int


def doubtful_seeds(store: Store, featurizer: Featurizer, name: str, *, shipped: bool = False) -> Found:
    """What may be wrong with the seeds of the task ``name`` (:mod:`monitor.learn.doubts`). Writes nothing.

    :param shipped: list and count also seeds of the task's adapter, which their owner cannot change. They help to judge
        the others either way.
    :raises UnknownName: for a task that nobody knows.
    :raises LearnError: if it cannot be learned as it is.
    """
    task, stored = store.tasks.need(name).task, store.tasks.seeds(name)
    seeds, encoder = [one.seed for one in stored], featurizer.encoder
    found = doubts(task, seeds, featurizer.matrices, views=encoder.views, prior=encoder.prior)
    ids = {one.seed: one for one in reversed(stored)}
    every = [Doubtful(ids[one.seed], one.likely, one.times) for one in found.seeds]
    if shipped:
        return Found(every, found.swapped, found.judged, 0)
    own = [one for one in every if one.stored.origin != ADAPTER]
    sizes = Counter(one.seed.label for one in stored)
    judged = sum(
        one.origin != ADAPTER and one.seed.label != NO_LABEL and sizes[one.seed.label] >= FEW
        for one in stored
    )
    return Found(own, found.swapped, judged, len(every) - len(own))
