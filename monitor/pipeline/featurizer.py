"""Features of texts: from the store where they are kept, else from the encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np

from monitor.interfaces import Encoder
from monitor.store import Store
from monitor.store.features import PRECISION, text_hash

VIEW = "base"


class Featurizer:
    """One pass per distinct text, whatever number of tasks and documents read it.

    Vectors go through the stored precision also when they are fresh, so that a text gets the
    same answer now and when it is read again from the store.
    """

    def __init__(self, store: Store, encoder: Encoder) -> None:
        self.store, self.encoder = store, encoder

    def vectors(
        self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None
    ) -> tuple[dict[bytes, np.ndarray], dict[bytes, np.ndarray]]:
        """``(all, fresh)`` vectors by :func:`text_hash`, each float32 of shape ``(d,)``.

        Writes nothing: the caller keeps ``fresh`` (see :meth:`keep`) in its own transaction.
        """
        by_hash = {text_hash(text): text for text in texts}
        found = self.store.features.get(list(by_hash), VIEW, self.encoder.fingerprint)
        missing = [key for key in by_hash if key not in found]
        fresh: dict[bytes, np.ndarray] = {}
        if missing:
            rows = self.encoder.encode([by_hash[key] for key in missing], [VIEW], progress=progress)[VIEW]
            rows = rows.astype(PRECISION).astype(np.float32)
            fresh = dict(zip(missing, rows, strict=True))
        return found | fresh, fresh

    def matrix(self, texts: Sequence[str], now: datetime) -> np.ndarray:
        """Features of ``texts``, shape ``(len(texts), d)``; fresh ones are kept at once."""
        vectors, fresh = self.vectors(texts)
        self.keep(fresh, now)
        return np.stack([vectors[text_hash(text)] for text in texts])

    def keep(self, vectors: dict[bytes, np.ndarray], now: datetime) -> None:
        """Store vectors."""
        if vectors:
            self.store.features.put(vectors, VIEW, self.encoder.fingerprint, now)
