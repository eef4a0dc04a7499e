"""A configuration with fast parts, and a way to run commands on it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from monitor import hookimpl
from monitor.cli import cli
from monitor.errors import DeliveryError, SourceError
from monitor.interfaces import Encoder, Notifier, Settings, Source, TaskAdapter
from monitor.plugins import load_plugins
from monitor.store import Store
from monitor.testing import HashEncoder
from monitor.types import BadRecord, Batch, Document, Notification, Seed

CONFIG = """
database = "data/monitor.db"
encoder = "hash"

[[sources]]
plugin = "lines"
name = "news"
every = "5m"
path = "news.txt"

[[tasks]]
name = "mood"
adapter = "mood"
seeds = "mood.csv"

[[tasks]]
name = "topic"
multi = true
labels = { court = "lawsuits and fines", money = "profit and sales" }

[[rules]]
name = "bad-news"
kind = "surge"
where = { topic = "*", mood = "bad" }
window = "90m"

[[rules]]
name = "court"
kind = "threshold"
where = { topic = "court" }
at_least = 3
notify = []

[[notifiers]]
plugin = "file"
name = "desk"
path = "sent.jsonl"
"""
NEWS = "terrible loss\nBAD no text\nwonderful growth\n"
SEEDS = "text,label\nawful failure,bad\ngreat success,good\n"


class LinesSettings(Settings):
    path: Path


class Lines(Source):
    """A document for each line of a file; some words make trouble."""

    name = "lines"
    Settings = LinesSettings

    def fetch(self, cursor: Mapping[str, Any], now: datetime) -> Iterator[Batch]:
        lines = (self.base / self.settings.path).read_text().splitlines()
        for number, line in enumerate(lines[cursor.get("line", 0) :], cursor.get("line", 0) + 1):
            if line == "DOWN":
                raise SourceError("the server is down")
            if line == "BUG":
                raise ValueError("unexpected")
            if line == "EXIT":
                sys.exit(3)
            if line == "HALF":
                half = "half \ud83d of a character"
                yield Batch((Document(str(number), half),), cursor={"line": number, "last": half})
                continue
            if line.startswith("BAD"):
                yield Batch(bad=(BadRecord(line[4:], f"line {number}", line),), cursor={"line": number})
            else:
                yield Batch((Document(str(number), line),), cursor={"line": number})

    def describe(self) -> str:
        return f"lines of {self.settings.path}"

    def notes(self, cursor: Mapping[str, Any]) -> Sequence[str]:
        return "one line, not a list of lines" if cursor.get("line") == 7 else ()


class Mood(TaskAdapter):
    """Brings labels and seeds of its own; reads what customers and publishers write."""

    name = "mood"

    def labels(self) -> Mapping[str, str]:
        return {"bad": "something went wrong", "good": "something went well"}

    def seeds(self) -> list[Seed]:
        return [Seed("terrible loss", "bad"), Seed("wonderful win", "good")]

    def read(self, document: Any) -> str | None:
        return None if document.role == "agent" else super().read(document)


class FileSettings(Settings):
    path: Path
    fail: bool = False


class File(Notifier):
    """Appends what it is to send to a file."""

    name = "file"
    Settings = FileSettings

    def send(self, notification: Notification) -> None:
        if self.settings.fail:
            raise DeliveryError("the disk is on fire", permanent=True)
        with (self.base / self.settings.path).open("a") as file:
            file.write(json.dumps([notification.event, notification.key, notification.title]) + "\n")

    def describe(self) -> str:
        return f"lines in {self.settings.path}"


class Picky(Source):
    """Cannot be made."""

    name = "picky"

    def __init__(self, settings: Any, base: Path) -> None:
        raise RuntimeError("not today")

    def fetch(self, cursor: Mapping[str, Any], now: datetime) -> Iterator[Batch]:
        raise AssertionError


class Parts:
    """The plugin that registers all of these."""

    @hookimpl
    def register_sources(self) -> list[type[Source]]:
        return [Lines, Picky]

    @hookimpl
    def register_task_adapters(self) -> list[type[TaskAdapter]]:
        return [Mood]

    @hookimpl
    def register_notifiers(self) -> list[type[Notifier]]:
        return [File]

    @hookimpl
    def register_encoders(self) -> list[type[Encoder]]:
        return [HashEncoder]


@dataclass
class Said:
    """What a command said."""

    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Monitor:
    """Runs commands in this process, on a configuration in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.config = folder, folder / "config.toml"

    def __call__(self, *args: object, code: int = 0, input: str | bytes | None = None) -> Said:
        """Run a command that must end with ``code``; a traceback is never right."""
        command = ["--config", str(self.config), *map(str, args)]
        got = CliRunner().invoke(cli, command, input=input, env={"COLUMNS": "200"})
        if got.exception is not None and not isinstance(got.exception, SystemExit):
            raise got.exception
        assert got.exit_code == code, got.output
        return Said(got.stdout, got.stderr)

    def write(self, name: str, text: str) -> Path:
        """Write a file into the folder."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def edit(self, old: str, new: str) -> None:
        """Change the configuration."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    @property
    def database(self) -> Path:
        return self.folder / "data" / "monitor.db"

    def store(self) -> Store:
        """The store; to be closed."""
        return Store(self.database, create=False)


@pytest.fixture
def use_plugins(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets commands find these plugin objects beside the installed plugins."""

    def use(**extra: object) -> None:
        monkeypatch.setattr("monitor.cli.app.load_plugins", partial(load_plugins, extra=extra))

    use(parts=Parts())
    return use


@pytest.fixture
def monitor(tmp_path: Path, use_plugins: Callable[..., None]) -> Monitor:
    """Runs commands on a configuration with fast parts; there is no database yet."""
    made = Monitor(tmp_path)
    made.write("config.toml", CONFIG)
    made.write("news.txt", NEWS)
    made.write("mood.csv", SEEDS)
    return made


@pytest.fixture
def fetched(monitor: Monitor) -> Monitor:
    """Likewise, with a database that holds what the source has."""
    monitor("sources", "fetch", "news")
    return monitor


@pytest.fixture
def alert_id(fetched: Monitor) -> int:
    """An open alert of the rule bad-news, with one text, one notification delivered, one that failed."""
    store, now = fetched.store(), datetime.now(UTC)
    try:
        with store.transaction():
            found = store.alerts.insert(
                rule="bad-news",
                kind="surge",
                fingerprint="f00d",
                selection={"topic": "court", "mood": "bad"},
                since=now - timedelta(hours=1),
                now=now,
                observed=12,
                expected=0.6,
                low=0,
                high=3,
                reason="12 texts where 0.6 are usual",
                notify=["desk", "phone"],
            )
            store.alert_documents.add(found, [1])
            for notifier in ("desk", "phone"):
                notification = Notification(f"key-{notifier}", "firing", "title", "body", {})
                store.outbox.add(notifier, notification, found, now)
            desk, phone = store.outbox.of_alert(found)
            store.outbox.delivered(desk.id, now)
            store.outbox.postpone(phone.id, now, now + timedelta(minutes=1), "nobody answers")
    finally:
        store.close()
    return found
