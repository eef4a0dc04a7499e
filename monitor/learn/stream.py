"""What the unlabelled texts of a stream add to a few seeds, for tasks with one label a text.

The head that the seeds alone give labels the stream; from these answers come the stream's mix of
labels (EM on the label prior, Saerens et al. 2002) and soft labels, and another head is fitted to
seeds, names and stream together, which labels the stream anew (self-training, Scudder 1965). A text that resembles
the seeds less than they resemble each other counts for little. The last head is promoted only if it does not score
worse than the first on seeds that neither has seen; else the first stays. Pure functions of arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import log_softmax

from monitor.learn import calibrate
from monitor.learn.fit import HELD_OUT_ITERATIONS, STRENGTH, Scores, fit_scores, held_out, held_out_nearest
from monitor.learn.head import Head, carried, with_threshold
from monitor.learn.stream_mix import CAP, in_scope, soft_labels
from monitor.learn.support import Support
from monitor.learn.threads import single_threaded
from monitor.types import Task

MOST_TEXTS = 20_000
"""Texts of the stream that are looked at; of more, a sample."""
MOST_FITTED = 4000
"""Texts of the stream that a head is fitted to; of more, a sample."""
SURE = 0.7
"""The share of held-out seeds that the first head must tell right to teach more than once, or from few texts."""
ROUNDS, MANY = 3, 6
"""How often the stream is labelled, and a head fitted to it, where a sure head tells at least so many labels apart."""
LEAST_SEEDS, LEAST_TEXTS = 2, 2
"""Seeds of every label, and texts of the stream by label on average, below which nothing is tried."""
LEAST_UNSURE = 15
"""The same texts where the first head is not :data:`SURE`."""
LEAST_IN_SCOPE = 0.1
"""The share of the stream that must seem to carry one of the labels."""
LEAST_OF_TWO = 0.25
"""The share that the rarer of two labels must seem to have: if it is not there, all its soft labels are wrong."""
MOST_UNSTABLE = 0.2
"""How far the mixes of two halves of the stream may lie apart (total variation)."""

_ITERATIONS = 60


@dataclass(frozen=True, eq=False)
class StreamFit:
    """A fit of ``L`` labels over ``d`` features, and what was learned about the stream.

    ``weight`` (L, d), ``bias`` (L,), ``temperature`` and ``thresholds`` (L,) are those of a head:
    the stream's if ``promoted``, else those of the seeds alone. ``mix`` (L,) sums to 1 and is the
    share of each label among the texts that carry one; ``none_share`` is the share of texts that
    seem to carry none of them. ``score`` is the mean log-likelihood of held-out seeds with the
    stream, ``score_before`` without it (nan where it was not measured). ``reason`` says in one
    sentence why it was promoted or not.
    """

    weight: np.ndarray
    bias: np.ndarray
    temperature: float
    thresholds: np.ndarray
    mix: np.ndarray
    none_share: float
    score: float
    score_before: float
    promoted: bool
    reason: str


def stream_head(
    task: Task, head: Head, support: Support, unlabelled: np.ndarray, rng: np.random.Generator
) -> tuple[Head, StreamFit]:
    """The head that seeds and stream make together, or, where that is not promoted, ``head``; and the fit.

    :param head: what the seeds of ``support`` alone made, in the same view.
    :param unlabelled: and ``rng``: see :func:`fit_stream`; features as the encoder gives them.
    """
    chance = np.ones(len(support.seeds)) if head.reach is None else head.reach.at(held_out_nearest(support))
    fit = fit_stream(support, unlabelled, rng, multi=task.multi, strength=head.strength, chance=chance)
    if not fit.promoted:
        return head, fit
    made = replace(
        head,
        labels=tuple(task.labels),
        weight=fit.weight.astype(np.float32),
        bias=fit.bias.astype(np.float32),
        temperature=fit.temperature,
        thresholds=fit.thresholds.astype(np.float32),
    )
    return with_threshold(made, task.threshold), fit


@single_threaded
def fit_stream(
    support: Support,
    unlabelled: np.ndarray,
    rng: np.random.Generator,
    *,
    multi: bool = False,
    strength: float = STRENGTH,
    chance: np.ndarray | float = 1.0,
) -> StreamFit:
    """Fit a head to seeds, names and the unlabelled texts of a stream.

    :param unlabelled: features ``(m, d)`` in the view of ``support``, rows of length 1, without the seeds.
    :param rng: draws the sample where there are too many texts, and the halves that are compared.
    :param multi: several labels a text: nothing is fitted (``weight`` is all zeros).
    :param strength: of the fits; that of the head that the seeds made.
    :param chance: how likely each seed carries one of the labels, by that head's reach, ``(n,)``: thresholds are
        of probabilities times this.
    """
    uniform = np.full(len(support.names), 1 / max(1, len(support.names)))
    if multi:
        return _unfitted(support, uniform)
    first = fit_scores(support, strength=strength)
    alone = _held_out(
        support, lambda part: fit_scores(part, HELD_OUT_ITERATIONS, strength=strength), strength
    )
    before, score = alone.likelihood, float("nan")
    texts = _sample(np.asarray(unlabelled, np.float32), MOST_TEXTS, rng)
    mix, within = uniform, np.ones(len(texts))
    reason = _too_few(alone, len(texts))
    if not reason:
        within = in_scope(support.seeds, texts)
        mix = soft_labels(support, first, alone.heat, texts, within)[1]
        reason = _doubtful(support, first, alone.heat, texts, within, mix, rng)
    if not reason:
        chosen = _sample(np.arange(len(texts)), MOST_FITTED, rng)
        rounds = ROUNDS if alone.sure and len(mix) >= MANY else 1
        teach = _Teaching(texts[chosen], within[chosen], alone.heat, rounds, strength)
        both = _held_out(support, teach.anew, strength)
        score = both.likelihood
        if not score < before:
            return StreamFit(
                *teach.further(support, first, _ITERATIONS),
                both.heat,
                both.thresholds(chance),
                mix,
                float(1 - within.mean()),
                score,
                before,
                True,
                "held-out seeds are classified no worse with the stream than without",
            )
        reason = "held-out seeds are classified worse with the stream than without"
    none = float(1 - within.mean()) if len(within) else 0.0
    return StreamFit(*first, alone.heat, alone.thresholds(chance), mix, none, score, before, False, reason)


@dataclass(frozen=True, eq=False)
class _HeldOut:
    """What fits say of the seeds that they left out: ``scores`` (n, L), and the temperature that suits them."""

    support: Support
    scores: np.ndarray
    heat: float

    @property
    def likelihood(self) -> float:
        """Mean log-likelihood of the seeds; nan where there are none."""
        told = self.support.targets * log_softmax(self.scores / self.heat, axis=1)
        return float(told.sum(axis=1).mean()) if len(told) else float("nan")

    @property
    def sure(self) -> bool:
        """Whether enough seeds are told right, see :data:`SURE`."""
        told = self.scores.argmax(axis=1) == self.support.targets.argmax(axis=1)
        return float(told.mean()) >= SURE

    def thresholds(self, chance: np.ndarray | float) -> np.ndarray:
        """Of a head with that temperature: ``(L,)``; ``chance``: see :func:`fit_stream`."""
        scores, labels = self.scores / self.heat, self.scores.shape[1]
        likely = chance * carried(scores, none=len(self.support.background) > 0)
        return np.full(labels, calibrate.threshold(scores, labels, likely))


def _held_out(support: Support, fit: Callable[[Support], Scores], strength: float) -> _HeldOut:
    scores = held_out(support, fit)[0][: len(support.seeds)]
    return _HeldOut(support, scores, calibrate.temperature(scores, support.targets, strength))


@dataclass(frozen=True, eq=False)
class _Teaching:
    """How a stream teaches: ``texts`` (m, d), each likely ``within`` scope (m,); ``heat`` is that of the first head."""

    texts: np.ndarray
    within: np.ndarray
    heat: float
    rounds: int
    strength: float

    def anew(self, part: Support) -> Scores:
        """A head of a part of the seeds, and of what it says of the stream itself."""
        start = fit_scores(part, HELD_OUT_ITERATIONS, strength=self.strength)
        return self.further(part, start, HELD_OUT_ITERATIONS)

    def further(self, part: Support, scores: Scores, iterations: int) -> Scores:
        """Each round's head is fitted to what the one before it says of the texts."""
        for left in reversed(range(self.rounds)):
            soft, _ = soft_labels(part, scores, self.heat, self.texts, self.within)
            thorough = HELD_OUT_ITERATIONS if left else iterations
            scores = _fit_both(part, self.texts, soft, thorough, self.strength)
        return scores


def _unfitted(support: Support, mix: np.ndarray) -> StreamFit:
    nothing, empty = float("nan"), np.zeros(support.names.shape, np.float32)
    return StreamFit(
        empty,
        empty[:, 0],
        1.0,
        mix,
        mix,
        nothing,
        nothing,
        nothing,
        False,
        "a task of several labels a text learns from its seeds alone",
    )


def _too_few(alone: _HeldOut, texts: int) -> str:
    """Why labels, seeds or texts are too few to try; ``""`` where they are enough."""
    labels = alone.scores.shape[1]
    if labels < 2:
        return "a task with one label has nothing to tell apart"
    fewest = int(alone.support.targets.sum(axis=0).min())
    if fewest < LEAST_SEEDS:
        return f"a label has {fewest} seeds, and the stream is used from {LEAST_SEEDS} on"
    if texts < LEAST_TEXTS * labels:
        return f"{texts} unlabelled texts are too few for {labels} labels"
    if texts < LEAST_UNSURE * labels and not alone.sure:
        return f"{texts} unlabelled texts are too few for {labels} labels that are hard to tell apart"
    return ""


def _doubtful(
    support: Support,
    first: Scores,
    heat: float,
    texts: np.ndarray,
    within: np.ndarray,
    mix: np.ndarray,
    rng: np.random.Generator,
) -> str:
    """Why what the stream seems to hold is not to be relied on; ``""`` where it is."""
    if within.mean() < LEAST_IN_SCOPE:
        return "hardly any text of the stream resembles the seeds"
    if len(mix) == 2 and mix.min() < LEAST_OF_TWO:
        return "one of the two labels may be missing from the stream"
    half = rng.permutation(len(texts)) % 2 == 0
    mixes = [soft_labels(support, first, heat, texts[part], within[part])[1] for part in (half, ~half)]
    apart = float(np.abs(mixes[0] - mixes[1]).sum() / 2)
    return "two halves of the stream disagree about its mix of labels" if apart > MOST_UNSTABLE else ""


def _fit_both(
    support: Support, texts: np.ndarray, soft: np.ndarray, iterations: int, strength: float
) -> Scores:
    """Seeds, names, and texts that weigh ``soft`` ``(m, L)``.

    What the stream lacks of a label (below the cap), the label's seeds make up for: the head must
    not learn to avoid a label because few texts carried it lately.
    """
    count = support.targets.sum(axis=0)
    lacking = CAP - soft.sum(axis=0) / np.maximum(count, 1)
    heavier = 1 + np.maximum(0.0, lacking)
    weights = support.targets @ heavier
    return fit_scores(support, iterations, strength=strength, weights=weights, texts=texts, soft=soft)


def _sample(rows: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    return rows if len(rows) <= most else rows[np.sort(rng.choice(len(rows), most, replace=False))]
