"""What ``monitor label`` asks, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from monitor.cli.app import print_json
from monitor.cli.label_keys import BY_NAME, NONE, QUIT, SKIP, UNDO, keys_for
from monitor.cli.output import clock, console, print_table, printable, shorten
from monitor.durations import format_duration
from monitor.types import StoredDocument, Task

if TYPE_CHECKING:
    from monitor.pipeline.learning.questions import Question

SHOWN, SHOWN_BEFORE = 1500, 300
"""So many characters of a text are shown, and of the one before it."""


def show_question(task: Task, question: Question, so_far: str) -> None:
    """Show a document to ask about, with who wrote it, what was said before it, and the keys.

    :param so_far: what was answered until now.
    """
    document, previous, screen = question.document, question.previous, console()
    screen.print()
    screen.rule(so_far, align="left")
    where = f"document {document.id}, {document.role}, {document.source}, {clock(document.event_at)}"
    screen.print(Text(where, style="dim"))
    if previous is not None:
        screen.print(Text(f"before it, {_told(previous, SHOWN_BEFORE)}", style="dim"))
    text = printable(question.text)
    screen.print(Text(text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"))
    screen.print(Text(f"guess: {question.guess} {question.probability:.0%}  ({question.why})", style="dim"))
    keys = keys_for(task, question)
    line = Text()
    for key, label in keys.items():
        line.append(f"{key} ", "bold").append(f"{label}   ")
    if len(keys) < len(task.labels):
        line.append(f"{BY_NAME} ", "bold").append("by name   ")
    if task.multi:
        line.append("Enter ", "bold").append("store   ")
    for key, what in ((SKIP, "skip"), (NONE, "none of these"), (UNDO, "undo"), (QUIT, "quit")):
        line.append(f"{key} ", "bold").append(f"{what}   ", "dim")
    screen.print(line)


def print_batch(asked: Sequence[Question], as_json: bool, since: float) -> None:
    """Print documents to ask about. ``since``: they are no older than so many seconds."""
    if as_json:
        print_json([_record(question) for question in asked])
        return
    talk = any(question.previous is not None for question in asked)
    print_table(
        ["id", "role", "guess", "why", *["before it"] * talk, "text"],
        [
            [
                q.document.id,
                q.document.role,
                f"{q.guess} {q.probability:.0%}",
                q.why,
                *["" if q.previous is None else _told(q.previous, 60)] * talk,
                shorten(q.text, 100),
            ]
            for q in asked
        ],
        empty=nothing(since),
        right=["id"],
    )


def nothing(since: float) -> str:
    """That there is nothing to ask about, and what to do."""
    return (
        f"no documents of the last {format_duration(since)} to ask about; `monitor sources fetch` or "
        "`monitor documents import` brings some, --since looks further back"
    )


def _record(question: Question) -> dict[str, Any]:
    document, previous = question.document, question.previous
    return {
        "id": document.id,
        "source": document.source,
        "role": document.role,
        "event_at": document.event_at,
        "text": question.text,
        "guess": question.guess,
        "probability": question.probability,
        "abstained": question.abstained,
        "why": question.why,
        "previous": None
        if previous is None
        else {
            "id": previous.id,
            "role": previous.role,
            "event_at": previous.event_at,
            "text": previous.whole_text,
        },
    }


def _told(document: StoredDocument, width: int) -> str:
    return f"{document.role}: {shorten(document.whole_text, width)}"
