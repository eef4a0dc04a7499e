"""Which view suits a task, judged by its label names alone: learned from the tasks that were practised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from monitor.learn.head import fit_softmax
from monitor.learn.meta.catalog import MetaTask
from monitor.learn.views import task_direction

DRAWS = 30
"""Sets of labels drawn from each task."""
STRENGTH = 30.0


def fit_router(
    names: Mapping[str, Sequence[np.ndarray]],
    view_of: Mapping[str, str],
    views: Sequence[str],
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Logistic regression from label names to views: weight ``(V, d)`` and bias ``(V,)``.

    Tasks count alike, and views count alike however many tasks they have.

    :param names: by task, for each label the ``base`` features ``(p, d)`` of its name and paraphrases.
    :param view_of: the view that each task trained.
    """
    rows, wanted, weights = [], [], []
    per_view = {view: sum(found == view for found in view_of.values()) for view in views}
    for task, labels in sorted(names.items()):
        for _ in range(DRAWS):
            size = int(generator.integers(2, len(labels) + 1))
            chosen = generator.permutation(len(labels))[:size]
            said = np.stack([labels[place][generator.integers(len(labels[place]))] for place in chosen])
            rows.append(task_direction(said))
            wanted.append(views.index(view_of[task]))
            weights.append(len(view_of) / (len(views) * per_view[view_of[task]] * DRAWS))
    return fit_softmax(
        np.stack(rows), np.eye(len(views))[wanted], np.array(weights), strength=STRENGTH, iterations=200
    )


def router_of(
    views: Mapping[str, Sequence[str]],
    tasks: Sequence[MetaTask],
    names: Mapping[str, Sequence[np.ndarray]],
    base: np.ndarray,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """:func:`fit_router` for the views of a training: their families, the tasks, and what their labels are called.

    :param names: by task, for each label the numbers of its names in ``base`` ``(n, d)``.
    """
    view_of = {
        task.name: view
        for view, families in views.items()
        for task in tasks
        if task.family in families and task.name in names
    }
    said = {task: [base[own] for own in names[task]] for task in view_of}
    return fit_router(said, view_of, list(views), np.random.default_rng(seed))
