"""The few-shot benchmark: what it measures, that it resumes, and that the README shows what was measured."""

from __future__ import annotations

import json
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts of that folder import each other by name."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


def cell(task: str, split: str, method: str, draw: int, accuracy: float, **more: Any) -> dict[str, Any]:
    plain = {"accuracy": accuracy, "macro_f1": accuracy - 0.1, "adapt_seconds": 0.25, "commit": "abc1234"}
    return {"task": task, "split": split, "method": method, "draw": draw, **plain, **more}


def report(*cells: dict[str, Any], **more: Any) -> dict[str, Any]:
    run = {"date": "2026-01-31", "commit": "abc1234", "cells": len(cells)}
    machine = {"cpu": "a processor", "threads": 1}
    return {"role": "validation", "draws": 2, "machine": machine, "runs": [run], "cells": [*cells], **more}


PUBLISHED = {
    "figure": [
        {"method": "X", "model": "a model", "source": "a paper", "accuracy": {"a": {"5": 84.0, "all": 91.0}}},
        {"method": "Y", "model": "another", "source": "a page", "accuracy": {"elsewhere": {"5": 99.0}}},
    ]
}


def test_the_readme_shows_what_was_measured() -> None:
    found = import_module("fewshot_table")
    page = (ROOT / "README.md").read_text("utf-8")
    shown = found.readme_reports()
    if shown:
        expected = found.table([found.read_report(path) for path in shown], found.read_published())
        assert found.table_of(page) == expected
    else:
        assert found.BEGIN not in page
        assert found.END not in page


def test_the_table() -> None:
    found = import_module("fewshot_table")
    first = report(
        cell("b", "16", "seeds", 0, 0.8),
        cell("b", "8", "seeds", 0, 0.5),
        cell("b", "8", "seeds", 1, 0.6),
        cell("b", "8", "lr", 0, 0.4),
        cell("b", "8", "lr", 1, 0.4),
        cell("b", "names", "names", 0, 0.3),
        cell("a", "names", "names", 0, 0.2),
        cell("a", "published_5", "seeds", 0, 0.7),
        cell("a", "published_5", "lr", 0, 0.6, adapt_seconds=62.4),
    )
    second = report(cell("b", "16", "setfit", 0, 0.9, settings="num_iterations=20"))
    lines = found.table([first, second], PUBLISHED).splitlines()
    assert lines[:5] == [
        "| task | seeds a label | names | seeds | logistic regression | SetFit | published |",
        "| --- | --: | --: | --: | --: | --: | --- |",
        "| a | 5, published split | 20.0 | 70.0 | 60.0 | – | X 84.0, X 91.0 |",
        "| b | 8 | 30.0 | 55.0 ± 5.0 | 40.0 ± 0.0 | – |  |",
        "| b | 16 | 30.0 | 80.0 | – | 90.0* |  |",
    ]
    assert "SetFit with num_iterations=20" in "\n".join(lines)
    assert "a paper" in "\n".join(lines)
    assert "a page" not in "\n".join(lines)
    # over all rows, those that have them all; over the rows of a method that has two or more, those that have these
    assert [line for line in lines if line.startswith("| mean")] == [
        "| mean accuracy, 3 rows |  | 26.7 | 68.3 | – | – |  |",
        "| mean macro-F1, 3 rows |  | 16.7 | 58.3 | – | – |  |",
        "| mean accuracy, 2 rows that logistic regression has |  | 25.0 | 62.5 | 50.0 | – |  |",
        "| mean macro-F1, 2 rows that logistic regression has |  | 15.0 | 52.5 | 40.0 | – |  |",
    ]
    assert "| 0.25 (0.25) | 31 (62) |" in found.table([first], PUBLISHED)
    again = found.table([first, report(cell("a", "published_5", "lr", 0, 0.65))], PUBLISHED)
    assert "| a | 5, published split | 20.0 | 70.0 | 65.0 |" in again, "the last report counts"


def test_the_table_is_written_between_two_comments(tmp_path: Path) -> None:
    found = import_module("fewshot_table")
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- fewshot -->\nold\n<!-- /fewshot -->\nafter\n")
    found.write_table(page, "| new |\n\ntext")
    assert page.read_text() == "before\n<!-- fewshot -->\n| new |\n\ntext\n<!-- /fewshot -->\nafter\n"
    assert found.table_of(page.read_text()) == "| new |\n\ntext"
    page.write_text("nothing\n")
    with pytest.raises(click.ClickException, match="needs the lines <!-- fewshot -->"):
        found.write_table(page, "| new |")


def test_one_set_of_files_is_shown(tmp_path: Path) -> None:
    found = import_module("fewshot_table")
    paths = [tmp_path / f"fewshot-2026-01-31-{number}.json" for number in (1, 2, 3)]
    for path in paths:
        path.write_text(json.dumps(report()))
    assert found.readme_reports(tmp_path) == []
    found.mark(paths[:2], tmp_path)
    assert found.readme_reports(tmp_path) == paths[:2]
    found.mark(paths[2:], tmp_path)
    assert found.readme_reports(tmp_path) == paths[2:]


def test_exams_are_counted(tmp_path: Path) -> None:
    found = import_module("fewshot_table")
    runs = [{"commit": commit, "cells": cells} for commit, cells in (("a", 3), ("b", 1), ("a", 2), ("c", 0))]
    (tmp_path / "fewshot-1.json").write_text(json.dumps(report(role="exam", runs=runs)))
    (tmp_path / "floor.json").write_text(json.dumps({"role": "exam", "commit": "a"}))
    (tmp_path / "other.json").write_text(json.dumps(report()))
    (tmp_path / "speed.json").write_text(json.dumps({"commit": "a"}))
    assert found.count_exams(tmp_path) == 3
    assert found.count_exams() >= 1


def test_published_figures_say_where_they_are_from() -> None:
    found = import_module("fewshot_table").read_published()
    assert found["figure"]
    for figure in found["figure"]:
        assert figure["method"]
        assert figure["model"]
        assert figure["source"]
        for shots in figure["accuracy"].values():
            assert all(k == "all" or k.isdigit() for k in shots)
            assert all(10 < value < 100 for value in shots.values())


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    """Two tasks, one of which brings its draw."""
    place, words = tmp_path / "tasks", ("one", "two", "three", "four")
    rows = [(f"a terrible loss {w}", "bad") for w in words] + [(f"a great win {w}", "good") for w in words]
    tests = [("terrible", "bad"), ("a win", "good"), ("what a loss", "bad"), ("great", "good")]
    for name, files in (
        ("mood", {"train": rows, "test": tests}),
        ("split", {"train": rows, "test": tests, "published_1": [rows[0], rows[-1]]}),
    ):
        (place / name).mkdir(parents=True)
        for file, own in files.items():
            lines = (json.dumps({"text": text, "label": label}) for text, label in own)
            (place / name / f"{file}.jsonl").write_text("\n".join(lines))
    roles = {"mood": "validation", "split": "validation", "hidden": "exam"}
    (place / "catalog.toml").write_text("".join(f'[{n}]\nrole = "{r}"\n' for n, r in roles.items()))
    return place


def run(*arguments: object, code: int = 0) -> str:
    got = CliRunner().invoke(import_module("fewshot").main, list(map(str, arguments)))
    if got.exception is not None and not isinstance(got.exception, SystemExit):
        raise got.exception
    assert got.exit_code == code, got.output
    return got.output


def test_a_run_measures_each_cell_once(tasks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = tmp_path / "results"
    order = (tasks, "--role", "validation", "--date", "2026-01-31", "--shots", "2", "--results", results)
    monkeypatch.setattr(sys, "argv", ["fewshot.py", str(tasks), "--shots", "2"])
    run(*order, "--draws", 2, "--tasks", "mood", "--peers", "none")
    path = results / "fewshot-2026-01-31-1.json"
    before = json.loads(path.read_text())
    output = run(*order, "--draws", 2)
    after = json.loads(path.read_text())

    def keys(found: dict[str, Any]) -> list[tuple[Any, ...]]:
        return [tuple(cell[name] for name in ("task", "split", "method", "draw")) for cell in found["cells"]]

    mood = [("mood", "names", "names", 0), ("mood", "2", "seeds", 0), ("mood", "2", "seeds", 1)]
    assert set(keys(before)) >= set(mood)
    assert after["cells"][: len(before["cells"])] == before["cells"]
    assert len(set(keys(after))) == len(keys(after))
    assert set(keys(after)) >= {
        *mood,
        ("mood", "2", "lr", 1),
        ("split", "names", "names", 0),
        ("split", "published_1", "seeds", 0),
        ("split", "published_1", "lr", 0),
    }
    assert [run["cells"] for run in after["runs"]] == [
        len(before["cells"]),
        len(after["cells"]) - len(before["cells"]),
    ]
    assert after["role"] == "validation"
    assert after["runs"][0]["command"] == "python benchmarks/fewshot.py TASKS_DIR --shots 2"
    for found in after["cells"]:
        assert 0 <= found["macro_f1"] <= 1
        assert found["adapt_seconds"] > 0
        assert found["texts_per_second"] > 0
    assert "| split | 1, published split |" in output
    assert "has another draws" in run(*order, "--draws", 3, code=1)


def test_a_task_of_another_role_is_not_run(tasks: Path) -> None:
    order = (tasks, "--date", "2026-01-31", "--role", "validation")
    assert "no validation task is called 'hidden'; known: mood, split" in run(
        *order, "--tasks", "hidden", code=2
    )
    assert "no depth is called 'deeper'; known:" in run(*order, "--depths", "deeper", code=2)
    assert "no peer is called 'gpt'; known: fastfit, lr, setfit" in run(*order, "--peers", "gpt", code=2)
    assert "needs one TASKS_DIR, --role and --date" in run(tasks, code=2)


def test_peers_are_talked_to_in_json(tmp_path: Path) -> None:
    peers, script = import_module("fewshot_peers"), tmp_path / "peer.py"
    script.write_text(
        "import json, sys\n"
        "print('noise', file=sys.stderr)\n"
        "json.dump({'guesses': json.load(sys.stdin)['tests'][::-1]}, sys.stdout)\n"
    )
    assert peers.talk([sys.executable, str(script)], {"tests": ["a", "b"]}) == {"guesses": ["b", "a"]}
    script.write_text("raise RuntimeError('no such model')")
    with pytest.raises(click.ClickException, match=r"peer\.py failed, run by .*no such model"):
        peers.talk([sys.executable, str(script)], {})
    with pytest.raises(click.ClickException, match="cannot be run: No such file"):
        peers.talk([str(tmp_path / "python"), str(script)], {})


def test_setfit_is_told_how_many_pairs_only_where_seeds_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    peers, asked = import_module("fewshot_peers"), []

    def answer(ask: Any, peer: str, more: dict[str, Any]) -> dict[str, Any]:
        asked.append(more)
        return {"guesses": [], "adapt_seconds": 1.0, "label_seconds": 1.0}

    monkeypatch.setattr(peers, "answer", answer)
    found = [peers.setfit(peers.Ask(None, ROOT, [None] * n, [], None, 0, {}, 20)) for n in (100, 101)]
    assert asked == [{"iterations": None}, {"iterations": 20}]
    assert [f.settings for f in found] == ["", "num_iterations=20"]


def test_published_splits_of_the_table_are_numbers() -> None:
    table = import_module("fewshot_table")
    figures = tomllib.loads(table.PUBLISHED.read_text("utf-8"))["figure"]
    assert table._published({"figure": figures}, "banking77", "published_5").startswith(
        "ICDA 84.0, CPFT 80.9"
    )
    assert "FinBERT" in table._published({"figure": figures}, "financial_phrasebank_50agree", "8")


def test_every_option_of_the_ablation_is_a_training_that_could_run() -> None:
    found = import_module("ablation")
    recipe = found.read_settings(ROOT / "benchmarks" / "meta" / "shipped.toml")
    made = {option: found.settings_of(recipe, option, 1, 50, 48) for option in found.OPTIONS}
    plain = made.pop(found.RECIPE)
    assert (plain.seed, plain.steps, plain.texts) == (1, 50, 48)
    assert plain.weights == recipe.weights
    for option, settings in made.items():
        assert settings != plain, f"{option} changes nothing"


def test_the_ablation_table_compares_the_same_seeds() -> None:
    found = import_module("ablation")
    families = ("all", "topic", "intent", "sentiment")

    def training(option: str, seed: int, value: float) -> dict[str, Any]:
        figures = {f"{family}/{shots}/macro_f1": value for family in families for shots in ("0", "8")}
        return {"option": option, "seed": seed, "figures": figures}

    rows = found.table(
        [
            training("recipe", 0, 60.0),
            training("recipe", 1, 64.0),
            training("ridge head", 0, 61.0),
            training("ridge head", 1, 67.0),
            training("ridge head", 2, 10.0),
            training("one view for all", 1, 63.0),
        ]
    ).splitlines()
    assert rows[0].startswith("| | passes | all, names | topic, names |")
    assert rows[2].startswith("| recipe | 1.5 | 62.0 |")
    assert rows[3].startswith("| ridge head | 1.5 | +2.0 ± 1.0 |"), "the seed without a recipe does not count"
    assert rows[4].startswith("| one view for all | 1.0 | -1.0 |")
