"""The newest texts that a task reads, with their features."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import numpy as np

from monitor.pipeline.learning.featurizer import Featurizer
from monitor.pipeline.learning.readers import Unmet
from monitor.store import Store
from monitor.store.features import text_hash
from monitor.types import StoredDocument

RECENT = 20_000
"""The newest documents that are looked at."""
CHUNK = 1000


class Part(NamedTuple):
    """Of ``looked_at`` documents those that the task reads, as it reads them, with features ``(n, d)``."""

    looked_at: int
    items: list[tuple[StoredDocument, str]]
    features: np.ndarray


def recent(
    store: Store,
    featurizer: Featurizer,
    unmet: Unmet,
    view: str,
    now: datetime,
    *,
    encoded: int,
    since: datetime | None = None,
) -> Iterator[Part]:
    """What a task reads in the newest documents, each text once, part by part.

    Kept features are used. Of texts without (not read in this view yet), the newest ``encoded`` are encoded and kept;
    the rest is left out.
    """
    documents = store.documents.find(since=since, limit=RECENT)
    for start in range(0, len(documents), CHUNK):
        part = documents[start : start + CHUNK]
        items = [(document, text, text_hash(text)) for document, text in unmet.of(part)]
        kept = store.features.get([key for *_, key in items], view, featurizer.encoder.fingerprint)
        missing = dict([(key, text) for _, text, key in items if key not in kept][:encoded])
        encoded -= len(missing)
        if missing:
            rows = featurizer.matrices(list(missing.values()), [view], now)[view]
            kept |= dict(zip(missing, rows, strict=True))
        known = [(document, text, kept[key]) for document, text, key in items if key in kept]
        features = np.stack([row for *_, row in known]) if known else np.zeros((0, 0), np.float32)
        yield Part(len(part), [(document, text) for document, text, _ in known], features)
