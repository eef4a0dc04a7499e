"""Kinds of rules beside surge, through the real store."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from monitor.errors import SourceError
from monitor.pipeline.judging.feeds import frozen
from monitor.pipeline.trying.rules import try_on_store
from monitor.runtime import Runtime
from monitor.store.check import check
from monitor.store.room import bucket_of
from monitor.store.stored_alert import StoredAlert
from monitor.testing import Recorder
from monitor.types import Document, Seed

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
    """The newest alert of each rule."""
    return {alert.rule: alert for alert in reversed(runtime.store.alerts.find())}


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
    assert alerts(runtime)["share-of-all"].reason.startswith("30 of 70 texts in 1 h (43 %, ")


def test_one_story_told_many_times_is_no_share(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(RATIOS)
    read(runtime, monitor_now)
    at = monitor_now + timedelta(minutes=5)
    storm = [Document(f"copy-{n}", BAD_COURT, published_at=at) for n in range(50)]
    read(runtime, at, *storm)
    assert alerts(runtime) == {}
    read(runtime, at, *some(BAD_COURT, 2, at, "two"))
    assert alerts(runtime) == {}, "three stories are few, whatever the number of texts"
    read(runtime, at, *some(BAD_COURT, 7, at, "seven"))
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
        for text in ("{}", '{"read by": "topic"}', '{"topic": "money"}'):
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
    assert found.reason.startswith("0 texts in 1 h where 12 to 38 (24 on average) are usual")
    assert len(runtime.store.alert_documents.of_alert(found.id)) == 3
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


@pytest.mark.parametrize(("behind", "fires"), [(15, False), (125, True)])
def test_texts_fell_where_their_sources_were_read(
    make_runtime: Callable[..., Runtime], monitor_now: datetime, behind: int, fires: bool
) -> None:
    """The other texts fell as well, if the source of most was read of late; else nobody knows."""
    wire = '[[sources]]\nplugin = "list"\nname = "wire"\nevery = "15m"\n\n'
    runtime = make_runtime(DROP.replace("[[tasks]]", f"{wire}[[tasks]]", 1))
    runtime.sources["wire"].waiting = some(BAD_COURT, 3, monitor_now, "wire")
    runtime.fetch("wire", monitor_now)
    read(runtime, monitor_now, *some(GOOD_MONEY, 3, monitor_now))
    fill(runtime, monitor_now, 28)
    with runtime.store.transaction() as connection:
        connection.execute(
            "update counts set total = 10 where series_id in "
            """(select id from series where selection in ('{}', '{"read by": "topic"}'))"""
        )
    later = monitor_now + timedelta(minutes=125)
    runtime.fetch("wire", later - timedelta(minutes=behind))
    idle(runtime, later)
    assert set(alerts(runtime)) == ({"no-more-money"} if fires else set())


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
    assert len(runtime.store.alert_documents.of_alert(found["bad-for-one"].id)) == 3
    totals = {tuple(s.items()): n for s, n in runtime.store.series.totals()}
    assert totals[(("entity", "Acme Corp"),)] == 5
    assert totals[(("entity", "Border Bank"), ("topic", "money"))] == 2
    assert runtime.store.stories.count({"entity": "Border Bank"}, 0, 2**40) == 2


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


# -- words and entities mentioned -----------------------------------------------------------

WORDS = with_rules(
    """
[[rules]]
name = "leaks"
kind = "keyword"
words = ["data leak", "Strike"]

[[rules]]
name = "bad-strike"
kind = "keyword"
words = ["strike"]
where = { mood = "bad" }

[[rules]]
name = "companies"
kind = "entity"
where = { entity = "*" }
window = "10m"

[[rules]]
name = "said-by-customers"
kind = "keyword"
words = ["outage"]
roles = ["customer"]
"""
).replace("[[sources]]", '[entities]\n"Acme Corp" = ["Acme"]\n"Border Bank" = []\n\n[[sources]]', 1)


def test_each_mention_fires_and_those_that_are_close_are_one_alert(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(WORDS)
    read(runtime, monitor_now, Document("old", "an old data leak"))
    assert alerts(runtime) == {}, "the first fetch is history"
    at = monitor_now + timedelta(minutes=5)
    texts = ["A DATA\nLEAK", "great success, no strike", "striker scores"]
    read(runtime, at, *(Document(text, text, published_at=at) for text in texts))
    found = alerts(runtime)
    assert set(found) == {"leaks"}
    assert (found["leaks"].observed, found["leaks"].selection) == (2, {})
    assert found["leaks"].reason == "2 texts with 'data leak' (1), 'Strike' (1)"
    later = at + timedelta(minutes=30)
    read(runtime, later, Document("bad", f"{BAD_COURT} strike", published_at=later))
    found = alerts(runtime)
    assert (found["leaks"].observed, found["leaks"].reason) == (
        3,
        "3 texts with 'Strike' (2), 'data leak' (1)",
    )
    assert found["bad-strike"].selection == {"mood": "bad"}
    assert len(runtime.store.alert_documents.of_alert(found["leaks"].id)) == 3
    settle(runtime, later + timedelta(minutes=59))
    assert alerts(runtime)["leaks"].state == "firing"
    settle(runtime, later + timedelta(minutes=61))
    assert alerts(runtime)["leaks"].state == "resolved"
    read(runtime, later, Document("bad", f"{BAD_COURT} strike again", published_at=later))
    assert len(runtime.store.alerts.find(rule="leaks")) == 1, "an edited text is no second mention"
    again = later + timedelta(hours=2)
    read(runtime, again, Document("new", "strike", published_at=again))
    assert [a.state for a in runtime.store.alerts.find(rule="leaks")] == ["firing", "resolved"]


def test_a_word_that_no_text_said_before_is_told_at_once(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    words = ["leak", "strike", "outage", "recall", "fraud", "breach", "arson"]
    rule = f'[[rules]]\nname = "words"\nkind = "keyword"\nwords = {json.dumps(words)}\nwindow = "3h"\n'
    runtime = make_runtime(with_rules(rule))
    runtime.notifiers["desk"] = desk = Recorder()
    read(runtime, monitor_now)
    times = [monitor_now]

    def said(*texts: str) -> list[str]:
        """The titles that come when these are read, ten minutes later."""
        times.append(times[-1] + timedelta(minutes=10))
        number = len(times)
        read(
            runtime,
            times[-1],
            *(
                Document(f"{number}-{n}", f"{t} {number}", published_at=times[-1])
                for n, t in enumerate(texts)
            ),
        )
        runtime.deliver("desk", times[-1])
        came = [notification.title for notification in desk.sent]
        desk.sent.clear()
        return came

    assert said("a leak", "the leak", "that leak", "this leak") == [
        "4 texts with 'leak': \"this leak 2\" [words]"
    ]
    assert said("a leak") == []
    (title,) = said("a strike")
    assert title.startswith("Grown: 6 texts with 'leak' (5), 'strike' (1); told before: 4")
    assert said("a strike", "a leak") == [], "both are known now"
    assert "'outage' (1), 'recall' (1)" in said("outage and recall")[0]
    assert len(said("fraud")) == 1
    assert said("breach") == [], "more words than a title shows are told at twice as many texts"
    (alert,) = runtime.store.alerts.find(rule="words")
    steps = [s.reason for s in runtime.store.transitions.of_alert(alert.id) if s.state == "widened"]
    assert steps == ["also 'strike'", "also 'outage', 'recall'", "also 'fraud'"]
    for minute in range(5):  # the clock is put back, to before all of this
        runtime.tick(monitor_now + timedelta(minutes=minute))
        runtime.deliver("desk", monitor_now + timedelta(minutes=minute))
    assert desk.sent == [], "what was told is no news by another clock"


def test_words_count_of_the_roles_that_a_rule_names(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(WORDS)
    read(runtime, monitor_now)
    at = monitor_now + timedelta(minutes=5)
    read(runtime, at, Document("a", "sorry about the outage", role="agent", published_at=at))
    assert alerts(runtime) == {}
    read(runtime, at, Document("c", "an outage again", role="customer", published_at=at))
    assert alerts(runtime)["said-by-customers"].observed == 1


def test_each_entity_has_an_alert_of_its_own(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(WORDS)
    read(runtime, monitor_now)
    at = monitor_now + timedelta(minutes=5)
    read(
        runtime,
        at,
        Document("a", "acme and Border Bank", published_at=at),
        Document("b", "Acme", published_at=at),
    )
    found = {a.selection["entity"]: a for a in runtime.store.alerts.find(rule="companies")}
    assert {name: a.observed for name, a in found.items()} == {"Acme Corp": 2, "Border Bank": 1}
    assert found["Acme Corp"].reason == "2 texts with 'Acme Corp'"


# -- silence of a source ----------------------------------------------------------------------

SILENCE = with_rules(
    """
[[rules]]
name = "sources"
kind = "silence"

[[rules]]
name = "any-court"
kind = "threshold"
where = { topic = "court" }
at_least = 3
"""
)


def hourly(now: datetime, days: int) -> list[Document]:
    return [
        Document(f"h{n}", f"{GOOD_MONEY} {n}", published_at=now - timedelta(hours=n))
        for n in range(24 * days)
    ]


def test_a_silent_source_fires_and_freezes_what_it_feeds(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(SILENCE)
    read(runtime, monitor_now, *hourly(monitor_now, 20))
    at = monitor_now + timedelta(hours=1)
    read(runtime, at, *some(BAD_COURT, 4, at))
    assert set(alerts(runtime)) == {"any-court"}
    runtime.sources["news"].waiting = [SourceError("no route")] * 3
    for minutes in (5, 15, 30):
        with pytest.raises(SourceError):
            runtime.fetch("news", at + timedelta(minutes=minutes))
    broken = at + timedelta(minutes=30)
    runtime.tick(broken)
    court = alerts(runtime)["any-court"]
    assert frozen(runtime.store, court, ()) == "the source news cannot be read; it gave 4 of its 4 texts"
    runtime.tick(at + timedelta(hours=3))
    found = alerts(runtime)
    assert found["sources"].selection == {"source": "news"}
    assert found["sources"].reason.startswith("cannot be read for ")
    assert found["any-court"].state == "firing", "a source that fails is no calm"
    assert frozen(runtime.store, found["sources"], ["news"]) is None
    runtime.sources["news"].waiting = []
    read(runtime, at + timedelta(hours=4))
    read(runtime, at + timedelta(hours=5))
    found = alerts(runtime)
    assert (found["sources"].state, found["any-court"].state) == ("resolved", "resolved")
    for hours in (10, 14, 22):
        read(runtime, at + timedelta(hours=hours))
    found = alerts(runtime)["sources"]
    assert found.state == "firing"
    assert found.reason.startswith("nothing new for 22 h")
    new = at + timedelta(hours=23)
    read(runtime, new, Document("new", GOOD_MONEY, published_at=new))
    assert alerts(runtime)["sources"].state == "resolved"


BRIEF = with_rules(
    """
[[rules]]
name = "many"
kind = "threshold"
where = { topic = "court" }
at_least = 3
window = "15m"
keep_firing_for = "1h"

[[rules]]
name = "lasting"
kind = "threshold"
where = { topic = "court" }
at_least = 3
window = "15m"
for = "30m"

[[rules]]
name = "named"
kind = "keyword"
words = ["lawsuit"]
keep_firing_for = "1h"
"""
)


def test_while_nothing_is_heard_the_clocks_of_an_alert_stand_still(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    """What was quiet for a while when its source failed was not quiet for the hours of the failure."""
    runtime = make_runtime(BRIEF)
    read(runtime, monitor_now, *hourly(monitor_now, 2))
    at = monitor_now + timedelta(hours=1)

    def steps(rule: str) -> list[str]:
        return [step.state for step in runtime.store.transitions.of_alert(alerts(runtime)[rule].id)]

    read(runtime, at, *some(f"{BAD_COURT} lawsuit", 4, at))
    read(runtime, at + timedelta(minutes=25))
    assert alerts(runtime)["many"].quiet_since == at + timedelta(minutes=25)
    assert steps("lasting") == ["pending", "resolved"]
    new = at + timedelta(minutes=26)
    read(runtime, new, *some(f"{BAD_COURT} lawsuit", 4, new, "more"))
    read(runtime, new + timedelta(minutes=20))
    runtime.sources["news"].waiting = [SourceError("no route")] * 3
    for minutes in (30, 31, 32):
        with pytest.raises(SourceError):
            runtime.fetch("news", new + timedelta(minutes=minutes))
    for minutes in (32, 33, 120, 400):
        runtime.tick(new + timedelta(minutes=minutes))
    for rule in ("many", "named"):
        found = alerts(runtime)[rule]
        assert (found.frozen_at, found.quiet_since) == (new + timedelta(minutes=32), None)
        assert steps(rule) == ["firing", "frozen"]
    runtime.sources["news"].waiting = []
    back = new + timedelta(minutes=401)
    runtime.fetch("news", back)
    runtime.tick(back)
    assert {steps(rule)[-1] for rule in ("many", "named")} == {"thawed"}, "its texts are yet to be read"
    read(runtime, back + timedelta(minutes=59))
    assert {alerts(runtime)[rule].state for rule in ("many", "named")} == {"firing"}
    read(runtime, back + timedelta(minutes=60))
    assert {alerts(runtime)[rule].state for rule in ("many", "named")} == {"resolved"}


def test_an_alert_on_a_silence_that_is_kept_open_holds_up_no_other_one_once_its_source_is_heard(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(SILENCE.replace('kind = "silence"', 'kind = "silence"\nkeep_firing_for = "6h"'))
    read(runtime, monitor_now)
    read(runtime, monitor_now, *some(BAD_COURT, 4, monitor_now))
    runtime.sources["news"].waiting = [SourceError("no route")] * 3
    for minutes in (5, 15, 30):
        with pytest.raises(SourceError):
            runtime.fetch("news", monitor_now + timedelta(minutes=minutes))
    runtime.tick(monitor_now + timedelta(hours=3))
    assert alerts(runtime)["any-court"].frozen_at is not None
    back = monitor_now + timedelta(hours=4)
    read(runtime, back)
    found = alerts(runtime)
    assert (found["sources"].state, found["sources"].quiet_since) == ("firing", back)
    assert found["any-court"].frozen_at is None


ROUTE = '[[routes]]\nname = "all"\nnotify = ["desk"]\nrepeat_interval = "2h"\n'


def test_what_is_said_again_of_an_alert_whose_source_fails_takes_no_silence_for_calm(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(f"{SILENCE}\n{ROUTE}")
    read(runtime, monitor_now)
    read(runtime, monitor_now, *some(BAD_COURT, 4, monitor_now))
    runtime.deliver("desk", monitor_now)
    runtime.sources["news"].waiting = [SourceError("no route")] * 3
    for minutes in (5, 15, 30):
        with pytest.raises(SourceError):
            runtime.fetch("news", monitor_now + timedelta(minutes=minutes))
    for minutes in (61, 65, 121, 125):
        runtime.tick(monitor_now + timedelta(minutes=minutes))
        runtime.deliver("desk", monitor_now + timedelta(minutes=minutes))
    recorder = runtime.notifiers["desk"]
    assert isinstance(recorder, Recorder)
    *_, last = [one for one in recorder.sent if one.data["rule"] == "any-court"]
    assert last.title.startswith(
        "Still open, nothing heard from its source: 4 texts on court in 1 h, limit 3; raised 2 h"
    )
    frozen = monitor_now + timedelta(minutes=61)
    assert last.body.splitlines()[:3] == [
        "Still open after 2 h 1 min. Nobody has acknowledged it.",
        f"Since {frozen:%H:%M} UTC nobody can say whether it is over: its source is silent or cannot be read.",
        "4 texts on court in 1 h; the rule's limit is 3.",
    ]


def test_a_drop_whose_source_is_read_no_more_ends(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(DROP)
    read(runtime, monitor_now, *some(GOOD_MONEY, 3, monitor_now))
    fill(runtime, monitor_now, 28)
    later = monitor_now + timedelta(hours=2)
    idle(runtime, later)
    assert alerts(runtime)["no-more-money"].state == "firing"
    runtime.store.sources.sync([])
    for hours in (1, 2, 3):
        runtime.tick(later + timedelta(hours=hours))
    found = alerts(runtime)["no-more-money"]
    assert found.state == "resolved"
    assert runtime.store.transitions.ended(found.id) == "the source is not read any more"


def test_an_alert_on_a_source_that_is_gone_ends(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(SILENCE)
    runtime.sources["news"].waiting = [SourceError("no route")] * 3
    for _ in range(3):
        with pytest.raises(SourceError):
            runtime.fetch("news", monitor_now)
    runtime.tick(monitor_now)
    assert alerts(runtime)["sources"].state == "firing"
    runtime.store.sources.sync([])
    runtime.tick(monitor_now)
    assert alerts(runtime)["sources"].state == "resolved"


# -- conversations ----------------------------------------------------------------------------

THREADS = with_rules(
    """
[[rules]]
name = "waiting"
kind = "conversation"
when = "unanswered"
where = { mood = "bad" }
after = "30m"

[[rules]]
name = "turning"
kind = "conversation"
when = "worse"
where = { mood = "bad" }
"""
)


def turn(name: str, text: str, at: datetime, role: str = "customer", thread: str = "7") -> Document:
    return Document(name, text, thread=thread, role=role, published_at=at)  # type: ignore[arg-type]


def test_an_unanswered_complaint_fires_as_time_goes_by_and_ends_with_the_answer(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(THREADS)
    read(runtime, monitor_now, turn("old", BAD_COURT, monitor_now, thread="1"))
    at = monitor_now + timedelta(minutes=5)
    read(
        runtime, at, turn("a", BAD_COURT, at), turn("b", GOOD_MONEY, at, thread="8"),
        turn("c", BAD_MONEY, at, thread="9"), turn("d", "we look into it", at + timedelta(seconds=1), "agent", "9"),
    )  # fmt: skip
    runtime.tick(at + timedelta(minutes=40))
    assert alerts(runtime) == {}, "the source was not read since: perhaps there is an answer"
    read(runtime, at + timedelta(minutes=29))
    assert alerts(runtime) == {}
    read(runtime, at + timedelta(minutes=31))
    found = alerts(runtime)["waiting"]
    assert (found.selection, found.reason) == (
        {"source": "news", "thread": "7"},
        "unanswered for 31 min, 1 bad text",
    )
    assert len(runtime.store.alert_documents.of_alert(found.id)) == 1
    read(runtime, at + timedelta(minutes=180))
    assert alerts(runtime)["waiting"].reason == "unanswered for 3 h, 1 bad text", "it says what is now"
    late = at + timedelta(minutes=190)
    read(runtime, late, turn("e", "sorry, here is your refund", late, "agent"))
    assert alerts(runtime)["waiting"].state == "resolved"
    assert len(runtime.store.alerts.find()) == 1
    assert runtime.store.transitions.ended(found.id) == "quiet again: answered after 3 h 10 min"


def test_a_reply_in_the_minute_of_the_answer_waits_for_another(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(THREADS)
    read(runtime, monitor_now, turn("old", BAD_COURT, monitor_now, thread="1"))
    at = monitor_now + timedelta(minutes=5)
    read(
        runtime, at, turn("a", "did you look for it?", at, "agent"), turn("b", BAD_COURT, at),
        turn("c", BAD_MONEY, at, thread="9"), turn("d", "we look into it", at, "agent", "9"),
    )  # fmt: skip
    read(runtime, at + timedelta(minutes=31))
    (found,) = [alert for alert in runtime.store.alerts.find() if alert.rule == "waiting"]
    assert (found.state, found.selection["thread"]) == ("firing", "7")
    (rule,) = [rule for rule in runtime.rules if rule.name == "waiting"]
    end = at + timedelta(minutes=40)
    for as_live in (False, True):
        (report,) = try_on_store(runtime.store, [rule], monitor_now - timedelta(days=1), end, as_live=as_live)
        assert "7" in {one.selection["thread"] for one, _ in report.alerts}
        assert "9" not in {one.selection["thread"] for one, _ in report.alerts}


def test_a_thread_that_turns_worse_fires_at_once(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(THREADS)
    read(runtime, monitor_now)
    for minute, text in enumerate([GOOD_MONEY, BAD_COURT, BAD_MONEY]):
        assert "turning" not in alerts(runtime)
        at = monitor_now + timedelta(minutes=minute)
        runtime.sources["news"].waiting = [turn(str(minute), text, at)]
        runtime.fetch("news", at)
        runtime.classify(at)
    found = alerts(runtime)["turning"]
    assert found.reason == "2 bad texts in a row from the customer; the one before was different"
    assert len(runtime.store.alert_documents.of_alert(found.id)) == 2
    read(runtime, monitor_now + timedelta(hours=23))
    assert alerts(runtime)["turning"].state == "firing"
    read(runtime, monitor_now + timedelta(hours=25))
    assert alerts(runtime)["turning"].state == "resolved"


# -- answers that drift -----------------------------------------------------------------------

MODEL = with_rules('[[rules]]\nname = "fit"\nkind = "model"\ntasks = ["mood"]\nmin_count = 20\n')


def test_labels_that_no_longer_fit_are_noticed(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(MODEL)
    past = [
        Document(f"{day}-{n}", f"{text} day {day}", published_at=monitor_now - timedelta(days=day, hours=n))
        for day in range(7, 35)
        for n, text in enumerate([GOOD_MONEY, GOOD_MONEY, BAD_COURT])
    ]
    read(runtime, monitor_now, *past)
    assert alerts(runtime) == {}
    recent = [
        Document(
            f"{day}-{n}", f"{BAD_MONEY} day {day}", published_at=monitor_now - timedelta(days=day, hours=n)
        )
        for day in range(7)
        for n in range(4)
    ]
    later = monitor_now + timedelta(hours=1)
    read(runtime, monitor_now, *recent)
    assert alerts(runtime) == {}, "it looks once an hour"
    settle(runtime, later)
    found = alerts(runtime)["fit"]
    assert found.selection == {"task": "mood"}
    assert "bad 100 % (usually 33 %)" in found.reason


def test_recent_days_that_are_not_whole_end_now(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(MODEL.replace("min_count = 20", 'min_count = 20\nrecent = "36h"'))
    mix = [GOOD_MONEY, GOOD_MONEY, BAD_COURT]
    past = [
        Document(f"{n}", f"{mix[n % 3]} number {n}", published_at=monitor_now - timedelta(hours=12 + 2 * n))
        for n in range(12 * 20)
    ]
    recent = [
        Document(f"new {n}", f"{BAD_MONEY} {n}", published_at=monitor_now - timedelta(minutes=15 * n))
        for n in range(40)
    ]
    read(runtime, monitor_now - timedelta(hours=1))
    read(runtime, monitor_now, *past, *recent)
    settle(runtime, monitor_now + timedelta(hours=1))
    found = alerts(runtime)["fit"]
    assert found.reason.startswith("other labels than usual in 1 day: ")
    assert found.since == monitor_now - timedelta(days=1), "days are whole ones"


def test_a_wave_of_many_texts_began_before_its_alert_was_raised(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    """Not only the newest hundred, which are read, say since when it lasts."""
    runtime = make_runtime(BRIEF.replace('window = "15m"', 'window = "1h"'))
    read(runtime, monitor_now)
    for step in range(6):
        at = monitor_now + timedelta(minutes=5 * step)
        new = [
            Document(f"{step}-{n}", f"{BAD_COURT} {step} {n}", published_at=at - timedelta(seconds=9 * n))
            for n in range(20 if step else 4)
        ]
        read(runtime, at, *new)
        runtime.deliver("desk", at)
    recorder = runtime.notifiers["desk"]
    assert isinstance(recorder, Recorder)
    *_, last = [one for one in recorder.sent if one.data["rule"] == "many"]
    assert "Of the newest 100 texts" in last.body
    began = f"{monitor_now - timedelta(seconds=27):%H:%M}"
    assert f"Since {began} UTC, newest text" in last.body
    assert f"raised {monitor_now:%H:%M} UTC on" in last.body


# -- trend ------------------------------------------------------------------------------------


def test_a_drift_over_weeks_is_noticed(make_runtime: Callable[..., Runtime], monitor_now: datetime) -> None:
    rule = '[[rules]]\nname = "drift"\nkind = "trend"\nwhere = { mood = "bad" }\nmin_per_day = 1\n'
    runtime = make_runtime(with_rules(rule))
    runtime.fetch("news", monitor_now)
    for day in range(28, -1, -1):
        at = monitor_now - timedelta(days=day, hours=1)
        runtime.sources["news"].waiting = some(BAD_COURT, 2 + (28 - day) // 4, at, str(day))
        runtime.fetch("news", at + timedelta(minutes=1))
    settle(runtime, monitor_now)
    found = alerts(runtime)["drift"]
    assert found.selection == {"mood": "bad"}
    assert found.reason.startswith("rising from ")


# -- new topics -------------------------------------------------------------------------------

TOPICS = with_rules('[[rules]]\nname = "unknown"\nkind = "new_topic"\ntasks = ["topic"]\nmin_stories = 6\n')
VOUCHER = "voucher expired coupon checkout refused"


def test_texts_that_fit_no_label_are_offered_as_one(
    make_runtime: Callable[..., Runtime], monitor_now: datetime
) -> None:
    runtime = make_runtime(TOPICS)
    odd = ["zebra", "yacht", "violin", "umbrella", "tulip", "saddle", "ribbon", "quartz", "panda", "oyster"]
    strange = [
        Document(f"s{n}", f"{a} {b} harbour{n}", published_at=monitor_now - timedelta(days=12, hours=n))
        for n, (a, b) in enumerate(pairwise(odd))
    ]
    old = some(GOOD_MONEY, 20, monitor_now - timedelta(days=13))
    read(runtime, monitor_now, *strange, *old)
    assert alerts(runtime) == {}
    at = monitor_now + timedelta(hours=1)
    read(runtime, at, *some(VOUCHER, 9, at), *some(BAD_COURT, 9, at))
    found = alerts(runtime)["unknown"]
    assert found.selection == {"task": "topic"}
    assert found.observed >= 6
    behind = runtime.store.documents.many(runtime.store.alert_documents.of_alert(found.id))
    assert {d.external_id[:5] for d in behind} == {VOUCHER[:5]}
    assert " texts that fit no label resemble each other (" in found.reason
    command = found.reason.rpartition("to make them a label: ")[2]
    offered = {int(word) for word in command.split() if word.isdigit()}
    assert len(offered) == 5
    assert offered <= {d.id for d in behind}
    name = command.split()[4]
    assert set(name.split("-")) <= set(VOUCHER.split())
    # the label is taken: the texts fit one, and the alert ends
    task = runtime.store.tasks.need("topic").task
    wider = replace(task, labels={**task.labels, name: ""})
    runtime.store.tasks.sync([(wider, "labels", {})], at)
    runtime.store.tasks.add_seeds("topic", [Seed(d.text, name) for d in behind if d.id in offered], at)
    later = at + timedelta(hours=1)
    runtime.learn(later)
    runtime.relabel(later)
    settle(runtime, later)
    assert alerts(runtime)["unknown"].state == "resolved"
