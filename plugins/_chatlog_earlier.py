"""Records as earlier settings of a chat log read them, to know what was stored under other ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from monitor.types import Document
from monitor_plugins._chatlog_records import Mapper, Unusable
from monitor_plugins._chatlog_settings import ChatlogSettings

EARLIER = 5
"""So many settings are remembered, the newest."""
APART = {"path", "settle", "complete", "batch_size"}
"""Settings that do not change what a record says."""


def reading(settings: ChatlogSettings) -> dict[str, Any]:
    """The settings that change what a record says, JSON-able: those that are not the default."""
    return settings.model_dump(mode="json", exclude=APART, exclude_defaults=True)


def earlier(readings: Sequence[Mapping[str, Any]], encoding: str, now: datetime) -> list[Mapper]:
    """What reads records as these settings did, the newest first.

    :param readings: of :func:`reading`, oldest first. :param encoding: with which the records are read now.
    """
    found: list[Mapper] = []
    for one in reversed(readings):
        try:
            # whose role nobody knew is not asked again
            settings = ChatlogSettings.model_validate({"default_role": "customer", **one, "path": "-"})
        except ValidationError:  # of another version
            continue
        found.append(_EarlierMapper(settings, encoding))
        found[-1].now = now
    return found


class _EarlierMapper(Mapper):
    def __init__(self, settings: ChatlogSettings, encoding: str) -> None:
        super().__init__(settings)
        self._read, self._written = encoding, settings.encoding

    def document(self, record: Mapping[str, Any], identify: Callable[[str, bool], str]) -> Document:
        if self._read != self._written:
            try:
                record = self._recoded(record)
            except UnicodeError:
                raise Unusable(f"is not encoded in {self._written}") from None
        return super().document(record, identify)

    def _recoded(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {self._recoded(name): self._recoded(item) for name, item in value.items()}
        return value.encode(self._read).decode(self._written) if isinstance(value, str) else value
