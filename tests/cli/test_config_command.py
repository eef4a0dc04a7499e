"""monitor config."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

from monitor import hookimpl
from monitor.interfaces import Source
from monitor.learn.views import SHIPPED_VIEWS
from tests.cli.conftest import File


def test_check_says_what_would_run(monitor):
    report = monitor("config", "check", "--json").json
    assert (report["ok"], report["faults"]) == (True, [])
    assert report["database"] == str(monitor.database)
    assert (report["encoder"], report["left_out"]) == ("hash", [])
    assert report["sources"] == [
        {"name": "news", "plugin": "lines", "every": 300, "where": "lines of news.txt"}
    ]
    mood, topic = report["tasks"]
    assert (mood["labels"], mood["seeds"]) == (["bad", "good"], {"adapter": 2, "file": 2, "command": 0})
    assert (topic["multi"], topic["seeds"]) == (True, {"adapter": 0, "file": 0, "command": 0})
    surge, threshold = report["rules"]
    assert surge["series"] == [{"topic": "court", "mood": "bad"}, {"topic": "money", "mood": "bad"}]
    assert threshold["series"] == [{"topic": "court"}]
    assert report["notifiers"] == [{"name": "desk", "plugin": "file", "where": "lines in sent.jsonl"}]
    assert not monitor.database.exists()


def test_check_speaks_in_words(monitor):
    text = " ".join(monitor("config", "check").out.split())
    for part in ("is in order", "will be made", "lines of news.txt", "each topic, mood bad", "window 1h 30m"):
        assert part in text


def test_check_counts_tasks_and_seeds_of_the_database(fetched):
    fetched("seeds", "add", "topic", "court", "the judge ruled")
    fetched("tasks", "add", "urgency", "--label", "urgent", "--label", "routine")
    fetched("seeds", "add", "urgency", "urgent", "help")
    tasks = {t["name"]: t for t in fetched("config", "check", "--json").json["tasks"]}
    assert tasks["topic"]["seeds"] == {"adapter": 0, "file": 0, "command": 1}
    assert tasks["urgency"]["origin"] == "command"
    assert tasks["urgency"]["seeds"] == {"adapter": 0, "file": 0, "command": 1}
    fetched.edit('where = { topic = "court" }', 'where = { urgency = "*" }')
    (_, rule) = fetched("config", "check", "--json").json["rules"]
    assert rule["series"] == [{"urgency": "urgent"}, {"urgency": "routine"}]
    assert "added by command" in fetched("config", "check").out


def test_check_reports_faults_of_the_file_and_of_seed_files_at_once(monitor):
    monitor.write("mood.csv", "text,label\nfine,good\n,bad\nwell,excellent\n")
    monitor.edit('every = "5m"', 'every = "often"')
    monitor.edit('path = "sent.jsonl"', 'file = "sent.jsonl"')
    report = monitor("config", "check", "--json", code=2).json
    assert report["ok"] is False
    faults = [(f["place"], f["message"]) for f in report["faults"]]
    assert [place for place, _ in faults] == [
        "sources[1].every",
        "tasks[1].seeds",
        "tasks[1].seeds",
        "notifiers[1].path",
        "notifiers[1].file",
    ]
    assert faults[1][1].endswith("mood.csv, line 3: has no text")
    assert faults[2][1].endswith("mood.csv, line 4: no label is called 'excellent'; known: bad, good")
    err = monitor("config", "check", code=2).err
    assert "tasks[1] (mood).seeds: " in err
    assert "write it like 90s, 5m" in err


def test_check_reports_a_seeds_file_that_cannot_be_read_at_all(monitor):
    monitor.write("mood.csv", "words\nfine\n")
    assert "has no column text" in monitor("config", "check", code=2).err


def test_check_reports_parts_that_cannot_be_made(monitor):
    monitor.edit('plugin = "lines"', 'plugin = "picky"')
    monitor.edit('path = "news.txt"\n', "")
    assert "sources[1]: cannot be made: RuntimeError: not today" in monitor("config", "check", code=1).out


def test_check_and_list_say_so_where_a_part_asks_to_end_the_program(monitor, monkeypatch):
    monkeypatch.setattr(File, "describe", lambda self: sys.exit("enough\nof it"))
    said = "cannot be made: SystemExit: enough of it"
    assert f"notifiers[1]: {said}" in monitor("config", "check", code=1).out
    assert said in " ".join(monitor("notifiers", "list").out.split())


class Raises:
    """A plugin that raises at every hook."""

    @hookimpl
    def register_sources(self):
        raise RuntimeError("not today")


def test_check_names_plugins_that_did_not_load(monitor, use_plugins):
    use_plugins(raises=Raises())
    monitor.config.write_text("")
    report = monitor("config", "check", "--json").json
    assert report["failed_plugins"]["raises"] == "RuntimeError: not today"
    assert "raises did not load: RuntimeError: not today" in monitor("config", "check").out


class Late:
    """A plugin that raises at its last hook."""

    @hookimpl
    def register_sources(self):
        class Late(Source):
            name = "late"

            def fetch(self, cursor, now):
                raise AssertionError

        return [Late]

    @hookimpl
    def register_commands(self, cli):
        raise RuntimeError("not today")


def test_check_leaves_out_the_parts_of_a_plugin_whose_commands_failed(monitor, use_plugins):
    use_plugins(late=Late())
    monitor.config.write_text('[[sources]]\nplugin = "late"\nname = "x"\n')
    (left,) = monitor("config", "check", "--json", code=1).json["left_out"]
    because = "for the plugin 'late' failed: RuntimeError: not today"
    assert left == f"sources[1].plugin: no source is called 'late', {because}"


def test_check_says_what_a_name_is_not_where_a_plugin_failed(monitor, use_plugins):
    use_plugins(raises=Raises())
    monitor.config.write_text('[[sources]]\nplugin = "rsss"\nname = "x"\n')
    said = " ".join(monitor("config", "check", code=1).out.split())
    assert "can run in part only" in said
    assert "no source is called 'rsss'; known: chatlog, rss; or of the plugin that failed: raises" in said
    monitor.config.write_text('plugins.disabled = ["rss"]\n[[sources]]\nplugin = "rss"\nname = "x"\n')
    said = monitor("config", "check", code=2).err
    assert "no source is called 'rss'; known: chatlog; the plugin 'rss' is disabled" in said


def test_no_file(monitor):
    monitor.config.unlink()
    said = monitor("config", "check", code=2)
    assert "there is no such file; name another with --config FILE" in said.err


def test_an_empty_file_runs_nothing(monitor):
    monitor.config.write_text('encoder = "hash"\n')
    text = monitor("config", "check").out
    for part in ("nothing will be read", "texts get no labels", "nothing raises an alert", "nobody is told"):
        assert part in text


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ alert.rul }}", "UndefinedError: 'dict object' has no attribute 'rul'"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{{ ''.__class__ }}", "access to attribute '__class__' of 'str' object is unsafe"),
        ("{% for n in range(99999999) %}{% endfor %}", "OverflowError: Range too big"),
        (
            "{% if event == 'resolved' %}{{ alert.rul }}{% endif %}",
            "alert (resolved) of the rule bad-news: Undefined",
        ),
    ],
)
def test_check_fills_in_templates(monitor, template, said):
    monitor.edit('path = "sent.jsonl"', f'path = "sent.jsonl"\nbody_template = """{template}"""')
    err = monitor("config", "check", code=2).err
    assert "notifiers[1].body_template: fails on a made-up alert" in err
    assert said in err
    monitor.edit(template, "{{ alert.rule }}, {{ alert.state }}: {{ facts | join }} {{ evidence.seconds }}")
    assert "is in order" in monitor("config", "check").out
    monitor.config.write_text(
        monitor.config.read_text().split("[[rules]]")[0] + "[[notifiers]]\n"
        'plugin = "file"\nname = "desk"\npath = "x"\ntitle_template = "{{ alert.rul }}"\n'
    )
    assert "notifiers[1].title_template: fails" in monitor("config", "check", code=2).err, (
        "without any rule as well"
    )


def test_check_shows_digests(monitor):
    assert "DIGESTS" not in monitor("config", "check").out
    monitor.config.write_text(
        monitor.config.read_text()
        + '[[digests]]\nname = "morning"\nat = "07:30"\nzone = "Europe/Vienna"\ntasks = ["topic"]\n'
        + '[[digests]]\nname = "monday"\nevery = "week"\nzone = "UTC"\nnotify = []\n'
    )
    morning, monday = monitor("config", "check", "--json").json["digests"]
    assert morning == {
        "name": "morning",
        "every": "day",
        "at": "07:30",
        "weekday": None,
        "zone": "Europe/Vienna",
        "notify": ["desk"],
        "tasks": ["topic"],
    }
    assert (monday["every"], monday["at"], monday["weekday"], monday["notify"]) == (
        "week",
        "08:00",
        "monday",
        [],
    )
    text = " ".join(monitor("config", "check").out.split())
    assert "morning every day at 07:30, Europe/Vienna desk topic" in text
    assert "monday every monday at 08:00, UTC nobody all" in text


def test_check_shows_routes_and_mutes(monitor):
    monitor.config.write_text(
        monitor.config.read_text()
        + '[[routes]]\nname = "press"\nmatch = ["topic=~court"]\nnotify = ["desk"]\ngroup_by = []\nmute = ["always"]\n'
        + '[[mutes]]\nname = "always"\nzone = "UTC"\nstarts = 2020-01-01T00:00:00\n'
        + '[[mutes]]\nname = "nights"\nzone = "Europe/Berlin"\nmatch = ["rule!=court"]\nhours = "22:00-07:00"\n'
        + 'weekdays = "mon-tue"\nends = 2021-01-01T08:00:00\n'
        + '[[inhibit]]\nsource = ["kind=threshold"]\ntarget = ["kind=surge"]\nequal = ["topic"]\n'
    )
    report = monitor("config", "check", "--json").json
    (route,) = report["routes"]
    assert (route["match"], route["continue"], route["group_wait"]) == (['topic=~"court"'], False, 30)
    assert report["mutes"] == [{"name": "always", "active": True}, {"name": "nights", "active": False}]
    text = " ".join(monitor("config", "check").out.split())
    assert 'press topic=~"court" desk all together always' in text
    assert "always from 2020-01-01 00:00 UTC those of routes that name it mutes" in text
    assert 'nights 22:00-07:00 on mon, tue, to 2021-01-01 08:00 Europe/Berlin rule!="court"' in text
    assert 'kind="threshold" kind="surge" topic' in text
    assert "by route press, else desk" in text, "of each topic, the route asks for one"
    monitor.edit('notify = ["desk"]', 'notify = ["dsek"]')
    assert (
        "routes[1].notify: no notifier is called 'dsek'; known: desk"
        in monitor("config", "check", code=2).err
    )


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "does not exist: `views` names a file that `monitor meta-train` wrote"),
        (b"cut", "is damaged, or not a file of views"),
        ("checkpoint", "is not a file of views: name the views.safetensors"),
    ],
)
def test_a_file_of_views_that_cannot_be_used_is_one_line_everywhere(fetched, content, fault):
    """None of these gets as far as loading the model."""
    file = fetched.folder / "own.safetensors"
    if content == "checkpoint":
        save_file({"x": np.zeros(1, np.float32)}, file)
    elif content is not None:
        file.write_bytes(SHIPPED_VIEWS.read_bytes()[:-100])
    fetched.edit('encoder = "hash"', 'encoder = { plugin = "minilm", views = "own.safetensors" }')
    assert fault in fetched("config", "check", "--json", code=2).json["faults"][0]["message"]
    for command in [
        ("classify", "a text"),
        ("adapt",),
        ("label", "mood", "--batch", 1),
        ("explain", "a text", "--task", "mood"),
        ("run", "--once", "--no-view"),
    ]:
        said = fetched(*command, code=1)
        assert fault in said.err
        assert said.err.count(fault) == 1
        assert "no tasks" not in said.out
    assert fault in fetched("adapt", "mood", "--revert", code=1).err
    store = fetched.store()
    assert store.documents.count("pending") == 2, "they wait for an encoder"
    store.close()


def test_check_and_lists_say_who_is_notified_where_no_route_matches(monitor):
    monitor.config.write_text(
        monitor.config.read_text().replace("notify = []\n", "")
        + '[[notifiers]]\nplugin = "file"\nname = "phone"\npath = "calls.jsonl"\n'
        + '[[rules]]\nname = "quiet"\nkind = "silence"\n'
        + '[[routes]]\nname = "night"\nmatch = ["topic=court", "kind=threshold"]\nnotify = ["phone"]\n'
        + '[[routes]]\nname = "feeds"\nmatch = ["source=news"]\nnotify = ["phone"]\n'
    )
    for command in (("config", "check"), ("rules", "list")):
        lines = monitor(*command).out.splitlines()
        said = {
            name: next(x for x in lines if x.startswith(name + " "))
            for name in ("bad-news", "court", "quiet")
        }
        assert "by route" not in said["bad-news"]
        assert "by route night" in said["court"]
        assert "else" not in said["court"]
    rules = {n["name"]: n["rules"] for n in monitor("notifiers", "list", "--json").json}
    assert rules == {"desk": ["bad-news", "quiet"], "phone": ["bad-news", "court", "quiet"]}


def test_check_finds_programs_that_are_missing_and_files_that_are_not_there_yet(monitor):
    monitor.edit('plugin = "lines"', 'plugin = "chatlog"')
    monitor.edit('path = "news.txt"', 'path = "*.jsonl"')
    report = monitor("config", "check", "--json").json
    assert (report["ok"], report["notes"]) == (True, ["news: no file is there yet: *.jsonl"])
    assert "note:         news: no file is there yet: *.jsonl" in monitor("config", "check").out
    monitor.edit('plugin = "file"', 'plugin = "command"')
    monitor.edit('path = "sent.jsonl"', 'command = ["./nope.sh"]')
    err = monitor("config", "check", code=2).err
    assert "notifiers[1] (desk): the program ./nope.sh cannot be run: there is no file" in err
    monitor("rules", "list")


@pytest.mark.parametrize(
    ("encoder", "place", "fault"),
    [
        ('"./models/e5"', "encoder", "models/e5 does not exist"),
        (
            '{ plugin = "minilm", dtype = "float31" }',
            "encoder.dtype",
            "input should be 'auto', 'float32', 'bfloat16' or 'float16' (it is 'float31')",
        ),
    ],
)
def test_an_encoder_that_cannot_be_had_is_a_fault(monitor, encoder, place, fault):
    monitor.edit('encoder = "hash"', f"encoder = {encoder}")
    (found,) = monitor("config", "check", "--json", code=2).json["faults"]
    assert found["place"] == place
    assert fault in found["message"]


def test_what_is_too_short_without_its_faults_is_no_fault_of_its_own(monitor):
    monitor.edit('name = "topic"', 'name = "topic"\nadapter = "labels"\nroles = ["cust"]')
    (fault,) = monitor("config", "check", "--json", code=2).json["faults"]
    assert fault["place"] == "tasks[2].roles[1]"
    monitor.edit('roles = ["cust"]', "roles = []")
    (fault,) = monitor("config", "check", "--json", code=2).json["faults"]
    assert fault["place"] == "tasks[2].roles"


def test_a_route_for_a_label_that_a_rule_does_not_give_is_not_said_to_tell_of_it(monitor):
    monitor.config.write_text(
        monitor.config.read_text().replace("notify = []\n", "")
        + '[[notifiers]]\nplugin = "file"\nname = "phone"\npath = "calls.jsonl"\n'
        + '[[rules]]\nname = "quiet"\nkind = "silence"\n'
        + '[[rules]]\nname = "loud"\nkind = "silence"\nlabels = { severity = "page" }\n'
        + '[[routes]]\nname = "pages"\nmatch = ["severity=page", "source=news"]\nnotify = ["phone"]\n'
    )
    lines = monitor("rules", "list").out.splitlines()
    quiet, loud = (next(line for line in lines if line.startswith(f"{name} ")) for name in ("quiet", "loud"))
    assert "by route" not in quiet, "no alert of it has a severity"
    assert "by route pages" in loud, "which may be about news"


def test_check_notes_sources_that_read_the_same(monitor):
    feed = '\n[[sources]]\nplugin = "rss"\nname = "{}"\nurl = "http://example.com/{}"\n'
    lines = '\n[[sources]]\nplugin = "lines"\nname = "more"\npath = "news.txt"\n'
    feeds = [feed.format(name, path) for name, path in (("a", "x"), ("b", "y"), ("c", "x"), ("d", "x"))]
    monitor.config.write_text(monitor.config.read_text() + "".join(feeds) + 'user_agent = "me"\n' + lines)
    report = monitor("config", "check", "--json").json
    assert (report["ok"], report["notes"]) == (
        True,
        [f"{name}: reads the same as {first}, so that each text counts twice" for name, first in (
            ("c", "a"), ("d", "a"), ("more", "news"),
        )],
    )  # fmt: skip


def test_check_notes_routes_that_no_alert_reaches(monitor):
    route = '[[routes]]\nname = "{}"\nmatch = {}\nnotify = ["desk"]\n'
    routes = [route.format(*one) for one in (("court", '["topic=court"]'), ("all", "[]"), ("late", "[]"))]
    monitor.config.write_text(monitor.config.read_text() + "\n" + "".join(routes))
    assert monitor("config", "check", "--json").json["notes"] == [
        "late: no alert comes to this route, since all above it takes every alert "
        "(put it further up, or set continue = true there)"
    ]
    assert "note: late: no alert comes to this route" in " ".join(monitor("config", "check").out.split())
    monitor.edit('name = "all"', 'name = "all"\ncontinue = true')
    assert monitor("config", "check", "--json").json["notes"] == []


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://localhost:9000/x", "localhost"),
        ("http://desk.localhost/", "desk.localhost"),
        ("http://127.0.0.1/", "127.0.0.1"),
        ("https://user:pw@10.1.2.3:8443/", "10.1.2.3"),
        ("http://[::1]:80/", "::1"),
        ("https://93.184.216.34/", ""),
        ("https://localhost.example.org/", ""),
    ],
)
def test_check_notes_private_addresses_that_will_be_refused(monitor, url, host):
    parts = "".join(
        f'[[{kind}]]\nplugin = "{plugin}"\nname = "{plugin}"\nurl = "{url}"\n'
        for kind, plugin in (("sources", "rss"), ("notifiers", "webhook"))
    )
    monitor.config.write_text(f"{monitor.config.read_text()}\n{parts}")
    said = (
        f"{host} is this machine or on a private network, so requests will be refused "
        "(allow_private = true lets it be used)"
    )
    notes = monitor("config", "check", "--json").json["notes"]
    assert notes == ([f"rss: {said}", f"webhook: {said}"] if host else [])
    monitor.edit(f'url = "{url}"', f'url = "{url}"\nallow_private = true')
    assert not any(note.startswith("rss") for note in monitor("config", "check", "--json").json["notes"])


def test_the_database_may_be_named_by_the_environment_for_every_command(monitor, monkeypatch):
    monitor.edit('database = "data/monitor.db"', 'database = { env = "MONITOR_DATABASE" }')
    monkeypatch.delenv("MONITOR_DATABASE", raising=False)
    assert "variable MONITOR_DATABASE is not set" in monitor("sources", "list", code=2).err
    monkeypatch.setenv("MONITOR_DATABASE", "data/monitor.db")
    monitor("sources", "fetch", "news")
    assert [source["name"] for source in monitor("sources", "list", "--json").json] == ["news"]


def test_a_database_that_is_a_folder_is_a_fault(monitor):
    monitor.edit('"data/monitor.db"', '"."')
    [fault] = monitor("config", "check", "--json", code=2).json["faults"]
    assert fault == {"place": "database", "message": f"{monitor.folder} is a folder; name a file in it"}


def test_a_file_that_begins_with_a_mark_is_read(monitor):
    monitor.config.write_bytes(b"\xef\xbb\xbf" + monitor.config.read_bytes())
    monitor("config", "check")


def test_a_path_that_cannot_even_be_looked_at_is_one_line(monitor, monkeypatch):
    long = (
        "é" * 200
    )  # as with a folder that may not be entered, the system refuses to say whether it is there
    monitor.edit("data/monitor.db", long)
    for command in (["status"], ["db", "migrate"], ["sources", "fetch", "news"]):
        assert monitor(*command, code=1).err.endswith(f"{long} cannot be used: file name too long\n")
    monitor.edit(long, "data/monitor.db")
    assert "too long" in monitor("documents", "import", long, code=1).err
    monitor.edit("mood.csv", long)
    monitor.edit('encoder = "hash"', f'encoder = "{long}"')
    said = monitor("config", "check", code=2).err
    assert f"{long} cannot be read: file name too long" in said
    assert f"no encoder is called '{long}'" in said
