"""Settings that are mended are applied to what was read: the same documents, as they read now, and no news."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.errors import SourceError
from monitor.pipeline.ingest import Fetched
from monitor.runtime import Runtime
from monitor.store import Store
from monitor.store.check import check
from monitor.store.rereading import Rereading
from monitor.types import Document
from tests.conftest import CONFIG

STEP = timedelta(minutes=5)
Make = Callable[..., Runtime]


@pytest.fixture
def made(make_runtime: Make, monitor_now: datetime) -> Make:
    """The monitor on ``chat.*`` with these settings, as TOML."""

    def make(settings: str = "") -> Runtime:
        source = f'plugin = "chatlog"\npath = "chat.*"\ncomplete = true\nbatch_size = 3\n{settings}'
        keyword = (
            '\n[[rules]]\nname = "said"\nkind = "keyword"\nwords = ["judge", "loss", "fine"]\n'
            '[[rules]]\nname = "waits"\nkind = "conversation"\nwhen = "unanswered"\nafter = "10m"\n'
            'where = { mood = "bad" }\n'
        )
        return make_runtime(CONFIG.replace('plugin = "list"', source) + keyword)

    return make


def classify(runtime: Runtime, now: datetime) -> None:
    while runtime.classify(now):
        pass
    runtime.tick(now)


def again(runtime: Runtime, now: datetime) -> Fetched:
    runtime.store.sources.ask_again("news", now)
    got = runtime.fetch("news", now)
    classify(runtime, now)
    return got


def everything(store: Store) -> list[tuple[Any, ...]]:
    found = sorted(store.documents.find(limit=None), key=lambda d: d.id)
    return [(d.id, d.text, d.title, d.role, d.thread, d.published_at, d.event_at, d.live) for d in found]


def records(now: datetime) -> list[dict[str, Any]]:
    """Eight turns of two conversations, two of them alike; the last four are of today."""
    said = [
        "lawsuit judge fine",
        "ok",
        "terrible loss",
        "übler Verlust",
        "judge fine appeal",
        "ok",
        "ok",
        "profit",
    ]
    at = [now - timedelta(days=3) + n * STEP for n in range(4)] + [
        now + STEP - timedelta(minutes=n) for n in range(4)
    ]
    return [
        {
            "key": f"k{n % 4}", "chat": "ab"[n // 4], "from": "desk" if n % 2 else "guest",
            "sent": f"{when:%d.%m.%y %H:%M:%S}", "stamp": when.isoformat(), "about": f"subject {n % 3}", "body": text,
            "text": f"first {text}",
        }
        for n, (text, when) in enumerate(zip(said, at, strict=True))
    ]  # fmt: skip


FULL = {"text": "body", "id": "key", "thread": "chat", "role": "from", "time": "stamp", "title": "about"}


def written(columns: dict[str, str], more: str = "") -> str:
    named = ", ".join(f'{key} = "{name}"' for key, name in columns.items())
    return f'columns = {{ {named} }}\nroles = {{ desk = "agent", guest = "customer" }}\n{more}'


MENDS = {
    "roles": (written(FULL).partition("\n")[0],
              written(FULL)),
    **{f"{key} with ids": (written({**FULL, key: ""}), written(FULL)) for key in ("role", "time", "title")},
    **{
        f"{key} without ids": (written({**FULL, "id": "", key: ""}), written({**FULL, "id": ""}))
        for key in ("role", "thread", "time", "title")
    },
    "id": (written({**FULL, "id": ""}), written(FULL)),
    "id and all": (written({"text": "body"}), written(FULL)),
    "text with ids": (written({**FULL, "text": "text"}), written(FULL)),
    "text without ids": (written({**FULL, "id": "", "text": "text"}), written({**FULL, "id": ""})),
    "text, nothing else said": (written({"text": "text"}), written({"text": "body"})),
    "encoding": (written({**FULL, "id": ""}, 'encoding = "latin-1"'), written({**FULL, "id": ""})),
    "another zone": (written(FULL, 'timezone = "Asia/Tokyo"'), written(FULL)),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
@pytest.mark.parametrize(("before", "after"), list(MENDS.values()), ids=list(MENDS))
def test_mended_settings_are_applied_to_what_was_read(
    made: Make, tmp_path: Path, monitor_now: datetime, before: str, after: str, kind: str
) -> None:
    """The same as if all had been read with them, but for what was live and when it was first seen."""
    now, said = monitor_now, records(monitor_now)
    path = tmp_path / f"chat.{kind}"

    def write(some: list[dict[str, Any]]) -> None:
        made_of = io.StringIO()
        if kind == "csv":
            rows = csv.DictWriter(made_of, list(said[0]), lineterminator="\n")
            rows.writeheader()
            rows.writerows(some)
        else:
            made_of.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in some)
        path.write_text(made_of.getvalue(), encoding="utf-8")

    write(said[:4])
    runtime = made(before)
    runtime.fetch("news", now)
    classify(runtime, now)
    write(said)
    runtime.fetch("news", now + STEP)
    classify(runtime, now + STEP)
    store = runtime.store
    was, alerts = everything(store), len(store.alerts.find())
    assert [row[-1] for row in was] == [False] * 4 + [True] * 4
    store.tasks.need("mood")
    runtime = made(after)
    got = again(runtime, now + STEP)
    assert (got.new, got.bad, got.missed) == (0, 0, 0)
    is_ = everything(store)
    assert [(row[0], row[-1]) for row in is_] == [(row[0], row[-1]) for row in was], (
        "the same, live or not as before"
    )
    settings = runtime.config.sources[0].settings
    for row, record in zip(is_, said, strict=True):
        assert row[1] == record["body"]
        assert row[2] == (record["about"] if settings.columns.title == "about" else "")
        if settings.columns.role == "from":
            assert row[3] == ("agent" if record["from"] == "desk" else "customer")
        if settings.columns.thread == "chat":
            assert row[4] == record["chat"]
        if settings.columns.time == "stamp":
            assert row[5] == datetime.fromisoformat(record["stamp"])
            assert row[6] == row[5]
    assert check(store) == []
    assert store.documents.count("pending") == 0
    assert len(store.alerts.find()) == alerts
    assert store.series.due() == {}
    assert again(runtime, now + 2 * STEP).edited == 0, "nothing is left to be changed"
    store.sources.set_cursor("news", {})
    assert runtime.fetch("news", now + 3 * STEP).new == 0, "each is known by the id that it has now"
    assert everything(store) == is_


def line(**record: Any) -> str:
    return json.dumps(record) + "\n"


def test_what_could_not_be_read_becomes_history_and_news_stay_news(
    made: Make, tmp_path: Path, monitor_now: datetime
) -> None:
    now, chat = monitor_now, tmp_path / "chat.jsonl"
    chat.write_text(line(body="judge fine") + line(text="a", body="loss"))
    runtime = made()
    runtime.fetch("news", now)
    runtime = made('columns = { text = "body" }')
    with chat.open("a") as file:
        file.write(line(body="news"))
    got = again(runtime, now + STEP)
    assert (got.missed, runtime.store.sources.get("news").bad_total) == (0, 0)  # type: ignore[union-attr]
    assert [(row[1], row[-1]) for row in everything(runtime.store)] == [
        ("loss", False), ("judge fine", False), ("news", True)
    ]  # fmt: skip
    assert {alert.rule for alert in runtime.store.alerts.find()} == set()


def test_texts_that_are_gone_are_counted_and_stay(made: Make, tmp_path: Path, monitor_now: datetime) -> None:
    (tmp_path / "chat.1").write_text(line(id=1, text="one", who="guest"))
    (tmp_path / "chat.2").write_text(line(id=2, text="two", who="desk"))
    made().fetch("news", monitor_now)
    (tmp_path / "chat.1").unlink()
    runtime = made(written({"role": "who"}))
    got = again(runtime, monitor_now + STEP)
    assert (got.edited, got.known, got.missed) == (1, 0, 1)
    assert got.remark().startswith("1 text of before was not found again")
    assert [row[1] for row in everything(runtime.store)] == ["one", "two"]


def test_ids_that_were_another_column_change_hands(made: Make, tmp_path: Path, monitor_now: datetime) -> None:
    """The number 2 was the first one's, and is the second one's now."""
    said = [{"id": str(n + 1), "number": str(n), "text": f"text {n}"} for n in range(1, 8)]
    (tmp_path / "chat.jsonl").write_text("".join(line(**record) for record in said))
    made().fetch("news", monitor_now)
    runtime = made('columns = { id = "number" }')
    before = everything(runtime.store)
    assert (again(runtime, monitor_now + STEP).new, everything(runtime.store)) == (0, before)
    ids = {d.text: d.external_id for d in runtime.store.documents.find(limit=None)}
    assert ids == {f"text {n}": f"{n}" for n in range(1, 8)}


def test_a_reading_that_is_killed_is_begun_anew(made: Make, tmp_path: Path, monitor_now: datetime) -> None:
    chat = tmp_path / "chat.jsonl"
    chat.write_text(
        "".join(line(text="old", body=f"text {n}", sent=f"2025-05-01T10:00:{n}0Z") for n in range(6)) * 2
    )
    made().fetch("news", monitor_now)
    runtime = made('columns = { text = "body", time = "sent" }')
    runtime.store.sources.ask_again("news", monitor_now)

    came = []

    def killed(got: Fetched) -> None:
        came.append(got.edited)
        if any(came):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runtime.fetch("news", monitor_now + STEP, stored=killed)
    assert sum(row[1] != "old" for row in everything(runtime.store)) == 3, "a batch of it was stored"
    with chat.open("a") as file:
        file.write(line(body="new"))
    runtime.fetch("news", monitor_now + STEP)
    found = everything(runtime.store)
    assert [row[1] for row in found] == [*[f"text {n}" for n in range(6)] * 2, "new"]
    assert [row[-1] for row in found] == [False] * 12 + [True]
    assert not runtime.store.sources.get("news").again  # type: ignore[union-attr]


def test_a_reading_that_fails_is_asked_for_until_it_is_done(
    made: Make, tmp_path: Path, monitor_now: datetime
) -> None:
    chat = tmp_path / "chat.jsonl"
    chat.write_text(line(id=1, text="one", who="desk"))
    made().fetch("news", monitor_now)
    runtime = made(written({"role": "who"}))
    chat.rename(tmp_path / "hidden")
    chat.mkdir()
    runtime.store.sources.ask_again("news", monitor_now)
    with pytest.raises(SourceError):
        runtime.fetch("news", monitor_now + STEP)
    chat.rmdir()
    (tmp_path / "hidden").rename(chat)
    assert runtime.fetch("news", monitor_now + 2 * STEP).edited == 1
    assert runtime.fetch("news", monitor_now + 3 * STEP).edited == 0


def test_files_that_are_read_again_because_of_a_bad_record_bring_nothing_twice(
    made: Make, tmp_path: Path, monitor_now: datetime
) -> None:
    """Without times and ids, each text would look new, and live."""
    (tmp_path / "chat.jsonl").write_text(
        line(text="one", who="desk") + "nonsense\n" + line(text="two", who="guest")
    )
    made().fetch("news", monitor_now)
    runtime = made(written({"role": "who"}))
    got = runtime.fetch("news", monitor_now + STEP)
    assert (got.new, got.edited, got.known) == (0, 1, 1)
    assert [row[3] for row in everything(runtime.store)] == ["agent", "customer"]


def test_a_corrected_text_keeps_its_seed_and_an_edit_is_news_again(
    made: Make, tmp_path: Path, monitor_now: datetime
) -> None:
    chat, now = tmp_path / "chat.jsonl", monitor_now
    chat.write_text(line(id=1, text="one", who="desk"))
    runtime = made()
    runtime.fetch("news", now)
    with chat.open("a") as file:
        file.write(line(id=2, text="two", who="guest"))
    runtime.fetch("news", now + STEP)
    classify(runtime, now + STEP)
    with runtime.store.transaction() as connection:
        connection.execute(
            "insert into seeds (task, label, text, origin, document_id, created_at) values "
            "('mood', 'bad', 'two', 'command', 2, '2026-01-01T00:00:00.000000Z')"
        )
    runtime = made(written({"role": "who"}))
    assert again(runtime, now + STEP).edited == 1
    assert runtime.store.connection.execute("select document_id from seeds where document_id = 2").fetchall()
    assert set(runtime.store.predictions.of([1, 2])) == {1, 2}
    with chat.open("a") as file:
        file.write(line(id=2, text="terrible loss", who="guest"))
    runtime.fetch("news", now + 2 * STEP)
    classify(runtime, now + 2 * STEP)
    assert [alert.rule for alert in runtime.store.alerts.find()] == ["said"]


def test_a_source_of_a_plugin_is_read_from_its_beginning(make_runtime: Make, monitor_now: datetime) -> None:
    runtime, now = make_runtime(), monitor_now
    runtime.sources["news"].waiting = [Document("1", "one"), Document("2", "two")]  # type: ignore[attr-defined]
    runtime.fetch("news", now)
    runtime.store.sources.ask_again("news", now)
    source = runtime.sources["news"]
    fetch = source.fetch

    def second(cursor: Any, at: datetime) -> Any:
        if not cursor:
            source.waiting = [Document("1", "one", role="agent"), Document("3", "three")]  # type: ignore[attr-defined]
        return fetch(cursor, at)

    source.fetch = second  # type: ignore[method-assign]
    assert str(runtime.fetch("news", now + STEP)) == "1 new, 1 changed, 0 known, 0 bad"
    assert [(row[1], row[3], row[-1]) for row in everything(runtime.store)] == [
        ("one", "agent", False), ("two", "publisher", False), ("three", "publisher", False)
    ]  # fmt: skip


def test_a_file_of_before_texts_were_read_again(made: Make, tmp_path: Path, monitor_now: datetime) -> None:
    (tmp_path / "chat.jsonl").write_text(line(id=1, text="one"))
    runtime = made()
    runtime.fetch("news", monitor_now)
    path = runtime.store.path
    with runtime.store.transaction() as connection:
        connection.execute("drop index documents_pending")
        connection.execute("alter table documents drop column reread")
        connection.execute("alter table sources drop column again")
        connection.execute(
            "create index documents_pending on documents(live desc, id) where state = 'pending'"
        )
        connection.execute("delete from _sqlite_migrations where name like 'm0019%'")
    runtime.store.close()
    store = Store(path)
    assert [version.reread for version in store.documents.pending(9)] == [False]
    assert not store.sources.get("news").again  # type: ignore[union-attr]
    plan = store.connection.execute(
        "explain query plan select * from documents where state = 'pending' order by reread, live desc, id limit 9"
    ).fetchall()
    assert "documents_pending" in plan[0]["detail"]
    assert "TEMP" not in " ".join(row["detail"] for row in plan)
    store.close()


def test_live_texts_that_turn_out_bad_raise_nothing(
    made: Make, tmp_path: Path, monitor_now: datetime
) -> None:
    """The control: with these settings from the beginning they would have raised three kinds of alert."""

    def run(first: str, second: str) -> set[str]:
        chat = tmp_path / "chat.jsonl"
        chat.write_text(line(id=0, text="hello", body="hello"))
        runtime, now = made(first), monitor_now
        runtime.store.connection.execute("update sources set cursor = '{}'")
        runtime.fetch("news", now)
        with chat.open("a") as file:
            file.writelines(
                line(id=n, thread=f"t{n}", text="hello", body=f"terrible loss judge fine {n}")
                for n in range(1, 7)
            )
        runtime.fetch("news", now + STEP)
        classify(runtime, now + STEP)
        runtime = made(second)
        again(runtime, now + STEP)
        runtime.fetch("news", now + 4 * STEP)
        classify(runtime, now + 4 * STEP)
        found = {alert.rule for alert in runtime.store.alerts.find()}
        runtime.store.close()
        runtime.store.path.unlink()
        return found

    body = 'columns = { text = "body" }'
    assert run(body, body) == {"said", "waits", "any-court"}
    assert run("", body) == set()


def test_what_was_imported_is_not_told_to_be_gone(monitor_store: Store, monitor_now: datetime) -> None:
    document = Document("m1", "only now it can be read")
    for name in ("news", "export.jsonl"):
        monitor_store.sources.ensure(name, "chatlog")
    monitor_store.documents.add("export.jsonl", document, now=monitor_now, event_at=monitor_now, live=False)
    rereading = Rereading(monitor_store, "news")
    assert rereading.update(document) is None
    rereading.take_over("export.jsonl", document)
    assert rereading.missed() == 0
