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


def test_who_looks_after_an_alert_is_said_in_its_line() -> None:
    cared = {"acked_by": "ada <a@b.example>", "ack_note": "calling\nthe agency"}
    alerts = [
        {**alert("Acme"), **cared},
        {**alert("Bank", new=True), "acked_by": "ben", "ack_note": ""},
        {**alert("Old", event="resolved"), **cared},
    ]
    said = group_message({"group": {}, "alerts": alerts})
    lines = said.body.splitlines()
    assert lines[0].endswith(" [r], ada <a@b.example> looks after it (calling the agency)")
    assert lines[1].endswith(" [r], ben looks after it")
    assert "looks after it" not in lines[2]
    assert " [r], ada &lt;a@b.example&gt; looks after it (calling the agency)</li>" in said.html
