"""Digests: when one is due, what moved most, and what it says. Pure functions."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from math import sqrt
from typing import Any
from zoneinfo import ZoneInfo

from monitor.alerts import endings, sentences
from monitor.alerts.caption import line
from monitor.alerts.detectors.history import percent, texts
from monitor.alerts.folding import folded, line_of
from monitor.alerts.holding import shortly
from monitor.alerts.message import SHARED, Message, built_in, figures
from monitor.alerts.risen_names import more_than_usual
from monitor.alerts.series_in_words import named
from monitor.alerts.standing import FALLS, quiet
from monitor.templating import render, short
from monitor.types import PICTURE

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MOVED = 2.0
"""Standard deviations from which a series is said to have moved."""
FEW = 5
"""Series that never reach so many texts in a period are not spoken of."""
STORIES = 3
"""Fewer stories are no rise, however often they were copied; as of a surge, unless its owner says otherwise."""


@dataclass(frozen=True)
class Digest:
    """What is sent every day or week, at ``at`` of the clock in ``zone``, to ``notify``.

    ``tasks``: only their series are spoken of; empty: those of all tasks.
    """

    name: str
    every: str = "day"
    at: time = time(8)
    weekday: str = "monday"
    zone: str = "UTC"
    notify: Sequence[str] = ()
    tasks: Sequence[str] = ()

    @property
    def days(self) -> int:
        """The length of its period."""
        return 7 if self.every == "week" else 1


def period(digest: Digest, now: datetime) -> tuple[datetime, datetime]:
    """The last whole period before ``now``: from one time of the clock to the next, in UTC.

    It is an hour shorter or longer where the clocks changed.
    """
    zone = ZoneInfo(digest.zone)
    day = now.astimezone(zone).date()
    if digest.every == "week":
        day -= timedelta(days=(day.weekday() - WEEKDAYS.index(digest.weekday)) % 7)

    def moment(days: int) -> datetime:
        return datetime.combine(day - timedelta(days=days), digest.at, zone).astimezone(UTC)

    back = 0 if moment(0) <= now else digest.days
    return moment(back + digest.days), moment(back)


def digest_key(name: str, until: datetime, notifier: str) -> str:
    """The idempotency key of one digest for one notifier."""
    text = "\x00".join(["digest", name, until.isoformat(), notifier])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def moved(
    now: Sequence[tuple[Mapping[str, str], int]],
    before: Sequence[tuple[Mapping[str, str], int]],
    periods: float,
    stories: Callable[[Mapping[str, str]], int],
    *,
    most: int = 5,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The series that rose and fell most against the mean of ``periods`` earlier ones.

    A series and a part of it are not both named, the clearer one is. Texts are counted, copies included; what rose
    is at least :data:`STORIES` stories.

    :param stories: how many the texts of a series tell; asked of what rose.
    """
    counts = {_frozen(selection): count for selection, count in now}
    usual = {_frozen(selection): count / periods for selection, count in before}
    scored = []
    for found in counts.keys() | usual.keys():
        count, mean = counts.get(found, 0), usual.get(found, 0.0)
        if found and max(count, mean) >= FEW:
            scored.append(((count - mean) / sqrt(mean + 0.1 * mean**2 + 1), sorted(found), count, mean))
    rose: list[dict[str, Any]] = []
    fell: list[dict[str, Any]] = []
    for score, items, count, mean in sorted(scored, key=lambda s: (-abs(s[0]), s[1])):
        side, selection = rose if score > 0 else fell, dict(items)
        if abs(score) < MOVED or len(side) == most:
            continue
        if any(_related(selection, other["selection"]) for other in side):
            continue
        change = {"texts": count, "usual": round(mean, 1), "score": round(score, 1)}
        if side is rose:
            change["stories"] = stories(selection)
            if change["stories"] < STORIES:
                continue
        side.append({"selection": selection, "what": named(selection), **change})
    return rose, fell


def compose_digest(data: Mapping[str, Any], zone: str = "UTC") -> Message:
    """The words of a digest, from its data alone."""
    names = {
        **data,
        "title": title(data, zone),
        "period": _period(data, zone),
        "lines": _lines(data, zone),
        "picture": PICTURE if any(alert["evidence"].get("history") for alert in data["alerts"]) else "",
    }
    return Message(
        names["title"],
        render(built_in("digest.txt.j2"), names, zone=zone).strip() + "\n",
        render(built_in("digest.html.j2"), names, zone=zone, html=True).strip() + "\n",
    )


def title(data: Mapping[str, Any], zone: str) -> str:
    """One line: the day, how many alerts, what rose most."""
    until = datetime.fromisoformat(data["until"]).astimezone(ZoneInfo(zone))
    alerts, more = data["alerts"], data["more_alerts"]
    number = len(alerts) + more["number"]
    still = sum(alert["resolved_at"] is None for alert in alerts) + more["open"]
    said = "no alerts" if not number else f"{number} alert{'s' if number != 1 else ''}"
    if still:
        said += f", {still} still open"
    failing = sum(bool(source["error"]) for source in data["sources"])
    parts = [said]
    if data["rose"]:
        parts.append(f"{data['rose'][0]['what']} rose")
    if failing:
        parts.append(f"{failing} source{'s' if failing != 1 else ''} failing")
    return short(f"{data['name']}, {until:%a} {until.day} {until:%b}: {'; '.join(parts)}")


def _period(data: Mapping[str, Any], zone: str) -> str:
    local = ZoneInfo(zone)
    since, until = (datetime.fromisoformat(data[key]) for key in ("since", "until"))
    usual = data["usual"]
    said = f"{sentences.when(since, local)} to {sentences.when(until, local)}: {texts(data['texts'])}"
    return f"{said}, usually {sentences.number(usual)}." if usual is not None else f"{said}."


def _lines(data: Mapping[str, Any], zone: str) -> dict[str, Any]:
    """Each part of a digest as lines; those of alerts with what they are drawn with."""
    until, local = datetime.fromisoformat(data["until"]), ZoneInfo(zone)
    return {
        "alerts": [
            *(_entry(alerts, until, local) for alerts in folded(data["alerts"])),
            *_left_out(data["more_alerts"]),
        ],
        "names": more_than_usual(data["names"]),
        "rose": _all_moved(data["rose"]),
        "fell": _all_moved(data["fell"]),
        "words": [f"{word['term']} ({word['texts']})" for word in data["words"]],
        "sources": [_source(source) for source in data["sources"]],
        "unlabelled": [
            f"{task}: {percent(fit['without'] / fit['texts'])} of {texts(fit['texts'])}"
            for task, fit in data["unlabelled"].items()
            if fit["texts"]
        ],
    }


def _entry(alerts: Sequence[Mapping[str, Any]], until: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """One alert, or the conversations of one rule: a line and what belongs to it."""
    if len(alerts) > 1:
        return {"facts": [], "line": None, **line_of(alerts, zone)}
    return {"said": _alert(alerts[0], until, zone), "command": "", **_details(alerts[0], zone)}


def _left_out(more: Mapping[str, int]) -> list[dict[str, Any]]:
    """That there were more alerts than a digest has room for."""
    if not more["number"]:
        return []
    still = f", {more['open']} of them still open" if more["open"] else ""
    said = f"and {more['number']} more{still}; all alerts are listed by"
    return [{"said": said, "command": "monitor alerts list --limit 0", "facts": [], "line": None}]


def _alert(alert: Mapping[str, Any], until: datetime, zone: ZoneInfo) -> str:
    fired = datetime.fromisoformat(alert["fired_at"])
    said = f"alert {alert['id']}: {figures(alert)} [{alert['rule']}], "
    if (silent := endings.silent_since(alert)) is not None:
        said += f"{endings.how_silent(alert)} since {sentences.when(silent, zone, fired)}, "
    said += f"raised {sentences.when(fired, zone)}"
    if alert["resolved_at"] is None:
        said += ", still open, flapping" if alert["flapping"] else ", still open"
        if alert["quiet_since"] is not None:
            since = datetime.fromisoformat(alert["quiet_since"])
            told = quiet(alert, since, until, zone).rstrip(".")
            said += f", {told[:1].lower()}{told[1:]}"
    else:
        said += f", {endings.digested(alert)}"
    if why := alert.get("not_told"):
        said += f", not told ({shortly(why)})"
    return f"{said}, {alert['acked_by']} looks after it" if alert["acked_by"] else said


def _details(alert: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """What an alert is drawn with: its series, and sentences on shares and names."""
    evidence = alert["evidence"]
    history = evidence.get("history")
    shares = [share for share in evidence.get("shares", ()) if not share.get("judged")]
    said = [
        sentences.shares(shares) if alert["kind"] in SHARED else "",
        more_than_usual(evidence.get("names", ())),
    ]
    event, past = ("firing", None) if alert["resolved_at"] is None else ("resolved", zone)
    return {
        "facts": [fact for fact in said if fact],
        "line": None if history is None else line(history, event, falls=alert["kind"] in FALLS, zone=past),
    }


def _all_moved(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each; with its tasks where two are called the same, as bad news and bad moods are."""
    often = Counter(series["what"] for series in found)
    return [
        _moved(
            {**series, "what": f"{series['what']} ({', '.join(series['selection'])})"}
            if often[series["what"]] > 1
            else series
        )
        for series in found
    ]


def _moved(series: Mapping[str, Any]) -> str:
    usual = "none" if series["usual"] < 0.5 else sentences.number(series["usual"])
    told = series.get("stories", series["texts"])
    copies = f" ({told:,} stories)" if told < series["texts"] else ""
    return f"{series['what']}: {series['texts']:,}{copies}, usually {usual}"


def _source(source: Mapping[str, Any]) -> str:
    said = f"{source['name']}: {texts(source['texts'])}"
    if source["error"]:
        often = f", {source['failures']:,} times in a row" if source["failures"] > 1 else ""
        return f"{said}; fails{often}: {short(source['error'], 120)}"
    return said if source["texts"] else f"{said}; it answers, but has had nothing to say"


def _frozen(selection: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(selection.items())


def _related(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return one.items() <= other.items() or other.items() <= one.items()
