"""Reading CSV while it grows: a record ends where the csv module says, quoted newlines included."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from monitor.types import BadRecord, Document
from monitor_plugins._chatlog_reader import BLOCK, FileFault, Reader
from monitor_plugins._chatlog_records import Unusable, digest, listing

DELIMITERS = ",;\t|"
OPEN_LINES, OPEN_BYTES = 50, 64 * 1024
"""A quote that is open over so much at the end of a growing file is given up, if rows are behind it."""
_UNDECODED = re.compile("[\udc80-\udcff]")


class CsvReader(Reader):
    """A header, then rows; the header is remembered in the position."""

    def records(self) -> Iterator[Document | BadRecord]:
        # A bound of the csv module, for the whole process; raised so that only ours holds.
        csv.field_size_limit(max(csv.field_size_limit(), self.limit))
        while True:
            self.file.seek(self.position.offset)
            if not self.position.delimiter:
                self._separator_line()
                self.position.delimiter = (
                    self.position.delimiter or self.settings.delimiter or self._delimiter()
                )
            lines = _Lines(self)
            try:
                for row in csv.reader(lines, delimiter=self.position.delimiter, strict=True):
                    yield from self._row(row, lines.take())
                    if self.stopped:
                        break
                return
            except _Overlong:
                yield from self.skip()
                if self.waiting:
                    return
            except (_Endless, csv.Error):
                if lines.exhausted and not self.at_rest(b"".join(lines.record)) and not self._stray(lines):
                    return  # the rest of the record is still to come
                yield from self._malformed(lines)

    def _stray(self, lines: _Lines) -> bool:
        """Whether the quote that is open at the end of the file does not belong there.

        So it is if what came behind it are rows: many, or any when it has been open for so long as a
        last line is waited for. A quote that closes in what is there is never asked about.
        """
        position = self.position
        behind = [line for line in lines.record[1:] if line.strip()]
        if not behind or position.header is None or len(position.header) < 2:
            return False
        if not position.open_since or self.now < position.open_since:
            position.open_since = self.now
        long = len(behind) >= OPEN_LINES or lines.held >= OPEN_BYTES
        if not long and self.now - position.open_since < self.settings.settle:
            return False
        if not behind[-1].endswith(b"\n"):
            behind.pop()  # half a line
        texts = [lines.decode(line, position.offset) for line in behind]
        try:
            rows = [next(csv.reader([text], delimiter=position.delimiter, strict=True)) for text in texts]
        except csv.Error:
            return False
        return bool(rows) and all(len(row) == len(position.header) for row in rows)

    def _malformed(self, lines: _Lines) -> Iterator[Document | BadRecord]:
        """A quote that never closes takes its own line with it and no other; stray ones are kept as text."""
        first = lines.record[0]
        if len(lines.record) == 1 and not lines.exhausted:
            try:
                rows = csv.reader(
                    [lines.decode(first, self.position.offset)], delimiter=self.position.delimiter
                )
                yield from self._row(next(rows), first)
                return
            except csv.Error as error:
                reason = f"is not CSV: {error}"
        else:
            reason = "opens a quote that is never closed"
        bad = self.bad(reason, first)
        self.advance(first)
        yield bad

    def _separator_line(self) -> None:
        """Go past the line ``sep=;`` that spreadsheets begin a file with; a delimiter that was set counts more."""
        if self.position.offset:
            return
        line = self.file.readline(32)
        found = re.fullmatch(rb'"?sep=([^\s"]|\t)"?\r?\n', self.text_of(line, 0), re.IGNORECASE)
        if found is not None:
            self.position.delimiter = self.settings.delimiter or found.group(1).decode("latin-1")
            self.advance(line)
        self.file.seek(self.position.offset)

    def _delimiter(self) -> str:
        """The one that sets the text column apart in the first line, else the most frequent."""
        start = self.file.read(BLOCK).decode(self.settings.encoding, "replace").lstrip("\ufeff")
        self.file.seek(self.position.offset)
        line = start.lstrip("\r\n").split("\n", 1)[0]
        wanted = self.settings.columns.text.casefold()

        def fits(delimiter: str) -> tuple[bool, int]:
            names = {name.strip().strip('"').casefold() for name in line.split(delimiter)}
            return wanted in names, line.count(delimiter)

        return max(DELIMITERS, key=fits)

    def _row(self, row: list[str], data: bytes) -> Iterator[Document | BadRecord]:
        """What comes of a row, the position moved past it."""
        item: Document | BadRecord | None = None
        if any(cell.strip() for cell in row):
            try:
                item = self._item(row, data)
            except Unusable as error:
                item = self.bad(str(error), data)
        self.advance(data)
        if item is not None:
            yield item

    def _item(self, row: list[str], data: bytes) -> Document | None:
        position = self.position
        if b"\0" in data:
            raise Unusable("holds NUL bytes")
        if any(_UNDECODED.search(cell) for cell in row):
            raise Unusable(f"is not encoded in {self.settings.encoding}; see the setting encoding")
        if position.header is None:
            position.header = self._header(row)
            return None
        if [name.strip("\ufeff \t").casefold() for name in row] == [
            name.casefold() for name in position.header
        ]:
            return None  # two exports in one file
        if not position.identity:
            position.identity = self.claim(digest(position.header, row))
        if any(cell.strip() for cell in row[len(position.header) :]):
            raise Unusable(
                f"has {len(row)} fields where the header has {len(position.header)}: "
                "is a text with a delimiter not quoted?"
            )
        # Of two columns with one name the first counts.
        return self.document(dict(reversed(list(zip(position.header, row, strict=False)))))

    def _header(self, row: list[str]) -> list[str]:
        """Column names; those that the settings write with other capitals are written as there.

        :raises FileFault: if a column is missing that the settings need.
        """
        columns = self.settings.columns
        names = [name.strip() for name in row]
        folded = [name.casefold() for name in names]
        for part in type(columns).model_fields:
            wanted = getattr(columns, part)
            if not wanted or wanted in names:
                continue
            if wanted.casefold() in folded:
                names[folded.index(wanted.casefold())] = wanted
            elif part == "text" or part in columns.model_fields_set:
                raise FileFault(
                    f"has no column {wanted!r} for the {part}; it has {listing(names)}; see the setting columns"
                )
        return names


class _Overlong(Exception):
    """The next line alone exceeds the limit."""


class _Endless(Exception):
    """The record exceeds the limit, and goes on in the next line."""


class _Lines:
    """Gives the csv module line by line what it asks for, and remembers what the record took.

    ``exhausted``: it asked for a line that is not there yet.
    """

    def __init__(self, reader: CsvReader) -> None:
        self.reader = reader
        self.record: list[bytes] = []
        self.held = 0
        self.exhausted = self.last = False

    def take(self) -> bytes:
        """The bytes of the record; the next one begins."""
        data = b"".join(self.record)
        self.record, self.held = [], 0
        return data

    def decode(self, line: bytes, offset: int) -> str:
        """The line; bytes that are not in the encoding stay to be seen as lone surrogates."""
        return self.reader.text_of(line, offset).decode(self.reader.settings.encoding, "surrogateescape")

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        reader = self.reader
        line = b"" if self.last else reader.file.readline(reader.limit + 1)
        if self.held + len(line) > reader.limit and (self.record or not line.endswith(b"\n")):
            raise _Endless if self.record else _Overlong
        if line and not line.endswith(b"\n"):
            self.last = True
            if not reader.at_rest(b"".join(self.record) + line):
                line = b""
        if not line:
            self.exhausted = True
            raise StopIteration
        offset = reader.position.offset + self.held
        self.record.append(line)
        self.held += len(line)
        return self.decode(line, offset)
