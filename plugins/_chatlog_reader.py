"""Reading one file from a position on: whole records, bounded memory, no fault that stops the rest."""

from __future__ import annotations

import codecs
import json
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from gzip import GzipFile
from typing import TYPE_CHECKING, Any, BinaryIO

from monitor.types import BadRecord, Document
from monitor_plugins._chatlog_position import HEAD, TAIL, Position, fingerprint, read_marks
from monitor_plugins._chatlog_records import Mapper, Unusable

if TYPE_CHECKING:
    from monitor_plugins._chatlog_settings import ChatlogSettings

BLOCK = 64 * 1024
RAW = 500
MAGIC = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd")
"""How files begin that gzip, zip, bzip2, xz and zstd made."""
RECENT = 32
"""Records without an id that repeat are told apart if no more than this many lie between them."""

_CONTROL = re.compile(rb"[\x01-\x06\x0e-\x1a\x1c-\x1f]")


class FileFault(Exception):
    """Nothing of the file can be read; the message says why."""


def unreadable(start: bytes) -> str:
    """Why a file that begins so cannot be read as text; empty if it can."""
    if start.startswith(MAGIC):
        return "is compressed; unpack it"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "is encoded in UTF-16; convert it to UTF-8"
    return "is a binary file: it holds NUL bytes" if is_binary(start) else ""


def one_value(start: bytes) -> str:
    """Why a file of JSON that begins so holds no records in lines; empty if it does, or may.

    An array, or an object over several lines, is known by its first line.
    """
    text = start.removeprefix(codecs.BOM_UTF8).lstrip()
    first, *more = text.split(b"\n", 1)
    line = b"".join(first.split())
    if line == b"[" or line.startswith(b"[{"):
        kind, how = "a JSON array", "jq -c '.[]' FILE"
    elif more and (line == b"{" or (line.startswith(b'{"') and line.endswith(b"["))):
        kind, how = (
            "one JSON object over several lines",
            "jq -c . FILE, or of a list in it: jq -c '.NAME[]' FILE",
        )
    else:
        return ""
    return f"is {kind}, and one record a line is wanted, such as jq makes of it: {how}"


def is_binary(start: bytes) -> bool:
    """Whether a file that begins so is no text; a stray NUL byte is the fault of its line alone."""
    zeros = start.count(0)
    return zeros > len(start) / 10 or (zeros > 0 and _CONTROL.search(start) is not None)


class Reader(ABC):
    """Yields what a file holds after ``position``, and moves ``position`` along with every item.

    ``claim`` makes a file's identity one that no other file has. ``mark`` must be called
    before the position is written down. ``stop``: the offset to stop at, 0: the end of the file.
    """

    def __init__(
        self,
        file: BinaryIO,
        position: Position,
        settings: ChatlogSettings,
        mapper: Mapper,
        claim: Callable[[str], str],
        now: int,
    ) -> None:
        self.file, self.position, self.settings = file, position, settings
        self.mapper, self.claim, self.limit = mapper, claim, settings.max_line_bytes
        self.stop = 0
        self._recent: list[list[list[Any]]] = [[] for _ in mapper.earlier]
        seen = os.fstat(file.fileno())
        self.complete = settings.complete or isinstance(file, GzipFile)  # nobody writes to that any more
        self.placed = bool(position.marks)  # whether records are known by their place
        self.size, self.now = seen.st_size, now
        number, stamp = (seen.st_dev, seen.st_ino), (seen.st_size, seen.st_mtime_ns)
        unchanged = number == position.number and stamp == (position.size, position.mtime)
        if not unchanged or now < position.since:  # or the clock was put back
            position.since = now
        self.resting = unchanged and now > position.since
        self.settled = self.resting and now - position.since >= settings.settle
        (position.dev, position.ino), (position.size, position.mtime) = number, stamp
        self.head, self.tail = read_marks(file, position.offset)
        file.seek(position.offset)

    def mark(self) -> None:
        """Bring the position's fingerprints up to date."""
        self.position.head, self.position.tail = fingerprint(self.head), fingerprint(self.tail)

    def items(self) -> Iterator[Document | BadRecord]:
        """Documents and bad records, each after the position has passed it.

        :raises FileFault: if the file as a whole cannot be used.
        """
        if self.position.skipped:
            yield from self.skip()
        if self.position.taken:
            yield from self._rest_of_taken()
        if not self.waiting:
            yield from self.records()

    @abstractmethod
    def records(self) -> Iterator[Document | BadRecord]:
        """The records from the position on, which is at the beginning of a line."""

    @property
    def stopped(self) -> bool:
        """Whether all that was to be read is read, although there may be more."""
        return 0 < self.stop <= self.position.offset

    @property
    def waiting(self) -> bool:
        """Whether the position is inside a line whose end is still to come."""
        return bool(self.position.skipped) or self.position.taken

    def advance(self, data: bytes) -> None:
        """Move the position past ``data``, which was read there."""
        if len(self.head) < HEAD:
            self.head = (self.head + data)[:HEAD]
        self.tail = (self.tail + data[-TAIL:])[-TAIL:]
        self.position.offset += len(data)
        self.position.open_since = 0
        self.position.line += data.count(b"\n")
        self.position.taken = not data.endswith(b"\n")
        if self.placed and not self.position.taken:
            self.position.mark(self.head, self.tail)

    def bad(self, reason: str, raw: bytes = b"") -> BadRecord:
        """The record at the position, put aside."""
        self.position.bad += 1
        text = raw[: 4 * RAW].decode(self.settings.encoding, "replace").replace("\0", "\ufffd").strip()
        return BadRecord(reason, f"{self.position.path}:{self.position.line + 1}", text[:RAW])

    def at_rest(self, rest: bytes) -> bool:
        """Whether ``rest`` is all that is left, and whole although its newline is missing."""
        return self.complete or (self.resting and self.ends(rest) and self._reaches_end(rest))

    def ends(self, rest: bytes) -> bool:
        """Whether ``rest``, in a file that nobody has touched since the last look, is a whole record."""
        return self.settled

    def _reaches_end(self, rest: bytes) -> bool:
        end = self.position.offset + len(rest)
        return end == self.size == os.fstat(self.file.fileno()).st_size

    def text_of(self, line: bytes, offset: int) -> bytes:
        """The line without the mark that some programs write at the beginning of a file."""
        return line.removeprefix(codecs.BOM_UTF8) if not offset else line

    def skip(self) -> Iterator[BadRecord]:
        """Go past an overlong line without holding it, as far as it is there."""
        position = self.position
        self.file.seek(position.offset)
        place = position.line + 1
        ended = False
        while not ended and (block := self.file.readline(BLOCK)):
            position.skipped += len(block)
            self.advance(block)
            ended = block.endswith(b"\n")
        if ended or self.complete or (self.settled and self._reaches_end(b"")):
            reason = f"line of {position.skipped:,} bytes exceeds max_line_bytes = {self.limit}"
            position.skipped, position.taken, position.bad = 0, not ended, position.bad + 1
            yield BadRecord(reason, f"{position.path}:{place}")
        else:
            position.taken = False

    def _rest_of_taken(self) -> Iterator[BadRecord]:
        """What came after a last line that was read without its newline."""
        rest = self.file.readline(self.limit + 1)
        if rest in (b"\n", b"\r\n"):
            self.advance(rest)
        elif len(rest) > self.limit:
            yield from self.skip()
        elif rest.endswith(b"\n") or (rest.strip() and self.at_rest(rest)):
            bad = self.bad("goes on in a line that was already read as the last, without its newline", rest)
            self.advance(rest)
            yield bad

    def document(self, record: Mapping[str, Any]) -> Document:
        """The document of the record at the position.

        :raises Unusable: with the reason.
        """
        position = self.position

        def identify(content: str, timed: bool) -> str:
            self.placed |= not timed
            return self._identify(content, timed, position.recent)

        document = self.mapper.document(record, identify)
        return (
            replace(document, before=self._before(record)) if position.offset < position.again else document
        )

    def _before(self, record: Mapping[str, Any]) -> tuple[Document, ...]:
        """What earlier settings made of the record at the position."""
        found = []
        for mapper, recent in zip(self.mapper.earlier, self._recent, strict=True):
            with suppress(Unusable):
                found.append(mapper.document(record, partial(self._identify, recent=recent)))
        return tuple(found)

    def _identify(self, content: str, timed: bool, recent: list[list[Any]]) -> str:
        """An id for a record that has none; ``recent`` counts those that repeat."""
        if not timed:
            return f"{content}-{self.position.identity}-{self.position.offset}"
        count = 1 + next((times for known, times in recent if known == content), 0)
        others = [pair for pair in recent if pair[0] != content]
        recent[:] = [*others, [content, count]][-RECENT:]
        return content if count == 1 else f"{content}-{count}"


class JsonReader(Reader):
    """One JSON object a line."""

    def ends(self, rest: bytes) -> bool:
        """A JSON object says itself where it ends."""
        try:
            text = self.text_of(rest, self.position.offset).decode(self.settings.encoding)
            return isinstance(json.loads(text), dict)
        except (ValueError, RecursionError):
            return False

    def records(self) -> Iterator[Document | BadRecord]:
        position = self.position
        self.file.seek(position.offset)
        while not self.stopped and (line := self.file.readline(self.limit + 1)):
            if len(line) > self.limit and not line.endswith(b"\n"):
                yield from self.skip()
                if self.waiting:
                    return
                continue
            if not line.endswith(b"\n") and not self.at_rest(line):
                return
            text = self.text_of(line, position.offset).strip()
            item = self._item(text) if text else None
            self.advance(line)
            if item is not None:
                yield item

    def _item(self, line: bytes) -> Document | BadRecord:
        if not self.position.identity:
            self.position.identity = self.claim(fingerprint(line))
        try:
            record = json.loads(line.decode(self.settings.encoding))
            if not isinstance(record, dict):
                raise Unusable("is JSON, but not an object")
            return self.document(record)
        except UnicodeDecodeError:
            reason = f"is not encoded in {self.settings.encoding}; see the setting encoding"
        except Unusable as error:
            reason = str(error)
        except RecursionError:
            reason = "is not JSON: nested too deep"
        except ValueError as error:
            reason = f"is not JSON: {error}"
        return self.bad(reason, line)
