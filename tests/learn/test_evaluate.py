from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from monitor.cli.evaluate import evaluate_command
from monitor.errors import LearnError
from monitor.learn.evaluate import (
    accuracy,
    check_folders,
    draw,
    evaluate_folder,
    evaluate_folders,
    macro_f1,
    read_rows,
)
from tests.learn.words import encode


class Words:
    """The tiny encoder, counting what it is asked."""

    fingerprint = "words"

    def __init__(self) -> None:
        self.asked: list[Sequence[str]] = []

    def encode(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        self.asked.append(texts)
        return {"base": encode(texts)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "mood"
    place.mkdir()
    bad = [f"terrible loss {word}" for word in ("one", "two", "three", "four", "five", "six")]
    good = [f"great win {word}" for word in ("one", "two", "three", "four", "five", "six")]
    write(place / "train.jsonl", [(t, 0) for t in bad] + [(t, 1) for t in good])
    write(place / "test.jsonl", [("a terrible loss", 0), ("one great win", 1), ("great", 1), ("loss", 0)])
    write(place / "few.jsonl", [("terrible loss", "0"), ("great win", "1")])
    return place


def write(path: Path, rows: list[tuple[str, object]]) -> None:
    lines = (json.dumps({"text": text, "label": label}) for text, label in rows)
    path.write_text("\n".join(lines) + "\n\n", "utf-8")


def test_draw_is_the_stated_protocol() -> None:
    labels = ["b", "a", "b", "c", "a", "b", "a", "b"]
    rng = np.random.default_rng(3)
    expected: list[int] = []
    for own in ([1, 4, 6], [0, 2, 5, 7], [3]):
        expected += np.array(own)[rng.choice(len(own), size=min(2, len(own)), replace=False)].tolist()
    assert draw(labels, 2, 3) == expected
    assert draw(labels, 0, 3) == []
    assert sorted(draw(labels, 99, 0)) == list(range(8))


def test_metrics_by_hand() -> None:
    truth, guesses = ["a", "a", "a", "b", "b", "c"], ["a", "a", "b", "b", "a", "d"]
    assert accuracy(truth, guesses) == pytest.approx(3 / 6)
    # a: 2 hits of 3 true, 3 said; b: 1 of 2, 2; c and d: never hit
    assert macro_f1(truth, guesses) == pytest.approx((4 / 6 + 2 / 4 + 0 + 0) / 4)
    assert macro_f1(truth, truth) == 1


def test_a_folder_is_judged_by_shots(folder: Path) -> None:
    encoder = Words()
    found = evaluate_folder(folder, encoder, shots=(0, 2, 6), seeds=3)
    assert list(found) == ["0", "2", "6"]
    assert found["6"]["accuracy"] == {"mean": 1.0, "sd": 0.0}
    assert found["6"]["macro_f1"] == {"mean": 1.0, "sd": 0.0}
    for measured in found.values():
        assert measured["adapt_seconds"] > 0
        assert measured["texts_per_second"] > 0
    tests = [asked for asked in encoder.asked if len(asked) == 4 and "loss" in asked]
    assert len(tests) == 1
    seeded = [asked for asked in encoder.asked if len(asked) == 2 * 6 + 2]
    assert len(seeded) == 3


def test_a_support_file_is_the_one_draw(folder: Path) -> None:
    found = evaluate_folder(folder, Words(), support="few.jsonl")
    assert list(found) == ["few.jsonl"]
    assert found["few.jsonl"]["accuracy"]["mean"] == 1.0


def test_a_test_label_that_was_never_trained_counts(folder: Path) -> None:
    with (folder / "test.jsonl").open("a") as file:
        file.write('{"text": "rain and wind", "label": "weather"}\n')
    found = evaluate_folder(folder, Words(), shots=(6,), seeds=1)
    assert found["6"]["accuracy"]["mean"] >= 0.8


def test_progress_rises_to_one(folder: Path) -> None:
    told: list[tuple[str, float]] = []
    evaluate_folders([folder], Words(), shots=(2,), seeds=2, progress=lambda *said: told.append(said))
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert told[0][0].startswith("mood: ")


@pytest.mark.parametrize(
    "line",
    ["not json", "[1, 2]", '{"text": "x"}', '{"text": 3, "label": "a"}', '{"text": "x", "label": null}'],
)
def test_a_bad_row_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "x", "label": "a"}\n' + line + "\n")
    with pytest.raises(LearnError, match=r"rows\.jsonl, line 2: ") as caught:
        read_rows(path)
    assert "\n" not in str(caught.value)


def test_rows_keep_unicode_line_separators_and_byte_order_marks(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('\ufeff{"text": "a\u2028b", "label": 1}\r\n', "utf-8")
    (row,) = read_rows(path)
    assert (row.text, row.label) == ("a\u2028b", "1")


def test_files_that_are_empty_or_missing_are_one_clear_line(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(LearnError, match="is empty"):
        read_rows(tmp_path / "empty.jsonl")
    with pytest.raises(LearnError, match="cannot be read"):
        read_rows(tmp_path / "nowhere.jsonl")
    with pytest.raises(LearnError, match=r"other\.jsonl does not exist"):
        check_folders([folder], "other.jsonl")
    with pytest.raises(LearnError, match="two of the folders are called 'mood'"):
        check_folders([folder, folder / "../mood"])


@pytest.mark.parametrize("shots", ["x", "4,-1", ""])
def test_the_command_refuses_other_shots(folder: Path, shots: str) -> None:
    result = CliRunner().invoke(evaluate_command, [str(folder), "--shots", shots])
    assert result.exit_code == 2
    assert "is not a list of numbers" in result.output


def test_the_command_prints_the_stated_json(folder: Path) -> None:
    result = CliRunner().invoke(evaluate_command, [str(folder), "--shots", "0,6", "--seeds", "1", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert list(found) == ["mood"]
    assert list(found["mood"]) == ["0", "6"]
    assert set(found["mood"]["6"]) == {"accuracy", "macro_f1", "adapt_seconds", "texts_per_second"}
    assert set(found["mood"]["6"]["macro_f1"]) == {"mean", "sd"}
    assert found["mood"]["6"]["accuracy"]["mean"] == 1.0


def test_the_command_prints_a_table(folder: Path) -> None:
    result = CliRunner().invoke(evaluate_command, [str(folder), "--support", "few.jsonl"])
    assert result.exit_code == 0, result.output
    assert "few.jsonl" in result.stdout
    assert "100.0 ± 0.0 %" in result.stdout
