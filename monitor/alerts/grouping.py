"""What one notification says about several alerts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from monitor.alerts import endings, standing
from monitor.alerts.detectors.conversation import WAITS
from monitor.alerts.distance import distance
from monitor.alerts.folding import FOLDED
from monitor.alerts.holding import clause
from monitor.alerts.message import TITLE_CHARACTERS, Message, built_in, context, figures
from monitor.alerts.quote import QUOTED, quote
from monitor.alerts.risen_names import mostly
from monitor.templating import render, short
from monitor.types import PICTURE, Notification

SHOWN_ALERTS = 20
NAMED = 2
"""Alerts that the title names of those that are over."""
LEAST = 60
"""Characters that the title has for the first alert, whatever else it says."""
UNTOLD = {"rule", "kind"}
"""Labels of a group that say nothing of what happened: the lines of its alerts have them."""
SHOWN_TEXTS = 2
"""Of each alert in a notification about several."""


def group_key(
    route: str, labels: Mapping[str, str], group: int, number: int, at: datetime, notifier: str
) -> str:
    """The idempotency key of the ``number``-th notification of a group, written ``at``, for one notifier."""
    text = "\x00".join(
        [
            "group",
            route,
            json.dumps(dict(labels), sort_keys=True),
            str(group),
            str(number),
            at.isoformat(),
            notifier,
        ]
    )
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def group_notification(
    key: str, labels: Mapping[str, str], alerts: Sequence[Notification], *, new: int = 0
) -> Notification:
    """One notification made of those about each alert: the new ones, those that go on, those that are over.

    A notification has room for some only: :func:`_ranked` says which come first in each of these parts.
    ``data`` has ``group`` (label by label) and ``alerts``, the data of each with its ``event`` and
    whether it is ``new`` to who gets the notification.

    :param new: so many of them, the first, are.
    """
    firing, resolved = ([a for a in alerts if a.event == event] for event in ("firing", "resolved"))
    fresh = {id(alert) for alert in alerts[:new]}
    ranked = [
        *_ranked([a for a in firing if id(a) in fresh]),
        *_ranked([a for a in firing if id(a) not in fresh]),
        *_ranked(resolved),
    ]
    shown = [{**a.data, "event": a.event, "title": a.title, "new": id(a) in fresh} for a in ranked]
    data: dict[str, Any] = {"group": dict(labels), "alerts": shown}
    said = group_message(data)
    return Notification(key, "firing" if firing else "resolved", said.title, said.body, data, html=said.html)


def _ranked(alerts: Sequence[Notification]) -> list[Notification]:
    """The largest first, but before them the largest of each set of labels that owners gave their rules.

    Those say what figures cannot, such as that one alert is to wake somebody: it is not to be lost among
    a hundred larger ones.
    """
    ranked = sorted(alerts, key=lambda a: -distance(a.data["observed"], a.data["expected"]))
    first: dict[frozenset[tuple[str, str]], int] = {}
    for alert in ranked:
        first.setdefault(frozenset(alert.data.get("rule_labels", {}).items()), id(alert))
    leading = set(first.values())
    return sorted(ranked, key=lambda alert: id(alert) not in leading)


def group_message(data: Mapping[str, Any], zone: str = "UTC") -> Message:
    """The words about several alerts, from the ``data`` of their notification alone: one line each, then each."""
    alerts = data["alerts"]
    # where there is no room for all, what is known already makes way for what is news
    lined = set(sorted(range(len(alerts)), key=lambda place: not _news(alerts[place]))[:SHOWN_ALERTS])
    shown = [
        context(alert["event"], alert, zone, most=SHOWN_TEXTS)
        for place, alert in enumerate(alerts)
        if place in lined
    ]
    news = any(_news(alert) for alert in alerts)
    # what is known already has a line, no more
    whole = {number for number, c in enumerate(shown, 1) if not news or _news(c["alert"])}
    # of several of one rule, the first explains it
    explaining = {shown[number - 1]["rule"]: number for number in sorted(whole, reverse=True)}.values()
    title = _title(data)
    ack = _ack(alerts, lined, news)
    left_out = ("alerts judge", "alerts ack") if ack else ("alerts judge",)
    names: dict[str, Any] = {
        "title": title,
        "alerts": [
            {
                "number": number,
                "id": c["alert"].get("id"),
                "event": c["event"],
                "whole": number in whole,
                "new": bool(c["alert"].get("new")),
                "headline": c["headline"],
                "care": _care(c["event"], c["alert"]),
                "held": _held(c["alert"], zone),
                "facts": c["facts"],
                "texts": c["texts"],
                "line": c["line"],
                "rule": c["rule"] if number in explaining else "",
                "commands": [
                    command
                    for command in c["commands"]
                    if not any(part in command["run"] for part in left_out)
                ],
            }
            for number, c in enumerate(shown, 1)
        ],
        "ack": ack,
        "marks": any(not c["alert"].get("new") and c["event"] == "firing" for c in shown),
        "more": len(alerts) - len(shown),
        "listed": "monitor alerts list "
        + (
            "--limit 0"
            if any(a["event"] != "firing" for n, a in enumerate(alerts) if n not in lined)
            else "--open"
        ),
        "picture": PICTURE if any(c["picture"] for c in shown) else "",
    }
    return Message(
        title,
        render(built_in("group.txt.j2"), names, zone=zone).rstrip() + "\n",
        render(built_in("group.html.j2"), names, zone=zone, html=True).strip() + "\n",
    )


def _care(event: str, alert: Mapping[str, Any]) -> str:
    """Who looks after an alert that is not over."""
    return "" if event == "resolved" else standing.care(alert)


def _held(alert: Mapping[str, Any], zone: str) -> str:
    """That what is new here comes late, and why; or ``""``."""
    fired = alert.get("fired_at")
    at = datetime.fromisoformat(fired) if fired else None
    return clause(alert, ZoneInfo(zone), at) if alert.get("new") and alert["event"] == "firing" else ""


def _news(alert: Mapping[str, Any]) -> bool:
    """Whether a notification comes because of this alert."""
    return bool(alert.get("new")) or alert["event"] == "resolved" or alert.get("was") is not None


def _ack(alerts: Sequence[Mapping[str, Any]], lined: Collection[int], news: bool) -> dict[str, str] | None:
    """The command that acknowledges several at once: what is new, or where nothing is, what is repeated.

    :param lined: places of those that have a line: nobody looks after what they have not seen.
    """
    ids = [
        str(alert["id"]) if place in lined else ""
        for place, alert in enumerate(alerts)
        if alert["event"] == "firing" and (alert.get("new") or not news) and not alert.get("acked_by")
    ]
    named = [one for one in ids if one]
    if len(named) < 2:
        return None
    if more := len(ids) - len(named):
        be, have = ("is", "has") if more == 1 else ("are", "have")
        why = f"say that you look after these; {more:,} more {f'{be} new' if news else f'{have} nobody who does'}"
    else:
        why = f"say that you look after all that {'are new' if news else 'nobody looks after yet'}"
    return {"run": f"monitor alerts ack {' '.join(named)}", "why": why}


def _title(data: Mapping[str, Any]) -> str:
    """How many fire, the first of them in its own words, how many are over, and what else all share."""
    firing = [alert for alert in data["alerts"] if alert["event"] == "firing"]
    ended = [alert for alert in data["alerts"] if alert["event"] != "firing"]
    fires = [_series(alert) for alert in firing]
    over = [alert for alert in ended if _series(alert) not in fires]
    # who reads that something is over shall not take it for what fires again by now
    again = sum(series in map(_series, ended) for series in fires)
    new = sum(bool(alert.get("new")) for alert in firing)
    up = sum(alert.get("was") is not None for alert in firing)
    some = [f"{n} {what}" for n, what in ((new, "new"), (again, "again")) if 0 < n < len(firing)]
    some += [f"{up} grown"] if up else []
    of_them = f" ({', '.join(some)})" if some else ""
    once_more = " again" if firing and again == len(firing) else ""
    still = "" if new or again else "still "
    where = ", ".join(
        f"{label} {value}"
        for label, value in data["group"].items()
        if value and label not in UNTOLD and any(a["selection"].get(label) != value for a in data["alerts"])
    )
    ends = [f"{len(over)} over: {_subjects(over)}"] if over else []
    tail = f" ({where})" if where else ""
    if firing:
        room = TITLE_CHARACTERS - len("; ".join(["", *ends])) - len(tail)
        ends.insert(0, _first(f"{len(firing)} {still}firing{once_more}{of_them}: ", firing, room))
    return short(f"{'; '.join(ends)}{tail}", TITLE_CHARACTERS)


def _first(counts: str, firing: Sequence[Mapping[str, Any]], room: int) -> str:
    """What fires: how many, the first that is news with its figures and a quote, and how many others."""
    lead = min(firing, key=lambda alert: not _news(alert))
    told, said = 1, figures(lead)
    talks = [alert for alert in firing if alert["kind"] == "conversation"]
    more = ""
    if len(talks) >= FOLDED:
        many = _many(talks, alone=len(talks) == len(firing))
        if lead["kind"] == "conversation":
            told, said = len(talks), many
        else:  # customers who wait are no small part of "and 30 more"
            told, more = told + len(talks), f"; {many}"
    more += f"; and {len(firing) - told:,} more" if len(firing) > told else ""
    room -= len(counts) + len(more)
    said = short(said, max(room, LEAST))
    return f"{counts}{said}{quote(lead, room - len(said))}{more}"


def _series(alert: Mapping[str, Any]) -> tuple[str, str, Mapping[str, str]]:
    """What an alert shares with an earlier and a later one of its rule and its series."""
    return alert["rule"], alert["kind"], alert["selection"]


def _subject(alert: Mapping[str, Any]) -> str:
    """What is over; such that two of a notification with other rules on the same texts are told apart."""
    names = (alert.get("evidence") or {}).get("names", ())
    most = mostly(names, alert["selection"]) if alert["kind"] in QUOTED else ""
    never = ", never answered" if endings.never_answered(alert) else ""
    return f"{endings.subject(alert)}{most}{never}"


def _subjects(alerts: Sequence[Mapping[str, Any]]) -> str:
    """What they are about: the first few, those that are news before the others; many conversations are one."""
    talks = [alert for alert in alerts if alert["kind"] == "conversation"]
    folded = len(talks) >= FOLDED
    said: dict[str, int] = {}
    for alert in sorted(alerts, key=lambda one: not _news(one)):
        if folded and alert["kind"] == "conversation":
            said[_many(talks, alone=len(talks) == len(alerts))] = len(talks)
        else:
            said.setdefault(_subject(alert), 1)
    more = sum(list(said.values())[NAMED:])
    return "; ".join(list(said)[:NAMED]) + (f"; and {more} more" if more else "")


def _many(talks: Sequence[Mapping[str, Any]], *, alone: bool) -> str:
    """Conversations in a few words: ``30 conversations, unanswered up to 2 h``; no number where all are such."""
    firing = [alert for alert in talks if alert["event"] == "firing"]
    waiting = [alert for alert in firing if alert["reason"].startswith(WAITS)]
    worse = len(firing) - len(waiting)
    how = []
    if waiting:
        longest = min(waiting, key=lambda alert: datetime.fromisoformat(alert["since"]))["reason"]
        how.append(f"unanswered up to {longest.removeprefix(WAITS).partition(',')[0]}")
    if worse:
        how.append("turned worse")
    if len(how) > 1:
        how = [f"{number} {what}" for number, what in zip((len(waiting), worse), how, strict=True)]
    if never := sum(map(endings.never_answered, talks)):
        how.append(f"{'' if never == len(talks) else f'{never} '}never answered")
    return ", ".join([f"{'' if alone else f'{len(talks)} '}conversations", *how])
