"""What an encoder gives that are no features is kept by nobody: one clear line instead, wherever it is used."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitor.errors import LearnError
from monitor.interfaces import Settings
from monitor.runtime import Runtime
from monitor.shared_encoder import SharedEncoder
from monitor.testing import HashEncoder
from monitor.types import Document

encode = HashEncoder.encode


def gives(monkeypatch: pytest.MonkeyPatch, change: Callable[[np.ndarray], Any]) -> None:
    """Let the fast encoder change its rows before it gives them."""

    def changed(self: HashEncoder, texts: Any, views: Any = ("base",), *, progress: Any = None) -> Any:
        return {view: change(rows) for view, rows in encode(self, texts, views, progress=progress).items()}

    monkeypatch.setattr(HashEncoder, "encode", changed)


def refuse(rows: np.ndarray) -> Any:
    raise RuntimeError("out\nof memory")


WRONG: list[tuple[Callable[[np.ndarray], Any], str]] = [
    (lambda rows: rows * np.nan, "gave features that are not finite in the view base"),
    (lambda rows: rows[:-1], "gave 1 rows for 2 texts in the view base"),
    (lambda rows: rows.ravel(), r"gave float32 of shape \(512,\) for the view base"),
    (lambda rows: rows.tolist(), "gave list for the view base instead of an array"),
    (lambda rows: None, "gave NoneType for the view base"),
    (lambda rows: rows.astype(str), "gave <U"),
    (refuse, "raised RuntimeError: out of memory"),
]


@pytest.mark.parametrize(("change", "said"), WRONG)
def test_what_are_no_features(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[np.ndarray], Any], said: str
) -> None:
    gives(monkeypatch, change)
    with pytest.raises(LearnError, match=f"^the encoder hash {said}"):
        SharedEncoder(HashEncoder(Settings(), Path())).encode(["a text", "another"])


@pytest.mark.parametrize("given", [None, {}, np.zeros((1, 4), np.float32)])
def test_what_are_no_features_by_view(monkeypatch: pytest.MonkeyPatch, given: Any) -> None:
    monkeypatch.setattr(HashEncoder, "encode", lambda self, texts, views, progress: given)
    with pytest.raises(LearnError, match="the encoder hash gave"):
        SharedEncoder(HashEncoder(Settings(), Path())).encode(["a text"])


def test_a_fingerprint_that_is_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = SharedEncoder(HashEncoder(Settings(), Path()))
    monkeypatch.setattr(HashEncoder, "fingerprint", None)
    with pytest.raises(LearnError, match="the encoder hash has the fingerprint None"):
        _ = shared.fingerprint
    monkeypatch.setattr(HashEncoder, "fingerprint", property(lambda self: refuse(np.zeros(1))))
    with pytest.raises(LearnError, match="the encoder hash raised RuntimeError: out of memory"):
        _ = shared.fingerprint


@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("prior", lambda shared: shared.prior(["good", "bad"])),
        ("reads", lambda shared: shared.reads("a text")),
        ("as_read", lambda shared: shared.as_read("a text")),
        ("fine_tune", lambda shared: shared.fine_tune("base", [], np.zeros(0), [], [])),
        ("offer", lambda shared: shared.offer(b"change")),
    ],
)
def test_whatever_it_raises_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, name: str, ask: Callable[[SharedEncoder], Any]
) -> None:
    monkeypatch.setattr(HashEncoder, name, lambda self, *given, **named: refuse(np.zeros(1)))
    with pytest.raises(LearnError, match=r"^the encoder hash raised RuntimeError: out of memory$"):
        ask(SharedEncoder(HashEncoder(Settings(), Path())))


def test_views_that_cannot_be_told_are_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HashEncoder, "views", property(lambda self: refuse(np.zeros(1))))
    with pytest.raises(LearnError, match="the encoder hash raised RuntimeError: out of memory"):
        _ = SharedEncoder(HashEncoder(Settings(), Path())).views


def test_its_traceback_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shared = SharedEncoder(HashEncoder(Settings(), Path()))
    gives(monkeypatch, refuse)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            with pytest.raises(LearnError):
                shared.encode(["a text"])
    assert [record.exc_info is not None for record in caplog.records] == [True]


@pytest.mark.parametrize("change", [refuse, lambda rows: rows * np.nan, lambda rows: None])
def test_once_says_so_in_a_line_and_goes_on(
    make_runtime: Callable[..., Runtime],
    monitor_now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[np.ndarray], Any],
) -> None:
    runtime = make_runtime()
    runtime.sources["news"].waiting = [Document("1", "terrible loss")]
    gives(monkeypatch, change)
    failed = runtime.once(monitor_now, lambda name, got: None)
    assert list(failed) == ["encoder"]
    assert failed["encoder"].startswith("the encoder hash ")
    assert runtime.store.documents.count("pending") == 1, "it waits for an encoder that can be used"


def test_once_says_so_where_it_is_well_until_the_first_text(
    make_runtime: Callable[..., Runtime], monitor_now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = make_runtime()
    runtime.sources["news"].waiting = [Document("1", "terrible loss"), Document("2", "wonderful win")]
    gives(monkeypatch, lambda rows: rows if len(rows) == 1 else rows * np.nan)
    ready = HashEncoder.encode

    def only_ready(self: HashEncoder, texts: Any, views: Any = ("base",), *, progress: Any = None) -> Any:
        return ready(self, texts if texts == ["ready?"] else [*texts, "one more"], views, progress=progress)

    monkeypatch.setattr(HashEncoder, "encode", only_ready)
    failed = runtime.once(monitor_now, lambda name, got: None)
    assert list(failed) == ["encoder"]
    assert runtime.store.documents.count("pending") == 2
