"""Folders of labelled tasks to practise on.

``catalog.toml`` holds one table for each task, named like its folder:

.. code-block:: toml

    [snips]
    family = "intent"       # which view it trains
    role = "train"          # train; validation: for choices; exam: for measuring only
    ships = true            # weights trained on it may be given away
    licence = "CC0"
    what = "requests to a voice assistant"      # and anything else, for people
    [snips.labels]          # optional: label = description

The folder holds ``train.jsonl`` and ``test.jsonl``, an object with ``text`` and ``label`` a line. An exam may
also hold ``oos_test.jsonl``: texts that carry none of its labels, which measure as well.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from monitor.errors import LearnError, UnknownName, plain
from monitor.learn.task_folder import check_labels, read_rows, read_texts
from monitor.types import Seed

CATALOG = "catalog.toml"
OUTSIDE = "oos_test.jsonl"
ROLES = ("train", "validation", "exam")


@dataclass(frozen=True, eq=False)
class Rows:
    """Texts with the place of each one's label: ``targets`` is ``(len(texts),)``."""

    texts: tuple[str, ...]
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)

    def keep(self, mask: np.ndarray) -> Rows:
        """The rows where ``mask`` ``(n,)`` is true."""
        texts = tuple(text for text, kept in zip(self.texts, mask, strict=True) if kept)
        return Rows(texts, self.targets[mask])


@dataclass(frozen=True, eq=False)
class MetaTask:
    """One task of the catalogue. ``labels`` are names with descriptions, in the order of targets.

    ``outside``: what an exam asks about beside that, texts that carry none of the labels.
    """

    name: str
    family: str
    role: str
    ships: bool
    licence: str
    labels: Mapping[str, str]
    train: Rows
    test: Rows
    outside: tuple[str, ...] = ()

    def all(self) -> Rows:
        """Both files' rows, for practice."""
        return Rows(
            self.train.texts + self.test.texts, np.concatenate([self.train.targets, self.test.targets])
        )


def read_catalog(
    *folders: Path,
    roles: Collection[str] = ROLES,
    ships: bool = False,
    needed: bool = True,
    families: Collection[str] | None = None,
) -> list[MetaTask]:
    """The tasks of a catalogue in one or several folders, by name.

    :param roles: which ones are read; the files of the others are not touched.
    :param ships: only those that weights to be given away may be trained on.
    :param needed: having none is an error.
    :param families: only tasks of these, where they are given.
    :raises LearnError: a catalogue, or a file of a task that is wanted, cannot be used, or two tasks have one name.
    """
    tasks = [
        _task(place, entry)
        for place, entry in _entries(folders, roles, ships=ships).items()
        if families is None or entry["family"] in families
    ]
    if not tasks and needed:
        files = " or ".join(str(folder / CATALOG) for folder in folders)
        shipping = " that ships" if ships else ""
        raise LearnError(f"no task of the role {' or '.join(roles)}{shipping} in {files}")
    return tasks


def families_of(*folders: Path, roles: Collection[str], ships: bool = False) -> dict[str, str]:
    """The family of each task of a catalogue, by name, without a look at their texts; see :func:`read_catalog`."""
    return {place.name: entry["family"] for place, entry in _entries(folders, roles, ships=ships).items()}


def _entries(folders: Sequence[Path], roles: Collection[str], *, ships: bool) -> dict[Path, dict[str, Any]]:
    """What catalogues say of their tasks, by the folder of each, sorted by the task's name."""
    found: dict[str, tuple[Path, dict[str, Any]]] = {}
    for folder in folders:
        for name, entry in _tables(folder).items():
            if name in found:
                raise LearnError(f"task {name!r} is in both {found[name][0].parent} and {folder}: rename one")
            found[name] = folder / name, entry
    return {
        place: entry
        for _, (place, entry) in sorted(found.items())
        if entry["role"] in roles and (entry.get("ships") is True or not ships)
    }


def _tables(folder: Path) -> dict[str, dict[str, Any]]:
    file = folder / CATALOG
    try:
        tables = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError as error:
        raise LearnError(f"{file} does not exist: it names the tasks to train on") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LearnError(f"{file} cannot be read: {plain(error)}") from error
    for name, entry in tables.items():
        if not isinstance(entry, dict) or not isinstance(entry.get("family"), str) or "role" not in entry:
            raise LearnError(f"{file}: task {name!r} needs a family and a role")
        if entry["role"] not in ROLES:
            raise UnknownName(f"role of task {name!r} in {file}", str(entry["role"]), ROLES)
    return tables


def digest(tasks: Collection[MetaTask]) -> str:
    """Identifies what is in tasks: the same texts and labels give the same digest."""
    found = hashlib.sha256()
    for task in tasks:
        for rows in (task.train, task.test):
            parts = [task.name, list(task.labels.items()), rows.texts, rows.targets.tolist()]
            found.update(json.dumps(parts).encode())
    return found.hexdigest()[:32]


def _task(folder: Path, entry: Mapping[str, Any]) -> MetaTask:
    name = folder.name
    other = folder / OUTSIDE
    read = {part: _rows(folder / f"{part}.jsonl") for part in ("train", "test")}
    found = sorted({row.label for rows in read.values() for row in rows})
    check_labels(folder, found)
    if len({row.label for row in read["train"]}) < 2:
        raise LearnError(f"{folder / 'train.jsonl'} has one label: a task needs two")
    descriptions = entry.get("labels", {})
    if not isinstance(descriptions, dict):
        raise LearnError(
            f"catalog.toml: [{name}.labels] must be a table like label = 'what it means', not {descriptions!r}"
        )
    if unknown := [label for label in descriptions if label not in found]:
        raise UnknownName(f"label described in catalog.toml for task {name!r}", unknown[0], found)
    place = {label: index for index, label in enumerate(found)}
    train, test = (
        Rows(tuple(row.text for row in rows), np.array([place[row.label] for row in rows], np.int64))
        for rows in (read["train"], read["test"])
    )
    return MetaTask(
        name=name,
        family=entry["family"],
        role=entry["role"],
        ships=entry.get("ships") is True,
        licence=str(entry.get("licence", "")),
        labels={label: str(descriptions.get(label, "")) for label in found},
        train=train,
        test=test,
        outside=tuple(read_texts(other)) if entry["role"] == "exam" and other.is_file() else (),
    )


def _rows(file: Path) -> list[Seed]:
    if not file.is_file():
        raise LearnError(f"{file} does not exist, but catalog.toml names its task")
    rows = read_rows(file)
    if len(rows) < 2:
        raise LearnError(f"{file} has one text: a task needs more")
    return rows
