"""A small world of texts with times, read by the real classifier under the rules of a configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from monitor import hookimpl
from monitor.alerts.detectors import KINDS
from monitor.config.reader import load_config
from monitor.interfaces import Encoder, Notifier, Source
from monitor.plugins import load_plugins
from monitor.runtime import Runtime
from monitor.store import Store
from monitor.testing import Recorder
from monitor.types import Batch, Document, Notification, Role


class Timed(Source):
    """Gives what is published by now, once."""

    name = "timed"

    def __init__(self, settings: Any, base: Path) -> None:
        super().__init__(settings, base)
        self.documents: list[Document] = []

    def fetch(self, cursor: Mapping[str, Any], now: datetime) -> Iterator[Batch]:
        given = int(cursor.get("given", 0))
        due = [d for d in self.documents[given:] if d.published_at is not None and d.published_at <= now]
        if due:
            yield Batch(tuple(due), cursor={"given": given + len(due)})


class TimedPlugin:
    """Registers the source, and a notifier that keeps what it gets."""

    @hookimpl
    def register_sources(self) -> list[type[Source]]:
        return [Timed]

    @hookimpl
    def register_notifiers(self) -> list[type[Notifier]]:
        return [Recorder]


CONFIG = """
database = "monitor.db"
[[sources]]
plugin = "timed"
name = "news"
every = "5m"
[[sources]]
plugin = "timed"
name = "chat"
every = "5m"
[[notifiers]]
plugin = "recorder"
name = "desk"
"""


class Scenario:
    """:meth:`news` and :meth:`chat` say what will be written, in any order; then :meth:`live` lets time pass.

    What lies before its beginning is history: the sources hold it when they are first read.
    """

    def __init__(self, folder: Path, encoder: Encoder, config: str) -> None:
        path = folder / "config.toml"
        path.write_text(CONFIG + config, encoding="utf-8")
        plugins = load_plugins(extra={"timed": TimedPlugin()})
        loaded = load_config(path, plugins, KINDS)
        self.runtime = Runtime(loaded, plugins, Store(loaded.database), encoder)
        self.store = self.runtime.store
        self.store.connection.execute("pragma synchronous = off")
        self.told = 0
        self.learned = False

    def news(self, at: datetime, title: str, text: str = "") -> None:
        """A news item."""
        self._say(
            "news", Document(self._id(), text, title, f"https://wire.example/{self.told}", published_at=at)
        )

    def chat(self, at: datetime, text: str, thread: str = "", role: Role = "customer") -> None:
        """What one side writes in a conversation; each in one of its own where none is named."""
        number = self._id()
        self._say("chat", Document(number, text, thread=thread or f"t{number}", role=role, published_at=at))

    def live(self, since: datetime, until: datetime, step: timedelta = timedelta(minutes=10)) -> None:
        """Fetch, classify, judge and deliver, every ``step`` from ``since`` to ``until``."""
        for source in self.runtime.sources.values():
            assert isinstance(source, Timed)
            source.documents.sort(key=lambda document: document.published_at or since)
        now = since
        while now <= until:
            if not self.learned:
                self.runtime.synchronise(now)
                self.runtime.learn(now)
                self.learned = True
            for name in self.runtime.due_sources(now):
                self.runtime.fetch(name, now)
            while self.runtime.classify(now):
                pass
            self.runtime.tick(now)
            self.runtime.deliver("desk", now)
            now += step

    @property
    def notifications(self) -> list[Notification]:
        """What the desk was notified of, in order."""
        desk = self.runtime.notifiers["desk"]
        assert isinstance(desk, Recorder)
        return desk.sent

    def close(self) -> None:
        """Let go of the database."""
        self.runtime.close()
        self.store.close()

    def _id(self) -> str:
        self.told += 1
        return str(self.told)

    def _say(self, source: str, document: Document) -> None:
        found = self.runtime.sources[source]
        assert isinstance(found, Timed)
        found.documents.append(document)
