"""What an alert says to people: a title, a body, and the same as HTML."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from monitor.alerts import endings, holding, late, portion, sentences, standing
from monitor.alerts.caption import line
from monitor.alerts.detectors.history import texts
from monitor.alerts.quote import QUOTED, quote
from monitor.alerts.risen_names import more_than_usual, mostly
from monitor.alerts.series_in_words import about
from monitor.alerts.standing import FALLS
from monitor.moments import moment
from monitor.templating import BUILT_IN, Templates, render, short
from monitor.types import PICTURE, StoredDocument

FOLDER = Path(__file__).parent / "templates"
TITLE_CHARACTERS = 200
NOTIFICATION_DOCUMENTS = 50
NOTIFICATION_CHARACTERS = 2000

EASILY_NONE = 5
"""Where fewer texts are usual in a window, the first of it is where it begins."""

COMMANDS = (
    ("alerts show {id}", "the whole story, with every text"),
    ("alerts ack {id}", "say that you look after it"),
    ("alerts snooze {id}", "be told no more of it for a while"),
    ("alerts judge {id} false", 'say that it was a false alarm, or "real"'),
)
"""What to do next, while an alert is open."""
FIRST = (
    (
        "conversation",
        ("source", "thread"),
        "documents list --source {} --thread {}",
        "the whole conversation",
    ),
    ("model", ("task",), "label {}", "give it examples of what came"),
    ("silence", ("source",), "sources check {}", "can it be read now?"),
)
"""By kind of alert: what to do before that, with parts of what it is about."""
AFTERWARDS = (COMMANDS[0], COMMANDS[3])

SHARED = {"surge", "threshold", "ratio", "drop"}
"""Kinds of which it tells something what share of the texts of their window they are."""
SLOW = {"model", "trend"}
"""Kinds that hold weeks against weeks: no text is their beginning."""


@dataclass(frozen=True)
class Message:
    """The words of a notification."""

    title: str
    body: str
    html: str


def compose(event: str, data: Mapping[str, Any], templates: Templates = BUILT_IN) -> Message:
    """The words about an alert, from its data alone: what :func:`data` made, ``evidence`` included.

    A part that ``templates`` lacks, or whose template renders to nothing, is the built-in one, except
    that a body of the owner's comes without the built-in HTML: a message says one thing.

    :raises Exception: whatever a template of the owner's raises.
    """
    names = context(event, data, templates.zone)

    def filled(template: str | None, html: bool = False) -> str:
        return "" if template is None else render(template, names, zone=templates.zone, html=html).strip()

    body, html = filled(templates.body), filled(templates.html, html=True)
    if not (html or body):
        html = filled(built_in("alert.html.j2"), html=True)
    return Message(
        short(filled(templates.title), TITLE_CHARACTERS) or short(names["headline"], TITLE_CHARACTERS),
        f"{body or filled(built_in('alert.txt.j2'))}\n",
        f"{html}\n" if html else "",
    )


def context(
    event: str, data: Mapping[str, Any], zone: str = "UTC", *, most: int | None = None
) -> dict[str, Any]:
    """What a template may use: :data:`monitor.templating.NAMES` says what each name holds.

    :param most: at most so many texts, the most typical, of a conversation the last.
    """
    evidence = data.get("evidence") or {}
    history = evidence.get("history")
    shown = evidence.get("texts", [])
    if data["kind"] == "conversation":  # which is read as it was held
        shown = shown[-(most or len(shown)) :]
    else:
        shown = sorted(shown[:most], key=lambda text: text["event_at"], reverse=True)
    return {
        "event": event,
        "alert": {k: v for k, v in data.items() if k not in ("evidence", "documents")},
        "evidence": evidence,
        "documents": data.get("documents", []),
        "what": about(data["kind"], data["selection"]),
        "headline": short(headline(event, data), TITLE_CHARACTERS),
        "facts": [said for said in facts(event, data, ZoneInfo(zone)) if said],
        "texts": [
            {**text, "more": text["alike"] - 1, "time": _clock(text["event_at"], data, ZoneInfo(zone))}
            for text in shown
        ],
        "heading": _heading(data, shown),
        "line": None if history is None else line(history, event, falls=data["kind"] in FALLS),
        "why": str(data["reason"]).rstrip(".") if data["kind"] == "surge" else "",
        "rule": evidence.get("rule", ""),
        "commands": _commands(event, data),
        "picture": PICTURE if history is not None else "",
    }


def headline(event: str, data: Mapping[str, Any]) -> str:
    """One line that tells in five seconds: what, how much against what is usual, which rule."""
    rule, evidence = data["rule"], data.get("evidence") or {}
    # what is too long makes way for the rule's name, and the quote for both
    room = max(TITLE_CHARACTERS // 2, TITLE_CHARACTERS - len(rule) - 3)
    if event == "resolved":
        said = f"{endings.title(data)}{_named(data, evidence)}"
    else:
        prefix = "" if event == "firing" else f"{event}: "
        if data.get("flapping"):
            prefix += "flapping: "
        said = f"{prefix}{standing.title(data, figures(data))}"
        said += quote(data, room - len(said))
    return f"{short(f'{said[:1].upper()}{said[1:]}', room)} [{rule}]"


def figures(data: Mapping[str, Any]) -> str:
    """How much of what, against what is usual, and whom most of it is about: for a title."""
    evidence = data.get("evidence") or {}
    much = sentences.much(data, evidence.get("seconds", 3600))
    if data["kind"] == "ratio":
        much = portion.title(data) or much
    return f"{much}{sentences.copies(data['kind'], evidence)}{_named(data, evidence)}"


def facts(event: str, data: Mapping[str, Any], zone: ZoneInfo) -> list[str]:
    """Sentences, the most important first; empty ones where there is nothing to say."""
    evidence = data.get("evidence") or {}
    held = _held(event, data, zone)
    if not evidence:
        return [f"{str(data['reason']).rstrip('.')}.", held]
    much = sentences.how_much(data, evidence["seconds"])
    if data["kind"] == "ratio":
        much = portion.sentence(data) or much
    shares = [share for share in evidence["shares"] if not share.get("judged")]
    told = [sentences.shares(shares)] if data["kind"] in SHARED else []
    if data["kind"] not in (*FALLS, "conversation") and evidence["read"]:
        told += [sentences.origin(evidence), more_than_usual(evidence.get("names", ()))]
        told += [sentences.words(evidence["words"])]
    if event == "firing" and data["kind"] not in FALLS:
        told.insert(0, late.sentence(evidence, zone, _told_at(data)))
    if event == "resolved":
        return [
            *endings.sentences(data, _in_all(data, evidence), zone),
            f"{endings.extreme(data, zone)}: {much[:1].lower()}{much[1:]}",
            *told,
        ]
    return [*standing.sentences(data, much, zone), _since(data, evidence, zone), held, *told]


def _held(event: str, data: Mapping[str, Any], zone: ZoneInfo) -> str:
    """Why this comes late, where it does."""
    said = holding.clause(data, zone, _time(data.get("fired_at"))) if event == "firing" else ""
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def data(
    alert: Mapping[str, Any],
    documents: Sequence[StoredDocument],
    *,
    most: int | None = None,
    evidence: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """An alert as JSON-able data; ``alert`` has its fields, times as datetimes.

    :param most: a notification holds at most so many documents, and of each at most
        :data:`NOTIFICATION_CHARACTERS`; ``None``: all, whole.
    """
    plain = {k: moment(v) if isinstance(v, datetime) else v for k, v in alert.items()}
    characters = None if most is None else NOTIFICATION_CHARACTERS
    return {
        **plain,
        "documents": [
            {
                "id": d.id,
                "source": d.source,
                "title": d.title[:characters],
                "text": d.text[:characters],
                "url": d.url,
                "event_at": moment(d.event_at),
            }
            for d in documents[:most]
        ],
        "evidence": dict(evidence or {}),
    }


def built_in(name: str) -> str:
    """A template that comes with the monitor."""
    return (FOLDER / name).read_text(encoding="utf-8")


def _commands(event: str, data: Mapping[str, Any]) -> list[dict[str, str]]:
    """What to do next; first of all what the alert itself offers."""
    if data.get("id") is None:
        return []
    runs = [
        ("monitor " + run.format(id=data["id"]), why)
        for run, why in (AFTERWARDS if event == "resolved" else COMMANDS)
        if run != COMMANDS[1][0] or not data.get("acked_by")  # somebody does
    ]
    for kind, keys, run, why in FIRST:
        values = [data["selection"].get(key, "") for key in keys]
        if kind == data["kind"] and all(values):
            runs.insert(0, (f"monitor {run.format(*map(shlex.quote, values))}", why))
    if offer := str(data["reason"]).partition(sentences.OFFER)[2]:
        runs.insert(
            0,
            (
                offer,
                "make them a label; choose its name (a task of the configuration file needs it there first)",
            ),
        )
    return [{"run": run, "why": why} for run, why in runs]


def _named(data: Mapping[str, Any], evidence: Mapping[str, Any]) -> str:
    return mostly(evidence.get("names", ()), data["selection"]) if data["kind"] in QUOTED else ""


def _since(data: Mapping[str, Any], evidence: Mapping[str, Any], zone: ZoneInfo) -> str:
    raised, told = _raised_at(data), _told_at(data)
    first, last = _time(evidence["first_at"]), _time(evidence["last_at"])
    begun = endings.silent_since(data) or _time(evidence["since"])
    if (
        first is not None
        and data["kind"] not in (*FALLS, *SLOW)
        and (data["kind"] not in sentences.USUAL or data["expected"] < EASILY_NONE)
    ):
        begun = first  # in a busy series the first text of a window is no beginning
    assert begun is not None
    beginning = sentences.when(begun, zone, told)
    said = f"Since {beginning}"
    if data["kind"] in FALLS:
        before = "" if last is None else f", the last text {sentences.when(last, zone, told)}"
        return f"{said}{before}; raised {sentences.when(raised, zone)}."
    if last is not None and (newest := sentences.when(last, zone, told)) != beginning:
        said += f", newest text {newest}"
    return f"{said}; raised {sentences.when(raised, zone)}."


def _in_all(data: Mapping[str, Any], evidence: Mapping[str, Any]) -> str:
    untold = {*FALLS, "conversation"}  # of a conversation, those of one side that the rule is about
    if standing.outgrown(data):
        return ""  # some of them are no news to the rule, and not noted
    return "" if data["kind"] in untold or not evidence["behind"] else f" {texts(evidence['behind'])} in all."


def _heading(data: Mapping[str, Any], shown: Sequence[Any]) -> str:
    if data["kind"] in FALLS:
        return "The last texts before it"
    if data["kind"] == "conversation":
        return "The conversation"
    if data["kind"] == "model":
        return "Texts of the answer that rose most"
    return "What they say" if len(shown) > 1 else "What it says"


def _raised_at(data: Mapping[str, Any]) -> datetime:
    at = _time(data.get("fired_at")) or _time((data.get("evidence") or {}).get("until"))
    assert at is not None
    return at


def _told_at(data: Mapping[str, Any]) -> datetime:
    """When this is said: of that day alone, times are told without their day."""
    return _time((data.get("evidence") or {}).get("at")) or _raised_at(data)


def _clock(text: str, data: Mapping[str, Any], zone: ZoneInfo) -> str:
    return sentences.when(datetime.fromisoformat(text), zone, _told_at(data))


def _time(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
