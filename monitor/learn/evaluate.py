"""How good would this be on my data? Few-shot accuracy on a held-out test file.

A task folder holds ``train.jsonl`` and ``test.jsonl``, each line an object with ``text`` and
``label``. Seeds are drawn from the first, the whole second is judged, and every text gets a
label (nothing abstains).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

import numpy as np

from monitor.errors import LearnError
from monitor.learn.adapt import adapt
from monitor.learn.head import probabilities
from monitor.types import Seed, Task

SHOTS = (0, 4, 8, 16)
SEEDS = 5

Progress = Callable[[str, float], None]
"""Called with what is being done and the share that is done, in [0, 1]."""


class FeatureEncoder(Protocol):
    """What is asked of an encoder: see :class:`monitor.interfaces.Encoder`."""

    @property
    def fingerprint(self) -> str: ...

    def encode(self, texts: Sequence[str]) -> dict[str, np.ndarray]: ...


def read_rows(path: Path) -> list[Seed]:
    """The labelled texts of a JSONL file; labels that are not strings are taken as they print.

    Raises :class:`LearnError` naming the file and line that cannot be used.
    """
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise LearnError(f"{path} cannot be read: {error}") from error
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict) or not isinstance(row.get("text"), str) or row.get("label") is None:
            raise LearnError(
                f'{path}, line {number}: not a JSON object like {{"text": "...", "label": "..."}}'
            )
        rows.append(Seed(row["text"], str(row["label"])))
    if not rows:
        raise LearnError(f"{path} is empty: it needs lines with text and label")
    return rows


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


def accuracy(truth: Sequence[str], guesses: Sequence[str]) -> float:
    """The share of guesses that are right."""
    return sum(t == g for t, g in zip(truth, guesses, strict=True)) / len(truth)


def macro_f1(truth: Sequence[str], guesses: Sequence[str]) -> float:
    """Mean over labels of ``2 * hits / (texts of the label + guesses of the label)``.

    Over the labels that occur in the truth or the guesses; a label never hit counts 0.
    """
    scores = []
    for label in {*truth, *guesses}:
        hits = sum(t == g == label for t, g in zip(truth, guesses, strict=True))
        scores.append(2 * hits / (list(truth).count(label) + list(guesses).count(label)))
    return sum(scores) / len(scores)


@dataclass(frozen=True)
class Draw:
    """One set of seeds: ``name`` is the key it is reported under."""

    name: str
    rows: Sequence[Seed]


def evaluate_folder(
    folder: Path,
    encoder: FeatureEncoder,
    shots: Sequence[int] = SHOTS,
    seeds: int = SEEDS,
    support: str | None = None,
    family: str = "",
    progress: Progress | None = None,
) -> dict[str, dict[str, Any]]:
    """Judge one task folder.

    :param shots: seeds a label; 0 is names alone.
    :param seeds: how many draws each (numbered from 0).
    :param support: the rows of this file in the folder are the one draw instead.
    :return: by shots (as text) or ``support``: ``accuracy`` and ``macro_f1`` as ``{"mean", "sd"}``
        over the draws (sd of the population), ``adapt_seconds`` from raw seed texts to a head
        with the model loaded and nothing cached (mean), ``texts_per_second`` of encoding and
        labelling the test file.
    :raises LearnError: a file or row that cannot be used.
    """
    tell = progress or (lambda step, share: None)
    if support is None and (not shots or min(shots) < 0 or seeds < 1):
        raise LearnError("shots must be numbers from 0 up, and seeds at least 1")
    test = read_rows(folder / "test.jsonl")
    known = {row.label for row in test}
    if support is None:
        train = read_rows(folder / "train.jsonl")
        draws = list(_draws(train, shots, seeds))
        known |= {row.label for row in train}
    else:
        draws = [Draw(support, read_rows(folder / support))]
        known |= {row.label for row in draws[0].rows}
    task = Task(name=folder.resolve().name, labels=dict.fromkeys(sorted(known), ""), family=family)
    truth, labels = [row.label for row in test], tuple(task.labels)

    def encode(texts: Sequence[str]) -> np.ndarray:
        return encoder.encode(texts)["base"]

    tell("encoding the test texts", 0.0)
    encode([test[0].text])  # a model that loads at its first text does so before the clock runs
    begin = monotonic()
    features = encode([row.text for row in test])
    encoding = monotonic() - begin
    measured: dict[str, list[tuple[float, float, float, float]]] = {}
    for index, drawn in enumerate(draws):
        tell(f"adapting, {drawn.name} {'' if support else 'shots'}".rstrip(), (1 + index) / (1 + len(draws)))
        begin = monotonic()
        head = adapt(task, drawn.rows, encode, encoder_fingerprint=encoder.fingerprint)
        adapting = monotonic() - begin
        begin = monotonic()
        guesses = [labels[i] for i in probabilities(head, features).argmax(axis=1)]
        rate = len(test) / (encoding + monotonic() - begin)
        measured.setdefault(drawn.name, []).append(
            (accuracy(truth, guesses), macro_f1(truth, guesses), adapting, rate)
        )
    tell("done", 1.0)
    return {name: _summary(np.array(rows)) for name, rows in measured.items()}


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


def evaluate_folders(
    folders: Sequence[Path],
    encoder: FeatureEncoder,
    shots: Sequence[int] = SHOTS,
    seeds: int = SEEDS,
    support: str | None = None,
    family: str = "",
    progress: Progress | None = None,
) -> dict[str, dict[str, dict[str, Any]]]:
    """:func:`evaluate_folder` for each folder, by folder name (which must differ)."""
    check_folders(folders, support)
    names = [folder.resolve().name for folder in folders]
    found = {}
    for index, (name, folder) in enumerate(zip(names, folders, strict=True)):

        def tell(step: str, share: float, name: str = name, index: int = index) -> None:
            if progress is not None:
                progress(f"{name}: {step}", (index + share) / len(names))

        found[name] = evaluate_folder(folder, encoder, shots, seeds, support, family, tell)
    return found


def _draws(train: Sequence[Seed], shots: Sequence[int], seeds: int) -> Iterator[Draw]:
    labels = [row.label for row in train]
    for k in dict.fromkeys(shots):
        for seed in range(seeds if k else 1):  # without seeds every draw is the same
            yield Draw(str(k), [train[i] for i in draw(labels, k, seed)])


def _summary(rows: np.ndarray) -> dict[str, Any]:
    """Rows of (accuracy, macro-F1, seconds, rate), one a draw."""
    mean, sd = rows.mean(axis=0), rows.std(axis=0)
    return {
        "accuracy": {"mean": float(mean[0]), "sd": float(sd[0])},
        "macro_f1": {"mean": float(mean[1]), "sd": float(sd[1])},
        "adapt_seconds": float(mean[2]),
        "texts_per_second": float(mean[3]),
    }
