"""The command notifier with real programs."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.errors import DeliveryError
from monitor.testing import check_failing_notifier, make, sample_notification
from monitor_plugins.command import Command


def shell(folder: Path, script: str, **settings: Any) -> Command:
    made: Command = make(Command, folder, command=["/bin/sh", "-c", script, "name", "s3cret"], **settings)
    return made


def test_what_a_program_gets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOUSE", "here")
    notification = replace(
        sample_notification(),
        title="Négative 📉",
        body="two\nlines \ud83d",
        html="<p>x</p>",
        picture=b"\x89PNG",
    )
    shell(tmp_path, "cat > got; echo $MONITOR_KEY $MONITOR_EVENT $HOUSE $1 > env").send(notification)
    assert json.loads((tmp_path / "got").read_text()) == {
        "key": notification.key,
        "event": "firing",
        "title": notification.title,
        "body": notification.body,
        "alert": dict(notification.data),
        "html": "<p>x</p>",
        "picture": "iVBORw==",
    }
    assert (tmp_path / "env").read_text() == f"{notification.key} firing here s3cret\n"


def test_a_program_beside_the_configuration(tmp_path: Path) -> None:
    program = tmp_path / "page.sh"
    program.write_text("#!/bin/sh\ncat > got\n")
    notifier = make(Command, tmp_path, command=["./page.sh"])
    error = check_failing_notifier(notifier, permanent=True)
    assert str(error) == "the program ./page.sh cannot be run: Permission denied"
    program.chmod(0o755)
    notifier.send(sample_notification())
    assert (tmp_path / "got").exists()
    program.unlink()
    assert "No such file" in str(check_failing_notifier(notifier, permanent=True))


@pytest.mark.parametrize(
    ("end", "permanent", "said"),
    [
        ("exit 75", False, "exit code 75"),
        ("exit 1", True, "exit code 1"),
        ("exit 127", True, "exit code 127"),
        ("kill -TERM $$", False, "signal 15"),
        ("kill -KILL $$", False, "signal 9"),
    ],
)
def test_how_a_program_ends(tmp_path: Path, end: str, permanent: bool, said: str) -> None:
    error = check_failing_notifier(shell(tmp_path, f"printf 'no\\n\\033way' >&2; {end}"), permanent=permanent)
    assert said in str(error)
    assert str(error).endswith(": no way")
    assert "s3cret" not in str(error)


def test_it_need_not_read_and_may_write_much(tmp_path: Path) -> None:
    large = replace(sample_notification(), body="x" * 2_000_000)
    shell(tmp_path, "true").send(large)
    shell(tmp_path, "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2").send(large)
    error = check_failing_notifier(
        shell(tmp_path, "head -c 1000000 /dev/zero | tr '\\0' y >&2; echo the end >&2; exit 1"),
        permanent=True,
    )
    assert str(error).endswith("yyythe end")
    assert len(str(error)) < 1200


def test_a_time_out_kills_all_that_it_started(tmp_path: Path) -> None:
    script = "sleep 600 & echo $! > child; echo waiting >&2; wait"
    error = check_failing_notifier(shell(tmp_path, script, timeout=0.5), permanent=False)
    assert "took longer than 0.5 s" in str(error)
    child = int((tmp_path / "child").read_text())
    until = time.monotonic() + 10
    while _alive(child):
        assert time.monotonic() < until, "the child lives on"
        time.sleep(0.01)


def test_what_it_leaves_behind_is_not_waited_for(tmp_path: Path) -> None:
    shell(tmp_path, "sleep 600 & echo $! > child", timeout=60).send(sample_notification())
    child = int((tmp_path / "child").read_text())
    assert _alive(child), "neither waited for nor killed"
    os.kill(child, 9)


def test_no_shell_reads_the_arguments(tmp_path: Path) -> None:
    make(Command, tmp_path, command=["touch", "$(id) ; *"]).send(sample_notification())
    assert [path.name for path in tmp_path.iterdir()] == ["$(id) ; *"]


@pytest.mark.parametrize(
    "wrong", [{}, {"command": []}, {"command": "page.sh"}, {"command": ["x"], "timeout": 0}]
)
def test_settings_that_cannot_work(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        make(Command, Path(), **wrong)


def _alive(process: int) -> bool:
    """Whether it runs; a dead one that nobody has asked after yet does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_program_that_cannot_be_run_is_found_before_an_alert_is(tmp_path: Path) -> None:
    program = tmp_path / "page.sh"
    for command, said in (
        (["./page.sh"], f"there is no file {program}"),
        (["no-such-program"], "it is in no folder of PATH"),
    ):
        with pytest.raises(DeliveryError, match=said):
            make(Command, tmp_path, command=command).check()
    program.write_text("#!/bin/sh\n")
    with pytest.raises(DeliveryError, match="allow it with chmod"):
        make(Command, tmp_path, command=["./page.sh"]).check()
    program.chmod(0o755)
    for command in (["./page.sh"], [str(program)], ["sh"]):
        make(Command, tmp_path, command=command).check()
