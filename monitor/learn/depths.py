"""How much is done to learn a task: its names alone, its seeds, the stream, fine-tuning (:data:`DEPTHS`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from monitor.errors import LearnError, UnknownName
from monitor.learn.adapt import Prior, adapt
from monitor.learn.deep import Tunable, fit_deep
from monitor.learn.head import Head, fit_softmax
from monitor.learn.stream import stream_head
from monitor.learn.support import Encode, gather, labelled
from monitor.learn.threads import single_threaded
from monitor.types import Seed, Task

BASELINE = "baseline"
BASELINE_STRENGTH = 100.0


class FeatureEncoder(Tunable, Protocol):
    """What is asked of an encoder: see :class:`monitor.interfaces.Encoder`."""

    @property
    def fingerprint(self) -> str: ...

    @property
    def views(self) -> tuple[str, ...]: ...

    def prior(self, labels: Sequence[str]) -> Mapping[str, float]: ...

    def encode(self, texts: Sequence[str], views: Sequence[str] = ("base",)) -> Mapping[str, np.ndarray]: ...


Verdict = Callable[[bool, str], None]
"""Told whether what a depth adds to the seeds is used, and why (not)."""


def _unheard(promoted: bool, reason: str) -> None:
    pass


@dataclass(frozen=True)
class Given:
    """What a task is learned from.

    ``fingerprint``, ``views`` and ``prior`` are the encoder's; ``unlabelled`` are texts of the same
    stream, without labels; ``tunable`` is the encoder itself, where views may be fine-tuned.
    ``verdict`` is told by depths that may stay with the head of the seeds.
    """

    task: Task
    seeds: Sequence[Seed]
    encode: Encode
    fingerprint: str
    views: Sequence[str] = ("base",)
    prior: Prior | None = None
    unlabelled: Sequence[str] = ()
    tunable: Tunable | None = None
    verdict: Verdict = _unheard


@dataclass(frozen=True)
class Depth:
    """How a task is learned, and whether that looks at seeds and at unlabelled texts."""

    learn: Callable[[Given], Head]
    seeds: bool = True
    unlabelled: bool = False


def _adapt(given: Given, seeds: Sequence[Seed]) -> Head:
    return adapt(
        given.task,
        seeds,
        given.encode,
        encoder_fingerprint=given.fingerprint,
        views=given.views,
        prior=given.prior,
    )


def _stream(given: Given) -> Head:
    """The head of the seeds, or, where it is promoted, of seeds and stream in the same view."""
    head = _adapt(given, given.seeds)
    support = gather(given.task, given.seeds, given.encode, [head.view])[head.view]
    texts = given.encode(given.unlabelled, [head.view])[head.view] if given.unlabelled else support.seeds[:0]
    made, fit = stream_head(given.task, head, support, texts, np.random.default_rng(0))
    given.verdict(fit.promoted, fit.reason)
    return made


def _deep(given: Given) -> Head:
    """The head of the seeds, or, where it is promoted, of a view that was fine-tuned on them."""
    head = _adapt(given, given.seeds)
    if given.tunable is None:
        raise LearnError("this encoder cannot be fine-tuned: choose another depth")
    fit = fit_deep(given.task, given.seeds, given.tunable, head)
    given.verdict(fit.promoted, fit.reason)
    return fit.head


DEPTHS: dict[str, Depth] = {
    "names": Depth(lambda given: _adapt(given, ()), seeds=False),
    "seeds": Depth(lambda given: _adapt(given, given.seeds)),
    "stream": Depth(_stream, unlabelled=True),
    "deep": Depth(_deep),
}
"""By name, the lightest first."""


def adapt_at(
    depth: str,
    task: Task,
    seeds: Sequence[Seed],
    encode: Encode,
    *,
    encoder_fingerprint: str,
    views: Sequence[str] = ("base",),
    prior: Prior | None = None,
    unlabelled: Sequence[str] = (),
    tunable: Tunable | None = None,
    verdict: Verdict = _unheard,
) -> Head:
    """Learn a task at one of :data:`DEPTHS`.

    :param views: what ``encode`` offers; the head says which one it reads.
    :param prior: what label names say about the view that suits a task, by view.
    :param unlabelled: texts of the stream; only a depth that looks at them reads them.
    :param tunable: the encoder, for depths that fine-tune it.
    :param verdict: told by the depths that may stay with the head of the seeds.
    :raises UnknownName: the depth is none of them, or a seed's label none of the task's.
    :raises LearnError: the task cannot be learned as given.
    """
    check_depths([depth])
    return DEPTHS[depth].learn(
        Given(task, seeds, encode, encoder_fingerprint, views, prior, unlabelled, tunable, verdict)
    )


def check_depths(depths: Sequence[str]) -> None:
    """Raise :class:`UnknownName`, which lists the known ones, for a depth that does not exist."""
    for depth in depths:
        if depth not in DEPTHS:
            raise UnknownName("depth", depth, DEPTHS)


@single_threaded
def frozen_baseline(given: Given) -> Head:
    """What to beat: plain logistic regression (C = 100) on the base features of the seeds, names unread.

    It has no threshold: everything is answered.
    """
    labels = tuple(given.task.labels)
    place = {label: index for index, label in enumerate(labels)}
    seeds = labelled(given.seeds)
    features = given.encode([seed.text for seed in seeds], ("base",))["base"]
    targets = np.eye(len(labels))[[place[seed.label] for seed in seeds]]
    weight, bias = fit_softmax(
        features, targets, np.ones(len(targets)), strength=BASELINE_STRENGTH, iterations=1000
    )
    return Head(
        labels=labels,
        view="base",
        encoder=given.fingerprint,
        weight=weight,
        bias=bias,
        temperature=1.0,
        thresholds=np.zeros(len(labels), np.float32),
        multi=False,
    )


class KeptFeatures:
    """Features of unlabelled texts, as a running monitor has kept them from reading its stream."""

    def __init__(self, encoder: FeatureEncoder, texts: Sequence[str]) -> None:
        self._encoder = encoder
        self._row = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        self._kept = encoder.encode(list(self._row), encoder.views) if self._row else {}

    def beside(self, seeds: Sequence[Seed]) -> Encode:
        """An encoder that knows the kept texts, but not those of ``seeds``: adapting starts from raw seeds."""
        raw = {seed.text for seed in seeds}

        def encode(texts: Sequence[str], views: Sequence[str]) -> Mapping[str, np.ndarray]:
            wanted = list(dict.fromkeys(texts))
            kept = [text for text in wanted if text in self._row and text not in raw]
            if not kept:
                return self._encoder.encode(texts, views)
            known = set(kept)
            fresh = [text for text in wanted if text not in known]
            new = self._encoder.encode(fresh, views) if fresh else {}
            place = {text: row for row, text in enumerate([*kept, *fresh])}
            rows, own = [place[text] for text in texts], [self._row[text] for text in kept]
            return {
                view: np.vstack([self._kept[view][own], *([new[view]] if fresh else [])])[rows]
                for view in views
            }

        return encode
