"""Reads files of labelled examples: CSV with a header, or JSON lines, with columns text and label."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Iterator
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from monitor.errors import MonitorError, UnknownName
from monitor.types import NO_LABEL, BadRecord, Seed, folded, in_one_line, legible

COLUMNS = ("text", "label")
FORMATS = (".csv", ".jsonl")


Row = tuple[int, str, Seed]
"""A seed, with the line it begins in and what that line says."""


class SeedFileError(MonitorError):
    """A file of seeds that cannot be used at all; the message says what to mend."""


def read_seeds(
    source: Path | Traversable, labels: Collection[str] | None = None, *, one_label: bool = False
) -> tuple[list[Seed], list[BadRecord]]:
    """Read the seeds of a ``.csv`` or ``.jsonl`` file, in the file's order.

    Both formats name the columns ``text`` and ``label`` (others are ignored); a CSV may
    separate its cells by comma, semicolon or tab. A text that carries several labels is
    repeated, once for each; one that carries none has :data:`monitor.types.NO_LABEL`.
    Where ``labels`` are given, a record with another one cannot be used; otherwise none is refused.
    With ``one_label`` a text carries one label only; otherwise several, or none. The records that
    say otherwise of the same text (spaces and line ends aside; with ``one_label`` case as well, as where
    corrections replace each other) cannot be used, none of them.

    Returns the seeds, stripped of white space around them, and the records that could not
    be used, each with its line (``place="line 12"``) and reason. Raises
    :class:`SeedFileError` where the file as a whole cannot be read.
    """
    suffix = Path(source.name).suffix.lower()
    if suffix not in FORMATS:
        raise SeedFileError(
            f"{source} is not a file of seeds: its name must end in {' or '.join(FORMATS)}, "
            "with columns text and label"
        )
    content = _read_text(source)
    rows, bad = (_read_csv if suffix == ".csv" else _read_jsonl)(source, content, labels)
    rows, contradictions = _agreeing(rows, one_label=one_label)
    bad = sorted([*bad, *contradictions], key=lambda record: int(record.place.removeprefix("line ")))
    return [seed for _, _, seed in rows], bad


def _agreeing(rows: list[Row], *, one_label: bool) -> tuple[list[Row], list[BadRecord]]:
    """The rows whose text has the same label, or any but none, wherever it comes, and the others."""
    alike = folded if one_label else in_one_line
    lines: dict[str, dict[str, int]] = {}  # the first line of each label, by text
    for line, _, seed in rows:
        lines.setdefault(alike(seed.text), {}).setdefault(seed.label, line)
    may = "one label only" if one_label else "some label, or none"
    agreeing: list[Row] = []
    bad: list[BadRecord] = []
    for line, raw, seed in rows:
        others = {
            label: at
            for label, at in lines[alike(seed.text)].items()
            if label != seed.label and (one_label or NO_LABEL in (label, seed.label))
        }
        if not others:
            agreeing.append((line, raw, seed))
            continue
        said = " and ".join(f"{label!r} in line {at}" for label, at in others.items())
        bad.append(_bad(line, f"has a text that is {seed.label!r} here and {said}: it can have {may}", raw))
    return agreeing, bad


def _read_text(source: Path | Traversable) -> str:
    try:
        data = source.read_bytes()
    except OSError as error:
        raise SeedFileError(f"{source} cannot be read: {error.strerror or error}") from error
    if b"\0" in data:
        raise SeedFileError(
            f"{source} is binary or in another encoding than UTF-8; save it as plain text in UTF-8"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SeedFileError(f"{source} is not UTF-8 (line {line}); save it as plain text in UTF-8") from error


def _read_csv(
    source: Path | Traversable, content: str, labels: Collection[str] | None
) -> tuple[list[Row], list[BadRecord]]:
    rows: list[Row] = []
    bad: list[BadRecord] = []
    lines = content.split("\n")
    records = _csv_rows(content, _delimiter(lines[0]))
    header: list[str] | None = None
    for line, row in records:
        if header is None:
            if isinstance(row, str):
                raise SeedFileError(f"{source}: the first line cannot be read as CSV: {row}")
            header = [name.strip().lower() for name in row]
            _require(source, header, [name.strip() for name in row])
            text_at, label_at = (header.index(name) for name in COLUMNS)
            continue
        raw = lines[line - 1].rstrip("\r")
        if isinstance(row, str):
            bad.append(_bad(line, row, raw))
        elif any(cell.strip() for cell in row[len(header) :]):
            reason = f"has {len(row)} cells where the header has {len(header)}: put quotes around the text"
            bad.append(_bad(line, reason, raw))
        else:
            row += [""] * (len(header) - len(row))
            _keep({"text": row[text_at], "label": row[label_at]}, line, raw, labels, rows, bad)
    if header is None:
        raise SeedFileError(f"{source} is empty: its first line must name the columns text and label")
    return rows, bad


def _csv_rows(content: str, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """Yield (first line, cells) for each record that is not blank, or (line, reason) where it is broken."""
    # newline="" leaves line ends inside quotes alone; strict reports a quote that is never closed.
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, f"is broken CSV: {error}"
            continue
        if any(cell.strip() for cell in row):
            yield line, row


def _delimiter(header: str) -> str:
    """The separator that yields the columns; spreadsheets in much of Europe write semicolons."""
    for delimiter in ",;\t":
        if set(COLUMNS) <= {cell.strip(' "\r').lower() for cell in header.split(delimiter)}:
            return delimiter
    return ","


def _read_jsonl(
    source: Path | Traversable, content: str, labels: Collection[str] | None
) -> tuple[list[Row], list[BadRecord]]:
    rows: list[Row] = []
    bad: list[BadRecord] = []
    names: dict[str, None] = {}  # in order of appearance
    # Not splitlines(): it also splits at characters that JSON allows inside a string.
    for line, raw in enumerate(content.split("\n"), start=1):
        if not raw.strip():
            continue
        try:
            record = json.loads(raw)
        except (json.JSONDecodeError, RecursionError) as error:
            bad.append(_bad(line, f"is not JSON: {error}", raw))
            continue
        if not isinstance(record, dict):
            bad.append(_bad(line, 'is not an object such as {"text": "...", "label": "..."}', raw))
            continue
        names.update(dict.fromkeys(record))
        _keep(record, line, raw, labels, rows, bad)
    if names:
        # A record without a label is one bad record; a file where none has one is a mistake.
        _require(source, list(names), list(names))
    return rows, bad


def _require(source: Path | Traversable, columns: list[str], shown: list[str]) -> None:
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        there = ", ".join(shown) if any(shown) else "none"
        if len(there) > 200:  # the first line may be anything, also a whole text
            there = there[:200] + " ..."
        raise SeedFileError(
            f"{source} has no column {' and no column '.join(missing)}; its columns are: {there}"
        )


def _keep(
    record: dict[str, Any],
    line: int,
    raw: str,
    labels: Collection[str] | None,
    rows: list[Row],
    bad: list[BadRecord],
) -> None:
    cells: dict[str, str] = {}
    for name in COLUMNS:
        value = record.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)  # class numbers, as many data sets have them
        if value is not None and not isinstance(value, str):
            bad.append(_bad(line, f"{name} is not a string", raw))
            return
        cells[name] = (value or "").strip()
        if not cells[name]:
            bad.append(_bad(line, f"has no {name}", raw))
            return
        try:
            cells[name].encode()
        except UnicodeEncodeError:  # JSON can escape half of a surrogate pair
            bad.append(_bad(line, f"{name} holds half of a character", raw))
            return
        if not legible(cells[name]):
            bad.append(_bad(line, f"has a {name} without anything to see in it", raw))
            return
    if labels is not None and cells["label"] not in (*labels, NO_LABEL):
        bad.append(_bad(line, str(UnknownName("label", cells["label"], labels)), raw))
        return
    rows.append((line, raw, Seed(cells["text"], cells["label"])))


def _bad(line: int, reason: str, raw: str) -> BadRecord:
    return BadRecord(reason=reason, place=f"line {line}", raw=raw[:500])
