"""What a meta-training moves and looks at, made of its tasks before the first step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.errors import LearnError
from monitor.learn.meta.catalog import MetaTask
from monitor.learn.meta.data import Data, own_tasks
from monitor.learn.meta.look import Look
from monitor.learn.meta.pools import gather, make_pools, read_paraphrases
from monitor.learn.meta.route import router_of
from monitor.learn.meta.settings import MetaSettings
from monitor.learn.meta.states import States, joined
from monitor.learn.meta.train import ViewTrainer
from monitor.learn.meta.trunk import Trunk

Tell = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class Parts:
    """By view a trainer and its look at validation tasks, in the same order; and what routes between views."""

    trainers: Sequence[ViewTrainer]
    looks: Sequence[Look]
    router: tuple[np.ndarray, np.ndarray]


def make_parts(
    settings: MetaSettings, data: Data, masked: Mapping[str, Sequence[MetaTask]], trunk: Trunk, tell: Tell
) -> Parts:
    """Read the texts of all tasks once, and make the parts of them.

    :param masked: by view, its tasks of masked words.
    :raises LearnError: a view has nothing to be trained on.
    """

    def states(texts: Sequence[str], what: str) -> States:
        done = 0

        def count(more: int) -> None:
            nonlocal done
            done += more
            tell(what, done, len(texts))

        return trunk.states(texts, settings.start, settings.max_tokens, count)

    paraphrases = read_paraphrases()
    gathered = gather([*data.tasks, *(task for made in masked.values() for task in made)], paraphrases)
    # What the catalogue says comes first and is read by itself, so that it can be kept.
    own = len(gather(data.tasks, paraphrases).texts) if masked else len(gathered.texts)
    shared = joined(
        states(gathered.texts[:own], "reading texts"), states(gathered.texts[own:], "reading masked texts")
    )
    pools = {pool.task: pool for pool in make_pools(gathered, shared.base)}
    trainers = []
    for view, families in settings.views.items():
        names = [task.name for task in own_tasks(view, families, data, masked)]
        drawn = [pools[name] for name in names if name in pools]
        if not any(settings.weights.get(pool.task, 1.0) for pool in drawn):
            raise LearnError(f"view {view!r} has no task with a weight, and two texts for two labels each")
        trainers.append(ViewTrainer(view, trunk.layers, drawn, shared, settings, trunk.device))
    router = router_of(settings.views, data.tasks, gathered.names, shared.base, settings.seed)
    looks = [
        Look(
            families,
            data.checks,
            lambda texts: states(texts, "reading validation texts"),
            lambda texts: trunk.spelling(texts, settings.max_tokens),
            settings.spelling.get(view, 0.0),
        )
        for view, families in settings.views.items()
    ]
    return Parts(trainers, looks, router)
