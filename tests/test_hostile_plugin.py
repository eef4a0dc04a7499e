"""Plugins that raise wherever they can, installed for real: each is shown with its error, the rest runs."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from monitor import hookspecs

HOOKS = {name: list(inspect.signature(hook).parameters) for name, hook in vars(hookspecs).items()
         if name.startswith("register_")}  # fmt: skip

FAST = """
from monitor import hookimpl
from monitor.testing import HashEncoder

@hookimpl
def register_encoders():
    return [HashEncoder]
"""

METHODS = '''
"""Every method raises; what a class or a hook says is right."""

from monitor import hookimpl
from monitor.interfaces import Notifier, Source, TaskAdapter


def refuse(*arguments, **named):
    raise RuntimeError("as always")


class Unmade(Source):
    name = "unmade"
    __init__ = fetch = describe = close = refuse


class Unread(Source):
    name = "unread"
    fetch = describe = close = refuse


class Unlabelled(TaskAdapter):
    name = "unlabelled"
    labels = seeds = read = close = refuse


class Unseeded(TaskAdapter):
    name = "unseeded"
    seeds = read = close = refuse

    def labels(self):
        return {"a": "the first", "b": "the second"}


class Unsent(Notifier):
    name = "unsent"
    send = beat = refresh = describe = close = refuse


class Unbuilt(Notifier):
    name = "unbuilt"
    __init__ = send = refuse


class Unrefreshed(Notifier):
    name = "unrefreshed"
    refresh = refuse

    def send(self, notification):
        pass


@hookimpl
def register_sources():
    return [Unmade, Unread]


@hookimpl
def register_task_adapters():
    return [Unlabelled, Unseeded]


@hookimpl
def register_notifiers():
    return [Unsent, Unbuilt, Unrefreshed]
'''

MIGRATION = """
from monitor import hookimpl
from sqlite_utils.migrations import Migrations

migrations = Migrations("monitor-bad-migration")

@migrations()
def m0001_half(db):
    db.conn.execute("create table bad_migration_half (id integer)")
    raise RuntimeError("halfway")

@hookimpl
def register_migrations():
    return [migrations]
"""

HOSTILE = {
    "bad-exit": ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
    "bad-import": ("raise RuntimeError('not today')\n", "RuntimeError: not today"),
    "bad-missing": ("import no_such_module_anywhere\n", "No module named 'no_such_module_anywhere'"),
    "bad-syntax": ("def (:\n", "SyntaxError"),
    "bad-list": (
        "from monitor import hookimpl\n@hookimpl\ndef register_sources(): return None\n",
        "register_sources must return a list, not None",
    ),
    "bad-class": (
        "from monitor import hookimpl\n@hookimpl\ndef register_notifiers(): return [dict]\n",
        "must be a class derived from Notifier",
    ),
    "bad-hook": (
        "from monitor import hookimpl\n@hookimpl\ndef register_everything(): return []\n",
        "no hook is called 'register_everything'; known: register_commands",
    ),
} | {
    f"bad-{hook.replace('_', '-')}": (
        "from monitor import hookimpl\n"
        f"@hookimpl\ndef {hook}({', '.join(arguments)}): raise RuntimeError('no {hook}')\n",
        f"RuntimeError: no {hook}",
    )
    for hook, arguments in HOOKS.items()
}
"""Plugins that fail while they load: the text of the module, and what the error must say."""

CONFIG = """
database = "monitor.db"
encoder = "hash"

[[sources]]
plugin = "chatlog"
name = "chats"
path = "chats.jsonl"

[[sources]]
plugin = "unmade"
name = "unmade"

[[sources]]
plugin = "unread"
name = "unread"

[[tasks]]
name = "mood"
labels = { bad = "terrible broken loss", good = "wonderful great win" }

[[tasks]]
name = "hostile"
adapter = "unseeded"

[[rules]]
name = "bad"
kind = "threshold"
where = { mood = "bad" }
at_least = 2

[[notifiers]]
plugin = "unsent"
name = "unsent"

[[notifiers]]
plugin = "unbuilt"
name = "unbuilt"

[[notifiers]]
plugin = "unrefreshed"
name = "unrefreshed"

[[notifiers]]
plugin = "log"
name = "log"
"""


class Place:
    """A folder with hostile plugins on the path, and the real command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        site = folder / "site"
        site.mkdir()
        modules = {name: text for name, (text, _) in HOSTILE.items()}
        for name, text in (modules | {"fast": FAST, "methods": METHODS, "bad-migration": MIGRATION}).items():
            module = name.replace("-", "_")
            info = site / f"{module}-1.dist-info"
            info.mkdir()
            (site / f"{module}.py").write_text(text)
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
            (info / "entry_points.txt").write_text(f"[monitor]\n{name} = {module}\n")
        self.environment = {**os.environ, "PYTHONPATH": str(site)}

    def monitor(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "monitor", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments: str) -> Any:
        return json.loads(self.monitor(*arguments, "--json").stdout)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_every_failure_is_listed_and_the_rest_goes_on(place: Place) -> None:
    listed = {status["name"]: status for status in place.json("plugins", "list")}
    for name, (_, error) in HOSTILE.items():
        assert error in listed[name]["error"], f"{name}: {listed[name]}"
        assert listed[name]["provides"] == []
    assert [name for name, status in listed.items() if status["error"]] == sorted(HOSTILE)
    assert listed["chatlog"]["provides"] == ["source chatlog"]
    assert listed["methods"]["provides"] == [
        "source unmade",
        "source unread",
        "task adapter unlabelled",
        "task adapter unseeded",
        "notifier unsent",
        "notifier unbuilt",
        "notifier unrefreshed",
    ]
    for_people = place.monitor("plugins", "list").stdout
    assert "failed: RuntimeError: not today" in for_people
    assert "bad-import" not in place.monitor("--help").stdout


def test_the_rest_fetches_classifies_and_delivers(place: Place) -> None:
    (place.folder / "config.toml").write_text(CONFIG)
    chats = place.folder / "chats.jsonl"
    chats.write_text('{"id": "1", "text": "a wonderful great win"}\n')
    first = place.monitor("run", "--once", "--no-view", code=1).stderr
    assert "source unmade: the plugin raised RuntimeError: as always" in first
    assert "source unread: the plugin raised RuntimeError: as always" in first
    with chats.open("a") as file:
        file.write('{"id": "2", "text": "terrible broken loss"}\n{"id": "3", "text": "broken, a loss"}\n')
    second = place.monitor("run", "--once", "--no-view", code=1).stderr
    assert "notifier unsent: RuntimeError: as always" in second
    assert "notifier unbuilt: the plugin raised RuntimeError: as always" in second
    assert "notifier unrefreshed: the plugin raised RuntimeError: as always" in second
    assert "WARNING monitor.alerts: 2 bad texts in 1 h" in second  # what the log notifier made of it

    documents = place.json("documents", "list")
    moods = {document["external_id"]: document["predictions"]["mood"]["label"] for document in documents}
    assert moods == {"1": "good", "2": "bad", "3": "bad"}
    (alert,) = place.json("alerts", "list")
    assert (alert["rule"], alert["state"]) == ("bad", "firing")
    listed = {notifier["name"]: notifier for notifier in place.json("notifiers", "list")}
    assert listed["log"]["delivered"] == 1
    assert listed["unsent"]["waiting"] == 1
    assert "as always" in listed["unsent"]["last_error"]
    place.json("db", "check")


def test_a_migration_that_raises_leaves_no_half_and_stops_nobody(place: Place) -> None:
    (place.folder / "config.toml").write_text('database = "monitor.db"\nencoder = "hash"\n')
    said = place.monitor("run", "--once", "--no-view").stderr
    assert "monitor-bad-migration" in said
    assert "halfway" in said
    assert "bad_migration_half" not in json.dumps(place.json("db", "info"))
    migrate = place.monitor("db", "migrate", code=1)
    assert migrate.stderr.endswith("Error: monitor-bad-migration failed: RuntimeError: halfway\n")


def test_what_failing_plugins_should_give_is_left_out_and_the_rest_runs(place: Place) -> None:
    """Named in the configuration, yet not there: the fault is the plugin's, not the file's."""
    (place.folder / "config.toml").write_text(
        CONFIG
        + '\n[[sources]]\nplugin = "gone"\nname = "gone"\n'
        + '\n[[notifiers]]\nplugin = "gone"\nname = "pager"\n'
        + '\n[[tasks]]\nname = "lost"\nadapter = "gone"\n'
        + '\n[[tasks]]\nname = "mute"\nadapter = "unlabelled"\n'
    )
    said = place.monitor("config", "check", code=1).stdout
    assert "tasks[4].adapter: the plugin raised RuntimeError: as always" in " ".join(said.split())
    (place.folder / "chats.jsonl").write_text('{"id": "1", "text": "a wonderful great win"}\n')
    once = place.monitor("run", "--once", "--no-view", code=1).stderr
    assert "source gone: no source is called 'gone'; known: chatlog, rss, unmade, unread" in once
    assert "; or of one of the plugins that failed: bad-class, bad-exit, bad-hook, " in once
    assert "not today" not in once  # a reason of one of them, who may have nothing to do with it
    (document,) = place.json("documents", "list")
    assert document["predictions"]["mood"]["label"] == "good"
    states = {source["name"]: source for source in place.json("sources", "list")}
    assert states["gone"]["failures"] == 1
    assert states["chats"]["failures"] == 0


def test_without_failing_plugins_an_unknown_name_is_a_fault(place: Place) -> None:
    place.environment["PYTHONPATH"] = ""
    (place.folder / "config.toml").write_text('[[sources]]\nplugin = "gone"\nname = "x"\n')
    said = place.monitor("config", "check", code=2).stderr
    assert "no source is called 'gone'; known: chatlog, rss" in said
