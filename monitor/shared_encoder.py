"""The configured encoder, as the threads of a monitor share it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from monitor.config.model import Config
from monitor.errors import LearnError, MonitorError, one_line
from monitor.interfaces import Encoder

log = logging.getLogger(__name__)


class SharedEncoder(Encoder):
    """Lets several threads use one encoder, one call at a time.

    Whatever it raises is a :class:`~monitor.errors.LearnError` of one line, and so is what it gives that
    are no features: nothing of it is kept, and nobody else has to look.
    """

    name = "shared"

    def __init__(self, encoder: Encoder) -> None:
        super().__init__(encoder.settings, encoder.base)
        self.encoder = encoder
        self._turn = threading.Lock()
        self._said = ""

    @property
    def fingerprint(self) -> str:
        with self._asked():
            found: object = self.encoder.fingerprint
        if not isinstance(found, str) or not found:
            raise LearnError(
                f"the encoder {self.encoder.name} has the fingerprint {found!r}: it must be a text"
            )
        return found

    @property
    def views(self) -> tuple[str, ...]:
        with self._asked():
            return self.encoder.views

    def check(self) -> None:
        with self._asked():
            self.encoder.check()

    def prior(self, labels: Any) -> Any:
        with self._asked():
            return self.encoder.prior(labels)

    def encode(self, texts: Any, views: Any = ("base",), *, progress: Any = None) -> dict[str, Any]:
        with self._asked():
            rows = self.encoder.encode(texts, views, progress=progress)
        if wrong := no_features(rows, len(texts), views):
            raise LearnError(f"the encoder {self.encoder.name} gave {wrong}")
        return rows

    def reads(self, text: str) -> int:
        with self._asked():
            return self.encoder.reads(text)

    def as_read(self, text: str) -> str:
        with self._asked():
            return str(self.encoder.as_read(text))

    def unread(self, text: str) -> float:
        with self._asked():
            return float(self.encoder.unread(text))

    def fine_tune(self, *given: Any, progress: Any = None) -> list[bytes]:
        with self._asked():
            return self.encoder.fine_tune(*given, progress=progress)

    def offer(self, change: bytes) -> str:
        with self._asked():
            return self.encoder.offer(change)

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """One call at a time; what it raises is a failure of the encoder."""
        with self._turn:
            try:
                yield
            except (Exception, SystemExit) as error:
                raise self._failure(error) from error

    def _failure(self, error: BaseException) -> LearnError:
        if isinstance(error, MonitorError):
            return LearnError(one_line(error))
        said = one_line(f"the encoder {self.encoder.name} raised {type(error).__name__}: {error}")
        if said != self._said:  # it will be asked again and again; one traceback is enough to mend it
            self._said = said
            log.error("%s", said, exc_info=error)
        return LearnError(said)

    def close(self) -> None:
        self.encoder.close()


def no_features(rows: Any, count: int, views: Sequence[str]) -> str:
    """What is wrong with what an encoder gave for ``count`` texts in ``views``; empty where nothing is."""
    if not isinstance(rows, Mapping):
        return f"{type(rows).__name__} instead of features by view"
    for view in views:
        found = rows.get(view)
        if not isinstance(found, np.ndarray) or found.ndim != 2 or found.dtype.kind != "f":
            what = (
                f"{found.dtype} of shape {found.shape}"
                if isinstance(found, np.ndarray)
                else type(found).__name__
            )
            return f"{what} for the view {view} instead of an array of shape (n, d)"
        if len(found) != count:
            return f"{len(found)} rows for {count} texts in the view {view}"
        if not np.isfinite(found).all():
            return f"features that are not finite in the view {view}"
    return ""


def make_encoder(config: Config) -> SharedEncoder:
    """The configured encoder. It loads its weights when it is first used."""
    return SharedEncoder(config.encoder_part(config.encoder_settings, config.base))
