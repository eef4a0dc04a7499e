"""The documents say what the program does: signatures, commands, settings, examples, links."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re
import subprocess
import sys
import tomllib
from contextlib import closing
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
from pydantic import BaseModel
from test_imports import CORE, FOR_COMMANDS, FOR_TESTS, PLUGINS, PUBLIC, SAMPLE

from monitor import hookspecs, interfaces, testing, types
from monitor.alerts.detectors import KINDS
from monitor.cli import cli
from monitor.config.model import (
    LogSettings,
    NotifierTable,
    PluginSettings,
    RetentionSettings,
    RuleTable,
    SourceTable,
    TaskTable,
    TopTable,
)
from monitor.config.reader import load_config
from monitor.durations import parse_duration
from monitor.plugins import load_plugins
from monitor.routes import Inhibit, Mute, Route
from monitor.store import Store
from monitor.testing import (
    check_failing_notifier,
    check_failing_source,
    check_notifier,
    check_source,
    make,
    sample_notification,
)
from monitor_plugins._chatlog_settings import ChatlogSettings
from monitor_plugins.rss import RssSettings
from tests.loopback import LoopbackServer, Reply

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FOR_PLUGINS = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
HOOKS = [name for name in vars(hookspecs) if name.startswith("register_")]


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def squeezed(text: str) -> str:
    """Without white space and quotation marks, which are a matter of taste."""
    return re.sub(r"[\s'\"]", "", text)


def module_of(text: str, folder: Path) -> ModuleType:
    """A block of Python as the module that its first line names."""
    name = text.removeprefix("# ").partition(".py\n")[0]
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# -- docs/plugins.md: the contract -------------------------------------------------------


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_with_its_arguments(hook: str) -> None:
    signature = str(inspect.signature(getattr(hookspecs, hook))).replace("'", "")
    assert f"\n### `{hook}{signature}`\n" in FOR_PLUGINS


def test_no_hook_is_documented_that_is_not_there() -> None:
    assert re.findall(r"^### `(\w+)\(", FOR_PLUGINS, re.MULTILINE) == HOOKS


CLASSES = {
    node.name: node
    for node in ast.parse(inspect.getsource(interfaces)).body
    if isinstance(node, ast.ClassDef) and node.name != "Settings"
}
METHODS = [
    (owner, node)
    for owner, cls in CLASSES.items()
    for node in cls.body
    if (isinstance(node, ast.FunctionDef) and not node.decorator_list)
    or ast.unparse(node).startswith("@abstract")
]


@pytest.mark.parametrize(("owner", "method"), METHODS, ids=lambda value: getattr(value, "name", value))
def test_every_method_is_documented_with_its_signature(owner: str, method: ast.FunctionDef) -> None:
    returns = ast.unparse(method.returns) if method.returns else ""
    wanted = squeezed(f"def {method.name}({ast.unparse(method.args)}) -> {returns}")
    section = FOR_PLUGINS.partition("\n## Parts\n" if owner == "Part" else f"\n### {owner}\n")[2]
    section = re.split(r"\n### ", section)[0]
    assert wanted in squeezed(section), f"the section on {owner} lacks {ast.unparse(method).splitlines()[0]}"


@pytest.mark.parametrize(
    "data",
    [types.Document, types.BadRecord, types.Batch, types.StoredDocument, types.Notification, types.Health],
)
def test_every_field_of_the_data_is_documented(data: Any) -> None:
    assert is_dataclass(data)
    missing = [field.name for field in fields(data) if f"`{field.name}`" not in FOR_PLUGINS]
    assert not missing, f"docs/plugins.md does not speak of {missing} of {data.__name__}"


def test_everything_for_tests_is_documented() -> None:
    names = {
        name
        for name, item in vars(testing).items()
        if getattr(item, "__module__", "") == testing.__name__ and not name.startswith("_")
    }
    section = FOR_PLUGINS.partition("\n## Testing\n")[2]
    assert {name for name in names if not re.search(rf"\b{name}\b", section)} == set()


def test_the_public_modules_are_listed() -> None:
    section = FOR_PLUGINS.partition("\n## What you may import\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    listed = {name for row in rows for name in re.findall(r"`(monitor[\w.]*)`", row.split("|")[1])}
    assert listed == PUBLIC | FOR_COMMANDS | FOR_TESTS


def public_names() -> dict[str, set[str]]:
    """What the table of public modules says may be imported of each."""
    section = FOR_PLUGINS.partition("\n## What you may import\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([\w.]+)` \| (.*) \|$", section, re.MULTILINE)
    return {module: {n for n in re.findall(r"`(\w+)`", names) if n.isidentifier()} for module, names in rows}


def test_the_public_names_are_there() -> None:
    for module, names in public_names().items():
        missing = {name for name in names if not hasattr(importlib.import_module(module), name)}
        assert not missing, f"docs/plugins.md promises {missing} of {module}"


@pytest.mark.parametrize("module", [*PLUGINS, *SAMPLE])
def test_what_plugins_import_is_listed(module: str) -> None:
    public = public_names()
    for node in ast.walk(ast.parse((PLUGINS | SAMPLE)[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] == "monitor":
            names = {alias.name for alias in node.names if f"{node.module}.{alias.name}" not in CORE}
            missing = names - public.get(str(node.module), set())
            assert not missing, f"docs/plugins.md does not list {missing} of {node.module}"


def test_the_example_that_asks_the_network_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, test = (
        next(block for block in blocks(FOR_PLUGINS, "python") if block.startswith(f"# {name}.py\n"))
        for name in ("monitor_posts", "test_monitor_posts")
    )
    module = module_of(code, tmp_path)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert load_plugins(found=(), extra={"posts": module}).statuses[0].provides == ["source posts"]
    module_of(test, tmp_path).test_the_contract(tmp_path)


def test_the_notifier_over_http_works(tmp_path: Path) -> None:
    (code,) = (block for block in blocks(FOR_PLUGINS, "python") if block.startswith("# monitor_ntfy.py\n"))
    (part,) = load_plugins(found=(), extra={"ntfy": module_of(code, tmp_path)}).parts["notifier"].values()
    with LoopbackServer() as server:
        server.routes |= {"/": Reply(), "/gone": Reply(410), "/busy": Reply(503)}

        def ntfy(path: str) -> Any:
            return make(part, tmp_path, url=server.url(path), topic="desk", allow_private=True)

        check_notifier(ntfy("/"), lambda: [seen.body.decode() for seen in server.requests])
        assert server.requests[0].headers["idempotency-key"] == sample_notification().key
        for path, permanent in (("/gone", True), ("/busy", False)):
            with closing(ntfy(path)) as notifier:
                check_failing_notifier(notifier, permanent=permanent)


def test_a_plugin_is_installed_although_its_test_stands_beside_it(tmp_path: Path) -> None:
    module_of(blocks(FOR_PLUGINS, "python")[0], tmp_path)
    (tmp_path / "test_monitor_lines.py").write_text(blocks(FOR_PLUGINS, "python")[-1], encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(blocks(FOR_PLUGINS, "toml")[0], encoding="utf-8")
    pip = (sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--no-index")
    done = subprocess.run(
        [*pip, "--target", "site", "."], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "monitor_lines.py").exists()


def test_the_example_works_and_its_test_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, test = blocks(FOR_PLUGINS, "python")[0], blocks(FOR_PLUGINS, "python")[-1]
    written = [
        line for line in code.splitlines() if line.strip() and not line.startswith(("#", "from", "import"))
    ]
    assert len(written) <= 20
    module = module_of(code, tmp_path)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    plugins = load_plugins(found=(), extra={"lines": module})
    assert plugins.statuses[0].provides == ["source lines"]
    space: dict[str, Any] = {}
    exec(compile(test, "docs/plugins.md", "exec"), space)
    space["test_the_contract"](tmp_path)
    pyproject, config = blocks(FOR_PLUGINS, "toml")
    assert f'lines = "{module.__name__}"' in pyproject
    (tmp_path / "config.toml").write_text(config)
    (source,) = load_config(tmp_path / "config.toml", load_plugins(extra={"lines": module}), KINDS).sources
    assert len(check_source(source.part(source.settings, tmp_path), at_least=2)) == 2


# -- README.md ---------------------------------------------------------------------------


def commands() -> set[str]:
    """Every command, as it is typed."""
    context = click.Context(cli)
    found = set()
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        if isinstance(command, click.Group):
            found |= {f"{name} {sub}" for sub in command.list_commands(context)}
        else:
            found.add(name)
    return found


def test_a_rule_is_tried_on_imported_history_as_if_it_had_come_live() -> None:
    start = README.partition("monitor documents import")[2].partition("\n\n")[0]
    assert re.search(r"monitor run --once .*\n +monitor rules test \S+ .*--as-live", start), (
        "history raises nothing by itself, and has no labels before it was read"
    )


def test_the_readme_lists_every_command_and_no_other() -> None:
    section = README.partition("\n## Commands\n")[2].partition("\n## ")[0].replace(r"\|", "|")
    listed = set()
    for line in section.splitlines():
        if not line.startswith("| `"):
            continue
        for span in re.findall(r"`([^`]+)`", line.rpartition(" | ")[0]):
            name, _, rest = span.partition(" ")
            subs = rest.split("|") if re.fullmatch(r"[a-z]+(\|[a-z]+)*", rest) else []
            listed |= {f"{name} {sub}" for sub in subs} or {name}
    assert listed == commands()


def test_the_readmes_plugin_works(tmp_path: Path) -> None:
    (code,) = blocks(README, "python")
    module = module_of(code, tmp_path)
    plugins = load_plugins(found=(), extra={"example": module})
    assert plugins.statuses[0].error == ""
    ((name, part),) = plugins.parts["source"].items()
    (tmp_path / "diary.txt").write_text("Rain again.\n\nThe sun is back.\n")
    assert len(check_source(make(part, tmp_path, file="diary.txt"))) == 2
    check_failing_source(make(part, tmp_path, file="missing.txt"))
    (pyproject,) = (text for text in blocks(README, "toml") if "[project]" in text)
    assert f'{name} = "{module.__name__}"' in pyproject


def test_the_readmes_configuration_is_in_order(tmp_path: Path) -> None:
    pieces = [text for text in blocks(README, "toml") if "[project]" not in text]
    path = tmp_path / "config.toml"
    path.write_text("\n".join(pieces))
    environ = dict.fromkeys(re.findall(r'env = "(\w+)"', README), "x")
    built_in = {name: part(part.Settings(), tmp_path).labels() for name, part in adapters().items()}
    config = load_config(path, load_plugins(), KINDS, lambda _: built_in, environ)
    assert len(config.sources) == 2
    assert config.rules


def adapters() -> dict[str, Any]:
    return load_plugins().parts["task adapter"]


@pytest.mark.parametrize(
    "page", ["README.md", *(f"docs/{p.name}" for p in sorted((ROOT / "docs").glob("*.md")))]
)
def test_links_lead_somewhere(page: str) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", (ROOT / page).read_text(encoding="utf-8")):
        if "://" in link:
            continue
        name, _, heading = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        assert target.exists(), f"{page} links to {link}"
        assert not heading or heading in headings(target), f"{page} links to {link}: there is no such heading"


def headings(page: Path) -> set[str]:
    """The names by which a page's headings are linked to."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    }


# -- config.toml -------------------------------------------------------------------------

CONFIG = (ROOT / "config.toml").read_text(encoding="utf-8")
UNCOMMENTED = re.sub(r"^# (?=\[|\w+ = )", "", CONFIG, flags=re.MULTILINE)
"""With every setting that is there as a comment switched on."""
STAND_INS = {
    "CHAT_SECRET": "c2l4dGVlbiBtb3JlIG9yIGxlc3MgYnl0ZXM=",
    "SLACK_ADDRESS": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#desk",
    "PULSE_ADDRESS": "https://example.com/ping",
}
"""What stands for secrets that must look like something."""


@pytest.mark.parametrize("text", [CONFIG, UNCOMMENTED], ids=["as it is", "with what is commented out"])
def test_the_configuration_that_is_shipped_has_no_faults(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    (tmp_path / "urgency.csv").write_text("text,label\nThe till is on fire.,urgent\nNice plants.,routine\n")
    (tmp_path / "page.sh").write_text("#!/bin/sh\n")
    (tmp_path / "page.sh").chmod(0o755)
    environ = {name: STAND_INS.get(name, "x") for name in re.findall(r'env = "(\w+)"', text)}
    config = load_config(path, load_plugins(), KINDS, environ=environ, check_files=True)
    assert len(config.tasks) == (5 if text is UNCOMMENTED else 4)
    assert len(config.notifiers) == (7 if text is UNCOMMENTED else 1)


ALERTS = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
RULES = ALERTS.partition("\n## Kinds of rules\n")[2].partition("\n## ")[0]


def test_every_kind_of_rule_has_a_section_and_a_row() -> None:
    assert re.findall(r"^### (\w+)$", RULES, re.MULTILINE) == list(KINDS)
    assert re.findall(r"^\| \[`(\w+)`\]\(#\1\) \|", RULES, re.MULTILINE) == list(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_setting_of_a_kind_is_explained_with_its_default(kind: str) -> None:
    section = RULES.partition(f"\n### {kind}\n")[2].partition("\n### ")[0]
    told: dict[str, str] = {}
    for name, value in re.findall(r"`(\w+)(?: = ([^`]+))?`", section):
        told[name] = told.get(name) or value
    model = KINDS[kind]
    missing = model.model_fields.keys() - told.keys()
    assert not missing, f"docs/alerts.md does not explain {sorted(missing)} of {kind}"
    for name, field in model.model_fields.items():
        if not field.is_required() and field.default not in (None, ()):
            assert told[name], f"{kind}: show the default of {name}"
            shown = tomllib.loads(f"x = {told[name]}")["x"]
            number = isinstance(shown, str) and not isinstance(field.default, str)
            value = parse_duration(shown) if number else shown
            assert value == field.default, f"{kind}: {name} is {field.default} unless set"
        assert re.search(rf"^(# )?{name} = ", CONFIG, re.MULTILINE), f"config.toml does not show {name}"


@pytest.mark.parametrize(
    "model",
    [
        TopTable,
        LogSettings,
        RetentionSettings,
        PluginSettings,
        SourceTable,
        TaskTable,
        RuleTable,
        NotifierTable,
        Route,
        Inhibit,
        Mute,
    ],
)
def test_every_setting_of_the_core_is_shown(model: type[BaseModel]) -> None:
    names = sorted(field.alias or name for name, field in model.model_fields.items())
    missing = [name for name in names if not re.search(rf"\b{name}\b", CONFIG)]
    assert not missing, f"config.toml does not show {missing}"


def test_every_table_of_the_database_is_named(monitor_store: Store) -> None:
    house = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    missing = [table for table in monitor_store.row_counts() if f"`{table}`" not in house]
    assert not missing, f"docs/architecture.md does not name {missing}"


@pytest.mark.parametrize(("model", "heading"), [(RssSettings, "Feeds"), (ChatlogSettings, "Chat logs")])
def test_every_setting_of_a_source_has_its_row(model: type[BaseModel], heading: str) -> None:
    section = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8").partition(f"\n## {heading} (")[2]
    rows = [
        line.split("|")[1] for line in section.partition("\n## ")[0].splitlines() if line.startswith("| `")
    ]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(model.model_fields)
