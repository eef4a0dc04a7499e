"""monitor documents."""

from __future__ import annotations

import json

import pytest

from monitor.store.check import check


@pytest.fixture
def classified(fetched):
    """A database whose documents are classified."""
    fetched("run", "--once", "--no-view")
    return fetched


def test_list_as_json_has_predictions(classified):
    good, bad = classified("documents", "list", "--json").json
    assert bad["text"] == "terrible loss"
    assert bad.keys() >= {
        "id", "source", "external_id", "thread", "role", "title", "text", "url", "published_at", "predictions"
    }  # fmt: skip
    mood = bad["predictions"]["mood"]
    assert mood["label"] == "bad"
    assert 0 <= mood["probability"] <= 1
    assert mood["abstained"] is False
    assert good["predictions"]["mood"]["label"] == "good"
    topics = bad["predictions"]["topic"]
    assert isinstance(topics, list)
    assert all(topic.keys() == {"label", "probability", "abstained"} for topic in topics)


def test_filters(classified):
    def found(*arguments):
        return [d["text"] for d in classified("documents", *arguments, "--json").json]

    assert found("list", "--label", "mood=bad") == ["terrible loss"]
    every = classified("documents", "list", "--json").json
    for task in ("mood", "topic"):
        said = {d["text"]: d["predictions"][task] for d in every}
        none = [t for t, s in said.items() if (s if isinstance(s, dict) else s[0])["abstained"]]
        assert found("list", "--label", f"{task}=(none)") == none
    classified("seeds", "add", "mood", "(none)", "terrible loss")
    classified("run", "--once", "--no-view")
    assert found("list", "--label", "mood=(none)") == ["terrible loss"]
    classified("seeds", "add", "mood", "bad", "terrible loss")
    classified("run", "--once", "--no-view")
    assert found("list", "--limit", "1") == ["wonderful growth"]
    assert len(found("list", "--limit", "0")) == 2
    assert found("search", "wonder") == ["wonderful growth"]
    assert found("search", '"NEAR(', "*") == []
    assert found("list", "--thread", "none") == []
    assert len(found("list", "--source", "news", "--since", "1h")) == 2
    assert "terrible loss" in classified("documents", "list").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--source", "nope"], "known: news"),
        (["--label", "mood=nope"], "known: (none), bad, good"),
        (["--label", "nope=bad"], "known: mood, topic"),
        (["--label", "mood"], "TASK=LABEL"),
        (["--since", "yesterday"], "write it like"),
        (["--since", "9999999d"], "'9999999d' is too long; the longest duration is 36500d"),
    ],
)
def test_filters_that_cannot_be_used(fetched, arguments, message):
    assert message in fetched("documents", "list", *arguments, code=2).err


def test_show(classified):
    document = classified("documents", "list", "--json").json[0]
    assert classified("documents", "show", document["id"], "--json").json == document
    shown = classified("documents", "show", document["id"]).out
    assert shown.endswith("\n\nwonderful growth\n")
    assert "\n\n\n" not in shown
    assert "no document 99" in classified("documents", "show", 99, code=1).err


def test_import_twice_adds_once_and_is_history(monitor):
    rows = [{"id": str(n), "message": f"text {n}", "at": f"2026-01-0{n}T10:00:00Z"} for n in range(1, 4)]
    file = monitor.write("old.jsonl", "".join(json.dumps(row) + "\n" for row in rows) + "not json\n")
    command = ["documents", "import", file]
    for field, column in (("text", "message"), ("id", "id"), ("time", "at")):
        command += ["--column", f"{field}={column}"]
    assert "3 new, 0 changed, 0 known, 1 could not be used" in monitor(*command).out
    assert "0 new, 0 changed, 3 known, 1 could not be used" in monitor(*command).out
    documents = monitor("documents", "list", "--source", "old.jsonl", "--json").json
    assert [d["text"] for d in documents] == ["text 3", "text 2", "text 1"]
    assert not any(d["live"] for d in documents)
    assert "not json" in monitor("sources", "show", "old.jsonl").out


def test_import_reads_a_file_as_a_chat_log_of_the_configuration_is_read(monitor):
    monitor.config.write_text(
        monitor.config.read_text()
        + """
[[sources]]
plugin = "chatlog"
name = "desk"
path = "desk/*.csv"
columns = { text = "Nachricht", time = "Datum", role = "Von" }
roles = { Kundin = "customer", "Platz 7" = "agent" }
time_format = "%d.%m.%Y %H:%M"
timezone = "Europe/Vienna"
encoding = "cp1252"
"""
    )
    file = monitor.folder / "old.csv"
    file.write_bytes("Nachricht;Datum;Wer\nschön;03.11.2025 10:00;Platz 7\n".encode("cp1252"))
    said = monitor("documents", "import", file, "--like", "desk", "--column", "role=Wer")
    assert (said.out, said.err) == ("1 new, 0 changed, 0 known, 0 could not be used\n", "")
    (document,) = monitor("documents", "list", "--source", "old.csv", "--json").json
    assert (document["text"], document["role"]) == ("schön", "agent")
    assert document["published_at"] == "2025-11-03T09:00:00Z"
    assert "known: desk" in monitor("documents", "import", file, "--like", "news", code=2).err


@pytest.mark.parametrize("named", [True, False], ids=["with ids", "without ids"])
@pytest.mark.parametrize("timed", [True, False], ids=["with times", "without times"])
def test_import_knows_what_the_source_that_it_is_read_like_has(monitor, named, timed):
    def written(name, numbers):
        rows = [
            {"text": ["ok", "lost", "ok"][n % 3], "thread": "c1"}
            | ({"id": f"m{n}"} if named else {})
            | ({"time": f"2026-01-03T10:0{n}:00Z"} if timed else {})
            for n in numbers
        ]
        return monitor.write(name, "".join(json.dumps(row) + "\n" for row in rows))

    monitor.edit('plugin = "lines"', 'plugin = "chatlog"\ncomplete = true')
    monitor.edit('path = "news.txt"', 'path = "chats.jsonl"')
    written("chats.jsonl", range(3))
    monitor("sources", "fetch", "news")
    before = monitor("documents", "list", "--json").json
    assert len(before) == 3
    file = written("export.jsonl", range(5))
    for told in (
        "2 new, 0 changed, 3 known (3 of news), 0 could not be used",
        "0 new, 0 changed, 5 known (3 of news), 0 could not be used",
    ):
        assert told in monitor("documents", "import", file, "--like", "news").out
    after = monitor("documents", "list", "--json").json
    assert len(after) == 5
    assert [d for d in after if d["source"] == "news"] == before, "what it has stays as it is"


@pytest.mark.parametrize("named", [True, False], ids=["with ids", "without ids"])
@pytest.mark.parametrize("timed", [True, False], ids=["with times", "without times"])
def test_a_source_knows_what_was_imported_like_it(monitor, named, timed):
    def written(name, numbers, texts=("hello", "lost", "hello")):
        rows = [
            {"text": texts[n % 3], "thread": f"c{n}"}
            | ({"id": f"m{n}"} if named else {})
            | ({"time": f"2026-01-03T10:0{n}:00Z"} if timed else {})
            for n in numbers
        ]
        return monitor.write(name, "".join(json.dumps(row) + "\n" for row in rows))

    monitor.edit('plugin = "lines"', 'plugin = "chatlog"\ncomplete = true')
    monitor.edit('path = "news.txt"', 'path = "chats.jsonl"')
    written("chats.jsonl", [0])
    monitor("documents", "import", written("export.jsonl", range(3)), "--like", "news")
    monitor("documents", "import", written("unlike.jsonl", range(6)))
    before = monitor("documents", "list", "--source", "export.jsonl", "--json").json
    assert [d["text"] for d in before] == ["hello", "lost", "hello"], "twice said is twice kept"
    written("chats.jsonl", range(5))
    assert "2 new, 0 changed, 3 known" in monitor("sources", "fetch", "news").out
    after = monitor("documents", "list", "--source", "news", "--json").json
    assert [d for d in after if d["id"] in {old["id"] for old in before}] == [
        {**old, "source": "news"} for old in before
    ]
    assert len(after) == 5
    assert monitor("documents", "list", "--source", "export.jsonl", "--json").json == []
    assert len(monitor("documents", "list", "--source", "unlike.jsonl", "--json").json) == 6
    file = written("export.jsonl", range(6))
    told = monitor("documents", "import", file, "--like", "news").out
    assert "1 new, 0 changed, 5 known (5 of news)" in told
    again = monitor("sources", "fetch", "news", "--again")
    assert "0 new, 0 changed, 5 known" in again.out
    assert "not found again" not in again.out + again.err
    store = monitor.store()
    assert check(store) == []
    store.close()


def test_what_was_imported_is_edited_when_its_source_reads_it_anew(monitor):
    monitor.edit('plugin = "lines"', 'plugin = "chatlog"\ncomplete = true')
    monitor.edit('path = "news.txt"', 'path = "chats.jsonl"')
    file = monitor.write("export.jsonl", '{"text": "hello", "id": "1"}\n')
    monitor("documents", "import", file, "--like", "news")
    monitor.write("chats.jsonl", '{"text": "hello, it is me", "id": "1"}\n')
    assert "0 new, 1 changed, 0 known" in monitor("sources", "fetch", "news").out
    (document,) = monitor("documents", "list", "--json").json
    assert (document["text"], document["source"], document["live"]) == ("hello, it is me", "news", False)


def test_import_says_what_is_worth_a_look(monitor):
    file = monitor.write("old.csv", "text,Datum,role\nx,2025-11-03 10:00,Ann\n")
    said = monitor("documents", "import", file)
    assert said.out.startswith("1 new, ")
    assert "note: role 'Ann' is not known" in said.err
    assert "note: 1 message has no 'time' and will count when first read; is it 'Datum'?" in said.err


def test_import_refusals(monitor):
    file = monitor.write("old.jsonl", '{"text": "x"}\n')
    assert "there is no file" in monitor("documents", "import", "none.jsonl", code=1).err
    assert (
        "no field is called 'nope'" in monitor("documents", "import", file, "--column", "nope=a", code=2).err
    )
    assert (
        "is a source of the configuration"
        in monitor("documents", "import", file, "--source", "news", code=1).err
    )


def test_mentions_are_shown(monitor):
    monitor.edit('encoder = "hash"', 'encoder = "hash"\n[entities]\n"Acme Corp" = ["growth"]\n')
    monitor("run", "--once", "--no-view")
    good, bad = monitor("documents", "list", "--json").json
    assert (good["mentions"], bad["mentions"]) == (["Acme Corp"], [])
    assert "mentions:     Acme Corp" in monitor("documents", "show", good["id"]).out
    assert "mentions:" not in monitor("documents", "show", bad["id"]).out


def test_a_conversation_is_shown_whole_as_it_was_held(monitor):
    said = [
        ("customer", "where is it? " + "please " * 20 + "answer"),
        ("agent", "on its way"),
        ("customer", "thanks"),
    ]
    rows = [
        {"text": text, "id": str(n), "thread": "c1", "role": role, "time": "2026-01-01T10:00:00Z"}
        for n, (role, text) in enumerate(said)
    ]
    file = monitor.write("chat.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    monitor("documents", "import", file, "--source", "chat")
    given = ("documents", "list", "--source", "chat", "--thread", "c1")
    assert [(d["role"], d["text"]) for d in monitor(*given, "--json").json] == said
    shown = " ".join(monitor(*given).out.split())
    assert shown.startswith("id time source role labels text 1 ")
    assert (
        shown.index("where is it?")
        < shown.index("answer")
        < shown.index("agent on its way")
        < shown.index("thanks")
    )
    assert [d["id"] for d in monitor(*given, "--limit", "1", "--json").json] == [3], "the newest of it"


def test_a_file_that_is_imported_again_reads_as_the_settings_of_now_say(monitor):
    path = monitor.write("old.csv", "message,who\none,desk\ntwo,guest\n")
    monitor("documents", "import", str(path), "--column", "text=message")
    monitor.edit('plugin = "lines"', 'plugin = "chatlog"')
    monitor.edit('path = "news.txt"', 'path = "x.csv"\nroles = { desk = "agent" }')
    columns = ("--column", "text=message", "--column", "role=who")
    for told in ("0 new, 1 changed, 1 known", "0 new, 0 changed, 2 known"):
        assert told in monitor("documents", "import", str(path), "--like", "news", *columns).out
    more = monitor.write("more.csv", "message,who\nthree,desk\n")
    said = monitor("documents", "import", str(more), "--like", "news", "--source", "old.csv", *columns).out
    assert "1 new, 0 changed, 0 known, 0 could not be used" in said
    roles = {d["text"]: d["role"] for d in monitor("documents", "list", "--json").json}
    assert roles == {"one": "agent", "two": "customer", "three": "agent"}


@pytest.mark.parametrize(
    "command",
    [
        ("documents", "show", "9" * 20),
        ("documents", "list", "--limit", "9" * 20),
        ("seeds", "remove", "9" * 20),
        ("seeds", "add", "mood", "good", "--document", "9" * 20),
        ("explain", "9" * 20, "--task", "mood"),
    ],
)
def test_a_number_that_no_database_holds_is_one_line(fetched, command):
    assert fetched(*command, code=2).err.endswith("Error: a number is larger than any ID or count can be\n")


@pytest.mark.parametrize(
    "command",
    [
        ("tasks", "show", "\udcff"),
        ("tasks", "add", "side", "--label", "a=\udcff", "--label", "b"),
        ("documents", "search", "\udcff"),
        ("documents", "list", "--thread", "\udcff"),
    ],
)
def test_bytes_that_are_no_text_are_one_line(fetched, command):
    assert fetched(*command, code=2).err == "Error: a name or text that was given is not UTF-8\n"
