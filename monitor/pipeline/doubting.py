"""The stored seeds of a task that may carry a wrong label."""

from __future__ import annotations

from typing import NamedTuple

from monitor.learn.doubts import doubts
from monitor.pipeline.featurizer import Featurizer
from monitor.store import Store
from monitor.store.tasks import StoredSeed


class Doubtful(NamedTuple):
    """A seed that something else is ``times`` as likely for: the label ``likely``, or (``None``) none at all."""

    stored: StoredSeed
    likely: str | None
    times: float


class Found(NamedTuple):
    """Seeds that look wrong, the most doubtful first, labels that seem swapped, and how many seeds were judged."""

    doubtful: list[Doubtful]
    swapped: list[tuple[str, str]]
    judged: int


def doubtful_seeds(store: Store, featurizer: Featurizer, name: str) -> Found:
    """What may be wrong with the seeds of the task ``name`` (:mod:`monitor.learn.doubts`). Writes nothing.

    :raises UnknownName: for a task that nobody knows.
    :raises LearnError: if it cannot be learned as it is.
    """
    task, stored = store.tasks.need(name).task, store.tasks.seeds(name)
    seeds, encoder = [one.seed for one in stored], featurizer.encoder
    found = doubts(task, seeds, featurizer.matrices, views=encoder.views, prior=encoder.prior)
    ids = {one.seed: one for one in reversed(stored)}
    doubtful = [Doubtful(ids[one.seed], one.likely, one.times) for one in found.seeds]
    return Found(doubtful, found.swapped, found.judged)
