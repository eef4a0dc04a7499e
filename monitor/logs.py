"""Logs on stderr: plain for people, or JSON lines for programs, with the ids of what they speak of."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import IO

FIELDS = ("source", "task", "document", "alert", "notifier")
"""Ids that a record may carry (``log.info(..., extra={"source": name})``)."""


class PlainFormatter(logging.Formatter):
    """``12:30:01 INFO monitor.daemon: message [source=news]``."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%d %H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:
        ids = " ".join(f"{key}={value}" for key, value in fields(record).items())
        text = super().formatMessage(record)
        return f"{text} [{ids}]" if ids else text


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, ids, traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        said = datetime.fromtimestamp(record.created, UTC)
        entry = {
            "time": f"{said:%Y-%m-%dT%H:%M:%S}.{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **fields(record),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


def fields(record: logging.LogRecord) -> dict[str, object]:
    """The ids that a record carries."""
    found = {key: getattr(record, key, None) for key in FIELDS}
    return {key: value for key, value in found.items() if value is not None}


def set_up(level: str, format: str, stream: IO[str] | None = None) -> None:
    """Send the program's logs to ``stream`` (stderr). Called by commands, never at import.

    Other libraries are heard from warnings on: httpx, for one, reports every request.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if format == "json" else PlainFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("monitor", "monitor_plugins"):
        logging.getLogger(name).setLevel(level.upper())
