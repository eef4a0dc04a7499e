"""Figures in plain words: how much, since when, from where. Pure functions of an alert's data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from monitor.alerts.detectors.history import duration, percent, texts
from monitor.alerts.rules import Rule
from monitor.alerts.series_in_words import TASK, about, counted, named, whole
from monitor.durations import format_duration, parse_duration
from monitor.types import ALL, READ_BY

USUAL = {"surge", "drop"}
"""Kinds whose ``expected`` is what is usual; others explain their figures in their reason."""

COPIED = {"surge", "threshold", "entity"}
"""Kinds that count copies of a text."""

HALF = 0.5
"""Texts: an average below that is not told, for as good as none is usual."""

OFFER = "; to make them a label: "
"""In the reason of a ``new_topic``, what follows is a command; a message has it below *What to do*."""

_NEW_TOPIC = re.compile(
    r"(?P<texts>[\d,]+ texts) that fit no label resemble each other(?: \((?P<words>.*?)\))?; (?P<usual>usually [^;]+)"
)
"""The reason of a ``new_topic``."""

_BESIDE = re.compile(
    r", while (?P<others>(?:the|all) other texts "
    r"(?:are [\d.,]+ times as many as usual|fell to [^;]+? of what is usual))"
)
"""In the reason of a ``surge`` or ``drop``, why more or fewer texts are expected than are usual."""

_SURELY = re.compile(r", at least [^()]*\)")
"""In the reason of a ``ratio``, how sure it is: for a title there is no room for that."""

IDLE = {"unanswered": ("turned", "in_a_row"), "worse": ("after",)}
"""Settings of conversations that mean nothing beside this ``when``."""

ASKS = {
    "unanswered": "fires when a customer's text waits too long for an answer",
    "worse": "fires when a customer's texts turn to that",
}
"""What a rule of kind ``conversation`` does, by its ``when``."""
KINDS = {
    "surge": "fires when more texts come than the past of the series explains",
    "drop": "fires when a series that is usually busy falls silent",
    "threshold": "fires at a number of texts that you set",
    "ratio": "fires when a share is surely as large as you set",
    "trend": "fires when a series grows or shrinks over weeks",
    "new_topic": "fires when many texts that fit no label resemble each other",
    "keyword": "fires when certain words are used",
    "entity": "fires when certain names are mentioned",
    "silence": "fires when a source that usually delivers has nothing to say",
    "model": "fires when the labels no longer fit what comes in",
}


def rule_in_words(rule: Rule) -> str:
    """A rule in a sentence, with all of its settings: how it can be told to fire less, or more."""
    does = ASKS.get(getattr(rule.settings, "when", ""), KINDS.get(rule.kind, ""))
    watches = f"watches {watched(rule.where, rule.settings)}"
    settings = settings_in_words(rule.settings)
    return f"{rule.name} ({rule.kind}) {watches}{f' and {does}' if does else ''}: {settings}."


def watched(where: Mapping[str, str], settings: Any) -> str:
    """What a rule looks at: ``each topic, sentiment negative``."""
    for name in ("sources", "tasks"):
        if hasattr(settings, name):
            return (
                f"{name} {', '.join(getattr(settings, name))}" if getattr(settings, name) else f"all {name}"
            )
    said = (f"each {task}" if label == ALL else f"{task} {label}" for task, label in where.items())
    return ", ".join(said) or "all documents"


def settings_in_words(settings: Any) -> str:
    """``window 1h, min_count 5``, as they are declared; what says nothing here is left out."""
    said = []
    without = IDLE.get(getattr(settings, "when", ""), ())
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if value is None or value == () or name in without or name in ("sources", "tasks"):
            continue
        if any(getattr(mark, "func", None) is parse_duration for mark in field.metadata):
            value = format_duration(value)
        said.append(f"{name} {_value(value)}")
    return ", ".join(said)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ", ".join(f'"{item}"' for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def number(value: float) -> str:
    """A count for people: ``2``, ``0.4``, ``1,234``."""
    if value >= 10 or value == round(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 0.95 else f"{value:.1g}"


def when(time: datetime, zone: tzinfo, beside: datetime | None = None) -> str:
    """A time of day with its zone, and the day where that is not the day of ``beside``."""
    local = time.astimezone(zone)
    text = f"{local:%H:%M} {local:%Z}"
    if beside is not None and beside.astimezone(zone).date() == local.date():
        return text
    return f"{text} on {local:%a} {local.day} {local:%b}"


def usual(low: float, high: float) -> str:
    """What would be no surprise: ``0 to 6``, ``none``."""
    if high < HALF:
        return "none"
    return number(high) if number(low) == number(high) else f"{number(low)} to {number(high)}"


def beside(alert: Mapping[str, Any]) -> str:
    """Why its figures are not held against what is usual: ``the other texts are 3.1 times as many as usual``."""
    found = _BESIDE.search(str(alert.get("reason", "")))
    return found["others"] if found and usual(alert["low"], alert["high"]) != "none" else ""


def times_as_many(observed: float, expected: float) -> str:
    """``That is 11 times as many.``; empty where a factor would say nothing."""
    if expected < HALF or observed <= 0:
        return ""
    factor = observed / round(expected, 1)  # the average as it is shown
    if factor >= 1.45:
        return (
            f"That is {factor:.0f} times as many." if factor >= 3 else f"That is {factor:.1f} times as many."
        )
    return f"That is {percent(factor)} of what is usual." if factor <= 0.7 else ""


def much(alert: Mapping[str, Any], seconds: float) -> str:
    """What happened and how much, in the few words a headline has room for."""
    kind, selection = alert["kind"], alert["selection"]
    many = counted(round(alert["observed"]), selection)
    if kind == "threshold":
        return f"{many} in {duration(seconds)}, limit {number(alert['expected'])}"
    if kind in USUAL:
        due, others = usual(alert["low"], alert["high"]), beside(alert)
        if others:
            return f"{many} in {duration(seconds)}, expected {due} while {others.removesuffix(' as usual')}"
        return f"{many} in {duration(seconds)}, usually {due}"
    if kind == "entity":
        return many
    if kind == "keyword":
        said = str(alert["reason"]).rstrip(".")  # whole: a word of the owner's may hold anything
        return f"{said}, among {named(selection)}" if selection else said
    if kind == "conversation":  # its name may be long, and says least
        return f"{_clause(alert)}: {about(kind, selection)}"
    if kind == "new_topic" and (found := _NEW_TOPIC.match(str(alert["reason"]))):
        words = f" ({found['words']})" if found["words"] else ""
        return f"new topic in {selection[TASK]}: {found['texts']}{words}, {found['usual']}"
    clause = _clause(alert)
    if kind == "trend":
        clause = clause.replace(" texts a day", " a day")
    elif kind == "model":  # the label that changed most: a title has room for no list
        first, more, _ = clause.partition("), ")
        clause = f"{first})" if more else clause
    return f"{about(kind, selection)}: {clause}"


def new_topic(alert: Mapping[str, Any]) -> str:
    """Which one, without figures: ``new topic in intent (dam, water)``."""
    found = _NEW_TOPIC.match(str(alert.get("reason", "")))
    words = f" ({found['words']})" if found and found["words"] else ""
    return f"new topic in {alert['selection'].get(TASK, '')}{words}"


def _clause(alert: Mapping[str, Any]) -> str:
    """The first of a reason: what is seen. What it is held against comes after it."""
    said = str(alert["reason"]).partition("; ")[0].rstrip(".")
    return _SURELY.sub(")", said) if alert["kind"] == "ratio" else said


def how_much(alert: Mapping[str, Any], seconds: float) -> str:
    """The figures in a sentence or two."""
    kind, expected = alert["kind"], alert["expected"]
    many = counted(round(alert["observed"]), alert["selection"])
    if kind == "threshold":
        return sentence(f"{many} in {duration(seconds)}; the rule's limit is {number(expected)}")
    if kind == "entity":
        return sentence(many)
    if kind not in USUAL:
        return sentence(str(alert["reason"]).partition(OFFER)[0])
    due, others = usual(alert["low"], alert["high"]), beside(alert)
    said = f"{many} in {duration(seconds)}; {f'{due} would be expected' if others else f'usually {due}'} at this hour"
    if expected >= HALF:
        said += f", {number(expected)} on average"
    if others:
        said += f", since {others}"
    times = times_as_many(alert["observed"], expected)
    return f"{sentence(said)} {'' if others and times.endswith('usual.') else times}".rstrip()


def sentence(said: object) -> str:
    """With a capital letter and a full stop."""
    text = str(said).rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def shares(found: Sequence[Mapping[str, Any]]) -> str:
    """Shares of wholes: more news, or worse news?"""
    said = []
    for share in sorted(found, key=lambda share: len(share["of"].keys() - {READ_BY})):
        if share["now"] == share["usual"] == 1:
            continue  # all of it, as ever: that is another name of the same series
        usually = "" if share["usual"] is None else f" (usually {percent(share['usual'])})"
        said.append(f"{percent(share['now'])} of {whole(share['of'])}{usually}")
    return f"Share: {_listed(said)}." if said else ""


def origin(evidence: Mapping[str, Any]) -> str:
    """Stories and sources: is it many voices, or one?"""
    read, stories, sources = evidence["read"], evidence["stories"], evidence["sources"]
    if not read:
        return ""
    names = [f"{s['name']} ({s['texts']})" if len(sources) > 1 else s["name"] for s in sources]
    if (left := evidence["sources_in_all"] - len(sources)) > 0:
        names.append(f"{left} more")
    # a week of a series may have begun before the monitor did: of that, nothing is at hand
    part = evidence["limited"] or read < evidence.get("observed", 0)
    newest = f"Of the newest {texts(read)}: " if part and read > 1 else ""
    if read == 1:
        what = "One text"
    elif stories == 1:
        what = f"One and the same text, {read} times"
    elif evidence["conversations"]:
        talks = evidence["conversations"]
        what = f"{talks} conversation{'s' if talks != 1 else ''}"
        if others := read - evidence.get("in_conversations", read):
            what = f"{texts(others)} and {what}"
        if stories < read:
            what += f", {stories} different texts"
    else:
        what = f"{stories} different stories" if stories < read else f"{stories} stories, no two alike"
    said = f"{newest}{what}, from {_listed(names)}."
    return said


def copies(kind: str, evidence: Mapping[str, Any]) -> str:
    """For a title: that most of the texts are copies; customers who say the same are many voices."""
    read, stories = evidence.get("read", 0), evidence.get("stories", 0)
    # the figure is of one window, what was read of all that came since
    observed = evidence.get("observed", read)
    if kind not in COPIED or evidence.get("conversations") or 2 * stories > min(read, observed):
        return ""
    if evidence.get("limited"):
        return ", mostly copies" if evidence.get("behind", read) <= 2 * observed else ""
    return f", only {stories} stories" if stories > 1 else ", only one story" if stories else ""


def words(found: Sequence[Mapping[str, Any]]) -> str:
    """The words that rose."""
    if not found:
        return ""
    said = ", ".join(f"{word['term']} ({word['texts']})" for word in found)
    return f"Said more than usual: {said}."


def _listed(items: Sequence[str]) -> str:
    if len(items) <= 1:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"
