"""Which files the setting path names, and why folders cannot be looked at."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.errors import SourceError
from monitor_plugins._chatlog_position import COMPRESSED, Found, Number, Position, look

SUFFIXES = {".jsonl", ".ndjson", ".csv", ".tsv", ".log"}
"""What is read of a folder."""


@dataclass
class Folders:
    """What the patterns name: ``files``, each once, in any order; ``faults``, a line for each that cannot be looked at.

    ``others``: how many files are there with a suffix that is not read.
    """

    files: list[Found]
    faults: list[str]
    others: Counter[str]


def find(base: Path, patterns: Sequence[str]) -> Folders:
    """The files that the patterns name. A file that does not exist yet is no fault, a folder is."""
    found: dict[Number, Found] = {}
    faults: list[str] = []
    others: Counter[str] = Counter()
    for pattern in patterns:
        try:
            for path in _expand(base, os.path.expanduser(pattern), others):
                one = look(base, path)
                if one is not None:
                    found.setdefault(one.number, one)
        except SourceError as error:
            faults.append(str(error))
    return Folders(list(found.values()), faults, others)


def _expand(base: Path, pattern: str, others: Counter[str]) -> list[Path]:
    path = base / pattern
    if os.path.isdir(path):
        _enter(path)
        entries = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
        others.update(entry.suffix.lower() for entry in entries if entry.suffix and os.path.isfile(entry))
        return [entry for entry in entries if entry.suffix.lower() in SUFFIXES]
    if glob.has_magic(pattern) and not os.path.exists(path):
        _enter(base.joinpath(*_plain_parts(pattern)))
        matches = [base / match for match in glob.glob(pattern, root_dir=base, recursive=True)]
        others.update(match.suffix.lower() for match in matches if match.suffix.lower() in COMPRESSED)
        return [match for match in matches if match.suffix.lower() not in COMPRESSED]
    _enter(path.parent, listed=False)
    return [path]


def _enter(folder: Path, *, listed: bool = True) -> None:
    """See that a folder can be entered, and ``listed``.

    :raises SourceError: if not, with the folder.
    """
    try:
        os.stat(f"{folder}/.")
        if listed:
            os.scandir(folder).close()
    except (FileNotFoundError, NotADirectoryError):
        raise SourceError(f"there is no folder {folder}; make it, or mend the setting path") from None
    except OSError as error:
        raise SourceError(f"{_barred(folder)} may not be read: {error.strerror}") from None


def _barred(folder: Path) -> Path:
    """The outermost folder that bars the way to this one."""
    for outer in [*reversed(folder.parents), folder]:
        try:
            os.stat(f"{outer}/.")
        except OSError:
            return outer
    return folder


def nothing(patterns: Sequence[str], there: Folders) -> str:
    """That there is nothing to read, and what is there instead."""
    named = ", ".join(patterns)
    if not there.others:
        return f"no file is there yet: {named}"
    others = ", ".join(f"{count} {suffix}" for suffix, count in there.others.most_common(5))
    return (
        f"no file that is read is there yet: {named}; there are {others}, and what is read of a folder is "
        f"{' '.join(sorted(SUFFIXES))}; name others as in {patterns[0].rstrip('/*')}/*.txt, and unpack what is packed"
    )


def closed(
    base: Path, patterns: Sequence[str], missed: Sequence[Position], gone: Sequence[Position]
) -> list[str]:
    """Why files that were read are not found, as far as patterns name them: the folders of those that are
    ``missed`` cannot be looked at, or those of ``gone`` ones are not there any more.
    """
    vanished = {(base / position.path).parent for position in gone}
    parents = {(base / position.path).parent for position in missed if not position.aside}
    faults = []
    for pattern in map(os.path.expanduser, patterns):
        if not (parents and glob.has_magic(pattern)):
            continue
        folders = {base / name for name in glob.glob(os.path.dirname(pattern), root_dir=base, recursive=True)}
        for parent in sorted(parents):
            if parent not in folders and not (parent in vanished and not os.path.exists(parent)):
                continue
            try:
                _enter(parent)
            except SourceError as error:
                faults.append(str(error))
    return list(dict.fromkeys(faults))


def _plain_parts(pattern: str) -> list[str]:
    parts = Path(pattern).parts
    magic = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    return list(parts[:magic])
