"""A text that is an example has its example's label, whatever the head makes of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from monitor.learn.head import decide, probabilities
from monitor.pipeline.learning.readers import Reader, examples_of
from monitor.runtime import Runtime
from monitor.types import NO_LABEL, Document, Prediction, Seed, Task

TEXT = "terrible loss collapse"


@pytest.fixture
def runtime(make_runtime: Callable[..., Runtime]) -> Runtime:
    return make_runtime()


def read(runtime: Runtime, text: str, now: datetime) -> int:
    runtime.sources["news"].waiting = [Document(text, text, published_at=now)]
    runtime.fetch("news", now)
    while runtime.classify(now):
        pass
    return next(d.id for d in runtime.store.documents.find(limit=99) if d.text == text)


def said(runtime: Runtime, document: int, task: str = "mood") -> list[Prediction]:
    return runtime.store.predictions.of([document])[document][task]


def reader_of(runtime: Runtime, task: str = "mood") -> Reader:
    return next(reader for reader in runtime.readers if reader.task.name == task)


def test_a_correction_holds_although_the_head_is_not_convinced(
    runtime: Runtime, monitor_now: datetime
) -> None:
    document = read(runtime, TEXT, monitor_now)
    assert said(runtime, document)[0].label == "bad"
    against = [Seed(f"{TEXT} {word}", "bad") for word in "abcdefgh"]
    runtime.store.tasks.add_seeds(
        "mood", [*against, Seed(TEXT.replace(" ", "  ").upper(), "good")], monitor_now
    )
    assert runtime.learn(monitor_now) == ["mood"]
    reader = reader_of(runtime)
    assert reader.head is not None
    features = runtime.featurizer.matrices([TEXT], [reader.head.view])[reader.head.view]
    assert decide(reader.head, probabilities(reader.head, features))[0][0].label == "bad"
    runtime.relabel(monitor_now)
    assert said(runtime, document) == [Prediction("good", 1.0)]
    later = read(runtime, f"{TEXT} ", monitor_now)
    assert said(runtime, later) == [Prediction("good", 1.0)]
    assert said(runtime, read(runtime, f"{TEXT} again", monitor_now))[0].label == "bad"


def test_a_text_of_no_label_is_abstained_on(runtime: Runtime, monitor_now: datetime) -> None:
    document = read(runtime, TEXT, monitor_now)
    against = [Seed(f"{TEXT} {word}", "bad") for word in "abcdefgh"]
    runtime.store.tasks.add_seeds("mood", [*against, Seed(TEXT, NO_LABEL)], monitor_now)
    runtime.learn(monitor_now)
    runtime.relabel(monitor_now)
    (only,) = said(runtime, document)
    assert (only.label, only.abstained) == ("bad", True)
    assert only.probability < 1


def test_where_a_text_may_carry_several_labels_the_head_may_say_more(
    runtime: Runtime, monitor_now: datetime
) -> None:
    text = "judge hears the lawsuit"
    document = read(runtime, text, monitor_now)
    court = [Seed(f"{text} {word}", "court") for word in "abcdefgh"]
    runtime.store.tasks.add_seeds("topic", [*court, Seed(text, "money")], monitor_now)
    runtime.learn(monitor_now)
    runtime.relabel(monitor_now)
    found = said(runtime, document, "topic")
    assert found[0] == Prediction("money", 1.0)
    assert {one.label for one in found[1:]} <= {"court"}
    reader = reader_of(runtime, "topic")
    assert reader.examples[text] == ["money"]


def test_commands_are_firmer_than_files_and_adapters(runtime: Runtime, monitor_now: datetime) -> None:
    tasks = runtime.store.tasks
    tasks.sync_seeds(
        "mood", {"adapter": [Seed("x", "bad")], "file": [Seed("X", "good"), Seed("y", "bad")]}, monitor_now
    )
    tasks.sync_seeds("topic", {"adapter": [Seed("x", "court"), Seed("z", "court")]}, monitor_now)
    mood = tasks.need("mood").task
    assert examples_of(runtime.store, mood) == {"x": ["good"], "y": ["bad"]}
    tasks.add_seeds("mood", [Seed("y", NO_LABEL)], monitor_now)
    tasks.add_seeds("topic", [Seed("x", "money"), Seed("z", NO_LABEL)], monitor_now)
    assert examples_of(runtime.store, mood)["y"] == [NO_LABEL]
    topics = examples_of(runtime.store, tasks.need("topic").task)
    assert (topics["x"], topics["z"]) == (["money", "court"], [NO_LABEL])


def test_a_label_that_the_head_does_not_know_yet_waits_for_one_that_does(
    runtime: Runtime, monitor_now: datetime
) -> None:
    reader = reader_of(runtime)
    assert reader.head is not None
    reader.task = Task("mood", {**reader.task.labels, "odd": ""})
    reader.examples = {TEXT: ["odd"]}
    features = runtime.featurizer.matrices([TEXT], [reader.head.view])[reader.head.view]
    assert reader.answer([TEXT], features)[0][0].label in reader.head.labels
