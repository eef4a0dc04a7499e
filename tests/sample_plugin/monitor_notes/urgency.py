"""Urgency: how soon somebody must act on a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import ClassVar

from monitor.interfaces import TaskAdapter
from monitor.seedfile import read_seeds
from monitor.types import Seed, StoredDocument

LABELS = {
    "urgent": "Somebody must act at once: danger, damage or a deadline within the hour.",
    "soon": "It has to be done today or tomorrow, but nothing breaks meanwhile.",
    "whenever": "It can wait: an idea, a wish, something to read when there is time.",
}


class Urgency(TaskAdapter):
    """Sorts texts by how soon somebody must act. The owner may name other labels instead."""

    name: ClassVar[str] = "urgency"
    family: ClassVar[str] = "urgency"

    def labels(self) -> Mapping[str, str]:
        return LABELS

    def seeds(self) -> Sequence[Seed]:
        return read_seeds(files("monitor_notes") / "urgency.csv")[0]

    def read(self, document: StoredDocument) -> str | None:
        """Title and text; nothing of agents, who answer and do not ask."""
        return None if document.role == "agent" else super().read(document)
