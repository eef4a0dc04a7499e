"""What a task is learned from, as features: its seeds, its labels' names, and texts of no label."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from monitor.errors import LearnError, UnknownName
from monitor.types import NO_LABEL, Seed, Task

BACKGROUND = (
    "The weather was mild and dry this morning.",
    "We had dinner with friends and watched a film.",
    "The team won the match in the last minute.",
    "How long do I boil an egg?",
    "The museum opens a new exhibition of paintings.",
    "Scientists found water on a distant planet.",
    "Thank you and have a nice day.",
    "Hello, how are you?",
    "The train leaves from platform two.",
    "She is reading a book about history.",
    "The recipe needs two cups of flour.",
    "Ok, one moment please.",
    "The city plants trees along the river.",
    "My dog likes long walks in the park.",
    "The concert was sold out.",
    "What time is it in Tokyo?",
)
"""Texts of no label: what a ``multi`` task's labels are told apart from, besides each other and its own such texts."""

ENOUGH = 4
"""Seeds that it takes before texts of no label are learned from, where a text carries one label."""
KEPT = 0.98
"""Of the sum of squares of more rows than features, when their directions are reduced."""

_BOUNDARY = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\s_\-./]+")


def name_text(name: str, description: str) -> str:
    """What a label says of itself: its name in plain words, then its description.

    >>> name_text("cardLost_orStolen", "")
    'card lost or stolen'
    >>> name_text("M&A", "One company buys another.")
    'M&A: One company buys another.'
    """
    words = [word for word in _BOUNDARY.split(name) if word]
    plain = " ".join(word if word.isupper() else word.lower() for word in words) or name.strip()
    return f"{plain}: {description.strip()}" if description.strip() else plain


Encode = Callable[[Sequence[str], Sequence[str]], Mapping[str, np.ndarray]]
"""Texts and views to features by view, each ``(n, d)``, rows of length 1 (the caller may cache)."""


@dataclass(frozen=True)
class Support:
    """What a head is fitted to: ``n`` seeds, ``L`` label names, ``m`` texts of no label.

    ``seeds`` (n, d), ``targets`` (n, L) of 0 and 1, ``names`` (L, d), ``background`` (m, d).
    """

    seeds: np.ndarray
    targets: np.ndarray
    names: np.ndarray
    background: np.ndarray

    def without(self, seeds: np.ndarray, background: np.ndarray) -> Support:
        """The support without the seeds and background texts of two masks."""
        return replace(
            self,
            seeds=self.seeds[~seeds],
            targets=self.targets[~seeds],
            background=self.background[~background],
        )


def compact(support: Support) -> tuple[Support, np.ndarray]:
    """The support in coordinates of its own rows ``(..., r)``, and the basis ``(d, r)`` that leads back to features.

    A fit that starts from names and is pulled by seeds never leaves the span of its rows. Where rows are fewer than
    features this loses nothing; where they are more, only the main directions stay, with :data:`KEPT` of the squares.
    """
    rows = np.vstack([support.seeds, support.names, support.background]).astype(np.float32)
    if len(rows) < rows.shape[1]:
        basis = np.linalg.qr(rows.T)[0]
    else:
        squares, directions = np.linalg.eigh(rows.T @ rows)
        lost = np.cumsum(np.maximum(squares, 0)) <= (1 - KEPT) * squares.sum()
        basis = np.ascontiguousarray(directions[:, ~lost])
    inner = Support(support.seeds @ basis, support.targets, support.names @ basis, support.background @ basis)
    return inner, basis


def label_texts(task: Task) -> list[str]:
    """What each label of a task says of itself."""
    return [name_text(label, description) for label, description in task.labels.items()]


def labelled(seeds: Sequence[Seed]) -> list[Seed]:
    """The seeds that have a label of the task's, not :data:`monitor.types.NO_LABEL`."""
    return [seed for seed in seeds if seed.label != NO_LABEL]


def gather(
    task: Task,
    seeds: Sequence[Seed],
    encode: Encode,
    views: Sequence[str],
) -> dict[str, Support]:
    """Seeds, names and texts of no label as features, by view.

    Rows of ``seeds`` are those of :func:`labelled`, in a ``multi`` task each text once.

    :raises LearnError: the task has too few labels to tell anything apart.
    :raises UnknownName: a seed carries a label that the task does not have.
    """
    labels = tuple(task.labels)
    if not labels:
        raise LearnError(f"task {task.name!r} has no labels: give it some")
    if len(labels) < 2 and not task.multi:
        raise LearnError(
            f"task {task.name!r} has the one label {labels[0]!r}: give it a second one, or set multi = true"
        )
    place = {label: index for index, label in enumerate(labels)}
    background = list(dict.fromkeys(seed.text for seed in seeds if seed.label == NO_LABEL))
    seeds = labelled(seeds)
    for seed in seeds:
        if seed.label not in place:
            raise UnknownName(f"label of task {task.name!r}", seed.label, labels)
    if task.multi:
        texts = list(dict.fromkeys(seed.text for seed in seeds))
        targets = np.zeros((len(texts), len(labels)), np.float32)
        row = {text: index for index, text in enumerate(texts)}
        for seed in seeds:
            targets[row[seed.text], place[seed.label]] = 1
        background = [text for text in dict.fromkeys([*BACKGROUND, *background]) if text not in row]
    else:
        texts = [seed.text for seed in seeds]
        targets = np.eye(len(labels), dtype=np.float32)[[place[seed.label] for seed in seeds]]
        if len(seeds) < ENOUGH:
            background = []  # next to bare names any text is more like an example of none
    found = encode([*texts, *label_texts(task), *background], views)
    ends = [len(texts), len(texts) + len(labels)]
    parts = {view: np.split(np.asarray(found[view], np.float32), ends) for view in views}
    return {view: Support(own, targets, names, rest) for view, (own, names, rest) in parts.items()}
