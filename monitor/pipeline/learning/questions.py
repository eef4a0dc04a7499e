"""Which documents to ask a person about, so that a task learns most from few answers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from monitor.learn.head import Head, decide, probabilities
from monitor.learn.queries import choose, least_sure, uncertainty
from monitor.pipeline.learning.featurizer import Featurizer
from monitor.pipeline.learning.readers import Reader, Unmet
from monitor.pipeline.learning.recent import recent
from monitor.store import Store
from monitor.types import StoredDocument

CLEAR = 0.5
"""A text whose likeliest label is so far ahead of the next is not called unsure."""
ENCODED = 512
"""Texts without kept features (not classified yet) that one choice may encode; the rest wait."""


@dataclass(frozen=True)
class Question:
    """A document to ask about, and what the task thinks of it now.

    ``ranking`` has every label with its probability, the likeliest first; ``why`` says in words
    why it is asked. ``previous`` is the text before it in its conversation: "yes, please" says little alone.
    """

    document: StoredDocument
    text: str
    ranking: tuple[tuple[str, float], ...]
    abstained: bool
    why: str
    previous: StoredDocument | None = None

    @property
    def guess(self) -> str:
        """The likeliest label."""
        return self.ranking[0][0]

    @property
    def probability(self) -> float:
        """Its probability."""
        return self.ranking[0][1]


@dataclass
class _Pool:
    """Texts that may be asked, with what is known of each."""

    items: list[tuple[StoredDocument, str]]
    features: np.ndarray
    chances: np.ndarray
    unsure: np.ndarray

    def add(self, other: _Pool) -> None:
        self.items += other.items
        self.features = np.vstack([self.features, other.features])
        self.chances = np.vstack([self.chances, other.chances])
        self.unsure = np.concatenate([self.unsure, other.unsure])

    def shrink(self, count: int) -> None:
        """Keep what :func:`choose` will look at."""
        rows = np.sort(least_sure(self.unsure, count))
        self.items = [self.items[i] for i in rows]
        self.features, self.chances = self.features[rows], self.chances[rows]
        self.unsure = self.unsure[rows]


def questions(
    store: Store,
    featurizer: Featurizer,
    reader: Reader,
    now: datetime,
    *,
    since: datetime,
    count: int,
    leave_out: Collection[str] = (),
) -> list[Question]:
    """Up to ``count`` documents since ``since``, the most worth asking first.

    What the task does not read, what is a seed already (of no label, too) and what repeats a text
    is left out; so are the texts of ``leave_out``. Documents that the task abstained
    on are there. ``reader`` has a head.
    """
    head = reader.head
    assert head is not None
    seeds = list(dict.fromkeys(stored.seed.text for stored in store.tasks.seeds(reader.task.name)))
    unmet = Unmet(reader, (*seeds, *leave_out))
    pool: _Pool | None = None
    for found in recent(store, featurizer, unmet, head.view, now, encoded=ENCODED, since=since):
        if not found.items:
            continue
        chances = probabilities(head, found.features)
        unsure = uncertainty(chances, head.thresholds, multi=head.multi)
        part = _Pool(found.items, found.features, chances, unsure)
        if pool is None:
            pool = part
        else:
            pool.add(part)
        pool.shrink(count)
    if pool is None:
        return []
    known = np.zeros((0, head.weight.shape[1]), np.float32)
    if seeds:
        known = featurizer.matrices(seeds, [head.view], now)[head.view]
    said = decide(head, pool.chances)
    chosen = choose(pool.unsure, pool.features, known, count)
    # The choice stands for a group of texts, and need not itself be one that is hard to tell.
    role = "unlike the others asked" if len(chosen) > 1 else "typical of what it is least sure of"
    asked = [
        _question(head, *pool.items[i], pool.chances[i], role, abstained=said[i][0].abstained) for i in chosen
    ]
    return [replace(one, previous=store.threads.before(one.document)) for one in asked]


def _question(
    head: Head, document: StoredDocument, text: str, chances: np.ndarray, role: str, *, abstained: bool
) -> Question:
    ranking = tuple((head.labels[i], float(chances[i])) for i in np.argsort(-chances, kind="stable"))
    return Question(document, text, ranking, abstained, why_asked(head, chances, role, abstained=abstained))


def why_asked(head: Head, chances: np.ndarray, role: str, *, abstained: bool) -> str:
    """In words, why a text to which ``head`` gives ``chances`` ``(L,)`` is asked about.

    :param role: what it is asked for where the head is sure enough of it.
    """
    if head.multi:
        near = int(np.abs(chances - head.thresholds).argmin())
        label, chance, threshold = head.labels[near], chances[near], head.thresholds[near]
        if abs(chance - threshold) < CLEAR / 2:
            return f"{label} at {chance:.0%} is near its threshold of {threshold:.0%}"
        return f"{role}: {label} {chance:.0%}, threshold {threshold:.0%}"
    first, second = np.argsort(-chances, kind="stable")[:2]
    close = f"{head.labels[first]} {chances[first]:.0%}, {head.labels[second]} {chances[second]:.0%}"
    if abstained:
        return f"no label is likely enough: {close}"
    return f"{'not sure' if chances[first] - chances[second] < CLEAR else role}: {close}"
