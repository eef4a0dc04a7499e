"""Rules that are edited while their alerts are open."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor.alerts.detectors import KINDS, Verdict
from monitor.alerts.rules import Rule
from monitor.pipeline.alerting.following import follow
from monitor.pipeline.judging.ticking import tick
from monitor.routes import NOTIFY_AT_ONCE
from monitor.store import Store

COURT = {"topic": "court"}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "threshold": {"at_least": 3},
    "keyword": {"words": ["leak"]},
    "conversation": {"when": "unanswered"},
}


def rule(kind: str, where: Mapping[str, str]) -> Rule:
    return Rule("x", kind, where, ("desk",), KINDS[kind].model_validate(SETTINGS.get(kind, {})))


def fire(store: Store, made: Rule, selection: Mapping[str, str], observed: int, now: datetime) -> None:
    found = Verdict(True, observed, 3.0, 0.0, 2.0, 0, 3600, 0.0, f"{observed} texts")
    follow(store, made, selection, found, lambda _: [], now)


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        ("silence", {}),
        ("conversation", {"intent": "complaint"}),
        ("model", {}),
        ("new_topic", {}),
        ("keyword", {}),
        ("entity", {"entity": "*"}),
        ("drop", COURT),
        ("surge", COURT),
        ("threshold", {"topic": "money"}),
    ],
)
def test_a_rule_that_became_another_one_ends_its_alert_and_goes_on(
    monitor_store: Store, monitor_now: datetime, kind: str, where: Mapping[str, str]
) -> None:
    store = monitor_store
    fire(store, rule("threshold", COURT), COURT, 5, monitor_now)
    tick(store, [rule(kind, where)], [], NOTIFY_AT_ONCE, monitor_now + timedelta(minutes=1))
    (alert,) = store.alerts.find()
    assert alert.state == "resolved"
    assert store.transitions.ended(alert.id) == "the rule does not watch it any more"
    said = [entry.notification.title for entry in store.outbox.of_alert(alert.id)]
    assert said == ["5 texts on court in 1 h, limit 3 [x]", "Not watched any more: texts on court [x]"]


def test_a_rule_on_labels_that_watches_others_now_ends_its_alert(
    monitor_store: Store, monitor_now: datetime
) -> None:
    """Also where it looks as time goes by, and not as texts come."""
    store = monitor_store
    fire(store, rule("drop", COURT), COURT, 0, monitor_now)
    tick(store, [rule("drop", {"topic": "*"})], [], NOTIFY_AT_ONCE, monitor_now + timedelta(minutes=1))
    assert store.alerts.need(1).state == "firing", "it is one of each topic"
    tick(store, [rule("drop", {"topic": "money"})], [], NOTIFY_AT_ONCE, monitor_now + timedelta(minutes=6))
    assert store.transitions.ended(1) == "the rule does not watch it any more"


def test_what_another_kind_finds_of_the_same_series_is_another_alert(
    monitor_store: Store, monitor_now: datetime
) -> None:
    """Texts may be classified before time goes by."""
    store = monitor_store
    fire(store, rule("threshold", COURT), COURT, 5, monitor_now)
    fire(store, rule("surge", COURT), COURT, 50, monitor_now + timedelta(minutes=1))
    assert [(alert.kind, alert.state) for alert in reversed(store.alerts.find())] == [
        ("threshold", "resolved"),
        ("surge", "firing"),
    ]
    assert [entry.notification.event for n in (1, 2) for entry in store.outbox.of_alert(n)] == [
        "firing",
        "resolved",
        "firing",
    ]
