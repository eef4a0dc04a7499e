"""The sample plugin, installed by pip like anybody's, on the real command line."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

SAMPLE = Path(__file__).with_name("sample_plugin")

CONFIG = """
database = "monitor.db"
encoder = { plugin = "trigram", dimension = 1024 }

[[sources]]
plugin = "notes"
name = "desk"
every = "5m"
folder = "inbox"

[[tasks]]
name = "urgency"
adapter = "urgency"

[[rules]]
name = "many-urgent"
kind = "threshold"
where = { urgency = "urgent" }
at_least = 2

[[notifiers]]
plugin = "jsonfile"
name = "out"
folder = "alerts"
"""


class Installed:
    """A folder that pip installed the plugin into, and commands that find it there."""

    def __init__(self, site: Path) -> None:
        self.site = site
        self.environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, *arguments: object, cwd: Path, code: int = 0) -> str:
        """Run Python with the plugin installed; returns its standard output."""
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=cwd,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def monitor(self, *arguments: object, cwd: Path) -> Any:
        """Run ``monitor ... --json`` and return what it printed."""
        return json.loads(self.run("-m", "monitor", *arguments, "--json", cwd=cwd))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("plugin")
    # from a copy: a build leaves its traces beside the sources
    shutil.copytree(SAMPLE, folder / "source", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    site = folder / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    how = ["--no-deps", "--no-build-isolation", "--target", site, folder / "source"]
    done = subprocess.run([*pip, *how], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Installed(site)


def test_its_own_tests_pass_where_it_is_installed(installed: Installed, tmp_path: Path) -> None:
    shutil.copytree(SAMPLE / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    where = "import monitor_notes; print(monitor_notes.__file__)"
    assert str(installed.site) in installed.run("-c", where, cwd=tmp_path)
    out = installed.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=tmp_path)
    assert "passed" in out
    assert "skipped" not in out


def test_everything_it_brings_works(installed: Installed, tmp_path: Path) -> None:
    """List, check, two runs, an alert in a file, its command and its table: as its owner would."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (tmp_path / "config.toml").write_text(CONFIG)

    listed = {status["name"]: status for status in installed.monitor("plugins", "list", cwd=tmp_path)}
    assert listed["notes"]["error"] == ""
    assert listed["notes"]["distribution"] == "monitor-notes"
    assert listed["notes"]["provides"] == [
        "source notes",
        "task adapter urgency",
        "notifier jsonfile",
        "encoder trigram",
        "migrations monitor-notes",
        "command notes",
    ]

    report = installed.monitor("config", "check", cwd=tmp_path)
    assert report["sources"][0]["where"] == "notes in inbox"
    assert report["notifiers"][0]["where"] == "JSON files in alerts"
    assert report["tasks"][0]["labels"] == ["urgent", "soon", "whenever"]
    assert report["tasks"][0]["seeds"]["adapter"] == 24

    once = ["-m", "monitor", "run", "--once", "--no-view"]
    (inbox / "1.txt").write_text("Plants\nIt would be nice to have plants in the meeting room some day.")
    (inbox / "2.txt").write_bytes(b"\xff\xfe")
    installed.run(*once, cwd=tmp_path)
    assert not (tmp_path / "alerts").exists()  # what was there before anybody looked raises no alert

    (inbox / "3.txt").write_text("Come now!\nWater is pouring through the ceiling of the office, come now!")
    (inbox / "4.txt").write_text(
        "Smoke\nThere is smoke in the office and nobody has called the fire brigade!"
    )
    installed.run(*once, cwd=tmp_path)
    (notification,) = (json.loads(path.read_text()) for path in (tmp_path / "alerts").iterdir())
    assert notification["event"] == "firing"
    assert notification["data"]["rule"] == "many-urgent"
    assert notification["data"]["observed"] == 2

    notes = installed.monitor("notes", cwd=tmp_path)
    assert [note["title"] for note in notes if note["urgency"] == "urgent"] == ["Come now!", "Smoke"]
    assert {note["title"] for note in notes} == {"Come now!", "Smoke", "Plants"}
    left = installed.monitor("notes", "--done", notes[0]["id"], cwd=tmp_path)
    assert [note["id"] for note in left] == [note["id"] for note in notes[1:]]

    database = sqlite3.connect(tmp_path / "monitor.db")
    assert database.execute("select document_id from notes_done").fetchall() == [(notes[0]["id"],)]
    assert database.execute("select place, reason from bad_records").fetchall() == [
        ("2.txt", "is not UTF-8; save it as plain text in UTF-8")
    ]
    database.close()
    assert installed.monitor("db", "check", cwd=tmp_path)


def test_a_misuse_of_its_command_is_one_line(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('database = "monitor.db"\n')
    done = subprocess.run(
        [sys.executable, "-m", "monitor", "notes", "--done", "7"],
        cwd=tmp_path,
        env=installed.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == "Error: there is no document 7; `monitor notes` lists them\n"


def test_packages_and_readme_name_what_is_there() -> None:
    project = tomllib.loads((SAMPLE / "pyproject.toml").read_text())
    assert project["project"]["entry-points"]["monitor"] == {"notes": "monitor_notes"}
    readme = (SAMPLE / "README.md").read_text()
    for module in (SAMPLE / "monitor_notes").glob("*.py"):
        assert f"monitor_notes/{module.name}" in readme, f"the README does not speak of {module.name}"
    left = [path for name in ("build", "*.egg-info", "dist") for path in SAMPLE.glob(name)]
    assert not left, f"a build left its traces in the tree: {left}"
