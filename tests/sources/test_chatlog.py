"""Chat logs: what records become, and what becomes of bad ones."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tracemalloc
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.errors import SourceError
from monitor.types import BadRecord, Document
from monitor_plugins.chatlog import MENDED, Chatlog, ChatlogSettings

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)


def source(base: Path, path: str | list[str] = "chat.jsonl", **settings: Any) -> Chatlog:
    return Chatlog(ChatlogSettings(path=path, **settings), base)


def read(
    chats: Chatlog, cursor: Mapping[str, Any] | None = None, now: datetime = NOW
) -> tuple[list[Document], list[BadRecord], dict[str, Any]]:
    """One fetch: documents, bad records, and the cursor as the store would give it back."""
    documents: list[Document] = []
    bad: list[BadRecord] = []
    at = dict(cursor or {})
    for batch in chats.fetch(at, now):
        documents += batch.documents
        bad += batch.bad
        at = json.loads(json.dumps(batch.cursor))
    return documents, bad, at


def jsonl(*records: Any) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def table(*rows: list[str], delimiter: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return out.getvalue()


def test_a_record_keeps_thread_role_time_and_title(tmp_path: Path) -> None:
    record = {
        "id": 7, "thread": "t1", "role": "User", "time": "2025-05-01T10:00:00+02:00",
        "text": " Where is my parcel? 📦 ", "title": "Parcel", "url": "https://example.org/7", "other": [1],
    }  # fmt: skip
    (tmp_path / "chat.jsonl").write_text(jsonl(record), encoding="utf-8")
    documents, bad, _ = read(source(tmp_path))
    assert bad == []
    assert documents == [
        Document(
            external_id="7",
            text="Where is my parcel? 📦",
            title="Parcel",
            url="https://example.org/7",
            thread="t1",
            role="customer",
            published_at=datetime(2025, 5, 1, 8, tzinfo=UTC),
            local=True,
        )
    ]


def test_columns_and_roles_are_mapped(tmp_path: Path) -> None:
    (tmp_path / "chat.jsonl").write_text(
        jsonl(
            {"msg": {"body": "one"}, "from": "Kunde", "nr": 1},
            {"msg": {"body": "two"}, "from": "BOT", "nr": 2},
            {"msg": {"body": "three"}, "from": "nobody knows", "nr": 3},
            {"msg": {"body": "four"}, "nr": 4},
            {"msg.body": "five", "from": "Presse", "nr": 5},
        )
    )
    chats = source(
        tmp_path,
        columns={"text": "msg.body", "role": "from", "id": "nr"},
        roles={"KUNDE": "customer", "presse": "publisher"},
        default_role="agent",
    )
    documents, bad, _ = read(chats)
    assert bad == []
    assert [(d.external_id, d.text, d.role) for d in documents] == [
        ("1", "one", "customer"),
        ("2", "two", "agent"),
        ("3", "three", "agent"),
        ("4", "four", "agent"),
        ("5", "five", "publisher"),
    ]


def test_usual_words_for_roles_are_known_in_several_languages(tmp_path: Path) -> None:
    said = {"Kundin": "customer", "BERATER": "agent", "Cliente": "customer", "Conseillère": "agent",
            "клиент": "customer", "оператор": "agent", "客户": "customer", "客服": "agent"}  # fmt: skip
    (tmp_path / "chat.jsonl").write_text(jsonl(*({"text": role, "role": role} for role in said)))
    documents, _, cursor = read(source(tmp_path))
    assert {d.text: d.role for d in documents} == said
    assert source(tmp_path).notes(cursor) == []


def test_a_column_that_looks_like_the_time_is_named_where_that_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    path.write_text(
        jsonl({"text": "12:30 is fine", "order": 17, "sent_at": "03.11.2026 10:00"}, {"text": "b"})
    )
    documents, _, cursor = read(source(tmp_path))
    assert [d.published_at for d in documents] == [None, None]
    with path.open("a") as file:
        file.write(
            jsonl({"text": "c", "sent_at": 1793000000}, {"text": "d", "time": None, "sent_at": 1793000000})
        )
    _, _, cursor = read(source(tmp_path), cursor)
    said = (
        "2 messages have no 'time' and will count when first read; is it 'sent_at'? see the setting columns"
    )
    assert source(tmp_path).notes(cursor) == [said]
    assert source(tmp_path, columns={"time": "sent_at"}).notes(cursor) == [MENDED]
    assert source(tmp_path, columns={"time": ""}).notes(cursor) == [MENDED]
    assert read(source(tmp_path, columns={"time": ""}))[2].get("timeless") is None


@pytest.mark.parametrize("time", ["2026-11-03T10:00:00Z", "2026-11-03 10:00", 1793000000.5])
def test_a_time_in_any_form_that_is_read_is_recognised(tmp_path: Path, time: object) -> None:
    (tmp_path / "chat.jsonl").write_text(jsonl({"text": "a", "sent_at": time}))
    (said,) = source(tmp_path).notes(read(source(tmp_path))[2])
    assert "is it 'sent_at'?" in said


def test_columns_that_the_owner_named_and_no_message_has_are_told(tmp_path: Path) -> None:
    path, columns = tmp_path / "chat.jsonl", {"time": "sent", "role": "form", "thread": "ticket"}
    path.write_text("")
    named = source(tmp_path, columns=columns)
    assert named.notes(read(named)[2]) == [], "nothing was read"
    path.write_text(jsonl({"text": "a", "from": "agent"}, {"text": "b", "ticket": 7}))
    _, _, cursor = read(named)
    said = [
        "no message has 'form' for the role; see the setting columns",
        "no message has 'sent' for the time; see the setting columns",
    ]
    assert named.notes(cursor) == said
    with path.open("a") as file:
        file.write(jsonl({"text": "c", "form": "agent", "sent": None}))
    _, _, cursor = read(source(tmp_path, columns=columns), cursor)
    assert named.notes(cursor) == []
    assert source(tmp_path, columns={}).notes(read(source(tmp_path, columns={}))[2]) == [], "none was named"


def test_roles_that_nobody_knows_are_counted_across_fetches_and_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "chat.jsonl"
    path.write_text(
        jsonl(*({"id": n, "text": "a", "role": role} for n, role in enumerate(["Ann", "rep", "Ann"])))
    )
    documents, _, cursor = read(source(tmp_path))
    assert [d.role for d in documents] == ["customer", "agent", "customer"]
    with path.open("a") as file:
        file.write(
            jsonl({"id": 3, "text": "b", "role": "Ann"}, {"id": 4, "text": "b", "role": "Human_Agent"})
        )
    documents, _, cursor = read(source(tmp_path), cursor)
    assert [d.role for d in documents] == ["customer", "agent"]
    assert source(tmp_path).notes(cursor) == [
        "role 'Ann' is not known, taken as customer (3 times); name it under roles"
    ]
    assert [record.getMessage() for record in caplog.records] == [
        "role 'Ann' is not known, taken as customer; name it under roles"
    ]
    assert source(tmp_path, default_role="customer").notes(cursor) == []
    path.write_text(jsonl(*({"id": n, "text": "a", "role": f"name {n}"} for n in range(50))))
    assert len(source(tmp_path).notes(read(source(tmp_path))[2])) == 20


@pytest.mark.parametrize(
    ("written", "settings", "expected"),
    [
        ("2025-05-01T10:00:00Z", {}, "2025-05-01T10:00:00"),
        ("2025-05-01 10:00:00.250", {}, "2025-05-01T10:00:00.250"),
        ("2025-05-01 10:00:00 +0200", {}, "2025-05-01T08:00:00"),
        ("2025-05-01 10:00:00 UTC", {"timezone": "Asia/Tokyo"}, "2025-05-01T10:00:00"),
        ("2025-05-01 10:00", {"timezone": "Europe/Berlin"}, "2025-05-01T08:00:00"),
        ("2025-01-01 10:00", {"timezone": "Europe/Berlin"}, "2025-01-01T09:00:00"),
        (1746093600, {}, "2025-05-01T10:00:00"),
        (1746093600.5, {}, "2025-05-01T10:00:00.500"),
        (1746093600250, {}, "2025-05-01T10:00:00.250"),
        ("1746093600250", {}, "2025-05-01T10:00:00.250"),
        ("Thu, 01 May 2025 10:00:00 +0200", {}, "2025-05-01T08:00:00"),
        ("01.05.25 10:00", {"time_format": "%d.%m.%y %H:%M"}, "2025-05-01T10:00:00"),
        ("01.05.25 10:00 +0200", {"time_format": "%d.%m.%y %H:%M %z"}, "2025-05-01T08:00:00"),
        ("20250501103000", {}, "2025-05-01T10:30:00"),
        (20250501103000, {}, "2025-05-01T10:30:00"),
        ("202505011030", {"timezone": "Europe/Berlin"}, "2025-05-01T08:30:00"),
        ("Jan 5, 2025, 10:15:00 PM", {}, "2025-01-05T22:15:00"),
        ("Jan 5, 2025 12:15 a.m.", {}, "2025-01-05T00:15:00"),
        ("2025-01-01 10:00:00 PM", {}, "2025-01-01T22:00:00"),
        ("Wed, 01 Jan 2025 10:00:00 CET", {}, "2025-01-01T09:00:00"),
        ("2025-01-01 10:00:00 CET", {"timezone": "Asia/Tokyo"}, "2025-01-01T09:00:00"),
        ("Wed, 01 Jan 2025 10:00:00 IST", {"timezone": "Asia/Kolkata"}, "2025-01-01T04:30:00"),
        ("2025-01-01 10:00:00 MEZ", {"timezone": "Europe/Berlin"}, "2025-01-01T09:00:00"),
        ("2025-01-01 10:00:00 EST", {}, "2025-01-01T15:00:00"),
        ("Wed, 01 Jan 2025 10:00:00 +0100 (CET)", {}, "2025-01-01T09:00:00"),
        ("2025-01-01T10:00:00.250Z", {}, "2025-01-01T10:00:00.250"),
        ("2025-05-01", {}, None),
        ("20250501", {}, None),
        ("", {}, None),
        (None, {}, None),
    ],
)
def test_times(tmp_path: Path, written: Any, settings: dict[str, Any], expected: str | None) -> None:
    (tmp_path / "chat.jsonl").write_text(jsonl({"text": "hello", "time": written}))
    documents, bad, _ = read(source(tmp_path, **settings))
    assert bad == []
    wanted = datetime.fromisoformat(expected).replace(tzinfo=UTC) if expected else None
    assert [d.published_at for d in documents] == [wanted]


@pytest.mark.parametrize(
    "written",
    [
        "yesterday",
        "31/31/2025",
        12,
        "0001-01-01T00:00:00+14:00",
        "9" * 400,
        True,
        "20251301103000",
        "202513011030",
        "Wed, 01 Jan 2025 10:00:00 XYZ",
        "Jan 5, 2025 22:15 PM",
        2025010110,
        "2028-01-01T00:00:00Z",
    ],
)
def test_a_time_that_is_none_is_put_aside_with_advice(tmp_path: Path, written: Any) -> None:
    (tmp_path / "chat.jsonl").write_text(jsonl({"text": "hello", "time": written}, {"text": "next"}))
    documents, bad, _ = read(source(tmp_path))
    assert [d.text for d in documents] == ["next"]
    assert "time_format" in bad[0].reason
    assert bad[0].place == "chat.jsonl:1"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "half', "is not JSON"),
        (b"plain words", "is not JSON"),
        (b"[" * 200_000, "nested too deep"),
        (b"[1, 2]", "not an object"),
        (b'{"text": 1' + b"0" * 5000 + b"}", "is not JSON"),
        (b'{"body": "x", "nr": 1}', "has no 'text'; it has 'body', 'nr'"),
        (b'{"text": "  "}', "'text' is empty"),
        (b'{"text": null}', "'text' is empty"),
        (b'{"text": ["a"]}', "'text' is a list"),
        (b'{"text": "a", "thread": {"a": 1}}', "'thread' is an object"),
        (b'{"text": "gr\xfc\xdfe"}', "is not encoded in utf-8"),
        (b'{"text": "a\0b"}', "is not JSON"),
        (
            b'{"text": "' + b"x" * (5 << 20) + b'"}',
            "line of 5,242,893 bytes exceeds max_line_bytes = 1048576",
        ),
    ],
)
def test_a_bad_line_is_put_aside_and_the_rest_goes_on(tmp_path: Path, line: bytes, reason: str) -> None:
    good = [jsonl({"text": text}).encode() for text in ("before", "after")]
    (tmp_path / "chat.jsonl").write_bytes(good[0] + b"\n" + line + b"\n" + good[1])
    documents, bad, cursor = read(source(tmp_path))
    assert [d.text for d in documents] == ["before", "after"]
    assert len(bad) == 1
    assert reason in bad[0].reason
    assert bad[0].place == "chat.jsonl:3"
    assert len(bad[0].raw) <= 500
    bad[0].raw.encode()
    assert read(source(tmp_path), cursor) == ([], [], cursor)


def test_what_no_database_takes_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "chat.jsonl").write_text('{"text": "a\\ud83d b\\u0000c", "thread": "\\udc80"}\n')
    ((document,), bad, _) = read(source(tmp_path))
    assert (document.text, document.thread, bad) == ("a\ufffd bc", "\ufffd", [])


def test_long_right_to_left_and_emoji_texts_are_kept(tmp_path: Path) -> None:
    texts = ["word " * 10_000 + "end", "שלום עולם", "🤬" * 50]
    (tmp_path / "chat.jsonl").write_text(jsonl(*({"text": text} for text in texts)))
    (tmp_path / "chat.csv").write_text(table(["text"], *([text] for text in texts)), encoding="utf-8")
    documents, bad, _ = read(source(tmp_path, "."))
    assert bad == []
    assert sorted(d.text for d in documents) == sorted(texts * 2)


def test_an_overlong_line_is_passed_with_little_memory(tmp_path: Path) -> None:
    with (tmp_path / "chat.jsonl").open("wb") as file:
        for _ in range(64):
            file.write(b"x" * (1 << 20))
        file.write(b"\n" + jsonl({"text": "after"}).encode())
    chats = source(tmp_path)
    read(chats)
    tracemalloc.start()
    try:
        documents, bad, _ = read(chats)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [d.text for d in documents] == ["after"]
    assert "67,108,865 bytes" in bad[0].reason
    assert peak < 8 << 20


@pytest.mark.parametrize("data", [b"\x7fELF\0\0\1", "id,text\n1,a\n".encode("utf-16"), b"\0" * 9000])
def test_a_binary_file_is_one_bad_record_once_and_others_go_on(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "bad.csv").write_bytes(data)
    (tmp_path / "good.csv").write_text("text\nhello\n")
    chats = source(tmp_path, "*.csv")
    documents, bad, cursor = read(chats)
    assert [d.text for d in documents] == ["hello"]
    assert [(b.place, "binary" in b.reason or "UTF-16" in b.reason) for b in bad] == [("bad.csv", True)]
    assert read(chats, cursor) == ([], [], cursor)
    (tmp_path / "bad.csv").write_text("text\nmended\n")
    documents, bad, _ = read(chats, cursor)
    assert ([d.text for d in documents], bad) == (["mended"], [])


def test_a_csv_without_the_mapped_column_names_those_it_has(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("nr;Body\n1;hello\n")
    (tmp_path / "b.csv").write_text("nr;text\n1;world\n")
    documents, bad, cursor = read(source(tmp_path, "*.csv"))
    assert [d.text for d in documents] == ["world"]
    assert len(bad) == 1
    assert "has no column 'text' for the text; it has 'nr', 'Body'" in bad[0].reason
    # With the mapping mended, what could not be read is read.
    mended = source(tmp_path, "*.csv", columns={"text": "body"})
    documents, bad, _ = read(mended, cursor)
    assert [d.text for d in documents] == ["hello"]


def test_when_no_file_can_be_used_the_source_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("nr,body\n1,hello\n")
    chats = source(tmp_path, "a.csv")
    batches = chats.fetch({}, NOW)
    first = next(batches)
    assert len(first.bad) == 1
    with pytest.raises(SourceError, match=r"a\.csv has no column 'text'"):
        next(batches)
    again = chats.fetch(json.loads(json.dumps(first.cursor)), NOW)
    with pytest.raises(SourceError, match="no column"):
        next(again)


def test_an_explicit_column_that_is_missing_is_a_fault_and_a_default_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\nhello\n")
    assert len(read(source(tmp_path, "a.csv"))[0]) == 1
    with pytest.raises(SourceError, match="'conversation' for the thread"):
        read(source(tmp_path, "a.csv", columns={"thread": "conversation"}))


def test_a_mended_time_format_brings_back_what_was_put_aside(tmp_path: Path) -> None:
    (tmp_path / "chat.jsonl").write_text(
        jsonl({"text": "a", "time": "5 past noon"}, {"text": "b", "time": "2025-05-01T10:00:00Z", "id": "b"})
    )
    documents, bad, cursor = read(source(tmp_path, columns={"id": "id"}))
    assert (len(documents), len(bad)) == (1, 1)
    documents, bad, cursor = read(source(tmp_path, columns={"id": "id", "time": ""}), cursor)
    assert {d.text for d in documents} == {"a", "b"}
    assert bad == []
    assert read(source(tmp_path, columns={"id": "id", "time": ""}), cursor)[0] == []


def test_csv_dialects(tmp_path: Path) -> None:
    rows = [["ID", "Text", "role"], ["1", 'He said "no", twice', "agent"], ["2", "two\nlines", "user"]]
    for name, delimiter in (("a", ","), ("b", ";"), ("c", "\t"), ("d", "|")):
        data = table(*rows, delimiter=delimiter).replace("\n", "\r\n")
        (tmp_path / f"{name}.csv").write_bytes(b"\xef\xbb\xbf" + data.encode())
        documents, bad, _ = read(source(tmp_path, f"{name}.csv"))
        assert bad == []
        assert [(d.external_id, d.text.replace("\r", ""), d.role) for d in documents] == [
            ("1", 'He said "no", twice', "agent"),
            ("2", "two\nlines", "customer"),
        ]


def test_the_line_of_spreadsheets_names_the_delimiter(tmp_path: Path) -> None:
    for name, start in (("a", ""), ("b", "\ufeff"), ("c", "")):
        (tmp_path / f"{name}.csv").write_text(start + "sep=;\r\ntext;id\r\nhel,lo,;1\r\n", encoding="utf-8")
        documents, bad, cursor = read(source(tmp_path, f"{name}.csv", delimiter=";" if name == "c" else ""))
        assert ([(d.external_id, d.text) for d in documents], bad) == ([("1", "hel,lo,")], [])
        assert read(source(tmp_path, f"{name}.csv"), cursor)[:2] == ([], [])


def test_a_header_that_comes_again_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("ID,Text\n1,a\nID,Text\n2,b\n\ufeffID, Text\n", encoding="utf-8")
    documents, bad, _ = read(source(tmp_path, "a.csv"))
    assert ([d.external_id for d in documents], bad) == (["1", "2"], [])


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        (
            "a.json",
            json.dumps([{"text": "a"}, {"text": "b"}], indent=1).encode(),
            "is a JSON array, and one record a line",
        ),
        ("a.json", json.dumps([{"text": "a"}, {"text": "b"}]).encode() + b"\n", "is a JSON array"),
        ("a.jsonl", b'[{"text": "a"},\n{"text": "b"}]\n', "is a JSON array"),
        (
            "a.json",
            json.dumps({"messages": [{"text": "b"}]}, indent=1).encode(),
            "is one JSON object over several",
        ),
        ("a.jsonl.gz", gzip.compress(jsonl({"text": "a"}).encode(), mtime=0), "is compressed; unpack it"),
    ],
)
def test_a_file_that_holds_no_lines_of_records_is_said_once(
    tmp_path: Path, name: str, data: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(data)
    (tmp_path / "good.jsonl").write_text(jsonl({"text": "good"}))
    documents, bad, cursor = read(source(tmp_path, [name, "good.jsonl"]))
    assert [d.text for d in documents] == ["good"]
    assert [b.place for b in bad] == [name]
    assert reason in bad[0].reason
    assert read(source(tmp_path, [name, "good.jsonl"]), cursor)[:2] == ([], [])


def test_a_set_encoding_and_delimiter_are_used(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("text~id\nGrüße~1\n".encode("cp1252"))
    ((document,), bad, _) = read(source(tmp_path, "a.csv", encoding="cp1252", delimiter="~"))
    assert (document.text, document.external_id, bad) == ("Grüße", "1", [])


def test_bad_rows_are_put_aside_each_alone(tmp_path: Path) -> None:
    rows = [
        b"id,text,role",
        b"1,good,user",
        b"2,too, many, fields",
        b"3,   ,user",
        b"4,gr\xfc\xdfe,user",
        b'5,stray "quote" inside,user',
        b'6,"closed" and more,user',
        b'7,"never closed,user',
        b"8,good again,user",
        b"9",
        b"10,nul\0byte,user",
        b"11,trailing,user,,",
        b"",
        b"12,short",
    ]
    (tmp_path / "a.csv").write_bytes(b"\n".join(rows) + b"\n")
    documents, bad, _ = read(source(tmp_path, "a.csv", complete=True, max_line_bytes=1024))
    assert [(d.external_id, d.text) for d in documents] == [
        ("1", "good"),
        ("5", 'stray "quote" inside'),
        ("6", "closed and more"),
        ("8", "good again"),
        ("11", "trailing"),
        ("12", "short"),
    ]
    assert [(b.place, b.reason.split(":")[0]) for b in bad] == [
        ("a.csv:3", "has 4 fields where the header has 3"),
        ("a.csv:4", "'text' is empty"),
        ("a.csv:5", "is not encoded in utf-8; see the setting encoding"),
        ("a.csv:8", "opens a quote that is never closed"),
        ("a.csv:10", "has no 'text'; it has 'id'"),
        ("a.csv:11", "holds NUL bytes"),
    ]


def test_a_quote_that_never_closes_costs_one_record(tmp_path: Path) -> None:
    rows = [f"{n},text number {n}" for n in range(3000)]
    rows[5] = '5,"never closed'
    (tmp_path / "a.csv").write_text("id,text\n" + "\n".join(rows) + "\n")
    documents, bad, _ = read(source(tmp_path, "a.csv", max_line_bytes=10_000))
    assert [d.external_id for d in documents] == [str(n) for n in range(3000) if n != 5]
    assert [b.place for b in bad] == ["a.csv:7"]


def test_an_overlong_row_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text\n1,a\n2," + "x" * 5_000_000 + "\n3,c\n")
    documents, bad, _ = read(source(tmp_path, "a.csv"))
    assert [d.external_id for d in documents] == ["1", "3"]
    assert "line of 5,000,003 bytes" in bad[0].reason
    assert bad[0].place == "a.csv:3"


def test_folders_lists_and_patterns(tmp_path: Path) -> None:
    for name in ("logs/a.jsonl", "logs/b.ndjson", "logs/deep/c.jsonl", "logs/.hidden.jsonl", "logs/notes.txt",
                 "logs/d.log", "other/e.jsonl", "other/f.jsonl.gz"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(jsonl({"text": name}))
    (tmp_path / "logs/e.csv").write_text("text\nlogs/e.csv\n")

    def names(path: str | list[str]) -> list[str]:
        documents, bad, _ = read(source(tmp_path, path))
        assert bad == []
        return sorted(d.text for d in documents)

    assert names("logs") == ["logs/a.jsonl", "logs/b.ndjson", "logs/d.log", "logs/e.csv"]
    assert names("logs/**/*.jsonl") == ["logs/a.jsonl", "logs/deep/c.jsonl"]
    assert names(["logs/a.jsonl", "logs/*.jsonl", str(tmp_path / "other/*")]) == [
        "logs/a.jsonl",
        "other/e.jsonl",
    ]
    assert names("logs/[ab].*") == ["logs/a.jsonl", "logs/b.ndjson"]


def test_a_folder_whose_name_looks_like_a_pattern(tmp_path: Path) -> None:
    base = tmp_path / "run[1]"
    base.mkdir()
    (base / "chat.jsonl").write_text(jsonl({"text": "a"}))
    assert len(read(source(base, "*.jsonl"))[0]) == 1
    assert len(read(source(base, str(base / "chat.jsonl")))[0]) == 1


def test_one_file_under_two_names_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "2025.jsonl").write_text(jsonl({"text": "a"}))
    (tmp_path / "current.jsonl").symlink_to("2025.jsonl")
    assert len(read(source(tmp_path, "*.jsonl"))[0]) == 1


def test_a_missing_file_is_waited_for_and_a_missing_folder_is_said(tmp_path: Path) -> None:
    chats = source(tmp_path)
    assert read(chats)[:2] == ([], [])
    assert read(source(tmp_path, "*.jsonl"))[:2] == ([], [])
    with pytest.raises(SourceError, match="there is no folder"):
        read(source(tmp_path, "nowhere/chat.jsonl"))
    with pytest.raises(SourceError, match="there is no folder"):
        read(source(tmp_path, "nowhere/*.jsonl"))
    with pytest.raises(SourceError, match=r"there is no file chat\.jsonl"):
        read(source(tmp_path, complete=True))
    (tmp_path / "chat.jsonl").write_text("")
    assert read(chats)[:2] == ([], [])


def test_the_format_is_seen_from_the_first_character_where_the_name_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(jsonl({"text": "json"}))
    (tmp_path / "b.log").write_text("id,text\n1,csv\n")
    (tmp_path / "c.csv").write_text(jsonl({"text": "told"}))
    assert {d.text for d in read(source(tmp_path, "*.log"))[0]} == {"json", "csv"}
    assert [d.text for d in read(source(tmp_path, "c.csv", format="jsonl"))[0]] == ["told"]


def test_ids_of_records_without_one(tmp_path: Path) -> None:
    timed = {"text": "ok", "thread": "1", "time": "2025-05-01T10:00:00Z"}
    later = {**timed, "time": "2025-05-01T11:00:00Z"}
    data = jsonl(timed, timed, later, {"text": "hi"}, {"text": "hi"}, {"text": "x", "id": ""})
    (tmp_path / "chat.jsonl").write_text(data)
    documents, bad, cursor = read(source(tmp_path))
    assert bad == []
    ids = [d.external_id for d in documents]
    assert len(set(ids)) == 6
    # The same export again, elsewhere, in other batches: the same ids.
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy/chat.jsonl").write_text(data)
    assert [d.external_id for d in read(source(tmp_path / "copy", batch_size=1))[0]] == ids
    # A longer export that begins earlier: records with a time keep theirs.
    (tmp_path / "copy/chat.jsonl").write_text(jsonl({**timed, "time": "2025-05-01T09:00:00Z"}) + data)
    assert [d.external_id for d in read(source(tmp_path / "copy"))[0]][1:4] == ids[:3]
    # Told apart from a file that begins in the same way.
    (tmp_path / "other.jsonl").write_text(jsonl({"text": "hi"}, {"text": "hi"}))
    (tmp_path / "third.jsonl").write_text(jsonl({"text": "hi"}, {"text": "hi"}))
    documents, _, _ = read(source(tmp_path, ["chat.jsonl", "other.jsonl", "third.jsonl"]), cursor)
    assert len({d.external_id for d in documents}) == 4


def test_batches_are_bounded_in_number_and_in_size(tmp_path: Path) -> None:
    (tmp_path / "chat.jsonl").write_text(jsonl(*({"text": f"text {n}"} for n in range(1203))))
    sizes = [len(batch.documents) for batch in source(tmp_path).fetch({}, NOW)]
    assert sizes == [500, 500, 203]
    (tmp_path / "chat.jsonl").write_text(jsonl(*({"text": "x" * 900_000} for n in range(20))))
    assert max(len(batch.documents) for batch in source(tmp_path).fetch({}, NOW)) <= 5


def test_a_file_that_may_not_be_read_is_said_once_and_read_later(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "a.jsonl").write_text(jsonl({"text": "a"}))
    (tmp_path / "b.jsonl").write_text(jsonl({"text": "b"}))
    chats = source(tmp_path, "*.jsonl")
    real = Path.open

    def refuse(self: Path, *args: Any, **kwargs: Any) -> Any:
        if self.name == "a.jsonl":
            raise PermissionError(13, "Permission denied")
        return real(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        documents, bad, cursor = read(chats)
        assert [d.text for d in documents] == ["b"]
        assert [b.reason for b in bad] == ["cannot be read: Permission denied"]
        assert read(chats, cursor)[:2] == ([], [])
    assert [d.text for d in read(chats, cursor)[0]] == ["a"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"timezone": "Mars/Olympus"}, "is no time zone"),
        ({"timezone": "America"}, "is no time zone"),
        ({"timezone": "../etc"}, "is no time zone"),
        ({"time_format": "%d.%m.%Q"}, "'%d.%m.%Q' is no form of times: 'Q' is a bad directive"),
        ({"time_format": "%d.%m.%"}, "'%d.%m.%' is no form of times: stray %"),
        ({"time_format": "%d.%d"}, "'%d.%d' is no form of times: "),
        ({"encoding": "klingon"}, "is no encoding"),
        ({"encoding": "utf-16"}, "own newlines"),
        ({"encoding": "rot13"}, "is no encoding"),
        ({"delimiter": '"'}, "cannot stand between"),
        ({"columns": {"txt": "a"}}, "txt"),
        ({"roles": {"a": "boss"}}, "customer"),
        ({"path": ""}, "at least 1"),
        ({"path": []}, "at least 1"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        ChatlogSettings(**{"path": "x", **settings})


def test_every_setting_is_described_and_the_source_says_where_it_reads(tmp_path: Path) -> None:
    assert all(field.description for field in ChatlogSettings.model_fields.values())
    assert source(tmp_path, ["a", "b"]).describe() == "chat logs in a, b"
    assert source(tmp_path).settings.settle == timedelta(hours=1).total_seconds()
