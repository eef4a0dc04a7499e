"""What a configuration says of messages: templates of notifiers, and digests."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from monitor import templating
from monitor.config.model import DigestConfig, DigestTable, NotifierTable, TemplateFile
from monitor.errors import Fault, UnknownName
from monitor.templating import Templates


def read_templates(place: str, table: NotifierTable, base: Path, faults: list[Fault]) -> Templates:
    """What a notifier says in its owner's words; what is wrong with that is added to ``faults``."""
    said: dict[str, str | None] = {}
    for part in ("title", "body", "html"):
        given = getattr(table, f"{part}_template")
        text, wrong = templating.read(given.file if isinstance(given, TemplateFile) else given, base)
        faults += [Fault(f"{place}.{part}_template", message) for message in wrong]
        said[part] = text
    return Templates(said["title"], said["body"], said["html"], table.zone)


def read_digest(
    place: str, table: DigestTable, tasks: Collection[str], notifiers: Collection[str], faults: list[Fault]
) -> DigestConfig:
    """A digest; names in it that nobody knows are added to ``faults``."""
    for setting, kind, names, known in (
        ("notify", "notifier", table.notify or (), notifiers),
        ("tasks", "task", table.tasks, tasks),
    ):
        faults += [
            Fault(f"{place}.{setting}", str(UnknownName(kind, name, known)))
            for name in names
            if name not in known
        ]
    notify = tuple(notifiers) if table.notify is None else table.notify
    return DigestConfig(table.name, table.every, table.at, table.weekday, table.zone, notify, table.tasks)
