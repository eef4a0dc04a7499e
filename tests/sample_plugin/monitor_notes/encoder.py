"""An encoder of letters: hashed trigrams. It knows words by their spelling, not their meaning."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from monitor.interfaces import Encoder, Settings


class TrigramSettings(Settings):
    """``encoder = { plugin = "trigram", dimension = 512 }``."""

    dimension: int = Field(256, ge=16, le=4096, description="length of a text's vector")


class Trigram(Encoder):
    """Counts a text's trigrams in ``dimension`` places. Fast, and enough to try things out."""

    name: ClassVar[str] = "trigram"
    Settings = TrigramSettings

    @property
    def fingerprint(self) -> str:
        # everything that shapes features: heads made with another fingerprint are made anew
        return f"trigram-1-{self.settings.dimension}"

    def encode(
        self,
        texts: Sequence[str],
        views: Sequence[str] = ("base",),
        *,
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, np.ndarray]:
        """Features of shape ``(len(texts), dimension)``; unknown views are the base view."""
        rows = np.zeros((len(texts), self.settings.dimension), np.float32)
        for row, text in zip(rows, texts, strict=True):
            padded = f"  {text.lower()} ".encode()
            for start in range(len(padded) - 2):
                # a checksum, since hash() differs from one process to the next
                row[zlib.crc32(padded[start : start + 3]) % len(row)] += 1
            row /= np.linalg.norm(row)
            if progress is not None:
                progress(1)
        return dict.fromkeys(views, rows)
