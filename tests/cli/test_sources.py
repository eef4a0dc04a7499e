"""monitor sources."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

from monitor.store.lock import DaemonLock
from monitor.types import Document


def test_list_shows_how_a_source_fares(fetched):
    (record,) = fetched("sources", "list", "--json").json
    assert {k: record[k] for k in ("name", "plugin", "state", "every", "documents", "bad", "failures")} == {
        "name": "news",
        "plugin": "lines",
        "state": "ok",
        "every": 300,
        "documents": 2,
        "bad": 1,
        "failures": 0,
    }
    assert record["last_error"] is None
    assert record["next_at"] > record["last_success_at"] >= record["first_success_at"]
    line = fetched("sources", "list").out.splitlines()[1]
    assert line.split()[:5] == ["news", "lines", "ok", "2", "1"]


def test_list_needs_a_database(monitor):
    said = monitor("sources", "list", code=1)
    assert "there is no database" in said.err
    assert "monitor db migrate" in said.err


def test_list_tells_failing_new_removed_and_imported_sources_apart(fetched):
    fetched.write("news.txt", "x\nx\nx\nDOWN\n")
    fetched("sources", "fetch", "news", code=1)
    fetched.write("old.jsonl", '{"text": "an old text"}\n')
    fetched.config.write_text(
        fetched.config.read_text() + '\n[[sources]]\nplugin = "lines"\nname = "later"\npath = "x"\n'
    )
    fetched("tasks", "add", "any", "--label", "a", "--label", "b")  # takes up the configuration
    states = {r["name"]: r["state"] for r in fetched("sources", "list", "--json").json}
    assert states == {"news": "failing", "later": "new"}
    fetched.edit('name = "news"', 'name = "fresh"')
    store = fetched.store()
    store.sources.ensure("old.jsonl", "chatlog")
    store.close()
    fetched("tasks", "add", "more", "--label", "a", "--label", "b")
    states = {r["name"]: r["state"] for r in fetched("sources", "list", "--json").json}
    assert states == {"news": "removed", "later": "new", "fresh": "new", "old.jsonl": "import"}


def test_show_names_bad_records_with_place_reason_and_raw(fetched):
    record = fetched("sources", "show", "news", "--json").json
    assert record["cursor"] == {"line": 3}
    (bad,) = record["bad_records"]
    assert (bad["place"], bad["reason"], bad["raw"]) == ("line 2", "no text", "BAD no text")
    out = fetched("sources", "show", "news").out
    assert "line 2: no text" in out
    assert "BAD no text" in out


def test_show_lists_known_sources(fetched):
    assert "known: news" in fetched("sources", "show", "nope", code=2).err


def test_check_reads_from_the_start_and_stores_nothing(monitor):
    (checked,) = monitor("sources", "check", "--json").json
    assert checked == {
        "name": "news",
        "plugin": "lines",
        "where": "lines of news.txt",
        "documents": 2,
        "bad": 1,
        "titles": ["terrible loss", "wonderful growth"],
        "reasons": ["line 2: no text"],
        "notes": [],
        "error": None,
    }
    out = monitor("sources", "check", "news").out
    assert "news: 2 documents, 1 bad (lines of news.txt)" in out
    assert not monitor.database.exists()


def test_check_shows_a_few_only(monitor):
    monitor.write("news.txt", "\n".join(f"text {n}" for n in range(50)))
    (checked,) = monitor("sources", "check", "--json").json
    assert checked["documents"] == 50
    assert checked["titles"] == ["text 0", "text 1", "text 2"]


def test_check_shows_a_text_with_half_a_character(monitor):
    monitor.write("news.txt", "HALF\n")
    assert "half \ufffd of a character" in monitor("sources", "check").out
    monitor("sources", "fetch", "news")
    assert monitor("sources", "show", "news", "--json").json["cursor"]["last"] == "half \ufffd of a character"


def test_a_note_that_is_no_list_is_one_note(monitor):
    monitor.write("news.txt", "x\n" * 7)
    (checked,) = monitor("sources", "check", "--json").json
    assert checked["notes"] == ["one line, not a list of lines"]
    monitor("sources", "fetch", "news")
    assert monitor("sources", "show", "news", "--json").json["notes"] == ["one line, not a list of lines"]


def test_check_fails_where_a_source_cannot_be_read(monitor):
    for trouble, message in (
        ("DOWN", "the server is down"),
        ("BUG", "the plugin raised ValueError"),
        ("EXIT", "the plugin raised SystemExit: 3"),
    ):
        monitor.write("news.txt", f"one\n{trouble}\n")
        (checked,) = monitor("sources", "check", "--json", code=1).json
        assert checked["documents"] == 1
        assert message in checked["error"]
    monitor.edit('plugin = "lines"', 'plugin = "picky"')
    monitor.edit('path = "news.txt"\n', "")
    assert "  error: the plugin raised RuntimeError: not today" in monitor("sources", "check", code=1).out
    assert "known: news" in monitor("sources", "check", "nope", code=2).err


def test_fetch_stores_now_and_goes_on_where_it_stopped(monitor):
    assert "news: 2 new, 0 changed, 0 known, 1 bad" in monitor("sources", "fetch", "news").out
    with monitor.folder.joinpath("news.txt").open("a") as file:
        file.write("one more\n")
    assert "news: 1 new, 0 changed, 0 known, 0 bad" in monitor("sources", "fetch", "news").out
    assert len(monitor("documents", "list", "--json").json) == 3


def test_fetch_reports_what_failed_and_keeps_the_rest(monitor):
    monitor.write("news.txt", "one\nDOWN\n")
    assert "news: the server is down" in monitor("sources", "fetch", "news", code=1).err
    (record,) = monitor("sources", "list", "--json").json
    assert (record["documents"], record["failures"], record["last_error"]) == (1, 1, "the server is down")


def test_fetch_refuses_unknown_names_before_it_fetches(monitor):
    assert "known: news" in monitor("sources", "fetch", "news", "nope", code=2).err
    assert not monitor.database.exists()


def test_fetch_asks_a_running_monitor(fetched):
    before = fetched("sources", "list", "--json").json[0]
    with DaemonLock(fetched.database):
        said = fetched("sources", "fetch", "news")
        assert "was asked to fetch news" in said.out
        assert "known: news" in fetched("sources", "fetch", "nope", code=2).err
    after = fetched("sources", "list", "--json").json[0]
    assert after["next_at"] < before["next_at"]
    assert after["last_attempt_at"] == before["last_attempt_at"]


def test_fetch_again_applies_mended_settings(monitor):
    monitor.write(
        "chat.jsonl", '{"text": "one", "who": "desk"}\n{"text": "two", "who": "guest"}\n{"body": "three"}\n'
    )
    monitor.edit('plugin = "lines"', 'plugin = "chatlog"')
    monitor.edit('path = "news.txt"', 'path = "chat.jsonl"')
    assert "news: 2 new, 0 changed, 0 known, 1 bad" in monitor("sources", "fetch", "news").out
    monitor.edit(
        'path = "chat.jsonl"', 'path = "chat.jsonl"\ncolumns = { role = "who" }\nroles = { desk = "agent" }'
    )
    assert "`monitor sources fetch NAME --again`" in monitor("sources", "show", "news").out
    assert "news: 0 new, 1 changed, 1 known, 1 bad" in monitor("sources", "fetch", "--again", "news").out
    assert {d["text"]: d["role"] for d in monitor("documents", "list", "--json").json} == {
        "one": "agent", "two": "customer"
    }  # fmt: skip
    monitor.write("chat.jsonl", '{"text": "other", "who": "desk"}\n')
    said = monitor("sources", "fetch", "--again", "news").out
    assert "news: 1 new, 0 changed, 0 known, 0 bad\nnote: 2 texts of before were not found again" in said


def test_fetch_again_asks_a_running_monitor_and_refuses_feeds(fetched):
    with DaemonLock(fetched.database):
        assert (
            "was asked to fetch all there is again of news"
            in fetched("sources", "fetch", "--again", "news").out
        )
    assert "again:        asked for" in fetched("sources", "show", "news").out
    assert fetched("sources", "fetch", "news").out.startswith("news: 0 new, 0 changed, 2 known, 1 bad")
    assert "again:" not in fetched("sources", "show", "news").out
    fetched.edit('plugin = "lines"', 'plugin = "rss"')
    fetched.edit('path = "news.txt"', 'url = "https://example.com/feed.xml"')
    said = fetched("sources", "fetch", "--again", "news", code=1).err
    assert (
        "no setting of rss changes what its texts say; `monitor sources fetch news` reads what is new" in said
    )


def test_a_role_that_nobody_knows_is_said(monitor):
    rows = [*["rep 2"] * 12, "human_agent", "user"]
    monitor.write(
        "chat.jsonl", "".join(f'{{"text": "text {n}", "role": "{r}"}}\n' for n, r in enumerate(rows))
    )
    monitor.edit('plugin = "lines"', 'plugin = "chatlog"')
    monitor.edit('path = "news.txt"', 'path = "chat.jsonl"\ncomplete = true')
    said = "role 'rep 2' is not known, taken as customer (12 times); name it under roles"
    assert f"  note: {said}" in monitor("sources", "check").out
    monitor("sources", "fetch", "news")
    assert monitor("sources", "show", "news", "--json").json["notes"] == [said]
    assert f"note: {said}" in monitor("sources", "show", "news").out
    monitor.edit("complete = true", 'complete = true\nroles = { "Rep 2" = "agent" }')
    (note,) = monitor("sources", "show", "news", "--json").json["notes"]
    assert "`monitor sources fetch NAME --again`" in note
    monitor("sources", "fetch", "news", "--again")
    assert "note:" not in monitor("sources", "show", "news").out


def test_show_says_how_many_of_the_newest_came_too_late(fetched):
    record = fetched("sources", "show", "news", "--json").json
    assert record["newest"] == {"documents": 0, "live": 0, "late": 0, "lag": None}, "a first fetch is history"
    assert record["unread_edits"] == 0
    store = fetched.store()
    now = store.sources.get("news").live_since + timedelta(hours=1)
    for number in range(20):
        at = now - timedelta(hours=5 if number < 15 else 0)
        document = Document(f"late {number}", f"text {number}", published_at=at)
        store.documents.add("news", document, now=now, event_at=at, live=number >= 15)
    store.connection.execute("update documents set edits = 24 where external_id = 'late 1'")
    store.close()
    record = fetched("sources", "show", "news", "--json").json
    assert record["newest"] == {"documents": 20, "live": 5, "late": 15, "lag": 18000}
    assert record["unread_edits"] == 1
    said = (
        "15 of the newest 20 texts came too late to raise alerts: "
        "what comes more than 20m after it was published is history"
    )
    assert record["notes"] == [said]
    out = fetched("sources", "show", "news").out
    assert "came live:    5 of the newest 20, usually 5h after they were published" in out
    assert "unread edits: of 1 text that changed more than 24 times" in out
    assert f"note: {said}" in out


def test_ids_of_a_conversation_that_is_not_named_are_said_with_what_they_need(monitor):
    rows = [("A", 1, "one"), ("A", 2, "two"), ("B", 1, "three")]
    monitor.write(
        "chat.jsonl", "".join(f'{{"chat": "{t}", "id": {n}, "text": "{text}"}}\n' for t, n, text in rows)
    )
    monitor.edit('plugin = "lines"', 'plugin = "chatlog"')
    monitor.edit('path = "news.txt"', 'path = "chat.jsonl"')
    (note,) = monitor("sources", "check", "--json").json[0]["notes"]
    assert note.endswith("one before; ids that begin anew in each conversation need its `thread`")
    monitor.edit('path = "chat.jsonl"', 'path = "chat.jsonl"\ncolumns = { thread = "chat" }')
    assert monitor("sources", "check", "--json").json[0]["notes"] == []


def test_ids_that_stand_for_two_texts_are_said(monitor):
    rows = [("A", 1, "one"), ("A", 2, "two"), ("B", 1, "three"), ("A", 1, "another")]
    monitor.write(
        "chat.jsonl", "".join(f'{{"thread": "{t}", "id": {n}, "text": "{text}"}}\n' for t, n, text in rows)
    )
    monitor.edit('plugin = "lines"', 'plugin = "chatlog"')
    monitor.edit('path = "news.txt"', 'path = "chat.jsonl"')
    (checked,) = monitor("sources", "check", "--json").json
    assert checked["documents"] == 3
    assert checked["notes"] == [
        "1 document came with the id of another one and with another text, such as '1 of A': "
        "each counts as an edit of the one before"
    ]


def test_what_a_note_says_is_not_logged_besides(tmp_path):
    """In a process of its own: under pytest every line that is logged has a place to go."""
    (tmp_path / "chat.jsonl").write_text('{"text": "x", "role": "Ann", "time": "2026-01-01T10:00:00Z"}\n')
    config = tmp_path / "config.toml"
    config.write_text('[[sources]]\nplugin = "chatlog"\nname = "chat"\npath = "chat.jsonl"\n')

    def run(*words):
        command = [sys.executable, "-m", "monitor", "--config", str(config), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    said = run("sources", "check")
    assert "note: role 'Ann' is not known" in said.stdout
    assert said.stderr == ""
    said = run("documents", "import", str(tmp_path / "chat.jsonl"))
    assert said.stderr == "note: role 'Ann' is not known, taken as customer (1 time); name it under roles\n"
