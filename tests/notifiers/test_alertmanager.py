"""The Alertmanager notifier against a server that takes what Alertmanager's API v2 takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import LoopbackServer, Reply, Seen
from pydantic import ValidationError

from monitor.testing import NOW, check_failing_notifier, make, sample_notification
from monitor.types import Notification
from monitor_plugins.alertmanager import Alertmanager

LEGAL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
RESOLVE_TIMEOUT = timedelta(minutes=5)


class Receiver:
    """As much of Alertmanager as sees an alert (api/v2/api.go, ``postAlertsHandler``): what it refuses, what is open.

    ``alerts``: labels -> ``(starts, ends)``, an alert without an end resolved after ``resolve_timeout``.
    """

    def __init__(self) -> None:
        self.alerts: dict[frozenset[tuple[str, str]], tuple[datetime, datetime]] = {}
        self.posted: list[dict[str, Any]] = []
        self.now = NOW

    def __call__(self, seen: Seen) -> Reply:
        try:
            assert seen.headers["content-type"] == "application/json"
            for alert in json.loads(seen.body):
                self.take(alert)
        except (AssertionError, ValueError, KeyError, TypeError) as error:
            return Reply(400, repr(error).encode())
        return Reply(200)

    def take(self, alert: dict[str, Any]) -> None:
        assert alert.keys() <= {"labels", "annotations", "startsAt", "endsAt", "generatorURL"}
        for found in (alert["labels"], alert.get("annotations", {})):
            for name, value in found.items():
                assert LEGAL.fullmatch(name), name
                assert isinstance(value, str)
                value.encode()
        labels = frozenset((name, value) for name, value in alert["labels"].items() if value)
        assert labels, "at least one label pair required"
        assert urlsplit(alert.get("generatorURL", "http://x")).scheme
        starts, ends = (
            datetime.fromisoformat(alert[key].replace("Z", "+00:00")) if key in alert else None
            for key in ("startsAt", "endsAt")
        )
        starts = starts or self.now
        ends = ends or self.now + RESOLVE_TIMEOUT
        assert starts <= ends, "start time must be before end time"
        self.alerts[labels] = starts, ends
        self.posted.append(alert)

    def open(self, now: datetime) -> int:
        return sum(starts <= now < ends for starts, ends in self.alerts.values())


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def server(receiver: Receiver) -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        running.routes["/am/api/v2/alerts"] = receiver
        yield running


@pytest.fixture
def notifier(server: LoopbackServer) -> Iterator[Alertmanager]:
    made = make(
        Alertmanager,
        Path(),
        url=server.url("/am/"),
        allow_private=True,
        labels={"team": "desk"},
        generator_url="https://monitor.example.com/",
        headers={"Authorization": "Bearer s3cret"},
    )
    yield made
    made.close()


def event(name: str, **data: Any) -> Notification:
    plain = {
        **sample_notification(name).data,
        "kind": "surge",
        "selection": {"topic": "litigation", "my mood": "bad"},
    }
    return replace(sample_notification(name), data={**plain, **data})


def test_an_alert_as_it_arrives(notifier: Alertmanager, receiver: Receiver, server: LoopbackServer) -> None:
    notifier.send(event("firing", owner="risk"))
    assert receiver.posted == [
        {
            "labels": {
                "alertname": "bad-news",
                "kind": "surge",
                "owner": "risk",
                "team": "desk",
                "topic": "litigation",
                "my_mood": "bad",
            },
            "annotations": {"summary": event("firing").title, "description": event("firing").body},
            "startsAt": "2026-03-02T09:30:00.000Z",
            "endsAt": "2026-03-02T09:45:00.000Z",
            "generatorURL": "https://monitor.example.com/",
        }
    ]
    assert server.requests[0].headers["authorization"] == "Bearer s3cret"


def test_it_stays_open_until_it_is_resolved(notifier: Alertmanager, receiver: Receiver) -> None:
    notifier.send(event("firing"))
    assert receiver.open(NOW + timedelta(minutes=14)) == 1
    assert receiver.open(NOW + timedelta(minutes=15)) == 0, "nothing was heard of it any more"
    for minutes in range(1, 300):
        now = NOW + timedelta(minutes=minutes)
        notifier.refresh(now, [replace(event("firing"), key="", at=now)])
        assert receiver.open(now + timedelta(minutes=10)) == 1
    assert {alert["startsAt"] for alert in receiver.posted} == {"2026-03-02T09:30:00.000Z"}
    asked = len(receiver.posted)
    notifier.refresh(NOW, [])
    assert len(receiver.posted) == asked
    resolved = NOW + timedelta(hours=5)
    notifier.send(
        replace(event("resolved", resolved_at=resolved.isoformat()), at=resolved + timedelta(days=1))
    )
    assert len(receiver.alerts) == 1, "the same labels"
    assert receiver.open(resolved) == 0


def test_a_notification_that_comes_late_still_opens_an_alert(
    notifier: Alertmanager, receiver: Receiver
) -> None:
    late = NOW + timedelta(days=60)
    notifier.send(replace(event("firing"), at=late))
    assert receiver.open(late + timedelta(minutes=10)) == 1


def test_an_end_by_a_clock_that_was_put_back_closes_what_is_open(
    notifier: Alertmanager, receiver: Receiver
) -> None:
    at = datetime(2026, 3, 4, 10, tzinfo=UTC)
    receiver.now = at
    notifier.send(replace(event("firing", fired_at="2026-03-04T10:00:00Z"), at=at))
    assert receiver.open(at) == 1
    ended = {"fired_at": "2026-03-04T10:00:00Z", "resolved_at": "2026-03-04T09:30:00Z"}
    notifier.send(replace(event("resolved", **ended), at=at))
    assert receiver.open(at) == 0


def test_a_test_opens_nothing_for_long(notifier: Alertmanager, receiver: Receiver) -> None:
    notifier.send(replace(sample_notification("test"), data={"event": "test"}))
    assert len(receiver.posted) == 1
    assert receiver.open(NOW + timedelta(seconds=1)) == 0


@given(
    st.dictionaries(st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=8), max_size=3),
    st.text(max_size=20),
    st.sampled_from(["firing", "resolved", "test"]),
)
def test_whatever_tasks_are_called_the_alert_is_taken(
    selection: dict[str, str], title: str, name: str
) -> None:
    notifier, receiver = make(Alertmanager, Path(), url="http://x"), Receiver()
    notification = replace(event(name, selection=selection, resolved_at=NOW.isoformat()), title=title)
    alert = notifier.alert(notification)
    receiver.take(alert)
    assert len(alert["labels"]) == 2 + len(selection), "no two tasks became one"
    assert alert["labels"] == notifier.alert(event("firing", selection=selection))["labels"]


def test_what_it_refuses_is_told(notifier: Alertmanager, server: LoopbackServer) -> None:
    server.routes["/am/api/v2/alerts"] = Reply(400, b'"start time must be before end time"')
    assert "start time" in str(check_failing_notifier(notifier, permanent=True))
    server.routes["/am/api/v2/alerts"] = Reply(503)
    check_failing_notifier(notifier, permanent=False)


@pytest.mark.parametrize(
    "wrong", [{"labels": {"my team": "x"}}, {"generator_url": "monitor"}, {"ends_after": 0}]
)
def test_settings_that_cannot_work(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        make(Alertmanager, Path(), **{"url": "http://x"} | wrong)


def test_times_are_in_utc() -> None:
    notifier = make(Alertmanager, Path(), url="http://x")
    assert notifier.alert(event("firing"))["startsAt"] == NOW.astimezone(UTC).strftime(
        "%Y-%m-%dT%H:%M:%S.000Z"
    )


def test_a_notification_about_several_brings_each_and_a_digest_none() -> None:
    receiver = Receiver()
    with LoopbackServer() as server:
        server.routes["/api/v2/alerts"] = receiver
        notifier = make(Alertmanager, Path(), url=server.url(""), allow_private=True)
        one, other = sample_notification().data, sample_notification("resolved").data
        several = [
            {
                **one,
                "event": "firing",
                "title": "first",
                "reason": "12 texts",
                "selection": {"topic": "court"},
            },
            {
                **other,
                "event": "resolved",
                "title": "second",
                "reason": "9 texts",
                "selection": {"topic": "money"},
                "resolved_at": NOW.isoformat(),
            },
        ]
        notifier.send(replace(sample_notification(), data={"group": {}, "alerts": several}))
        notifier.send(replace(sample_notification("digest"), data={"event": "digest"}))
    assert [alert["annotations"]["summary"] for alert in receiver.posted] == ["first", "second"]
    assert [alert["labels"]["topic"] for alert in receiver.posted] == ["court", "money"]
    assert receiver.open(NOW + timedelta(minutes=1)) == 1


def test_in_a_notification_about_several_an_end_does_not_close_what_fires_again(
    notifier: Alertmanager, receiver: Receiver
) -> None:
    over = {**event("resolved", resolved_at=NOW.isoformat()).data, "event": "resolved"}
    again = {**event("firing").data, "event": "firing"}
    notifier.send(replace(event("firing"), data={"group": {}, "alerts": [again, over]}))
    assert len(receiver.posted) == 1
    assert receiver.open(NOW + timedelta(minutes=1)) == 1


def test_the_labels_of_the_rule_are_labels_there(tmp_path: Path) -> None:
    made = make(Alertmanager, tmp_path, url="http://alerts.example", labels={"severity": "info", "site": "a"})
    notification = sample_notification()
    notification = replace(
        notification, data={**notification.data, "rule_labels": {"severity": "page", "team": "credit"}}
    )
    labels = made.labels(notification)
    assert (labels["severity"], labels["team"], labels["site"]) == ("page", "credit", "a")
