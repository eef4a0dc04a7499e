"""Chat logs that grow, rotate, shrink and vanish while they are followed."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import shutil
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from monitor.testing import check_failing_source, check_source
from monitor.types import BadRecord
from monitor_plugins.chatlog import FORGET, Chatlog, ChatlogSettings

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Follower:
    """A monitor that is restarted after every batch it stored."""

    def __init__(self, base: Path, path: str = "chat.jsonl", **chosen: Any) -> None:
        self.base, self.chosen = base, {"path": path, **chosen}
        self.cursor: Mapping[str, Any] = {}
        self.now = NOW
        self.texts: list[str] = []
        self.ids: list[str] = []
        self.bad: list[BadRecord] = []

    def fetch(self, later: timedelta = timedelta(seconds=30)) -> list[str]:
        """The texts that are new, each batch read by another object."""
        self.now += later
        before = len(self.texts)
        while True:
            chats = Chatlog(ChatlogSettings(**self.chosen), self.base)
            batch = next(iter(chats.fetch(self.cursor, self.now)), None)
            if batch is None:
                return self.texts[before:]
            self.texts += [document.text for document in batch.documents]
            self.ids += [document.external_id for document in batch.documents]
            self.bad += batch.bad
            stored = json.loads(json.dumps(batch.cursor, sort_keys=True))
            assert stored != self.cursor, "a batch that moves nothing would be read for ever"
            self.cursor = stored
            if not batch.documents and not batch.bad:
                return self.texts[before:]


def line(text: str, **more: Any) -> str:
    return json.dumps({"text": text, **more}) + "\n"


def lines(*texts: str) -> str:
    return "".join(line(text) for text in texts)


def append(path: Path, data: str | bytes) -> None:
    with path.open("ab") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def test_the_contract_of_sources(tmp_path: Path) -> None:
    append(tmp_path / "chat.jsonl", lines(*(f"text {n}" for n in range(20))) + "nonsense\n")
    append(tmp_path / "chat.csv", "text,time\n" + "".join(f"row {n},2025-05-01 10:00\n" for n in range(20)))
    chats = Chatlog(ChatlogSettings(path=".", batch_size=3), tmp_path)
    assert len(check_source(chats, at_least=40)) == 40
    check_failing_source(Chatlog(ChatlogSettings(path="nowhere/*"), tmp_path))


def test_a_growing_file_is_read_once_and_half_a_line_waits(tmp_path: Path) -> None:
    chat, monitor = tmp_path / "chat.jsonl", Follower(tmp_path)
    assert monitor.fetch() == []
    append(chat, lines("a", "b"))
    assert monitor.fetch() == ["a", "b"]
    assert monitor.fetch() == []
    append(chat, '{"text": "hal')
    for later in (HOUR, HOUR, timedelta(days=2)):
        assert monitor.fetch(later) == []
    append(chat, 'f"}\n' + line("c"))
    assert monitor.fetch() == ["half", "c"]
    assert monitor.bad == []


def test_nothing_changes_while_nothing_is_written(tmp_path: Path) -> None:
    append(tmp_path / "chat.jsonl", lines("a") + '{"text": "ha')
    monitor = Follower(tmp_path)
    assert monitor.fetch() == ["a"]
    cursor = monitor.cursor
    monitor.fetch()
    assert monitor.cursor == cursor


def test_a_whole_object_without_newline_is_read_at_the_second_look(tmp_path: Path) -> None:
    chat, monitor = tmp_path / "chat.jsonl", Follower(tmp_path)
    append(chat, lines("a") + line("b").strip())
    assert monitor.fetch() == ["a"]
    assert monitor.fetch() == ["b"]
    assert monitor.fetch() == []
    append(chat, "\n" + line("c"))
    assert monitor.fetch() == ["c"]
    assert monitor.bad == []


def test_a_line_that_goes_on_after_it_was_taken_is_put_aside(tmp_path: Path) -> None:
    chat, monitor = tmp_path / "chat.jsonl", Follower(tmp_path)
    append(chat, line("a").strip())
    monitor.fetch()
    assert monitor.fetch() == ["a"]
    append(chat, ' {"more": ')
    assert monitor.fetch() == []
    append(chat, "1}\n" + line("b"))
    assert monitor.fetch() == ["b"]
    assert [(bad.place, "goes on" in bad.reason) for bad in monitor.bad] == [("chat.jsonl:1", True)]


def test_a_last_row_without_newline_is_read_when_the_file_has_settled(tmp_path: Path) -> None:
    chat, monitor = tmp_path / "chat.csv", Follower(tmp_path, "chat.csv")
    append(chat, "id,text\n1,a\n2,bet")
    assert monitor.fetch() == ["a"]
    assert monitor.fetch() == []
    append(chat, "ter")
    assert monitor.fetch(HOUR) == [], "it was changed since the last look"
    assert monitor.fetch(HOUR) == ["better"]
    append(chat, " late\n3,c\n")
    assert monitor.fetch() == ["c"]
    assert len(monitor.bad) == 1


def test_a_quote_left_open_holds_the_rest_back_only_until_the_file_has_settled(tmp_path: Path) -> None:
    chat, monitor = tmp_path / "chat.csv", Follower(tmp_path, "chat.csv")
    append(chat, 'id,text\n1,a\n2,"b\n3,c\n')
    assert monitor.fetch() == ["a"]
    assert monitor.fetch() == []
    assert monitor.fetch(HOUR) == ["c"]
    assert [bad.place for bad in monitor.bad] == ["chat.csv:3"]


def test_a_stray_quote_does_not_stall_a_file_that_grows(tmp_path: Path) -> None:
    chat, monitor = tmp_path / "chat.csv", Follower(tmp_path, "chat.csv")
    append(chat, 'id,text\n1,a\n2,"oops\n')
    for n in range(3, 120):
        append(chat, f"{n},text {n}\n{n + 1000},hal")
        monitor.fetch(timedelta(seconds=5))
        append(chat, "f\n")
    assert len(monitor.texts) > 100
    assert [(bad.place, bad.raw) for bad in monitor.bad] == [("chat.csv:3", '2,"oops')]
    monitor.fetch()
    assert len(monitor.texts) == len(set(monitor.ids)) == 1 + 2 * 117


def test_a_stray_quote_in_a_file_that_hardly_grows_is_given_up_in_the_hour(tmp_path: Path) -> None:
    chat, monitor = tmp_path / "chat.csv", Follower(tmp_path, "chat.csv")
    append(chat, 'id,text\n1,a\n2,"oops\n')
    for n in range(3, 8):
        append(chat, f"{n},b\n")
        monitor.fetch(HOUR / 2)
    assert monitor.texts == ["a", *"bbbbb"]


@pytest.mark.parametrize("between", ["word", "a, b, c", 'x,""y""'])
def test_a_long_quoted_text_that_comes_in_pieces_is_one(tmp_path: Path, between: str) -> None:
    chat, monitor = tmp_path / "chat.csv", Follower(tmp_path, "chat.csv")
    append(chat, 'id,text\n1,"first\n')
    for n in range(200):
        append(chat, f"{between} {n}" + ",z" * (n % 3 == 1) + "\n")
        monitor.fetch(timedelta(seconds=5))
    append(chat, 'last"\n2,b\n')
    texts = monitor.fetch()
    assert len(texts) == 2
    assert texts[0].count("\n") == 201
    assert monitor.bad == []


def test_a_clock_that_is_put_back_only_delays(tmp_path: Path) -> None:
    monitor = Follower(tmp_path, "chat.csv")
    append(tmp_path / "chat.csv", "id,text\n1,a")
    monitor.fetch()
    assert monitor.fetch(-100 * HOUR) == []
    assert monitor.fetch(HOUR) == ["a"]


def test_complete_files_are_read_to_the_last_byte_at_once(tmp_path: Path) -> None:
    append(tmp_path / "a.jsonl", lines("a") + line("b").strip())
    append(tmp_path / "b.csv", "text\nc\nd")
    append(tmp_path / "c.jsonl", line("e") + '{"text": "cut of')
    monitor = Follower(tmp_path, "*", complete=True)
    assert sorted(monitor.fetch()) == ["a", "b", "c", "d", "e"]
    assert [bad.place for bad in monitor.bad] == ["c.jsonl:2"]


def test_an_overlong_line_that_is_still_growing(tmp_path: Path) -> None:
    chat, monitor = tmp_path / "chat.jsonl", Follower(tmp_path, max_line_bytes=2000)
    append(chat, line("a"))
    for _ in range(5):
        append(chat, "x" * 1500)
        monitor.fetch()
    assert monitor.bad == []
    append(chat, "x\n" + line("b"))
    monitor.fetch()
    assert monitor.texts == ["a", "b"]
    assert [(b.place, "7,502 bytes" in b.reason) for b in monitor.bad] == [("chat.jsonl:2", True)]


def test_an_overlong_last_line_is_put_aside_when_the_file_has_settled(tmp_path: Path) -> None:
    chat, monitor = tmp_path / "chat.jsonl", Follower(tmp_path, max_line_bytes=2000)
    append(chat, line("a") + "x" * 5000)
    for _ in range(3):
        monitor.fetch(HOUR)
    assert len(monitor.bad) == 1
    append(chat, "\n" + line("b"))
    monitor.fetch()
    assert (monitor.texts, len(monitor.bad)) == (["a", "b"], 1)


def test_rotation_by_renaming_finishes_the_old_file(tmp_path: Path) -> None:
    chat, monitor = tmp_path / "chat.jsonl", Follower(tmp_path)
    append(chat, lines("a", "b"))
    monitor.fetch()
    append(chat, lines("c"))
    chat.rename(tmp_path / "chat.jsonl.1")
    append(chat, lines("d"))
    assert monitor.fetch() == ["c", "d"]
    append(tmp_path / "chat.jsonl.1", lines("late"))
    assert monitor.fetch() == ["late"]
    (tmp_path / "chat.jsonl.1").rename(tmp_path / "chat.jsonl.2")
    append(chat, lines("e"))
    chat.rename(tmp_path / "chat.jsonl.1")
    append(chat, lines("f"))
    assert monitor.fetch() == ["e", "f"]
    assert len(set(monitor.ids)) == len(monitor.ids)


def test_rotation_within_a_pattern_reads_nothing_twice(tmp_path: Path) -> None:
    chat, monitor = tmp_path / "chat.jsonl", Follower(tmp_path, "chat*")
    append(chat, lines("a", "b"))
    monitor.fetch()
    append(chat, lines("c"))
    chat.rename(tmp_path / "chat-2025-06-01.jsonl")
    append(chat, lines("a", "d"))
    assert monitor.fetch() == ["c", "a", "d"]
    assert len(set(monitor.ids)) == len(monitor.ids), "the second a is another one"


@pytest.mark.parametrize("way", ["rename", "copytruncate", "seen empty"])
@pytest.mark.parametrize("path", ["chat.{}", "chat*", "."])
@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_what_was_rotated_and_compressed_at_once_is_read_to_its_end(
    tmp_path: Path, way: str, path: str, kind: str
) -> None:
    chat, monitor = tmp_path / f"chat.{kind}", Follower(tmp_path, path.format(kind), batch_size=2)

    def written(*texts: str) -> str:
        return lines(*texts) if kind == "jsonl" else "".join(f'"{text}"\n' for text in texts)

    append(chat, "" if way == "seen empty" else ("" if kind == "jsonl" else "text\n") + written("a", "b"))
    os.utime(chat, (NOW.timestamp(),) * 2)
    monitor.fetch()
    if way == "seen empty":
        append(chat, ("" if kind == "jsonl" else "text\n") + written("a", "b"))
    append(chat, written("c", "d\nd" if kind == "csv" else "d", "e", "f").removesuffix("\n"))
    with gzip.open(tmp_path / f"chat.{kind}-20250601.gz", "wb") as packed:
        packed.write(chat.read_bytes())
    if way == "copytruncate":
        os.truncate(chat, 0)
    else:
        chat.unlink()
    append(chat, ("" if kind == "jsonl" else "text\n") + written("g"))
    monitor.fetch()
    assert sorted(text[0] for text in monitor.texts) == [*"abcdefg"]
    assert (monitor.bad, monitor.fetch()) == ([], [])
    (tmp_path / f"chat.{kind}-20250601.gz").rename(tmp_path / f"chat.{kind}-20250531.gz")
    append(chat, written("h"))
    assert monitor.fetch() == ["h"]
    assert len(set(monitor.ids)) == 8


DAY = 86400 * 10**9


def test_a_file_of_a_day_that_is_compressed_under_its_name_is_read_to_its_end(tmp_path: Path) -> None:
    monitor = Follower(tmp_path, "*.jsonl")
    for day in range(1, 4):
        chat = tmp_path / f"2025-06-0{day}.jsonl"
        append(chat, lines(f"{day} a"))
        os.utime(chat, ns=(0, DAY * day + 10**8))
        monitor.fetch()
        append(chat, lines(f"{day} b"))
        os.utime(chat, ns=(0, DAY * day + 10**9 - 1))
        (tmp_path / f"{chat.name}.gz").write_bytes(gzip.compress(chat.read_bytes()))
        os.utime(tmp_path / f"{chat.name}.gz", ns=(0, DAY * day))  # of a time, gzip keeps the seconds
        chat.unlink()
    monitor.fetch()
    assert monitor.texts == [f"{day} {half}" for day in (1, 2, 3) for half in "ab"]
    assert (monitor.bad, monitor.fetch()) == ([], [])


@pytest.mark.parametrize(
    ("suffix", "data"), [("zst", b"x"), ("gz", b"x"), ("gz", gzip.compress(b"x" * 9999, mtime=0)[:-9])]
)
def test_an_end_that_may_be_lost_is_said_once(tmp_path: Path, suffix: str, data: bytes) -> None:
    chat, monitor = tmp_path / "chat.jsonl", Follower(tmp_path)
    append(chat, lines("a"))
    os.utime(chat, (NOW.timestamp(),) * 2)
    monitor.fetch()
    chat.unlink()
    append(tmp_path / f"chat.jsonl.1.{suffix}", data)
    append(chat, lines("b"))
    assert monitor.fetch() == ["b"]
    assert [bad.place for bad in monitor.bad] == ["chat.jsonl"]
    assert "after byte 14 may be lost" in monitor.bad[0].reason
    monitor.fetch()
    assert len(monitor.bad) == 1


@pytest.mark.parametrize("way", ["another file", "renamed", "compressed", "link removed"])
def test_a_link_whose_file_is_rotated_or_that_leads_elsewhere(tmp_path: Path, way: str) -> None:
    (tmp_path / "pods").mkdir()
    (tmp_path / "containers").mkdir()
    link, old, new = tmp_path / "containers/c.log", tmp_path / "pods/0.log", tmp_path / "pods/0.log"
    append(old, lines("a"))
    link.symlink_to(old)
    monitor = Follower(tmp_path, "containers/*.log")
    monitor.fetch()
    append(old, lines("b"))
    if way == "another file":
        new = tmp_path / "pods/1.log"
        link.unlink()
        link.symlink_to(new)
    elif way == "link removed":
        link.unlink()
        assert monitor.fetch() == ["b"]
        return
    elif way == "renamed":
        old.rename(tmp_path / "pods/0.log.20250601-120000")
    else:
        with gzip.open(tmp_path / "pods/0.log.20250601-120000.gz", "wb") as packed:
            packed.write(old.read_bytes())
        old.unlink()
    append(new, lines("c"))
    assert monitor.fetch() == ["b", "c"]
    assert (monitor.fetch(), monitor.bad) == ([], [])
    append(new, lines("d"))
    assert monitor.fetch() == ["d"]


def test_what_is_remembered_of_a_file_has_bounds(tmp_path: Path) -> None:
    monitor = Follower(tmp_path)
    append(tmp_path / "chat.jsonl", lines(*(f"{n}" for n in range(5000))))
    monitor.fetch()
    assert len(monitor.cursor["files"]["chat.jsonl"]["marks"]) < 60


def test_two_rotations_while_the_monitor_was_down(tmp_path: Path) -> None:
    chat, monitor = tmp_path / "chat.jsonl", Follower(tmp_path)

    def written(path: Path, data: str, minutes: int) -> None:
        append(path, data)
        os.utime(path, (NOW.timestamp() + 60 * minutes,) * 2)

    written(chat, lines("a"), 10)
    written(tmp_path / "chat.jsonl.3", lines("long ago"), 0)
    assert monitor.fetch() == ["a"]
    written(chat, lines("b"), 20)
    chat.rename(tmp_path / "chat.jsonl.2")
    written(tmp_path / "chat.jsonl.1", lines("c"), 30)
    written(chat, lines("d"), 40)
    assert monitor.fetch() == ["b", "c", "d"]
    assert monitor.fetch() == []


@pytest.mark.parametrize("kept", [9, 3, 2])
@pytest.mark.parametrize("delayed", [False, True])
@pytest.mark.parametrize("path", ["chat.jsonl", "chat*"])
def test_compressed_rotations_while_the_monitor_was_down(
    tmp_path: Path, path: str, delayed: bool, kept: int
) -> None:
    """Where only the last of them are kept, all of these are read, and the end that is gone is told."""
    chat, monitor = tmp_path / "chat.jsonl", Follower(tmp_path, path)

    def rotate(minutes: int) -> None:
        os.utime(chat, (NOW.timestamp() + 60 * minutes,) * 2)
        for number in range(9, 0, -1):
            for name in (f"chat.jsonl.{number}.gz", f"chat.jsonl.{number}"):
                if (old := tmp_path / name).exists():
                    old.rename(tmp_path / name.replace(f".{number}", f".{number + 1}"))
        chat.rename(tmp_path / "chat.jsonl.1")
        old = tmp_path / f"chat.jsonl.{1 + delayed}"
        if old.exists():
            at = old.stat().st_mtime_ns // 10**9
            (tmp_path / f"{old.name}.gz").write_bytes(gzip.compress(old.read_bytes(), mtime=0))
            os.utime(tmp_path / f"{old.name}.gz", (at, at))
            old.unlink()
        for name in (f"chat.jsonl.{kept + 1}.gz", f"chat.jsonl.{kept + 1}"):
            (tmp_path / name).unlink(missing_ok=True)

    append(chat, lines("long ago"))
    rotate(-20)
    append(chat, lines("earlier"))
    rotate(-10)
    append(chat, lines("a"))
    os.utime(chat, (NOW.timestamp(),) * 2)
    monitor.fetch()
    assert monitor.texts[-1] == "a"
    before = len(monitor.texts)
    append(chat, lines("b"))
    for n, text in enumerate("cde", 1):
        rotate(10 * n)
        append(chat, lines(text, text * 2))
    os.utime(chat, (NOW.timestamp() + 2400,) * 2)
    monitor.fetch()
    said = ["b", "c", "cc", "d", "dd", "e", "ee"]
    gone = {9: 0, 3: 0, 2: 1}[kept]
    assert monitor.texts[before:] == said[gone:]
    assert len(monitor.bad) == gone
    rotate(50)
    append(chat, lines("f"))
    assert monitor.fetch() == ["f"]
    assert len(set(monitor.ids)) == len(monitor.ids)


def test_rotation_right_after_the_header_was_read(tmp_path: Path) -> None:
    chat, monitor = tmp_path / "chat.csv", Follower(tmp_path, "chat.csv")
    append(chat, "id,text\n")
    monitor.fetch()
    append(chat, "1,a\n")
    chat.rename(tmp_path / "chat.csv.1")
    append(chat, "id,text\n2,b\n")
    assert monitor.fetch() == ["a", "b"]
    assert monitor.bad == []


@pytest.mark.parametrize("again", ["x", "x" * 2000])
def test_copy_and_truncate(tmp_path: Path, again: str) -> None:
    """What comes after is shorter than what was read, or longer."""
    chat, monitor = tmp_path / "chat.jsonl", Follower(tmp_path)
    append(chat, lines("a", "b"))
    monitor.fetch()
    append(chat, lines("c"))
    shutil.copyfile(chat, tmp_path / "chat.jsonl.1")
    os.truncate(chat, 0)
    append(chat, lines(again))
    assert sorted(monitor.fetch()) == ["c", again]
    append(chat, lines("d"))
    assert monitor.fetch() == ["d"]
    assert monitor.bad == []


def test_copy_and_truncate_of_what_was_never_seen(tmp_path: Path) -> None:
    chat, monitor = tmp_path / "chat.jsonl", Follower(tmp_path)
    append(chat, "")
    monitor.fetch()
    append(chat, lines("a"))
    shutil.copyfile(chat, tmp_path / "chat.jsonl.1")
    os.truncate(chat, 0)
    append(chat, lines("b"))
    assert sorted(monitor.fetch()) == ["a", "b"]
    assert monitor.fetch() == []


def test_a_copy_beside_the_file_is_not_read(tmp_path: Path) -> None:
    chat, monitor = tmp_path / "chat.jsonl", Follower(tmp_path)
    append(chat, lines("a"))
    monitor.fetch()
    append(chat, lines("b"))
    shutil.copyfile(chat, tmp_path / "chat.jsonl.20250601")
    assert monitor.fetch() == ["b"]
    append(chat, lines("c"))
    assert monitor.fetch() == ["c"]


def test_truncation_starts_anew(tmp_path: Path) -> None:
    chat, monitor = tmp_path / "chat.jsonl", Follower(tmp_path)
    append(chat, lines("a", "b", "c"))
    monitor.fetch()
    chat.write_text(lines("d"))
    assert monitor.fetch() == ["d"]
    assert len(monitor.cursor["lost"]) == 1


def test_a_file_written_anew_with_more_in_it_is_read_on(tmp_path: Path) -> None:
    """An export that is made again every night: another inode, the same beginning."""
    chat, monitor = tmp_path / "chat.jsonl", Follower(tmp_path)
    append(chat, lines("a", "b"))
    monitor.fetch()
    (tmp_path / "new").write_text(lines("a", "b", "c"))
    (tmp_path / "new").replace(chat)
    assert monitor.fetch() == ["c"]


@pytest.mark.parametrize("count", [4, 50, 1000])
@pytest.mark.parametrize("way", ["editor", "in place"])
@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_an_edited_last_line_brings_no_other_again(tmp_path: Path, kind: str, way: str, count: int) -> None:
    chat, monitor = tmp_path / f"chat.{kind}", Follower(tmp_path, f"chat.{kind}")

    def written(*texts: str) -> str:
        return lines(*texts) if kind == "jsonl" else "text,role\n" + "".join(f'"{text}",\n' for text in texts)

    texts = [f"text {n}" for n in range(count)]
    append(chat, written(*texts))
    monitor.fetch()
    for changed in ([*texts[:-1], "edited"], [*texts[:-1], "edited again", "new"]):
        if way == "editor":
            append(tmp_path / "new", written(*changed))
            (tmp_path / "new").replace(chat)
        else:
            chat.write_text(written(*changed))
        assert monitor.fetch() == changed[count - 1 :]
    chat.write_text(written(*texts[: -(count // 4)], "line"))
    known = set(monitor.ids)
    again = monitor.fetch()
    assert again[-1] == "line"
    assert set(monitor.ids) - known == {monitor.ids[-1]}


def test_a_log_that_begins_as_the_last_one_did_is_another(tmp_path: Path) -> None:
    chat, monitor = tmp_path / "chat.jsonl", Follower(tmp_path)
    append(chat, lines("start", "a", "b", "c"))
    monitor.fetch()
    chat.write_text(lines("start", "d", "e", "f"))
    assert monitor.fetch() == ["start", "d", "e", "f"]
    assert len(set(monitor.ids)) == 8


def test_a_change_behind_the_beginning_is_noticed(tmp_path: Path) -> None:
    chat, monitor = tmp_path / "chat.jsonl", Follower(tmp_path)
    stem = [line(f"text {n}", id=n) for n in range(100)]
    append(chat, "".join(stem))
    monitor.fetch()
    del stem[50]
    (tmp_path / "new").write_text("".join(stem) + lines("x" * 100, "y"))
    (tmp_path / "new").replace(chat)
    assert monitor.fetch()[-2:] == ["x" * 100, "y"]
    assert monitor.bad == []
    assert len(set(monitor.ids)) == 102


def test_a_number_that_is_used_again_is_another_file(tmp_path: Path) -> None:
    chat, monitor = tmp_path / "chat.jsonl", Follower(tmp_path)
    append(chat, lines("a"))
    monitor.fetch()
    files = {"chat.jsonl": {**monitor.cursor["files"]["chat.jsonl"]}}
    chat.unlink()
    append(chat, lines("b", "c"))
    files["chat.jsonl"] |= {"dev": chat.stat().st_dev, "ino": chat.stat().st_ino}
    monitor.cursor = {**monitor.cursor, "files": files}
    assert monitor.fetch() == ["b", "c"]


def test_a_file_that_vanishes_is_remembered_for_a_while(tmp_path: Path) -> None:
    chat, monitor = tmp_path / "chat.jsonl", Follower(tmp_path)
    append(chat, lines("a"))
    monitor.fetch()
    chat.rename(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").rename(tmp_path.parent / f"{tmp_path.name}-away")
    monitor.fetch()
    assert len(monitor.cursor["lost"]) == 1
    (tmp_path.parent / f"{tmp_path.name}-away").rename(chat)
    append(chat, lines("b"))
    assert monitor.fetch() == ["b"]
    assert monitor.cursor["lost"] == []
    chat.unlink()
    monitor.fetch()
    monitor.fetch(timedelta(seconds=FORGET))
    assert (monitor.cursor["files"], monitor.cursor["lost"]) == ({}, [])


def test_a_file_that_the_settings_no_longer_name_is_left_alone(tmp_path: Path) -> None:
    append(tmp_path / "a.jsonl", lines("a"))
    append(tmp_path / "b.jsonl", lines("b"))
    monitor = Follower(tmp_path, "*.jsonl")
    monitor.fetch()
    monitor.chosen["path"] = "b.jsonl"
    append(tmp_path / "a.jsonl", lines("unwanted"))
    append(tmp_path / "b.jsonl", lines("wanted"))
    assert monitor.fetch() == ["wanted"]


def test_a_folder_that_moved_with_the_monitor_is_not_read_again(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    append(tmp_path / "old/chat.jsonl", lines("a"))
    monitor = Follower(tmp_path / "old")
    monitor.fetch()
    shutil.copytree(tmp_path / "old", tmp_path / "new")
    append(tmp_path / "new/chat.jsonl", lines("b"))
    monitor.base = tmp_path / "new"
    assert monitor.fetch() == ["b"]


def test_a_whole_folder_rotates(tmp_path: Path) -> None:
    logs, monitor = tmp_path / "logs", Follower(tmp_path, "logs", batch_size=2)
    logs.mkdir()
    expected = []
    for turn in range(6):
        for name in ("shop.jsonl", "bank.jsonl"):
            texts = [f"{name} {turn} {n}" for n in range(5)]
            append(logs / name, lines(*texts[:3]))
            monitor.fetch()
            append(logs / name, lines(*texts[3:]))
            expected += texts
            for number in range(3, 0, -1):
                old = logs / f"{name}.{number}"
                if old.exists():
                    old.rename(logs / f"{name}.{number + 1}")
            (logs / name).rename(logs / f"{name}.1")
    monitor.fetch()
    assert Counter(monitor.texts) == Counter(expected)


def table(records: list[tuple[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["time", "text"])
    writer.writerows(records)
    return out.getvalue()


WORDS = st.text(st.sampled_from('ab ",\n;é😀'), min_size=1, max_size=12).map(lambda s: f"x{s}x")


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(WORDS, min_size=1, max_size=8),
    cuts=st.lists(st.integers(0, 400), max_size=6),
    kind=st.sampled_from(["csv", "jsonl"]),
    batch=st.integers(1, 4),
)
@example(texts=['x"\n"x', "x\n\nx"], cuts=[20, 21, 22, 23, 24, 25, 26, 27], kind="csv", batch=1)
def test_a_file_cut_at_any_byte_gives_every_record_once(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], cuts: list[int], kind: str, batch: int
) -> None:
    base = tmp_path_factory.mktemp("chat")
    written = table([("", text) for text in texts]) if kind == "csv" else lines(*texts)
    data = written.encode()
    monitor = Follower(base, f"chat.{kind}", batch_size=batch)
    at = 0
    for cut in [*sorted(cut for cut in cuts if cut < len(data)), len(data)]:
        append(base / f"chat.{kind}", data[at:cut])
        at = cut
        monitor.fetch()
    assert monitor.texts == texts
    assert monitor.bad == []
    assert len(set(monitor.ids)) == len(texts)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.sampled_from(["write", "half", "fetch", "rotate", "pack", "copytruncate", "quiet"]),
        min_size=1,
        max_size=25,
    ),
    kind=st.sampled_from(["csv", "jsonl"]),
    path=st.sampled_from(["logs/chat.{}", "logs/chat*", "logs"]),
    batch=st.integers(1, 3),
)
def test_writing_rotating_and_restarting_in_any_order_loses_nothing_and_doubles_nothing(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], kind: str, path: str, batch: int
) -> None:
    logs = tmp_path_factory.mktemp("base") / "logs"
    logs.mkdir()
    chat = logs / f"chat.{kind}"
    monitor = Follower(logs.parent, path.format(kind), batch_size=batch)
    header = "id,text\n" if kind == "csv" else ""
    expected: list[str] = []
    pending = ""

    def record() -> str:
        expected.append(f"text {len(expected)}" + " long" * (len(expected) % 3 * 100))
        row = f'{len(expected)},"{expected[-1]}"\n' if kind == "csv" else line(expected[-1], id=len(expected))
        return row if chat.exists() and chat.stat().st_size else header + row

    def write(data: str) -> None:
        append(chat, data)

    def shift() -> None:
        for number in range(30, 0, -1):
            for packed in ("", ".gz"):
                old = logs / f"chat.{kind}.{number}{packed}"
                if old.exists():
                    old.rename(logs / f"chat.{kind}.{number + 1}{packed}")

    for step in [*steps, "write", "fetch"]:
        if step in ("write", "rotate", "pack", "copytruncate") and pending:
            write(pending)
            pending = ""
        if step == "write":
            write(record())
        elif step == "half" and not pending:
            whole = record()
            cut = max(len(whole) // 2, len(header) + 1)
            write(whole[:cut])
            pending = whole[cut:]
        elif step in ("fetch", "quiet"):
            monitor.fetch(timedelta(seconds=30))
        elif step == "rotate" and chat.exists():
            monitor.fetch()  # a file that was never seen under its name cannot be known under another
            write(record())
            shift()
            chat.rename(logs / f"chat.{kind}.1")
        elif step == "pack" and chat.exists():
            monitor.fetch()
            write(record())
            shift()
            (logs / f"chat.{kind}.1.gz").write_bytes(gzip.compress(chat.read_bytes()))
            chat.unlink()
            monitor.fetch()
        elif step == "copytruncate" and chat.exists():
            monitor.fetch()
            write(record())
            shift()
            shutil.copyfile(chat, logs / f"chat.{kind}.1")
            os.truncate(chat, 0)
            monitor.fetch()
    if pending:
        write(pending)
    monitor.fetch()
    assert Counter(monitor.texts) == Counter(expected)
    assert monitor.bad == []


def test_the_hour_that_clocks_show_twice_is_no_hour_old(tmp_path: Path) -> None:
    chats = Chatlog(ChatlogSettings(path="chat.jsonl", timezone="Europe/Berlin"), tmp_path)
    cursor: Mapping[str, Any] = {}
    for minutes in range(0, 180, 15):
        now = datetime(2026, 10, 24, 23, 45, tzinfo=UTC) + timedelta(minutes=minutes)
        written = now + timedelta(seconds=20)  # by a clock that is ahead
        with (tmp_path / "chat.jsonl").open("a") as file:
            file.write(
                line("hello", time=f"{written.astimezone(ZoneInfo('Europe/Berlin')):%Y-%m-%d %H:%M:%S}")
            )
        [batch] = chats.fetch(cursor, now)
        cursor = batch.cursor
        assert [document.published_at for document in batch.documents] == [written]
