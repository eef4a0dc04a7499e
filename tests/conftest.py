"""Fixtures that many tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from monitor import hookimpl
from monitor.alerts.detectors import KINDS
from monitor.config.reader import load_config
from monitor.interfaces import Encoder, Notifier, Settings, Source
from monitor.plugins import Plugins, load_plugins
from monitor.runtime import Runtime
from monitor.shared_encoder import SharedEncoder
from monitor.store import Store
from monitor.testing import HashEncoder, Recorder, monitor_now, monitor_store
from monitor.types import BadRecord, Batch, Document

__all__ = ["monitor_now", "monitor_store"]  # fixtures


class ListSource(Source):
    """Yields the documents that a test puts into :attr:`waiting`, a batch at a time."""

    name = "list"

    def __init__(self, settings: Any, base: Path) -> None:
        super().__init__(settings, base)
        self.waiting: list[Document | BadRecord | Batch | BaseException] = []

    def fetch(self, cursor: Mapping[str, Any], now: datetime) -> Iterator[Batch]:
        count = cursor.get("count", 0)
        for item in self.waiting:
            if isinstance(item, BaseException):
                raise item
            count += 1
            if not isinstance(item, Document | BadRecord):
                yield item  # a whole batch, or what is none
            elif isinstance(item, BadRecord):
                yield Batch(bad=(item,), cursor={"count": count})
            else:
                yield Batch((item,), cursor={"count": count})
        self.waiting = []


class TestingPlugin:
    """Registers the fast parts that tests use."""

    __test__ = False

    @hookimpl
    def register_sources(self) -> list[type[Source]]:
        return [ListSource]

    @hookimpl
    def register_notifiers(self) -> list[type[Notifier]]:
        return [Recorder]

    @hookimpl
    def register_encoders(self) -> list[type[Encoder]]:
        return [HashEncoder]


@pytest.fixture(scope="session")
def plugins() -> Plugins:
    """The built-in plugins, and the fast parts."""
    return load_plugins(extra={"testing": TestingPlugin()})


CONFIG = """
database = "monitor.db"
encoder = "hash"

[[sources]]
plugin = "list"
name = "news"
every = "5m"

[[tasks]]
name = "topic"
multi = true
default_seeds = false
seeds = "topic.csv"
labels = { court = "lawsuits, judges and fines", money = "profit, sales and dividends" }

[[tasks]]
name = "mood"
seeds = "mood.csv"
labels = { bad = "something went wrong", good = "something went well" }

[[rules]]
name = "bad-news"
kind = "surge"
where = { topic = "*", mood = "bad" }

[[rules]]
name = "any-court"
kind = "threshold"
where = { topic = "court" }
at_least = 3

[[notifiers]]
plugin = "recorder"
name = "desk"
"""

SEEDS = {
    "topic.csv": """text,label
judge orders fine in lawsuit,court
court hears lawsuit and judge rules,court
lawsuit judge appeal fine,court
profit sales dividend rise,money
quarterly profit and sales,money
dividend from higher profit,money
""",
    "mood.csv": """text,label
terrible loss collapse broken,bad
awful failure collapse loss,bad
wonderful success growth win,good
great success win growth,good
""",
}


@pytest.fixture
def write_config(tmp_path: Path) -> Callable[..., Path]:
    """Writes a configuration with fast parts and its seed files; returns its path."""

    def write(text: str = CONFIG, **files: str) -> Path:
        for name, content in (SEEDS | files).items():
            (tmp_path / name).write_text(content, encoding="utf-8")
        path = tmp_path / "config.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def make_runtime(
    write_config: Callable[..., Path], plugins: Plugins, monitor_now: datetime
) -> Iterator[Callable[..., Runtime]]:
    """Makes a runtime of a configuration, synchronised and adapted."""
    made: list[Runtime] = []

    def make(text: str = CONFIG, *, now: datetime = monitor_now, **files: str) -> Runtime:
        config = load_config(write_config(text, **files), plugins, KINDS)
        encoder = SharedEncoder(HashEncoder(Settings(), config.base))
        runtime = Runtime(config, plugins, Store(config.database), encoder)
        made.append(runtime)
        runtime.synchronise(now)
        runtime.learn(now)
        return runtime

    yield make
    for runtime in made:
        runtime.close()
        runtime.store.close()
