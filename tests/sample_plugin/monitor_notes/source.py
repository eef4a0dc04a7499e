"""A folder of notes: each ``.txt`` file is a document, its first line the title."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from monitor.errors import SourceError
from monitor.interfaces import Settings, Source
from monitor.types import BadRecord, Batch, Document, Role

BATCH = 100


class NotesSettings(Settings):
    """What may stand under ``[[sources]]`` beside ``plugin``, ``name`` and ``every``."""

    folder: Path = Field(description="where the notes lie")
    role: Role = Field("customer", description="who writes them: customer, agent or publisher")


class Notes(Source):
    """Reads a folder of notes.

    The cursor holds the names that were seen, each with the file's time of change, so that an
    edited note is read again (and stored as an edit: its identity is its name). Write a note
    elsewhere and move it into the folder; one that is still being written may be read halfway.
    """

    name: ClassVar[str] = "notes"
    Settings = NotesSettings

    @property
    def folder(self) -> Path:
        # a path in the settings is relative to the configuration file
        return self.base / self.settings.folder

    def describe(self) -> str:
        return f"notes in {self.settings.folder}"

    def fetch(self, cursor: Mapping[str, Any], now: datetime) -> Iterator[Batch]:
        """Yield the notes that are new or changed, in the order of their names."""
        if not self.folder.is_dir():
            raise SourceError(f"there is no folder {self.settings.folder}; make it, or mend `folder`")
        try:
            times = {path.name: path.stat().st_mtime_ns for path in sorted(self.folder.glob("*.txt"))}
        except OSError as error:
            raise SourceError(f"{self.settings.folder} cannot be read: {error.strerror}") from None
        # names whose file is gone are forgotten, or the cursor would grow for ever
        before: dict[str, int] = cursor.get("seen", {})
        seen = {name: time for name, time in before.items() if name in times}
        fresh = [name for name, time in times.items() if seen.get(name) != time]
        for start in range(0, len(fresh), BATCH):
            documents: list[Document] = []
            bad: list[BadRecord] = []
            for name in fresh[start : start + BATCH]:
                item = self._read(name, times[name])
                if isinstance(item, Document):
                    documents.append(item)
                else:
                    bad.append(item)
                seen[name] = times[name]
            # what is stored with this cursor is never asked for again: say what was seen so far
            yield Batch(tuple(documents), tuple(bad), {"seen": dict(seen)})

    def _read(self, name: str, changed_ns: int) -> Document | BadRecord:
        try:
            text = (self.folder / name).read_text(encoding="utf-8").strip()
        except UnicodeDecodeError:
            return BadRecord("is not UTF-8; save it as plain text in UTF-8", name)
        except OSError as error:
            return BadRecord(f"cannot be read: {error.strerror}", name)
        if not text:
            return BadRecord("is empty", name)
        title, _, rest = text.partition("\n")
        return Document(
            external_id=name,
            title=title.strip(),
            text=rest.strip(),
            role=self.settings.role,
            published_at=datetime.fromtimestamp(changed_ns / 1e9, UTC),
        )
