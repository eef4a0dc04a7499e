"""What a source yields against its contract: one document costs no other, and nothing loops without a word."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from monitor.errors import SourceError
from monitor.runtime import Runtime
from monitor.types import BadRecord, Batch, Document


@pytest.fixture
def runtime(make_runtime: Callable[..., Runtime]) -> Runtime:
    return make_runtime()


def test_a_document_that_breaks_the_contract_is_kept_aside_with_its_reason(
    runtime: Runtime, monitor_now: datetime
) -> None:
    wrong: list[tuple[Any, str]] = [
        (Document(None, "x"), "external_id must be a text, not None"),
        (Document(5, "x"), "external_id must be a text, not int"),
        (Document(b"x", "x"), "external_id must be a text, not bytes"),
        (Document(" ", "x"), "has no external_id"),
        (Document("1", None), "text must be a text, not None"),
        (Document("1", b"bytes"), "text must be a text, not bytes"),
        (Document("1", "x", title=None), "title must be a text, not None"),
        (Document("1", "x", url=None), "url must be a text, not None"),
        (Document("1", "x", thread=5), "thread must be a text, not int"),
        (Document("1", " \n", title=" "), "has neither a text nor a title"),
        (Document("1", "x", role="bot"), "has the unknown role 'bot'; known: customer, agent, publisher"),
        (Document("1", "x", role=["agent"]), "has the unknown role ['agent']; known: customer, agent, publisher"),
        (Document("1", "x", published_at="2026-03-02"), "published_at must be a datetime or None, not str"),
        (Document("1", "x", published_at=date(2026, 3, 2)), "published_at must be a datetime or None, not date"),
        (Document("1", "x", published_at=datetime(2026, 3, 2)), "published_at does not know its time zone"),  # noqa: DTZ001
    ]  # fmt: skip
    runtime.sources["news"].waiting = [*(document for document, _ in wrong), Document("good", "a good text")]
    got = runtime.fetch("news", monitor_now)
    assert (got.new, got.bad) == (1, len(wrong))
    kept = list(reversed(runtime.store.sources.bad("news", 100)))
    assert [record.reason for record in kept] == [reason for _, reason in wrong]
    assert (kept[4].place, kept[5].raw) == ("document '1'", "b'bytes'")
    while runtime.classify(monitor_now):
        pass
    assert runtime.store.documents.count("classified") == 1


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        ([Document("1", "x")], "yielded list instead of a Batch"),
        (None, "yielded None instead of a Batch"),
        (Batch(None), "documents of the plugin's batch must hold Document objects, not be None"),
        (Batch(({"text": "x"},)), "documents of the plugin's batch must hold Document objects, not dict"),
        (Batch(bad=("no text",)), "bad of the plugin's batch must hold BadRecord objects, not str"),
        (Batch(cursor=None), "the plugin's cursor must be a mapping, not None"),
        (Batch(cursor=[1]), "the plugin's cursor must be a mapping, not list"),
        (Batch(cursor={1: 2}), "the plugin's cursor must have texts as keys, as JSON has, not 1"),
        (Batch(cursor={"at": float("nan")}), "the plugin's cursor cannot be written as JSON"),
        (Batch(cursor={"at": datetime(2026, 3, 2, tzinfo=UTC)}), "the plugin's cursor cannot be written as JSON"),
    ],
)  # fmt: skip
def test_a_batch_that_is_none_is_a_failure_of_the_source(
    runtime: Runtime, monitor_now: datetime, batch: Any, said: str
) -> None:
    runtime.sources["news"].waiting = [Document("1", "a good text"), batch]
    with pytest.raises(SourceError, match=said):
        runtime.fetch("news", monitor_now)
    state = runtime.store.sources.get("news")
    assert state is not None
    assert (state.failures, state.cursor) == (1, {"count": 1}), "what came before it is kept"
    assert said in (state.last_error or "")


def test_lists_and_generators_are_as_good(runtime: Runtime, monitor_now: datetime) -> None:
    batch: Any = Batch((Document(str(n), "a text") for n in range(3)), [BadRecord("no text")], {"n": 1})
    runtime.sources["news"].waiting = [batch]
    got = runtime.fetch("news", monitor_now)
    assert (got.new, got.bad) == (3, 1)


def test_a_bad_record_needs_no_texts(runtime: Runtime, monitor_now: datetime) -> None:
    strange: Any = [BadRecord(None, None, None), BadRecord("half \ud83d", 5, b"\xff")]  # type: ignore[arg-type]
    runtime.sources["news"].waiting = strange
    assert runtime.fetch("news", monitor_now).bad == 2
    found = [(record.reason, record.place, record.raw) for record in runtime.store.sources.bad("news")]
    assert found == [("half \ufffd", "5", "b'\\xff'"), ("the plugin does not say why", "", "")]


def test_an_emoji_that_was_cut_in_two_blocks_nothing(runtime: Runtime, monitor_now: datetime) -> None:
    half = "half \ud83d"
    runtime.sources["news"].waiting = [
        Document("a\ud83d", half, title=half, url="http://x/\ude00", thread="t\ud83d"),
        Document("a\ud83e", "both \ud83d\ude00"),
        Document("a \N{GRINNING FACE}", "as it should be \N{GRINNING FACE}"),
    ]
    assert runtime.fetch("news", monitor_now).new == 3
    while runtime.classify(monitor_now):
        pass
    found = {document.external_id: document for document in runtime.store.documents.find()}
    first, second = found["a\\ud83d"], found["a\\ud83e"]
    assert (first.text, first.title) == ("half \ufffd", "half \ufffd")
    assert (first.url, first.thread) == ("http://x/\ufffd", "t\\ud83d")
    assert second.text == "both \N{GRINNING FACE}"
    assert found["a \N{GRINNING FACE}"].text == "as it should be \N{GRINNING FACE}"
    assert runtime.store.documents.count("classified") == 3


def test_times_of_other_zones_count_and_those_that_cannot_be_claim_nothing(
    runtime: Runtime, monitor_now: datetime
) -> None:
    east, west = timezone(timedelta(hours=9)), timezone(timedelta(hours=-9))
    runtime.sources["news"].waiting = [
        Document("tokyo", "a text", published_at=datetime(2026, 3, 2, 9, tzinfo=east)),
        Document("zero", "a text", published_at=datetime(1, 1, 1, tzinfo=UTC)),
        Document("last", "a text", published_at=datetime(9999, 12, 31, 23, tzinfo=west)),
    ]
    assert runtime.fetch("news", monitor_now).new == 3
    while runtime.classify(monitor_now):
        pass
    found = {document.external_id: document.published_at for document in runtime.store.documents.find()}
    assert found == {"tokyo": datetime(2026, 3, 2, tzinfo=UTC), "zero": None, "last": None}
