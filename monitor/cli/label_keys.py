"""The keys of ``monitor label``: which key stands for what."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING

from monitor.types import Task

if TYPE_CHECKING:
    from monitor.pipeline.learning.questions import Question

SKIP, NONE, UNDO, QUIT, BY_NAME, DONE = "s", "n", "u", "q", "/", "\r\n"
KEYS = "123456789" + "".join(c for c in ascii_lowercase if c not in SKIP + NONE + UNDO + QUIT)
LIKELIEST = 9
"""A task with more labels than keys gets keys for so many, the likeliest; the others by name."""


def keys_for(task: Task, question: Question) -> dict[str, str]:
    """Label by key: always the same ones, unless the task has more labels than there are keys."""
    if len(task.labels) <= len(KEYS):
        return dict(zip(KEYS, task.labels, strict=False))
    return dict(zip(KEYS, [label for label, _ in question.ranking[:LIKELIEST]], strict=False))


def matching(typed: str, labels: Mapping[str, str]) -> list[str]:
    """The label that is ``typed``, or those that begin with it, whatever the case; none for nothing."""
    wanted = typed.casefold()
    if not wanted:
        return []
    exact = [label for label in labels if label == typed] or [
        label for label in labels if label.casefold() == wanted
    ]
    return exact or [label for label in labels if label.casefold().startswith(wanted)]


def has_terminal() -> bool:
    """Whether there is a terminal to read keys from: at standard input, or behind it, as click looks for one."""
    if sys.stdin.isatty():
        return True
    try:
        with Path("/dev/tty").open("rb"):
            return True
    except OSError:
        return False
