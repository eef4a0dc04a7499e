"""How an alert that goes on stands by now: how long, at its worst, and in the newest window. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any

from monitor.alerts import portion
from monitor.alerts.detectors.conversation import WAITS
from monitor.alerts.detectors.history import duration, percent, span, texts
from monitor.alerts.detectors.mention import MENTIONS
from monitor.alerts.sentences import when
from monitor.alerts.series_in_words import counted
from monitor.durations import format_duration
from monitor.templating import short

FALLS = {"drop", "silence"}
"""Kinds whose texts are the last ones before it became quiet."""

BEGUN = 300
"""Seconds: a quiet that is shorter may be that of a window that has only begun."""

SOON, LONG = 900, 3600
"""Seconds: a window that ended so long ago is the present, if it is no shorter; after so long no window is."""


NOTE_CHARACTERS = 120
"""Of what was noted by who looks after an alert."""


def care(alert: Mapping[str, Any]) -> str:
    """Who looks after an alert, with their note: ``ada looks after it (calling the agency)``; or ``""``."""
    if not alert.get("acked_by"):
        return ""
    note = short(str(alert.get("ack_note") or ""), NOTE_CHARACTERS)
    return f"{alert['acked_by']} looks after it{f' ({note})' if note else ''}"


def later(alert: Mapping[str, Any]) -> bool:
    """Whether the window with the worst figures lies behind, and the newest one was counted.

    What was counted while nothing was heard from its source says nothing.
    """
    evidence = alert.get("evidence") or {}
    at, until = evidence.get("at"), evidence.get("until")
    if evidence.get("newest") is None or not at or not until or alert.get("frozen_at"):
        return False
    passed = (datetime.fromisoformat(at) - datetime.fromisoformat(until)).total_seconds()
    # texts are read some minutes after they were written: that is no past yet
    return bool(
        passed > max(SOON, min(evidence["seconds"], LONG)) and evidence["newest"] != evidence["observed"]
    )


def outgrown(alert: Mapping[str, Any]) -> bool:
    """Whether more texts came later than its figures say: copies of too few stories are no news to a rule."""
    evidence = alert.get("evidence") or {}
    if alert["kind"] not in ("surge", "threshold") or evidence.get("observed") is None:
        return False
    later_on = [evidence.get("newest") or 0]
    history = evidence.get("history")
    if history and history["step"] <= evidence["seconds"]:
        later_on += history["counts"][history["window"][0] :]
    return bool(max(later_on) > evidence["observed"])


def title(alert: Mapping[str, Any], much: str) -> str:
    """The figures in a title: as they are, or at their worst and as they are now."""
    evidence = alert.get("evidence") or {}
    said = much
    if later(alert):
        newest, whole = evidence["newest"], evidence.get("newest_of")
        now = f"{percent(newest / whole)} ({newest:,} of {whole:,})" if whole else f"{newest:,}"
        extreme = "first" if outgrown(alert) else _extreme(alert)
        said = f"{extreme} {much}; now {now}"
    lasts, since = [], _quiet_since(alert)
    if alert.get("times", 1) > 1:
        lasts = [_still(alert)]
        raised = "" if _says_how_long(alert) or alert.get("was") is not None else _open_for(alert)
        said += f"; raised {raised} ago" if raised else ""
    if alert.get("was") is not None:
        # larger, not worse: texts may be good news
        lasts, said = ["grown"], f"{said}; told before: {_before(alert)}"
    if alert.get("frozen_at"):
        lasts.append("nothing heard from its source")
    if since is not None:
        at = _at(alert)
        passed = None if at is None else (at - since).total_seconds()
        lasts.append(f"{_quiet(alert)}{f' for {span(passed)}' if passed and passed > 0 else ''}")
    return f"{', '.join(lasts)}: {said}" if lasts else said


def sentences(alert: Mapping[str, Any], much: str, zone: tzinfo) -> list[str]:
    """The figures in sentences; of an alert that is notified again, first that it goes on."""
    evidence = alert.get("evidence") or {}
    said = []
    if alert.get("times", 1) > 1:
        who = care(alert) or "Nobody has acknowledged it"
        up = ""
        if alert.get("was") is not None:
            at = alert.get("was_at")
            then = f" at {when(datetime.fromisoformat(at), zone, _at(alert))}" if at else ""
            up = f"up from {_before(alert, 'text')}, as last told{then}; "
        lasts = f"{up}{_lasts(alert)}"
        said.append(f"{lasts[:1].upper()}{lasts[1:]}. {who}.")
    if frozen := alert.get("frozen_at"):
        at = when(datetime.fromisoformat(frozen), zone, _at(alert))
        said.append(f"Since {at} nobody can say whether it is over: its source is silent or cannot be read.")
    flaps = ""
    if (since := _quiet_since(alert)) is not None:
        said.append(quiet(alert, since, _at(alert), zone))
    elif alert.get("flapping") and (still := (evidence.get("ends_after") or {}).get("flapping")):
        flaps = f"It flaps: it came and went, and now stays open until it is quiet for {duration(still)}."
    if not later(alert):
        return [*said, much, flaps]
    until = when(datetime.fromisoformat(evidence["until"]), zone, datetime.fromisoformat(evidence["at"]))
    length = duration(evidence["seconds"])
    length = {"1 h": "hour", "1 day": "day"}.get(length, length)
    extreme = "At" if outgrown(alert) else f"{_extreme(alert).capitalize()}, at"
    newest = portion.part_of(alert, evidence["newest"], evidence.get("newest_of") or 0)
    newest = newest or counted(evidence["newest"], alert["selection"])
    return [
        *said,
        f"{extreme} {until}: {much[:1].lower()}{much[1:]}",
        f"In the last {length}: {newest}.",
        flaps,
    ]


def _before(alert: Mapping[str, Any], noun: str = "") -> str:
    """The figure of the last notification, and its window, which may have been a shorter one: ``5 in 15 min``.

    Mentions are counted from the first one on, in no window.
    """
    seconds = None if alert["kind"] in MENTIONS else alert.get("was_seconds")
    told = texts(round(alert["was"])) if noun else f"{alert['was']:,.0f}"
    return f"{told} in {duration(seconds)}" if seconds else told


def quiet(alert: Mapping[str, Any], since: datetime, at: datetime | None, zone: tzinfo) -> str:
    """Since when nothing unusual is seen, and how long an alert stays open all the same.

    :param at: the moment of which this is said.
    """
    said = f"{_quiet(alert).capitalize()} since {when(since, zone, at)}"
    lasts = ((alert.get("evidence") or {}).get("ends_after") or {}).get(
        "flapping" if alert.get("flapping") else "firing"
    )
    if lasts is None or at is None or (end := since + timedelta(seconds=lasts)) <= at:
        return f"{said}."
    why = "it flaps" if alert.get("flapping") else f"keep_firing_for {format_duration(lasts)}"
    return f"{said}; it stays open until {when(end, zone, at)} unless it begins again ({why})."


def _quiet(alert: Mapping[str, Any]) -> str:
    return "as usual" if alert["kind"] in FALLS else "quiet"


def _quiet_since(alert: Mapping[str, Any]) -> datetime | None:
    if not alert.get("quiet_since"):
        return None
    since, at = datetime.fromisoformat(alert["quiet_since"]), _at(alert)
    least = SOON if alert["kind"] in MENTIONS else BEGUN  # a mention that came just now is no quiet
    if at is not None and (at - since).total_seconds() < least:
        return None
    return since


def _at(alert: Mapping[str, Any]) -> datetime | None:
    at = (alert.get("evidence") or {}).get("at")
    return datetime.fromisoformat(at) if at else None


def _extreme(alert: Mapping[str, Any]) -> str:
    return "at its lowest" if alert["kind"] in FALLS else "at its height"


def _says_how_long(alert: Mapping[str, Any]) -> bool:
    """Whether the figures of an alert that is not quiet are themselves how long it lasts."""
    waits = alert["kind"] == "silence" or str(alert["reason"]).startswith(WAITS)
    return waits and _quiet_since(alert) is None


def _lasts(alert: Mapping[str, Any]) -> str:
    lasts = _open_for(alert)
    return f"{_still(alert)} after {lasts}" if lasts else _still(alert)


def _still(alert: Mapping[str, Any]) -> str:
    return "still firing" if _quiet_since(alert) is None and not alert.get("frozen_at") else "still open"


def _open_for(alert: Mapping[str, Any]) -> str:
    fired, at = alert.get("fired_at"), _at(alert)
    return "" if not fired or at is None else span((at - datetime.fromisoformat(fired)).total_seconds())
