"""From tasks to what episodes are drawn from: one list of texts, and numbers into it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from monitor.learn.meta.catalog import MetaTask
from monitor.learn.meta.episodes import Pool
from monitor.learn.support import name_text

FEWEST = 2
"""A label with fewer texts is left out: one to learn from, one to be asked."""


@dataclass(frozen=True, eq=False)
class Texts:
    """Distinct texts, and for each task and label the numbers of its texts and of its names."""

    texts: list[str]
    rows: dict[str, tuple[np.ndarray, ...]]
    names: dict[str, tuple[np.ndarray, ...]]


@dataclass(frozen=True)
class Paraphrases:
    """Other words for labels: templates by family, words by label, and words by task and label."""

    templates: Mapping[str, Sequence[str]]
    labels: Mapping[str, Sequence[str]]
    task: Mapping[str, Mapping[str, Sequence[str]]]

    def of(self, task: MetaTask, label: str) -> list[str]:
        """Other words for a label of a task; templates only where there is nothing better."""
        said = [*self.labels.get(label, ()), *self.task.get(task.name, {}).get(label, ())]
        return said or [
            template.format(name_text(label, "")) for template in self.templates.get(task.family, ())
        ]


def read_paraphrases() -> Paraphrases:
    """The ones that come with the program."""
    return Paraphrases(**tomllib.loads((files("monitor.learn.meta") / "paraphrases.toml").read_text("utf-8")))


def gather(tasks: Sequence[MetaTask], paraphrases: Paraphrases) -> Texts:
    """Number the texts of tasks. Labels with fewer than two texts are left out."""
    place: dict[str, int] = {}

    def number(text: str) -> int:
        return place.setdefault(text, len(place))

    rows: dict[str, tuple[np.ndarray, ...]] = {}
    names: dict[str, tuple[np.ndarray, ...]] = {}
    for task in tasks:
        every = task.all()
        own_rows, own_names = [], []
        for index, (label, description) in enumerate(task.labels.items()):
            numbers = np.array(
                sorted({number(every.texts[row]) for row in np.flatnonzero(every.targets == index)})
            )
            if len(numbers) < FEWEST:
                continue
            said = [name_text(label, description), *paraphrases.of(task, label)]
            if description:
                said.append(name_text(label, ""))
            own_rows.append(numbers)
            own_names.append(np.array([number(text) for text in said]))
        if len(own_rows) >= 2:
            rows[task.name], names[task.name] = tuple(own_rows), tuple(own_names)
    return Texts(list(place), rows, names)


def make_pools(gathered: Texts, base: np.ndarray) -> list[Pool]:
    """Pools with how alike their labels are: the similarity of the means of their texts in ``base`` ``(n, d)``."""
    pools = []
    for task, rows in gathered.rows.items():
        means = np.stack([base[own].mean(axis=0) for own in rows])
        means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
        pools.append(Pool(task, rows, gathered.names[task], means @ means.T))
    return pools
