"""Help is everywhere, and what does not classify imports no torch."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from monitor.cli import cli
from monitor.cli.parameters import DurationType

HEAVY = ("torch", "transformers", "sentence_transformers")


def commands():
    """``(words, command)`` of everything there is."""
    root = click.Context(cli, info_name="monitor")
    todo = [((), cli, root)]
    while todo:
        words, command, context = todo.pop()
        yield words, command
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                todo.append(((*words, name), child, click.Context(child, info_name=name, parent=context)))


COMMANDS = dict(commands())


def test_the_commands_are_there():
    assert COMMANDS.keys() >= {
        tuple(line.split())
        for line in (
            "run", "status", "classify", "evaluate", "adapt", "trends",
            "sources list", "sources check", "sources show", "sources fetch",
            "tasks list", "tasks show", "tasks add", "tasks extend", "tasks remove",
            "seeds add", "seeds import", "seeds list", "seeds remove",
            "documents list", "documents show", "documents search", "documents import",
            "alerts list", "alerts show", "alerts ack", "rules list", "notifiers list", "notifiers test",
            "plugins list", "config check", "db info", "db check", "db backup", "db migrate",
        )
    }  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_and_option_has_help(words):
    command = COMMANDS[words]
    assert command.help
    assert command.get_short_help_str(limit=400).endswith((".", "?", "!"))
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{' '.join(words)} {parameter.opts[0]} has no help"


def test_first_lines_say_what_a_command_does():
    for words, said in (
        (("db",), "Inspect, check, back up and migrate the database."),
        (("evaluate",), "Measure accuracy on your data, learned from a few examples."),
    ):
        assert COMMANDS[words].get_short_help_str(limit=80) == said
    assert not [words for words, c in COMMANDS.items() if c.get_short_help_str(limit=400).endswith("?")]


def test_spans_are_read_in_one_way():
    for words, command in COMMANDS.items():
        for parameter in command.params:
            if {"--since", "--step", "--for"} & set(parameter.opts):
                assert isinstance(parameter.type, DurationType), words
                assert parameter.metavar == "DURATION", words


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_examples_in_help_can_be_pasted(words):
    context = click.Context(COMMANDS[words], info_name="monitor", terminal_width=80)
    lines = iter(COMMANDS[words].get_help(context).splitlines())
    for line in lines:
        if not line.startswith("      monitor "):
            continue
        while line.endswith("\\"):
            line = line[:-1] + next(lines).strip()
        group, name, *_ = shlex.split(line)[1:]
        assert (group, name) in COMMANDS
        following = next(lines, "")
        assert not following.strip(), f"{following!r} is left over"


def modules_after(code: str, *arguments: str) -> list[str]:
    """Heavy modules that a fresh interpreter has after running ``code``."""
    end = f"\nimport sys, json\nprint(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    got = subprocess.run(
        [sys.executable, "-c", code + end, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert got.returncode == 0, got.stderr
    return json.loads(got.stdout.splitlines()[-1])


RUN_ALL = """
import json, sys
from click.testing import CliRunner
from monitor.cli import cli
from monitor.cli.parameters import DurationType
for words in json.loads(sys.argv[1]):
    got = CliRunner().invoke(cli, words)
    assert got.exit_code in (0, 1), (words, got.output)
    assert got.exception is None or isinstance(got.exception, SystemExit), (words, got.exception)
"""


def test_importing_monitor_imports_no_torch():
    assert modules_after("import monitor, monitor.cli, monitor.testing, monitor.runtime") == []


def test_help_imports_no_torch():
    assert modules_after(RUN_ALL, json.dumps([[*words, "--help"] for words in COMMANDS])) == []


def test_commands_that_do_not_classify_import_no_torch(tmp_path):
    config = tmp_path / "config.toml"
    config.write_text(
        '[[sources]]\nplugin = "chatlog"\nname = "chats"\npath = "*.jsonl"\n\n'
        '[[tasks]]\nname = "sentiment"\nadapter = "sentiment"\n\n'
        '[[rules]]\nname = "bad"\nkind = "surge"\nwhere = { sentiment = "negative" }\n'
    )
    (tmp_path / "a.jsonl").write_text('{"text": "a text"}\n')
    lines = [
        "config check", "db migrate", "sources check", "sources fetch chats", "sources list", "sources show chats",
        "tasks add urgency --label urgent --label routine", "seeds add urgency urgent help", "tasks list",
        "tasks show urgency", "seeds list urgency", "documents list", "documents search text", "documents show 1",
        "alerts list", "rules list", "notifiers list", "notifiers test", "plugins list", "trends", "status",
        "db info", "db check", "tasks remove urgency",
    ]  # fmt: skip
    words = [["--config", str(config), *line.split()] for line in lines]
    assert modules_after(RUN_ALL, json.dumps(words)) == []


def test_python_m_monitor(tmp_path):
    def run(*words: str, code: int) -> subprocess.CompletedProcess[str]:
        got = subprocess.run(
            [sys.executable, "-m", "monitor", *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )
        assert got.returncode == code, got.stderr
        return got

    assert run("db", "migrate", code=2).stderr.splitlines()[0] == "Error: config.toml cannot be used:"
    (tmp_path / "config.toml").write_text("")
    assert "made" in run("db", "migrate", code=0).stdout
    assert (tmp_path / "monitor.db").exists()
    assert "there is no alert 1" in run("alerts", "show", "1", code=1).stderr


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_what_a_terminal_cannot_write_stops_no_command(tmp_path, encoding):
    (tmp_path / "config.toml").write_text("")
    (tmp_path / "chats.csv").write_text("text\nGröße: 5 € … 😀\n", encoding="utf-8")

    def run(*words: str) -> bytes:
        got = subprocess.run(
            [sys.executable, "-m", "monitor", *words],
            capture_output=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
            check=False,
        )
        assert got.returncode == 0, got.stderr
        return got.stdout

    run("documents", "import", "chats.csv")
    assert "Größe: 5 ? ? ?".encode(encoding, "replace") in run("documents", "list")
    assert b": 5 " in run("documents", "show", "1")
    assert json.loads(run("documents", "list", "--json"))[0]["text"] == "Größe: 5 € … 😀"


def test_an_output_that_is_closed_or_full_is_no_bug(tmp_path):
    (tmp_path / "config.toml").write_text("")

    def run(shell: str) -> tuple[int, str]:
        line = f'"{sys.executable}" -m monitor {shell}'
        got = subprocess.run(line, shell=True, capture_output=True, text=True, cwd=tmp_path, check=False)
        return got.returncode, got.stderr

    assert run("db migrate")[0] == 0
    for command in ("db info", "db info --json"):
        assert run(f"{command} >&-") == (0, "")
        if Path("/dev/full").exists():
            said = "Error: what was to be written cannot be: no space left on device\n"
            assert run(f"{command} > /dev/full") == (1, said)
