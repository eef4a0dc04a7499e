"""Why a head said what it said: the seeds that are nearest, and the words that carried the label.

Words are weighed by occlusion (Zeiler and Fergus 2014; for texts Li, Monroe and Jurafsky 2016,
"Understanding Neural Networks through Representation Erasure"): the text is encoded with each
word left out, and what the label's log-odds lose is the word's effect. Pure functions; features
come from the function that is passed in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.errors import UnknownName
from monitor.learn.head import Head, decide, probabilities
from monitor.types import NO_LABEL, Prediction, Seed

VARIANTS = 64
"""A text is encoded at most so many times; longer ones lose several words at a time."""
WEIGHED = 256
"""Words beyond this are left where they are: encoders hardly read that far."""
NEAREST, NEAREST_OTHER = 3, 1
"""How many seeds of the label, and of the runner-up, are shown."""

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\s\u3040-\u30ff\u3400-\u9fff]+")
"""What stands between blanks; in Chinese and Japanese, which have none, each character."""
_LEAST = 1e-30
_HALF_A_STEP = 2.0**-25
"""Between one and the number below it in single precision, which probabilities are computed in."""
_ROUNDING = 1e-5
"""Rows of probabilities that miss one by less than this sum to one."""

Encode = Callable[[Sequence[str]], np.ndarray]
"""Texts to features ``(n, d)`` in the head's view, float32, rows of length 1."""


@dataclass(frozen=True)
class Word:
    """A word, or several that stand together, and what the label owes it.

    ``start`` and ``end`` are places in the text. ``effect`` is the fall of the label's log-odds
    when the word is left out: above zero it spoke for the label, below zero against it.
    """

    text: str
    start: int
    end: int
    effect: float


@dataclass(frozen=True)
class Neighbour:
    """A seed (also of no label), or the name of a label that has no seeds, and its cosine similarity to the text."""

    label: str
    text: str
    similarity: float
    is_name: bool = False


@dataclass(frozen=True)
class Explanation:
    """Why ``text`` got ``label``, the best guess where the head abstained.

    ``said`` is all that the head says of the text, the likeliest first: of a ``multi`` head several labels.
    ``margin`` is the label's probability less the runner-up's, which is the likeliest other
    label (``None`` for a task with one label). ``none`` is the probability that the text carries none of the
    labels (0 of a ``multi`` head, which asks of each by itself). ``nearest`` holds the nearest seeds of the label,
    then those of the runner-up, and where the head abstained of no label, each by similarity. ``words`` are in
    the order of the text.
    """

    text: str
    label: str
    probability: float
    threshold: float
    abstained: bool
    runner_up: str | None
    runner_up_probability: float
    margin: float
    none: float
    nearest: tuple[Neighbour, ...]
    words: tuple[Word, ...]
    said: tuple[Prediction, ...]

    def top(self, count: int, *, against: bool = False) -> list[Word]:
        """The ``count`` words that carried the label most (``against``: that spoke against it most)."""
        sign = -1 if against else 1
        found = [word for word in self.words if sign * word.effect > 0]
        return sorted(found, key=lambda word: -sign * word.effect)[:count]


def explain(
    text: str,
    head: Head,
    encode: Encode,
    seeds: Sequence[Seed],
    names: Mapping[str, str] | None = None,
    *,
    label: str | None = None,
) -> list[Explanation]:
    """Explain each label that ``head`` says of ``text``, the likeliest first.

    :param encode: called with the text and its variants, at most :data:`VARIANTS` + 1, and, for each
        label that is explained, with the seeds (or names) of it and the runner-up.
    :param seeds: what the head was made from.
    :param names: what each label says of itself; stands in where a label has no seeds.
    :param label: explain this label alone, whether it is said or not.
    :raises UnknownName: for a ``label`` that the head does not have.
    """
    if label is not None and label not in head.labels:
        raise UnknownName("label of the task", label, head.labels)
    groups = word_groups(text)
    features = np.asarray(encode([text, *(without(text, [group]) for group in groups)]), np.float32)
    table = probabilities(head, features)
    odds = log_odds(table, multi=head.multi)
    (said,) = decide(head, table[:1])
    of_none = 0.0 if head.multi else max(0.0, 1 - float(table[0].sum()))
    knows_none = any(seed.label == NO_LABEL for seed in seeds)

    def one(chosen: int) -> Explanation:
        others = [i for i in np.argsort(-table[0], kind="stable") if i != chosen]
        second = int(others[0]) if others else None
        probability = float(table[0, chosen])
        next_best = 0.0 if second is None else float(table[0, second])
        wanted = [(head.labels[chosen], NEAREST)]
        if second is not None:
            wanted.append((head.labels[second], NEAREST_OTHER))
        if knows_none and said[0].abstained:
            wanted.append((NO_LABEL, NEAREST_OTHER))
        return Explanation(
            text=text,
            label=head.labels[chosen],
            probability=probability,
            threshold=float(head.thresholds[chosen]),
            abstained=bool(probability < head.thresholds[chosen]),
            runner_up=None if second is None else head.labels[second],
            runner_up_probability=next_best,
            margin=probability - next_best,
            none=of_none,
            nearest=_nearest(features[0], encode, seeds, names or {}, wanted),
            words=tuple(
                Word(text[start:end], start, end, float(odds[0, chosen] - left))
                for (start, end), left in zip(groups, odds[1:, chosen], strict=True)
            ),
            said=tuple(said),
        )

    return [one(head.labels.index(name)) for name in ([p.label for p in said] if label is None else [label])]


def log_odds(probabilities: np.ndarray, *, multi: bool) -> np.ndarray:
    """Log-odds ``(n, L)`` of each label: ``log p - log(1 - p)``.

    With one label a text, ``1 - p`` is the sum of the others' probabilities, and of that of no
    label where rows sum to less than one: so it keeps its digits where ``p`` is nearly one.
    """
    p = np.asarray(probabilities, np.float64)
    if multi:
        rest = np.maximum(1 - p, _HALF_A_STEP)
    else:
        of_none = 1 - p.sum(axis=1, keepdims=True)
        rest = p @ (1 - np.eye(p.shape[1])) + np.where(of_none > _ROUNDING, of_none, 0)
    return np.asarray(np.log(np.maximum(p, _LEAST)) - np.log(np.maximum(rest, _LEAST)))


def word_groups(text: str, most: int = VARIANTS, weighed: int = WEIGHED) -> list[tuple[int, int]]:
    """``(start, end)`` of every word; of neighbours together where there are more than ``most``.

    >>> word_groups("to be or", most=2)
    [(0, 5), (6, 8)]
    """
    words = [match.span() for match in _WORD.finditer(text)][:weighed]
    size = max(1, -(-len(words) // most))
    return [(part[0][0], part[-1][1]) for i in range(0, len(words), size) if (part := words[i : i + size])]


def without(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The text without what stands at ``spans`` (in any order, not overlapping), and the blanks after.

    >>> without("to be or not", [(3, 5)])
    'to or not'
    """
    kept, at = [], 0
    for start, end in sorted(spans):
        kept.append(text[at:start])
        at = end
        while at < len(text) and text[at].isspace():
            at += 1
    return "".join([*kept, text[at:]]).rstrip()


def _nearest(
    row: np.ndarray,
    encode: Encode,
    seeds: Sequence[Seed],
    names: Mapping[str, str],
    wanted: Sequence[tuple[str, int]],
) -> tuple[Neighbour, ...]:
    candidates: list[tuple[str, str, bool]] = []
    for label, _ in wanted:
        own = dict.fromkeys(seed.text for seed in seeds if seed.label == label)
        candidates += [(label, text, False) for text in own] or [(label, names.get(label, label), True)]
    similar = np.asarray(encode([text for _, text, _ in candidates]), np.float32) @ row
    found = []
    for label, count in wanted:
        own_places = [i for i, (of, _, _) in enumerate(candidates) if of == label]
        own_places.sort(key=lambda i: -similar[i])
        found += [
            Neighbour(label, candidates[i][1], float(similar[i]), candidates[i][2])
            for i in own_places[:count]
        ]
    return tuple(found)
