"""Texts that came long after they were written, for nothing came from their source meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monitor.moments import moment
from monitor.store import Store
from monitor.types import StoredDocument

LATE = 1800.0
"""Seconds: texts that came so long after they were written are late, if their source is read more often."""


def late(store: Store, documents: Sequence[StoredDocument]) -> list[dict[str, Any]]:
    """From when to when nothing came from which source, where that made most of the documents late.

    ``source``, ``since`` and ``until``: when its last text before came, and when these did.
    """
    tardy = [d for d in documents if _lag(d) >= LATE]
    if 2 * len(tardy) <= len(documents):
        return []
    found, explained = [], 0
    for name in sorted({document.source for document in tardy}):
        source = store.sources.get(name)
        own = [d for d in tardy if d.source == name and source is not None and _lag(d) >= 2 * source.every]
        until = max((d.fetched_at for d in own), default=None)
        since = None if until is None else store.sources.came_before(name, until)
        if until is None or since is None:
            continue
        # what was written before the last text came was not held up by what came after it
        held = sum(d.fetched_at == until and d.event_at >= since for d in own)
        if held:
            explained += held
            found.append({"source": name, "since": moment(since), "until": moment(until)})
    return found if 2 * explained > len(documents) else []


def _lag(document: StoredDocument) -> float:
    """Seconds from when a text counts to when it came."""
    return (document.fetched_at - document.event_at).total_seconds()
