"""What stands in for a source or notifier that its plugin does not give: it fails, and says why.

So that the rest runs, the failure shows where failures are looked for, and notifications wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from monitor.errors import DeliveryError, SourceError
from monitor.interfaces import Notifier, Source
from monitor.types import Batch, Notification


class FailingSource(Source):
    """Its settings are the reason, one line."""

    name = "failing"

    def fetch(self, cursor: Mapping[str, Any], now: datetime) -> Iterator[Batch]:
        raise SourceError(self.settings)

    def describe(self) -> str:
        return str(self.settings)


class FailingNotifier(Notifier):
    """Its settings are the reason, one line."""

    name = "failing"

    def send(self, notification: Notification) -> None:
        raise DeliveryError(self.settings)

    def describe(self) -> str:
        return str(self.settings)


def source(reason: str) -> FailingSource:
    """A source that fails with ``reason``."""
    return FailingSource(reason, Path())


def notifier(reason: str) -> FailingNotifier:
    """A notifier that fails with ``reason``."""
    return FailingNotifier(reason, Path())
