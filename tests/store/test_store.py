"""The database file: schema, transactions, locks, and errors that people can mend."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from monitor.errors import MonitorError, StoreError, UnknownName
from monitor.store import Store
from monitor.store.check import check
from monitor.store.documents import MAX_EDITS
from monitor.store.lock import DaemonLock, one_at_a_time
from monitor.store.migrations_alerts import core
from monitor.store.notification_log import AlertGroup, Notified
from monitor.store.predictions import Answer, Reread
from monitor.store.recount import differences, recount
from monitor.store.room import bucket_of, to_text, to_time
from monitor.store.series import selections
from monitor.types import NO_LABEL, READ_BY, Document, Prediction, Seed, Task

MOOD = Task("mood", {"bad": "", "good": ""}, "sentiment")
TOPIC = Task("topic", {"court": "", "money": ""}, "topic", multi=True)


@pytest.fixture
def filled(monitor_store: Store, monitor_now: datetime) -> Store:
    store = monitor_store
    store.sources.sync([("news", "rss", 300.0)])
    store.tasks.sync([(MOOD, "labels", {}), (TOPIC, "labels", {})], monitor_now)
    for task in ("mood", "topic"):
        store.heads.add(task, inputs="x", encoder="e", seeds=0, data=b"", now=monitor_now)
    return store


@pytest.fixture
def usual_umask() -> Iterator[None]:
    """Files are readable by all, as on most machines."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def add(store: Store, name: str, at: datetime, *, live: bool = True, text: str = "text") -> int:
    store.documents.add("news", Document(name, f"{text} {name}"), now=at, event_at=at, live=live)
    return store.documents.pending(100)[-1].document.id


def answers(mood: str | None, *topics: str) -> dict[str, Answer]:
    found = {}
    if mood is not None:
        found["mood"] = Answer([Prediction(mood, 0.9)], 1)
    if topics:
        found["topic"] = Answer([Prediction(topic, 0.8) for topic in topics], 2)
    return found


def reread(store: Store, document: int, answer: Answer | None) -> Reread:
    (version,) = store.documents.versions([document])
    return Reread(document, version.content_hash, answer)


def test_opens_in_wal_mode_with_foreign_keys(monitor_store: Store) -> None:
    pragma = monitor_store.connection.execute
    assert pragma("pragma journal_mode").fetchone()[0] == "wal"
    assert pragma("pragma foreign_keys").fetchone()[0] == 1


def test_what_people_wrote_is_their_owners_alone(tmp_path: Path, usual_umask: None) -> None:
    store = Store(tmp_path / "a.db")
    store.backup(tmp_path / "copy.db")
    with DaemonLock(store.path):
        modes = {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()}
    store.close()
    names = ("a.db", "a.db-wal", "a.db-shm", "a.db.lock", "copy.db")
    assert modes == dict.fromkeys(names, "0o600")


def test_a_mode_that_was_set_on_purpose_stays(tmp_path: Path, usual_umask: None) -> None:
    Store(tmp_path / "a.db").close()
    (tmp_path / "a.db").chmod(0o640)
    store = Store(tmp_path / "a.db")
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()}
    store.close()
    assert modes == dict.fromkeys(("a.db", "a.db-wal", "a.db-shm"), "0o640")


def test_every_migration_is_applied_once_and_only_once(tmp_path: Path) -> None:
    store = Store(tmp_path / "a.db")
    names = [name for name, _ in store.schema.applied()]
    assert names == [f"monitor.{m.name}" for m in core._migrations]
    assert store.schema.migrate() == []
    store.close()


@pytest.mark.parametrize("stop", [m.name for m in core._migrations])
def test_a_file_of_any_earlier_version_is_brought_up_to_date(tmp_path: Path, stop: str) -> None:
    path = tmp_path / "old.db"
    database = Database(path)
    core.apply(database, stop_before=stop)
    if database.table("sources").exists():
        database.execute("insert into sources (name, plugin, every) values ('old', 'rss', 60)")
    database.close()
    store = Store(path)
    assert store.schema.pending() == []
    assert check(store) == []
    if stop != core._migrations[0].name:
        assert store.sources.get("old") is not None
    store.close()


def test_a_migration_that_looks_first_is_not_refused_because_others_write_meanwhile(tmp_path: Path) -> None:
    Store(tmp_path / "a.db").close()
    careful = Migrations("monitor-careful")
    refused: list[str] = []

    @careful()
    def m0001(db: Database) -> None:
        if db.table("notes").exists():
            return
        with closing(sqlite3.connect(tmp_path / "a.db", timeout=0)) as other:
            try:
                other.execute("update revisions set value = value + 1")
                other.commit()
            except sqlite3.OperationalError as error:  # it has to wait
                refused.append(str(error))
        db.table("notes").create({"id": int})

    store = Store(tmp_path / "a.db", migrations=[careful])
    assert store.schema.failed == {}
    assert refused == ["database is locked"]
    assert store.db.table("notes").exists()
    store.close()


def test_a_plugins_failing_migration_leaves_the_file_as_it_was_and_in_use(tmp_path: Path) -> None:
    Store(tmp_path / "a.db").close()
    broken = Migrations("monitor-broken")

    @broken()
    def m0001(db: Database) -> None:
        db.execute("create table broken_things (id integer)")
        raise ZeroDivisionError

    store = Store(tmp_path / "a.db", migrations=[broken])
    assert store.schema.failed == {"monitor-broken": "ZeroDivisionError: "}
    assert store.schema.pending() == ["monitor-broken.m0001"]
    assert "broken_things" not in store.db.table_names()
    store.close()


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    Store(tmp_path / "a.db").close()
    database = Database(tmp_path / "a.db")
    database["_sqlite_migrations"].insert(
        {"migration_set": "monitor", "name": "m9999_future", "applied_at": "2030-01-01"}
    )
    database.close()
    with pytest.raises(StoreError, match=r"newer version .*m9999_future"):
        Store(tmp_path / "a.db")


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("this is not a database at all, but a text" * 100)
    with pytest.raises(StoreError, match="not a SQLite database"):
        Store(tmp_path / "a.db")


def test_a_missing_file_is_only_made_where_that_is_meant(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no database"):
        Store(tmp_path / "a.db", create=False)


def test_a_folder_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as caught:
        Store(tmp_path / "file" / "a.db")
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_one_line_and_loses_nothing(filled: Store, monitor_now: datetime) -> None:
    add(filled, "kept", monitor_now)
    pages = filled.connection.execute("pragma page_count").fetchone()[0]
    filled.connection.execute(f"pragma max_page_count = {pages}")
    with pytest.raises(StoreError, match="the disk is full"):
        add(filled, "huge", monitor_now, text="x" * 1_000_000)
    filled.connection.execute("pragma max_page_count = 1000000")
    assert [p.document.external_id for p in filled.documents.pending(10)] == ["kept"]
    assert add(filled, "later", monitor_now)


def test_a_read_only_file_is_one_line(tmp_path: Path, monitor_now: datetime) -> None:
    Store(tmp_path / "a.db").close()
    store = Store(tmp_path / "a.db", read_only=True)
    with pytest.raises(StoreError, match="read-only"):
        store.heartbeats.beat("x", monitor_now)
    store.close()


def test_a_transaction_is_all_or_nothing(filled: Store, monitor_now: datetime) -> None:
    def work() -> None:
        with filled.transaction():
            add(filled, "a", monitor_now)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert filled.documents.count() == 0


def test_a_thread_that_ended_keeps_no_connection_open(monitor_store: Store) -> None:
    open_files = Path("/proc/self/fd") if Path("/proc/self/fd").exists() else Path("/dev/fd")
    monitor_store.documents.count()
    before = len(os.listdir(open_files))
    for _ in range(20):  # as the rounds of 20 configurations, one after the other
        thread = threading.Thread(target=monitor_store.documents.count)
        thread.start()
        thread.join()
    assert len(os.listdir(open_files)) <= before + 5


def test_threads_write_side_by_side(filled: Store, monitor_now: datetime) -> None:
    def write(n: int) -> None:
        for i in range(10):
            filled.documents.add(
                "news", Document(f"{n}-{i}", "t"), now=monitor_now, event_at=monitor_now, live=True
            )

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert filled.documents.count() == 40


def test_times_read_back_as_they_were_and_sort_as_text() -> None:
    first, last = (end.replace(tzinfo=UTC) for end in (datetime.min, datetime.max))  # noqa: DTZ901
    days = range(0, (last - first).days, 997)
    times = [first + timedelta(days=day, hours=day % 24, microseconds=day) for day in days]
    times.append(last)
    texts = [to_text(time) for time in times]
    assert [to_time(text) for text in texts] == times
    assert texts == sorted(texts)
    assert to_text(datetime.fromisoformat("2026-01-31T10:30:00+01:00")) == "2026-01-31T09:30:00.000000Z"


def test_a_text_of_the_year_1_that_no_earlier_version_could_read_counts_when_it_came(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    database = Database(path)
    core.apply(database, stop_before="m0013_dates_that_nobody_meant")
    database.execute("insert into sources (name, plugin, every) values ('news', 'rss', 60)")
    year_1, came, old = (
        f"{day}.999999Z" for day in ("1-01-01T00:00:00", "2026-03-02T09:34:59", "1987-01-01T00:00:00")
    )
    for name, at in (("a", year_1), ("b", old)):
        database.execute(
            "insert into documents (source, external_id, published_at, fetched_at, event_at, bucket, live, story, "
            "content_hash) values ('news', ?, ?, ?, ?, 7, 0, 'x', 'x')",
            [name, at, came, at],
        )
    database.conn.commit()
    database.close()
    store = Store(path)
    one, other = (version.document for version in store.documents.pending(9))
    assert (one.published_at, one.event_at) == (None, one.fetched_at)
    bucket = store.connection.execute("select bucket from documents where external_id = 'a'").fetchone()[0]
    assert bucket == bucket_of(one.fetched_at)
    assert other.event_at == other.published_at == to_time(old)
    assert check(store) == []
    store.close()


def test_what_each_task_read_before_it_was_counted_is_counted(filled: Store, monitor_now: datetime) -> None:
    """A file of before the fifteenth migration, which knows labels only."""
    unsure = {"mood": Answer([Prediction("bad", 0.3, True)], 1)}
    for name, hours, live, said in (
        ("a", 0, True, answers("bad", "court", "money")), ("b", 0, False, answers("good")), ("c", 1, True, unsure),
    ):  # fmt: skip
        at = monitor_now + timedelta(hours=hours)
        filled.documents.add("news", Document(name, name), now=at, event_at=at, live=live)
        filled.predictions.record(
            filled.connection.execute("select max(id) from documents").fetchone()[0], said
        )
    add(filled, "not read yet", monitor_now)
    with filled.transaction() as connection:
        of_tasks = "select id from series where selection like '%read by%'"
        connection.execute(f"delete from counts where series_id in ({of_tasks})")
        connection.execute("delete from series where selection like '%read by%'")
        connection.execute("delete from _sqlite_migrations where name = 'm0015_what_each_task_read'")
    assert len(check(filled)) == 3
    path = filled.path
    filled.close()
    store = Store(path)
    assert check(store) == []
    assert [(c.total, c.live) for c in store.series.counts({READ_BY: "mood"})] == [(2, 1), (1, 1)]
    assert [(c.total, c.live) for c in store.series.counts({READ_BY: "topic"})] == [(1, 1)]
    recount(store)
    assert check(store) == []
    assert [s for s, _ in store.series.totals() if READ_BY in s] == [], "they are no series of labels"
    store.close()


def test_only_one_daemon(tmp_path: Path) -> None:
    lock = DaemonLock(tmp_path / "a.db")
    assert lock.holder() is None
    lock.acquire()
    code = (
        "import sys; from pathlib import Path; from monitor.store.lock import DaemonLock\n"
        "lock = DaemonLock(Path(sys.argv[1])); print(lock.holder()); lock.acquire()"
    )
    other = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.db")], capture_output=True, text=True, check=False
    )
    assert other.stdout.strip() == str(os.getpid())
    assert "another monitor (process" in other.stderr
    lock.release()
    assert lock.holder() is None


def test_who_opens_a_file_while_a_monitor_starts_on_it_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.db"
    code = (
        "import sys; from pathlib import Path; from monitor.store import Store\n"
        "from monitor.store.lock import DaemonLock\n"
        "lock = DaemonLock(Path(sys.argv[1])); lock.acquire(); print('held', flush=True); sys.stdin.readline()\n"
        "Store(Path(sys.argv[1])); print('migrated', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as starting:
        assert starting.stdout is not None
        assert starting.stdin is not None
        starting.stdout.readline()
        turn = iter([starting.stdin])
        said: list[str] = []

        def wait(seconds: float) -> None:
            stdin = next(turn)  # once is enough
            stdin.write("go on\n")
            stdin.flush()
            said.append(starting.stdout.readline() if starting.stdout else "")

        monkeypatch.setattr("monitor.store.schema.time.sleep", wait)
        store = Store(path)
        assert said == ["migrated\n"]
        assert store.schema.migrated == []
        assert store.schema.pending() == []
        store.close()
        starting.communicate("")


def test_a_file_is_not_migrated_under_an_older_monitor_that_runs(tmp_path: Path) -> None:
    """What that would go on to write would lack what a newer schema has."""
    path = tmp_path / "a.db"
    database = Database(path)
    core.apply(database, stop_before="m0015_what_each_task_read")
    database.close()
    code = (
        "import sys; from pathlib import Path; from monitor.store.lock import DaemonLock\n"
        "lock = DaemonLock(Path(sys.argv[1])); lock.acquire(); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as older:
        assert older.stdout is not None
        older.stdout.readline()
        with pytest.raises(StoreError, match=rf"process {older.pid}\) is of an older version .* stop it"):
            Store(path)
        older.communicate("")
    lock = DaemonLock(path)
    lock.acquire()  # as a monitor does that starts
    store = Store(path)
    assert store.schema.migrated[0] == "monitor.m0015_what_each_task_read"
    store.close()
    lock.release()


def test_only_one_at_a_time_migrates(tmp_path: Path) -> None:
    """Also where one leaves, another one has waited, and a third one comes just then."""
    path, inside, most = tmp_path / "turn", list[int](), list[int]()

    def come_and_go(number: int) -> None:
        for _ in range(100):
            with one_at_a_time(path):
                inside.append(number)
                os.sched_yield()
                most.append(len(inside))
                inside.remove(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(come_and_go, range(8)))
    assert set(most) == {1}
    assert len(most) == 800
    assert not path.exists()


def _plan(store: Store, sql: str) -> list[str]:
    return [row[3] for row in store.connection.execute(f"explain query plan {sql}")]


def test_what_is_asked_often_reads_no_table_whole(filled: Store, monitor_now: datetime) -> None:
    for n in range(40):
        document = add(filled, str(n), monitor_now - timedelta(days=n))
        filled.predictions.record(document, answers("bad", "court"))
    said: list[str] = []
    filled.connection.set_trace_callback(said.append)
    filled.documents.find(thread="t")
    filled.documents.find(source="news", limit=5)
    filled.documents.span()
    filled.documents.count("failed")
    filled.documents.retry_failed()
    filled.series.busy(bucket_of(monitor_now - timedelta(hours=1)), 1)
    filled.connection.set_trace_callback(None)
    asked = [sql for sql in said if sql.split()[0] in ("select", "update")]
    plans = [plan for sql in asked for plan in _plan(filled, sql)]
    of_source = [plan for sql in asked if "source = 'news'" in sql for plan in _plan(filled, sql)]
    assert [plan for plan in of_source if "ORDER BY" in plan] == []  # newest first is the order of its index
    failed = "SCAN documents USING INDEX documents_failed"
    allowed = ("SCAN CONSTANT ROW", failed, failed.replace("USING", "USING COVERING"))
    assert plans
    assert of_source
    assert [plan for plan in plans if plan.startswith("SCAN") and plan not in allowed] == []


def test_a_thread_is_found_by_itself_not_among_all_texts_of_its_source(
    filled: Store, monitor_now: datetime
) -> None:
    document = filled.documents.get(add(filled, "a", monitor_now))
    assert document is not None
    said: list[str] = []
    filled.connection.set_trace_callback(said.append)
    filled.documents.find(source="news", thread="t", limit=5)
    filled.threads.turns("news", "t", {"mood": "bad"})
    filled.threads.before(document)
    filled.threads.unanswered({"mood": "bad"}, monitor_now - timedelta(days=1), monitor_now)
    filled.connection.set_trace_callback(None)
    of_threads = [sql for sql in said if "thread" in sql and "where id = " not in sql]
    assert len(of_threads) == 4
    for sql in of_threads:
        plan = _plan(filled, sql)
        assert any("USING INDEX documents_thread (thread=?)" in step for step in plan), (sql, plan)
        assert not any("documents_source" in step for step in plan), (sql, plan)


def test_counts_follow_predictions(filled: Store, monitor_now: datetime) -> None:
    one = add(filled, "a", monitor_now)
    two = add(filled, "b", monitor_now, live=False)
    filled.predictions.record(one, answers("bad", "court", "money"))
    filled.predictions.record(two, answers("bad"))
    total = {k: [(c.total, c.live) for c in filled.series.counts(s)] for k, s in {
        "all": {}, "bad": {"mood": "bad"}, "pair": {"mood": "bad", "topic": "money"}}.items()}  # fmt: skip
    assert total == {"all": [(2, 1)], "bad": [(2, 1)], "pair": [(1, 1)]}
    filled.predictions.record(one, answers("good", "money"))
    assert [(c.total, c.live) for c in filled.series.counts({"mood": "bad"})] == [(1, 0)]
    assert filled.series.counts({"topic": "court"}) == []
    assert differences(filled) == []


def test_a_swap_asks_as_many_questions_of_many_documents_as_of_few(
    filled: Store, monitor_now: datetime
) -> None:
    """The write lock is held for all of them."""
    ids = [add(filled, str(n), monitor_now - timedelta(hours=n)) for n in range(60)]
    for document in ids:
        filled.predictions.record(document, answers("bad", "court"))
    asked: list[int] = []
    for part, label in ((ids[:30], "good"), (ids[:3], "bad"), (ids[:30], "bad")):
        head = filled.heads.add("mood", inputs="y", encoder="e", seeds=1, data=b"", now=monitor_now)
        new = [reread(filled, i, Answer([Prediction(label, 0.7)], head.id)) for i in part]
        said: list[str] = []
        filled.connection.set_trace_callback(said.append)
        filled.predictions.swap("mood", head.id, new)
        filled.connection.set_trace_callback(None)
        begun = next(n for n, sql in enumerate(said) if sql == "begin immediate")
        asked.append(len(set(said[begun:])))  # one that pulls a trigger is said again for each row
        assert differences(filled) == []
    assert max(asked[1:]) - min(asked[1:]) <= 2, "but for series that are new"
    assert sum(c.total for c in filled.series.counts({"mood": "bad", "topic": "court"})) == 60


def test_swapped_predictions_rebuild_their_series(filled: Store, monitor_now: datetime) -> None:
    ids = [add(filled, str(n), monitor_now + timedelta(hours=n)) for n in range(6)]
    for n, document in enumerate(ids):
        filled.predictions.record(document, answers("bad" if n % 2 else "good", "court"))
        filled.documents.classified(document, filled.documents.pending(1)[0].content_hash)
    filled.series.clear_due()
    head = filled.heads.add("mood", inputs="y", encoder="e", seeds=1, data=b"", now=monitor_now)
    new = [reread(filled, i, Answer([Prediction("bad", 0.7)], head.id)) for i in ids[:4]]
    new.append(reread(filled, ids[4], None))
    assert filled.predictions.swap("mood", head.id, new) == 3
    assert sum(c.total for c in filled.series.counts({"mood": "bad"})) == 5
    assert sum(c.total for c in filled.series.counts({"mood": "bad", "topic": "court"})) == 5
    assert filled.series.counts({"mood": "good"}) == []
    assert filled.series.due() == {}
    assert check(filled) == []


def test_a_link_that_changes_is_noted_and_the_text_not_read_again(
    filled: Store, monitor_now: datetime
) -> None:
    """As where it moves to https, or has a number of the session in it at each poll."""
    for poll in range(MAX_EDITS + 2):
        moved = Document("a", "text", url=f"https://x/a?session={poll}")
        added = filled.documents.add("news", moved, now=monitor_now, event_at=monitor_now, live=True)
        assert added == ("known" if poll else "new")
        [version] = filled.documents.pending(9) or [None]
        if version is not None:
            filled.documents.classified(version.document.id, version.content_hash)
        assert (version is None) == bool(poll)
    [document] = filled.documents.find(limit=None)
    assert document.url == moved.url
    edited = Document("a", "other text", url=moved.url)
    assert filled.documents.add("news", edited, now=monitor_now, event_at=monitor_now, live=True) == "edited"


def test_an_edited_text_keeps_what_was_said_of_it_when_the_past_is_read_again(
    filled: Store, monitor_now: datetime
) -> None:
    document = add(filled, "a", monitor_now)
    filled.predictions.record(document, answers("good"))
    old = reread(filled, document, Answer([Prediction("good", 0.7)], 1))
    filled.documents.add(
        "news", Document("a", "all is lost"), now=monitor_now, event_at=monitor_now, live=True
    )
    filled.predictions.record(document, answers("bad"))
    assert filled.predictions.swap("mood", 1, [old]) == 0
    assert filled.predictions.labels([document]) == {document: {"mood": ["bad"], READ_BY: ["mood"]}}
    assert differences(filled) == []


@pytest.mark.parametrize("pages", [1, 3, 20])
def test_the_past_is_read_again_after_the_disk_for_temporary_tables_was_full(
    filled: Store, monitor_now: datetime, pages: int
) -> None:
    head = filled.heads.active("mood")
    assert head is not None
    connection = filled.connection
    connection.execute("create temp table there (id integer)")
    connection.execute("drop table there")
    connection.execute(f"pragma temp.max_page_count = {pages}")
    answer = Answer([Prediction("bad", 0.9)], head.id)
    with pytest.raises(sqlite3.OperationalError, match="disk is full"):
        filled.predictions.swap("mood", head.id, [Reread(n, "0" * 32, answer) for n in range(9000)])
    connection.execute("pragma temp.max_page_count = 100000")
    assert filled.predictions.swap("mood", head.id, []) == 0


def test_nobody_waits_while_the_past_is_read_again_and_a_stop_leaves_what_was(
    filled: Store, monitor_now: datetime
) -> None:
    ids = [add(filled, str(n), monitor_now) for n in range(3)]
    for document in ids:
        filled.predictions.record(document, answers("good"))

    def stopped() -> Iterator[Reread]:
        yield reread(filled, ids[0], Answer([Prediction("bad", 0.7)], 1))
        other = sqlite3.connect(filled.path, timeout=0)
        other.execute("update documents set error = 'read meanwhile'")
        other.commit()
        other.close()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        filled.predictions.swap("mood", 1, stopped())
    assert [filled.predictions.labels([i])[i]["mood"] for i in ids] == [["good"]] * 3
    new = [reread(filled, i, Answer([Prediction("bad", 0.7)], 1)) for i in ids]
    assert filled.predictions.swap("mood", 1, new) == 3
    assert check(filled) == []


def test_a_wrong_count_is_found(filled: Store, monitor_now: datetime) -> None:
    filled.predictions.record(add(filled, "a", monitor_now), answers("bad", "court"))
    filled.connection.execute("update counts set total = total + 1 where series_id = 1")
    assert len(differences(filled)) == 1
    assert any("stored (2, 1), counted (1, 1)" in line for line in check(filled))


def test_selections_of_a_document() -> None:
    found = list(selections({"topic": ["a", "b"], "mood": ["x"]}))
    assert found == [
        {}, {"topic": "a"}, {"topic": "b"}, {"mood": "x"},
        {"mood": "x", "topic": "a"}, {"mood": "x", "topic": "b"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [
        "profit",
        "PROFIT warn",
        'say "profit',
        "profit*",
        "(profit)",
        "AND profit OR",
        "-profit",
        "pro:fit",
        "*",
    ],
)
def test_whatever_people_type_can_be_searched(filled: Store, monitor_now: datetime, words: str) -> None:
    add(filled, "a", monitor_now, text="Profit warning, say analysts and profit or fit pro")
    filled.documents.find(words=words)


@pytest.mark.parametrize("words", ["w " * 3000, "x" * 100_000])
def test_a_whole_text_is_too_much_to_search_for(filled: Store, words: str) -> None:
    filled.documents.find(words=f"{'w' * 1000} " + "ß株" * 50 + " w" * 49 + " 株" * 49)
    with pytest.raises(MonitorError, match="too much to search for: give at most 100 words"):
        filled.documents.find(words=words)


@pytest.mark.parametrize(
    ("ago", "read", "known"),
    [
        ((0, 0.1, 0.4), None, 0.4),
        ((0, 0.1, 0.4, 20500), None, 0.4),
        ((0, 0.1, 0.4, 30, 31), 0, 0.4),
        ((0, 0.1, 3, 6, 12, 24, 20500), None, 24),
        ((0, 1, 5, 6, 7), 0, 1),
        ((0, 10, 25), None, 0),
        ((0, 10, 25, 50, 200), 30, 50),
    ],
    ids=["all", "1970", "a month", "ever rarer", "a gap", "rare and unread", "rare and read"],
)
def test_history_goes_back_as_long_as_texts_came_regularly(
    filled: Store, monitor_now: datetime, ago: tuple[float, ...], read: float | None, known: float
) -> None:
    for days in ago:
        document = add(filled, str(days), monitor_now - timedelta(days=days), live=False)
        filled.predictions.record(document, answers("bad"))
    if read is not None:
        at = monitor_now - timedelta(days=read)
        filled.sources.succeeded("news", at, at)
    found = filled.documents.history_from()
    assert found == bucket_of(monitor_now - timedelta(days=known))


def test_search_finds_edits_and_forgets_what_was(filled: Store, monitor_now: datetime) -> None:
    add(filled, "a", monitor_now, text="umbrella")
    filled.documents.add("news", Document("a", "lantern"), now=monitor_now, event_at=monitor_now, live=True)
    assert filled.documents.find(words="umbrella") == []
    assert len(filled.documents.find(words="lant")) == 1


def test_live_documents_are_classified_first(filled: Store, monitor_now: datetime) -> None:
    for name, live in (("old", False), ("new", True), ("older", False)):
        add(filled, name, monitor_now, live=live)
    assert [p.document.external_id for p in filled.documents.pending(9)] == ["new", "old", "older"]


def test_config_owns_its_tasks_and_seeds(filled: Store, monitor_now: datetime) -> None:
    tasks = filled.tasks
    with pytest.raises(MonitorError, match="in the configuration file"):
        tasks.add(MOOD, "labels", {}, monitor_now)
    tasks.sync_seeds("mood", {"file": [Seed("a", "bad"), Seed("b", "good")]}, monitor_now)
    tasks.add_seeds("mood", [Seed("c", "bad")], monitor_now)
    tasks.sync_seeds("mood", {"file": [Seed("b", "good")]}, monitor_now)
    assert [(s.seed.text, s.origin) for s in tasks.seeds("mood")] == [("b", "file"), ("c", "command")]
    with pytest.raises(MonitorError, match="comes from the seeds file"):
        tasks.remove_seed(tasks.seeds("mood")[0].id)
    with pytest.raises(UnknownName, match=r"known: \(none\), bad, good"):
        tasks.add_seeds("mood", [Seed("c", "ugly")], monitor_now)
    tasks.sync([(TOPIC, "labels", {})], monitor_now)
    assert [t.task.name for t in tasks.active()] == ["topic"]
    with pytest.raises(UnknownName, match="known: topic"):
        tasks.need("mood")


def test_a_seed_of_two_origins_stays_until_both_let_go(filled: Store, monitor_now: datetime) -> None:
    both = Seed("a", "bad")
    filled.tasks.sync_seeds("mood", {"adapter": [both], "file": [both]}, monitor_now)
    filled.tasks.sync_seeds("mood", {"adapter": [], "file": [both]}, monitor_now)
    assert [(s.seed.text, s.origin) for s in filled.tasks.seeds("mood")] == [("a", "file")]
    filled.tasks.sync_seeds("mood", {"adapter": [both], "file": []}, monitor_now)
    assert [(s.seed.text, s.origin) for s in filled.tasks.seeds("mood")] == [("a", "adapter")]
    filled.tasks.sync_seeds("mood", {"adapter": [], "file": []}, monitor_now)
    assert filled.tasks.seeds("mood") == []


def test_changed_seeds_are_noticed_and_unchanged_ones_are_not(filled: Store, monitor_now: datetime) -> None:
    revision = filled.revision("learning")
    filled.tasks.sync([(MOOD, "labels", {}), (TOPIC, "labels", {})], monitor_now)
    filled.tasks.sync_seeds("mood", {"file": []}, monitor_now)
    assert filled.revision("learning") == revision
    filled.tasks.add_seeds("mood", [Seed("a", "bad")], monitor_now)
    assert filled.revision("learning") > revision


def test_a_backup_is_a_whole_database(filled: Store, monitor_now: datetime, tmp_path: Path) -> None:
    add(filled, "a", monitor_now)
    filled.backup(tmp_path / "copy.db")
    copy = Store(tmp_path / "copy.db")
    assert copy.documents.count() == 1
    assert check(copy) == []
    copy.close()
    with pytest.raises(StoreError, match="exists already"):
        filled.backup(tmp_path / "copy.db")


def test_a_backup_that_fails_leaves_nothing_behind(filled: Store, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    code = (
        "import os, resource, sys; from pathlib import Path; from monitor.store import Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"  # what a quota does
        "try: store.backup(Path(sys.argv[2], 'copy.db'))\n"
        "finally: print(os.listdir(sys.argv[2]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, filled.path, folder], capture_output=True, text=True, check=False
    )
    assert "copy.db cannot be written" in done.stderr
    assert done.stdout == "[]\n"
    filled.backup(folder / "copy.db")
    assert [path.name for path in folder.iterdir()] == ["copy.db"]


def test_a_backup_into_a_folder_that_is_missing_is_one_line(filled: Store, tmp_path: Path) -> None:
    for target in (tmp_path / "no" / "copy.db", tmp_path / ("x" * 300)):
        with pytest.raises(StoreError, match="check that its folder exists"):
            filled.backup(target)


def test_bad_records_are_bounded(filled: Store, monitor_now: datetime) -> None:
    from monitor.types import BadRecord

    for _ in range(3):
        filled.sources.keep_bad("news", [BadRecord("why", f"line {n}") for n in range(600)], monitor_now)
    state = filled.sources.get("news")
    assert state is not None
    assert state.bad_total == 1800
    assert len(filled.sources.bad("news", 5000)) == 1000


def test_any_sqlite_tool_reads_it(filled: Store, monitor_now: datetime) -> None:
    add(filled, "a", monitor_now)
    with sqlite3.connect(filled.path) as plain:
        assert plain.execute("select event_at from documents").fetchone() == ("2026-03-02T09:30:00.000000Z",)
    plain.close()


def test_who_was_notified_before_there_was_a_log_is_known(tmp_path: Path, monitor_now: datetime) -> None:
    path = tmp_path / "old.db"
    database = Database(path)
    core.apply(database, stop_before="m0007_life_cycle_and_telling")
    alert = (
        "insert into alerts (id, rule, kind, fingerprint, selection, state, since, fired_at, last_firing_at, observed, "
        "expected, low, high, reason, notify) "
        "values (?, 'r', 'surge', ?, '{}', ?, ?, ?, ?, 9, 1, 0, 3, 'why', '[\"desk\"]')"
    )
    at = "2026-03-01T00:00:00.000000Z"
    entry = (
        "insert into outbox (key, alert_id, event, notifier, notification, created_at, next_at, state) "
        "values (?, ?, ?, 'desk', '{}', ?, ?, 'delivered')"
    )
    for number, mark, state in ((1, "a", "resolved"), (2, "a", "firing"), (3, "b", "firing")):
        database.execute(alert, [number, mark, state, at, at, at])
    for key, number, event in (("k1", 1, "firing"), ("k2", 1, "resolved"), ("k3", 2, "firing")):
        database.execute(entry, [key, number, event, at, at])
    database.conn.commit()
    database.close()
    store = Store(path)
    assert [a.number for a in store.alerts.find()] == [1, 2, 1]
    assert [bool(store.notification_log.of_alert(n)) for n in (1, 2, 3)] == [True, True, False]
    assert [
        t.resolved_at is not None for n in (1, 2) for t in store.notification_log.of_alert(n).values()
    ] == [
        True,
        False,
    ]
    assert [a.id for a in store.alerts.unsettled()] == [2, 3], "what is over and was notified of is settled"
    store.close()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("登录", 2),
        ("退款", 1),
        ("iphone", 2),
        ("iPhone 登录", 1),
        ("phone", 0),
        ("アプリ", 1),
        ("Störung app", 0),
        ("störung", 1),
        ("100% 折扣", 1),
        ("[折扣]", 0),
        ("Strasse", 1),
        ("STRASSE 5", 1),
        ("straße 5", 1),
    ],
)
def test_words_are_found_where_there_are_no_blanks_between_them(
    filled: Store, monitor_now: datetime, words: str, found: int
) -> None:
    texts = ["我的iPhone登录不了", "无法登录,请给我退款", "my iPhone broke", "新アプリが", "eine Störung"]
    texts += ["全场100% 折扣*", "Straße 5"]
    for number, text in enumerate(texts):
        add(filled, str(number), monitor_now, text=text)
    assert len(filled.documents.find(words=words)) == found


def test_who_was_notified_before_windows_were_noted_is_notified_on(tmp_path: Path) -> None:
    database = Database(tmp_path / "monitor.db")
    core.apply(database, stop_before="m0018_in_which_window_it_was_when_told")
    database.conn.execute(
        "insert into alerts (rule, kind, fingerprint, selection, state, since, fired_at, last_firing_at, "
        "observed, expected, low, high, reason, notify) "
        "values ('r', 'surge', 'f', '{}', 'firing', ?1, ?1, ?1, 9, 1, 0, 3, '9 texts', '[]')",
        ["2026-03-02T09:30:00.000000Z"],
    )
    database.conn.execute(
        "insert into alert_tellings (alert_id, notifier, told_at, last_at, observed) values (1, 'desk', ?1, ?1, 9)",
        ["2026-03-02T09:30:00.000000Z"],
    )
    database.conn.commit()
    database.close()
    store = Store(tmp_path / "monitor.db")
    (notified,) = store.notification_log.of_alert(1).values()
    assert (notified.observed, notified.seconds) == (9, None)
    store.close()


def test_what_was_logged_and_grouped_under_earlier_names_is_kept(tmp_path: Path) -> None:
    at = "2026-03-02T09:30:00.000000Z"
    database = Database(tmp_path / "monitor.db")
    core.apply(database, stop_before="m0021_notifications_by_their_name")
    connection = database.conn
    for number, state in ((1, "firing"), (2, "resolved")):
        connection.execute(
            "insert into alerts (id, rule, kind, fingerprint, selection, state, since, fired_at, last_firing_at, "
            "observed, expected, low, high, reason, notify) "
            "values (?1, 'r', 'surge', 'f', '{}', ?2, ?3, ?3, ?3, 9, 1, 0, 3, '9 texts', '[]')",
            [number, state, at],
        )
        connection.execute(
            "insert into alert_tellings (alert_id, notifier, route, told_at, times, last_at, observed, seconds) "
            "values (?1, 'desk', 'all', ?2, 2, ?2, 9, 900)",
            [number, at],
        )
    connection.execute(
        "insert into outbox (id, key, event, notifier, notification, created_at, waits_since, next_at) values "
        "(7, 'k', 'firing', 'desk', ?2, ?1, ?1, ?1)",
        [at, '{"key": "k", "event": "firing", "title": "t", "body": "b", "data": {}}'],
    )
    connection.execute("insert into letter_alerts values (7, 1), (7, 2)")
    connection.execute(
        "insert into alert_groups (id, route, labels, opened_at, last_at, letters) values (4, 'all', '{}', ?1, ?1, 3)",
        [at],
    )
    connection.commit()
    database.close()
    store = Store(tmp_path / "monitor.db")
    (notified,) = store.notification_log.of_alert(1).values()
    moment = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    assert notified == Notified(1, "desk", "all", moment, 2, moment, None, 9, 900)
    assert [store.outbox.of_alert(number)[0].notification.key for number in (1, 2)] == ["k", "k"]
    assert store.notification_log.groups() == [AlertGroup(4, "all", {}, moment, moment, 3)]
    plain = store.connection
    assert plain.execute("pragma foreign_key_check").fetchall() == []
    refers = {
        table: {(row["table"], row["from"]) for row in plain.execute(f"pragma foreign_key_list({table})")}
        for table in ("notification_log", "outbox_alerts")
    }
    assert refers == {
        "notification_log": {("alerts", "alert_id")},
        "outbox_alerts": {("outbox", "outbox_id"), ("alerts", "alert_id")},
    }
    with pytest.raises(sqlite3.IntegrityError):
        plain.execute("insert into outbox_alerts values (8, 1)")
    left = "select name from sqlite_master where sql like '%letter%' or sql like '%telling%' or sql like '%told%'"
    assert plain.execute(left).fetchall() == [], "nothing has its earlier name"
    store.close()


def test_texts_that_fitted_no_label_become_seeds(tmp_path: Path) -> None:
    database = Database(tmp_path / "monitor.db")
    core.apply(database, stop_before="m0022_texts_of_no_label_are_seeds")
    connection = database.conn
    connection.execute(
        "insert into tasks (name, adapter, family, multi, labels, settings, origin, created_at) values "
        """('mood', 'labels', '', 0, '{"bad": "", "good": ""}', '{}', 'command', '2026-03-02')"""
    )
    connection.execute(
        "insert into seeds (task, label, text, origin, created_at) values "
        "('mood', 'bad', 'a loss', 'command', '2026-03-02')"
    )
    connection.execute(
        "insert into seeds (task, label, text, origin, created_at) values "
        "('mood', 'gone', 'once', 'command', '2026-03-02')"
    )
    for text, labels in (
        ("yes", '["bad", "good"]'),
        ("early", '["bad"]'),
        ("a  loss", '["bad", "good"]'),
        ("once", '["bad", "good"]'),
    ):
        connection.execute("insert into unfit_texts values ('mood', ?, ?)", [text, labels])
    connection.commit()
    database.close()
    store = Store(tmp_path / "monitor.db")
    kept = [(s.seed, s.counts_for(["bad", "good"])) for s in store.tasks.all_seeds("mood")]
    assert kept == [
        (Seed("a loss", "bad"), True),
        (Seed("once", "gone"), False),
        (Seed("early", NO_LABEL), False),
        (Seed("once", NO_LABEL), True),
        (Seed("yes", NO_LABEL), True),
    ]
    assert [s.seed.text for s in store.tasks.seeds("mood")] == ["a loss", "once", "yes"]
    store.close()


def test_an_adapters_texts_of_no_label_are_of_the_labels_that_there_are(
    monitor_store: Store, monitor_now: datetime
) -> None:
    tasks, none = monitor_store.tasks, [Seed("yes please", NO_LABEL)]
    tasks.add(MOOD, "labels", {}, monitor_now)
    tasks.sync_seeds("mood", {"adapter": none}, monitor_now)
    before = tasks.all_seeds("mood")
    tasks.sync_seeds("mood", {"adapter": none}, monitor_now)
    assert tasks.all_seeds("mood") == before, "nothing is written where nothing changed"
    tasks.extend("mood", "odd", "")
    assert tasks.seeds("mood") == [], "it may be odd"
    tasks.sync_seeds("mood", {"adapter": none}, monitor_now)
    assert [s.seed for s in tasks.seeds("mood")] == none, "an adapter that knows the label says it is not"


def test_an_outdated_answer_does_not_stand_in_the_way_of_a_file(
    monitor_store: Store, monitor_now: datetime
) -> None:
    tasks, none = monitor_store.tasks, [Seed("see you at ten", NO_LABEL)]
    tasks.add(MOOD, "labels", {}, monitor_now)
    tasks.add_seeds("mood", none, monitor_now)
    tasks.extend("mood", "odd", "")
    tasks.sync_seeds("mood", {"file": none}, monitor_now)
    (kept,) = tasks.seeds("mood")
    assert (kept.seed, kept.origin, kept.among) == (none[0], "file", None)
