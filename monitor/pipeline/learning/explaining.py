"""One task by itself, ready to answer, and why it answers as it does."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from monitor.errors import MonitorError
from monitor.learn.explain import Explanation, explain
from monitor.learn.support import name_text
from monitor.pipeline.learning.featurizer import Featurizer
from monitor.pipeline.learning.heads import adapt_reader, try_reader
from monitor.pipeline.learning.readers import Reader, load_readers, take_head
from monitor.plugins import Plugins
from monitor.store import Store


def ready_reader(
    store: Store,
    featurizer: Featurizer,
    plugins: Plugins,
    base: Path,
    name: str,
    now: datetime | None = None,
    *,
    adapt: bool,
) -> Reader:
    """The task ``name`` with a head.

    :param now: without it nothing is stored, and a head that is made serves this reader alone.
    :param adapt: make a new head where seeds changed; otherwise only where there is none (a
        running monitor makes the others).
    :raises UnknownName: for a task that nobody knows.
    :raises MonitorError: if its adapter cannot be used, or it cannot be learned.
    """
    store.tasks.need(name)
    for reader in load_readers(store, plugins, base, featurizer.encoder):
        if reader.task.name == name:
            if now is not None:
                renew(store, featurizer, reader, now, adapt=adapt)
            elif adapt or reader.head is None:
                try_reader(store, featurizer, reader)
            return reader
    raise MonitorError(f"the adapter of the task {name!r} cannot be used (see `monitor plugins list`)")


def renew(store: Store, featurizer: Featurizer, reader: Reader, now: datetime, *, adapt: bool) -> None:
    """Let ``reader`` have the newest head; see :func:`ready_reader`."""
    if adapt or reader.head is None:
        adapt_reader(store, featurizer, reader, now)
    take_head(store, reader, featurizer.encoder)


def explain_text(
    store: Store, featurizer: Featurizer, reader: Reader, text: str, *, label: str | None = None
) -> list[Explanation]:
    """Why ``reader``, which has a head, says what it says of ``text``, label by label. Writes nothing.

    :param label: explain this label alone, whether it is said or not.
    :raises UnknownName: for a ``label`` that the task does not have.
    """
    assert reader.head is not None
    view = reader.head.view

    return explain(
        text,
        reader.head,
        lambda texts: featurizer.matrices(texts, [view])[view],
        [stored.seed for stored in store.tasks.seeds(reader.task.name)],
        {name: name_text(name, description) for name, description in reader.task.labels.items()},
        label=label,
    )
