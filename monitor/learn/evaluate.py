"""How good would this be on my data? Few-shot accuracy on a held-out test file.

A task folder holds ``train.jsonl`` and ``test.jsonl``, each line an object with ``text`` and
``label``. Seeds are drawn from the first, the whole second is judged, and every text gets a
label; the share that would be answered at the head's threshold is told as ``coverage``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from monitor.errors import LearnError
from monitor.learn.depths import (
    BASELINE,
    DEPTHS,
    FeatureEncoder,
    Given,
    KeptFeatures,
    adapt_at,
    check_depths,
    frozen_baseline,
)
from monitor.learn.head import Head, probabilities
from monitor.learn.reliability import calibration_error, calibration_noise, coverage, log_loss
from monitor.learn.task_folder import check_folders, check_labels, draw, read_rows, rest, telling
from monitor.types import Seed, Task, folded

__all__ = ["Plan", "accuracy", "draw", "evaluate_folder", "evaluate_folders", "macro_f1", "read_rows"]

MEASURES = ("accuracy", "macro_f1", "calibration_error", "calibration_noise", "log_loss", "coverage")

Progress = Callable[[str, float], None]
"""Called with what is being done and the share that is done, in [0, 1]."""


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


def judge(head: Head, chances: np.ndarray, truth: Sequence[str]) -> dict[str, float]:
    """:data:`MEASURES` of a head that gave ``chances`` ``(n, L)`` to texts whose labels are ``truth``."""
    place = {label: index for index, label in enumerate(head.labels)}
    own, best = np.array([place[label] for label in truth]), chances.argmax(axis=1)
    return {
        "accuracy": float((best == own).mean()),
        "macro_f1": macro_f1(truth, [head.labels[index] for index in best]),
        "calibration_error": calibration_error(chances.max(axis=1), best == own),
        "calibration_noise": calibration_noise(chances.max(axis=1)),
        "log_loss": log_loss(chances, own),
        "coverage": coverage(chances, head.thresholds),
    }


@dataclass(frozen=True)
class Plan:
    """What to try on each folder.

    :param shots: seeds a label; 0 is names alone.
    :param seeds: how many draws each (numbered from 0).
    :param support: the rows of this file in the folder are the one draw instead.
    :param depths: which of :data:`monitor.learn.depths.DEPTHS`.
    :param unlabelled: for depths that look at such texts; ``None`` takes the train rows that are
        no seeds, without their labels. Texts that also stand in the test file are left out of either.
    :param baseline: logistic regression on frozen features as well.
    """

    shots: Sequence[int] = (0, 4, 8, 16)
    seeds: int = 5
    support: str | None = None
    family: str = ""
    depths: Sequence[str] = ("seeds",)
    unlabelled: Sequence[str] | None = None
    baseline: bool = False

    def check(self) -> None:
        """Raise :class:`LearnError` or :class:`UnknownName` for what cannot be tried."""
        check_depths(self.depths)
        if not self.depths:
            raise LearnError(f"there is no depth to try; known: {', '.join(DEPTHS)}")
        if self.support is None and (not self.shots or min(self.shots) < 0 or self.seeds < 1):
            raise LearnError("shots must be numbers from 0 up, and seeds at least 1")

    @property
    def stream(self) -> bool:
        """Whether a depth looks at unlabelled texts."""
        return any(DEPTHS[depth].unlabelled for depth in self.depths)


@dataclass(frozen=True)
class Trial:
    """One adaptation: at ``depth``, from ``seeds``. ``shots`` is ``None`` for the rows of a file."""

    name: str
    depth: str
    shots: int | None
    seeds: Sequence[Seed]


def evaluate_folder(
    folder: Path, encoder: FeatureEncoder, plan: Plan | None = None, progress: Progress | None = None
) -> dict[str, dict[str, Any]]:
    """Judge one task folder.

    :return: a row for each depth and number of shots, but none that would draw the same
        rows again. Rows are called by shots (as text) or the
        support file at depth ``seeds``, ``names`` at depth names, else by both, as in ``stream 8``.
        Each has ``depth``, ``shots`` (as asked; ``None`` for a support file), ``most_seeds`` (that a label had in a
        draw: fewer than ``shots`` where there are no more), ``draws``; :data:`MEASURES` as
        ``{"mean", "sd"}`` over the draws (sd of the population); ``adapt_seconds`` from raw seed
        texts to a head with the model loaded and nothing cached but features of unlabelled texts
        (mean); ``texts_per_second`` of encoding and labelling the test file; ``test_texts``, how many that
        has, and ``test_texts_seen``, how many of them also stand in the file that seeds are drawn from.
        Depths that may stay with the head of the seeds also have ``promoted``, the share of draws in which they
        did not.
    :raises LearnError: a file, row or plan that cannot be used.
    :raises UnknownName: a depth that does not exist.
    """
    plan, tell = plan or Plan(), progress or (lambda step, share: None)
    plan.check()
    test = read_rows(folder / "test.jsonl")
    from_train = plan.support is None or (plan.stream and plan.unlabelled is None)
    train = read_rows(folder / "train.jsonl") if from_train else []
    drawn_from = train if plan.support is None else read_rows(folder / plan.support)
    trials = list(_trials(drawn_from, plan))
    known = {row.label for rows in (train, test, *(trial.seeds for trial in trials)) for row in rows}
    check_labels(folder, sorted(known))
    if len(known) < 2:
        raise LearnError(f"{folder} has the one label {min(known)!r}: a task needs two to tell apart")
    task = Task(name=folder.resolve().name, labels=dict.fromkeys(sorted(known), ""), family=plan.family)
    truth = [row.label for row in test]
    tell("encoding the test texts", 0.0)
    tests = HeldOutTexts(encoder, [row.text for row in test])
    tests.features("base")
    seen = {folded(row.text) for row in drawn_from}
    overlap = {"test_texts": len(test), "test_texts_seen": sum(folded(row.text) in seen for row in test)}
    held = {folded(row.text) for row in test}
    spare = [row for row in train if folded(row.text) not in held]
    pool = [row.text for row in spare]
    if plan.unlabelled is not None:
        pool = [text for text in plan.unlabelled if folded(text) not in held]
    if plan.stream:
        tell("encoding the unlabelled texts", 0.0)
    kept = KeptFeatures(encoder, pool if plan.stream else ())
    measured: dict[str, list[dict[str, float]]] = {}
    first: dict[str, Trial] = {}
    for index, trial in enumerate(trials):
        tell(f"adapting, {trial.name}", (1 + index) / (1 + len(trials)))
        unlabelled = rest(spare, trial.seeds) if plan.unlabelled is None else pool
        begin = monotonic()
        head, promoted = _learn(trial, task, encoder, kept, unlabelled)
        adapting = monotonic() - begin
        features, encoding = tests.features(head.view)
        begin = monotonic()
        chances = probabilities(head, features)
        rate = len(test) / (encoding + monotonic() - begin)
        first.setdefault(trial.name, trial)
        row = {**judge(head, chances, truth), "adapt_seconds": adapting, "texts_per_second": rate, **promoted}
        measured.setdefault(trial.name, []).append(row)
    tell("done", 1.0)
    return {name: {**_summary(first[name], rows), **overlap} for name, rows in measured.items()}


def evaluate_folders(
    folders: Sequence[Path],
    encoder: FeatureEncoder,
    plan: Plan | None = None,
    progress: Progress | None = None,
) -> dict[str, dict[str, dict[str, Any]]]:
    """:func:`evaluate_folder` for each folder, by folder name (which must differ)."""
    check_folders(folders, (plan or Plan()).support)
    names = [folder.resolve().name for folder in folders]
    found = {}
    for index, (name, folder) in enumerate(zip(names, folders, strict=True)):

        def tell(step: str, share: float, name: str = name, index: int = index) -> None:
            if progress is not None:
                progress(f"{name}: {step}", (index + share) / len(names))

        found[name] = evaluate_folder(folder, encoder, plan, tell)
    return found


class HeldOutTexts:
    """Features of the texts to be judged, each view encoded once and timed."""

    def __init__(self, encoder: FeatureEncoder, texts: Sequence[str]) -> None:
        self._encoder, self._texts = encoder, texts
        self._known: dict[str, tuple[np.ndarray, float]] = {}

    def features(self, view: str) -> tuple[np.ndarray, float]:
        """Features ``(n, d)`` and the seconds that it took to encode them."""
        if view not in self._known:
            self._encoder.encode(
                self._texts[:1], (view,)
            )  # what loads at its first text does so off the clock
            begin = monotonic()
            features = self._encoder.encode(self._texts, (view,))[view]
            self._known[view] = features, monotonic() - begin
        return self._known[view]


def _learn(
    trial: Trial, task: Task, encoder: FeatureEncoder, kept: KeptFeatures, unlabelled: Sequence[str]
) -> tuple[Head, dict[str, float]]:
    """The head of a trial, and whether it was ``promoted`` where that is in question."""
    verdict: dict[str, float] = {}
    encode = kept.beside(trial.seeds)
    if trial.depth == BASELINE:
        return frozen_baseline(Given(task, trial.seeds, encode, encoder.fingerprint)), verdict
    head = adapt_at(
        trial.depth,
        task,
        trial.seeds,
        encode,
        encoder_fingerprint=encoder.fingerprint,
        views=encoder.views,
        prior=encoder.prior,
        unlabelled=unlabelled if DEPTHS[trial.depth].unlabelled else (),
        tunable=encoder,
        verdict=lambda promoted, reason: verdict.update(promoted=float(promoted)),
    )
    return head, verdict


def _trials(rows: Sequence[Seed], plan: Plan) -> Iterator[Trial]:
    """What to try with seeds of ``rows``: all of them, where they are those of a support file."""
    if plan.support is not None:
        draws: list[tuple[str, int | None, list[Seed]]] = [(plan.support, None, list(rows))]
    else:
        labels = [row.label for row in rows]
        draws = [
            (str(k), k, [rows[i] for i in draw(labels, k, seed)])
            for k in telling(labels, plan.shots)
            for seed in range(plan.seeds if k else 1)  # without seeds every draw is the same
        ]
    for depth in dict.fromkeys(plan.depths):
        if not DEPTHS[depth].seeds:
            yield Trial(depth, depth, 0, ())
            continue
        for name, shots, seeds in draws:
            yield Trial(name if depth == "seeds" else f"{depth} {name}", depth, shots, seeds)
    for name, shots, seeds in draws if plan.baseline else ():
        if seeds:
            yield Trial(f"{BASELINE} {name}", BASELINE, shots, seeds)


def _summary(trial: Trial, rows: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """What the draws of one trial come to."""
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return {
        "depth": trial.depth,
        "shots": trial.shots,
        "most_seeds": max(Counter(seed.label for seed in trial.seeds).values(), default=0),
        "draws": len(rows),
        **{n: {"mean": float(columns[n].mean()), "sd": float(columns[n].std())} for n in MEASURES},
        "adapt_seconds": float(columns["adapt_seconds"].mean()),
        "texts_per_second": float(columns["texts_per_second"].mean()),
        **({"promoted": float(columns["promoted"].mean())} if "promoted" in columns else {}),
    }
