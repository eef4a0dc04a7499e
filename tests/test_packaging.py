"""The distribution: what is in it, and that it works where nothing else of the repository is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ENTRY_POINTS: dict[str, str] = PROJECT["project"]["entry-points"]["monitor"]
ROOMS = {"monitor": ROOT / "monitor", "monitor_plugins": ROOT / "plugins"}
"""The top packages and where they lie."""


def packages() -> set[str]:
    """Every folder with an ``__init__.py``, as it is imported."""
    return {
        ".".join([name, *init.parent.relative_to(folder).parts])
        for name, folder in ROOMS.items()
        for init in folder.rglob("__init__.py")
    }


def run(*command: object, cwd: Path, **environment: str) -> str:
    """Run a command away from the repository; returns its standard output."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=inherited | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("build")
    source = folder / "source"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("monitor", "plugins", "tests", "sample"):
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", source, cwd=folder)
    return folder / "dist"


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` of a new environment that holds the wheel and nothing else.

    What the wheel depends on is found where these tests run: a path in a ``.pth`` file comes after
    the environment's own packages, and ``.pth`` files that lie there (an editable install) are
    not read.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    (wheel,) = built.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    run(*pip, "install", "--quiet", "--no-index", "--no-deps", wheel, cwd=folder)
    (site,) = folder.glob("lib/python*/site-packages")
    others = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    (site / "dependencies.pth").write_text("\n".join(others))
    return python.parent


def test_every_package_is_shipped() -> None:
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == packages()


def test_every_module_lies_in_a_package() -> None:
    for folder in ROOMS.values():
        for module in folder.rglob("*.py"):
            assert (module.parent / "__init__.py").is_file(), f"{module} is in no package"


@pytest.mark.parametrize(("name", "module"), ENTRY_POINTS.items())
def test_every_entry_point_is_a_module(name: str, module: str) -> None:
    assert find_spec(module) is not None, f"the plugin {name} names {module}, which is not there"


def test_every_plugin_module_is_an_entry_point() -> None:
    public = {path.stem for path in ROOMS["monitor_plugins"].glob("*.py") if not path.name.startswith("_")}
    assert set(ENTRY_POINTS.values()) == {f"monitor_plugins.{name}" for name in public}


def test_the_wheel_holds_code_and_data_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        (points,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        declared = archive.read(points).decode()
    wanted = {
        f"{name}/{path.relative_to(folder).as_posix()}"
        for name, folder in ROOMS.items()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert held == wanted
    assert {"monitor/py.typed", "monitor_plugins/seeds/topic.csv"} <= held
    for name, module in ENTRY_POINTS.items():
        assert f"{name} = {module}" in declared


def test_the_sdist_can_be_built_again(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "plugins/seeds/topic.csv", "monitor/py.typed"} <= held


def test_the_wheel_works_in_an_empty_environment(installed: Path, tmp_path: Path) -> None:
    where = run(installed / "python", "-c", "import monitor; print(monitor.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(installed.parent), f"monitor comes from {where}"

    help_ = run(installed / "monitor", "--help", cwd=tmp_path)
    assert "Usage: monitor" in help_

    listed = json.loads(run(installed / "python", "-m", "monitor", "plugins", "list", "--json", cwd=tmp_path))
    found = {status["name"]: status for status in listed if status["distribution"] == "monitor"}
    assert found.keys() == ENTRY_POINTS.keys()
    assert [status for status in found.values() if status["error"] or not status["provides"]] == []

    shutil.copy(ROOT / "config.toml", tmp_path)
    report = json.loads(run(installed / "monitor", "config", "check", "--json", cwd=tmp_path))
    assert report["ok"]
    assert all(sum(task["seeds"].values()) for task in report["tasks"])  # the data files came along
    assert not (tmp_path / "var").exists()


def test_every_version_is_pinned_and_fits() -> None:
    pins: dict[str, str] = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        pin = Requirement(line)
        (exact,) = pin.specifier
        assert exact.operator == "==", f"{line} is no exact pin"
        assert "*" not in exact.version, f"{line} is no exact pin"
        name = canonicalize_name(pin.name)
        assert name not in pins, f"{name} is pinned twice"
        pins[name] = exact.version
    project = PROJECT["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    for line in [*project["dependencies"], *PROJECT["build-system"]["requires"], *extras]:
        wanted = Requirement(line)
        name = canonicalize_name(wanted.name)
        if name == "monitor":
            continue
        assert name in pins, f"{name} is not in constraints.txt"
        assert wanted.specifier.contains(pins[name]), f"{line} does not admit the pinned {pins[name]}"
