"""Sentiment: good or bad news for the one concerned, a holder of the stock or a served customer."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import ClassVar

from pydantic import Field

from monitor import hookimpl, interfaces
from monitor.seedfile import read_seeds
from monitor.types import Role, Seed, StoredDocument

LABELS = {
    "negative": "Bad: sales fall, a loss, trouble for shareholders, or an unhappy, disappointed customer.",
    "neutral": "Plain information: a date, a name, a number, an announcement, or a question how, when or where.",
    "positive": "Good: sales rise, a success, a gain for shareholders, or a happy, grateful customer.",
}


class SentimentSettings(interfaces.Settings):
    """Settings of a sentiment task."""

    # An agent's courtesy says nothing of how the customer fares.
    roles: tuple[Role, ...] = Field(
        ("publisher", "customer"),
        min_length=1,
        description="whose texts are read: any of publisher, customer, agent",
    )


class Sentiment(interfaces.TaskAdapter):
    """Tells negative, neutral and positive news and messages apart."""

    name: ClassVar[str] = "sentiment"
    family: ClassVar[str] = "sentiment"
    Settings = SentimentSettings

    def labels(self) -> Mapping[str, str]:
        return LABELS

    def seeds(self) -> Sequence[Seed]:
        """Examples by those whose texts are read, since what customers write and the news are told better apart.

        Curt messages, many of them ironic, only where no news are read: their words mislead there.
        """
        folder = files("monitor_plugins") / "seeds"
        writers = {"customer" if role == "agent" else role for role in self.settings.roles}
        with (folder / "sentiment.csv").open(encoding="utf-8", newline="") as file:
            seeds = [
                Seed(row["text"], row["label"]) for row in csv.DictReader(file) if row["role"] in writers
            ]
        return seeds if "publisher" in writers else seeds + read_seeds(folder / "sentiment_curt.csv")[0]

    def read(self, document: StoredDocument) -> str | None:
        """Title and text, of the roles in ``settings.roles``."""
        return super().read(document) if document.role in self.settings.roles else None


@hookimpl
def register_task_adapters() -> list[type[interfaces.TaskAdapter]]:
    return [Sentiment]
