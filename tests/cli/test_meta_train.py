"""``monitor meta-train`` on a tiny model and catalogue."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from monitor.cli import meta
from monitor.cli.meta import Lines
from tests.learn.meta.tiny import write_catalog, write_model, write_settings

SUBJECTS = ["judge", "lawyer", "jury", "team", "striker", "room", "phone", "food"]
NEWS = [
    f"the {subject} {verb} the {thing} in the town"
    for subject in SUBJECTS
    for verb in ("hears", "covers", "dries")
    for thing in ("case", "match", "hills")
]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, a catalogue and settings of four steps."""
    folder = tmp_path_factory.mktemp("parts")
    write_model(folder / "model")
    write_catalog(folder / "catalog")
    write_settings(folder / "meta.toml")
    return folder


@pytest.fixture
def words(parts: Path, tmp_path: Path) -> Callable[..., list[str]]:
    def made(*more: object, settings: str = "meta.toml") -> list[str]:
        given = ["--config", parts / settings, "--encoder", parts / "model", "--out", tmp_path / "out"]
        return [str(w) for w in ("meta-train", parts / "catalog", *given, "--device", "cpu", *more)]

    return made


def test_a_table_for_people_and_lines_where_there_is_no_terminal(
    monitor: Any, words: Any, parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lines, "EVERY", 3)
    said = monitor(*words())
    assert "validation task" in said.out
    assert "weather" in said.out
    assert f"The weights are in {tmp_path / 'out' / 'views.safetensors'}." in said.out
    lines = said.err.splitlines()
    assert "training: 8 of 8 steps to go" in lines
    steps = [line for line in lines if line.startswith("step ")]
    assert [line.split(":")[0] for line in steps] == ["step 3 of 8", "step 6 of 8", "step 8 of 8"]
    assert "topic loss" in steps[0]
    assert "sentiment loss" in steps[0]
    assert "steps/s" in steps[0]
    assert steps[-1].endswith("0s left")
    assert lines[-1].startswith("validation accuracy after step 8: weather/0 ")
    again = monitor(*words(), code=1)
    assert again.err.splitlines()[-1].endswith("go on with --resume, or name another folder")


def test_what_was_learned_can_be_evaluated(monitor: Any, words: Any, parts: Path, tmp_path: Path) -> None:
    monitor(*words())
    folder, model, views = (
        parts / "catalog" / "weather",
        parts / "model",
        tmp_path / "out" / "views.safetensors",
    )
    evaluate = ("evaluate", folder, "--shots", 2, "--seeds", 1, "--json")
    with_views = monitor(*evaluate, "--encoder", model, "--views", views).json[folder.name]["2"]
    without = monitor(*evaluate, "--encoder", model).json[folder.name]["2"]
    assert with_views["log_loss"] != without["log_loss"]
    said = monitor(*evaluate, "--views", views, code=1).err
    assert "was learned over another encoder" in said, "it is not the embedded one's"
    assert len(said.splitlines()) == 1
    said = monitor(*evaluate, "--encoder", model, "--views", tmp_path / "nothing", code=1).err
    assert "does not exist: `views` names a file that `monitor meta-train` wrote" in said
    checkpoint = next((tmp_path / "out").glob("checkpoint-*.safetensors"))
    said = monitor(*evaluate, "--encoder", model, "--views", checkpoint, code=1).err
    assert "is not a file of views: name the views.safetensors" in said


def test_json_is_the_report_and_resume_goes_on(monitor: Any, words: Any, tmp_path: Path) -> None:
    report = monitor(*words("--json")).json
    assert report == json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["steps"] == 8
    (tmp_path / "out" / "checkpoint-0000008.safetensors").unlink()
    before = load_file(tmp_path / "out" / "views.safetensors")
    (tmp_path / "out" / "views.safetensors").unlink()
    again = monitor(*words("--json", "--resume")).json
    assert again["validation"] == report["validation"]
    after = load_file(tmp_path / "out" / "views.safetensors")
    assert all(after[name].allclose(value, atol=1e-3) for name, value in before.items())


def test_ctrl_c_saves_and_says_how_to_go_on(monitor: Any, words: Any, parts: Path, tmp_path: Path) -> None:
    write_settings(parts / "long.toml", steps=60, save_every=50)
    command = [sys.executable, "-m", "monitor", *words(settings="long.toml")]
    process = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line.strip())
        if line.startswith("training: "):
            process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130, lines
    assert lines[-1].startswith("stopped after step ")
    assert lines[-1].endswith(" of 60: the same command with --resume goes on from there")
    (checkpoint,) = (tmp_path / "out").glob("checkpoint-*.safetensors")
    assert 0 < int(checkpoint.stem.rpartition("-")[2]) < 60
    said = monitor(*words("--resume", settings="long.toml"))
    assert "training: 60 of 60" not in said.err
    assert "steps to go" in said.err
    assert "weather" in said.out


@pytest.fixture
def listening() -> Iterator[None]:
    """Ctrl-C is heard, also where the tests run in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("listening")
def test_the_second_ctrl_c_ends_it_at_once() -> None:
    before = signal.getsignal(signal.SIGINT)
    with meta._until_interrupted() as stop:
        assert not stop()
        signal.raise_signal(signal.SIGINT)
        assert stop()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == before


def test_unlabelled_texts_of_a_file(monitor: Any, words: Any, tmp_path: Path) -> None:
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in NEWS))
    report = monitor(*words("--json", "--unlabelled", tmp_path / "texts.jsonl")).json
    assert report["masked_words"] == {"topic": 20, "sentiment": 20}
    assert report["settings"]["masked_words"] == 20


def test_unlabelled_texts_of_the_store(monitor: Any, words: Any) -> None:
    assert "there is no database at" in monitor(*words("--unlabelled", "store"), code=1).err.splitlines()[-1]
    monitor("db", "migrate")
    refused = monitor(*words("--unlabelled", "store"), code=1)
    assert "holds no documents: let the monitor read some, or name a file" in refused.err
    monitor.write("news.txt", "\n".join(NEWS) + "\n")
    monitor("sources", "fetch", "news")
    report = monitor(*words("--json", "--unlabelled", "store")).json
    assert report["masked_words"] == {"topic": 20, "sentiment": 20}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--unlabelled", "nowhere.txt"], "nowhere.txt does not exist"),
        (["--device", "abacus"], "device 'abacus' cannot be used"),
        (["--resume"], "holds no checkpoint to go on from: start without --resume"),
        (["--encoder", "nowhere"], "nowhere is not a model folder"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    monitor: Any, words: Any, tmp_path: Path, more: list[str], said: str
) -> None:
    got = monitor(*words(*more), code=1)
    assert said in got.err.splitlines()[-1]
    assert got.out == ""
    assert not (tmp_path / "out").exists(), "what cannot begin leaves no folder"


def test_a_catalogue_that_is_not_there_leaves_no_folder(monitor: Any, tmp_path: Path) -> None:
    got = monitor("meta-train", tmp_path / "nope", "--out", tmp_path / "new" / "out", code=1)
    assert "does not exist: it names the tasks to train on" in got.err
    assert not (tmp_path / "new").exists()


def test_a_rate_that_is_too_high_is_one_line_and_no_success(monitor: Any, words: Any, parts: Path) -> None:
    settings = (parts / "meta.toml").read_text().replace("rate = 0.01", "rate = 1e6")
    (parts / "high.toml").write_text(settings)
    got = monitor(*words(settings="high.toml"), code=1)
    assert "lower `rate`" in got.err.splitlines()[-1]
    assert got.out == ""


def test_settings_that_cannot_be_used_are_one_line(monitor: Any, words: Any, parts: Path) -> None:
    (parts / "bad.toml").write_text("stepps = 3")
    got = monitor(*words(settings="bad.toml"), code=1)
    assert "stepps: is not known here; known: " in got.err
    assert ", steps, " in got.err
    assert got.err.count("\n") == 1


# -- lines -----------------------------------------------------------------------------------


def test_lines_tell_means_rates_and_what_is_left() -> None:
    lines = Lines(100.0)
    assert lines.about("training", 0, 400, {}, 110.0) == ["training: 400 of 400 steps to go"]
    for step in range(1, 100):
        figures = {"topic/loss": float(step), "topic/accuracy": 0.5, "topic/held": 0.0}
        assert lines.about("training", step, 400, figures, 110.0 + step) == []
    found = lines.about("training", 100, 400, {"topic/loss": 100.0, "topic/accuracy": 1.0}, 210.0)
    assert found == ["step 100 of 400: topic loss 50.500 accuracy 50.5 %; 1.00 steps/s, 5m left"]
    found = lines.about("training", 101, 400, {"topic/loss": 1.0, "validation/x/8/accuracy": 0.25}, 211.0)
    assert found == ["validation accuracy after step 101: x/8 25.0 %"]


def test_lines_tell_each_tenth_of_the_reading() -> None:
    lines = Lines(0.0)
    found = [
        line for done in range(0, 1001, 10) for line in lines.about("reading texts", done, 1000, {}, 0.0)
    ]
    assert found == [f"reading texts: {done:,} of 1,000" for done in range(0, 1001, 100)]
    assert lines.about("reading the catalogue", 0, 1, {}, 0.0) == ["reading the catalogue"]
    assert lines.about("reading the catalogue", 1, 1, {}, 0.0) == []
