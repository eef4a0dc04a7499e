"""Chat logs: JSONL and CSV files that are read once, or followed while they grow.

A record is a line of JSON or a row of CSV. Where it has an id, it is known by that and its thread:
two files (or two lines) with the same of both hold the same record, the later one an edit of the
earlier, unless their times are more than 6 hours apart and their texts differ (a counter that began
again). An id that is unique by its form, such as a UUID, is enough alone. Without an id it is a
digest of thread, role, time and text, so that the same message in two overlapping exports is one
record, and one that comes twice at the same time in one file is two; a record that has no time
either is known by its place in its file.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from monitor import hookimpl, interfaces
from monitor.errors import SourceError
from monitor.types import BadRecord, Batch, Document
from monitor_plugins._chatlog_csv import CsvReader
from monitor_plugins._chatlog_earlier import APART, EARLIER, earlier, reading
from monitor_plugins._chatlog_files import assign
from monitor_plugins._chatlog_folders import closed, find, nothing
from monitor_plugins._chatlog_position import TORN, Found, Position
from monitor_plugins._chatlog_reader import BLOCK, FileFault, JsonReader, Reader, one_value, unreadable
from monitor_plugins._chatlog_records import Mapper, digest
from monitor_plugins._chatlog_settings import ChatlogSettings

BATCH_BYTES = 4 * 1024 * 1024
FAULTS = 3
"""So many files and folders that cannot be read are named."""
MENDED = "its settings changed since it was read: `monitor sources fetch NAME --again` applies them to that as well"
FORGET = 7 * 86400
"""Seconds after which the position in a file that is gone is forgotten."""


class Chatlog(interfaces.Source):
    """Follows chat logs across restarts and rotation; see the module for identity."""

    name: ClassVar[str] = "chatlog"
    Settings = ChatlogSettings

    def __init__(self, settings: ChatlogSettings, base: Path) -> None:
        super().__init__(settings, base)
        self._paths = [settings.path] if isinstance(settings.path, str) else settings.path
        self._where = digest(self._paths)
        self._mapper = Mapper(settings)
        self._reading = digest(settings.model_dump(mode="json", exclude=APART))
        self._settings = reading(settings)

    def describe(self) -> str:
        return f"chat logs in {', '.join(self._paths)}"

    def notes(self, cursor: Mapping[str, Any]) -> list[str]:
        """Which files are missing or cannot be read; of those read, unknown words for a role, and times that lack."""
        there = find(self.base, self._paths)
        none = [] if there.files or there.faults else [nothing(self._paths, there)]
        barred = [f"{path} {at['fault']}" for path, at in cursor.get("files", {}).items() if at.get("fault")]
        shut = dict.fromkeys([*there.faults, *cursor.get("barred", [])])
        return [
            *shut,
            *none,
            *barred[:FAULTS],
            *self._mapper.notes(
                cursor.get("roles", {}), cursor.get("timeless", {}), cursor.get("lacking", ())
            ),
            *[MENDED] * any(one != self._settings for one in cursor.get("readings", ())),
        ]

    def fetch(self, cursor: Mapping[str, Any], now: datetime) -> Iterator[Batch]:
        """Yield what was written since; half a line waits for its other half.

        Files and folders that cannot be used are each one bad record, and the others go on.

        :raises SourceError: if none can be used.
        """
        stamp = int(now.timestamp())
        self._mapper.now = now
        same = cursor.get("reading") == self._reading
        before = [one for one in cursor.get("readings", ()) if one != self._settings]
        self._mapper.earlier = earlier(before, self.settings.encoding, now)
        self._mapper.unknown = dict(cursor.get("roles", {})) if same else {}
        self._mapper.timeless = dict(cursor.get("timeless", {})) if same else {}
        self._mapper.lacking = set(cursor.get("lacking", ())) if same else None
        again = "again" in cursor
        work, lost, barred, bad = self._work(cursor, stamp)
        state = {position.path: position.dump() for _, position in work}
        gone = [{"path": position.path, **position.dump()} for position in lost]
        told: list[str] = cursor.get("barred", [])
        used = {position.identity for position in [*lost, *(position for _, position in work)]}

        def claim(identity: str) -> str:
            names = (f"{identity}.{n}" if n > 1 else identity for n in range(1, len(used) + 2))
            free = next(name for name in names if name not in used)
            used.add(free)
            return free

        def batch() -> Batch:
            made: dict[str, Any] = {"files": dict(state), "lost": gone, "reading": self._reading}
            made["where"] = self._where
            # all is read as the settings of now say when nothing is left to be read again
            done = again and not any(position.again for _, position in work)
            made["readings"] = [*([] if done else before), self._settings][-EARLIER:]
            if told:
                made["barred"] = told
            if self._mapper.unknown:
                made["roles"] = dict(self._mapper.unknown)
            if self._mapper.timeless:
                made["timeless"] = dict(self._mapper.timeless)
            if self._mapper.lacking:
                made["lacking"] = sorted(self._mapper.lacking)
            return Batch(tuple(documents), tuple(bad), made)

        documents: list[Document] = []
        weight = 0
        for found, position in work:
            for item in self._read(found, position, claim, stamp, again):
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
            if found.packed and position.aside:
                # it was read as far as it can be; what is remembered of it knows no file any more
                del state[position.path]
                position.dev, position.ino, position.gone = 0, 0, stamp
                gone.append({"path": position.path, **position.dump()})
        faults = [position for _, position in work if position.fault]
        if len(faults) < len(work):
            bad += [BadRecord(fault) for fault in barred if fault not in told]
            told = barred
        last = batch()
        if documents or bad or last.cursor != cursor:
            yield last
        if len(faults) < len(work):
            return
        if barred:
            raise SourceError("; ".join(barred[:FAULTS]))
        if faults:
            more = f" (and {len(faults) - 1} more files)" if len(faults) > 1 else ""
            raise SourceError(f"{faults[0].path} {faults[0].fault}{more}")

    def continues(self, cursor: Mapping[str, Any]) -> bool:
        return cursor.get("where", self._where) == self._where  # earlier versions did not say

    def again(self, cursor: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**cursor, "again": True}

    def _work(
        self, cursor: Mapping[str, Any], stamp: int
    ) -> tuple[list[tuple[Found, Position]], list[Position], list[str], list[BadRecord]]:
        """The files with their positions, positions whose file is gone (for the time being), why it may be, and
        what may have been lost with it.
        """
        there = find(self.base, self._paths)
        files = there.files
        if self.settings.complete and not files and not there.faults:
            raise SourceError(f"there is no file {', '.join(self._paths)}")
        known = [Position.load(path, data) for path, data in cursor.get("files", {}).items()]
        known += [Position.load(data["path"], data) for data in cursor.get("lost", ())]
        pairs, lost, torn = assign(self.base, files, known)
        named = {found.number for found in files}
        again, mended = "again" in cursor, cursor.get("reading", self._reading) != self._reading
        # what was never read is no part of what is read again: it may be news
        work = [
            (found, position or Position(found.key)) for found, position in pairs if position or not again
        ]
        for found, position in work:
            if again or (
                mended and position.bad
            ):  # what could not be read with the settings before is tried again
                position.restart()
            if position.number != found.number:
                position.dev, position.ino, position.fault = found.dev, found.ino, ""
            position.path, position.gone, position.aside = found.key, 0, found.number not in named
            position.target = os.path.realpath(found.path) if os.path.islink(found.path) else ""
        # a folder that goes while others stay is one that was kept long enough
        gone = [] if files else [one for one in lost if not one.gone or stamp - one.gone < FORGET]
        faults = list(dict.fromkeys(there.faults + closed(self.base, self._paths, lost, gone)))
        for position in lost:
            position.gone = position.gone or stamp
        kept = [position for position in lost if faults or stamp - position.gone < FORGET]
        return work, [position for position in kept if position.offset], faults, [_torn(one) for one in torn]

    def _read(
        self, found: Found, position: Position, claim: Callable[[str], str], stamp: int, again: bool
    ) -> Iterator[Document | BadRecord]:
        """What one file holds after its position, which is moved along; ``again``: no more than was read before."""
        if found.unchanged(position) and position.offset == found.size and not position.skipped:
            return
        if again and not position.again:
            return
        try:
            if found.packed and not position.aside:
                raise FileFault("is compressed; unpack it")
            with found.open() as file:
                seen = os.fstat(file.fileno())
                if (seen.st_dev, seen.st_ino) != found.number:
                    return  # replaced a moment ago: the next fetch sorts it out
                kind = self._reader(file, position)
                reader = kind(file, position, self.settings, self._mapper, claim, stamp)
                reader.stop = position.again if again else 0
                for item in reader.items():
                    reader.mark()
                    yield item
                reader.mark()
                position.fault = ""
                if position.offset >= position.again:
                    position.again = 0
                return
        except FileFault as error:
            fault = str(error)
        except TORN:
            fault = "is damaged: it cannot be decompressed to its end"
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


def _torn(position: Position) -> BadRecord:
    reason = (
        "was rotated and compressed before it was read to its end: what was written into it after byte "
        f"{position.offset:,} may be lost; have it compressed a turn later (delaycompress of logrotate)"
    )
    return BadRecord(reason, position.path)


@hookimpl
def register_sources() -> list[type[interfaces.Source]]:
    return [Chatlog]
