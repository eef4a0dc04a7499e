"""What may import what, and what importing may do. The rooms are drawn in docs/architecture.md."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 320

GROUND = {
    "types",
    "errors",
    "interfaces",
    "durations",
    "event_time",
    "hookspecs",
    "memory",
    "moments",
    "mentions",
    "templating",
    "matching",
    "calendars",
    "routes",
    "closing",
    "complaints",
    "signals",
    "turns",
}
LOADING = {
    "adapters",
    "plugins",
    "config",
    "seedfile",
    "shared_encoder",
    "standins",
    "http",
    "http_body",
    "http_notifier",
    "http_settings",
    "http_transport",
    "logs",
}
ROOMS = GROUND | LOADING | {"learn", "store", "alerts", "pipeline", "runtime"}
ALLOWED: dict[str, set[str]] = {
    **dict.fromkeys(GROUND, GROUND),
    **dict.fromkeys(LOADING, GROUND | LOADING),
    "learn": {"types", "errors", "interfaces"},
    "store": GROUND,
    "alerts": GROUND,
    "pipeline": GROUND | LOADING | {"learn", "store", "alerts"},
    "runtime": ROOMS,
    "beat": set(),
    "scheduler": ROOMS | {"beat"},
    "daemon": ROOMS | {"scheduler"},
    "testing": ROOMS,
    "cli": ROOMS | {"scheduler", "daemon"},
    "__main__": {"cli"},
}
"""What the modules of each room may import of ``monitor``, beside their own room and ``monitor`` itself."""

PIPELINE: dict[str, set[str]] = {
    "learning": set(),
    "alerting": set(),
    "judging": {"learning", "alerting"},
    "trying": {"alerting", "judging"},
    "": {"learning", "judging"},
}
"""The same inside of ``pipeline``; "" is what lies in no folder of it."""

PUBLIC = {
    "monitor",
    "monitor.types",
    "monitor.interfaces",
    "monitor.errors",
    "monitor.durations",
    "monitor.http",
    "monitor.http_notifier",
    "monitor.http_settings",
    "monitor.seedfile",
    "monitor.learn.encoder",
}
"""What plugins may import; docs/plugins.md lists the same."""
FOR_COMMANDS = {"monitor.cli.app"}
FOR_TESTS = {"monitor.testing", "monitor.plugins", "monitor.store"}

CLOCKS = {
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "datetime.date.today",
    "time.time",
    "time.time_ns",
    "time.gmtime",
    "time.localtime",
    "time.ctime",
}
UNSAFE = {
    "pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "joblib",
    "shelve",
    "marshal",
    "torch.load",
    "numpy.load",
}


def modules(folder: Path, package: str) -> dict[str, Path]:
    """Every module of a package by its dotted name."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = [package, *path.relative_to(folder).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


CORE = modules(ROOT / "monitor", "monitor")
PLUGINS = modules(ROOT / "plugins", "monitor_plugins")
SAMPLE = modules(ROOT / "tests" / "sample_plugin" / "monitor_notes", "monitor_notes")


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(tree: ast.AST, known: dict[str, Path]) -> set[str]:
    """The modules that a tree imports anywhere in it: ``known`` ones to the module, others as written."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            module = node.module or ""
            deeper = {f"{module}.{alias.name}" for alias in node.names} & known.keys()
            # `from monitor import interfaces` imports the module, and the package on the way
            plain = any(f"{module}.{alias.name}" not in deeper for alias in node.names)
            found |= deeper | ({module} if plain else set())
    return found


def used(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """``(line, dotted name)`` of every name that comes from an import, whatever it is called here."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
                top = alias.name.partition(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            steps = []
            inner: ast.expr = node
            while isinstance(inner, ast.Attribute):
                steps.append(inner.attr)
                inner = inner.value
            if isinstance(inner, ast.Name) and inner.id in names:
                yield node.lineno, ".".join([names[inner.id], *reversed(steps)])


def banned(tree: ast.AST, names: set[str]) -> list[str]:
    """Where a tree uses one of ``names``, or something inside it."""
    return sorted(
        {
            f"line {line}: {name}"
            for line, name in used(tree)
            if any(name == bad or name.startswith(f"{bad}.") for bad in names)
        }
    )


def room(module: str) -> str:
    """The part of ``monitor`` that a module belongs to; ``""`` for the package itself."""
    return module.removeprefix("monitor").removeprefix(".").partition(".")[0]


# -- the checks themselves see what they are there for ---------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "from datetime import datetime\nx = datetime.now(UTC)",
        "import datetime\nx = datetime.datetime.utcnow()",
        "import datetime as dt\nx = dt.date.today()",
        "from time import time as clock\nx = clock()",
        "import time\nx = lambda: time.time()",
    ],
)
def test_a_clock_is_found(text: str) -> None:
    assert banned(ast.parse(text), CLOCKS)


@pytest.mark.parametrize(
    "text",
    [
        "import time\nx = time.monotonic()",
        "from datetime import datetime\nx = datetime.fromtimestamp(0)",
        "x = app.now()",
    ],
)
def test_what_is_no_clock_is_let_through(text: str) -> None:
    assert not banned(ast.parse(text), CLOCKS)


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from joblib import dump",
        "import torch as t\nt.load('x')",
        "import numpy\nnumpy.load",
    ],
)
def test_unsafe_loading_is_found(text: str) -> None:
    assert banned(ast.parse(text), UNSAFE)


def test_imports_are_found_inside_functions() -> None:
    tree = ast.parse("def f():\n    from monitor import config, hookimpl\n    import monitor.store.store")
    assert imported(tree, CORE) == {"monitor", "monitor.config", "monitor.store.store"}


# -- the rules ---------------------------------------------------------------------------


@pytest.mark.parametrize("module", CORE)
def test_a_room_imports_only_from_those_it_may(module: str) -> None:
    own = room(module)
    if not own:
        allowed = {"hookspecs"}
    else:
        assert own in ALLOWED, f"{module} is in no room: give it a place in ALLOWED and docs/architecture.md"
        allowed = ALLOWED[own] | {own, ""}
    for name in imported(parse(CORE[module]), CORE):
        top = name.partition(".")[0]
        assert top != "monitor_plugins", f"{module} imports {name}: the core knows no plugin"
        if top == "monitor":
            assert room(name) in allowed, f"{module} imports {name}"


@pytest.mark.parametrize("module", [name for name in CORE if name.startswith("monitor.pipeline.")])
def test_the_parts_of_the_pipeline_go_one_way(module: str) -> None:
    def part(name: str) -> str:
        steps = name.split(".")
        return steps[2] if steps[2] in PIPELINE else ""

    own = part(module)
    for name in imported(parse(CORE[module]), CORE):
        if name.startswith("monitor.pipeline."):
            assert part(name) in PIPELINE[own] | {own}, f"{module} imports {name}"


@pytest.mark.parametrize("module", [*PLUGINS, *SAMPLE])
def test_plugins_import_public_modules_only(module: str) -> None:
    path = (PLUGINS | SAMPLE)[module]
    allowed = PUBLIC | (FOR_COMMANDS if path.stem == "commands" else set())
    for name in imported(parse(path), CORE | PLUGINS):
        if name.partition(".")[0] == "monitor":
            assert name in allowed, f"{module} imports {name}, which is not for plugins"


def test_a_plugins_tests_need_public_modules_only() -> None:
    for path in (ROOT / "tests" / "sample_plugin" / "tests").glob("*.py"):
        names = {n for n in imported(parse(path), CORE) if n.partition(".")[0] == "monitor"}
        assert names <= PUBLIC | FOR_TESTS, f"{path.name} imports {names - PUBLIC - FOR_TESTS}"


def test_plugins_never_import_each_other() -> None:
    """A private module (``_name``) belongs to one plugin: nothing connects two of them."""
    links = {
        module: {name for name in imported(parse(path), PLUGINS) if name in PLUGINS and name != module}
        for module, path in PLUGINS.items()
    }
    for module in PLUGINS:
        reached, left = set(), [module]
        while left:
            if (name := left.pop()) not in reached:
                reached.add(name)
                left += links[name]
        plugins = {name for name in reached if not name.rpartition(".")[2].startswith("_")}
        assert len(plugins - {"monitor_plugins"}) <= 1, f"{module} connects {sorted(plugins)}"
    for module in PLUGINS:
        if module.rpartition(".")[2].startswith("_"):
            owners = {
                name.rpartition(".")[2]
                for name, found in links.items()
                if module in found and not name.rpartition(".")[2].startswith("_")
            }
            assert len(owners) <= 1, f"{module} belongs to {sorted(owners)}"


@pytest.mark.parametrize(
    "module", [m for m in [*CORE, *PLUGINS, *SAMPLE] if room(m) not in {"daemon", "scheduler", "cli"}]
)
def test_time_is_an_argument(module: str) -> None:
    assert banned(parse((CORE | PLUGINS | SAMPLE)[module]), CLOCKS) == []


@pytest.mark.parametrize("module", [*CORE, *PLUGINS, *SAMPLE])
def test_nothing_unpickles(module: str) -> None:
    assert banned(parse((CORE | PLUGINS | SAMPLE)[module]), UNSAFE) == []


@pytest.mark.parametrize("module", [*CORE, *PLUGINS, *SAMPLE])
def test_modules_are_small(module: str) -> None:
    lines = len((CORE | PLUGINS | SAMPLE)[module].read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST, f"{module} has {lines} lines: split it by noun"


IMPORT = """
import importlib, importlib.metadata, json, logging, sys

scanned = []
scan = importlib.metadata.entry_points
importlib.metadata.entry_points = lambda **named: (scanned.append(named), scan(**named))[1]
before = {**logging.root.manager.loggerDict}
level, handlers = logging.root.level, list(logging.root.handlers)

for name in sys.argv[1:]:
    importlib.import_module(name)

own = [l for n, l in logging.root.manager.loggerDict.items()
       if isinstance(l, logging.Logger) and n.partition(".")[0] in ("monitor", "monitor_plugins")]
print(json.dumps({
    "heavy": sorted({"torch", "transformers", "sentence_transformers", "sklearn"} & sys.modules.keys()),
    "scanned": [named for named in scanned if named.get("group") == "monitor"],
    "levels": [l.name for l in own if l.level or l.handlers],
    "root": [logging.root.level != level, logging.root.handlers != handlers],
}))
"""


@pytest.mark.parametrize(
    "names",
    [["monitor"], ["monitor.testing"], list(PLUGINS), [name for name in CORE if name != "monitor.__main__"]],
    ids=["monitor", "testing", "plugins", "all modules"],
)
def test_importing_does_nothing(names: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT, *names], capture_output=True, text=True, cwd=ROOT.parent
    )
    assert done.returncode == 0, done.stderr
    assert (done.stdout.count("\n"), done.stderr) == (1, "")
    assert json.loads(done.stdout) == {"heavy": [], "scanned": [], "levels": [], "root": [False, False]}
