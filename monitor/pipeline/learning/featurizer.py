"""Features of texts: from the store where they are kept, else from the encoder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import numpy as np

from monitor.interfaces import Encoder
from monitor.store import Store
from monitor.store.features import PRECISION, text_hash

Vectors = dict[str, dict[bytes, np.ndarray]]
"""By view and :func:`text_hash`, each float32 of shape ``(d,)``."""


class Featurizer:
    """One pass per distinct text, whatever number of tasks and documents read it, in whatever views.

    Vectors go through the stored precision also when they are fresh, so that a text gets the
    same answer now and when it is read again from the store.
    """

    def __init__(self, store: Store, encoder: Encoder) -> None:
        self.store, self.encoder = store, encoder

    def vectors(
        self, wanted: Mapping[str, Iterable[str]], *, progress: Callable[[int], None] | None = None
    ) -> tuple[Vectors, Vectors]:
        """``(all, fresh)`` vectors of the texts that are wanted of each view.

        Writes nothing: the caller keeps ``fresh`` (see :meth:`keep`) in its own transaction.
        """
        texts: dict[bytes, str] = {}
        found: Vectors = {}
        missing: dict[bytes, list[str]] = {}
        for view, those in wanted.items():
            by_hash = {text_hash(text): text for text in those}
            texts |= by_hash
            found[view] = self.store.features.get(list(by_hash), view, self.encoder.fingerprint)
            for key in by_hash:
                if key not in found[view]:
                    missing.setdefault(key, []).append(view)
        fresh: Vectors = {view: {} for view in found}
        # Texts that miss the same views are encoded together, for then the trunk runs once for all of them.
        together: dict[tuple[str, ...], list[bytes]] = {}
        for key, views in missing.items():
            together.setdefault(tuple(views), []).append(key)
        for group, keys in together.items():
            rows = self.encoder.encode([texts[key] for key in keys], group, progress=progress)
            for view in group:
                kept = rows[view].astype(PRECISION).astype(np.float32)
                fresh[view] |= dict(zip(keys, kept, strict=True))
        return {view: found[view] | fresh[view] for view in found}, fresh

    def matrices(
        self, texts: Sequence[str], views: Sequence[str], now: datetime | None = None
    ) -> dict[str, np.ndarray]:
        """Features of ``texts`` by view, each of shape ``(len(texts), d)``; fresh ones are kept at once.

        :param now: without it nothing is kept.
        """
        vectors, fresh = self.vectors(dict.fromkeys(views, texts))
        if now is not None:
            self.keep(fresh, now)
        keys = [text_hash(text) for text in texts]
        return {view: np.stack([vectors[view][key] for key in keys]) for view in views}

    def keep(self, vectors: Vectors, now: datetime) -> None:
        """Store vectors."""
        for view, by_hash in vectors.items():
            if by_hash:
                self.store.features.put(by_hash, view, self.encoder.fingerprint, now)
