"""What a title quotes: what happened, in somebody's words. Pure functions of an alert's data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitor.templating import short

QUOTED = {"surge", "threshold", "ratio", "keyword", "entity"}
"""Kinds whose title quotes the most typical of the texts; that of a conversation quotes its customer."""
QUOTE_CHARACTERS = 80
SHORTEST = 24
"""Characters: with less room than that a quote says nothing."""


def quote(alert: Mapping[str, Any], room: int) -> str:
    """``: "Data leak at Vantor"``, in at most ``room`` characters; or ``""``: nothing to quote, or no room."""
    most = min(QUOTE_CHARACTERS, room - len(': ""'))
    said = words(_text(alert), most) if most >= SHORTEST else ""
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
    """The most typical text, of a conversation the last that the customer wrote: its title, or how it begins."""
    shown = (alert.get("evidence") or {}).get("texts") or []
    if alert["kind"] == "conversation":
        shown = [text for text in reversed(shown) if text.get("role") == "customer"]
    elif alert["kind"] not in QUOTED:
        return ""
    return next((text["title"].strip() or text.get("text", "") for text in shown[:1]), "")
