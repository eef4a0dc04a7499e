"""A share of stories, in the real pipeline."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from monitor.pipeline.alerting.following import alert_data
from monitor.runtime import Runtime
from monitor.store.recount import recount
from monitor.types import READ_BY, Document
from tests.conftest import CONFIG
from tests.pipeline.test_pipeline import BAD_COURT, GOOD_MONEY, documents, fetched, history

SHARE = """
[[rules]]
name = "share"
kind = "ratio"
where = { mood = "bad" }
at_least = 0.4
"""


def test_a_duplicate_storm_moves_no_share(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(CONFIG + SHARE)

    def reasons(now: datetime, *new: Document) -> list[str]:
        fetched(runtime, now, *new)
        return [alert.reason for alert in runtime.store.alerts.find() if alert.rule == "share"]

    reasons(monitor_now, *history(monitor_now))
    at = monitor_now + timedelta(minutes=10)
    calm = documents(20, GOOD_MONEY, at - timedelta(minutes=9), apart=10)
    storm = [
        Document(f"wire-{n}", f"{BAD_COURT} wire", published_at=at - timedelta(minutes=5)) for n in range(50)
    ]
    other = documents(3, BAD_COURT, at - timedelta(minutes=4), start=500)
    assert reasons(at, *calm, *storm, *other) == []
    # as many texts that are no copies are another thing
    at += timedelta(minutes=10)
    (reason,) = reasons(at, *documents(40, BAD_COURT, at - timedelta(minutes=9), apart=10))
    assert reason.startswith("44 of 64 texts in 1 h, copies left out (69 %, ")
    # rebuilt counts know no stories of their own: they are read where they are
    before = runtime.store.series.counts({"mood": "bad"})
    recount(runtime.store)
    assert runtime.store.series.counts({"mood": "bad"}) == before


def test_the_share_that_a_rule_judges_is_known_where_its_whole_is_another_by_now(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(CONFIG + SHARE)
    store, at = runtime.store, monitor_now + timedelta(minutes=10)
    for now, new in (
        (monitor_now, history(monitor_now)),
        (at, documents(20, BAD_COURT, at - timedelta(minutes=9), apart=10)),
    ):
        fetched(runtime, now, *new)
    (alert,) = (alert for alert in store.alerts.find() if alert.rule == "share")
    kept = store.evidence.of(alert.id)
    for share in kept["shares"]:
        share["of"] = {READ_BY: "a task of before"}
    store.evidence.put(alert.id, kept)
    later = alert_data(store, alert, at + timedelta(hours=1))
    assert [share["judged"] for share in later["evidence"]["shares"]] == [True]
