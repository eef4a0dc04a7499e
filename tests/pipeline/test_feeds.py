"""What feeds an alert."""

from __future__ import annotations

from datetime import datetime

from work import lines, steps

from monitor.alerts.detectors.silence import FAILURES
from monitor.alerts.detectors.threshold import ThresholdSettings
from monitor.alerts.rules import Rule, fingerprint
from monitor.pipeline.judging.feeds import frozen, silent_sources
from monitor.pipeline.judging.series import judge_open
from monitor.store import Store
from monitor.types import Document


def test_the_source_that_gave_more_than_half_is_what_feeds_it(
    monitor_store: Store, monitor_now: datetime
) -> None:
    store, now = monitor_store, monitor_now
    store.sources.sync([("news", "rss", 300.0), ("chat", "rss", 300.0)])
    for number, source in enumerate(["news", "chat", "news", "chat", "news"]):
        store.documents.add(
            source, Document(f"d{number}", f"text {number}"), now=now, event_at=now, live=True
        )
    ids = [waiting.document.id for waiting in store.documents.pending(10)]
    with store.transaction():
        alert_id = store.alerts.insert(
            rule="bad-news", kind="surge", fingerprint="f", selection={}, since=now, now=now, observed=4,
            expected=1, low=0, high=3, reason="4 texts", notify=[],
        )  # fmt: skip
    alert = store.alerts.need(alert_id)
    for _ in range(FAILURES):
        store.sources.failed("news", now, now, "no route")
    assert store.alert_documents.by_source(alert_id) == {}
    assert frozen(store, alert, ()) is None
    store.alert_documents.add(alert_id, sorted(ids)[:4])
    assert store.alert_documents.by_source(alert_id) == {"chat": 2, "news": 2}
    assert frozen(store, alert, ()) is None
    store.alert_documents.add(alert_id, ids)
    assert list(store.alert_documents.by_source(alert_id).items()) == [("news", 3), ("chat", 2)]
    assert frozen(store, alert, ()) == "the source news cannot be read; it gave 3 of its 5 texts"
    assert frozen(store, alert, ["news"]) == "the source news is silent; it gave 3 of its 5 texts"


def opened(store: Store, now: datetime, kind: str, selection: dict[str, str]) -> None:
    store.alerts.insert(
        rule=f"my-{kind}", kind=kind, fingerprint=fingerprint(f"my-{kind}", selection), selection=selection,
        since=now, now=now, observed=4, expected=1, low=0, high=3, reason="4 texts", notify=[],
    )  # fmt: skip


def test_which_sources_are_silent_is_asked_once_in_a_round(
    monitor_store: Store, monitor_now: datetime
) -> None:
    store, now = monitor_store, monitor_now
    store.sources.sync([("news", "rss", 300.0)])
    store.documents.add("news", Document("d", "text"), now=now, event_at=now, live=True)
    for selection in ({"source": "news"}, {"source": "chat"}):
        opened(store, now, "silence", selection)
    assert silent_sources(store) == {"news", "chat"}
    rules = [Rule("my-threshold", "threshold", {"topic": "*"}, [], ThresholdSettings(at_least=3))]
    reads: list[int] = []
    for number in range(1, 9):
        opened(store, now, "threshold", {"topic": f"t{number}"})
        store.alert_documents.add(store.alerts.find(limit=1)[0].id, [1])
        said: list[str] = []
        store.connection.set_trace_callback(said.append)
        judge_open(store, rules, now)
        store.connection.set_trace_callback(None)
        reads.append(sum("from alerts where state <> 'resolved'" in statement for statement in said))
    assert reads == [reads[0]] * 8, "a round over n open alerts takes n steps, not n times n"
    assert {alert.rule for alert in store.alerts.open_of("my-threshold")} == {"my-threshold"}
    assert len(store.alerts.open_of("my-threshold")) == 8


def test_which_sources_are_silent_is_found_at_once_however_many_alerts_there_are(
    monitor_store: Store, monitor_now: datetime
) -> None:
    store, now = monitor_store, monitor_now

    def ask() -> None:
        assert silent_sources(store) == {"news"}

    opened(store, now, "silence", {"source": "news"})
    alone, among_few = lines(ask), steps(store.connection, ask)
    with store.transaction():
        for number in range(200):
            opened(store, now, "threshold", {"topic": f"t{number}"})
            store.alerts.resolve(store.alerts.find(limit=1)[0].id, "over", now)
    assert steps(store.connection, ask) <= among_few + 20, "those that are over are not looked through"
    with store.transaction():
        for number in range(200):
            opened(store, now, "threshold", {"topic": f"t{number}"})
    assert lines(ask) == alone, "nor are those that fire read for their kind: each rule of mentions asks"
