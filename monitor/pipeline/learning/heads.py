"""From seeds to heads, and from new heads to new answers about the past."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

import numpy as np

from monitor.errors import LearnError
from monitor.interfaces import Encoder
from monitor.learn.adapt import Adapted, adapt_and_judge
from monitor.learn.deep import fits_again, refit
from monitor.learn.head import Head
from monitor.learn.score import Score
from monitor.learn.support import Encode
from monitor.pipeline.learning.featurizer import Featurizer
from monitor.pipeline.learning.inputs import fingerprint
from monitor.pipeline.learning.readers import Reader, examples_of, read_head, take_head
from monitor.store import Store
from monitor.store.features import text_hash
from monitor.store.heads import StoredHead
from monitor.store.predictions import Answer, Reread
from monitor.types import Seed, StoredDocument, Task, folded

log = logging.getLogger(__name__)

CHUNK = 1000


def adapt_reader(
    store: Store,
    featurizer: Featurizer,
    reader: Reader,
    now: datetime,
    *,
    force: bool = False,
    plain: bool = False,
) -> StoredHead | None:
    """Make a head from the task's seeds if they, or the encoder, changed since the last one, or it cannot be read.

    A version that was reverted to stays until something changes after that. Returns the new
    head, in use, or ``None`` where nothing changed; either way ``reader`` has the one in use.

    :param force: make a new one even where nothing changed.
    :param plain: and with ``force``: from the encoder's own views. Else a task that was fine-tuned learns changed
        seeds in its own layers.
    :raises LearnError: if the task cannot be learned as it is.
    """
    task, encoder = reader.task, featurizer.encoder
    seeds = [stored.seed for stored in store.tasks.seeds(task.name)]
    if not force and _stands(store.heads.active(task.name), reader, seeds, encoder):
        take_head(store, reader, encoder)
        return None
    before = None if force or plain else store.heads.active(task.name)
    head, score = _learned(task, seeds, partial(featurizer.matrices, now=now), encoder, before)
    depth = "deep" if head.change else "seeds" if seeds else "names"
    with store.transaction():
        current = store.heads.active(task.name)
        if not force and _stands(current, reader, seeds, encoder):
            take_head(store, reader, encoder)
            return None  # somebody reverted meanwhile
        return keep_head(
            store,
            featurizer,
            reader,
            seeds,
            head,
            depth=depth,
            reason=_reason(len(seeds), current, encoder, force=force, kept=bool(head.change)),
            score=score,
            now=now,
        )


def keep_head(
    store: Store,
    featurizer: Featurizer,
    reader: Reader,
    seeds: Sequence[Seed],
    head: Head,
    *,
    depth: str,
    reason: str,
    score: Score | None,
    now: datetime,
) -> StoredHead:
    """Store a head that a task made from ``seeds`` as its newest version, and let ``reader`` take it up."""
    encoder, name = featurizer.encoder, reader.task.name
    stored = store.heads.add(
        name,
        inputs=fingerprint(reader.task, reader.settings, seeds, encoder.fingerprint),
        encoder=encoder.fingerprint,
        seeds=len(seeds),
        data=head.to_bytes(),
        now=now,
        depth=depth,
        view=head.view,
        log_loss=None if score is None else score.log_loss,
        accuracy=None if score is None else score.accuracy,
        judged=None if score is None else score.judged,
        reason=reason,
    )
    take_head(store, reader, encoder)
    log.info("task %s: head %d from %s", name, stored.version, reason)
    return stored


def try_reader(store: Store, featurizer: Featurizer, reader: Reader) -> None:
    """Let ``reader`` have the head that :func:`adapt_reader` would put to use now, without storing anything.

    :raises LearnError: if the task cannot be learned as it is.
    """
    task, encoder = reader.task, featurizer.encoder
    seeds = [stored.seed for stored in store.tasks.seeds(task.name)]
    current = store.heads.active(task.name)
    if _stands(current, reader, seeds, encoder):
        take_head(store, reader, encoder)
        return
    reader.head, reader.head_id = _learned(task, seeds, featurizer.matrices, encoder, current).head, 0
    reader.examples = examples_of(store, task)


def revert(store: Store, name: str, encoder: str) -> StoredHead:
    """Put the version that was in use before the present one to use again.

    It stays until the task's seeds, labels or settings, or the encoder, change from what they
    are now, and is to read the past again: see :func:`relabel`.

    :param encoder: fingerprint of the encoder in use.
    :raises UnknownName: for a task that nobody knows.
    :raises LearnError: if there is none before, or it cannot be used with this encoder or these labels.
    """
    with store.transaction():
        known = store.tasks.need(name)
        task, current = known.task, store.heads.active(name)
        if current is None:
            raise LearnError(f"task {name!r} has no head yet; `monitor adapt {name}` makes one")
        before = store.heads.before(current)
        if before is None:
            raise LearnError(f"task {name!r} has no head before version {current.version} to go back to")
        again = f"cannot be used again; `monitor adapt {name} --force` makes a new version"
        if before.encoder != encoder:
            raise LearnError(f"version {before.version} of task {name!r} reads another encoder: it {again}")
        try:
            head = Head.from_bytes(before.data)
        except LearnError as error:
            raise LearnError(f"version {before.version} of task {name!r} {again} ({error})") from error
        if set(head.labels) != set(task.labels) or head.multi != task.multi:
            raise LearnError(f"version {before.version} of task {name!r} has other labels: it {again}")
        seeds = [stored.seed for stored in store.tasks.seeds(name)]
        kept_for = fingerprint(task, known.settings, seeds, encoder, learner=0)
        return store.heads.use_again(before, kept_for=kept_for)


def relabel(
    store: Store,
    featurizer: Featurizer,
    reader: Reader,
    now: datetime,
    *,
    window: float,
    progress: Callable[[int], None] | None = None,
) -> int | None:
    """Let the task's head read the documents of the last ``window`` seconds again, and older ones that are examples.

    Kept features are used, so hardly anything is encoded. The answers and the rebuilt series
    are swapped in by one transaction at the end, and no alert fires or resolves for it. Returns how many
    documents got other labels, ``None`` where the head has read them already. ``progress`` is
    called with the number of documents read since the last call.
    """
    stored = store.heads.active(reader.task.name)
    if stored is None or stored.relabelled:
        return None
    take_head(store, reader, featurizer.encoder)
    if reader.head is None or reader.head_id != stored.id:
        return None  # it cannot be read: the past waits for the one that is made in its place
    oldest, changed = now - timedelta(seconds=window), 0
    while stored is not None and stored.id == reader.head_id and not stored.relabelled:
        # once more where a batch of the head before it was written just before the answers were swapped in
        read = _read_again(store, featurizer, reader, stored.id, now, oldest, progress)
        changed += store.predictions.swap(reader.task.name, stored.id, read, since=oldest)
        stored = store.heads.active(reader.task.name)
    if changed:
        log.info("task %s: read again, %d documents have other labels", reader.task.name, changed)
    return changed


def _read_again(
    store: Store,
    featurizer: Featurizer,
    reader: Reader,
    head_id: int,
    now: datetime,
    oldest: datetime,
    progress: Callable[[int], None] | None,
) -> Iterator[Reread]:
    assert reader.head is not None
    after, view = 0, reader.head.view
    while ids := store.predictions.stale(reader.task.name, head_id, after, CHUNK):
        after = ids[-1]
        every = store.documents.versions(ids)
        old = [version.document.id for version in every if version.document.event_at < oldest]
        # a correction holds, and one that was taken back no longer does
        again = store.predictions.certain(reader.task.name, old)
        found = [(v, _text_again(reader, v.document, oldest, again)) for v in every]
        found = [(v, text) for v, text in found if text is not None or v.document.event_at >= oldest]
        versions, texts = [version for version, _ in found], [text for _, text in found]
        vectors, fresh = featurizer.vectors({view: [text for text in texts if text is not None]})
        featurizer.keep(fresh, now)
        said: list[Answer | None] = [None] * len(versions)
        read = {n: text for n, text in enumerate(texts) if text is not None}
        if read:
            features = np.stack([vectors[view][text_hash(text)] for text in read.values()])
            answers = reader.answer(list(read.values()), features)
            for n, predictions in zip(read, answers, strict=True):
                said[n] = Answer(predictions, head_id)
        for version, answer in zip(versions, said, strict=True):
            yield Reread(version.document.id, version.content_hash, answer)
        if progress is not None:
            progress(len(ids))


def _text_again(
    reader: Reader, document: StoredDocument, oldest: datetime, again: Collection[int]
) -> str | None:
    """What the task reads in a document; of one from before ``oldest``, if it is an example or one of ``again``."""
    new = document.event_at >= oldest or document.id in again
    text = reader.read(document) if new or reader.examples else None
    return text if text is None or new or folded(text) in reader.examples else None


def _learned(
    task: Task, seeds: Sequence[Seed], encode: Encode, encoder: Encoder, before: StoredHead | None
) -> Adapted:
    """A head from seeds: in the layers that the one ``before`` brought, if it did and they fit, else in a view."""
    tuned = None
    if before is not None and before.depth == "deep" and before.encoder == encoder.fingerprint:
        with suppress(LearnError):  # one that cannot be read is replaced
            tuned = read_head(before, encoder)
    if tuned is not None and seeds and fits_again(tuned, task):
        # the seeds that layers were tuned on cannot tell how good these are
        return Adapted(refit(task, seeds, encode, tuned), None)
    return adapt_and_judge(
        task,
        seeds,
        encode,
        encoder_fingerprint=encoder.fingerprint,
        views=encoder.views,
        prior=encoder.prior,
    )


def _stands(head: StoredHead | None, reader: Reader, seeds: Sequence[Seed], encoder: Encoder) -> bool:
    """Whether what ``head`` was made from, or reverted to for, is still what there is, and it can be read."""
    if head is None:
        return False
    task, settings = reader.task, reader.settings
    if head.kept_for is None:
        stands = head.inputs == fingerprint(task, settings, seeds, encoder.fingerprint)
    else:  # seeds that are those of back then again are a change as well: examples are to hold from then on
        stands = head.kept_for == fingerprint(task, settings, seeds, encoder.fingerprint, learner=0)
    return stands and _readable(head, encoder)


def _readable(head: StoredHead, encoder: Encoder) -> bool:
    if head.encoder != encoder.fingerprint:
        return True  # nobody wants to: a new one is made for this encoder
    try:
        read_head(head, encoder)
    except LearnError:
        return False
    return True


def _reason(seeds: int, current: StoredHead | None, encoder: Encoder, *, force: bool, kept: bool) -> str:
    """How a head from seeds came about, where ``current`` was in use before it, and its layers were ``kept`` or not."""
    count = f"{seeds} seed{'s' * (seeds != 1)}" if seeds else "names alone"
    if kept and current is not None:
        return f"{count}, in the layers of version {current.version}"
    if current is not None and not _readable(current, encoder):
        return f"{count}; replaces version {current.version} of depth {current.depth}, which cannot be read"
    if current is None or not (current.kept_for or current.depth in ("stream", "deep")):
        return count
    what = "that was reverted to" if current.kept_for else f"of depth {current.depth}"
    why = "by force" if force else "because seeds, labels or the encoder changed"
    return f"{count}; replaces version {current.version} {what}, {why}"
