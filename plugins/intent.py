"""Support intents: what a customer wants with a message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import ClassVar

from pydantic import Field

from monitor import hookimpl, interfaces
from monitor.seedfile import read_seeds
from monitor.types import Role, Seed, StoredDocument

LABELS = {
    "complaint": "A complaint: the customer is angry or disappointed, bad service, rude staff, broken promises.",
    "refund": "The customer wants money back, returns something or asks when a refund arrives.",
    "cancellation": "The customer wants to cancel an order, end a contract or close an account.",
    "billing": "The customer has a question about a bill, a charge, a fee, an invoice or a payment.",
    "technical_problem": "Something technical does not work: an app, a website, a device, an error message.",
    "delivery": "The customer asks about a parcel, shipping, a late or missing delivery, a delivery address.",
    "account_access": "The customer cannot log in: a password, a code, a locked or blocked account.",
    "praise": "Thanks and praise: great service, the customer is happy, it works, well done.",
    "human_agent": "The customer wants to speak to a human agent, a real person on the phone, not a bot.",
    "general_question": "A general question: opening hours, branches, what is offered, conditions, requirements.",
}


class IntentSettings(interfaces.Settings):
    """Settings of an intent task."""

    roles: tuple[Role, ...] = Field(
        ("customer",),
        min_length=1,
        description="whose texts are read: any of publisher, customer, agent",
    )


class Intent(interfaces.TaskAdapter):
    """Tells what a customer wants, from the customer's own turns."""

    name: ClassVar[str] = "intent"
    family: ClassVar[str] = "intent"
    Settings = IntentSettings

    def labels(self) -> Mapping[str, str]:
        return LABELS

    def seeds(self) -> Sequence[Seed]:
        return read_seeds(files("monitor_plugins") / "seeds" / "intent.csv")[0]

    def read(self, document: StoredDocument) -> str | None:
        """Title and text, of the roles in ``settings.roles``."""
        return super().read(document) if document.role in self.settings.roles else None


@hookimpl
def register_task_adapters() -> list[type[interfaces.TaskAdapter]]:
    return [Intent]
