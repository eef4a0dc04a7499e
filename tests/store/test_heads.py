"""Versions of heads: which one is in use, and the way back."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlite_utils import Database

from monitor.store import Store
from monitor.store.check import check
from monitor.store.heads import StoredHead, enough_to_tell
from monitor.store.migrations_alerts import core
from monitor.types import Task

MOOD = Task("mood", {"bad": "", "good": ""}, "sentiment")


@pytest.fixture
def store(monitor_store: Store, monitor_now: datetime) -> Store:
    monitor_store.tasks.sync([(MOOD, "labels", {})], monitor_now)
    return monitor_store


def add(store: Store, seeds: int, now: datetime) -> StoredHead:
    return store.heads.add(
        "mood",
        inputs=f"made of {seeds}",
        encoder="e",
        seeds=seeds,
        data=b"",
        now=now,
        view="topic",
        log_loss=0.5,
        accuracy=0.75,
        judged=seeds,
        reason=f"{seeds} seeds",
    )


def test_a_head_knows_how_it_came_about(store: Store, monitor_now: datetime) -> None:
    head = add(store, 12, monitor_now)
    assert (head.version, head.active, head.depth, head.view) == (1, True, "seeds", "topic")
    assert (head.log_loss, head.accuracy, head.judged, head.reason) == (0.5, 0.75, 12, "12 seeds")
    assert (head.previous, head.kept_for) == (None, None)
    assert store.heads.before(head) is None


def test_the_version_before_is_used_again_and_reads_the_past_again(
    store: Store, monitor_now: datetime
) -> None:
    first = add(store, 1, monitor_now)
    store.heads.relabelled(first.id)
    second = add(store, 2, monitor_now + timedelta(hours=1))
    before = store.heads.before(second)
    assert before is not None
    used = store.heads.use_again(before, kept_for="now")
    assert (used.version, used.active, used.relabelled, used.kept_for) == (1, True, False, "now")
    assert (used.reason, used.created_at) == ("1 seeds", monitor_now)
    newest, oldest = store.heads.versions("mood")
    assert (newest.active, newest.reason) == (False, "2 seeds; reverted to version 1")
    assert oldest == used
    assert check(store) == []


def test_what_was_reverted_is_not_gone_back_to(store: Store, monitor_now: datetime) -> None:
    add(store, 1, monitor_now)
    bad = add(store, 2, monitor_now)
    first = store.heads.before(bad)
    assert first is not None
    store.heads.use_again(first, kept_for="now")
    third = add(store, 3, monitor_now)
    assert (third.version, third.previous) == (3, 1)


def test_a_running_monitor_notices_that_a_version_is_used_again(store: Store, monitor_now: datetime) -> None:
    add(store, 1, monitor_now)
    revision = store.revision("learning")
    second = add(store, 2, monitor_now)
    assert store.revision("learning") == revision + 1, "another process may have made it"
    before = store.heads.before(second)
    assert before is not None
    store.heads.use_again(before, kept_for="now")
    assert store.revision("learning") == revision + 2


def test_heads_of_an_older_file_get_a_history(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    database = Database(path)
    core.apply(database, stop_before="m0005_histories_of_heads")
    for task in ("mood", "topic"):
        database.execute(
            "insert into tasks (name, adapter, multi, labels, origin, created_at) "
            "values (?, 'labels', 0, '{\"a\": \"\", \"b\": \"\"}', 'command', '2026-01-01T00:00:00.000000Z')",
            [task],
        )
    for task, version, seeds in (("mood", 1, 0), ("mood", 3, 1), ("topic", 1, 12), ("mood", 4, 20)):
        database.execute(
            "insert into heads (task, version, inputs, encoder, seeds, data, active, relabelled, created_at) "
            "values (?, ?, 'x', 'e', ?, x'00', ?, 1, '2026-01-01T00:00:00.000000Z')",
            [task, version, seeds, int((task, version) in (("mood", 4), ("topic", 1)))],
        )
    database.conn.commit()
    database.close()
    store = Store(path)
    found = [(h.version, h.depth, h.view, h.reason, h.previous) for h in store.heads.versions("mood")]
    assert found == [
        (4, "seeds", "base", "20 seeds", 3),
        (3, "seeds", "base", "1 seed", 1),
        (1, "names", "base", "names alone", None),
    ]
    assert [(h.reason, h.log_loss, h.accuracy) for h in store.heads.versions("topic")] == [
        ("12 seeds", None, None)
    ]
    assert check(store) == []
    store.close()


def test_of_a_head_of_an_older_file_is_not_known_how_many_seeds_judged_it(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    database = Database(path)
    core.apply(database, stop_before="m0023_how_many_seeds_judged_a_head")
    database.execute(
        "insert into tasks (name, adapter, multi, labels, origin, created_at) "
        "values ('mood', 'labels', 0, '{\"a\": \"\", \"b\": \"\"}', 'command', '2026-01-01T00:00:00.000000Z')"
    )
    database.execute(
        "insert into heads (task, version, inputs, encoder, seeds, data, active, relabelled, created_at, accuracy) "
        "values ('mood', 1, 'x', 'e', 30, x'00', 1, 1, '2026-01-01T00:00:00.000000Z', 0.9)"
    )
    database.conn.commit()
    database.close()
    store = Store(path)
    head = store.heads.active("mood")
    assert head is not None
    assert (head.seeds, head.accuracy, head.judged) == (30, 0.9, None)
    assert enough_to_tell(head.seeds, head.judged)
    assert check(store) == []
    store.close()


def test_a_score_on_few_left_out_seeds_tells_little() -> None:
    assert enough_to_tell(20, None)
    assert not enough_to_tell(19, None)
    assert not enough_to_tell(100, 19)  # the others are of no label
    assert enough_to_tell(1000, 200)


def test_a_task_without_a_head_in_use_is_found(store: Store, monitor_now: datetime) -> None:
    add(store, 1, monitor_now)
    store.connection.execute("update heads set active = 0, previous = 7")
    assert [line.split(":")[0] for line in check(store)] == [
        "task with heads but none in use",
        "head whose previous version is missing, task and version",
    ]
