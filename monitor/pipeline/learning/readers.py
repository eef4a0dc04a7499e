"""Tasks ready to read documents: with their adapter and the head in use."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from monitor.errors import LearnError, MonitorError
from monitor.interfaces import Encoder, TaskAdapter
from monitor.learn.head import Head, decide, probabilities
from monitor.plugins import Plugins
from monitor.store import Store
from monitor.store.heads import StoredHead
from monitor.store.tasks import StoredSeed
from monitor.types import NO_LABEL, Prediction, Role, StoredDocument, Task, folded, legible, whole

log = logging.getLogger(__name__)

FIRMEST = ("command", "file", "adapter")
"""Of examples that contradict each other, those count that were given by command, then the file's."""


@dataclass
class Reader:
    """A task, how it reads documents, and the head that answers (``None``: not adapted yet).

    ``settings``: what the adapter was given. ``examples``: the labels of texts (:func:`monitor.types.folded`) that are
    examples themselves.
    """

    task: Task
    adapter: TaskAdapter
    settings: Mapping[str, Any] = field(default_factory=dict)
    head: Head | None = None
    head_id: int = 0
    examples: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def read(self, document: StoredDocument) -> str | None:
        """The text to classify, or ``None``; an adapter that raises loses this document only."""
        try:
            text = self.adapter.read(document)
            if not isinstance(text, str | None):
                raise TypeError(f"read() must give a text or None, not {type(text).__name__}")
        except (Exception, SystemExit):
            log.exception(
                "task %s could not read document %d",
                self.task.name,
                document.id,
                extra={"document": document.id},
            )
            return None
        return whole(text) if text and legible(text) else None

    def roles(self, document: StoredDocument) -> list[Role]:
        """Of whom the task would read such a document, whoever its author is."""
        return [role for role in get_args(Role) if self.read(replace(document, role=role)) is not None]

    def answer(self, texts: Sequence[str], features: np.ndarray) -> list[list[Prediction]]:
        """What the task says of each text, the likeliest label first (:func:`monitor.learn.head.decide`).

        A text that is an example has its example's label, whatever the head makes of it: a correction holds. Where
        a text may carry several labels, the head may say more of them.

        :param features: of the texts, ``(n, d)``, in the head's view.
        """
        assert self.head is not None
        decided = decide(self.head, probabilities(self.head, features))
        return [self._corrected(text, said) for text, said in zip(texts, decided, strict=True)]

    def _corrected(self, text: str, said: list[Prediction]) -> list[Prediction]:
        labels = self.examples.get(folded(text))
        if labels is None or self.head is None or not {*labels} <= {*self.head.labels, NO_LABEL}:
            return said  # the head is that of an earlier version, with other labels
        if NO_LABEL in labels:
            return [replace(said[0], abstained=True)]
        more = (
            [one for one in said if not one.abstained and one.label not in labels] if self.task.multi else []
        )
        return [*(Prediction(label, 1.0) for label in labels), *more]


class Unmet:
    """What a task reads in documents, without ``met`` texts: each text once, whatever its case and its blanks."""

    def __init__(self, reader: Reader, met: Iterable[str]) -> None:
        self._reader = reader
        self._met = {folded(text) for text in met}

    def of(self, documents: Sequence[StoredDocument]) -> list[tuple[StoredDocument, str]]:
        """Those of the documents whose text is new, with it; it is met from now on."""
        found = []
        for document in documents:
            text = self._reader.read(document)
            if text is not None and (plain := folded(text)) not in self._met:
                self._met.add(plain)
                found.append((document, text))
        return found


def load_readers(store: Store, plugins: Plugins, base: Path, encoder: Encoder) -> list[Reader]:
    """A reader for every task in use, with its current head.

    :param encoder: the one in use; a head made for another one is not used.

    A task whose adapter is missing, refuses its settings or raises is left out, with a warning.
    """
    readers = []
    for stored in store.tasks.active():
        try:
            part = plugins.pick("task adapter", stored.adapter)
            adapter = part(part.Settings.model_validate(stored.settings), base)
        except (MonitorError, ValueError) as error:
            log.warning("task %s is left out: %s", stored.task.name, error)
            continue
        except (Exception, SystemExit):
            log.exception("task %s is left out: its adapter %s raised", stored.task.name, stored.adapter)
            continue
        readers.append(Reader(stored.task, adapter, stored.settings))
    for reader in readers:
        take_head(store, reader, encoder)
    return readers


def take_head(store: Store, reader: Reader, encoder: Encoder) -> None:
    """Take up the task's head in use, unless it reads the features of another encoder.

    In place of one that cannot be read, damaged or of an older format, the newest of the other
    versions answers that can be, with a warning, until the task is adapted again.
    """
    stored = store.heads.active(reader.task.name)
    if stored is None or stored.encoder != encoder.fingerprint or stored.id == reader.head_id:
        return
    # who went back to an earlier version wants what it said
    reader.examples = {} if stored.kept_for else examples_of(store, reader.task)
    try:
        reader.head, reader.head_id = read_head(stored, encoder), stored.id
    except LearnError as error:
        log.warning("task %s, head %d is not used: %s", reader.task.name, stored.version, error)
        if reader.head is None:
            _take_another(store, reader, encoder)


def examples_of(store: Store, task: Task) -> dict[str, list[str]]:
    """The labels of each text that is an example of the task's, as :class:`Reader` has them."""
    seeds: dict[str, list[StoredSeed]] = {}
    for seed in store.tasks.seeds(task.name):
        seeds.setdefault(folded(seed.seed.text), []).append(seed)
    found = {}
    for text, own in seeds.items():
        own.sort(key=lambda seed: FIRMEST.index(seed.origin))
        labels = list(dict.fromkeys(seed.seed.label for seed in own))
        first = [seed.seed.label for seed in own if seed.origin == own[0].origin][-1]
        if task.multi and first != NO_LABEL:
            found[text] = [label for label in labels if label != NO_LABEL]
        else:
            found[text] = [first]
    return found


def read_head(stored: StoredHead, encoder: Encoder) -> Head:
    """The head that a version holds, ready to be used with the encoder that it was made for.

    :raises LearnError: it cannot be read: it is damaged, or of another format.
    """
    head = Head.from_bytes(stored.data)
    if head.change:
        encoder.offer(head.change)
    return head


def _take_another(store: Store, reader: Reader, encoder: Encoder) -> None:
    for stored in store.heads.versions(reader.task.name):
        if stored.encoder != encoder.fingerprint:
            continue
        try:
            head = read_head(stored, encoder)
        except LearnError:
            continue
        if set(head.labels) == set(reader.task.labels) and head.multi == reader.task.multi:
            reader.head, reader.head_id = head, stored.id
            log.warning("task %s: head %d answers instead", reader.task.name, stored.version)
            return
