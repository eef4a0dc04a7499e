"""Seeds and label names in, a head out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import log_softmax

from monitor.learn import calibrate
from monitor.learn.fit import STRENGTH, fit_multi
from monitor.learn.head import Head, with_threshold
from monitor.learn.rounds import Rounds, fit_single
from monitor.learn.score import Score, of_multi, of_single
from monitor.learn.support import Encode, Support, gather, label_texts
from monitor.learn.threads import single_threaded
from monitor.learn.views import BASE
from monitor.types import Seed, Task

EVIDENCE = 1.0
"""How much a seed's log-likelihood counts when a view is chosen; less than one, for seeds are not independent."""

Prior = Callable[[Sequence[str]], Mapping[str, float]]
"""What a task's labels say of themselves to the log-odds of each view (see :class:`monitor.interfaces.Encoder`)."""


class Adapted(NamedTuple):
    """What was learned, and how well seeds are told that were left out: ``None`` where there are none."""

    head: Head
    score: Score | None


class Prepared(NamedTuple):
    """What a task is learned from in the view that suits it; ``rounds`` are of its texts of one label alone."""

    view: str
    support: Support
    rounds: Rounds


def adapt(
    task: Task,
    seeds: Sequence[Seed],
    encode: Encode,
    *,
    encoder_fingerprint: str,
    views: Sequence[str] = (BASE,),
    prior: Prior | None = None,
) -> Head:
    """Learn a task from its seeds, with label names and descriptions as a prior.

    Works from names alone, and with labels that have no seeds yet. The same input gives the
    same head. Of several views the head reads the one that suits the task: views that were
    learned are preferred to ``base``, and seeds decide between them, from names alone the prior.

    :param views: what the encoder offers; ``prior``: what it says of label names.
    :raises LearnError: the task has too few labels to tell anything apart.
    :raises UnknownName: a seed carries a label that the task does not have.
    """
    return _learn(task, prepare(task, seeds, encode, views, prior), encoder_fingerprint)


@single_threaded
def adapt_and_judge(
    task: Task,
    seeds: Sequence[Seed],
    encode: Encode,
    *,
    encoder_fingerprint: str,
    views: Sequence[str] = (BASE,),
    prior: Prior | None = None,
) -> Adapted:
    """What :func:`adapt` learns, together with its score."""
    prepared = prepare(task, seeds, encode, views, prior)
    head = _learn(task, prepared, encoder_fingerprint)
    return Adapted(head, of_multi(prepared.support, task) if task.multi else of_single(prepared.rounds, head))


@single_threaded
def prepare(
    task: Task, seeds: Sequence[Seed], encode: Encode, views: Sequence[str], prior: Prior | None
) -> Prepared:
    """Choose the view in which :func:`adapt` learns a task; the parameters and errors are the same."""
    candidates = [view for view in views if view != BASE] or [BASE]
    supports = gather(task, seeds, encode, candidates)
    rounds = {view: Rounds(_single(support) if task.multi else support) for view, support in supports.items()}
    view = candidates[0]
    if len(candidates) > 1:
        view = choose_view(rounds, prior(label_texts(task)) if prior else {})
    return Prepared(view, supports[view], rounds[view])


@single_threaded
def _learn(task: Task, prepared: Prepared, encoder_fingerprint: str) -> Head:
    fitted = fit_multi(prepared.support) if task.multi else fit_single(prepared.rounds)
    head = Head(
        labels=tuple(task.labels),
        view=prepared.view,
        encoder=encoder_fingerprint,
        weight=fitted.weight.astype(np.float32),
        bias=fitted.bias.astype(np.float32),
        temperature=fitted.temperature,
        thresholds=fitted.thresholds.astype(np.float32),
        multi=task.multi,
        reach=fitted.reach,
        strength=fitted.strength,
        none=not task.multi and len(prepared.support.background) > 0,
    )
    return with_threshold(head, task.threshold)


def choose_view(rounds: Mapping[str, Rounds], prior: Mapping[str, float]) -> str:
    """The view in which a task is learned best; the first of equals.

    The evidence is the log-likelihood of the seeds under fits that have not seen them, one label
    against the rest being judged like any other; ``prior`` is in the same unit.
    """

    def evidence(by: Rounds) -> float:
        seeds, labels = len(by.support.seeds), len(by.support.names)
        if labels < 2 or not seeds:
            return 0.0
        held, targets = by.held_out(STRENGTH, to_choose=True)
        heat = calibrate.temperature(held, targets, STRENGTH)
        each = (targets * log_softmax(held / heat, axis=1)).sum(axis=1)
        return EVIDENCE * float(each.mean()) * seeds

    scores = {view: prior.get(view, 0.0) + evidence(by) for view, by in rounds.items()}
    return max(scores, key=lambda view: scores[view])


def _single(support: Support) -> Support:
    """The support without texts of several labels, or of none."""
    several = support.targets.sum(axis=1) != 1
    return support.without(several, np.ones(len(support.background), bool))
