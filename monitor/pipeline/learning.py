"""From seeds to heads, and from new heads to new answers about the past."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import numpy as np

from monitor.learn.adapt import adapt
from monitor.learn.head import decide, probabilities
from monitor.pipeline.featurizer import Featurizer
from monitor.pipeline.readers import Reader, take_head
from monitor.store import Store
from monitor.store.features import text_hash
from monitor.store.heads import StoredHead
from monitor.store.predictions import Answer
from monitor.types import Seed, Task

log = logging.getLogger(__name__)

LEARNER = 2
"""Raised when the learner changes what it makes of the same seeds, so that heads are made anew."""
CHUNK = 1000


def adapt_reader(
    store: Store, featurizer: Featurizer, reader: Reader, now: datetime, *, force: bool = False
) -> StoredHead | None:
    """Make a head from the task's seeds if they, or the encoder, changed since the last one.

    Returns the new head, in use, or ``None`` where nothing changed.

    :raises LearnError: if the task cannot be learned as it is.
    """
    task = reader.task
    seeds = [stored.seed for stored in store.tasks.seeds(task.name)]
    inputs = fingerprint(task, seeds, featurizer.encoder.fingerprint)
    current = store.heads.active(task.name)
    if current is not None and current.inputs == inputs and not force:
        return None
    head = adapt(
        task,
        seeds,
        lambda texts, views: featurizer.matrices(texts, views, now),
        encoder_fingerprint=featurizer.encoder.fingerprint,
        views=featurizer.encoder.views,
        prior=featurizer.encoder.prior,
    )
    stored = store.heads.add(
        task.name,
        inputs=inputs,
        encoder=featurizer.encoder.fingerprint,
        seeds=len(seeds),
        data=head.to_bytes(),
        now=now,
    )
    take_head(store, reader, featurizer.encoder.fingerprint)
    log.info("task %s: head %d from %d seeds", task.name, stored.version, len(seeds))
    return stored


def relabel(
    store: Store,
    featurizer: Featurizer,
    reader: Reader,
    now: datetime,
    *,
    window: float,
    progress: Callable[[int], None] | None = None,
) -> int | None:
    """Let the task's head read the documents of the last ``window`` seconds again.

    Kept features are used, so hardly anything is encoded. The answers and the rebuilt series
    are swapped in by one transaction, and no alert fires or resolves for it. Returns how many
    documents got other labels, ``None`` where the head has read them already. ``progress`` is
    called with the number of documents read since the last call.
    """
    stored = store.heads.active(reader.task.name)
    if stored is None or stored.relabelled:
        return None
    take_head(store, reader, featurizer.encoder.fingerprint)
    if reader.head is None:
        return None
    oldest = now - timedelta(seconds=window)
    answers: list[tuple[int, Answer | None]] = []
    after = 0
    while ids := store.predictions.stale(reader.task.name, stored.id, after, CHUNK):
        after = ids[-1]
        documents = [d for d in store.documents.many(ids) if d.event_at >= oldest]
        texts = [reader.read(document) for document in documents]
        view = reader.head.view
        vectors, fresh = featurizer.vectors({view: [text for text in texts if text is not None]})
        featurizer.keep(fresh, now)
        read = [n for n, text in enumerate(texts) if text is not None]
        answers += [(documents[n].id, None) for n in range(len(documents)) if texts[n] is None]
        if read:
            features = np.stack([vectors[view][text_hash(texts[n] or "")] for n in read])
            decided = decide(reader.head, probabilities(reader.head, features))
            answers += [
                (documents[n].id, Answer(predictions, stored.id))
                for n, predictions in zip(read, decided, strict=True)
            ]
        if progress is not None:
            progress(len(ids))
    changed = store.predictions.swap(reader.task.name, stored.id, answers)
    if answers:
        log.info("task %s: %d documents read again, %d changed", reader.task.name, len(answers), changed)
    return changed


def fingerprint(task: Task, seeds: Sequence[Seed], encoder: str) -> str:
    """Identifies what a head is made from."""
    parts = [
        LEARNER,
        encoder,
        list(task.labels.items()),
        task.multi,
        task.threshold,
        sorted((seed.label, seed.text) for seed in seeds),
    ]
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()
