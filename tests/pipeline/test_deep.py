"""A task with layers of its own, with the real encoder: made, used by another process, and taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from monitor.alerts.detectors import KINDS
from monitor.config.reader import load_config
from monitor.errors import LearnError
from monitor.learn.head import Head, probabilities
from monitor.pipeline.learning.heads import revert
from monitor.pipeline.learning.promotion import deepen, learn
from monitor.plugins import Plugins
from monitor.runtime import Runtime
from monitor.shared_encoder import make_encoder
from monitor.store import Store
from monitor.store.check import check
from monitor.types import Document, Seed
from tests.learn.test_deep import ASKED, SEEDS

CONFIG = """
database = "monitor.db"

[[sources]]
plugin = "list"
name = "news"

[[tasks]]
name = "tense"
seeds = "tense.csv"
labels = ["past", "future"]
"""


@pytest.fixture
def start(
    write_config: Callable[..., Path], plugins: Plugins, monitor_now: datetime
) -> Iterator[Callable[[], Runtime]]:
    """Starts a process of its own, as far as memory goes, on one database."""
    rows = "".join(f'"{seed.text}",{seed.label}\n' for seed in SEEDS)
    path = write_config(CONFIG, **{"tense.csv": f"text,label\n{rows}"})
    config = load_config(path, plugins, KINDS)
    made: list[Runtime] = []

    def make() -> Runtime:
        runtime = Runtime(config, plugins, Store(config.database), make_encoder(config))
        made.append(runtime)
        runtime.synchronise(monitor_now)
        runtime.learn(monitor_now)
        return runtime

    yield make
    for runtime in made:
        runtime.close()
        runtime.store.close()


def labels(runtime: Runtime) -> dict[str, tuple[str, float]]:
    found = {}
    for document in runtime.store.documents.find(limit=100):
        [said] = runtime.store.predictions.of([document.id])[document.id]["tense"]
        found[document.text] = said.label, said.probability
    return found


def test_a_deep_head_is_made_kept_and_taken_back(start: Callable[[], Runtime], monitor_now: datetime) -> None:
    first = start()
    first.sources["news"].waiting = [Document(text, text, published_at=monitor_now) for text in ASKED]
    first.fetch("news", monitor_now)
    while first.classify(monitor_now):
        pass
    before = labels(first)
    [reader] = first.readers
    steps: list[int] = []
    promotion = deepen(first.store, first.featurizer, reader, monitor_now, progress=steps.append)
    assert promotion.head is not None, promotion.reason
    assert (promotion.head.version, promotion.head.depth) == (2, "deep")
    assert "+" in promotion.head.view
    assert promotion.head.reason.startswith(f"{len(SEEDS)} seeds, by fine-tuning ")
    assert steps
    first.relabel(monitor_now)
    assert labels(first) != before
    assert first.learn(monitor_now) == [], "it stands for the seeds that there are"

    second = start()
    assert second.readers[0].head_id == promotion.head.id
    second.sources["news"].waiting = [Document("new", ASKED[0] + " ", published_at=monitor_now)]
    second.fetch("news", monitor_now)
    while second.classify(monitor_now):
        pass
    said = labels(second)
    assert said[ASKED[0]][0] == "past"
    assert check(second.store) == []

    assert revert(second.store, "tense", second.encoder.fingerprint).version == 1
    second.relabel(monitor_now)
    assert labels(second)[ASKED[1]] == pytest.approx(before[ASKED[1]])


def test_a_change_that_does_not_fit_is_replaced_by_what_the_seeds_say(
    start: Callable[[], Runtime], monitor_now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    first = start()
    [reader] = first.readers
    assert deepen(first.store, first.featurizer, reader, monitor_now).head is not None
    stored = first.store.heads.active("tense")
    assert stored is not None
    marred = replace(Head.from_bytes(stored.data), change=b"nonsense")
    first.store.connection.execute("update heads set data = ?", [marred.to_bytes()])
    second = start()
    head = second.store.heads.active("tense")
    assert head is not None
    assert (head.depth, head.reason) == (
        "seeds",
        "24 seeds; replaces version 2 of depth deep, which cannot be read",
    )
    assert second.readers[0].head_id == head.id
    assert "is not used: the bytes of a fine-tuned view are damaged" in caplog.text


def test_a_correction_counts_in_the_layers_that_there_are(
    start: Callable[[], Runtime], monitor_now: datetime
) -> None:
    runtime = start()
    [reader] = runtime.readers
    assert deepen(runtime.store, runtime.featurizer, reader, monitor_now).head is not None
    tuned = reader.head
    assert tuned is not None
    runtime.store.tasks.add_seeds("tense", [Seed(ASKED[0], "future")], monitor_now)
    assert runtime.learn(monitor_now) == ["tense"]
    [reader] = runtime.readers
    stored, head = runtime.store.heads.active("tense"), reader.head
    assert stored is not None
    assert head is not None
    assert (stored.version, stored.depth, stored.log_loss) == (3, "deep", None)
    assert stored.reason == f"{len(SEEDS) + 1} seeds, in the layers of version 2"
    assert (head.view, head.change) == (tuned.view, tuned.change)
    chances = [
        probabilities(one, runtime.encoder.encode([ASKED[0]], [one.view])[one.view])[0, 1]
        for one in (tuned, head)
    ]
    assert chances[1] > chances[0] + 0.1, "the correction counts"

    # Asked for a depth, it starts from the encoder's own views again: these layers did not see the correction.
    rng = np.random.default_rng(0)
    steps: list[int] = []
    learned = learn(
        runtime.store, runtime.featurizer, reader, monitor_now, depth="deep", rng=rng, progress=steps.append
    )
    assert learned.made
    assert steps
    assert [head.depth for head in runtime.store.heads.versions("tense")][:2] in (
        ["deep", "seeds"],
        ["seeds", "deep"],  # it was judged, and did not win
    )
    assert reader.head is not None
    assert reader.head.change != tuned.change


def test_memory_that_runs_out_does_not_cost_the_layers(
    start: Callable[[], Runtime], monitor_now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = start()
    [reader] = runtime.readers
    made = deepen(runtime.store, runtime.featurizer, reader, monitor_now).head
    assert made is not None

    def full(*given: object) -> Head:
        raise LearnError("out of memory")

    monkeypatch.setattr("monitor.pipeline.learning.heads.refit", full)
    runtime.store.tasks.add_seeds("tense", [Seed("We will see.", "future")], monitor_now)
    assert runtime.learn(monitor_now) == []
    active = runtime.store.heads.active("tense")
    assert active is not None
    assert active.version == made.version
