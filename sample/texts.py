"""The sample's texts, as they lie in ``texts/``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class News:
    """A news item without a date.

    ``topic`` and ``mood`` (negative, neutral, positive) are what its author meant; they shape the
    sample and are never shown to the monitor. ``wave`` items belong to the wave of bad news.
    ``company`` is named where the item reads as well about any other company of the list.
    """

    title: str
    summary: str
    topic: str
    mood: str
    wave: bool
    company: str = ""

    def about(self, company: str) -> News:
        """The same news about another company."""
        return replace(
            self,
            title=self.title.replace(self.company, company),
            summary=self.summary.replace(self.company, company),
            company=company,
        )


@dataclass(frozen=True)
class Turn:
    """What one side says at once; ``role`` is ``customer`` or ``agent``."""

    role: str
    text: str


@dataclass(frozen=True)
class Conversation:
    """A support conversation without a date, with what its author meant it to be about."""

    turns: tuple[Turn, ...]
    intents: tuple[str, ...]
    mood: str


def read_news(path: Path = FOLDER / "texts" / "news.jsonl") -> list[News]:
    """The news items, in the file's order (the wave's items tell their story in that order)."""
    return [News(**row) for row in _rows(path)]


def read_conversations(path: Path = FOLDER / "texts" / "chats.jsonl") -> list[Conversation]:
    """The support conversations, in the file's order."""
    return [
        Conversation(
            tuple(Turn(turn["role"], turn["text"]) for turn in row["turns"]),
            tuple(row["intents"]),
            row["mood"],
        )
        for row in _rows(path)
    ]


def read_companies(path: Path = FOLDER / "companies.json") -> list[str]:
    """The names of the invented companies."""
    return [company["name"] for company in json.loads(path.read_text(encoding="utf-8"))]


def unconcerned(companies: Sequence[str], news: Sequence[News]) -> list[str]:
    """The companies that no item of the wave speaks of, by its first word."""
    wave = " ".join(item.title + " " + item.summary for item in news if item.wave)
    return [company for company in companies if company.split()[0] not in wave]


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
