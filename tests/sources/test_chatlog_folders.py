"""Chat logs whose folders are missing, closed, or hold something else."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.errors import SourceError
from monitor_plugins.chatlog import FORGET, Chatlog, ChatlogSettings
from tests.sources.test_chatlog_follow import HOUR, NOW, Follower, append, line, lines

NOBODY = 65534


@pytest.fixture
def base() -> Iterator[Path]:
    """A folder that anybody may enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def shut(path: Path) -> Iterator[None]:
    """Nobody may read it, and whoever runs the tests is nobody: root may read all."""
    path.chmod(0)
    me = os.geteuid()
    if me == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(me)
        path.chmod(0o755)


def refused(monitor: Follower, later: timedelta = timedelta(seconds=30)) -> str:
    """Why the source cannot be read, when it is read as far as it goes."""
    monitor.now += later
    try:
        for batch in Chatlog(ChatlogSettings(**monitor.chosen), monitor.base).fetch(
            monitor.cursor, monitor.now
        ):
            monitor.texts += [document.text for document in batch.documents]
            monitor.cursor = json.loads(json.dumps(batch.cursor))
    except SourceError as error:
        return str(error)
    return ""


def notes(monitor: Follower) -> list[str]:
    return Chatlog(ChatlogSettings(**monitor.chosen), monitor.base).notes(monitor.cursor)


@pytest.mark.parametrize("path", ["l/*.jsonl", "l", "l/a.jsonl", "*/a.jsonl", "**/a.jsonl"])
def test_a_folder_that_may_not_be_read_is_named_and_read_later(base: Path, path: str) -> None:
    (base / "l").mkdir()
    append(base / "l/a.jsonl", lines("a"))
    monitor = Follower(base, path)
    monitor.fetch()
    with shut(base / "l"):
        for _ in range(3):
            said = refused(monitor, timedelta(seconds=FORGET))
            assert said == f"{base}/l may not be read: Permission denied"
        assert not [note for note in notes(monitor) if "no file is there yet" in note] or path[0] == "*"
    append(base / "l/a.jsonl", lines("b"))
    assert monitor.fetch() == ["b"]


def test_a_folder_that_vanished_is_a_fault_only_where_nothing_is_left(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        append(tmp_path / name / "a.jsonl", lines(name))
    monitor = Follower(tmp_path, "*/a.jsonl")
    monitor.fetch()
    shutil.rmtree(tmp_path / "one")  # as the folder of a day does that is kept no longer
    assert monitor.fetch() == []
    shutil.rmtree(tmp_path / "two")
    assert refused(monitor).startswith(f"there is no folder {tmp_path}/one")
    assert refused(monitor, timedelta(seconds=FORGET / 2))
    assert monitor.fetch(timedelta(seconds=FORGET)) == [], "somebody wanted it so"
    assert refused(monitor) == ""


def test_a_missing_folder_does_not_stop_the_others(tmp_path: Path) -> None:
    """Nor is it a failed fetch: what the others bring would be history, and come once an hour."""
    (tmp_path / "l").mkdir()
    monitor = Follower(tmp_path)
    monitor.chosen["path"] = ["gone/*.jsonl", "l/*.jsonl"]
    assert refused(monitor).startswith(f"there is no folder {tmp_path}/gone")
    for text in ("a", "b"):
        append(tmp_path / "l/a.jsonl", lines(text))
        assert monitor.fetch() == [text]
        assert [note for note in notes(monitor) if "gone" in note]
    assert [bad.reason for bad in monitor.bad] == [
        f"there is no folder {tmp_path}/gone; make it, or mend the setting path"
    ]
    (tmp_path / "gone").mkdir()
    append(tmp_path / "gone/b.jsonl", lines("c"))
    assert monitor.fetch(HOUR) == ["c"]
    shutil.rmtree(tmp_path / "gone")
    for _ in range(2):
        monitor.fetch(timedelta(seconds=FORGET))
    assert notes(monitor) == [f"there is no folder {tmp_path}/gone; make it, or mend the setting path"]
    assert len(monitor.bad) == 2


def test_one_folder_of_two_that_may_not_be_read_is_among_the_notes(base: Path) -> None:
    for name in ("one", "two"):
        (base / name).mkdir()
        append(base / name / "a.jsonl", lines(name))
    monitor = Follower(base, "*/a.jsonl")
    monitor.fetch()
    append(base / "one/a.jsonl", lines("one b"))
    append(base / "two/a.jsonl", lines("two b"))
    with shut(base / "one"):
        assert monitor.fetch() == ["two b"]
        monitor.fetch()
    said = f"{base}/one may not be read: Permission denied"
    assert ([bad.reason for bad in monitor.bad], notes(monitor)) == ([said], [said])
    assert monitor.fetch() == ["one b"]
    assert notes(monitor) == []


def test_one_file_of_two_that_may_not_be_read_is_among_the_notes(base: Path) -> None:
    append(base / "a.jsonl", lines("a"))
    append(base / "b.jsonl", lines("b"))
    monitor = Follower(base, "*.jsonl")
    with shut(base / "a.jsonl"):
        assert monitor.fetch() == ["b"]
        monitor.fetch()
    assert [bad.reason for bad in monitor.bad] == ["cannot be read: Permission denied"]
    assert notes(monitor) == ["a.jsonl cannot be read: Permission denied"]
    assert monitor.fetch() == ["a"]
    assert notes(monitor) == []


@pytest.mark.parametrize("path", ["l", "l/*"])
def test_a_folder_of_other_files_is_described(tmp_path: Path, path: str) -> None:
    (tmp_path / "l").mkdir()
    monitor = Follower(tmp_path, path)
    monitor.fetch()
    assert notes(monitor) == [f"no file is there yet: {path}"]
    for name in ("a.jsonl.gz", "b.jsonl.gz", *(["c.txt"] if path == "l" else [])):
        append(tmp_path / "l" / name, line("x"))
    monitor.fetch()
    [note] = notes(monitor)
    there = "2 .gz, 1 .txt" if path == "l" else "2 .gz"
    assert note == (
        f"no file that is read is there yet: {path}; there are {there}, and what is read of a folder is "
        ".csv .jsonl .log .ndjson .tsv; name others as in l/*.txt, and unpack what is packed"
    )


def test_many_conversations_that_were_cleared_away_cost_little(tmp_path: Path) -> None:
    """Each file that was gone was held against each that is there: seconds at every look, for a week."""

    def calls(count: int) -> int:
        folder = tmp_path / str(count)
        folder.mkdir()
        for n in range(2 * count):
            (folder / f"{n}.jsonl").write_text(json.dumps({"text": f"hello {n}"}) + "\n")
        chats = Chatlog(ChatlogSettings(path=f"{count}/*.jsonl"), tmp_path)
        cursor: Mapping[str, Any] = {}
        for batch in chats.fetch(cursor, NOW):
            cursor = batch.cursor
        for n in range(count):
            (folder / f"{n}.jsonl").unlink()
        made = 0

        def note(frame: Any, event: str, argument: Any) -> None:
            nonlocal made
            made += event in ("call", "c_call")

        sys.setprofile(note)
        try:
            assert not [document for batch in chats.fetch(cursor, NOW) for document in batch.documents]
        finally:
            sys.setprofile(None)
        return made

    assert calls(300) < 1.6 * calls(200)
