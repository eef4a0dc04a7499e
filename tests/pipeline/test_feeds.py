"""What feeds an alert."""

from __future__ import annotations

from datetime import datetime

from monitor.alerts.detectors.silence import FAILURES
from monitor.pipeline.feeds import frozen
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
    assert frozen(store, alert) is None
    store.alert_documents.add(alert_id, sorted(ids)[:4])
    assert store.alert_documents.by_source(alert_id) == {"chat": 2, "news": 2}
    assert frozen(store, alert) is None
    store.alert_documents.add(alert_id, ids)
    assert list(store.alert_documents.by_source(alert_id).items()) == [("news", 3), ("chat", 2)]
    assert frozen(store, alert) == "the source news cannot be read; it gave 3 of its 5 texts"
