"""Tasks made of texts that nobody labelled: which word is missing here?

SMLMT of Bansal et al. (2020), "Self-Supervised Meta-Learning for Few-Shot Natural Language
Classification Tasks": some words are picked, and every text that has one of them is a text of that
word's label, with the word masked out. Pure functions of texts and a generator.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from monitor.learn.meta.catalog import MetaTask, Rows
from monitor.learn.meta.overlap import SMALL_WORDS

FEWEST_TEXTS = 6
"""A word that stands in fewer texts is too rare."""
COMMON = 0.02
"""A word that stands in a larger share of the texts says too little (unless it stands in few)."""
FEW = 24
LABELS = (2, 16)
"""How many words a task has, at least and at most."""
MOST_TEXTS = 24
"""At most so many texts a word."""
AROUND = 20
"""So many words before and after the masked one are kept."""
_FEWEST_WORDS = 4
_WORD = re.compile(r"[^\W\d_]{3,}")


def masked_tasks(
    texts: Sequence[str],
    family: str,
    count: int,
    mask: str,
    generator: np.random.Generator,
    name: str = "masked",
) -> list[MetaTask]:
    """Up to ``count`` tasks of ``family``: the label of a text is the word that ``mask`` stands for.

    A text of a task has exactly one of the task's words, so that there is one answer. Words of
    middling frequency are dealt like cards: none comes again before the others have been. Fewer
    tasks, or none, come of texts that have too few such words.
    """
    distinct = list(dict.fromkeys(texts))
    words = [{word.lower() for word in _WORD.findall(text)} for text in distinct]
    holders: dict[str, list[int]] = {}
    for number, found in enumerate(words):
        if len(found) >= _FEWEST_WORDS:
            for word in sorted(found - SMALL_WORDS):
                holders.setdefault(word, []).append(number)
    most = max(FEW, int(COMMON * len(distinct)))
    middling = sorted(word for word, own in holders.items() if FEWEST_TEXTS <= len(own) <= most)
    tasks: list[MetaTask] = []
    deck: list[str] = []
    for _ in range(4 * count):  # some hands cannot be played
        if len(tasks) == count or len(middling) < LABELS[0]:
            break
        size = int(generator.integers(LABELS[0], min(LABELS[1], len(middling)) + 1))
        if len(deck) < LABELS[0]:
            deck = [middling[place] for place in generator.permutation(len(middling))]
        hand, deck = deck[:size], deck[size:]
        chosen = set(hand)
        rows = {
            word: [number for number in holders[word] if len(words[number] & chosen) == 1]
            for word in sorted(hand)
        }
        rows = {word: own for word, own in rows.items() if len(own) >= FEWEST_TEXTS}
        if len(rows) >= LABELS[0]:
            tasks.append(_task(f"{name}_{len(tasks):03d}", family, rows, distinct, mask, generator))
    return tasks


def without_word(text: str, word: str, mask: str) -> str:
    """The text around the first ``word`` (in lower case), with ``mask`` wherever it stands.

    >>> without_word("The bank lends, banks save. Bank!", "bank", "[MASK]")
    'The [MASK] lends, banks save. [MASK]!'
    """
    pieces = text.split()
    place = next((i for i, piece in enumerate(pieces) if word in map(str.lower, _WORD.findall(piece))), 0)
    near = " ".join(pieces[max(0, place - AROUND) : place + AROUND + 1])
    return _WORD.sub(lambda found: mask if found[0].lower() == word else found[0], near)


def _task(
    name: str,
    family: str,
    rows: dict[str, list[int]],
    texts: Sequence[str],
    mask: str,
    generator: np.random.Generator,
) -> MetaTask:
    masked: list[str] = []
    targets: list[int] = []
    for place, (word, own) in enumerate(rows.items()):
        for number in np.sort(generator.permutation(own)[:MOST_TEXTS]):
            masked.append(without_word(texts[number], word, mask))
            targets.append(place)
    return MetaTask(
        name=name,
        family=family,
        role="train",
        ships=True,
        licence="",
        labels=dict.fromkeys(rows, ""),
        train=Rows(tuple(masked), np.array(targets, np.int64)),
        test=Rows((), np.empty(0, np.int64)),
    )
