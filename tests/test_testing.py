"""The checks that plugin authors have say which clause of a contract does not hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from monitor.errors import DeliveryError, SourceError
from monitor.interfaces import TaskAdapter
from monitor.testing import (
    Recorder,
    check_failing_notifier,
    check_failing_source,
    check_source,
    check_task_adapter,
)
from monitor.types import BadRecord, Batch, Document, Seed
from tests.conftest import ListSource


def source(*waiting: Any) -> ListSource:
    made = ListSource(None, Path())
    made.waiting = list(waiting)
    return made


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Document("1", b"bytes"), "text must be a text, not bytes"),
        (Document(b"1", "x"), "external_id must be a text, not bytes"),
        (Document("1", "x", url=b"http://x"), "url must be a text, not bytes"),
        (Document("1", "x", url=None), "url must be a text, not None"),
        (Document("1", "x", thread=None), "thread must be a text, not None"),
        (Document("1", "x", role="bot"), "has the unknown role 'bot'"),
        (Document("1", " "), "has neither a text nor a title"),
        (Document("", "x"), "has no external_id"),
        ([Document("1", "x")], "fetch must yield Batch objects, not list"),
        (Batch(None), "`documents` must be a tuple, not NoneType"),
        (Batch(d for d in [Document("1", "x")]), "`documents` must be a tuple, not generator"),
        (Batch(("x",)), "must hold Document objects, not str"),
        (Batch(bad=("x",)), "must hold BadRecord objects, not str"),
        (Batch(cursor=None), "the plugin's cursor must be a mapping, not None"),
        (Batch(cursor={"n": (1, 2)}), "a cursor must survive a round trip through JSON"),
        (BadRecord("no text", raw=b"x"), "raw of a bad record must be a text, not bytes"),
        (BadRecord(""), "a bad record must say why"),
    ],
)  # fmt: skip
def test_what_a_source_must_not_yield(given: Any, said: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(said)):
        check_source(source(given))


def test_two_texts_under_one_id() -> None:
    with pytest.raises(AssertionError, match="'1' is the external_id of two texts"):
        check_source(source(Document("1", "one"), Document("1", "two")))


@pytest.mark.parametrize(
    ("labels", "seeds", "said"),
    [
        ({"a": None}, [], "the description of 'a' must be a text, not None"),
        ({1: "x"}, [], "a label must be a text, not 1"),
        (["a"], [], "labels() must give a mapping, not list"),
        ({"a": "x"}, [("text", "a")], "seeds() must give Seed objects, not tuple"),
        ({"a": "x"}, [Seed(5, "a")], "the text of a seed must be a text, not 5"),
    ],
)  # fmt: skip
def test_what_an_adapter_must_not_bring(labels: Any, seeds: Any, said: str) -> None:
    adapter = TaskAdapter(None, Path())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adapter, "labels", lambda: labels)
        patch.setattr(adapter, "seeds", lambda: seeds)
        with pytest.raises(AssertionError, match=re.escape(said)):
            check_task_adapter(adapter)


def test_a_pause_that_is_no_number() -> None:
    """It works all the same, as far as it can be read; its author is told."""
    failing: Any = SourceError("busy", retry_after="120")  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="retry_after must be a number of seconds"):
        check_failing_source(source(failing))
    recorder = Recorder()
    recorder.error = DeliveryError("busy", retry_after=float("nan"))
    with pytest.raises(AssertionError, match="not nan"):
        check_failing_notifier(recorder, permanent=False)
    assert check_failing_source(source(SourceError("busy", retry_after=120))).retry_after == 120
