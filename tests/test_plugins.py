"""Loading plugins: one that fails is recorded, and the rest goes on."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import Any

import click
import pytest
from sqlite_utils.migrations import Migrations

from monitor import hookimpl
from monitor.errors import PluginError, UnknownName
from monitor.interfaces import Notifier, Source
from monitor.plugins import load_plugins


def source(name: str) -> type[Source]:
    """A source class of that name."""

    class Made(Source):
        def fetch(self, cursor: Any, now: Any) -> Iterator[Any]:
            yield from ()

    Made.name = name
    return Made


class Provides:
    """A plugin whose ``register_sources`` returns what it was made with, or raises it."""

    def __init__(self, *sources: Any) -> None:
        self.sources = sources

    @hookimpl
    def register_sources(self):
        for item in self.sources:
            if isinstance(item, BaseException):
                raise item
        return list(self.sources)


def load(**extra):
    return load_plugins(found=(), extra=extra)


def errors(plugins):
    return {status.name: status.error for status in plugins.statuses if status.error}


@pytest.fixture
def points(tmp_path, monkeypatch):
    """Makes entry points of modules with the given source text."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(**modules):
        for name, text in modules.items():
            (tmp_path / f"plugin_under_test_{name}.py").write_text(text)
        return [EntryPoint(name, f"plugin_under_test_{name}", "monitor") for name in modules]

    return make


GOOD = """
from monitor import hookimpl
from monitor.interfaces import Source

class Good(Source):
    name = "good"

    def fetch(self, cursor, now):
        yield from ()

@hookimpl
def register_sources():
    return [Good]
"""


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("import a_module_that_is_not_there", "ModuleNotFoundError: No module named 'a_module_that_is_not_there'"),
        ("raise RuntimeError('first line\\nsecond line')", "RuntimeError: first line second line"),
        ("raise RuntimeError('\\x1b[31mred\\x07')", "RuntimeError: red"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("def broken(:", "SyntaxError"),
    ],
)  # fmt: skip
def test_a_plugin_that_does_not_import_is_recorded_and_the_rest_goes_on(points, text, error):
    plugins = load_plugins(found=points(aaa_bad=text, good=GOOD))
    assert plugins.pick("source", "good").name == "good"
    bad, good = plugins.statuses
    assert bad.error.startswith(error)
    assert bad.error.isprintable()
    assert (good.error, good.provides) == ("", ["source good"])
    assert good.module == "plugin_under_test_good"


def test_disabled_plugins_are_not_imported(points):
    plugins = load_plugins(found=points(bad="raise SystemExit", good=GOOD), disabled=["bad"])
    (bad, good) = plugins.statuses
    assert (bad.disabled, bad.error) == (True, "")
    assert (good.disabled, good.provides) == (False, ["source good"])
    plugins = load_plugins(found=points(good=GOOD), disabled=["good"])
    with pytest.raises(UnknownName, match="no source is called 'good'"):
        plugins.pick("source", "good")


def test_the_built_in_plugins_load():
    plugins = load_plugins()
    assert errors(plugins) == {}
    assert plugins.parts["source"].keys() >= {"rss", "chatlog"}
    assert plugins.parts["task adapter"].keys() >= {"topic", "sentiment", "intent", "labels"}
    assert plugins.parts["notifier"].keys() >= {"log", "webhook", "email"}
    assert plugins.parts["encoder"].keys() >= {"minilm", "transformers"}


@pytest.mark.parametrize("error", [RuntimeError("no"), SystemExit(3)])
def test_a_hook_that_raises_loses_its_own_plugin_only(error):
    plugins = load(bad=Provides(error), good=Provides(source("good")))
    assert errors(plugins) == {"bad": f"{type(error).__name__}: {error}"}
    assert list(plugins.parts["source"]) == ["good"]


def test_a_plugin_that_fails_at_a_later_hook_provides_nothing():
    class Half(Provides):
        @hookimpl
        def register_notifiers(self):
            raise RuntimeError("no")

    plugins = load(half=Half(source("half")), good=Provides(source("good")))
    assert errors(plugins) == {"half": "RuntimeError: no"}
    assert list(plugins.parts["source"]) == ["good"]
    assert plugins.statuses[0].provides == []


def test_a_plugin_that_fails_at_its_migrations_or_commands_provides_nothing():
    class Migrates(Provides):
        @hookimpl
        def register_migrations(self):
            raise RuntimeError("no")

    class Commands(Provides):
        @hookimpl
        def register_migrations(self):
            return [Migrations("monitor-commands")]

        @hookimpl
        def register_commands(self, cli):
            raise RuntimeError("no")

    plugins = load(
        commands=Commands(source("c")), good=Provides(source("good")), migrates=Migrates(source("m"))
    )
    plugins.add_commands(group())
    assert errors(plugins) == {"commands": "RuntimeError: no", "migrates": "RuntimeError: no"}
    assert [list(parts) for parts in plugins.parts.values() if parts] == [["good"]]
    assert plugins.migrations == []
    assert [status.provides for status in plugins.statuses] == [[], ["source good"], []]


@pytest.mark.parametrize("hook", ["register_notifiers", "register_migrations"])
def test_a_name_that_only_one_plugin_claims_that_did_not_fail_is_that_plugins(hook):
    def fail(self):
        raise RuntimeError("no")

    half = type("Half", (Provides,), {hook: hookimpl(fail)})
    for names in (("half", "whole"), ("whole", "half")):
        given = {name: (half if name == "half" else Provides)(source("twin")) for name in names}
        plugins = load(**given)
        assert errors(plugins) == {"half": "RuntimeError: no"}
        assert plugins.clashes == []
        assert plugins.owners["source", "twin"] == "whole"
        assert list(plugins.parts["source"]) == ["twin"]
        assert {s.name: s.provides for s in plugins.statuses}["whole"] == ["source twin"]


def test_a_class_registered_twice_fails_its_own_plugin_only():
    twice = source("twice")
    plugins = load(bad=Provides(twice, twice), good=Provides(source("good")))
    assert errors(plugins) == {"bad": "PluginError: the source 'twice' is registered twice"}
    assert list(plugins.parts["source"]) == ["good"]


class NotASource:
    name = "wrong"


class Unfinished(Source):
    name = "unfinished"


class Nameless(Source):
    def fetch(self, cursor: Any, now: Any) -> Iterator[Any]:
        yield from ()


class Loose(Source):
    name = "loose"
    Settings = dict  # type: ignore[assignment]

    def fetch(self, cursor: Any, now: Any) -> Iterator[Any]:
        yield from ()


class Pager(Notifier):
    name = "pager"

    def send(self, notification: Any) -> None:
        raise AssertionError


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (NotASource, "a source must be a class derived from Source"),
        (Pager, "a source must be a class derived from Source"),
        ("rss", "not 'rss'"),
        (Unfinished, "the source 'unfinished' does not define fetch"),
        (Nameless, "the source Nameless has no `name`"),
        (source(""), "the source Made has no `name`"),
        (source(" "), "the source Made has no `name`"),
        (Loose, "`Settings` of the source 'loose' must be a pydantic model, not <class 'dict'>"),
    ],
)
def test_what_is_no_source_is_refused(wrong, message):
    plugins = load(bad=Provides(wrong), good=Provides(source("good")))
    assert message in errors(plugins)["bad"]
    assert list(plugins.parts["source"]) == ["good"]


def test_a_hook_must_return_a_list():
    class Returns:
        @hookimpl
        def register_sources(self):
            return None

    assert errors(load(bad=Returns())) == {
        "bad": "PluginError: register_sources must return a list, not None"
    }


def test_an_unknown_hook_is_refused():
    class Misspelt(Provides):
        @hookimpl
        def register_sauces(self):
            return []

    plugins = load(bad=Misspelt(source("bad")), good=Provides(source("good")))
    assert "register_sauces" in errors(plugins)["bad"]
    assert list(plugins.parts["source"]) == ["good"]


def test_a_hook_with_unknown_arguments_is_refused():
    class Wants:
        @hookimpl
        def register_sources(self, database):
            return []

    plugins = load(bad=Wants(), good=Provides(source("good")))
    assert "database" in errors(plugins)["bad"]
    assert list(plugins.parts["source"]) == ["good"]


def test_a_hook_with_a_default_is_refused():
    class Defaults(Provides):
        @hookimpl
        def register_commands(self, cli=None):
            raise AssertionError

    plugins = load(bad=Defaults(source("bad")), good=Provides(source("good")))
    assert errors(plugins) == {
        "bad": "PluginError: register_commands: the argument 'cli' must not have a default"
    }
    assert list(plugins.parts["source"]) == ["good"]


def test_two_plugins_cannot_provide_the_same_name():
    with pytest.raises(PluginError, match="two plugins provide the source 'x': one and two; disable one"):
        load(one=Provides(source("x")), two=Provides(source("x")))


def test_two_plugins_cannot_have_the_same_name(points):
    with pytest.raises(PluginError, match="two plugins are called 'good'"):
        load_plugins(found=points(good=GOOD) * 2)


def test_clashes_can_be_looked_at(points):
    shown = {
        "one": Provides(source("x")),
        "two": Provides(source("x"), source("y")),
        "three": Provides(source("x")),
    }
    plugins = load_plugins(found=points(good=GOOD) * 2, extra=shown, refuse_clashes=False)
    assert plugins.parts["source"].keys() == {"good"}
    assert [clash.partition(";")[0] for clash in plugins.clashes] == [
        "two plugins are called 'good': uninstall one of them",
        "two plugins provide the source 'x': one and three",
        "two plugins provide the source 'x': one and two",
    ]
    first, *others = plugins.statuses
    assert (first.error, first.provides) == ("", ["source good"])
    assert all("two plugins" in status.error and not status.provides for status in others)


def unknown(plugins, name):
    with pytest.raises(UnknownName) as raised:
        plugins.pick("source", name)
    return str(raised.value)


def test_unknown_names_list_the_known_and_the_plugins_that_are_not_there(points):
    good, no = Provides(source("good")), RuntimeError("no")
    said = "no source is called 'nope'; known: good"
    assert unknown(load(good=good), "nope") == said
    one = load(bad=Provides(no), good=good)
    assert unknown(one, "nope") == f"{said}; or of the plugin that failed: bad (RuntimeError: no)"
    two = load_plugins(
        found=points(off=GOOD),
        disabled=["off"],
        extra={"bad": Provides(no), "worse": Provides(no), "good": good},
    )
    failed = "; or of one of the plugins that failed: bad, worse; or of a plugin that is disabled: off"
    assert unknown(two, "nope") == said + failed
    assert unknown(two, "off") == "no source is called 'off'; known: good; the plugin 'off' is disabled"


def test_a_name_that_a_failed_plugin_registered_is_blamed_on_it_alone():
    class Half(Provides):
        @hookimpl
        def register_notifiers(self):
            raise RuntimeError("no")

    plugins = load(half=Half(source("x")), bad=Provides(RuntimeError("other")))
    assert unknown(plugins, "x") == "no source is called 'x', for the plugin 'half' failed: RuntimeError: no"


def group():
    return click.Group(commands={"status": click.Command("status")})


class Adds:
    def __init__(self, name: str, error: BaseException | None = None) -> None:
        self.name, self.error = name, error

    @hookimpl
    def register_commands(self, cli):
        cli.add_command(click.Command(self.name))
        if self.error is not None:
            raise self.error


def test_commands_are_added_one_plugin_at_a_time():
    plugins = load(
        a=Adds("one"), b=Adds("two", RuntimeError("no")), c=Adds("status"), d=Adds("one"), e=Adds("last")
    )
    cli = group()
    kept = cli.commands["status"]
    plugins.add_commands(cli)
    assert list(cli.commands) == ["status", "one", "last"]
    assert cli.commands["status"] is kept
    found = errors(plugins)
    assert found["b"] == "RuntimeError: no"
    assert "the command 'status' exists already" in found["c"]
    assert "the command 'one' exists already" in found["d"]
    assert plugins.statuses[0].provides == ["command one"]


def test_a_command_hook_that_exits_loses_its_own_commands():
    plugins = load(a=Adds("one", SystemExit(1)), b=Adds("two"))
    cli = group()
    plugins.add_commands(cli)
    assert list(cli.commands) == ["status", "two"]


class Keeps:
    def __init__(self, *names: str) -> None:
        self.names = names

    @hookimpl
    def register_migrations(self):
        return [Migrations(name) for name in self.names]


def test_migrations_carry_their_plugins_name():
    plugins = load(
        notes=Keeps("monitor-notes"),
        thief=Keeps("monitor"),
        note=Keeps("monitor-notes"),
        twice=Keeps("monitor-twice", "monitor-twice"),
    )
    assert [m.name for m in plugins.migrations] == ["monitor-notes"]
    assert "must be called 'monitor-note'" in errors(plugins)["note"]
    assert "'monitor-twice' is registered twice" in errors(plugins)["twice"]
    assert "must be called 'monitor-thief'" in errors(plugins)["thief"]
    assert plugins.statuses[0].provides == ["migrations monitor-notes"]
