"""Series as one would speak of them: ``5 negative texts about Acme``. Pure functions of a selection.

Commands name a series by its tasks and labels (:func:`monitor.alerts.rules.describe`), as
matchers do; messages, which are read at night, say it in English.
"""

from __future__ import annotations

from monitor.types import ENTITY, READ_BY, Selection

MOODS, TOPIC = ("sentiment", "mood"), "topic"
"""Tasks, as the shipped ones are called, whose labels speak for themselves."""
WORDS = {TOPIC: "on", ENTITY: "about"}
"""Tasks with a word of their own before the label."""
SOURCE, THREAD, TASK = "source", "thread", "task"
"""Keys of selections that name no label."""


def named(selection: Selection) -> str:
    """What texts of a series are: ``bad texts about Acme``, ``texts on litigation``, ``texts with intent refund``."""
    return _around("texts", selection)


def counted(count: int, selection: Selection) -> str:
    """``5 negative texts about Acme``, ``1 text on litigation``, ``no texts``."""
    said = _around("text" if count == 1 else "texts", selection)
    return f"{count:,} {said}" if count else f"no {said}"


def whole(selection: Selection) -> str:
    """What a share is of: ``negative texts``, ``all texts``, ``all texts read for sentiment``."""
    return named(selection) if selection and READ_BY not in selection else f"all {named(selection)}"


def are(selection: Selection, count: int = 2) -> str:
    """What is said of so many texts: ``are negative``, ``are on litigation and negative``, ``have intent refund``."""
    be, have = ("is", "has") if count == 1 else ("are", "have")
    return " and ".join(_predicates(selection, be, have))


def is_not(selection: Selection) -> str:
    """What is said of a text of another series: ``is not negative``, ``does not have intent refund``."""
    return " or ".join(_predicates(selection, "is not", "does not have"))


def _predicates(selection: Selection, be: str, have: str) -> list[str]:
    said = [f"{WORDS[task]} {label}" for task, label in selection.items() if task in WORDS]
    said += [selection[task] for task in MOODS if task in selection]
    others = [f"{task} {label}" for task, label in selection.items() if task not in (*WORDS, *MOODS)]
    return [f"{verb} {' and '.join(what)}" for verb, what in ((be, said), (have, others)) if what]


def about(kind: str, selection: Selection) -> str:
    """What an alert of a kind is about, in words."""
    if THREAD in selection:
        return f"conversation {selection[THREAD]} ({selection.get(SOURCE, '')})"
    if SOURCE in selection or TASK in selection:
        return ", ".join(f"{key} {value}" for key, value in selection.items())
    if kind == "keyword":
        return f"certain words in {named(selection)}" if selection else "certain words"
    return named(selection) if selection else "all texts"


def _around(noun: str, selection: Selection) -> str:
    """A noun with what its series says of it: how they sound, what they are about, whom they name, the rest."""
    moods = [selection[task] for task in MOODS if task in selection]
    words = [" and ".join(moods), noun] if moods else [noun]
    if TOPIC in selection:
        words.append(f"on {selection[TOPIC]}")
    if ENTITY in selection:
        words.append(f"about {selection[ENTITY]}")
    if READ_BY in selection:
        words.append(f"read for {selection[READ_BY]}")
    told = (*MOODS, TOPIC, ENTITY, READ_BY)
    rest = [f"{task} {label}" for task, label in selection.items() if task not in told]
    if rest:
        words.append(f"with {', '.join(rest)}")
    return " ".join(words)
