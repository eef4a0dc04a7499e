"""Why an alert comes only now: most of its texts came long after they were written. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from monitor.alerts.sentences import when


def sentence(evidence: Mapping[str, Any], zone: tzinfo, beside: datetime) -> str:
    """From when to when nothing came from its sources; empty where the texts did not come late.

    :param beside: the day of this time is not said.
    """
    said = [
        f"nothing came from {one['source']} between {when(datetime.fromisoformat(one['since']), zone, beside)}"
        f" and {when(datetime.fromisoformat(one['until']), zone, beside)}"
        for one in evidence.get("late") or ()
    ]
    return f"Came late: {'; '.join(said)}." if said else ""
