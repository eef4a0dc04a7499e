"""What one letter says about several alerts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from monitor.types import Notification

SHOWN_ALERTS = 20


def group_key(
    route: str, labels: Mapping[str, str], group: int, letter: int, at: datetime, notifier: str
) -> str:
    """The idempotency key of the ``letter``-th letter of a group, written ``at``, for one notifier."""
    text = "\x00".join(
        [
            "group",
            route,
            json.dumps(dict(labels), sort_keys=True),
            str(group),
            str(letter),
            at.isoformat(),
            notifier,
        ]
    )
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def group_letter(key: str, labels: Mapping[str, str], alerts: Sequence[Notification]) -> Notification:
    """One letter of the letters about each alert, those that fire first.

    ``data`` has ``group`` (label by label) and ``alerts``, the data of each with its ``event``.
    """
    firing = [a for a in alerts if a.event == "firing"]
    resolved = [a for a in alerts if a.event == "resolved"]
    said = [f"{len(firing)} firing" if firing else "", f"{len(resolved)} resolved" if resolved else ""]
    where = ", ".join(f"{label} {value}" for label, value in labels.items() if value)
    title = " and ".join(part for part in said if part) + (f": {where}" if where else " alerts")
    shown = [*firing, *resolved]
    parts = [f"{a.title}\n{a.body}" for a in shown[:SHOWN_ALERTS]]
    if len(shown) > SHOWN_ALERTS:
        parts.append(f"and {len(shown) - SHOWN_ALERTS} more alerts")
    data: dict[str, Any] = {
        "group": dict(labels),
        "alerts": [{**a.data, "event": a.event} for a in shown],
    }
    return Notification(key, "firing" if firing else "resolved", title, "\n\n".join(parts), data)
