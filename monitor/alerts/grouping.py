"""What one letter says about several alerts."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from monitor.alerts.message import Message, built_in, context
from monitor.templating import render, short
from monitor.types import Notification

SHOWN_ALERTS = 20
SHOWN_TEXTS = 2
"""Of each alert in a letter about several."""


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
    shown = [{**a.data, "event": a.event} for a in [*firing, *resolved]]
    data: dict[str, Any] = {"group": dict(labels), "alerts": shown}
    said = group_message(data)
    return Notification(key, "firing" if firing else "resolved", said.title, said.body, data, html=said.html)


def group_message(data: Mapping[str, Any], zone: str = "UTC") -> Message:
    """The words about several alerts, from the ``data`` of their letter alone: one line each, then each."""
    alerts = data["alerts"]
    shown = [context(alert["event"], alert, zone) for alert in alerts[:SHOWN_ALERTS]]
    title = _title(data)
    names: dict[str, Any] = {
        "title": title,
        "alerts": [
            {
                "id": c["alert"].get("id"),
                "event": c["event"],
                "headline": c["headline"],
                "facts": c["facts"],
                "texts": c["texts"][:SHOWN_TEXTS],
            }
            for c in shown
        ],
        "more": len(alerts) - len(shown),
    }
    return Message(
        title,
        render(built_in("group.txt.j2"), names, zone=zone).rstrip() + "\n",
        render(built_in("group.html.j2"), names, zone=zone, html=True).strip() + "\n",
    )


def _title(data: Mapping[str, Any]) -> str:
    """How many, of which group, and the first of them."""
    counts = Counter(alert["event"] for alert in data["alerts"])
    said = " and ".join(f"{counts[event]} {event}" for event in ("firing", "resolved") if counts[event])
    where = ", ".join(f"{label} {value}" for label, value in data["group"].items() if value)
    return short(f"{said}: {where}" if where else f"{said} alerts")
