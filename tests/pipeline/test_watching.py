"""Kinds of rules beside surge, through the real store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from monitor.runtime import Runtime
from monitor.store.alerts import StoredAlert
from monitor.store.check import check
from monitor.store.room import bucket_of
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


# -- drop --------------------------------------------------------------------------------

DROP = with_rules(
    """
[[rules]]
name = "no-more-money"
kind = "drop"
where = { topic = "money" }
"""
)


def fill(runtime: Runtime, now: datetime, days: int, per_hour: int = 24) -> None:
    """Counts of the past as they would be, without the labour of classifying each text."""
    start = bucket_of(now) - days * 86400
    with runtime.store.transaction() as connection:
        for text in ("{}", '{"topic": "money"}'):
            connection.execute("insert or ignore into series (selection) values (?)", [text])
            (series,) = connection.execute("select id from series where selection = ?", [text]).fetchone()
            connection.executemany(
                "insert or replace into counts values (?, ?, ?, 0)",
                [(series, bucket, per_hour // 12) for bucket in range(start, bucket_of(now), 300)],
            )


def idle(runtime: Runtime, now: datetime) -> None:
    """Time goes by: the source is read and gives nothing."""
    runtime.fetch("news", now)
    runtime.tick(now)


def test_a_busy_series_that_falls_silent_fires_without_a_document(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(DROP)
    read(runtime, monitor_now, *some(GOOD_MONEY, 3, monitor_now))
    fill(runtime, monitor_now, 28)
    idle(runtime, monitor_now)
    assert alerts(runtime) == {}
    runtime.tick(monitor_now + timedelta(hours=2))
    assert alerts(runtime) == {}, "the source was not read: nothing is known to be missing"
    idle(runtime, monitor_now + timedelta(hours=2, minutes=5))
    found = alerts(runtime)["no-more-money"]
    assert (found.state, found.observed, found.selection) == ("firing", 0, {"topic": "money"})
    assert found.reason.startswith("0 texts in 1 h where 24 ")
    assert len(runtime.store.alerts.documents(found.id)) == 3
    later = monitor_now + timedelta(hours=4)
    runtime.sources["news"].waiting = some(GOOD_MONEY, 24, later, "again")
    runtime.fetch("news", later)
    runtime.tick(later + timedelta(minutes=5))
    assert alerts(runtime)["no-more-money"].state == "firing", "what waits is not yet classified"
    while runtime.classify(later):
        pass
    for minutes in (10, 70):
        runtime.fetch("news", later + timedelta(minutes=minutes))
        fill(runtime, later + timedelta(minutes=minutes), 1)
        runtime.tick(later + timedelta(minutes=minutes))
    assert alerts(runtime)["no-more-money"].state == "resolved"


def test_a_rule_that_sees_silence_looks_once_a_bucket(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(DROP)
    read(runtime, monitor_now, *some(GOOD_MONEY, 3, monitor_now))
    looks = runtime.store.looks
    assert looks.at("no-more-money") == bucket_of(monitor_now)
    runtime.tick(monitor_now + timedelta(minutes=7))
    assert looks.at("no-more-money") == bucket_of(monitor_now) + 300


# -- entities ----------------------------------------------------------------------------


def with_entities(lists: str) -> str:
    rule = """
[[rules]]
name = "bad-for-one"
kind = "threshold"
where = { entity = "*", mood = "bad" }
at_least = 3
"""
    return with_rules(rule).replace("[[sources]]", f"[entities]\n{lists}\n\n[[sources]]", 1)


def test_entities_are_counted_like_labels_and_watched(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(with_entities('"Acme Corp" = ["Acme"]\n"Border Bank" = []'))
    read(runtime, monitor_now)
    at = monitor_now + timedelta(minutes=5)
    read(runtime, at, *some(f"{BAD_COURT} acme", 3, at), *some(f"{GOOD_MONEY} border bank Acme", 2, at))
    found = alerts(runtime)
    assert found["bad-for-one"].selection == {"entity": "Acme Corp", "mood": "bad"}
    assert len(runtime.store.alerts.documents(found["bad-for-one"].id)) == 3
    totals = {tuple(s.items()): n for s, n in runtime.store.series.totals()}
    assert totals[(("entity", "Acme Corp"),)] == 5
    assert totals[(("entity", "Border Bank"), ("topic", "money"))] == 2
    assert runtime.store.documents.stories({"entity": "Border Bank"}, 0, 2**40) == 2


def test_an_edited_text_mentions_what_it_says_now(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(with_entities('"Acme Corp" = ["Acme"]\n"Border Bank" = []'))
    read(runtime, monitor_now, Document("x", f"{BAD_COURT} acme"))
    read(runtime, monitor_now, Document("x", f"{BAD_COURT} border bank"))
    [(selection, number)] = [(s, n) for s, n in runtime.store.series.totals() if set(s) == {"entity"}]
    assert (selection, number) == ({"entity": "Border Bank"}, 1)


def test_new_lists_read_the_past_again_and_raise_no_alert(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(with_entities('"Acme Corp" = []'))
    read(runtime, monitor_now)
    at = monitor_now + timedelta(minutes=5)
    read(runtime, at, *some(f"{BAD_COURT} acme", 5, at))
    assert [s for s, _ in runtime.store.series.totals() if "entity" in s] == []
    runtime = make_runtime(with_entities('"Acme Corp" = ["ACME"]'))
    runtime.relabel(at)
    settle(runtime, at)
    assert {n for s, n in runtime.store.series.totals() if "entity" in s} == {5}
    assert runtime.store.mentions.lists() == {"Acme Corp": ["ACME"]}
    assert alerts(runtime) == {}, "a changed mind is no news"
    read(runtime, at, *some(f"{BAD_COURT} acme", 1, at, "again"))
    assert alerts(runtime)["bad-for-one"].observed == 6
    runtime = make_runtime(with_rules(""))
    runtime.relabel(at)
    assert check(runtime.store) == []
    assert [s for s, _ in runtime.store.series.totals() if "entity" in s] == []
