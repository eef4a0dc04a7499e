"""From pending to classified: one encoder pass, every task's head, one transaction."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from monitor.alerts.rules import Rule
from monitor.mentions import Mentions
from monitor.pipeline.judging.attempts import Attempt, plainly
from monitor.pipeline.judging.series import judge_due
from monitor.pipeline.judging.watching import watch_documents
from monitor.pipeline.learning.featurizer import Featurizer, Vectors
from monitor.pipeline.learning.readers import Reader
from monitor.store import Store
from monitor.store.documents import Version
from monitor.store.features import text_hash
from monitor.store.predictions import Answer
from monitor.types import StoredDocument

log = logging.getLogger(__name__)

BATCH = 256
HARMLESS = "ready?"
NO_MENTIONS = Mentions({})


def classify_pending(
    store: Store,
    featurizer: Featurizer,
    readers: Sequence[Reader],
    rules: Sequence[Rule],
    now: datetime,
    limit: int = BATCH,
    mentions: Mentions = NO_MENTIONS,
    attempt: Attempt = plainly,
) -> int:
    """Classify up to ``limit`` pending documents and judge the series they touch.

    No transaction is open while the encoder runs; then features, predictions, counts, the
    documents' state, alerts and their notifications are written in one. A document whose text was
    edited meanwhile stays pending. Returns how many documents were dealt with.
    """
    pending = store.documents.pending(limit)
    if not pending:
        return 0
    answers, fresh = _answers(store, featurizer, readers, pending)
    with store.transaction():
        featurizer.keep(fresh, now)
        for item, answer in zip(pending, answers, strict=True):
            if isinstance(answer, str):
                store.documents.failed(item.document.id, answer)
                log.error(
                    "document %d failed: %s", item.document.id, answer, extra={"document": item.document.id}
                )
            elif store.documents.classified(item.document.id, item.content_hash):
                named = mentions.of(item.document.title, item.document.text)
                store.predictions.record(item.document.id, answer, named)
        store.heads.answered({reader.task.name: reader.head_id for reader in readers})
        judge_due(store, rules, now, attempt)
        news = [item.document.id for item in pending if not item.reread]
        watch_documents(store, rules, news, now, attempt)
    return len(pending)


def _answers(
    store: Store,
    featurizer: Featurizer,
    readers: Sequence[Reader],
    pending: Sequence[Version],
    *,
    part: bool = False,
) -> tuple[list[dict[str, Answer] | str], Vectors]:
    """Answers by task for each document (or why there are none), and the fresh features.

    Where the encoder raises, halves are tried, so that one text cannot hold up the others. If
    it raises on every text, or on one that harms nobody, it is the encoder's fault: the error goes up, the
    documents wait.

    :param part: they are part of a batch; whether all of that fail is still to be seen.
    """
    documents = [item.document for item in pending]
    try:
        answers, fresh = answer(featurizer, readers, documents)
        return list(answers), fresh
    except Exception as error:
        if len(pending) == 1:
            if store.documents.count("classified") == 0:
                raise
            # live texts come one by one: whether it is this one's fault, another one tells
            views = dict.fromkeys(reader.head.view for reader in readers if reader.head is not None)
            featurizer.encoder.encode([HARMLESS], tuple(views) or ("base",))
            return [f"{type(error).__name__}: {error}"], {}
        halves = [pending[: len(pending) // 2], pending[len(pending) // 2 :]]
        parts = [_answers(store, featurizer, readers, half, part=True) for half in halves]
        joined = parts[0][0] + parts[1][0]
        if not part and all(isinstance(item, str) for item in joined):
            raise
        views = dict.fromkeys([*parts[0][1], *parts[1][1]])
        return joined, {view: parts[0][1].get(view, {}) | parts[1][1].get(view, {}) for view in views}


def answer(
    featurizer: Featurizer, readers: Sequence[Reader], documents: Sequence[StoredDocument]
) -> tuple[list[dict[str, Answer]], Vectors]:
    """What every task says of each document, and the fresh features. Writes nothing."""
    texts = {
        (n, reader.task.name): text
        for reader in readers
        if reader.head is not None
        for n, document in enumerate(documents)
        if (text := reader.read(document)) is not None
    }
    wanted: dict[str, list[str]] = {}
    for reader in readers:
        if reader.head is not None:
            own = [text for (_, task), text in texts.items() if task == reader.task.name]
            wanted.setdefault(reader.head.view, []).extend(own)
    vectors, fresh = featurizer.vectors(wanted)
    answers: list[dict[str, Answer]] = [{} for _ in documents]
    for reader in readers:
        concerned = [n for n in range(len(documents)) if (n, reader.task.name) in texts]
        if reader.head is None or not concerned:
            continue
        known = vectors[reader.head.view]
        own = [texts[n, reader.task.name] for n in concerned]
        features = np.stack([known[text_hash(text)] for text in own])
        for n, predictions in zip(concerned, reader.answer(own, features), strict=True):
            answers[n][reader.task.name] = Answer(predictions, reader.head_id)
    return answers, fresh
