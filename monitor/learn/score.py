"""How good a head is, as far as the seeds that it was made from can tell.

Every seed is judged by a fit without its fold (:func:`monitor.learn.calibrate.folds`), so a label with one seed is
told from its name alone: few seeds are better than their score.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_expit, log_softmax

from monitor.learn import calibrate
from monitor.learn.fit import Fitted, fit_multi
from monitor.learn.head import Head
from monitor.learn.rounds import ENOUGH, Rounds
from monitor.learn.support import Support
from monitor.types import Task


@dataclass(frozen=True)
class Score:
    """Of seeds, by fits that have not seen them.

    ``log_loss`` is the mean over the seeds, in nats; of a ``multi`` task, over seeds and labels.
    ``accuracy`` is the share told right, whether that would be answered or not; of a ``multi`` task
    the share where exactly its labels reach their thresholds; ``None``: not counted. ``judged``: how many seeds
    were told.
    """

    log_loss: float
    accuracy: float | None
    judged: int


def of_single(rounds: Rounds, head: Head) -> Score | None:
    """The score of a head of one label a text that was fitted to the seeds of ``rounds``; ``None`` without seeds."""
    if not len(rounds.support.seeds):
        return None
    held, targets = rounds.held_out(head.strength, to_choose=True)
    logs = log_softmax(held / head.temperature, axis=1)
    hits = logs.argmax(axis=1) == targets.argmax(axis=1)
    return Score(float(-(targets * logs).sum(axis=1).mean()), float(hits.mean()), len(hits))


def of_multi(support: Support, task: Task) -> Score | None:
    """The score of a head of several labels a text that was fitted to ``support``; ``None`` without seeds.

    Folds are left out once :data:`monitor.learn.rounds.ENOUGH` seeds are judged.
    """
    if not len(support.seeds):
        return None
    losses, hits = list[np.ndarray](), list[np.ndarray]()
    for out, fitted, scores in of_folds(support):
        logits, targets, thresholds = scores / fitted.temperature, support.targets[out], fitted.thresholds
        losses.append(-(targets * log_expit(logits) + (1 - targets) * log_expit(-logits)).mean(axis=1))
        if task.threshold is not None:
            thresholds = np.full(len(thresholds), task.threshold)
        hits.append(((expit(logits) >= thresholds) == (targets > 0)).all(axis=1))
        if sum(map(len, hits)) >= ENOUGH:
            break
    told = np.concatenate(hits)
    return Score(float(np.concatenate(losses).mean()), float(told.mean()), len(told))


def of_folds(support: Support) -> Iterator[tuple[np.ndarray, Fitted, np.ndarray]]:
    """Heads of several labels a text that left a fold of the seeds out: that fold (a mask), the head, its scores."""
    fold = calibrate.folds(support.targets)
    fold_none = calibrate.folds(np.zeros((len(support.background), 1)))
    for part in np.unique(fold):
        out = fold == part
        fitted = fit_multi(support.without(out, fold_none == part))
        yield out, fitted, support.seeds[out] @ fitted.weight.T + fitted.bias
