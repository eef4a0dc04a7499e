"""Encoders: the embedded all-MiniLM-L6-v2, and any other model that transformers can load.

The embedded one is carried whole by a package that is installed with the monitor.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import numpy as np
from pydantic import Field

from monitor import hookimpl
from monitor.errors import LearnError
from monitor.interfaces import Encoder, Settings
from monitor.learn.encoder import (
    EMBEDDED_SHA256,
    MAX_TOKENS,
    SHIPPED_VIEWS,
    SHIPPED_VIEWS_SHA256,
    Reading,
    TransformerEncoder,
    ViewsFile,
    embedded_folder,
    features_fingerprint,
    open_views,
    read_wordlists,
    weights_digest,
    wordlists_for,
)


class MiniLmSettings(Settings):
    """Where and how a model runs; the defaults fit every machine."""

    device: str = Field("auto", description="auto (a GPU where there is one), cpu, cuda, cuda:1, mps")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="auto (bfloat16 where it is fast), float32, bfloat16 or float16"
    )
    max_tokens: int = Field(MAX_TOKENS, ge=3, le=512, description="longer texts are cut there")
    tokens_per_batch: int | None = Field(
        None, ge=64, description="tokens encoded at once; unset: what is fastest on the device"
    )
    views: Path | None = Field(
        None, description="a file that `monitor meta-train` wrote; unset: what comes with the program"
    )
    glosses: bool | None = Field(
        None,
        description="read texts in other languages word by word in English; unset: with the embedded model, "
        "and where there is a `wordlists`",
    )
    wordlists: Path | None = Field(
        None,
        description="a folder of word lists of your own, such as de.txt with word=gloss a line, which come before "
        "those of the program",
    )

    def running(self) -> dict[str, Any]:
        """How the model runs, as the encoder's constructor has it."""
        return self.model_dump(include={"device", "dtype", "max_tokens", "tokens_per_batch"})

    def lists(self, base: Path, weights: str = "") -> tuple[Path, ...]:
        """The folders of word lists, for a model of which nothing is known or one of these weights."""
        return wordlists_for(weights, self.glosses, None if self.wordlists is None else base / self.wordlists)

    def check_lists(self, base: Path) -> None:
        """Raises :class:`LearnError` where lists of one's own cannot be used."""
        if self.wordlists is not None and (lists := self.lists(base)):
            read_wordlists(*lists)


class TransformersSettings(MiniLmSettings):
    """Which model, and how it runs."""

    model: str = Field(description="a folder, or a model id that transformers may download")


class LazyEncoder(Encoder):
    """Loads its model when it is first needed."""

    def __init__(self, settings: Any, base: Path) -> None:
        super().__init__(settings, base)
        self._model: TransformerEncoder | None = None
        self._lock = Lock()

    @abstractmethod
    def load(self) -> TransformerEncoder:
        """The model."""

    @property
    def views(self) -> tuple[str, ...]:
        return self.loaded().views

    def prior(self, labels: Sequence[str]) -> Mapping[str, float]:
        return self.loaded().prior(labels)

    def encode(
        self,
        texts: Sequence[str],
        views: Sequence[str] = ("base",),
        *,
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, np.ndarray]:
        return self.loaded().encode(texts, views, progress=progress)

    def reads(self, text: str) -> int:
        return self.loaded().reads(text)

    def as_read(self, text: str) -> str:
        return self.loaded().as_read(text)

    def fine_tune(
        self,
        view: str,
        texts: Sequence[str],
        targets: np.ndarray,
        names: Sequence[str],
        parts: Sequence[np.ndarray],
        *,
        progress: Callable[[int], None] | None = None,
    ) -> list[bytes]:
        return self.loaded().fine_tune(view, texts, targets, names, parts, progress=progress)

    def offer(self, change: bytes) -> str:
        return self.loaded().offer(change)

    def close(self) -> None:
        self._model = None

    def loaded(self) -> TransformerEncoder:
        """The model, loaded once."""
        with self._lock:
            if self._model is None:
                self._model = self.load()
            return self._model


class MiniLm(LazyEncoder):
    """The embedded encoder. Its fingerprint is known before it is loaded.

    Its file of views is read once: one that is replaced while this object lives (meta-training does so
    at every checkpoint) must not lend its identity to features of the one that was loaded.
    """

    name = "minilm"
    Settings = MiniLmSettings

    def __init__(self, settings: Any, base: Path) -> None:
        super().__init__(settings, base)
        self._opened: ViewsFile | None = None
        self._reading: Reading | None = None

    @property
    def fingerprint(self) -> str:
        # What comes with the program is held to this digest when it is loaded: it need not be read for it.
        digest = SHIPPED_VIEWS_SHA256 if self.settings.views is None else self._views().digest
        return features_fingerprint(
            embedded_folder(), EMBEDDED_SHA256, self.settings.max_tokens, digest, self._lists
        )

    @property
    def views(self) -> tuple[str, ...]:
        return self._views().names

    def check(self) -> None:
        embedded_folder()
        self._views()
        self.settings.check_lists(self.base)

    def unread(self, text: str) -> float:
        with self._lock:
            if self._reading is None:
                self._reading = Reading(embedded_folder(), self._lists)
        return self._reading.unread(text)

    def load(self) -> TransformerEncoder:
        options = self.settings.running() | {"views": self._views(), "wordlists": self._lists}
        return TransformerEncoder(embedded_folder(), name=self.name, sha256=EMBEDDED_SHA256, **options)

    @property
    def _lists(self) -> tuple[Path, ...]:
        found: tuple[Path, ...] = self.settings.lists(self.base, EMBEDDED_SHA256)
        return found

    def _views(self) -> ViewsFile:
        """The file of views as it was when it was first needed."""
        if self._opened is None:
            own = self.settings.views
            self._opened = (
                open_views(SHIPPED_VIEWS, encoder=EMBEDDED_SHA256, sha256=SHIPPED_VIEWS_SHA256)
                if own is None
                else open_views(self.base / own, encoder=EMBEDDED_SHA256)
            )
        return self._opened


class Transformers(LazyEncoder):
    """Any model that transformers can load; mean pooling. A folder never causes a request."""

    name = "transformers"
    Settings = TransformersSettings

    @property
    def fingerprint(self) -> str:
        return self.loaded().fingerprint

    def check(self) -> None:
        folder = self.base / self.settings.model
        if not folder.is_dir() and (
            Path(self.settings.model).is_absolute() or self.settings.model[:1] == "."
        ):
            raise LearnError(f"the encoder's folder {folder} does not exist")
        weights = weights_digest(folder) if folder.is_dir() else None
        if self.settings.views is not None:
            open_views(self.base / self.settings.views, encoder=weights)
        self.settings.check_lists(self.base)

    def load(self) -> TransformerEncoder:
        model, views = self.settings.model, self.settings.views
        folder = self.base / model
        return TransformerEncoder(
            folder if folder.is_dir() else model,
            name=model,
            views=None if views is None else self.base / views,
            wordlists=self.settings.lists(self.base),
            **self.settings.running(),
        )


@hookimpl
def register_encoders() -> list[type[Encoder]]:
    return [MiniLm, Transformers]
