"""What a source has to give, for ``monitor sources check``."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from monitor.cli.output import number, shorten
from monitor.config.model import SourceConfig
from monitor.interfaces import Source
from monitor.pipeline.ingest import refusal
from monitor.pipeline.intake import accepted
from monitor.store.identity import restarted
from monitor.types import Document

SHOWN = 3
"""So many titles, and so many bad records, are shown of a source that is checked."""


@dataclass
class Checked:
    """What a source has to give."""

    name: str
    plugin: str
    where: str = ""
    documents: int = 0
    bad: int = 0
    titles: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: str | None = None


class _Counted:
    """How many documents there are by what they are known by, and which ids stand for two texts."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[int, datetime | None]] = {}
        self._more = self._clashes = 0
        self._threadless = False
        self._example = ""

    @property
    def documents(self) -> int:
        return len(self._seen) + self._more

    def add(self, document: Document) -> None:
        thread = document.thread if document.local else ""
        text = hash((document.title, document.text)), document.published_at
        first = self._seen.setdefault(hash((document.external_id, thread)), text)
        if first[0] == text[0]:
            return
        if document.local and restarted(first[1], text[1]):
            self._more += 1
            return
        self._clashes += 1
        self._threadless |= document.local and not document.thread
        self._example = self._example or document.external_id + (f" of {thread}" if thread else "")

    def notes(self) -> list[str]:
        if not self._clashes:
            return []
        others = number(self._clashes, "document")
        said = f"{others} came with the id of another one and with another text, such as {shorten(self._example, 60)!r}"
        todo = "; ids that begin anew in each conversation need its `thread`" if self._threadless else ""
        return [f"{said}: each counts as an edit of the one before{todo}"]


def check(config: SourceConfig, base: Path, now: datetime) -> Checked:
    """What the source has to give from its beginning; nothing is stored."""
    found = Checked(config.name, config.plugin)
    cursor: Mapping[str, Any] = {}
    counted = _Counted()
    try:
        with told_in_notes(), _made(config, base) as source:
            found.where = source.describe()
            for yielded in source.fetch({}, now):
                batch = accepted(yielded)
                cursor = batch.cursor
                for document in batch.documents:
                    counted.add(document)
                found.documents = counted.documents
                found.bad += len(batch.bad)
                found.titles += [
                    shorten(document.title or document.text, 100)
                    for document in batch.documents[: SHOWN - len(found.titles)]
                ]
                found.reasons += [
                    f"{record.place}: {record.reason}" if record.place else record.reason
                    for record in batch.bad[: SHOWN - len(found.reasons)]
                ]
            found.notes = [*_notes(source, cursor), *counted.notes()]
    except (Exception, SystemExit) as error:
        found.error = str(refusal(error))
    return found


def _notes(source: Source, cursor: Mapping[str, Any]) -> list[str]:
    said: object = source.notes(cursor)
    if said is None or isinstance(said, str):
        return [said] if said else []
    return [str(note) for note in said]  # type: ignore[attr-defined]  # what is no sequence raises


@contextmanager
def told_in_notes() -> Iterator[None]:
    """What our own sources log on the way is not printed besides: their notes say it, and whose it is."""
    log, nowhere = logging.getLogger("monitor_plugins"), logging.NullHandler()
    log.addHandler(nowhere)
    try:
        yield
    finally:
        log.removeHandler(nowhere)


@contextmanager
def _made(config: SourceConfig, base: Path) -> Iterator[Source]:
    """The source, closed afterwards; that a plugin cannot even do that changes nothing of what it gave."""
    source = config.part(config.settings, base)
    try:
        yield source
    finally:
        with suppress(Exception):
            source.close()


def print_checked(checked: Checked) -> None:
    """Print it for a person."""
    where = f" ({checked.where})" if checked.where not in ("", checked.plugin) else ""
    click.echo(f"{checked.name}: {number(checked.documents, 'document')}, {checked.bad:,} bad{where}")
    for title in checked.titles:
        click.echo(f"  - {title}")
    for reason in checked.reasons:
        click.echo(f"  bad: {shorten(reason, 110)}")
    for note in checked.notes:
        click.echo(f"  note: {note}")
    if checked.error:
        click.echo(f"  error: {checked.error}")


def notes(config: SourceConfig, base: Path, cursor: Mapping[str, Any]) -> list[str]:
    """What a source has to say of what was read up to ``cursor``; nothing where it cannot be made."""
    made = False
    try:
        with _made(config, base) as source:
            made = True
            return _notes(source, cursor)
    except (Exception, SystemExit) as error:
        return [str(refusal(error))] if made else []
