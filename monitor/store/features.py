"""Features of texts, kept so that a new head can read the past without encoding it again.

Keyed by the text's hash: the same story from two sources, and the same text read by two
tasks, is encoded once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np

from monitor.store.room import Room, to_text

PRECISION = np.float16


def text_hash(text: str) -> bytes:
    """The key of a text, 16 bytes."""
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=16).digest()


class Features(Room):
    """Vectors by (text, view, encoder)."""

    def get(self, hashes: Sequence[bytes], view: str, encoder: str) -> dict[bytes, np.ndarray]:
        """Those vectors that are kept: float32, shape ``(d,)`` each."""
        found: dict[bytes, np.ndarray] = {}
        for row in self.rows_of(
            "select text_hash, vector from features where view = ? and encoder = ? and text_hash in ({})",
            hashes,
            [view, encoder],
        ):
            found[row[0]] = np.frombuffer(row[1], PRECISION).astype(np.float32)
        return found

    def put(self, vectors: Mapping[bytes, np.ndarray], view: str, encoder: str, now: datetime) -> None:
        """Keep vectors."""
        used = to_text(now)
        self.write_many(
            "insert into features (text_hash, view, encoder, vector, used_at) values (?, ?, ?, ?, ?) "
            "on conflict do update set used_at = excluded.used_at",
            [(key, view, encoder, v.astype(PRECISION).tobytes(), used) for key, v in vectors.items()],
        )

    def prune(self, now: datetime, keep_s: float) -> int:
        """Forget vectors that were not used for ``keep_s`` seconds; says how many."""
        limit = to_text(now - timedelta(seconds=keep_s))
        return self.write("delete from features where used_at < ?", [limit]).rowcount

    def count(self) -> int:
        """How many vectors are kept."""
        return int(self.value("select count(*) from features"))
