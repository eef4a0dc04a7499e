"""What a title quotes: what happened, in somebody's words. Pure functions of an alert's data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitor.templating import short

QUOTED = {"surge", "threshold", "ratio", "keyword", "entity"}
"""Kinds whose title quotes the most typical of the texts."""
QUOTE_CHARACTERS = 80
SHORTEST = 24
"""Characters: with less room than that a quote says nothing."""


def quote(alert: Mapping[str, Any], room: int) -> str:
    """``: "Data leak at Vantor"``, in at most ``room`` characters; or ``""``: nothing to quote, or no room."""
    most = min(QUOTE_CHARACTERS, room - len(': ""'))
    said = words(_text(alert), most).replace('"', "'") if most >= SHORTEST else ""
    return f': "{said}"' if said else ""


def words(value: object, most: int) -> str:
    """The beginning of a text in one line of at most ``most`` characters, cut between two words."""
    line = short(value, len(str(value)))
    if len(line) <= most:
        return line
    kept = line[: most - 1]
    between = len(kept) if line[most - 1] == " " else kept.rfind(" ")
    # some languages have no spaces, and a word may be an address
    return f"{kept[: between if between > most // 2 else most].rstrip(' ,;:')}…"


def _text(alert: Mapping[str, Any]) -> str:
    """The most typical text, if it was published: its title, or how it begins.

    What customers wrote is only in the message: titles show on locked screens.
    """
    shown = (alert.get("evidence") or {}).get("texts") or []
    if alert["kind"] not in QUOTED or not shown or shown[0].get("role") != "publisher":
        return ""
    return str(shown[0]["title"].strip() or shown[0].get("text", ""))
