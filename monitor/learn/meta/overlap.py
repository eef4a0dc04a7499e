"""Texts that training and exams share, exactly or nearly: found, counted, left out.

Nearly means that the sets of content words agree to 80 % (Jaccard). Small words are left out
before comparing, because some data sets come without them.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import numpy as np

from monitor.learn.meta.catalog import MetaTask

SIMILAR = 0.8
FEWEST_WORDS = 4
"""Texts with fewer content words are only compared as wholes: "thank you" is nobody's text."""
SMALL_WORDS = frozenset(
    """
    a about after all also am an and any are as at be because been before being but by can could did
    do does doing down during each few for from further had has have having he her here hers him his
    how i if in into is it its itself just me more most my no nor not now of off on once only or
    other our out over own same she should so some such than that the their them then there these
    they this those through to too under until up very was we were what when where which while who
    whom why will with would you your
    """.split()  # noqa: SIM905  (a list of words is read as words)
)
_WORD = re.compile(r"[^\W_]+")


def content_words(text: str) -> list[str]:
    """The words of a text in lower case without small words and marks, in order.

    >>> content_words("How do I activate my card?")
    ['activate', 'card']
    """
    return [word for word in _WORD.findall(text.lower()) if word not in SMALL_WORDS]


class Index:
    """Texts to compare others with."""

    def __init__(self, texts: Collection[str]) -> None:
        known = [(content_words(text), tuple(_WORD.findall(text.lower()))) for text in texts]
        self._wholes = {tuple(words) for words, _ in known} | {whole for _, whole in known}
        self._wholes.discard(())
        self._sets = sorted(
            {frozenset(words) for words, _ in known if len(set(words)) >= FEWEST_WORDS}, key=sorted
        )
        self._common = Counter(word for words in self._sets for word in words)
        self._by_word: dict[str, list[frozenset[str]]] = {}
        for words in self._sets:
            for word in self._rare(words):
                self._by_word.setdefault(word, []).append(words)

    def shared(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Which of ``texts`` stand in the index: two masks ``(n,)``, exactly and only nearly.

        Exactly means the same words and order, whatever the case, marks and small words.
        """
        exactly, nearly = np.zeros(len(texts), bool), np.zeros(len(texts), bool)
        for row, text in enumerate(texts):
            words = content_words(text)
            exactly[row] = tuple(words) in self._wholes or tuple(_WORD.findall(text.lower())) in self._wholes
            nearly[row] = not exactly[row] and self._near(frozenset(words))
        return exactly, nearly

    def _near(self, words: frozenset[str]) -> bool:
        if len(words) < FEWEST_WORDS:
            return False
        return any(
            len(words & other) >= SIMILAR * len(words | other)
            for word in self._rare(words)
            for other in self._by_word.get(word, ())
        )

    def _rare(self, words: frozenset[str]) -> list[str]:
        """The rarest words of a text, so many that two texts that are alike have one of them in common.

        The prefix filter of Chaudhuri et al. (2006).
        """
        fewest = math.ceil(SIMILAR * len(words))
        return sorted(words, key=lambda word: (self._common[word], word))[: len(words) - fewest + 1]


def without_shared(
    tasks: Sequence[MetaTask],
    exams: Sequence[MetaTask],
    progress: Callable[[str], None] | None = None,
) -> tuple[list[MetaTask], dict[str, tuple[int, int]]]:
    """``tasks`` without the texts that stand in ``exams``, and by task how many went: exactly, nearly."""
    index = Index(
        {
            text
            for exam in exams
            for part in (exam.train.texts, exam.test.texts, exam.outside)
            for text in part
        }
    )
    clean, counts = [], {}
    for task in tasks:
        if progress is not None:
            progress(task.name)
        parts, exact, near = [], 0, 0
        for rows in (task.train, task.test):
            exactly, nearly = index.shared(rows.texts)
            parts.append(rows.keep(~(exactly | nearly)))
            exact, near = exact + int(exactly.sum()), near + int(nearly.sum())
        clean.append(replace(task, train=parts[0], test=parts[1]))
        counts[task.name] = (exact, near)
    return clean, counts
