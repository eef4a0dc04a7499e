"""The rounds of a running monitor: how they end, and what they say."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

import pytest

from monitor.runtime import Runtime
from monitor.scheduler import Scheduler


@pytest.fixture
def runtime(make_runtime: Callable[..., Runtime]) -> Runtime:
    return make_runtime()


def reached(condition: Callable[[], object]) -> None:
    """Wait until it is so."""
    ticks = threading.Event()
    for _ in range(600):
        if condition():
            return
        ticks.wait(0.05)
    raise AssertionError("it did not come to that")


def test_a_source_that_turns_out_to_be_due_while_the_rounds_end_does_not_keep_them(
    runtime: Runtime,
) -> None:
    looks, go = threading.Event(), threading.Event()

    def due(_: datetime) -> list[str]:
        looks.set()
        assert go.wait(30)
        return ["news"]

    runtime.due_sources = due  # type: ignore[method-assign]
    scheduler = Scheduler(runtime)
    scheduler.start()
    assert looks.wait(30)
    assert not scheduler.stop(0.01), "a round is under way"
    reached(lambda: not scheduler._jobs.running)
    go.set()
    scheduler._ender.join(30)
    assert scheduler.ended
