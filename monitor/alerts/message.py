"""What an alert says to people: a line, and a few more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from monitor.alerts.rules import describe
from monitor.types import Selection, StoredDocument

SHOWN_TEXTS = 5
TEXT_CHARACTERS = 200


def title(event: str, rule: str, selection: Selection, observed: float, expected: float) -> str:
    """One line: what, where, how much."""
    said = f"{rule}: {describe(selection)}"
    if event == "resolved":
        return f"resolved: {said}"
    return f"{said}: {observed:,.0f} where {expected:.2g} are usual"


def body(reason: str, documents: Sequence[StoredDocument]) -> str:
    """The reason, and the newest of the texts behind it, each with its time, source and link."""
    lines = [reason + "."]
    for document in documents[:SHOWN_TEXTS]:
        link = f" <{document.url}>" if document.url else ""
        lines.append(f"- {document.event_at:%Y-%m-%d %H:%M} {document.source}: {short(document)}{link}")
    if len(documents) > SHOWN_TEXTS:
        lines.append(f"and {len(documents) - SHOWN_TEXTS} more")
    return "\n".join(lines)


def data(alert: Mapping[str, Any], documents: Sequence[StoredDocument]) -> dict[str, Any]:
    """An alert as JSON-able data; ``alert`` has its fields, times as datetimes."""
    plain = {k: v.isoformat() if isinstance(v, datetime) else v for k, v in alert.items()}
    return {
        **plain,
        "documents": [
            {
                "id": d.id,
                "source": d.source,
                "title": d.title,
                "text": d.text,
                "url": d.url,
                "event_at": d.event_at.isoformat(),
            }
            for d in documents
        ],
    }


def short(document: StoredDocument) -> str:
    """A document in one line."""
    text = " ".join((document.title or document.text).split())
    return text if len(text) <= TEXT_CHARACTERS else text[: TEXT_CHARACTERS - 1] + "…"
