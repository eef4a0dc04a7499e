"""Fits that leave a part of the seeds out, and what they decide, for tasks of one label a text."""

from __future__ import annotations

from functools import cached_property
from math import log

import numpy as np

from monitor.learn import calibrate
from monitor.learn.fit import (
    HELD_OUT_ITERATIONS,
    STRENGTH,
    Fitted,
    Scores,
    fit_scores,
    held_out_nearest,
    with_chances,
)
from monitor.learn.support import Support, compact

STRENGTHS = (1.0, 2.0, 5.0, 10.0, 30.0)
DOUBT = 0.5
"""What held-out seeds must gain in log-likelihood for each e-fold that the strength goes away from :data:`STRENGTH`."""
ENOUGH = 200
"""Held-out seeds that are enough to choose by; with more of them, folds are left out."""


class Rounds:
    """Held-out scores of one support's seeds by the strength of the fits, each fit made once.

    Choosing a view, choosing a strength and telling how sure a head may be ask for the same fits. All are
    made in the few coordinates that the support's rows need (:func:`monitor.learn.support.compact`).
    """

    def __init__(self, support: Support) -> None:
        self.support = support
        self._fold = calibrate.folds(support.targets)
        self._held: dict[tuple[float, int], np.ndarray] = {}

    @cached_property
    def _compact(self) -> tuple[Support, np.ndarray]:
        return compact(self.support)

    def fit(self, strength: float) -> Scores:
        """Weight ``(L, d)`` and bias ``(L,)`` of a fit to all seeds."""
        inner, basis = self._compact
        weight, bias = fit_scores(inner, strength=strength)
        return weight @ basis.T, bias

    def held_out(self, strength: float, *, to_choose: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Scores ``(m, L)`` of the seeds by fits that left their fold out, and their targets ``(m, L)``.

        :param to_choose: only of as many folds as hold :data:`ENOUGH` seeds.
        """
        count = len(self._fold)
        folds = calibrate.FOLDS
        if to_choose and count > ENOUGH:
            folds = max(1, round(folds * ENOUGH / count))
        scores = np.zeros(self.support.targets.shape)
        judged = np.zeros(count, bool)
        for part in np.unique(self._fold)[:folds]:
            out = self._fold == part
            scores[out] = self._round(strength, int(part), out)
            judged |= out
        return scores[judged], self.support.targets[judged]

    def _round(self, strength: float, part: int, out: np.ndarray) -> np.ndarray:
        if (strength, part) not in self._held:
            inner, _ = self._compact
            rest = inner.without(out, np.zeros(len(inner.background), bool))
            weight, bias = fit_scores(rest, HELD_OUT_ITERATIONS, strength=strength)
            self._held[strength, part] = inner.seeds[out] @ weight.T + bias
        return self._held[strength, part]


def choose_strength(rounds: Rounds) -> float:
    """How far seeds may pull weights from where names put them: one of :data:`STRENGTHS`.

    Many fine-grained labels want more than a few coarse ones; held-out seeds tell. From the usual
    one upwards as long as they gain, else downwards.
    """

    def evidence(strength: float) -> float:
        held, targets = rounds.held_out(strength, to_choose=True)
        return calibrate.evidence(held, targets) - DOUBT * abs(log(strength / STRENGTH))

    if not len(rounds.support.seeds):
        return STRENGTH
    place = STRENGTHS.index(STRENGTH)
    best = evidence(STRENGTH)
    for step in (1, -1):
        moved = False
        while 0 <= place + step < len(STRENGTHS) and (found := evidence(STRENGTHS[place + step])) > best:
            best, place, moved = found, place + step, True
        if moved:
            break
    return STRENGTHS[place]


def fit_single(rounds: Rounds) -> Fitted:
    """A head of one label a text."""
    strength = choose_strength(rounds)
    held, targets = rounds.held_out(strength)
    nearest = held_out_nearest(rounds.support)
    return with_chances(rounds.support, rounds.fit(strength), held, targets, nearest, strength)
