"""Killed in the middle of a delivery, the monitor loses no notification and repeats none without a kill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import kills
from monitor.store import Store
from monitor.testing import NOW


def test_killed_in_the_middle_of_a_delivery(tmp_path: Path) -> None:
    figures = kills.kill(tmp_path, 10, seed=1)
    assert kills.passed(figures), figures
    assert figures["kills"] == 10
    assert figures["notifications"] >= 50
    assert figures["repeats"] > 0, "no kill came between an answer and its commit: that proves little"


FIRST, LAST = ("1-firing", "firing", 1), ("1-resolved", "resolved", 1)


@pytest.mark.parametrize(
    ("arrived", "delivered", "wrong"),
    [
        ([FIRST, FIRST, LAST], True, None),
        ([FIRST], True, "lost"),
        ([FIRST, LAST, ("2-firing", "firing", 2)], True, "invented"),
        ([FIRST, LAST], False, "undelivered"),
        ([LAST, FIRST], True, "out_of_order"),
        ([FIRST, FIRST, FIRST, LAST], True, "repeats"),
    ],
)
def test_the_judge_sees_what_is_wrong(
    tmp_path: Path, arrived: list[tuple[str, str, int]], delivered: bool, wrong: str | None
) -> None:
    store = Store(tmp_path / "kills.db")
    for event in ("firing", "resolved"):
        store.outbox.add("desk", kills.notification(1, event), None, NOW)
    if delivered:
        for found in store.outbox.due(NOW, notifier="desk"):
            store.outbox.delivered(found.id, NOW)
    store.close()
    figures: dict[str, Any] = {"kills": 1, **kills.judge(tmp_path / "kills.db", arrived)}
    assert kills.passed(figures) is (wrong is None)
    if wrong is not None:
        assert figures[wrong] > 0
