"""Chats whose ids count within a conversation, or begin again: no text takes the place of another."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.pipeline.ingest import Fetched, fetch
from monitor.store import Store
from monitor.types import Document
from monitor_plugins.chatlog import Chatlog, ChatlogSettings

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
Fetch = Callable[..., Fetched]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "m.db")
    store.sources.sync([("chat", "chatlog", 30)])
    return store


@pytest.fixture
def chat(tmp_path: Path, store: Store) -> Fetch:
    """Writes records into the file, and fetches."""

    def write(*records: dict[str, Any], now: datetime = NOW, mode: str = "w") -> Fetched:
        with (tmp_path / "chat.jsonl").open(mode) as file:
            file.writelines(json.dumps(record) + "\n" for record in records)
        return again(now)

    def again(now: datetime) -> Fetched:
        return fetch(store, "chat", Chatlog(ChatlogSettings(path="chat.jsonl"), tmp_path), now=now, every=30)

    return write


def texts(store: Store) -> list[tuple[str, str]]:
    return sorted((found.thread, found.text) for found in store.documents.find(limit=None))


def test_ids_that_count_in_each_conversation(store: Store, chat: Fetch) -> None:
    said = [{"id": n, "thread": f"t{t}", "text": f"{t} says {n}"} for t in range(60) for n in range(3)]
    assert chat(*said).new == 180
    assert texts(store) == sorted((r["thread"], r["text"]) for r in said)
    store.sources.set_cursor("chat", {})
    assert str(chat(*reversed(said))) == "0 new, 0 changed, 180 known, 0 bad"
    said[4]["text"] = "mended"
    assert str(chat(*said)) == "0 new, 1 changed, 179 known, 0 bad"
    assert ("t1", "mended") in texts(store)


def test_a_counter_that_begins_again(store: Store, chat: Fetch) -> None:
    days = [
        {
            "id": 1,
            "thread": thread,
            "text": f"{thread} day {n}",
            "time": (NOW - timedelta(days=9 - 2 * n)).isoformat(),
        }
        for n in range(4)
        for thread in ("a", "")
    ]
    for record in days:
        assert chat(record).new == 1
    assert len(texts(store)) == 8
    for record in days:
        store.sources.set_cursor("chat", {})
        assert chat(record).known == 1
    later = {**days[6], "text": "edited", "time": (NOW - timedelta(days=3, hours=-5)).isoformat()}
    assert chat(later).edited == 1
    assert ("a", "edited") in texts(store)
    assert len(texts(store)) == 8


def test_a_counter_that_begins_again_every_day_at_any_hour(store: Store, chat: Fetch) -> None:
    times = [
        datetime(2025, 5, day, hour, tzinfo=UTC) for day, hour in ((1, 18), (2, 9), (3, 23), (4, 6), (5, 18))
    ]
    days = [{"id": 57, "text": f"on {time:%d}", "time": time.isoformat()} for time in times]
    assert [chat(record).new for record in days] == [1] * 5
    store.sources.set_cursor("chat", {})
    assert str(chat(*days)) == "0 new, 0 changed, 5 known, 0 bad"
    soon = {**days[2], "text": "mended", "time": (times[2] + timedelta(hours=5)).isoformat()}
    assert str(chat(soon, days[0])) == "0 new, 1 changed, 1 known, 0 bad"


def test_what_an_earlier_version_stored_under_the_plain_id_is_known(store: Store, chat: Fetch) -> None:
    old = Document("1", "a says 1", thread="a", role="customer")
    store.documents.add("chat", old, now=NOW, event_at=NOW, live=False)
    got = chat({"id": 1, "thread": "a", "text": "a says 1"}, {"id": 1, "thread": "b", "text": "b says 1"})
    assert (got.known, got.new) == (1, 1)


def test_a_conversation_that_was_renamed_is_known_by_its_moment(store: Store, chat: Fetch) -> None:
    record = {"id": 1, "thread": "a", "text": "hello", "time": "2025-05-01T10:00:00Z"}
    assert chat(record).new == 1
    assert chat({**record, "thread": "merged"}, {"id": 2, "text": "x"}).known == 1


@pytest.mark.parametrize("time", [{}, {"time": "2025-05-01T10:00:00Z"}])
def test_what_was_stored_before_the_conversation_was_read_is_known(
    store: Store, chat: Fetch, time: dict[str, str]
) -> None:
    """Whoever forgot the column, and imports the file again, has each text once."""
    said = [{"id": n, "text": f"text {n}", **time} for n in range(9)]
    assert chat(*said).new == 9
    store.sources.set_cursor("chat", {})
    assert chat(*({**record, "thread": f"t{n // 3}"} for n, record in enumerate(said))).known == 9


@pytest.mark.parametrize(
    "id_",
    ["0b87a0f0-6c3e-4f3c-9d0c-3f4b8f1d2a77", "507f1f77bcf86cd799439011", "1288834974657000001",
     "01ARZ3NDEKTSV4RRFFQ69G5FAV", "<a.1@mail.example.com>"],
)  # fmt: skip
def test_an_id_that_is_unique_by_its_form_is_enough(store: Store, chat: Fetch, id_: str) -> None:
    chat({"id": id_, "thread": "a", "text": "hello", "time": "2025-05-01T10:00:00Z"})
    assert chat({"id": id_, "thread": "b", "text": "edited", "time": "2025-05-09T10:00:00Z"}).edited == 1


def test_an_export_that_is_dated_by_the_last_change(store: Store, tmp_path: Path) -> None:
    """It is written anew each time. Where ids are said to be unique, the edit of a day later is one."""
    first = {"id": 7, "thread": "a", "text": "hello", "time": "2025-05-01T10:00:00Z"}
    later = {**first, "text": "hello, edited", "time": "2025-05-02T12:00:00Z"}
    for unique, texts in ((False, ["hello", "hello, edited", "hello, edited"]), (True, ["hello, edited"])):
        name = f"unique {unique}"
        store.sources.sync([(name, "chatlog", 30)])
        source = Chatlog(ChatlogSettings(path="chat.jsonl", unique_ids=unique), tmp_path)
        for record in (first, later, {**later, "thread": "b"}):
            (tmp_path / "chat.jsonl").write_text(json.dumps(record) + "\n")
            fetch(store, name, source, now=NOW, every=30)
        found = store.documents.find(source=name)
        assert sorted(d.text for d in found) == texts
        assert min(d.event_at for d in found) == datetime(2025, 5, 1, 10, tzinfo=UTC)


def test_ids_stay_unique_in_the_database(store: Store, chat: Fetch, tmp_path: Path) -> None:
    chat({"id": "1", "thread": "b", "text": "x"}, {"id": "1@a", "thread": "c", "text": "y"},
         {"id": "1", "thread": "a", "text": "z"}, {"id": "1", "thread": "a", "text": "zz"})  # fmt: skip
    with sqlite3.connect(tmp_path / "m.db") as connection:
        count, distinct = connection.execute(
            "select count(*), count(distinct external_id) from documents"
        ).fetchone()
    assert count == distinct
