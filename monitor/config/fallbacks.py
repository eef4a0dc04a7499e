"""Who stands in for whom: what can be wrong with the fallbacks of notifiers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from monitor.errors import Fault, UnknownName


def fallback_faults(tables: Sequence[Mapping[str, Any]], untold: Collection[str]) -> list[Fault]:
    """The faults of ``fallback`` and ``fallback_after`` in the tables under ``[[notifiers]]``.

    :param untold: names of notifiers that do not receive alerts, and so can stand in for none.
    """
    found = []
    names = [str(table["name"]) for table in tables if "name" in table]
    next_of = {str(t["name"]): str(t["fallback"]) for t in tables if "name" in t and "fallback" in t}
    for number, table in enumerate(tables, 1):
        place = f"notifiers[{number}]"
        if "fallback" not in table:
            if "fallback_after" in table:
                found.append(Fault(f"{place}.fallback_after", "is of no use without a fallback"))
            continue
        fallback = table["fallback"]
        if not isinstance(fallback, str):
            continue  # that it must be a text is said where the table is read
        if fallback not in names:
            message = str(UnknownName("notifier", fallback, names))
            found.append(Fault(f"{place}.fallback", message))
        elif fallback in untold:
            found.append(Fault(f"{place}.fallback", f"{fallback!r} does not receive alerts"))
        elif (trail := _trail(str(table.get("name")), next_of))[-1] in trail[:-1]:
            found.append(Fault(f"{place}.fallback", f"goes in a circle: {' -> '.join(trail)}"))
    return found


def _trail(name: str, next_of: Mapping[str, str]) -> list[str]:
    """The notifiers from ``name`` on; the last one is there twice if it is a circle."""
    trail = [name]
    while trail[-1] in next_of and trail[-1] not in trail[:-1]:
        trail.append(next_of[trail[-1]])
    return trail
