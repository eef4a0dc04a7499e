"""The title of a letter about several alerts."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.alerts.grouping import group_message


def alert(topic: str, *, new: bool = False, event: str = "firing") -> dict[str, Any]:
    return {
        "id": 1, "rule": "r", "kind": "threshold", "selection": {"entity": topic}, "reason": "9 texts",
        "observed": 9, "expected": 1, "low": 0, "high": 3, "new": new, "event": event,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("group", "alerts", "title"),
    [
        (
            {"kind": "threshold"},
            [alert("Zedco", new=True), alert("Acme Bank")],
            "2 firing (1 new): texts about Zedco; texts about Acme Bank",
        ),
        (
            {"owner": "press desk", "team": ""},
            [alert("Zedco"), alert("Acme"), alert("Old", event="resolved")],
            "2 firing: texts about Zedco; texts about Acme; 1 over: texts about Old (owner press desk)",
        ),
        (
            {},
            [*(alert(name) for name in ("A", "B", "C")), alert("Old", event="resolved")],
            "3 firing: texts about A; texts about B and 1 more; 1 over: texts about Old",
        ),
        ({"entity": "Acme"}, [alert("Acme"), alert("Acme")], "2 firing: texts about Acme"),
    ],
)
def test_the_title_of_a_group_says_what_it_is_about(
    group: dict[str, str], alerts: list[dict[str, Any]], title: str
) -> None:
    assert group_message({"group": group, "alerts": alerts}).title == title
