"""Labels that rules give their alerts: what matches them, and where they are shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from monitor.matching import parse_matcher
from monitor.runtime import Runtime
from monitor.types import Notification
from tests.conftest import CONFIG
from tests.pipeline.test_pipeline import fetched, history, wave

LABELLED = (
    CONFIG.replace(
        'name = "any-court"\n', 'name = "any-court"\nlabels = { severity = "page", team = "credit" }\n'
    )
    + """
body_template = "{{ alert.rule_labels.get('severity', 'ticket') }} for {{ alert.rule_labels.get('team', 'all') }}"

[[notifiers]]
plugin = "recorder"
name = "phone"

[[routes]]
name = "urgent"
match = ["severity=page"]
notify = ["phone"]

[[routes]]
name = "rest"
notify = ["desk"]
"""
)


def surge(runtime: Runtime, now: datetime) -> None:
    fetched(runtime, now, *history(now))
    at = now + timedelta(minutes=10)
    fetched(runtime, at, *wave(at))


def sent(runtime: Runtime, name: str) -> list[Notification]:
    return list(runtime.notifiers[name].sent)


def test_routes_silences_and_templates_know_the_labels_of_a_rule(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(LABELLED)
    surge(runtime, monitor_now)
    (urgent,), (rest,) = sent(runtime, "phone"), sent(runtime, "desk")
    assert (urgent.data["rule"], rest.data["rule"]) == ("any-court", "bad-news")
    assert urgent.data["rule_labels"] == {"severity": "page", "team": "credit"}
    assert rest.data["rule_labels"] == {}
    assert rest.body.strip() == "ticket for all"
    (alert,) = (a for a in runtime.store.alerts.find() if a.rule == "any-court")
    assert alert.labels == {
        "topic": "court", "rule": "any-court", "kind": "threshold", "owner": "", "severity": "page", "team": "credit",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("hold", "notified"),
    [
        ('[[inhibit]]\nsource = ["severity!=page"]\ntarget = ["severity=page"]\n', {"bad-news"}),
        (
            '[[mutes]]\nname = "m"\nzone = "UTC"\nmatch = { team = "credit" }\nstarts = 2020-01-01\n',
            {"bad-news"},
        ),
    ],
)
def test_what_holds_alerts_back_matches_them(
    make_runtime: Callable[..., Runtime], monitor_now: datetime, hold: str, notified: set[str]
) -> None:
    runtime = make_runtime(f"{LABELLED}\n{hold}")
    surge(runtime, monitor_now)
    assert {n.data["rule"] for name in ("phone", "desk") for n in sent(runtime, name)} == notified


def test_a_silence_matches_them(make_runtime: Callable[..., Runtime], monitor_now: datetime) -> None:
    runtime = make_runtime(LABELLED)
    runtime.store.silences.add(
        (parse_matcher("team=~credit|loans"),),
        author="ada",
        comment="",
        starts_at=monitor_now,
        ends_at=monitor_now + timedelta(days=1),
        now=monitor_now,
    )
    surge(runtime, monitor_now)
    assert sent(runtime, "phone") == []
    assert len(sent(runtime, "desk")) == 1
