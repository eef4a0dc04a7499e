"""The systemd unit and the Dockerfile fit the program that they start."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import click
import pytest

from monitor import daemon
from monitor.cli import cli
from monitor.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent
UNIT = ROOT / "deploy" / "monitor.service"
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")


@pytest.fixture
def service() -> dict[str, list[str]]:
    """Settings under ``[Service]``; some may be there several times."""
    section = UNIT.read_text(encoding="utf-8").partition("\n[Service]\n")[2].partition("\n[")[0]
    found: dict[str, list[str]] = {}
    for line in section.splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_the_unit_is_well_formed() -> None:
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment]  # keys keep their case
    parser.read(UNIT)
    assert parser.sections() == ["Unit", "Service", "Install"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    text = UNIT.read_text(encoding="utf-8").replace("/opt/monitor/bin/monitor", sys.executable)
    (tmp_path / "monitor.service").write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", tmp_path / "monitor.service"],
        capture_output=True,
        text=True,
    )
    # it also speaks of other units of the machine, and of what is missing without systemd running
    said = [line for line in done.stderr.splitlines() if "monitor.service" in line]
    assert said == []


def test_commands_beside_it_have_its_user_folder_and_secrets(service: dict[str, list[str]]) -> None:
    recipe = UNIT.read_text(encoding="utf-8").partition("systemd-run ")[2].partition("\n\n")[0]
    for key in ("DynamicUser", "User", "StateDirectory", "EnvironmentFile"):
        assert f"-p {key}={service[key][0]} " in recipe


def test_the_unit_starts_a_command_that_there_is(service: dict[str, list[str]]) -> None:
    (start,) = service["ExecStart"]
    program, *arguments = start.split()
    assert program == "/opt/monitor/bin/monitor"
    context = cli.make_context("monitor", arguments[:-1], resilient_parsing=True)
    assert str(context.params["config_path"]) == "/etc/monitor/config.toml"
    assert isinstance(cli.get_command(click.Context(cli), arguments[-1]), click.Command)


def test_the_unit_fits_what_the_daemon_does(service: dict[str, list[str]]) -> None:
    assert service["Type"] == ["notify"]
    assert service["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert service["Restart"] == ["on-failure"]
    # stopping waits for the rounds, then for the classifying thread
    assert int(service["TimeoutStopSec"][0]) > 2 * daemon.STOP_WITHIN_S
    assert int(service["WatchdogSec"][0]) > 2 * daemon.STOP_WITHIN_S  # a reload says nothing meanwhile
    assert service["RestartPreventExitStatus"] == [str(ConfigError.exit_code)]
    assert service["StateDirectory"] == ["monitor"]
    assert service["WorkingDirectory"] == ["/var/lib/monitor"]


def test_the_image_holds_what_the_wheel_is_built_from() -> None:
    copied = {
        name
        for line in re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE)
        for name in line.split()
    }
    assert copied == {"pyproject.toml", "constraints.txt", "README.md", "LICENSE", "monitor", "plugins"}
    assert all((ROOT / name).exists() for name in copied)
    let_in = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text(encoding="utf-8")
    assert set(re.findall(r"^!(.+)$", let_in, re.MULTILINE)) == copied


def test_the_image_runs_commands_that_there_are_without_rights() -> None:
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER (?!root)\w+$", final, re.MULTILINE)
    assert "\nVOLUME /data\n" in final
    assert 'ENTRYPOINT ["monitor"]\nCMD ["run", "--no-view"]' in final
    assert 'CMD ["monitor", "status"]' in final
    run = cli.get_command(click.Context(cli), "run")
    assert run is not None
    assert "--no-view" in {option for param in run.params for option in param.secondary_opts}
    assert any(param.envvar == "MONITOR_CONFIG" for param in cli.params)
