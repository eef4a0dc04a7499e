"""Stories: what counts as told once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from monitor.pipeline.alerting.windows import Windows
from monitor.store import Store
from monitor.store.predictions import Answer
from monitor.store.room import bucket_of
from monitor.store.stories import Telling, grouped
from monitor.types import READ_BY, Document, Prediction, Task

HOUR = 3600


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Telling("a", "", "", 0), Telling("a", "", "", 48 * HOUR), True),
        (Telling("a", "", "", 0), Telling("a", "", "", 48 * HOUR + 1), False),
        (Telling("a", "https://x.org/1", "", 0), Telling("a", "https://y.org/2", "", 5), True),
        (Telling("a", "https://x.org/1#top", "", 0), Telling("b", "http://X.org/1", "", 5), True),
        (Telling("a", "https://x.org/1", "", 0), Telling("b", "https://x.org/2", "", 5), False),
        (Telling("a", "https://x.org/?id=1", "", 0), Telling("b", "https://x.org/?id=2", "", 5), False),
        (Telling("a", "https://x.org/", "", 0), Telling("b", "https://x.org", "", 5), False),
        (Telling("a", "https://x.org/t/7", "7", 0), Telling("b", "https://x.org/t/7", "7", 5), False),
        (Telling("a", "", "7", 0), Telling("a", "", "8", 5), False),
        (Telling("a", "", "7", 0), Telling("a", "", "7", 5), True),
        (Telling("a", "http://[", "", 0), Telling("b", "http://[", "", 5), True),
        (Telling("a", "", "", 0), Telling("b", "", "", 0), False),
    ],
)
def test_one_text_or_one_link_within_two_days(one: Telling, other: Telling, same: bool) -> None:
    assert (len(set(grouped([one, other]))) == 1) is same
    assert (len(set(grouped([other, one]))) == 1) is same


def test_a_chain_is_one_story_whatever_the_order() -> None:
    told = [
        Telling("c", "https://x.org/1", "", 9),
        Telling("z", "", "", 4),
        Telling("a", "https://x.org/1", "", 0),
        Telling("c", "https://y.org/9", "", 40 * HOUR),
        Telling("a", "", "", 100 * HOUR),
    ]
    assert grouped(told) == [0, 1, 0, 0, 2]
    assert grouped([]) == []


def test_the_store_counts_live_stories_of_a_selection(monitor_store: Store, monitor_now: datetime) -> None:
    store = monitor_store
    store.sources.sync([("news", "rss", 60)])
    store.tasks.sync([(Task("mood", {"good": "", "bad": ""}), "labels", {})], monitor_now)
    head = store.heads.add("mood", inputs="x", encoder="hash", seeds=0, data=b"", now=monitor_now).id
    written = [
        ("Bank fails", "bad", True), ("BANK fails!", "bad", True), ("Bank  fails", "bad", False),
        ("Bank saved", "good", True), ("Another bank fails", "bad", True),
    ]  # fmt: skip
    for n, (text, _, live) in enumerate(written):
        at = monitor_now + timedelta(minutes=n)
        store.documents.add("news", Document(str(n), text), now=at, event_at=at, live=live)
    for item in store.documents.pending(10):
        store.documents.classified(item.document.id, item.content_hash)
        mood = written[int(item.document.external_id)][1]
        store.predictions.record(item.document.id, {"mood": Answer([Prediction(mood, 0.9)], head)})
    start = bucket_of(monitor_now)
    assert store.stories.count({"mood": "bad"}, start, start + 300) == 2
    assert store.stories.count({}, start, start + 300) == 3
    assert store.stories.count({"mood": "good"}, start, start + 299) == 0
    assert store.stories.count({"mood": "bad"}, start + 300, start + 600) == 0


def test_the_store_counts_what_is_beside_a_selection(monitor_store: Store, monitor_now: datetime) -> None:
    store = monitor_store
    store.sources.sync([("chats", "chatlog", 60), ("mails", "chatlog", 60)])
    store.tasks.sync([(Task("mood", {"good": "", "bad": ""}), "labels", {})], monitor_now)
    head = store.heads.add("mood", inputs="x", encoder="hash", seeds=0, data=b"", now=monitor_now).id
    written = [
        ("chats", "1", "bad", True), ("chats", "1", "good", True), ("chats", "1", "good", False),
        ("chats", "1", "bad", True), ("chats", "2", "good", True), ("mails", "1", "good", True),
        ("chats", "", "bad", True), ("chats", "", "good", True),
    ]  # fmt: skip
    for n, (source, thread, _, live) in enumerate(written):
        document = Document(str(n), f"text {n}", thread=thread)
        store.documents.add(source, document, now=monitor_now, event_at=monitor_now, live=live)
    for item in store.documents.pending(10):
        store.documents.classified(item.document.id, item.content_hash)
        mood = written[int(item.document.external_id)][2]
        store.predictions.record(item.document.id, {"mood": Answer([Prediction(mood, 0.9)], head)})
    start = bucket_of(monitor_now)
    bad = {"mood": "bad"}
    assert store.stories.beside(bad, {}, start, start + 300) == 1
    assert Windows(store, as_live=True).beside(bad, {}, start, start + 300, monitor_now) == 2
    assert store.stories.beside(bad, {READ_BY: "mood"}, start, start + 300) == 1
    assert store.stories.beside(bad, {READ_BY: "topic"}, start, start + 300) == 0, "what no task read is none"
    assert store.stories.beside(bad, {}, start + 300, start + 600) == 0
    assert store.stories.beside({}, {}, start, start + 300) == 0
