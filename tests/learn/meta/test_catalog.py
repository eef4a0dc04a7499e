from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from monitor.errors import LearnError, MonitorError
from monitor.learn.meta.catalog import digest, read_catalog
from tests.learn.meta.tiny import TASKS, write_catalog, write_rows

HEAD = 'family = "intent"\nrole = "train"\n'


def refusal(folder: Path) -> str:
    """The one line that reading a catalogue fails with."""
    with pytest.raises(MonitorError) as caught:
        read_catalog(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_tasks_are_read_as_they_are_written(catalog: Path) -> None:
    tasks = {task.name: task for task in read_catalog(catalog)}
    assert set(tasks) == set(TASKS)
    desk = tasks["desk"]
    assert (desk.family, desk.role, desk.ships, desk.licence) == ("topic", "train", True, "CC0")
    assert list(desk.labels) == ["court", "money", "sport"]
    assert (len(desk.train), len(desk.test)) == (27, 9)
    place = desk.train.texts.index("a lawyer wins an appeal")
    assert desk.train.targets[place] == 0
    every = desk.all()
    assert every.texts == desk.train.texts + desk.test.texts
    assert every.targets.tolist() == [*desk.train.targets, *desk.test.targets]
    kept = desk.train.keep(desk.train.targets == 1)
    assert len(kept) == 9
    assert set(kept.targets.tolist()) == {1}


def test_only_the_roles_that_are_asked_for_are_touched(tmp_path: Path) -> None:
    write_catalog(tmp_path)
    (tmp_path / "votes" / "train.jsonl").write_text("damaged")
    assert [task.name for task in read_catalog(tmp_path, roles=["train"])] == ["desk", "mood", "orders"]
    assert "line 1" in refusal(tmp_path)


def test_what_may_not_be_given_away_is_left_out(tmp_path: Path) -> None:
    write_catalog(tmp_path, ["orders", "mood"], {"mood": 'family = "sentiment"\nrole = "train"\n'})
    assert [task.name for task in read_catalog(tmp_path, ships=True)] == ["orders"]
    assert len(read_catalog(tmp_path)) == 2


def test_the_digest_tells_other_texts_labels_and_descriptions(tmp_path: Path) -> None:
    heads = {"orders": HEAD + '[orders.labels]\nrefund = "wants money back"\n'}
    plain = digest(read_catalog(write_catalog(tmp_path / "a", ["orders"])))
    assert digest(read_catalog(write_catalog(tmp_path / "b", ["orders"]))) == plain
    assert digest(read_catalog(write_catalog(tmp_path / "c", ["orders"], heads))) != plain
    with (tmp_path / "b/orders/test.jsonl").open("a") as file:
        file.write('{"text": "refund the cup", "label": "refund"}\n')
    assert digest(read_catalog(tmp_path / "b")) != plain


def test_several_folders_are_one_catalogue(tmp_path: Path) -> None:
    one = write_catalog(tmp_path / "one", ["orders"])
    two = write_catalog(tmp_path / "two", ["desk", "mood"])
    assert [task.name for task in read_catalog(one, two)] == ["desk", "mood", "orders"]
    write_catalog(two, ["desk", "orders"])
    with pytest.raises(LearnError, match=f"^task 'orders' is in both {one} and {two}: rename one$"):
        read_catalog(one, two, roles=["exam"], needed=False)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("family = 3\nrole = 'train'", "task 'orders' needs a family and a role"),
        ("family = 'intent'", "task 'orders' needs a family and a role"),
        (
            "family = 'intent'\nrole = 'practice'",
            "no role of task 'orders'.*'practice'; known: exam, train, validation",
        ),
        (HEAD + "[orders.labels]\nrefunds = 'x'", "'refunds'; known: cancel, password, refund"),
        (HEAD + "labels = ['refund']", "must be a table"),
        (HEAD + "role =", "catalog.toml cannot be read"),
        (HEAD + "role = 'exam'", "catalog.toml cannot be read"),
    ],
)
def test_a_fault_of_the_table_is_one_line(tmp_path: Path, head: str, said: str) -> None:
    write_catalog(tmp_path, ["orders"], {"orders": head})
    assert re.search(said, refusal(tmp_path))


def test_a_table_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "catalog.toml").write_text("orders = 3")
    assert "task 'orders' needs a family and a role" in refusal(tmp_path)
    (tmp_path / "catalog.toml").write_bytes(b"\xff\xfe")
    assert "cannot be read" in refusal(tmp_path)
    (tmp_path / "catalog.toml").write_text("")
    assert "no task of the role train or validation or exam in " in refusal(tmp_path)
    assert read_catalog(tmp_path, needed=False) == []
    (tmp_path / "catalog.toml").unlink()
    assert "does not exist: it names the tasks to train on" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("a text", "x"), ("other", "x")], "train.jsonl has one label"),
        ([("a text", "x")], "train.jsonl has one text"),
        ([("a", "Late"), ("b", "late"), ("c", "early")], "'Late' and 'late' differ only in case"),
        ([("a", "late "), ("b", "late"), ("c", "early")], "differ only in case or spaces"),
        ([("a", "x"), ("  ", "y")], "train.jsonl, line 2: the text or the label is empty"),
        ([("a", "x"), ("b", " ")], "train.jsonl, line 2: the text or the label is empty"),
        ([], "train.jsonl is empty"),
    ],
)
def test_a_fault_of_the_rows_is_one_line(tmp_path: Path, rows: list[tuple[str, object]], said: str) -> None:
    write_catalog(tmp_path, ["orders"], {"orders": HEAD})
    write_rows(tmp_path / "orders/train.jsonl", rows)
    write_rows(tmp_path / "orders/test.jsonl", [("one", "x"), ("two", "y")])
    assert said in refusal(tmp_path)


@pytest.mark.parametrize("name", ["train.jsonl", "test.jsonl"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    write_catalog(tmp_path, ["orders"])
    (tmp_path / "orders" / name).unlink()
    assert f"{name} does not exist, but catalog.toml names its task" in refusal(tmp_path)


def test_a_label_of_test_rows_alone_is_a_label(tmp_path: Path) -> None:
    write_catalog(tmp_path, ["orders"])
    write_rows(tmp_path / "orders/test.jsonl", [("where is it", "track"), ("refund it", "refund")])
    (task,) = read_catalog(tmp_path)
    assert list(task.labels) == ["cancel", "password", "refund", "track"]
    assert task.test.targets.tolist() == [3, 2]
    assert task.train.targets.dtype == np.int64
