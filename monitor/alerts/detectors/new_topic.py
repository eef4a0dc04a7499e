"""New topic: texts that fit no label, and resemble each other.

Two texts are linked if each is among the other's nearest and they are similar enough; what hangs
together is a group (mutual nearest neighbours, as in Gowda and Krishna, "Agglomerative clustering
using the concept of mutual nearest neighbourhood", Pattern Recognition 10 (1978)). Features are
taken relative to the mean of the task's texts, so that what all of them share does not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log

import numpy as np
from pydantic import Field

from monitor.alerts.detectors.kind import KindSettings
from monitor.alerts.detectors.named import name_faults
from monitor.alerts.function_words import of_texts
from monitor.alerts.words import holders, in_texts, terms, unspaced, whole
from monitor.durations import DAY, Duration
from monitor.mentions import plain

NEIGHBOURS = 10
WORDS = 3


class NewTopicSettings(KindSettings):
    """Settings of ``kind = "new_topic"``."""

    tasks: tuple[str, ...] = Field((), description="names of tasks [default: each but sentiments]")
    recent: Duration = Field(7 * DAY, ge=3600, description="the time in which a group must have come up")
    reference: Duration = Field(28 * DAY, ge=DAY, description="the time before, which did not know it")
    min_stories: int = Field(6, ge=3, description="a smaller group of distinct texts is no topic")
    similarity: float = Field(
        0.4, gt=0, lt=1, description="texts of a group are at least so similar (cosine)"
    )
    times: float = Field(3, ge=1, description="such texts came so many times less often before")

    @property
    def window(self) -> float:
        """It is judged once an hour, on days: there is nothing to wait for."""
        return 0.0

    def faults(self, where: Mapping[str, str], known: Mapping[str, set[str]]) -> Iterator[tuple[str, str]]:
        """What is wrong together with ``where`` and the known tasks: ``(setting, reason)``."""
        return name_faults("task", self.tasks, where, known["tasks"], "topic")

    def calmer(self) -> str:
        """What to write for fewer alerts."""
        return f"min_stories = {ceil(self.min_stories * 1.5)}"


@dataclass(frozen=True)
class Group:
    """A group of texts: ``members`` are rows, the most typical first; ``before``: such texts in the reference."""

    members: list[int]
    before: int


def groups(features: np.ndarray, similarity: float) -> list[list[int]]:
    """Rows that hang together, largest group first, each with its most typical row first.

    :param features: unit rows, shape ``(n, d)``.
    """
    number = len(features)
    if number < 2:
        return []
    near = features @ features.T
    np.fill_diagonal(near, -1.0)
    count = min(NEIGHBOURS, number - 1)
    least = np.partition(near, number - count, axis=1)[:, number - count]
    linked = (near >= similarity) & (near >= least[:, None]) & (near >= least[None, :])
    found, seen = [], np.zeros(number, bool)
    for start in range(number):
        if seen[start]:
            continue
        members, edge = np.zeros(number, bool), np.zeros(number, bool)
        members[start] = edge[start] = True
        while edge.any():
            edge = linked[edge].any(axis=0) & ~members
            members |= edge
        seen |= members
        rows = np.flatnonzero(members)
        if len(rows) > 1:
            typical = features[rows] @ features[rows].mean(axis=0)
            found.append([int(row) for row in rows[np.argsort(-typical, kind="stable")]])
    return sorted(found, key=len, reverse=True)


def newest_group(
    features: np.ndarray,
    old: np.ndarray,
    mean: np.ndarray,
    days: tuple[float, float],
    settings: NewTopicSettings,
) -> Group | None:
    """The largest group that hardly came up before, if there is one.

    :param features: of distinct recent texts without a label, shape ``(n, d)``; :param old: of older ones.
    :param mean: of the task's texts, shape ``(d,)``; :param days: how many days the two cover.
    """
    centred, past = _centred(features, mean), _centred(old, mean)
    for members in groups(centred, settings.similarity):
        if len(members) < settings.min_stories:
            return None
        own, nought = centred[members], np.zeros_like(mean)
        # a member is near the middle of the others as an older text would be: its own part is left out
        others = _centred(own.sum(axis=0) - own, nought)
        least = np.quantile((own * others).sum(axis=1), 0.1)
        middle = _centred(own.sum(axis=0, keepdims=True), nought)[0]
        before = int((past @ middle >= least).sum()) if len(past) else 0
        if len(members) / days[0] >= settings.times * (before + 1) / days[1]:
            return Group(members, before)
    return None


def names(texts: Sequence[str], others: Sequence[str]) -> list[str]:
    """The words that tell ``texts`` from ``others``, the most telling first."""
    here, there = ([_words(text) for text in those] for those in (texts, others))
    inside, outside, empty = in_texts(here), in_texts(there), of_texts(here).words
    half = 0.5

    def telling(word: str) -> float:
        share = inside[word] / len(texts)
        return share * log(share / ((outside[word] + half) / (len(others) + 2 * half)))

    common = [word for word, count in inside.items() if count >= max(2, len(texts) / 4) and word not in empty]
    found: list[str] = []
    pieces = {word: holders(word, here) for word in common if unspaced(word)}
    for word in sorted(common, key=lambda word: (-telling(word), word)):
        if not any(word in other for other in found if unspaced(word)):
            found.append(whole(word, pieces)[0] if word in pieces else word)
    return found[:WORDS]


def _words(text: str) -> set[str]:
    words = {word.removesuffix("'s") for word in terms(plain(text)) if " " not in word}
    return {word for word in words if len(word) >= 3 or unspaced(word)}


def _centred(features: np.ndarray, mean: np.ndarray) -> np.ndarray:
    if not len(features):
        return features
    apart = features - mean
    length = np.linalg.norm(apart, axis=1, keepdims=True)
    unit: np.ndarray = apart / np.maximum(length, 1e-9)
    return unit
