"""monitor evaluate, with the embedded encoder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from monitor.cli.evaluate import evaluate_command
from monitor.errors import LearnError, UnknownName
from monitor.learn import evaluate
from monitor.learn.learning_curve import check_picture, curves
from monitor.learn.task_folder import shots_note, telling
from monitor.learn.views import SHIPPED_VIEWS

WORDS = ("one", "two", "three", "four", "five", "six")
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "mood"
    place.mkdir()
    train = [(f"terrible loss {w}", 0) for w in WORDS] + [(f"great win {w}", 1) for w in WORDS]
    write(place / "train.jsonl", train)
    write(place / "test.jsonl", [("a terrible loss", 0), ("one great win", 1), ("great", 1), ("loss", 0)])
    write(place / "few.jsonl", [("terrible loss", "0"), ("great win", "1")])
    return place


def write(path: Path, rows: list[tuple[str, object]]) -> None:
    lines = (json.dumps({"text": text, "label": label}) for text, label in rows)
    path.write_text("\n".join(lines) + "\n\n", "utf-8")


def run(*arguments: object, code: int = 0) -> str:
    """Run the command; returns what it prints. An error that a person can mend is raised."""
    result = CliRunner().invoke(evaluate_command, list(map(str, arguments)))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output if code else result.stdout


@pytest.mark.parametrize("shots", ["x", "4,-1", ""])
def test_other_shots_are_refused(folder: Path, shots: str) -> None:
    assert "is not a list of numbers" in run(folder, "--shots", shots, code=2)


def test_an_unknown_depth_lists_the_known_ones(folder: Path) -> None:
    with pytest.raises(UnknownName, match=r"no depth is called 'deeper'; known: .*names.*seeds") as caught:
        run(folder, "--depths", "names,deeper")
    assert caught.value.exit_code == 2


def test_unlabelled_texts_that_nobody_reads_are_refused(folder: Path) -> None:
    output = run(folder, "--unlabelled", folder / "train.jsonl", code=2)
    assert "--unlabelled is read by none of the depths seeds" in output


def test_json(folder: Path) -> None:
    found = json.loads(run(folder, "--shots", "0,6", "--seeds", "1", "--json"))
    assert list(found) == ["mood"]
    assert list(found["mood"]) == ["0", "6"]
    measures = {"accuracy", "macro_f1", "calibration_error", "calibration_noise", "log_loss", "coverage"}
    plain = {
        "adapt_seconds",
        "texts_per_second",
        "depth",
        "shots",
        "most_seeds",
        "draws",
        "test_texts",
        "test_texts_seen",
    }
    assert set(found["mood"]["6"]) == measures | plain
    for measure in measures:
        assert set(found["mood"]["6"][measure]) == {"mean", "sd"}
    assert found["mood"]["6"]["accuracy"]["mean"] == 1.0


def test_depths_are_rows_of_the_table(folder: Path) -> None:
    lines = run(folder, "--depths", "names,seeds", "--shots", "2", "--seeds", "2").splitlines()
    assert lines[0].split()[:3] == ["task", "depth", "shots"]
    assert [line.split()[:3] for line in lines[1:]] == [["mood", "names", "0"], ["mood", "seeds", "2"]]


def test_a_depth_that_stays_with_the_seeds_is_marked(folder: Path) -> None:
    command = [str(folder), "--shots", "0,2", "--seeds", "2", "--depths", "seeds,stream,deep"]
    said = CliRunner().invoke(evaluate_command, command)
    depths = [line.split()[1:3] for line in said.stdout.splitlines()[1:]]
    assert depths == [
        ["seeds", "0"],
        ["seeds", "2"],
        ["stream*", "0"],
        *depths[3:4],
        ["deep*", "0"],
        ["deep*", "2"],
    ]
    assert "stream 0 in 1 of 1 draws" in said.stderr
    assert "deep 0 in 1 of 1 draws, deep 2 in 2 of 2 draws" in said.stderr
    found = json.loads(run(*command, "--json"))["mood"]
    assert "promoted" not in found["2"]
    assert (found["deep 2"]["promoted"], found["stream 0"]["promoted"]) == (0, 0)


def test_a_support_file(folder: Path) -> None:
    (line,) = run(folder, "--support", "few.jsonl").splitlines()[1:]
    assert line.split()[:3] == ["mood", "seeds", "few.jsonl"]
    assert "100.0 ± 0.0 %" in line


def test_shots_that_would_draw_the_same_again_are_left_out_and_said(folder: Path) -> None:
    command = [str(folder), "--shots", "0,2,8,16,100", "--seeds", "1", "--json"]
    said = CliRunner().invoke(evaluate_command, command)
    assert list(json.loads(said.stdout)["mood"]) == ["0", "2", "8"]
    assert (
        "note: mood has at most 6 examples of a label: 8 takes them all, "
        "16 and 100 would be the same again and are left out" in said.stderr
    )
    asked = json.loads(said.stdout)["mood"]["8"]
    assert (asked["shots"], asked["most_seeds"]) == (8, 6)
    assert shots_note(folder, (0, 2, 6)) == ""
    assert shots_note(folder, (6, 8)).endswith(": 8 would be the same again and is left out")
    assert telling(["a", "a", "b"], (4, 0, 2, 1)) == (0, 2, 1)


def test_what_was_used_is_shown_where_more_was_asked_for(folder: Path) -> None:
    many = 99999999999999999999
    lines = run(folder, "--shots", f"2,{many}", "--seeds", "1").splitlines()[1:]
    assert [line.split()[2:4] for line in lines] == [["2", "100.0"], ["6", "(all)"]]
    assert str(many) not in "".join(lines)
    found = json.loads(run(folder, "--shots", f"2,{many}", "--seeds", "1", "--json"))
    assert [point[0] for point in curves(found["mood"])["seeds"]] == [2, 6]


def test_test_texts_that_also_stand_in_train_are_said(folder: Path) -> None:
    command = [str(folder), "--shots", "0,2", "--seeds", "1"]
    assert "test texts" not in CliRunner().invoke(evaluate_command, command).stderr
    (folder / "train.jsonl").write_bytes((folder / "test.jsonl").read_bytes())
    said = CliRunner().invoke(evaluate_command, [*command, "--json"])
    assert said.stderr.count("note: mood: 4 of 4 test texts also stand in train.jsonl: ") == 1
    row = json.loads(said.stdout)["mood"]["2"]
    assert (row["test_texts"], row["test_texts_seen"]) == (4, 4)


def test_notes_call_rows_what_the_table_calls_them(folder: Path) -> None:
    command = [str(folder), "--shots", "8", "--seeds", "1", "--depths", "stream"]
    said = CliRunner().invoke(evaluate_command, command, env={"COLUMNS": "200"})
    assert "6 (all)" in said.stdout
    assert "which stayed in use: stream 6 (all) in 1 of 1 draws" in said.stderr


def test_test_texts_in_train_flatter_nothing_where_nothing_is_learned_from_them(folder: Path) -> None:
    (folder / "train.jsonl").write_bytes((folder / "test.jsonl").read_bytes())
    for more, noted in ((("--shots", "0"), False), (("--shots", "1", "--seeds", "1"), True)):
        said = CliRunner().invoke(evaluate_command, [str(folder), *more])
        assert ("also stand in train.jsonl" in said.stderr) is noted


def test_the_learning_curve_is_drawn_beside_the_baseline(folder: Path, tmp_path: Path) -> None:
    picture = tmp_path / "curve.png"
    found = json.loads(run(folder, "--shots", "0,2,6", "--seeds", "2", "--plot", picture, "--json"))
    assert picture.read_bytes().startswith(PNG)
    assert list(found["mood"]) == ["0", "2", "6", "baseline 2", "baseline 6"]
    drawn = curves(found["mood"])
    assert {depth: [shots for shots, _, _ in points] for depth, points in drawn.items()} == {
        "seeds": [0, 2, 6],
        "baseline": [2, 6],
    }
    assert drawn["seeds"][2][1:] == (1.0, 0.0)


def test_what_cannot_be_drawn_is_told_before_anything_is_measured(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(LearnError, match=r"must end in \.pdf, \.png, \.svg"):
        run(folder, "--plot", tmp_path / "curve.txt")
    with pytest.raises(LearnError, match="does not exist: make it first"):
        run(folder, "--plot", tmp_path / "nowhere" / "curve.png")
    (tmp_path / "taken.png").mkdir()
    with pytest.raises(LearnError, match=r"taken\.png cannot be written: Is a directory"):
        check_picture(tmp_path / "taken.png")
    with pytest.raises(LearnError, match=r"/proc/curve\.png cannot be written: "):
        check_picture(Path("/proc/curve.png"))  # where not even root may write
    before = tmp_path / "before.png"
    before.write_bytes(PNG)
    check_picture(before)
    assert before.read_bytes() == PNG, "asking whether it can be written leaves it as it is"
    check_picture(tmp_path / "new.png")
    assert not (tmp_path / "new.png").exists()
    assert "--support has one point" in run(
        folder, "--plot", tmp_path / "c.png", "--support", "few.jsonl", code=2
    )


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_picture_that_fails_in_the_end_costs_no_results(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    picture = tmp_path / "curve.png"
    measure = evaluate.evaluate_folders

    def then_taken(*given: Any, **named: Any) -> Any:
        found = measure(*given, **named)
        picture.mkdir()
        return found

    monkeypatch.setattr(evaluate, "evaluate_folders", then_taken)
    command = [str(folder), "--shots", "2", "--seeds", "1", "--plot", str(picture), *more]
    result = CliRunner().invoke(evaluate_command, command)
    assert isinstance(result.exception, LearnError)
    assert "baseline" in result.stdout
    assert "The curve is in" not in result.output


def test_views_of_ones_own_stand_in_for_those_that_come_with_the_program(
    folder: Path, tmp_path: Path
) -> None:
    """These are a copy of them, so the figures are the same."""
    copy = tmp_path / "own.safetensors"
    copy.write_bytes(SHIPPED_VIEWS.read_bytes())
    own, shipped = (
        json.loads(run(folder, "--shots", "2", "--seeds", "1", "--json", *more))["mood"]["2"]
        for more in (("--views", copy), ())
    )
    assert own["log_loss"] == shipped["log_loss"]
    copy.write_bytes(b"cut")
    with pytest.raises(LearnError, match=r"own\.safetensors is damaged, or not a file of views"):
        run(folder, "--views", copy)
