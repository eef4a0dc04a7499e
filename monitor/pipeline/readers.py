"""Tasks ready to read documents: with their adapter and the head in use."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from monitor.errors import LearnError, MonitorError
from monitor.interfaces import Encoder, TaskAdapter
from monitor.learn.head import Head
from monitor.plugins import Plugins
from monitor.store import Store
from monitor.types import StoredDocument, Task

log = logging.getLogger(__name__)


@dataclass
class Reader:
    """A task, how it reads documents, and the head that answers (``None``: not adapted yet)."""

    task: Task
    adapter: TaskAdapter
    head: Head | None = None
    head_id: int = 0

    def read(self, document: StoredDocument) -> str | None:
        """The text to classify, or ``None``; an adapter that raises loses this document only."""
        try:
            text = self.adapter.read(document)
        except Exception:
            log.exception(
                "task %s could not read document %d",
                self.task.name,
                document.id,
                extra={"document": document.id},
            )
            return None
        return text if text and text.strip() else None


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
        except Exception:
            log.exception("task %s is left out: its adapter %s raised", stored.task.name, stored.adapter)
            continue
        readers.append(Reader(stored.task, adapter))
    for reader in readers:
        take_head(store, reader, encoder)
    return readers


def take_head(store: Store, reader: Reader, encoder: Encoder) -> None:
    """Take up the task's head in use, unless it reads the features of another encoder.

    One that cannot be read, damaged or of an older version, is left alone, with a warning: the
    task has none until it is adapted again.
    """
    stored = store.heads.active(reader.task.name)
    if stored is None or stored.encoder != encoder.fingerprint or stored.id == reader.head_id:
        return
    try:
        head = Head.from_bytes(stored.data)
        if head.change:
            encoder.offer(head.change)
        reader.head, reader.head_id = head, stored.id
    except LearnError as error:
        log.warning("task %s, head %d is not used: %s", reader.task.name, stored.version, error)
