"""The configured encoder, as the threads of a monitor share it."""

from __future__ import annotations

import threading
from typing import Any

from monitor.config import Config
from monitor.interfaces import Encoder


class SharedEncoder(Encoder):
    """Lets several threads use one encoder, one call at a time."""

    name = "shared"

    def __init__(self, encoder: Encoder) -> None:
        super().__init__(encoder.settings, encoder.base)
        self.encoder = encoder
        self._turn = threading.Lock()

    @property
    def fingerprint(self) -> str:
        with self._turn:
            return self.encoder.fingerprint

    @property
    def views(self) -> tuple[str, ...]:
        with self._turn:
            return self.encoder.views

    def check(self) -> None:
        with self._turn:
            self.encoder.check()

    def prior(self, labels: Any) -> Any:
        with self._turn:
            return self.encoder.prior(labels)

    def encode(self, texts: Any, views: Any = ("base",), *, progress: Any = None) -> dict[str, Any]:
        with self._turn:
            return self.encoder.encode(texts, views, progress=progress)

    def reads(self, text: str) -> int:
        with self._turn:
            return self.encoder.reads(text)

    def fine_tune(self, *given: Any, progress: Any = None) -> list[bytes]:
        with self._turn:
            return self.encoder.fine_tune(*given, progress=progress)

    def offer(self, change: bytes) -> str:
        with self._turn:
            return self.encoder.offer(change)

    def close(self) -> None:
        self.encoder.close()


def make_encoder(config: Config) -> SharedEncoder:
    """The configured encoder. It loads its weights when it is first used."""
    return SharedEncoder(config.encoder_part(config.encoder_settings, config.base))
