"""A correction holds, in whatever order things happen before it."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from work import steps

from monitor.errors import LearnError
from monitor.pipeline.learning.corrections import correct, correct_all, take_back
from monitor.pipeline.learning.heads import revert
from monitor.runtime import Runtime
from monitor.scheduler import Scheduler
from monitor.store.check import check
from monitor.types import NO_LABEL, Document, Seed, folded

TEXTS = [f"zeppelin {word} lantern" for word in ("harbour", "terrible", "wonderful", "success")]
STEPS = ["correct"] * 4 + ["read"] * 3 + ["learn", "relabel", "synchronise", "revert", "take back"]


@pytest.mark.parametrize("number", range(6))
def test_the_newest_correction_holds(
    make_runtime: Callable[..., Runtime], monitor_now: datetime, number: int
) -> None:
    runtime, now, dice = make_runtime(), monitor_now, random.Random(number)
    store, tasks = runtime.store, ("mood", "topic")
    labels = {task: [*store.tasks.need(task).task.labels, NO_LABEL] for task in tasks}
    given = []

    def read(text: str) -> None:
        at = now - timedelta(days=dice.choice([0, 200]))
        runtime.sources["news"].waiting = [Document(f"{now}-{text}", text, published_at=at)]
        runtime.fetch("news", now)
        while runtime.classify(now):
            pass

    for _ in range(40):
        now += timedelta(seconds=1)
        step, task, text = dice.choice(STEPS), dice.choice(tasks), dice.choice(TEXTS)
        text = dice.choice([text, text.upper(), text.title()])
        if step == "correct":
            given.append(correct(store, task, Seed(text, dice.choice(labels[task])), now))
        elif step == "take back" and given:
            take_back(store, given.pop(), now)
        elif step == "read":
            read(text)
        elif step == "revert":
            with suppress(LearnError):
                revert(store, task, runtime.encoder.fingerprint)
        elif step in ("learn", "relabel", "synchronise"):
            getattr(runtime, step)(now)
    newest = {(task, text): dice.choice(labels[task]) for task in tasks for text in TEXTS}
    for (task, text), label in newest.items():
        correct(store, task, Seed(text, label), now)
        # so that there is something to learn from each, and a version that was reverted to goes
        correct(store, task, Seed(f"{text} {number}", label), now)
    for text in TEXTS:
        read(text)
    scheduler = Scheduler(runtime, lambda: now)
    scheduler._learn()
    scheduler._relabel()
    assert runtime.unread() == set()
    for document in store.documents.find(limit=None):
        for task, found in store.predictions.of([document.id])[document.id].items():
            said = [one.label for one in found if not one.abstained]
            label = newest[task, folded(document.text)]
            assert said == [] if label == NO_LABEL else label in said
    assert check(store) == []


def test_many_corrections_are_one_transaction_that_grows_with_them(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    store = make_runtime().store
    begun: list[str] = []

    def work(number: int) -> int:
        old, new = (
            [Seed(f"text {n} of {number}", label) for n in range(number)] for label in ("good", "bad")
        )
        correct_all(store, "mood", old, monitor_now)
        begun.clear()
        return steps(store.connection, lambda: correct_all(store, "mood", new, monitor_now))

    store.connection.set_trace_callback(lambda sql: begun.append(sql) if sql.startswith("begin") else None)
    few, many = work(100), work(400)
    assert begun == ["begin immediate"]
    assert many < 6 * few, "each looks through all seeds"
