"""What the unlabelled texts of a stream add to a few seeds, for tasks with one label a text.

The head that the seeds alone give labels the stream; from these answers come the stream's mix of
labels (EM on the label prior, Saerens et al. 2002) and soft labels, and another head is fitted to
seeds, names and stream together, which labels the stream anew (self-training, Scudder 1965). A text that resembles
the seeds less than they resemble each other counts for little. The last head is promoted only if it does not score
worse than the first on seeds that neither has seen; else the first stays. Pure functions of arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import log_softmax, softmax

from monitor.learn import calibrate
from monitor.learn.fit import HELD_OUT_ITERATIONS, STRENGTH, Scores, fit_scores, held_out, held_out_nearest
from monitor.learn.head import Head, carried, with_threshold
from monitor.learn.support import Support
from monitor.learn.threads import single_threaded
from monitor.types import Task

MOST_TEXTS = 20_000
"""Texts of the stream that are looked at; of more, a sample."""
MOST_FITTED = 4000
"""Texts of the stream that a head is fitted to; of more, a sample."""
SHARPEN = 2.0
"""How much surer of itself than the calibrated probabilities of the first head each head labels the stream."""
SURE = 0.7
"""The share of held-out seeds that the first head must tell right to teach more than once, or from few texts."""
ROUNDS, MANY = 3, 6
"""How often the stream is labelled, and a head fitted to it, where a sure head tells at least so many labels apart."""
CAP = 2.0
"""The most that the stream may weigh for a label, as a multiple of the label's seeds."""
KEPT = 0.1
"""The share of the prior that every round keeps in the mix: a label that seems to vanish must not be lost."""
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
_EM_ROUNDS = 50


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
    labels, width = support.targets.shape[1], support.names.shape[1]
    uniform = np.full(labels, 1 / max(1, labels))
    nothing = float("nan")
    if multi:
        empty = np.zeros((labels, width), np.float32)
        return StreamFit(
            empty,
            empty[:, 0],
            1.0,
            uniform,
            uniform,
            nothing,
            nothing,
            nothing,
            False,
            "a task of several labels a text learns from its seeds alone",
        )
    first = fit_scores(support, strength=strength)
    count = len(support.seeds)
    held = held_out(support, lambda part: fit_scores(part, HELD_OUT_ITERATIONS, strength=strength))[0][:count]
    heat = calibrate.temperature(held, support.targets, strength)
    before = _likelihood(held / heat, support.targets)
    texts = _sample(np.asarray(unlabelled, np.float32), MOST_TEXTS, rng)
    mix, within = uniform, np.ones(len(texts))

    def thresholds(scores: np.ndarray) -> np.ndarray:
        """Of held-out scores, divided by their temperature: ``(L,)``."""
        likely = chance * carried(scores, none=len(support.background) > 0)
        return np.full(labels, calibrate.threshold(scores, labels, likely))

    def stays(reason: str, score: float = nothing) -> StreamFit:
        threshold = thresholds(held / heat)
        none = float(1 - within.mean()) if len(within) else 0.0
        then = float(before.mean()) if len(before) else nothing
        return StreamFit(*first, heat, threshold, mix, none, score, then, False, reason)

    if labels < 2:
        return stays("a task with one label has nothing to tell apart")
    fewest = int(support.targets.sum(axis=0).min())
    if fewest < LEAST_SEEDS:
        return stays(f"a label has {fewest} seeds, and the stream is used from {LEAST_SEEDS} on")
    if len(texts) < LEAST_TEXTS * labels:
        return stays(f"{len(texts)} unlabelled texts are too few for {labels} labels")
    sure = float((held.argmax(axis=1) == support.targets.argmax(axis=1)).mean()) >= SURE
    if not sure and len(texts) < LEAST_UNSURE * labels:
        return stays(
            f"{len(texts)} unlabelled texts are too few for {labels} labels that are hard to tell apart"
        )
    within = in_scope(support.seeds, texts)
    _, mix = _soft_labels(support, first, heat, texts, within)
    if within.mean() < LEAST_IN_SCOPE:
        return stays("hardly any text of the stream resembles the seeds")
    if labels == 2 and mix.min() < LEAST_OF_TWO:
        return stays("one of the two labels may be missing from the stream")
    half = rng.permutation(len(texts)) % 2 == 0
    mixes = [_soft_labels(support, first, heat, texts[part], within[part])[1] for part in (half, ~half)]
    apart = float(np.abs(mixes[0] - mixes[1]).sum() / 2)
    if apart > MOST_UNSTABLE:
        return stays("two halves of the stream disagree about its mix of labels")

    rounds = ROUNDS if sure and labels >= MANY else 1
    chosen = _sample(np.arange(len(texts)), MOST_FITTED, rng)
    sample, likely = texts[chosen], within[chosen]

    def train(part: Support, start: Scores, iterations: int) -> Scores:
        """Each round's head is fitted to what the one before it says of the texts."""
        scores = start
        for left in reversed(range(rounds)):
            soft, _ = _soft_labels(part, scores, heat, sample, likely)
            thorough = HELD_OUT_ITERATIONS if left else iterations
            scores = _fit_both(part, sample, soft, thorough, strength)
        return scores

    def fit(part: Support) -> Scores:
        start = fit_scores(part, HELD_OUT_ITERATIONS, strength=strength)
        return train(part, start, HELD_OUT_ITERATIONS)

    held_after = held_out(support, fit)[0][:count]
    heat_after = calibrate.temperature(held_after, support.targets, strength)
    after = _likelihood(held_after / heat_after, support.targets)
    score = float(after.mean())
    if score < before.mean():
        return stays("held-out seeds are classified worse with the stream than without", score)
    return StreamFit(
        *train(support, first, _ITERATIONS),
        heat_after,
        thresholds(held_after / heat_after),
        mix,
        float(1 - within.mean()),
        score,
        float(before.mean()),
        True,
        "held-out seeds are classified no worse with the stream than without",
    )


def label_mix(chances: np.ndarray, prior: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mix of labels that makes a stream likeliest (EM; Saerens, Latinne and Decaestecker 2002).

    One imaginary text of each label, and :data:`KEPT` of the prior in every round, keep the weaker of
    two labels from vanishing where few seeds tell them apart badly.

    :param chances: ``(m, L)``, rows sum to 1, as told by a head that took ``prior`` ``(L,)`` for the mix.
    :param weights: ``(m,)``, how much each text counts.
    :return: the mix ``(L,)``, and ``chances`` under it.
    """
    labels = chances.shape[1]
    mix, told = prior, chances
    for _ in range(_EM_ROUNDS):
        told = chances * (mix / prior)
        told /= np.maximum(told.sum(axis=1, keepdims=True), 1e-30)
        mix = (1 - KEPT) * (weights @ told + 1) / (weights.sum() + labels) + KEPT * prior
    return mix, told


def in_scope(seeds: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """How likely each text is to carry one of the labels: ``(m,)`` in [0, 1].

    A text's resemblance is its mean similarity to the seeds. Were all texts like the seeds, half
    would resemble them more than the middle seed resembles the others; what is missing from
    that half is the share of texts of no label (Storey 2002). A text's own chance is that share
    times the ratio of the two densities, made to rise with resemblance.

    :param seeds: ``(n, d)``; :param texts: ``(m, d)``, rows of length 1.
    """
    count = len(seeds)
    if count < 2 or not len(texts):
        return np.ones(len(texts))
    total = seeds.sum(axis=0)
    among = (seeds @ total - 1) / (count - 1)
    alike = texts @ total / count
    share = min(1.0, 2 * float((alike > np.median(among)).mean()))
    width = max(1e-3, 0.9 * float(among.std()) * count**-0.2)
    grid = np.linspace(alike.min(), alike.max() + 1e-6, 201)
    ratio = share * _density(among, grid, width) / np.maximum(_density(alike, grid, width), 1e-12)
    rising = np.minimum(1.0, np.maximum.accumulate(ratio))
    return np.asarray(np.interp(alike, grid, rising))


def _soft_labels(
    support: Support, head: Scores, heat: float, texts: np.ndarray, within: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weights ``(m, L)`` of the texts for each label, and the mix ``(L,)``."""
    weight, bias = head
    scores = (texts @ weight.T + bias) / heat
    within = within * carried(scores, none=len(support.background) > 0)
    chances = softmax(scores * SHARPEN, axis=1)
    count = support.targets.sum(axis=0)
    mix, told = label_mix(chances, np.full(len(count), 1 / len(count)), within)
    told = told * within[:, None]
    return told * np.minimum(1.0, CAP * count / np.maximum(told.sum(axis=0), 1e-9)), mix


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


def _likelihood(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return np.asarray((targets * log_softmax(scores, axis=1)).sum(axis=1))


def _density(points: np.ndarray, grid: np.ndarray, width: float) -> np.ndarray:
    """Gaussian kernel density of ``points`` at ``grid``, up to a constant that depends on ``width`` alone."""
    return np.asarray(
        [np.exp(-0.5 * ((at - points) / width) ** 2).mean() if len(points) else 0.0 for at in grid]
    )


def _sample(rows: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    return rows if len(rows) <= most else rows[np.sort(rng.choice(len(rows), most, replace=False))]
