"""How good a head is, as far as the seeds that it was made from can tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_expit, log_softmax

from monitor.learn import calibrate
from monitor.learn.fit import HELD_OUT_ITERATIONS, fit_multi, fit_scores
from monitor.learn.head import Head
from monitor.learn.support import Encode, Support, gather
from monitor.learn.threads import single_threaded
from monitor.types import Seed, Task

ENOUGH = 200
"""Seeds that are judged. With more of them, folds are left out once there are as many."""


@dataclass(frozen=True)
class Score:
    """Of seeds, by fits that have not seen them.

    ``log_loss`` is the mean over the seeds, in nats; of a ``multi`` task, over seeds and labels.
    ``accuracy`` is the share told right, whether that would be answered or not; of a ``multi`` task
    the share where exactly its labels reach their thresholds.
    """

    log_loss: float
    accuracy: float


@single_threaded
def held_out(task: Task, seeds: Sequence[Seed], encode: Encode, head: Head) -> Score | None:
    """The score of ``head``, which :func:`monitor.learn.adapt.adapt` made of these seeds; ``None`` without seeds.

    Every seed is judged by a fit without its fold (:func:`monitor.learn.calibrate.folds`), so a
    label with one seed is told from its name alone: few seeds are better than their score.
    """
    if not seeds:
        return None
    support = gather(task, seeds, encode, [head.view])[head.view]
    fold, fold_none = (
        calibrate.folds(support.targets),
        calibrate.folds(np.zeros((len(support.background), 1))),
    )
    judge = _judge_multi if task.multi else _judge_single
    losses: list[np.ndarray] = []
    hits: list[np.ndarray] = []
    for part in np.unique(fold):
        out = fold == part
        loss, hit = judge(
            head, task, support.without(out, fold_none == part), support.seeds[out], support.targets[out]
        )
        losses.append(loss)
        hits.append(hit)
        if sum(map(len, hits)) >= ENOUGH:
            break
    return Score(float(np.concatenate(losses).mean()), float(np.concatenate(hits).mean()))


Judged = tuple[np.ndarray, np.ndarray]
"""Loss and hit of each seed, ``(n,)``."""


def _judge_single(head: Head, task: Task, part: Support, seeds: np.ndarray, targets: np.ndarray) -> Judged:
    weight, bias = fit_scores(part, HELD_OUT_ITERATIONS, strength=head.strength)
    logs = log_softmax((seeds @ weight.T + bias) / head.temperature, axis=1)
    return -(targets * logs).sum(axis=1), logs.argmax(axis=1) == targets.argmax(axis=1)


def _judge_multi(head: Head, task: Task, part: Support, seeds: np.ndarray, targets: np.ndarray) -> Judged:
    weight, bias, temperature, thresholds, *_ = fit_multi(part)
    scores = (seeds @ weight.T + bias) / temperature
    losses = -(targets * log_expit(scores) + (1 - targets) * log_expit(-scores)).mean(axis=1)
    if task.threshold is not None:
        thresholds = np.full(len(thresholds), task.threshold)
    return losses, ((expit(scores) >= thresholds) == (targets > 0)).all(axis=1)
