"""Topics of finance news: what an article is about. An article may have several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import ClassVar

from pydantic import Field

from monitor import hookimpl, interfaces
from monitor.seedfile import read_seeds
from monitor.types import Role, Seed, StoredDocument

LABELS = {
    "earnings": "A company reports its results: quarterly sales, profit, margins, guidance, a profit warning.",
    "mergers": "Mergers and acquisitions: a takeover bid, a company bought or sold, a stake, a spin-off.",
    "litigation": "Litigation and regulation: a lawsuit, a court ruling, an investigation, a fine, a new law.",
    "management": "A change in management: a chief executive, director or chairman leaves or is appointed.",
    "macro": "The whole economy: interest rates, inflation, growth, jobs data, currencies, oil, tariffs.",
    "product": "Products and operations: a launch, a recall, factories, stores, production, supply trouble.",
    "credit": "Funding and credit: bonds, loans, lenders, new shares, debt, cash, default, insolvency.",
    "ratings": "A rating or recommendation: analysts upgrade or downgrade a stock, price targets, credit ratings.",
    "labour": "A company and its workforce: layoffs, hiring, strikes, unions, wages, working conditions.",
    "cyber": "Computer systems fail or are attacked: a hack, a data breach, ransomware, a service outage.",
}


class TopicSettings(interfaces.Settings):
    """Settings of a topic task."""

    roles: tuple[Role, ...] = Field(
        ("publisher",),
        min_length=1,
        description="whose texts are read: any of publisher, customer, agent",
    )


class Topic(interfaces.TaskAdapter):
    """Sorts news by topic, from headline and summary."""

    name: ClassVar[str] = "topic"
    family: ClassVar[str] = "topic"
    multi: ClassVar[bool] = True
    Settings = TopicSettings

    def labels(self) -> Mapping[str, str]:
        return LABELS

    def seeds(self) -> Sequence[Seed]:
        return read_seeds(files("monitor_plugins") / "seeds" / "topic.csv")[0]

    def read(self, document: StoredDocument) -> str | None:
        """Headline and summary, of the roles in ``settings.roles``."""
        return super().read(document) if document.role in self.settings.roles else None


@hookimpl
def register_task_adapters() -> list[type[interfaces.TaskAdapter]]:
    return [Topic]
