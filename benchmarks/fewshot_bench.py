"""One task of the few-shot benchmark: its draws, and a cell for each adaptation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from fewshot_peers import PEERS, Ask

from monitor.learn.depths import DEPTHS, KeptFeatures, adapt_at
from monitor.learn.encoder import TransformerEncoder, embedded_folder
from monitor.learn.evaluate import HeldOutTexts, accuracy, judge, macro_f1
from monitor.learn.head import probabilities
from monitor.learn.reliability import calibration_error, calibration_noise, log_loss
from monitor.learn.task_folder import draw, read_rows, rest
from monitor.types import Seed, Task


@dataclass(frozen=True)
class Key:
    """What a cell measured."""

    task: str
    split: str
    method: str
    draw: int


class Bench:
    """One task: its texts and draws; features are made when a cell needs them.

    :param encoder: ours; ``public``: the same model as it is to be had everywhere, which peers learn with.
    """

    def __init__(
        self,
        folder: Path,
        encoder: TransformerEncoder,
        public: TransformerEncoder,
        shots: Sequence[int],
        draws: int,
    ) -> None:
        self.folder, self._encoder, self._public = folder, encoder, public
        self._train, self._test = read_rows(folder / "train.jsonl"), read_rows(folder / "test.jsonl")
        files = sorted(folder.glob("published_*.jsonl"), key=lambda file: int(file.stem.rpartition("_")[2]))
        labels = [row.label for row in self._train]
        self.draws: dict[tuple[str, int], list[Seed]] = {
            (file.stem, 0): read_rows(file) for file in files
        } or {
            (str(k), seed): [self._train[i] for i in draw(labels, k, seed)]
            for k in shots
            for seed in range(draws)
        }
        everything = [self._train, self._test, *self.draws.values()]
        known = sorted({row.label for rows in everything for row in rows})
        self._task = Task(folder.name, dict.fromkeys(known, ""))
        self._truth = [row.label for row in self._test]

    def keys(self, depths: Sequence[str], peers: Sequence[str]) -> Iterator[Key]:
        """The cells that there should be, ours first."""
        for depth in depths:
            if not DEPTHS[depth].seeds:
                yield Key(self.folder.name, "names", depth, 0)
        for method in (*(depth for depth in depths if DEPTHS[depth].seeds), *peers):
            for split, number in self.draws:
                yield Key(self.folder.name, split, method, number)

    def measure(self, key: Key, pythons: Mapping[str, str], iterations: int) -> dict[str, Any]:
        """Adapt, and label the test texts."""
        seeds = self.draws.get((key.split, key.draw), [])
        return self._ours(key, seeds) if key.method in DEPTHS else self._peer(key, seeds, pythons, iterations)

    @cached_property
    def _held_out(self) -> HeldOutTexts:
        return HeldOutTexts(self._encoder, [row.text for row in self._test])

    @cached_property
    def _held_out_in_public(self) -> HeldOutTexts:
        return HeldOutTexts(self._public, [row.text for row in self._test])

    @cached_property
    def _kept(self) -> KeptFeatures:
        return KeptFeatures(self._encoder, [row.text for row in self._train])

    def _ours(self, key: Key, seeds: Sequence[Seed]) -> dict[str, Any]:
        stream, encoder = DEPTHS[key.method].unlabelled, self._encoder
        encode = self._kept.beside(seeds) if stream else encoder.encode
        unlabelled = rest(self._train, seeds) if stream else ()
        encoder.encode([self._test[0].text], encoder.views)  # what loads at its first text
        begin = perf_counter()
        head = adapt_at(
            key.method,
            self._task,
            seeds,
            encode,
            encoder_fingerprint=encoder.fingerprint,
            views=encoder.views,
            prior=encoder.prior,
            unlabelled=unlabelled,
            tunable=encoder,
        )
        adapting = perf_counter() - begin
        features, encoding = self._held_out.features(head.view)
        begin = perf_counter()
        chances = probabilities(head, features)
        rate = len(self._truth) / (encoding + perf_counter() - begin)
        return {
            **judge(head, chances, self._truth),
            "adapt_seconds": adapting,
            "texts_per_second": rate,
            "view": head.view,
            "features": encoder.fingerprint,
        }

    def _peer(
        self, key: Key, seeds: Sequence[Seed], pythons: Mapping[str, str], iterations: int
    ) -> dict[str, Any]:
        tests = [row.text for row in self._test]
        folder, held_out = embedded_folder(), self._held_out_in_public
        ask = Ask(self._public, folder, seeds, tests, held_out, key.draw, pythons, iterations)
        found = PEERS[key.method](ask)
        believed = {}
        if found.chances is not None and found.chances.shape[1] == len(self._task.labels):
            own = np.searchsorted(list(self._task.labels), self._truth)
            right = np.array(found.guesses) == np.array(self._truth)
            top = found.chances.max(axis=1)
            believed = {
                "calibration_error": calibration_error(top, right),
                "calibration_noise": calibration_noise(top),
                "log_loss": log_loss(found.chances, own),
            }
        return {
            **believed,
            "accuracy": accuracy(self._truth, found.guesses),
            "macro_f1": macro_f1(self._truth, found.guesses),
            "adapt_seconds": found.adapt_seconds,
            "texts_per_second": len(tests) / found.label_seconds,
            **({"settings": found.settings} if found.settings else {}),
            **({"versions": dict(found.versions)} if found.versions else {}),
        }
