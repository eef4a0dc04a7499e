"""For tests of plugins: contract checks, fast parts, and a store to work on.

A plugin's tests call :func:`check_source`, :func:`check_task_adapter`, :func:`check_notifier`
or :func:`check_encoder`; each raises ``AssertionError`` that says which clause of the
contract (see :mod:`monitor.interfaces`) does not hold. With
``pytest_plugins = ["monitor.testing"]`` in ``conftest.py`` the fixtures ``monitor_store`` and
``monitor_now`` are there as well.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitor.errors import DeliveryError, SourceError
from monitor.interfaces import Encoder, Notifier, Part, Source, TaskAdapter
from monitor.moments import moment
from monitor.pipeline.intake import accepted, fault
from monitor.store import Store
from monitor.types import NO_LABEL, Batch, Document, Notification, Seed, StoredDocument

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
"""The time at which tests take place, unless they say another."""


class HashEncoder(Encoder):
    """A fast encoder for tests: words are hashed into a few hundred dimensions.

    Texts that share words are near each other, so that a few seeds are enough to tell apart
    what is told apart by its words.
    """

    name = "hash"
    dimension = 256

    @property
    def fingerprint(self) -> str:
        return f"hash-{self.dimension}"

    def encode(
        self,
        texts: Sequence[str],
        views: Sequence[str] = ("base",),
        *,
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, np.ndarray]:
        rows = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()) or [""]:
                place = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=4).digest(), "big")
                row[place % self.dimension] += 1 if place & 0x10000 else -1
            if not row.any():
                row[0] = 1
            row /= np.linalg.norm(row)
        if progress is not None:
            progress(len(texts))
        return dict.fromkeys(views, rows)


class Recorder(Notifier):
    """Keeps what it is asked to send in :attr:`sent`; raises :attr:`error` first, if that is set."""

    name = "recorder"

    def __init__(self, settings: Any = None, base: Path = Path()) -> None:
        super().__init__(settings, base)
        self.sent: list[Notification] = []
        self.error: BaseException | None = None

    def send(self, notification: Notification) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append(notification)


def make(part: type[Part], base: Path, **settings: Any) -> Any:
    """A part made as the core makes it: with its settings checked."""
    return part(part.Settings.model_validate(settings), base)


def stored_document(text: str, **fields: Any) -> StoredDocument:
    """A document as task adapters get it; any field can be set."""
    values: dict[str, Any] = {
        "id": 1,
        "source": "test",
        "external_id": "1",
        "thread": "",
        "role": "publisher",
        "title": "",
        "text": text,
        "url": "",
        "published_at": NOW,
        "fetched_at": NOW,
        "event_at": NOW,
        "live": True,
    }
    return StoredDocument(**values | fields)


def check_source(source: Source, *, now: datetime = NOW, at_least: int = 1) -> list[Document]:
    """Check a source that has at least ``at_least`` documents to give; returns them.

    It is read from the start, resumed from every cursor it gave (after a round trip through
    JSON), and read again: nothing may be lost, and nothing may get another identity.
    """
    batches = list(source.fetch({}, now))
    for batch in batches:
        _check_batch(batch)
    documents = [document for batch in batches for document in batch.documents]
    assert len(documents) >= at_least, f"the source gave {len(documents)} documents, not {at_least}"
    texts: dict[str, str] = {}
    for document in documents:
        first = texts.setdefault(document.external_id, document.text)
        assert document.local or first == document.text, (
            f"{document.external_id!r} is the external_id of two texts"
        )
    ids = list(texts)
    for number, batch in enumerate(batches):
        before = [d.external_id for b in batches[: number + 1] for d in b.documents]
        resumed = [d.external_id for b in source.fetch(_json(batch.cursor), now) for d in b.documents]
        lost = set(ids) - set(before) - set(resumed)
        assert not lost, f"resumed after batch {number + 1}, the source never gave {sorted(lost)[:3]}"
        strange = set(resumed) - set(ids)
        assert not strange, f"resumed, the source gave other identities: {sorted(strange)[:3]}"
    again = [d.external_id for b in source.fetch({}, now) for d in b.documents]
    assert set(again) == set(ids), "read again from the start, the same records must have the same identities"
    assert isinstance(source.describe(), str), "describe() must return a text"
    assert source.describe(), "describe() must not be empty"
    source.close()
    return documents


def check_failing_source(source: Source, *, now: datetime = NOW) -> SourceError:
    """Check that a source that cannot be read says so; returns what it raised."""
    with pytest.raises(SourceError) as caught:
        for _ in source.fetch({}, now):
            pass
    _check_message(caught.value)
    return caught.value


def check_task_adapter(adapter: TaskAdapter) -> None:
    """Check a task adapter's labels, seeds and reading."""
    labels = adapter.labels()
    assert isinstance(labels, Mapping), f"labels() must give a mapping, not {type(labels).__name__}"
    for label, description in labels.items():
        assert isinstance(label, str), f"a label must be a text, not {label!r}"
        assert isinstance(description, str), (
            f"the description of {label!r} must be a text, not {description!r}"
        )
        assert label.strip() == label, f"{label!r} has blanks around it"
        assert label, "a label is empty"
        assert description, f"the label {label!r} has no description"
        assert "\n" not in description, f"the description of {label!r} has more than one line"
    seeds = adapter.seeds()
    for seed in seeds:
        assert isinstance(seed, Seed), f"seeds() must give Seed objects, not {type(seed).__name__}"
        assert isinstance(seed.text, str), f"the text of a seed must be a text, not {seed.text!r}"
        assert seed.label in (*labels, NO_LABEL), (
            f"the seed {seed.text[:40]!r} has the unknown label {seed.label!r}"
        )
        assert seed.text.strip(), f"a seed of {seed.label!r} is empty"
    pairs = [(seed.text, seed.label) for seed in seeds]
    assert len(set(pairs)) == len(pairs), "a seed is there twice"
    for role in ("publisher", "customer", "agent"):
        document = stored_document("The parcel came late.", title="Delivery", role=role)
        text = adapter.read(document)
        assert text is None or isinstance(text, str), "read() must return a text or None"
        assert text == adapter.read(document), "read() must depend on the document alone"


def check_notifier(notifier: Notifier, received: Callable[[], Sequence[str]]) -> None:
    """Check that a notifier delivers: ``received`` returns all that arrived, as texts.

    For channels that have a place for the key, test yourself that it is the same each time.
    """
    before = len(received())
    notification = sample_notification()
    notifier.send(notification)
    arrived = received()[before:]
    assert len(arrived) == 1, f"one notification must arrive once, not {len(arrived)} times"
    assert notification.title in arrived[0], "the title must arrive"
    assert isinstance(notifier.describe(), str), "describe() must return a text"
    assert notifier.describe(), "describe() must not be empty"
    notifier.close()


def check_failing_notifier(notifier: Notifier, *, permanent: bool) -> DeliveryError:
    """Check that a notifier that cannot deliver says so, and whether a retry can help."""
    with pytest.raises(DeliveryError) as caught:
        notifier.send(sample_notification())
    assert caught.value.permanent is permanent, f"permanent must be {permanent} here"
    _check_message(caught.value)
    return caught.value


def check_encoder(encoder: Encoder) -> None:
    """Check that an encoder gives unit rows, in each view, that do not depend on the company they are in."""
    texts = ["Profit fell.", "", "The parcel never came, and nobody answers the phone. " * 20, "利润 📉"]
    done: list[int] = []
    assert encoder.views[:1] == ("base",), f"the first view must be base, not {encoder.views[:1]}"
    found = encoder.encode(texts, encoder.views, progress=done.append)
    assert set(found) == set(encoder.views), f"asked for {encoder.views}, but got {tuple(found)}"
    assert sum(done) == len(texts), f"progress was told of {sum(done)} texts, not {len(texts)}"
    for rows in found.values():
        assert rows.dtype == np.float32, f"features must be float32, not {rows.dtype}"
        assert rows.ndim == 2, f"features must have shape (n, d), not {rows.shape}"
        assert len(rows) == len(texts), f"{len(texts)} texts gave {len(rows)} rows"
        assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-4), "rows must have length 1"
    for place, text in enumerate(texts):
        for view, rows in encoder.encode([text], encoder.views).items():
            alike = float(rows[0] @ found[view][place])  # half precision leaves less than a thousandth
            assert alike > 0.9995, f"{text[:20]!r} alone has other features: cosine {alike:.4f}"
    assert encoder.encode([])["base"].shape[0] == 0, "no texts must give no rows"
    for text in texts:
        assert 0 <= encoder.reads(text) <= len(text), (
            f"{encoder.reads(text)} of {len(text)} characters are read"
        )
        assert isinstance(encoder.as_read(text), str), f"{text[:20]!r} is read as {encoder.as_read(text)!r}"
        assert 0 <= encoder.unread(text) <= 1, f"unread says {encoder.unread(text)}, which is no share"
    strange = set(encoder.prior(["good", "bad"])) - set(encoder.views)
    assert not strange, f"prior speaks of views that there are not: {sorted(strange)}"
    assert encoder.fingerprint, "the fingerprint must not be empty"
    assert encoder.fingerprint == encoder.fingerprint, "the fingerprint must not change"


def sample_notification(event: str = "firing") -> Notification:
    """A notification to try a notifier with."""
    return Notification(
        key="00112233445566778899aabbccddeeff",
        event=event,  # type: ignore[arg-type]
        title="bad-news: topic litigation, sentiment negative: 12 where 0.6 are usual",
        body="12 texts in 1 h where 0 to 3 (0.6 on average) are usual at this hour; history of 21 days.",
        data={"id": 1, "rule": "bad-news", "state": event, "fired_at": moment(NOW), "documents": []},
        at=NOW,
    )


@pytest.fixture
def monitor_now() -> datetime:
    """A fixed time."""
    return NOW


@pytest.fixture
def monitor_store(tmp_path: Path) -> Iterator[Store]:
    """An empty store in a file of its own."""
    store = Store(tmp_path / "monitor.db")
    yield store
    store.close()


def _check_message(error: SourceError | DeliveryError) -> None:
    message = str(error)
    assert message, "the error must say what is wrong"
    assert len(message.splitlines()) == 1, "the error must be one line"
    asked = getattr(error, "asked", None)
    assert asked is None or (isinstance(asked, int | float) and error.retry_after is not None), (
        f"retry_after must be a number of seconds, 0 or more (monitor.http.retry_after reads a header), not {asked!r}"
    )


def _check_batch(batch: Batch) -> None:
    assert isinstance(batch, Batch), f"fetch must yield Batch objects, not {type(batch).__name__}"
    for name in ("documents", "bad"):
        held = getattr(batch, name)
        assert isinstance(held, Sequence), f"`{name}` must be a tuple, not {type(held).__name__}"
    try:
        accepted(batch)
    except SourceError as error:
        raise AssertionError(str(error)) from None
    assert _json(batch.cursor) == dict(batch.cursor), "a cursor must survive a round trip through JSON"
    for document in batch.documents:
        _check_document(document)
    for record in batch.bad:
        assert record.reason, "a bad record must say why it could not be used"
        for name in ("reason", "place", "raw"):
            said = getattr(record, name)
            assert isinstance(said, str), f"{name} of a bad record must be a text, not {type(said).__name__}"


def _check_document(document: Document) -> None:
    wrong = fault(document)
    assert wrong is None, f"the document {document.external_id!r}: {wrong}"
    time = document.published_at
    assert time is None or time.utcoffset() == timedelta(0), "published_at must be in UTC"


def _json(value: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(dict(value)))
    return found
