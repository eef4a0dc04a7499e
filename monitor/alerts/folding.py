"""Conversations that one rule found, folded into a line of a digest. Pure functions."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from monitor.alerts.detectors.conversation import WAITS
from monitor.alerts.detectors.history import span
from monitor.alerts.endings import never_answered
from monitor.alerts.sentences import when

FOLDED = 3
"""So many conversations of one rule share a line; fewer have one each."""
NAMED = 5
"""So many of them that are open are named by their numbers."""
ACKNOWLEDGED = 20
"""Where more of them have nobody, they are to be looked at before all are acknowledged at once."""


def folded(alerts: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """The alerts by lines, in their order: the conversations of one rule together, every other alone."""
    lines: dict[object, list[Mapping[str, Any]]] = {}
    for number, alert in enumerate(alerts):
        key = alert["rule"] if alert["kind"] == "conversation" else number
        lines.setdefault(key, []).append(alert)
    return [
        part
        for line in lines.values()
        for part in ([line] if len(line) >= FOLDED else [[alert] for alert in line])
    ]


def line_of(alerts: Sequence[Mapping[str, Any]], zone: tzinfo) -> dict[str, Any]:
    """What is said of conversations of one rule together, and the command that is next."""
    rule = alerts[0]["rule"]
    waits = [
        (
            datetime.fromisoformat(alert["last_firing_at"]) - datetime.fromisoformat(alert["since"])
        ).total_seconds()
        for alert in alerts
        if alert["reason"].startswith(WAITS)
    ]
    how = f"unanswered, the longest {span(max(waits))}" if waits else "turned worse"
    first, last = (pick(datetime.fromisoformat(alert["fired_at"]) for alert in alerts) for pick in (min, max))
    said = f"{rule}: {len(alerts)} conversations {how}, "
    begun, ended = when(first, zone, last), when(last, zone)
    said += f"raised {ended}" if ended.startswith(begun) else f"raised {begun} to {ended}"
    open_ = [alert for alert in alerts if alert["resolved_at"] is None]
    alone = [str(alert["id"]) for alert in open_ if not alert["acked_by"]]
    if not open_:
        said += ", all over"
    else:
        ids = ", ".join(str(alert["id"]) for alert in open_)
        said += f", {len(open_)} still open"
        said += f" (alert{'s' if len(open_) > 1 else ''} {ids})" if len(open_) <= NAMED else ""
        said += "" if alone else " and looked after"
    if never := sum(map(never_answered, alerts)):
        said += f", {'none' if never == len(alerts) else f'{never} never'} answered"
    if untold := sum(bool(alert.get("not_told")) for alert in alerts):
        said += f", {'none' if untold == len(alerts) else f'{untold} not'} told"
    ack = f"monitor alerts ack {' '.join(alone)}"
    listed = f"monitor alerts list --rule {shlex.quote(rule)}"
    if len(alone) > ACKNOWLEDGED:
        return {"said": said, "command": f"{listed} --open --limit 0"}
    return {"said": said, "command": ack if alone else listed}
