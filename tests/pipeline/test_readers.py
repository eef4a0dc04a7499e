"""Heads in the database that cannot be read: damaged, or of a format that this program does not know."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from monitor.errors import LearnError
from monitor.learn.head import FORMAT, Head
from monitor.pipeline.learning.heads import revert
from monitor.pipeline.learning.readers import Reader, Unmet, load_readers
from monitor.runtime import Runtime
from monitor.testing import stored_document
from monitor.types import Document, Seed, StoredDocument, legible


@pytest.fixture
def runtime(make_runtime: Callable[..., Runtime]) -> Runtime:
    return make_runtime()


def damage(runtime: Runtime, data: bytes | None = None, where: str = "active = 1") -> None:
    """Cut what the heads of the task ``mood`` hold, or put ``data`` in its place."""
    new = "substr(data, 1, 100)" if data is None else "?"
    given = [] if data is None else [data]
    runtime.store.db.execute(f"update heads set data = {new} where task = 'mood' and {where}", given)


def load(runtime: Runtime) -> Reader:
    readers = load_readers(runtime.store, runtime.plugins, runtime.config.base, runtime.encoder)
    return next(reader for reader in readers if reader.task.name == "mood")


def of_format(head: bytes, number: int) -> bytes:
    return head.replace(f'\\"format\\": {FORMAT}'.encode(), f'\\"format\\": {number}'.encode())


def active(runtime: Runtime) -> bytes:
    head = runtime.store.heads.active("mood")
    assert head is not None
    return head.data


def second_version(runtime: Runtime, now: datetime) -> None:
    runtime.store.tasks.add_seeds("mood", [Seed("zeppelin", "bad")], now)
    assert runtime.learn(now) == ["mood"]


@pytest.mark.parametrize("read", [5, b"bytes", ["a text"], SystemExit(1), RuntimeError("no")])
def test_what_an_adapter_reads_that_is_no_text_costs_this_document_its_label_alone(
    runtime: Runtime, monitor_now: datetime, monkeypatch: pytest.MonkeyPatch, read: Any
) -> None:
    def strange(document: StoredDocument) -> Any:
        if "strange" not in document.text:
            return document.text
        if isinstance(read, BaseException):
            raise read
        return read

    mood = next(reader for reader in runtime.readers if reader.task.name == "mood")
    monkeypatch.setattr(mood.adapter, "read", strange)
    runtime.sources["news"].waiting = [Document("1", "terrible loss"), Document("2", "a strange loss")]
    runtime.fetch("news", monitor_now)
    while runtime.classify(monitor_now):
        pass
    assert runtime.store.documents.count("classified") == 2
    said = runtime.store.predictions.of([1, 2])
    assert (sorted(said[1]), sorted(said[2])) == (["mood", "topic"], ["topic"])


def test_a_text_was_met_however_its_letters_are_coded(runtime: Runtime) -> None:
    unmet = Unmet(load(runtime), ["a  Caf\u00e9"])
    documents = [
        stored_document(text) for text in ("a cafe\u0301", "another caf\u00e9", "another CAFE\u0301")
    ]
    assert [text for _, text in unmet.of(documents)] == ["another caf\u00e9"]


def test_half_a_character_in_what_an_adapter_reads_is_replaced(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    mood = next(reader for reader in runtime.readers if reader.task.name == "mood")
    monkeypatch.setattr(mood.adapter, "read", lambda document: "half \ud83d of it")
    assert mood.read(stored_document("x")) == "half \ufffd of it"


def test_a_task_that_cannot_be_learned_stops_no_other(
    runtime: Runtime, monitor_now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    with runtime.store.transaction() as connection:  # as an older version let it in
        connection.execute("""update tasks set labels = '{"bad": null, "good": ""}' where name = 'mood'""")
    runtime.store.tasks.add_seeds("topic", [Seed("zeppelin", "court")], monitor_now)
    assert runtime.learn(monitor_now) == ["topic"]
    assert "task mood could not be learned" in caplog.text


@pytest.mark.parametrize("data", [b"", b"a head of long ago", None])
def test_a_head_that_cannot_be_read_stops_nothing(
    runtime: Runtime, caplog: pytest.LogCaptureFixture, data: bytes | None
) -> None:
    damage(runtime, data)
    assert load(runtime).head is None
    assert "task mood, head 1 is not used: the head's bytes are damaged: adapt the task again" in caplog.text


def test_numbers_that_are_none_are_damage(runtime: Runtime) -> None:
    head = Head.from_bytes(active(runtime))
    head.weight[0, 0] = np.nan
    with pytest.raises(LearnError, match="damaged"):
        Head.from_bytes(head.to_bytes())


@pytest.mark.parametrize("kind", ["cut", "format"])
def test_it_is_learned_again_before_the_next_document(
    runtime: Runtime, monitor_now: datetime, kind: str
) -> None:
    damage(runtime, None if kind == "cut" else of_format(active(runtime), 2))
    assert load(runtime).head is None
    assert runtime.learn(monitor_now) == ["mood"]
    head = runtime.store.heads.active("mood")
    assert head is not None
    assert (head.version, head.reason) == (
        2,
        "4 seeds; replaces version 1 of depth seeds, which cannot be read",
    )
    assert load(runtime).head_id == head.id
    runtime.sources["news"].waiting = [Document("1", "terrible loss", published_at=monitor_now)]
    runtime.fetch("news", monitor_now)
    runtime.classify(monitor_now)
    [document] = runtime.store.documents.find(words="terrible")
    [said] = runtime.store.predictions.of([document.id])[document.id]["mood"]
    assert said.label == "bad"
    assert runtime.learn(monitor_now) == [], "and once is enough"


def test_where_it_cannot_be_learned_an_older_version_answers(
    runtime: Runtime, monitor_now: datetime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    second_version(runtime, monitor_now)
    second = active(runtime)
    damage(runtime)

    def adapt(*given: object, **named: object) -> Head:
        raise LearnError("not today")

    with monkeypatch.context() as patch:
        patch.setattr("monitor.pipeline.learning.heads.adapt_and_judge", adapt)
        assert runtime.learn(monitor_now) == []
        assert "task mood: not today" in caplog.text
        assert "task mood: head 1 answers instead" in caplog.text
        runtime.sources["news"].waiting = [Document("1", "terrible loss", published_at=monitor_now)]
        runtime.fetch("news", monitor_now)
        runtime.classify(monitor_now)
        assert "mood" not in runtime.relabel(monitor_now), "the past waits for a new version"
    [document] = runtime.store.documents.find(words="terrible")
    [said] = runtime.store.predictions.of([document.id])[document.id]["mood"]
    assert said.label == "bad"
    assert runtime.learn(monitor_now) == ["mood"]
    assert active(runtime) == second
    assert "mood" in runtime.relabel(monitor_now)


def test_an_older_version_with_other_labels_does_not_answer(runtime: Runtime, monitor_now: datetime) -> None:
    second_version(runtime, monitor_now)
    damage(runtime)
    labels = '{"bad": "", "good": "", "calm": ""}'
    runtime.store.db.execute("update tasks set labels = ? where name = 'mood'", [labels])
    assert load(runtime).head is None


def test_nobody_goes_back_to_a_damaged_version(runtime: Runtime, monitor_now: datetime) -> None:
    second_version(runtime, monitor_now)
    damage(runtime, where="version = 1")
    with pytest.raises(
        LearnError, match=r"version 1 of task 'mood' cannot .* --force.*the head's bytes are damaged"
    ):
        revert(runtime.store, "mood", runtime.encoder.fingerprint)
    assert load(runtime).head is not None


@pytest.mark.parametrize("text", ["\u200b", "\ufeff \u0001", "\u2060\n"])
def test_a_text_in_which_there_is_nothing_to_see_gets_no_label(
    runtime: Runtime, monitor_now: datetime, text: str
) -> None:
    runtime.sources["news"].waiting = [Document("1", text, published_at=monitor_now)]
    runtime.fetch("news", monitor_now)
    while runtime.classify(monitor_now):
        pass
    for document in runtime.store.documents.find():
        assert runtime.store.predictions.of([document.id]).get(document.id, {}) == {}


def test_a_picture_is_something_to_see() -> None:
    assert legible("\N{ROCKET}")
    assert not legible(" \N{ZERO WIDTH SPACE}\t")
