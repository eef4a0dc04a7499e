"""Chat logs: JSONL and CSV files that are read once, or followed while they grow.

A record is a line of JSON or a row of CSV. Where it has an id, it is known by that and its thread:
two files (or two lines) with the same of both hold the same record, the later one an edit of the
earlier, unless their times are more than a day apart and their texts differ (a counter that began
again). An id that is unique by its form, such as a UUID, is enough alone. Without an id it is a
digest of thread, role, time and text, so that the same message in two overlapping exports is one
record, and one that comes twice at the same time in one file is two; a record that has no time
either is known by its place in its file.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Literal

from pydantic import Field, field_validator

from monitor import hookimpl, interfaces
from monitor.durations import Duration
from monitor.errors import SourceError
from monitor.types import BadRecord, Batch, Document, Role
from monitor_plugins._chatlog_csv import CsvReader
from monitor_plugins._chatlog_files import assign, closed, find, nothing
from monitor_plugins._chatlog_position import Found, Position
from monitor_plugins._chatlog_reader import BLOCK, FileFault, JsonReader, Reader, one_value, unreadable
from monitor_plugins._chatlog_records import Mapper, digest, zone

BATCH_BYTES = 4 * 1024 * 1024
FAULTS = 3
"""So many files and folders that cannot be read are named."""
FORGET = 7 * 86400
"""Seconds after which the position in a file that is gone is forgotten."""


class Columns(interfaces.Settings):
    """Which field of a record is what; ``a.b`` looks into objects, ``""`` switches one off."""

    text: str = Field(default="text", min_length=1, description="the message")
    id: str = Field(default="id", description="what identifies a message in its thread, in all files")
    thread: str = Field(default="thread", description="what identifies the conversation")
    role: str = Field(default="role", description="who wrote it; see roles")
    time: str = Field(default="time", description="when it was written")
    title: str = Field(default="title", description="the subject")
    url: str = Field(default="url", description="where it can be read")


class ChatlogSettings(interfaces.Settings):
    """Settings of a chat log."""

    path: str | list[str] = Field(
        min_length=1, description="a file, a folder or a pattern such as logs/*.jsonl; or a list of them"
    )
    format: Literal["auto", "jsonl", "csv"] = Field(
        "auto", description='"jsonl", "csv", or "auto": by the name, else by the first character'
    )
    columns: Columns = Field(Columns(), description="which column (or JSON key) is what")
    roles: dict[str, Role] = Field(
        {},
        description="customer, agent or publisher by what the files say, beside the usual words",
    )
    default_role: Role = Field("customer", description="who wrote what has no role, or one that nobody knows")
    time_format: str = Field(
        "", description="as of Python's strptime; empty: ISO 8601, 20250131103000, or seconds since 1970"
    )
    timezone: str = Field(
        default="UTC", description="the zone of times that name none, such as Europe/Berlin"
    )
    encoding: str = Field("utf-8", description="how the files are encoded")
    delimiter: str = Field(
        "", max_length=1, description="between the fields of CSV; empty: comma, semicolon, tab or | as found"
    )
    max_line_bytes: int = Field(
        1024 * 1024, ge=1024, le=64 * 1024 * 1024, description="a longer line (or record of CSV) is put aside"
    )
    settle: Duration = Field(
        3600,
        ge=0,
        description="a last line without newline is read when its file has not changed for so long",
    )
    complete: bool = Field(
        False, description="the files are complete: read a last line without newline at once"
    )
    batch_size: int = Field(500, ge=1, le=5000, description="how many records are handed over at a time")

    @field_validator("time_format")
    @classmethod
    def _known_directives(cls, value: str) -> str:
        try:
            datetime.strptime("", value)  # noqa: DTZ007 - nothing is made of it
        except (ValueError, re.error) as error:
            if isinstance(error, re.error) or not str(error).startswith("time data"):
                raise ValueError(f"{value!r} is no form of times: {error}") from None
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            zone(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{value!r} is no time zone; write one like UTC or Europe/Berlin") from None
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            codecs.lookup(value)
            plain = '{"\n,'.encode(value) == b'{"\n,'
        except (LookupError, ValueError):
            raise ValueError(f"{value!r} is no encoding; write one like utf-8, latin-1 or cp1252") from None
        if not plain:
            raise ValueError(f"{value!r} has its own newlines; convert the files to utf-8")
        return value

    @field_validator("delimiter")
    @classmethod
    def _usable_delimiter(cls, value: str) -> str:
        if value in ('"', "\r", "\n"):
            raise ValueError(f"{value!r} cannot stand between fields")
        return value


class Chatlog(interfaces.Source):
    """Follows chat logs across restarts and rotation; see the module for identity."""

    name: ClassVar[str] = "chatlog"
    Settings = ChatlogSettings

    def __init__(self, settings: ChatlogSettings, base: Path) -> None:
        super().__init__(settings, base)
        self._paths = [settings.path] if isinstance(settings.path, str) else settings.path
        self._mapper = Mapper(settings)
        apart = {"path", "settle", "complete", "batch_size"}
        self._reading = digest(settings.model_dump(mode="json", exclude=apart))

    def describe(self) -> str:
        return f"chat logs in {', '.join(self._paths)}"

    def notes(self, cursor: Mapping[str, Any]) -> list[str]:
        """Which files are missing or cannot be read, and which words for a role nobody knows of those read."""
        there = find(self.base, self._paths)
        none = [] if there.files or there.faults else [nothing(self._paths, there)]
        barred = [f"{path} {at['fault']}" for path, at in cursor.get("files", {}).items() if at.get("fault")]
        return [*there.faults, *none, *barred[:FAULTS], *self._mapper.notes(cursor.get("roles", {}))]

    def fetch(self, cursor: Mapping[str, Any], now: datetime) -> Iterator[Batch]:
        """Yield what was written since; half a line waits for its other half.

        Files that cannot be used are each one bad record, and the others go on.

        :raises SourceError: if no file can be used, or (when all others are read) a folder cannot.
        """
        stamp = int(now.timestamp())
        self._mapper.now = now
        same = cursor.get("reading") == self._reading
        self._mapper.unknown = dict(cursor.get("roles", {})) if same else {}
        work, lost, barred = self._work(cursor, stamp)
        state = {position.path: position.dump() for _, position in work}
        gone = [{"path": position.path, **position.dump()} for position in lost]
        used = {position.identity for position in [*lost, *(position for _, position in work)]}

        def claim(identity: str) -> str:
            names = (f"{identity}.{n}" if n > 1 else identity for n in range(1, len(used) + 2))
            free = next(name for name in names if name not in used)
            used.add(free)
            return free

        def batch() -> Batch:
            made: dict[str, Any] = {"files": dict(state), "lost": gone, "reading": self._reading}
            if self._mapper.unknown:
                made["roles"] = dict(self._mapper.unknown)
            return Batch(tuple(documents), tuple(bad), made)

        documents: list[Document] = []
        bad: list[BadRecord] = []
        weight = 0
        for found, position in work:
            for item in self._read(found, position, claim, stamp):
                if isinstance(item, Document):
                    documents.append(item)
                    weight += len(item.text)
                else:
                    bad.append(item)
                if len(documents) + len(bad) >= self.settings.batch_size or weight >= BATCH_BYTES:
                    state[position.path] = position.dump()
                    yield batch()
                    documents, bad, weight = [], [], 0
            state[position.path] = position.dump()
        last = batch()
        if documents or bad or last.cursor != cursor:
            yield last
        if barred:
            raise SourceError("; ".join(barred[:FAULTS]))
        faults = [position for _, position in work if position.fault]
        if faults and len(faults) == len(work):
            more = f" (and {len(faults) - 1} more files)" if len(faults) > 1 else ""
            raise SourceError(f"{faults[0].path} {faults[0].fault}{more}")

    def _work(
        self, cursor: Mapping[str, Any], stamp: int
    ) -> tuple[list[tuple[Found, Position]], list[Position], list[str]]:
        """The files with their positions, positions whose file is gone (for the time being), and why it may be."""
        there = find(self.base, self._paths)
        files = there.files
        if self.settings.complete and not files and not there.faults:
            raise SourceError(f"there is no file {', '.join(self._paths)}")
        known = [Position.load(path, data) for path, data in cursor.get("files", {}).items()]
        known += [Position.load(data["path"], data) for data in cursor.get("lost", ())]
        if cursor.get("reading", self._reading) != self._reading:
            # Settings were mended: what could not be read with the old ones is tried again.
            for position in known:
                if position.bad:
                    position.restart()
        pairs, lost = assign(self.base, files, known)
        named = {found.number for found in files}
        work = [(found, position or Position(found.key)) for found, position in pairs]
        for found, position in work:
            if position.number != found.number:
                position.dev, position.ino, position.fault = found.dev, found.ino, ""
            position.path, position.gone, position.aside = found.key, 0, found.number not in named
        faults = list(dict.fromkeys(there.faults + closed(self.base, self._paths, lost, empty=not files)))
        for position in lost:
            position.gone = position.gone or stamp
        kept = [position for position in lost if faults or stamp - position.gone < FORGET]
        return work, [position for position in kept if position.offset], faults

    def _read(
        self, found: Found, position: Position, claim: Callable[[str], str], stamp: int
    ) -> Iterator[Document | BadRecord]:
        """What one file holds after its position, which is moved along."""
        if found.unchanged(position) and position.offset == found.size and not position.skipped:
            return
        try:
            with found.path.open("rb") as file:
                seen = os.fstat(file.fileno())
                if (seen.st_dev, seen.st_ino) != found.number:
                    return  # replaced a moment ago: the next fetch sorts it out
                kind = self._reader(file, position)
                reader = kind(file, position, self.settings, self._mapper, claim, stamp)
                for item in reader.items():
                    reader.mark()
                    yield item
                reader.mark()
                position.fault = ""
                return
        except FileFault as error:
            fault = str(error)
        except OSError as error:
            fault = f"cannot be read: {error.strerror}"
        if fault != position.fault:
            position.fault = fault
            position.bad += 1
            yield BadRecord(fault, position.path)

    def _reader(self, file: BinaryIO, position: Position) -> type[Reader]:
        """How the file is read.

        :raises FileFault: if it is no text, or no records.
        """
        start = b""
        if not position.offset:
            start = file.read(BLOCK)
            if reason := unreadable(start):
                raise FileFault(reason)
        if self.settings.format != "auto":
            position.format = self.settings.format
        elif not position.format:
            ends = {part.lower() for part in Path(position.path).name.split(".")[1:]}
            text = start.removeprefix(codecs.BOM_UTF8).lstrip()
            if ends & {"csv", "tsv"}:
                position.format = "csv"
            elif ends & {"jsonl", "ndjson", "json"} or text.startswith((b"{", b"[")):
                position.format = "jsonl"
            elif text:
                position.format = "csv"
        if position.format == "jsonl" and (reason := one_value(start)):
            raise FileFault(reason)
        return CsvReader if position.format == "csv" else JsonReader


@hookimpl
def register_sources() -> list[type[interfaces.Source]]:
    return [Chatlog]
