"""Any labels: a task that brings none of its own, for whatever the owner makes up."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from monitor import hookimpl, interfaces
from monitor.types import Role, StoredDocument


class LabelsSettings(interfaces.Settings):
    """Settings of a task with the owner's own labels."""

    roles: tuple[Role, ...] = Field(
        ("publisher", "customer", "agent"),
        min_length=1,
        description="whose texts are read: any of publisher, customer, agent",
    )
    read: Literal["all", "title", "text"] = Field(
        "all", description='which part of a document is read: "all" (title and text), "title" or "text"'
    )


class Labels(interfaces.TaskAdapter):
    """Sorts documents by the owner's labels."""

    name: ClassVar[str] = "labels"
    Settings = LabelsSettings

    def read(self, document: StoredDocument) -> str | None:
        """The part of the document that ``settings.read`` names, of the roles in ``settings.roles``."""
        if document.role not in self.settings.roles:
            return None
        if self.settings.read == "title":
            return document.title.strip() or None
        if self.settings.read == "text":
            return document.text.strip() or None
        return super().read(document)


@hookimpl
def register_task_adapters() -> list[type[interfaces.TaskAdapter]]:
    return [Labels]
