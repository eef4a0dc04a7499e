"""A folder with labelled texts: ``train.jsonl`` to draw seeds from, ``test.jsonl`` to be judged on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from monitor.errors import LearnError, plain
from monitor.types import NO_LABEL, Seed, label_twins, legible


def read_rows(path: Path) -> list[Seed]:
    """The labelled texts of a JSONL file; labels that are numbers, true or false are taken as they print.

    Raises :class:`LearnError` naming the file and line that cannot be used.
    """
    rows = []
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        row = _object(line)
        if fault := _fault(row):
            raise LearnError(f"{path}, line {number}: {fault}")
        assert row is not None
        rows.append(Seed(row["text"], str(row["label"])))
    if not rows:
        raise LearnError(f"{path} is empty: it needs lines with text and label")
    return rows


def _fault(row: dict[str, Any] | None) -> str:
    """What keeps a line from being a labelled text; ``""`` where nothing does."""
    if row is None:
        return 'not a JSON object like {"text": "...", "label": "..."}'
    if missing := [field for field in ("text", "label") if row.get(field) is None]:
        return f"it has no {' and no '.join(missing)}"
    text, label = row["text"], row["label"]
    if not isinstance(text, str):
        return "the text is not a string"
    if isinstance(label, list):
        return "the label is a list, but one label a text is measured and learned from"
    # bool is an int
    if not isinstance(label, str | int | float) or (isinstance(label, float) and not isfinite(label)):
        return "the label is neither a string nor a number"
    if not legible(text) or not legible(str(label)):
        return "the text or the label is empty, or has no readable character; take the line out"
    return ""


def read_texts(path: Path) -> list[str]:
    """Texts of a file, one a line: plain, or JSON objects with ``text`` where the first line is one.

    Texts without a readable character are left out. Raises :class:`LearnError` naming the file and the line
    that is not like the first.
    """
    lines = [(number, line.strip()) for number, line in enumerate(_lines(path), 1) if legible(line)]
    if not lines:
        raise LearnError(f"{path} is empty: it needs a text a line")
    if _object(lines[0][1]) is None:
        return [line for _, line in lines]
    texts = []
    for number, line in lines:
        text = (_object(line) or {}).get("text")
        if not isinstance(text, str):
            raise LearnError(f'{path}, line {number}: not a JSON object like {{"text": "..."}}')
        if legible(text):
            texts.append(text)
    if not texts:
        raise LearnError(f"{path} has empty texts only: it needs a text a line")
    return texts


def draw(labels: Sequence[str], k: int, seed: int) -> list[int]:
    """The rows of one draw: ``k`` of each label (all of a label's rows where it has fewer).

    One generator a draw; labels in sorted order, each label's rows in file order, chosen
    without replacement. Indices come label by label, in the order they were chosen.
    """
    rng = np.random.default_rng(seed)
    rows: dict[str, list[int]] = {}
    for index, label in enumerate(labels):
        rows.setdefault(label, []).append(index)
    chosen: list[int] = []
    for label in sorted(rows):
        own = rows[label]
        chosen.extend(own[i] for i in rng.choice(len(own), size=min(k, len(own)), replace=False))
    return chosen


def telling(labels: Sequence[str], shots: Sequence[int]) -> tuple[int, ...]:
    """The numbers of shots without those that draw the same rows as a smaller one: all that there are."""
    enough = min((k for k in shots if k >= _most(labels)), default=None)
    return tuple(k for k in dict.fromkeys(shots) if enough is None or k <= enough)


def shots_note(folder: Path, shots: Sequence[int]) -> str:
    """What becomes of shots that ask for more examples than the folder has, in a sentence; ``""`` where none do."""
    labels = [row.label for row in read_rows(folder / "train.jsonl")]
    most, kept = _most(labels), telling(labels, shots)
    said = [f"{k} takes them all" for k in kept if k > most]
    if left := [str(k) for k in dict.fromkeys(shots) if k not in kept]:
        said.append(
            f"{' and '.join(left)} would be the same again and {'is' if len(left) == 1 else 'are'} left out"
        )
    examples = f"{most} example{'s' if most != 1 else ''}"
    return f"{folder.resolve().name} has at most {examples} of a label: {', '.join(said)}" if said else ""


def _most(labels: Sequence[str]) -> int:
    return max(Counter(labels).values())


def rest(rows: Sequence[Seed], seeds: Sequence[Seed]) -> list[str]:
    """The texts of ``rows`` that are no seed's: what could have been read without a label."""
    used = {seed.text for seed in seeds}
    return [row.text for row in rows if row.text not in used]


def check_labels(folder: Path, labels: Collection[str]) -> None:
    """Raise :class:`LearnError` for labels that differ only in case or spaces, or that mean none of the others."""
    if NO_LABEL in labels:
        raise LearnError(
            f"{folder}: {NO_LABEL!r} cannot be a label; leave such texts out, or name it otherwise"
        )
    if twins := label_twins(labels):
        raise LearnError(
            f"{folder}: labels {twins[0]!r} and {twins[1]!r} differ only in case or spaces: make them one"
        )


def check_folders(folders: Sequence[Path], support: str | None = None) -> None:
    """Raise :class:`LearnError` for what can be told before a model is loaded: missing files, equal names."""
    names = [folder.resolve().name for folder in folders]
    for folder, name in zip(folders, names, strict=True):
        if names.count(name) > 1:
            raise LearnError(f"two of the folders are called {name!r}: evaluate them one at a time")
        for file in (support or "train.jsonl", "test.jsonl"):
            if not (folder / file).is_file():
                raise LearnError(
                    f"{folder / file} does not exist: a task folder holds train.jsonl and test.jsonl"
                )


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8-sig").split("\n")
    except FileNotFoundError as error:
        raise LearnError(f"{path} does not exist") from error
    except UnicodeDecodeError as error:
        raise LearnError(f"{path} cannot be read, for it is not in UTF-8: save it as UTF-8") from error
    except OSError as error:
        raise LearnError(f"{path} cannot be read: {plain(error)}") from error


def _object(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None
