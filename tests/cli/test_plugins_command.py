"""monitor plugins, and commands that plugins add."""

from __future__ import annotations

import click

from monitor import hookimpl
from monitor.interfaces import Source


class Greets:
    """Adds a command."""

    @hookimpl
    def register_commands(self, cli):
        @cli.command("greet", help="Say hello.")
        def greet() -> None:
            click.echo("hello")


class TakesOver:
    """Claims a command that is there."""

    @hookimpl
    def register_commands(self, cli):
        cli.add_command(click.Command("status"))


class Breaks:
    """Raises."""

    @hookimpl
    def register_commands(self, cli):
        cli.add_command(click.Command("half"))
        raise RuntimeError("broken beyond repair")


def records(monitor):
    return {r["name"]: r for r in monitor("plugins", "list", "--json").json}


def test_list_shows_what_each_provides_and_what_failed(monitor, use_plugins):
    use_plugins(greets=Greets(), takes_over=TakesOver(), breaks=Breaks())
    found = records(monitor)
    assert found["greets"]["provides"] == ["command greet"]
    assert "the command 'status' exists already" in found["takes_over"]["error"]
    assert found["breaks"]["error"] == "RuntimeError: broken beyond repair"
    assert found["breaks"]["provides"] == []
    assert found["labels"]["provides"] == ["task adapter labels"]
    assert (found["labels"]["distribution"], found["labels"]["module"]) == (
        "monitor",
        "monitor_plugins.labels",
    )
    assert "failed: RuntimeError: broken beyond repair" in " ".join(monitor("plugins", "list").out.split())


class Unmarked:
    """Forgot to mark its hook."""

    def register_commands(self, cli):
        raise AssertionError


def test_a_plugin_without_hooks_is_told_what_it_may_lack(monitor, use_plugins):
    use_plugins(unmarked=Unmarked())
    assert records(monitor)["unmarked"]["error"] == ""
    assert "nothing: is a function with @hookimpl missing?" in " ".join(
        monitor("plugins", "list").out.split()
    )


class Again:
    """Claims a name that another plugin has."""

    @hookimpl
    def register_sources(self):
        class Again(Source):
            name = "again"

            def fetch(self, cursor, now):
                raise AssertionError

        return [Again]


def test_two_plugins_that_claim_one_name_are_shown_and_nothing_runs(monitor, use_plugins):
    use_plugins(one=Again(), two=Again(), greets=Greets())
    clash = "two plugins provide the source 'again': one and two; disable one of them"
    found = records(monitor)
    assert clash in found["one"]["error"]
    assert clash in found["two"]["error"]
    assert found["greets"]["provides"] == ["command greet"]
    assert "greet" in monitor("--help").out
    monitor.config.write_text("oops = 1\n")
    faults = monitor("config", "check", "--json", code=2).json["faults"]
    assert [fault["place"] for fault in faults] == ["oops", "plugins"]
    assert clash in monitor("config", "check", code=2).err
    assert clash in monitor("run", "--once", "--no-view", code=2).err
    assert clash in monitor("db", "migrate", code=1).err


def test_list_works_without_a_configuration(monitor):
    monitor.config.unlink()
    assert "labels" in records(monitor)


def test_list_shows_disabled_plugins(monitor):
    monitor.config.write_text('plugins = { disabled = ["labels"] }\n')
    assert records(monitor)["labels"]["disabled"] is True
    line = next(x for x in monitor("plugins", "list").out.splitlines() if x.startswith("labels "))
    assert "(disabled)" in line


def test_commands_of_plugins_run_and_are_listed(monitor, use_plugins):
    use_plugins(greets=Greets(), breaks=Breaks())
    assert monitor("greet").out == "hello\n"
    help_text = monitor("--help").out
    assert "Say hello." in help_text
    assert "half" not in help_text
    said = monitor("nope", code=2)
    assert "there is no command 'nope'; known: run, " in said.err
    assert "greet" in said.err


def test_help_is_there_whatever_is_wrong_with_the_configuration(monitor):
    monitor.config.write_text("this is not TOML")
    assert "sources" in monitor("--help").out
    assert "is not TOML" in monitor("plugins", "list", code=2).err
    assert "is not TOML" in monitor("nope", code=2).err


def test_groups_list_known_commands(monitor):
    assert (
        "there is no command 'nope'; known: check, fetch, list, show"
        in monitor("sources", "nope", code=2).err
    )
