"""From seeds to heads that know more than those: the stream that the monitor reads, or layers of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import numpy as np

from monitor.learn.deep import fit_deep
from monitor.learn.score import Score
from monitor.learn.stream import stream_head
from monitor.learn.support import gather, labelled
from monitor.pipeline.learning.featurizer import Featurizer
from monitor.pipeline.learning.heads import adapt_reader, keep_head
from monitor.pipeline.learning.readers import Reader, Unmet
from monitor.pipeline.learning.recent import recent
from monitor.store import Store
from monitor.store.heads import StoredHead

SEEDS, STREAM, DEEP = "seeds", "stream", "deep"
"""What a task of the store may be learned from: its seeds, the stored documents as well, layers of its own."""
ENCODED = 2000
"""Texts without kept features (not read in this view yet) that are encoded for it; the rest is left out."""


@dataclass(frozen=True)
class Promotion:
    """What came of it: ``head`` is the new one, in use, or ``None`` where the old one stays."""

    head: StoredHead | None
    reason: str
    texts: int


@dataclass(frozen=True)
class Learned:
    """``made``: there is a new version; ``note``: why a depth that was asked for was not reached, or nothing."""

    made: bool
    note: str = ""


def learn(
    store: Store,
    featurizer: Featurizer,
    reader: Reader,
    now: datetime,
    *,
    depth: str | None = None,
    force: bool = False,
    rng: np.random.Generator,
    progress: Callable[[int], None] | None = None,
) -> Learned:
    """Adapt a task to its seeds, where those changed, and take it to a depth that was asked for.

    Asked for seeds, a task that had learned from more goes back to them. A task whose layers were tuned on the
    very seeds that there are is not fine-tuned again: it would end with the same layers; nor does it learn from the
    stream. Not asked for anything, a task that was fine-tuned keeps its layers where seeds changed.

    :param depth: :data:`SEEDS`, :data:`STREAM` or :data:`DEEP`; nothing: as it is, while the seeds are.
    :param force: make a new version even where nothing changed.
    :param rng: see :func:`promote`, and for ``progress`` that and :func:`deepen`; seeds alone report nothing.
    :raises LearnError: if the task cannot be learned as it is.
    """
    before = store.heads.active(reader.task.name)
    had = before.depth if before is not None else SEEDS
    # Layers that learned changed seeds later on (:func:`monitor.learn.deep.refit`) were not judged with them.
    outdated = before is not None and had == DEEP and before.log_loss is None
    force = force or (depth == SEEDS and had != SEEDS) or (depth is not None and outdated)
    made = adapt_reader(store, featurizer, reader, now, force=force, plain=depth is not None) is not None
    if depth == STREAM and had == DEEP and not made:
        # its layers have seen the very seeds that would have to judge the stream
        return Learned(made, "not promoted to depth stream: it has layers of its own; learn from seeds first")
    if depth == STREAM:
        promotion = promote(store, featurizer, reader, now, rng=rng, progress=progress)
    elif depth == DEEP and (made or had != DEEP):
        promotion = deepen(store, featurizer, reader, now, progress=progress)
    else:
        return Learned(made)
    if promotion.head is None:
        return Learned(made, f"not promoted to depth {depth}: {promotion.reason}")
    return Learned(True)


def promote(
    store: Store,
    featurizer: Featurizer,
    reader: Reader,
    now: datetime,
    *,
    rng: np.random.Generator,
    progress: Callable[[int], None] | None = None,
) -> Promotion:
    """Learn the task from its seeds and the documents of the store, in the view that its head reads.

    ``reader`` has a head (see :func:`monitor.pipeline.learning.heads.adapt_reader`), which stays in use
    unless seeds that were left out are told no worse with the stream. ``progress`` is called
    with the number of documents looked at since the last call.

    :raises LearnError: if the task cannot be learned as it is.
    """
    head, task = reader.head, reader.task
    assert head is not None
    seeds = [stored.seed for stored in store.tasks.seeds(task.name)]
    texts = np.zeros((0, head.weight.shape[1]), np.float32)
    if not task.multi:
        texts = unlabelled(store, featurizer, reader, head.view, now, progress=progress)
    support = gather(task, seeds, partial(featurizer.matrices, now=now), [head.view])[head.view]
    made, fit = stream_head(task, head, support, texts, rng)
    if not fit.promoted:
        return Promotion(None, fit.reason, len(texts))
    learned = f"{len(seeds)} seeds and {len(texts)} texts of the stream"
    stored = keep_head(
        store,
        featurizer,
        reader,
        seeds,
        made,
        depth=STREAM,
        reason=_reason(learned, fit.score_before),
        score=Score(-fit.score, None, len(labelled(seeds))),
        now=now,
    )
    return Promotion(stored, fit.reason, len(texts))


def deepen(
    store: Store,
    featurizer: Featurizer,
    reader: Reader,
    now: datetime,
    *,
    progress: Callable[[int], None] | None = None,
) -> Promotion:
    """Give the task upper layers of its own, fine-tuned on its seeds, in place of the view that its head reads.

    As :func:`promote`, but the stream is not read. ``progress`` is called with 1 after each step of
    the training.

    :raises LearnError: if the encoder cannot be fine-tuned.
    """
    head, task = reader.head, reader.task
    assert head is not None
    seeds = [stored.seed for stored in store.tasks.seeds(task.name)]
    fit = fit_deep(task, seeds, featurizer.encoder, head, progress=progress)
    if not fit.promoted:
        return Promotion(None, fit.reason, 0)
    learned = f"{len(seeds)} seeds, by fine-tuning {head.view}"
    stored = keep_head(
        store,
        featurizer,
        reader,
        seeds,
        fit.head,
        depth=DEEP,
        reason=_reason(learned, fit.score_before),
        score=Score(-fit.score, fit.accuracy, len(labelled(seeds))),
        now=now,
    )
    return Promotion(stored, fit.reason, 0)


def _reason(learned: str, score_before: float) -> str:
    """What a head was made from that won against one whose score (a log-likelihood) was ``score_before``."""
    return f"{learned}; log-loss was {-score_before:.3f} without"


def unlabelled(
    store: Store,
    featurizer: Featurizer,
    reader: Reader,
    view: str,
    now: datetime,
    *,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Features ``(m, d)`` of what the task reads in the newest documents, each text once, seeds left out.

    Kept features are used; of texts without, the newest :data:`ENCODED` are encoded and kept.
    """
    unmet = Unmet(reader, (stored.seed.text for stored in store.tasks.seeds(reader.task.name)))
    rows: list[np.ndarray] = []
    for part in recent(store, featurizer, unmet, view, now, encoded=ENCODED):
        rows += list(part.features)
        if progress is not None:
            progress(part.looked_at)
    return np.stack(rows) if rows else np.zeros((0, 0), np.float32)
