"""A person says what a text is: a seed, and what it contradicts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from monitor.errors import MonitorError
from monitor.store import Store
from monitor.store.tasks import StoredSeed
from monitor.types import NO_LABEL, Seed, StoredDocument, Task, folded

if TYPE_CHECKING:
    from monitor.pipeline.learning.readers import Reader


@dataclass(frozen=True)
class Correction:
    """What became of one answer.

    ``added`` is the new seed's id, ``None`` where it was there already. ``replaced`` are seeds
    of the same text with another label that went; ``standing`` those that stay, because a file
    or an adapter owns them.
    """

    task: str
    seed: Seed
    added: int | None
    replaced: tuple[StoredSeed, ...] = ()
    standing: tuple[StoredSeed, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the task learns anything from it."""
        return self.added is not None or bool(self.replaced)


def correct(
    store: Store,
    task: str,
    seed: Seed,
    now: datetime,
    *,
    document_id: int | None = None,
    among: Collection[str] | None = None,
) -> Correction:
    """Add ``seed`` to ``task``: :func:`correct_all` with one seed."""
    (done,) = correct_all(store, task, [seed], now, document_id=document_id, among=among)
    return done


def correct_all(
    store: Store,
    task: str,
    seeds: Sequence[Seed],
    now: datetime,
    *,
    document_id: int | None = None,
    among: Collection[str] | None = None,
) -> list[Correction]:
    """Add ``seeds`` to ``task``, in one transaction with what follows from them; what became of each.

    In a task with one label a text the newest answer counts: seeds that commands added for the
    same text (:func:`monitor.types.folded`) under another label, be it one that the task no longer
    has, are removed. Where a text may carry several labels, only a label and none contradict each other.

    :param seeds: none of which contradicts another.
    :param among: the labels that there were to choose from, where none of them fits; those of the task if not given.
    :raises UnknownName: for a task or label that nobody knows; nothing is changed then.
    :raises MonitorError: for an empty text; likewise.
    """
    with store.transaction():
        wanted, there = store.tasks.need(task).task, store.tasks.all_seeds(task)
        same = defaultdict[str, list[StoredSeed]](list)
        for kept in there:
            same[folded(kept.seed.text)].append(kept)
        found = []
        for seed in seeds:
            text = folded(seed.text)
            others = [s for s in same[text] if _gives_way(s, seed, wanted)]
            standing = tuple(s for s in others if s.origin != "command" and s.counts_for(wanted.labels))
            # the same seed of another owner gives way, for what a command gave holds before what contradicts it
            own = [s for s in same[text] if standing and s.seed == seed and s.origin != "command"]
            replaced = (*(s for s in others if s.origin == "command"), *own)
            for gone in replaced:
                store.tasks.give_up_seed(gone.id)
                same[text].remove(gone)
            found.append((seed, replaced, standing))
        store.tasks.add_seeds(task, seeds, now, document_id=document_id, among=among)
        known = set(there)
        new = {s.seed: s.id for s in store.tasks.all_seeds(task) if s not in known}
        # a seed that is given twice is new once
        return [Correction(task, seed, new.pop(seed, None), *others) for seed, *others in found]


def _gives_way(stored: StoredSeed, seed: Seed, task: Task) -> bool:
    """Whether a seed of the same text contradicts a new one, or said of fewer labels that none of them fits."""
    if stored.seed == seed:
        return not stored.counts_for(task.labels)
    return _contradict(stored.seed.label, seed.label, multi=task.multi)


def _contradict(label: str, other: str, *, multi: bool) -> bool:
    """Whether one text cannot be called both."""
    return label != other and (not multi or NO_LABEL in (label, other))


def take_back(store: Store, correction: Correction, now: datetime) -> None:
    """Undo :func:`correct`: the seed goes, and those that it replaced come back."""
    with store.transaction():
        # an id whose seed was removed meanwhile may be another seed's by now
        if correction.added is not None and any(
            (s.id, s.seed) == (correction.added, correction.seed)
            for s in store.tasks.all_seeds(correction.task)
        ):
            store.tasks.remove_seed(correction.added)
        for found in correction.replaced:
            store.tasks.restore_seed(found, now)


def text_in(store: Store, reader: Reader, document_id: int) -> str:
    """The text that the task reads in a document.

    :raises MonitorError: if there is no such document, or the task does not read it: it says why.
    """
    document = store.documents.get(document_id)
    if document is None:
        raise MonitorError(f"there is no document {document_id}; `monitor documents list` shows them")
    text = reader.read(document)
    if text is None:
        raise MonitorError(
            f"the task {reader.task.name!r} does not read document {document_id}: {_unread(reader, document)}"
        )
    return text


def _unread(reader: Reader, document: StoredDocument) -> str:
    """Why the task reads nothing in a document, as far as can be told from outside its adapter."""
    roles = reader.roles(document)
    if roles:
        only = " and ".join(f"{role}s" for role in roles)
        return f"its author has the role {document.role}, and the task reads texts of {only} only"
    return (
        f"its adapter {reader.adapter.name!r} finds nothing to read in it (source {document.source}, "
        f"role {document.role})"
    )
