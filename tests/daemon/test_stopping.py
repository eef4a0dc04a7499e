"""The end of a monitor, and its reloads, where something hangs or is wrong: the process is always to be had."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from typing import NoReturn
from unittest.mock import Mock

import pytest

from monitor.daemon import Loaded, _close_ended, _reload, _runtime
from monitor.errors import StoreError
from monitor.runtime import Runtime
from monitor.shared_encoder import SharedEncoder
from monitor.store import Store
from tests.conftest import CONFIG as RUNTIME
from tests.daemon.test_daemon import CONFIG, LEFT, Monitor, monitor

__all__ = ["monitor"]  # a fixture

STUCK = """
import threading
from monitor import hookimpl
from monitor.interfaces import Settings, Source
from monitor.types import Batch, Document

class Stuck(Source):
    name = "stuck"

    class Settings(Settings):
        fetch: bool = False

    def fetch(self, cursor, now):
        if self.settings.fetch:
            print("fetches", self.base, flush=True)
            threading.Event().wait()
        yield Batch((), cursor={})

    def close(self):
        print("closes", self.base, flush=True)
        threading.Event().wait()

@hookimpl
def register_sources():
    return [Stuck]
"""

KEEPER = """
from sqlite_utils.migrations import Migrations
from monitor import hookimpl
from monitor.interfaces import Settings, Source
from monitor.types import Batch, Document

kept = Migrations("monitor-keeper")

@kept()
def m001(db):
    db["keeper_notes"].create({"id": int})

class Keeper(Source):
    name = "keeper"

    def fetch(self, cursor, now):
        yield Batch((Document("k", "a great win"),), cursor={})

@hookimpl
def register_sources():
    return [Keeper]

@hookimpl
def register_migrations():
    return [kept]
"""


def install(monitor: Monitor, name: str, module: str) -> None:
    site = monitor.folder / "site"
    (site / f"{name}_plugin.py").write_text(module)
    about = site / f"{name}-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (about / "entry_points.txt").write_text(f"[monitor]\n{name} = {name}_plugin\n")


def add(monitor: Monitor, *sources: str) -> None:
    more = "".join(f'\n[[sources]]\nevery = "1s"\n{source}\n' for source in sources)
    (monitor.folder / "config.toml").write_text(CONFIG + more)


def running(monitor: Monitor, times: int = 1) -> None:
    monitor.wait_for(lambda: monitor.messages().count("running with") == times)


def reloads(monitor: Monitor) -> int:
    return monitor.messages().count("running with") - 1


def test_a_part_that_does_not_close_is_left(monitor: Monitor) -> None:
    install(monitor, "stuck", STUCK)
    add(monitor, 'plugin = "stuck"\nname = "tar"', 'plugin = "stuck"\nname = "glue"')
    monitor.start()
    running(monitor)
    assert monitor.end() == 0
    assert LEFT not in monitor.messages()
    for name in ("tar", "glue"):
        assert f"source {name} is not closed after 2 s" in monitor.messages()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_who_asks_twice_gets_the_end_at_once(monitor: Monitor, number: signal.Signals, code: int) -> None:
    install(monitor, "stuck", STUCK)
    add(monitor, 'plugin = "stuck"\nname = "tar"\nfetch = true')
    monitor.start()
    monitor.wait_for(lambda: "fetches" in monitor.messages())
    monitor.tell(signal.SIGTERM)
    monitor.wait_for(lambda: "SIGTERM: stopping" in monitor.messages())
    assert monitor.end(number) == code
    assert f"{number.name} again: leaving at once" in monitor.messages()
    assert LEFT not in monitor.messages(), "it waits for what hangs no longer"


def test_what_cannot_be_used_stops_nothing(monitor: Monitor) -> None:
    install(monitor, "stuck", STUCK)
    add(monitor, 'plugin = "stuck"\nname = "tar"\nfetch = true')
    monitor.start()
    monitor.wait_for(lambda: "fetches" in monitor.messages())
    config = monitor.folder / "config.toml"
    config.write_text(CONFIG + "\noops = 1\n")
    for times, said in enumerate(["oops", f"{config}: there is no such file"], 1):
        monitor.tell(signal.SIGHUP)
        monitor.wait_for(lambda times=times: monitor.messages().count("the configuration stays") == times)
        told = [line for line in monitor.messages().splitlines() if "the configuration stays" in line]
        line = told[-1]  # others may have been written after it
        assert (said in line, "--config" in line) == (True, False)
        config.unlink(missing_ok=True)
    assert monitor.messages().count("running with") == 1
    assert "still under way" not in monitor.messages()
    monitor.say("a great win")
    monitor.wait_for_documents(1)


@pytest.mark.parametrize("error", [RuntimeError("a bug"), SystemExit("a bug")])
def test_a_bug_while_it_is_read_stops_nothing_either(
    make_runtime: Callable[..., Runtime], caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    def broken() -> NoReturn:
        raise error

    runtime = make_runtime()
    assert isinstance(runtime.encoder, SharedEncoder)
    present = Loaded(runtime.config, runtime.plugins, runtime.encoder)
    with caplog.at_level(logging.ERROR):
        assert _reload(broken, present, runtime.store) is None
    assert "the configuration stays as it was" in caplog.text
    assert f"{type(error).__name__}: a bug" in caplog.text, "with a traceback"
    assert "a bug" in runtime.store.heartbeats.troubles()["reload"][1]


def test_a_refused_configuration_stops_nothing_where_the_status_cannot_be_told(
    make_runtime: Callable[..., Runtime], caplog: pytest.LogCaptureFixture
) -> None:
    runtime = make_runtime()
    assert isinstance(runtime.encoder, SharedEncoder)
    present = Loaded(runtime.config, runtime.plugins, runtime.encoder)
    full = Store(runtime.store.path, read_only=True)
    try:
        assert _reload(Mock(side_effect=StoreError("not today")), present, full) is None
    finally:
        full.close()
    assert "the configuration stays as it was: not today" in caplog.text
    assert "monitor status cannot show that: " in caplog.text


def test_a_configuration_that_cannot_be_taken_up_leaves_the_database_as_it_was(
    make_runtime: Callable[..., Runtime], monkeypatch: pytest.MonkeyPatch
) -> None:
    new, present = make_runtime(RUNTIME.split("[[tasks]]")[0]), make_runtime()
    assert isinstance(new.encoder, SharedEncoder)
    for full in (present.store.outbox.forsake, present.store.documents.retry_failed):

        def fails(*_: object, **__: object) -> NoReturn:
            raise StoreError("the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(full.__self__, full.__name__, fails)
            with pytest.raises(StoreError, match="full"):
                _runtime(Loaded(new.config, new.plugins, new.encoder), present.store)
        assert [stored.task.name for stored in present.store.tasks.active()] == ["mood", "topic"]


def test_an_encoder_is_closed_with_the_last_configuration_that_uses_it(
    make_runtime: Callable[..., Runtime], monkeypatch: pytest.MonkeyPatch
) -> None:
    present, one, two = (make_runtime() for _ in range(3))
    two.encoder = one.encoder
    closed: list[str] = []
    monkeypatch.setattr(present.encoder, "close", lambda: closed.append("present"))
    monkeypatch.setattr(one.encoder, "close", lambda: closed.append("earlier"))
    first, second, third = (Mock(ended=False) for _ in range(3))
    going = [(first, one), (second, two), (third, present)]
    for ends, so_far in ((third, []), (first, []), (second, ["earlier"])):
        ends.ended = True
        _close_ended(going, present.encoder)
        assert closed == so_far
    assert going == []


def test_many_sources_and_many_reloads_end_in_good_order(monitor: Monitor) -> None:
    (monitor.folder / "feeds").mkdir()
    add(
        monitor,
        *[f'plugin = "chatlog"\nname = "c{n}"\npath = "feeds/{n}.jsonl"' for n in range(16)],
    )
    monitor.start()
    running(monitor)
    for _ in range(5):
        monitor.tell(signal.SIGHUP)
    monitor.wait_for(lambda: reloads(monitor) >= 1)  # signals that wait become one
    before = reloads(monitor)
    for _ in range(5):
        monitor.tell(signal.SIGHUP)
    monitor.wait_for(lambda: reloads(monitor) > before)
    assert monitor.end() == 0
    assert "still under way" not in monitor.messages()


def test_a_plugin_that_came_since_has_its_tables_before_its_source_runs(monitor: Monitor) -> None:
    monitor.start()
    running(monitor)
    install(monitor, "keeper", KEEPER)
    add(monitor, 'plugin = "keeper"\nname = "keeper"')
    monitor.tell(signal.SIGHUP)
    monitor.wait_for_documents(1)
    store = monitor.store()
    assert store.db["keeper_notes"].exists()
    store.close()
    assert monitor.end() == 0
