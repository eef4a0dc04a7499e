"""Seed files: what is read, what is kept aside, and what is refused with which words."""

from pathlib import Path

import pytest

from monitor.seedfile import SeedFileError, read_seeds
from monitor.types import NO_LABEL, BadRecord, Seed


@pytest.fixture
def write(tmp_path):
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_csv_and_jsonl_with_the_same_content_read_the_same(write):
    rows = write(
        "a.csv", 'label,id,text\nrefund,1," I paid, twice\nand it hurts "\npraise,2,"so ""kind"" 🌻"\n'
    )
    lines = write(
        "a.jsonl",
        '{"id": 1, "text": " I paid, twice\\nand it hurts ", "label": "refund"}\n\n'
        '{"text": "so \\"kind\\" \\ud83c\\udf3b", "label": "praise"}',
    )
    expected = [Seed("I paid, twice\nand it hurts", "refund"), Seed('so "kind" 🌻', "praise")]
    assert read_seeds(rows) == (expected, [])
    assert read_seeds(lines) == (expected, [])


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_byte_order_mark_delimiter_line_ends_and_case_of_the_header(write, delimiter):
    text = f'Text{delimiter} "LABEL"\r\nhello{delimiter}praise\r\n\r\nbye{delimiter}other\r\n'
    seeds, bad = read_seeds(write("a.CSV", b"\xef\xbb\xbf" + text.replace(' "LABEL"', "LABEL").encode()))
    assert (seeds, bad) == ([Seed("hello", "praise"), Seed("bye", "other")], [])


def test_class_numbers_become_names_but_other_types_do_not(write):
    seeds, bad = read_seeds(write("a.jsonl", '{"text": "a", "label": 3}\n{"text": "b", "label": true}\n'))
    assert seeds == [Seed("a", "3")]
    assert [(b.place, b.reason) for b in bad] == [("line 2", "label is not a string")]


def test_a_text_with_two_labels_is_two_seeds(write):
    seeds, _ = read_seeds(write("a.csv", "text,label\nboth,x\nboth,y\n"))
    assert seeds == [Seed("both", "x"), Seed("both", "y")]


def test_records_that_cannot_be_used_are_told_in_the_order_of_the_file(write):
    file = write("a.csv", "text,label\na,x\n,x\na,y\nb,\n")
    _, bad = read_seeds(file, one_label=True)
    assert [record.place for record in bad] == ["line 2", "line 3", "line 4", "line 5"]


def test_where_a_text_has_one_label_records_that_contradict_each_other_cannot_be_used(write):
    file = write(
        "a.jsonl", "".join(f'{{"text": "{t}", "label": "{n}"}}\n' for t, n in ["ax", "by", "ay", "by"])
    )
    seeds, bad = read_seeds(file, one_label=True)
    assert seeds == [Seed("b", "y"), Seed("b", "y")]
    assert [(record.place, record.reason) for record in bad] == [
        ("line 1", "has a text that is 'x' here and 'y' in line 3: it can have one label only"),
        ("line 3", "has a text that is 'y' here and 'x' in line 1: it can have one label only"),
    ]


def test_a_line_separator_inside_a_json_string_does_not_end_the_record(write):
    seeds, bad = read_seeds(write("a.jsonl", '{"text": "one\u2028two", "label": "x"}\n'))
    assert (seeds, bad) == ([Seed("one\u2028two", "x")], [])


def test_bad_csv_records_are_kept_with_their_line_and_the_rest_is_read(write):
    path = write(
        "a.csv",
        'text,label\n"two\nlines",x\n,x\nno label\nI paid, twice,x\ntrailing,x,,\n   ,  \n"a"b,x\nlast,x\n',
    )
    seeds, bad = read_seeds(path)
    assert seeds == [Seed("two\nlines", "x"), Seed("trailing", "x"), Seed("last", "x")]
    assert [(b.place, b.raw) for b in bad] == [
        ("line 4", ",x"),
        ("line 5", "no label"),
        ("line 6", "I paid, twice,x"),
        ("line 9", '"a"b,x'),
    ]
    reasons = [b.reason for b in bad]
    assert reasons[:2] == ["has no text", "has no label"]
    assert reasons[2] == "has 3 cells where the header has 2: put quotes around the text"
    assert reasons[3].startswith("is broken CSV: ")


def test_a_quote_that_is_never_closed_is_reported_where_it_opens(write):
    seeds, bad = read_seeds(write("a.csv", 'text,label\nfine,x\n"oh no,x\nswallowed,x\n'))
    assert seeds == [Seed("fine", "x")]
    assert [b.place for b in bad] == ["line 3"]


def test_a_cell_of_five_megabytes_is_one_bad_record(write):
    seeds, bad = read_seeds(write("a.csv", "text,label\n" + "a" * 5_000_000 + ",x\nlast,x\n"))
    assert seeds == [Seed("last", "x")]
    assert [(b.place, len(b.raw)) for b in bad] == [("line 2", 500)]


def test_bad_json_records_are_kept_with_their_line_and_the_rest_is_read(write):
    path = write(
        "a.jsonl",
        '{"text": "a", "label": "x"}\n'
        "{oops\n"
        '["text", "label"]\n'
        '{"text": "   ", "label": "x"}\n'
        '{"text": "c", "label": null}\n'
        '{"text": "half \\ud83d", "label": "x"}\n'
        '{"text": ["d"], "label": "x"}\n' + "[" * 100_000 + '\n{"text": "b", "label": "y"}\n',
    )
    seeds, bad = read_seeds(path)
    assert seeds == [Seed("a", "x"), Seed("b", "y")]
    assert [b.place for b in bad] == [f"line {n}" for n in range(2, 9)]
    reasons = [b.reason for b in bad]
    assert reasons[0].startswith("is not JSON: ")
    assert reasons[1] == 'is not an object such as {"text": "...", "label": "..."}'
    assert reasons[2:6] == [
        "has no text",
        "has no label",
        "text holds half of a character",
        "text is not a string",
    ]
    assert reasons[6].startswith("is not JSON: ")
    assert isinstance(bad[0], BadRecord)


def test_files_without_records(write):
    assert read_seeds(write("a.csv", "text,label\n")) == ([], [])
    assert read_seeds(write("a.jsonl", "\n")) == ([], [])
    with pytest.raises(SeedFileError, match=r"is empty: its first line must name the columns text and label"):
        read_seeds(write("b.csv", "\n"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "Text,Category\nhi,x\n", "has no column label; its columns are: Text, Category"),
        ("a.csv", "a;b\nhi;x\n", "has no column text and no column label; its columns are: a;b"),
        ("a.csv", 'te"xt,label"\n"a\n', "no column text and no column label"),
        ("a.csv", '"text,label\nhi,x\n', "the first line cannot be read as CSV"),
        ("a.jsonl", '{"text": "hi", "intent": "x"}\n', "has no column label; its columns are: text, intent"),
        ("a.csv", b"text,label\nhi\0,x\n", "is binary or in another encoding than UTF-8"),
        ("a.csv", "text,label\nhi,x\n".encode("utf-16"), "is binary or in another encoding than UTF-8"),
        ("a.csv", b"text,label\nhi,x\ncaf\xe9,x\n", r"is not UTF-8 \(line 3\)"),
        ("a.xlsx", b"PK", r"its name must end in .csv or .jsonl"),
    ],
)
def test_a_file_that_cannot_be_used_gets_one_clear_line(write, name, content, message):
    path = write(name, content)
    with pytest.raises(SeedFileError, match=message) as raised:
        read_seeds(path)
    assert str(raised.value).startswith(str(path))
    assert "\n" not in str(raised.value)


def test_a_header_that_is_a_whole_text_is_not_quoted_in_full(write):
    with pytest.raises(SeedFileError) as raised:
        read_seeds(write("a.csv", "word " * 10_000 + "\n"))
    assert len(str(raised.value)) < 1000


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(SeedFileError, match="cannot be read: No such file"):
        read_seeds(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(SeedFileError, match="cannot be read: Is a directory"):
        read_seeds(tmp_path / "folder.csv")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "text,label\none,x\ntwo,z\n"),
        ("a.jsonl", '{"text": "one", "label": "x"}\n{"text": "two", "label": "z"}\n'),
    ],
)
def test_where_labels_are_given_another_one_is_a_bad_record_that_lists_them(write, name, content):
    seeds, [bad] = read_seeds(write(name, content), ["x", "y"])
    assert seeds == [Seed("one", "x")]
    assert bad.reason == "no label is called 'z'; known: x, y"


def test_a_text_of_no_label_is_a_seed_whatever_the_labels(write):
    found = [Seed("one", "x"), Seed("two", NO_LABEL)]
    assert read_seeds(write("a.csv", "text,label\none,x\ntwo,(none)\n"), ["x", "y"]) == (found, [])
