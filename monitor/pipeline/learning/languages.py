"""Texts in languages that the encoder reads badly, and what to do about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from shlex import quote

from monitor.errors import LearnError
from monitor.interfaces import Encoder
from monitor.store import Store
from monitor.types import Seed, Task

FOREIGN = 0.34
"""Beyond the encoder by so much (:meth:`Encoder.unread`), a text is in another language.

Of English headlines and tweets up to 3 % are, for their names, of software titles 4 to 6 %; of five at once hardly any.
"""
SOMEWHAT = 0.1
"""So much of most texts in other languages is beyond the encoder, and of at most a fifth of English ones."""
ENOUGH, PART = 4, 0.25
"""Examples of a label in other languages, and their share, from which on its name counts for little."""
LOOKED_AT, TOGETHER = 100, 5
"""So many of the newest texts are looked at, and so many at once."""
MOST = 0.5
"""A task is said to read other languages where so large a share of its newest texts is in them."""


def foreign(encoder: Encoder | None, text: str) -> bool:
    """Whether a text is in a language, or in letters, that the encoder reads badly; no where there is none to ask."""
    return _unread(encoder, text) >= FOREIGN


def prepared(encoder: Encoder | None, task: Task, seeds: Iterable[Seed]) -> bool:
    """Whether each label of a task has :data:`ENOUGH` examples in such languages."""
    every, abroad = Counter[str](), Counter[str]()
    for seed in seeds:
        every[seed.label] += 1
        abroad[seed.label] += _unread(encoder, seed.text) >= SOMEWHAT
    return all(abroad[label] >= max(ENOUGH, PART * every[label]) for label in task.labels)


def names_unread(encoder: Encoder | None, task: Task, seeds: Sequence[Seed]) -> list[str]:
    """That the labels of a task are in such a language, while names count for much."""
    said = " ".join(f"{label} {description}" for label, description in task.labels.items())
    if not foreign(encoder, said) or prepared(encoder, task, seeds):
        return []
    return [f"its labels are in a language that the encoder reads badly, and tell it little: {_remedy(task)}"]


def texts_unread(encoder: Encoder | None, store: Store, task: Task, seeds: Sequence[Seed]) -> list[str]:
    """That most of the newest texts that a task was asked about are in such languages."""
    newest = store.documents.find(limit=LOOKED_AT)
    asked = store.predictions.shown([document.id for document in newest])
    read = [f"{d.title} {d.text}" for d in newest if task.name in asked.get(d.id, {})]
    parts = [" ".join(read[start : start + TOGETHER]) for start in range(0, len(read), TOGETHER)]
    count = sum(foreign(encoder, part) for part in parts)
    if not count or count < MOST * len(parts) or prepared(encoder, task, seeds):
        return []
    return [f"most of the newest texts are in a language that the encoder reads badly: {_remedy(task)}"]


def unprepared(
    encoder: Encoder | None, texts: Sequence[str], tasks: Iterable[tuple[Task, Sequence[Seed]]]
) -> str:
    """That some texts are in such languages, and which tasks have too few examples; empty where none is."""
    count = sum(foreign(encoder, text) for text in texts)
    wanting = [] if not count else [task for task, seeds in tasks if not prepared(encoder, task, seeds)]
    if not wanting:
        return ""
    what = "the text looks" if len(texts) == 1 else f"{count} of the {len(texts)} texts look"
    names = ", ".join(task.name for task in wanting)
    return f"{what} to be in a language that the encoder reads badly; for {names}, {_remedy(wanting[0])}"


def _unread(encoder: Encoder | None, text: str) -> float:
    if encoder is None or not any(map(str.isalpha, text)):
        return 0.0
    try:
        return encoder.unread(text)
    except LearnError:  # that it cannot be used is said elsewhere
        return 0.0


def _remedy(task: Task) -> str:
    return (
        "configure an encoder that knows it, or give this one a list of its words (`encoder` in config.toml), or "
        "examples of each label in the language "
        f"of the texts, at least {ENOUGH}, better 8 or more (`monitor seeds import {quote(task.name)} FILE`): "
        "this works well for short commands, poorly for longer texts"
    )
