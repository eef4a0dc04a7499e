"""The embedded encoder: all-MiniLM-L6-v2, carried whole by a package that is installed with the monitor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from pydantic import Field

from monitor import hookimpl
from monitor.interfaces import Encoder, Settings
from monitor.learn.encoder import (
    EMBEDDED_SHA256,
    MAX_TOKENS,
    TransformerEncoder,
    embedded_folder,
    features_fingerprint,
)


class MiniLmSettings(Settings):
    """Where and how the model runs; the defaults fit every machine."""

    device: str = Field("auto", description="auto (a GPU where there is one), cpu, cuda, cuda:1, mps")
    dtype: str = Field("auto", description="auto (bfloat16 where it is fast), float32, bfloat16 or float16")
    max_tokens: int = Field(MAX_TOKENS, ge=3, le=512, description="longer texts are cut there")
    tokens_per_batch: int | None = Field(
        None, ge=64, description="tokens encoded at once; unset: what is fastest on the device"
    )


class MiniLm(Encoder):
    """Loads the model at the first text; its fingerprint is known before that."""

    name = "minilm"
    Settings = MiniLmSettings

    def __init__(self, settings: Any, base: Path) -> None:
        super().__init__(settings, base)
        self._model: TransformerEncoder | None = None
        self._lock = Lock()

    @property
    def fingerprint(self) -> str:
        return features_fingerprint(embedded_folder(), EMBEDDED_SHA256, self.settings.max_tokens)

    def encode(
        self,
        texts: Sequence[str],
        views: Sequence[str] = ("base",),
        *,
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, np.ndarray]:
        return self._loaded().encode(texts, views, progress=progress)

    def close(self) -> None:
        self._model = None

    def _loaded(self) -> TransformerEncoder:
        with self._lock:
            if self._model is None:
                self._model = TransformerEncoder(
                    embedded_folder(), name=self.name, sha256=EMBEDDED_SHA256, **self.settings.model_dump()
                )
            return self._model


@hookimpl
def register_encoders() -> list[type[Encoder]]:
    return [MiniLm]
