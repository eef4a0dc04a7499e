"""What a source has to give, for ``monitor sources check``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from monitor.cli.output import number, shorten
from monitor.config import SourceConfig
from monitor.interfaces import Source
from monitor.pipeline.ingest import refusal
from monitor.pipeline.intake import accepted

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


def check(config: SourceConfig, base: Path, now: datetime) -> Checked:
    """What the source has to give from its beginning; nothing is stored."""
    found = Checked(config.name, config.plugin)
    cursor: Mapping[str, Any] = {}
    try:
        with _made(config, base) as source:
            found.where = source.describe()
            for yielded in source.fetch({}, now):
                batch = accepted(yielded)
                cursor = batch.cursor
                found.documents += len(batch.documents)
                found.bad += len(batch.bad)
                found.titles += [
                    shorten(document.title or document.text, 100)
                    for document in batch.documents[: SHOWN - len(found.titles)]
                ]
                found.reasons += [
                    f"{record.place}: {record.reason}" if record.place else record.reason
                    for record in batch.bad[: SHOWN - len(found.reasons)]
                ]
            found.notes = _notes(source, cursor)
    except (Exception, SystemExit) as error:
        found.error = str(refusal(error))
    return found


def _notes(source: Source, cursor: Mapping[str, Any]) -> list[str]:
    said: object = source.notes(cursor)
    if said is None or isinstance(said, str):
        return [said] if said else []
    return [str(note) for note in said]  # type: ignore[attr-defined]  # what is no sequence raises


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
        click.echo(f"  cannot be read: {checked.error}")


def notes(config: SourceConfig, base: Path, cursor: Mapping[str, Any]) -> list[str]:
    """What a source has to say of what was read up to ``cursor``; nothing where it cannot be made."""
    made = False
    try:
        with _made(config, base) as source:
            made = True
            return _notes(source, cursor)
    except (Exception, SystemExit) as error:
        return [str(refusal(error))] if made else []
