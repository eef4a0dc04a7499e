"""Kinds of rules beside surge, through the real store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from monitor.runtime import Runtime
from monitor.store.alerts import StoredAlert
from monitor.store.check import check
from monitor.types import Document

BAD_COURT = "judge fine lawsuit terrible collapse loss"
BAD_MONEY = "profit sales dividend terrible collapse loss"
GOOD_MONEY = "profit sales dividend wonderful success growth"


def with_rules(rules: str) -> str:
    """The test configuration with other rules."""
    from tests.conftest import CONFIG

    before, _, rest = CONFIG.partition("[[rules]]")
    return before + rules + "\n[[notifiers]]" + rest.partition("[[notifiers]]")[2]


def read(runtime: Runtime, now: datetime, *documents: Document) -> None:
    """Fetch and classify; the clock stands at ``now``."""
    runtime.sources["news"].waiting = list(documents)
    runtime.fetch("news", now)
    settle(runtime, now)


def settle(runtime: Runtime, now: datetime) -> None:
    while runtime.classify(now):
        pass
    runtime.tick(now)
    assert check(runtime.store) == []


def alerts(runtime: Runtime) -> dict[str, StoredAlert]:
    return {alert.rule: alert for alert in runtime.store.alerts.find()}


def some(text: str, count: int, at: datetime, name: str = "") -> list[Document]:
    """Different texts within a few minutes before ``at``."""
    return [
        Document(
            f"{name}{text[:5]}{n}", f"{text} {name} number {n}", published_at=at - timedelta(seconds=9 * n)
        )
        for n in range(count)
    ]


# -- ratio -------------------------------------------------------------------------------

RATIOS = with_rules(
    """
[[rules]]
name = "share-of-all"
kind = "ratio"
where = { mood = "bad" }
at_least = 0.3

[[rules]]
name = "share-of-topic"
kind = "ratio"
where = { topic = "*", mood = "bad" }
of = "topic"
at_least = 0.5
"""
)


def test_a_share_is_that_of_all_texts_or_of_the_topics(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(RATIOS)
    read(runtime, monitor_now)
    at = monitor_now + timedelta(minutes=5)
    read(runtime, at, *some(BAD_COURT, 10, at), *some(GOOD_MONEY, 40, at))
    found = alerts(runtime)
    assert set(found) == {"share-of-topic"}
    assert found["share-of-topic"].selection == {"topic": "court", "mood": "bad"}
    assert found["share-of-topic"].reason.startswith("10 of 10 texts")
    read(runtime, at, *some(BAD_MONEY, 20, at, "worse"))
    assert alerts(runtime)["share-of-all"].reason.startswith("30 of 70 texts in 1 h, 43%")


def test_one_story_told_many_times_is_no_share(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(RATIOS)
    read(runtime, monitor_now)
    at = monitor_now + timedelta(minutes=5)
    storm = [Document(f"copy-{n}", BAD_COURT, published_at=at) for n in range(50)]
    read(runtime, at, *storm)
    assert alerts(runtime) == {}
    read(runtime, at, *some(BAD_COURT, 2, at))
    assert set(alerts(runtime)) == {"share-of-all", "share-of-topic"}
