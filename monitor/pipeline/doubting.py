"""The stored seeds of a task that may carry a wrong label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from monitor.learn.doubts import doubts
from monitor.pipeline.featurizer import Featurizer
from monitor.store import Store
from monitor.store.tasks import StoredSeed


class Doubtful(NamedTuple):
    """A seed that something else is ``times`` as likely for: the label ``likely``, or (``None``) none at all."""

    stored: StoredSeed
    likely: str | None
    times: float


def doubtful_seeds(
    store: Store, featurizer: Featurizer, name: str
) -> tuple[list[Doubtful], list[tuple[str, str]]]:
    """Seeds of the task ``name`` that look wrong, the most doubtful first, and labels that seem to be swapped.

    Writes nothing (:mod:`monitor.learn.doubts`).

    :raises UnknownName: for a task that nobody knows.
    :raises LearnError: if it cannot be learned as it is.
    """
    task, stored = store.tasks.need(name).task, store.tasks.seeds(name)

    def encode(texts: Sequence[str], views: Sequence[str]) -> dict[str, np.ndarray]:
        return featurizer.matrices(texts, views)

    encoder = featurizer.encoder
    found = doubts(task, [one.seed for one in stored], encode, views=encoder.views, prior=encoder.prior)
    ids = {one.seed: one for one in reversed(stored)}
    return [Doubtful(ids[one.seed], one.likely, one.times) for one in found.seeds], found.swapped
