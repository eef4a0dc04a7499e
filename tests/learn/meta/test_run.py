"""Whole trainings of a tiny model: what they write, and how they stop, go on and refuse."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from monitor.errors import LearnError, UnknownName
from monitor.learn.meta import parts
from monitor.learn.meta import run as module
from monitor.learn.meta.evaluate import by_label, scores
from monitor.learn.meta.report import processor
from monitor.learn.meta.run import MASKED_WORDS, Order, Stopped, meta_train
from monitor.learn.meta.settings import MetaSettings, read_settings
from monitor.learn.meta.track import read_metrics
from monitor.learn.meta.trunk import Trunk
from monitor.learn.model_files import weights_digest
from monitor.learn.views import read_views
from tests.learn.meta.tiny import TASKS, write_catalog, write_settings

SUBJECTS = ["judge", "lawyer", "jury", "team", "striker", "room", "phone", "food"]
UNLABELLED = [
    f"the {subject} {verb} the {thing} in the town"
    for subject in SUBJECTS
    for verb in ("hears", "covers", "dries")
    for thing in ("case", "match", "hills")
]


def settings(tmp_path: Path, steps: int = 4, save_every: int = 2, more: str = "") -> MetaSettings:
    return read_settings(write_settings(tmp_path / "meta.toml", steps, save_every, more))


@pytest.fixture
def order(catalog: Path, model_folder: Path, tmp_path: Path) -> Order:
    return Order([catalog], tmp_path / "out", model_folder, settings(tmp_path), device="cpu")


def quiet(what: str, done: int, total: int, figures: Mapping[str, float]) -> None:
    pass


def learned(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(sorted(folder.glob("checkpoint-*.safetensors"))[-1])


def stop_after(step: int) -> tuple[Callable[..., None], Callable[[], bool]]:
    """Progress, and a wish to stop during a step."""
    reached = False

    def progress(what: str, done: int, total: int, figures: Mapping[str, float]) -> None:
        nonlocal reached
        reached = reached or (what == module.TRAINING and done >= step - 1)

    return progress, lambda: reached


def test_a_training_writes_what_it_says(order: Order, trunk: Trunk, tmp_path: Path) -> None:
    said: list[tuple[str, int, int]] = []
    report = meta_train(
        order, lambda what, done, total, figures: said.append((what, done, total)), trunk=trunk
    )
    assert json.loads((order.out / "report.json").read_text()) == report
    views = read_views(order.out / "views.safetensors", encoder=weights_digest(order.encoder))
    assert views.families == {"topic": ("topic", "intent"), "sentiment": ("sentiment",)}
    assert views.start == 2
    down, up = views.changes["topic"]["3.output.dense"]
    assert (down.shape, up.shape) == ((4, 64), (32, 4))
    assert up.abs().max() > 0
    assert views.router[0].shape == (2, 32)
    rows = read_metrics(order.out)
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert set(rows[0]) == {
        "step",
        *(f"{v}/{n}" for v in ("topic", "sentiment") for n in ("loss", "accuracy", "held")),
    }
    assert "validation/weather/8/macro_f1" in rows[-1]
    assert (order.out / "curves.png").stat().st_size > 1000
    assert said[-1] == ("training", 4, 4)
    assert list(order.out.glob("*.part")) == []

    assert (report["seed"], report["steps"]) == (0, 4)
    assert report["seconds"] > 0
    machine = report["machine"]
    assert machine["device"] == "cpu"
    assert machine["torch"] == torch.__version__
    assert machine["processor"]
    assert machine["transformers"]
    assert set(report["tasks"]) == {"desk", "mood", "orders"}
    assert report["tasks"]["desk"] == {"licence": "CC0", "texts": 36}
    assert report["exam_tasks"]["names"] == ["votes"]
    assert report["left_out_texts"] == {"exactly": 0, "nearly": 0}
    assert list(report["validation"]["weather"]) == ["0", "8"]
    assert set(report["labels"]["weather"]["8"]) == {"rain", "sun"}
    assert report["labels"]["weather"]["0"]["rain"]["texts"] == 3
    assert report["masked_words"] == {}


def test_stopping_and_going_on_is_as_if_it_had_never_stopped(
    order: Order, trunk: Trunk, tmp_path: Path
) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        meta_train(order, quiet, trunk=trunk)
        other = replace(order, out=tmp_path / "other")
        progress, stop = stop_after(3)
        with pytest.raises(Stopped, match="stopped after step 3 of 4"):
            meta_train(other, progress, stop, trunk)
        assert (other.out / "checkpoint-0000003.safetensors").is_file()
        assert not (other.out / "report.json").exists()
        with (other.out / "metrics.jsonl").open("a") as file:  # what came after the checkpoint
            file.write('{"step": 4, "topic/loss": 99}\n{"ste')
        report = meta_train(replace(other, resume=True), quiet, trunk=trunk)
    finally:
        torch.set_num_threads(threads)
    one, two = learned(order.out), learned(other.out)
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert (order.out / "views.safetensors").read_bytes() == (other.out / "views.safetensors").read_bytes()
    assert read_metrics(order.out) == read_metrics(other.out)
    first = json.loads((order.out / "report.json").read_text())
    assert report["validation"] == first["validation"]
    # Going on from the end looks at the validation tasks again, and takes no step.
    again = meta_train(replace(other, resume=True), quiet, trunk=trunk)
    assert again["labels"] == first["labels"]
    assert all(torch.equal(two[name], tensor) for name, tensor in learned(other.out).items())


def test_stopping_before_the_training_begins(order: Order, trunk: Trunk) -> None:
    with pytest.raises(Stopped, match="before the training began"):
        meta_train(order, quiet, lambda: True, trunk)
    assert not order.out.exists()


def test_what_cannot_go_on_is_said_before_anything_is_computed(
    order: Order, trunk: Trunk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LearnError, match="holds no checkpoint"):
        meta_train(replace(order, resume=True), quiet, trunk=trunk)
    progress, stop = stop_after(1)
    with pytest.raises(Stopped):
        meta_train(order, progress, stop, trunk)

    def never(*args: Any) -> Any:
        raise AssertionError("states were computed")

    monkeypatch.setattr(trunk, "states", never)
    with pytest.raises(
        LearnError, match="holds a training already: go on with --resume, or name another folder"
    ):
        meta_train(order, quiet, trunk=trunk)
    with pytest.raises(LearnError, match="with steps = 4, not 5"):
        meta_train(replace(order, resume=True, settings=settings(tmp_path, 5)), quiet, trunk=trunk)
    with pytest.raises(LearnError, match="with masked_words = 0, not 20"):
        meta_train(replace(order, resume=True, unlabelled=UNLABELLED), quiet, trunk=trunk)
    other = write_catalog(tmp_path / "fewer", ["desk", "mood"])
    with pytest.raises(LearnError, match="with other texts"):
        meta_train(replace(order, resume=True, catalogs=[other]), quiet, trunk=trunk)
    monkeypatch.setattr(trunk, "digest", "another")
    with pytest.raises(LearnError, match="with another encoder"):
        meta_train(replace(order, resume=True), quiet, trunk=trunk)


def test_texts_of_exams_are_left_out_of_tasks_and_of_unlabelled_texts(
    order: Order, trunk: Trunk, tmp_path: Path
) -> None:
    folder = write_catalog(tmp_path / "catalog", ["desk", "mood", "votes"])
    with (folder / "votes/train.jsonl").open("a") as file:
        for text in ("I HATE the food!", "The judge hears the case, in the town"):
            file.write(json.dumps({"text": text, "label": "no"}) + "\n")
    outside = {"text": "Shareholders like the rally", "label": "none of these"}
    (folder / "votes/oos_test.jsonl").write_text(json.dumps(outside) + "\n")
    made = settings(tmp_path, 1, more="masked_words = 2\n")
    report = meta_train(
        replace(order, catalogs=[folder], settings=made, unlabelled=UNLABELLED), quiet, trunk=trunk
    )
    assert report["left_out"] == {
        "desk": {"exactly": 1, "nearly": 0},
        "mood": {"exactly": 1, "nearly": 0},
        "unlabelled": {"exactly": 1, "nearly": 0},
    }
    assert report["left_out_texts"] == {"exactly": 3, "nearly": 0}
    assert report["tasks"]["mood"]["texts"] == 23
    assert report["validation"] == {}  # there is no such task, and that is no fault
    assert report["masked_words"] == {"topic": 2, "sentiment": 2}


def test_unlabelled_texts_give_each_view_tasks_of_its_own(
    order: Order, trunk: Trunk, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []

    class Seen(parts.ViewTrainer):
        def __init__(self, view: str, layers: Any, pools: Any, *rest: Any) -> None:
            made.append((view, [pool.task for pool in pools], rest[0]))
            super().__init__(view, layers, pools, *rest)

    monkeypatch.setattr(parts, "ViewTrainer", Seen)
    progress, stop = stop_after(1)
    with pytest.raises(Stopped):
        meta_train(order, progress, stop, trunk)
    plain = dict.fromkeys(("topic", "sentiment"))
    for view, tasks, states in made:
        plain[view] = (tasks, states)
    made.clear()
    progress, stop = stop_after(1)
    with pytest.raises(Stopped):
        meta_train(replace(order, out=order.out / "b", unlabelled=UNLABELLED), progress, stop, trunk)
    for view, tasks, states in made:
        own, before = plain[view]
        assert tasks[: len(own)] == own
        assert tasks[len(own) :] == [f"masked_{view}_{n:03d}" for n in range(MASKED_WORDS)]
        assert len(states.lengths) > len(before.lengths)
        # What the catalogue says has the same numbers and states as without them.
        np.testing.assert_array_equal(states.base[: len(before.base)], before.base)


@pytest.mark.parametrize(
    ("more", "unlabelled", "said"),
    [
        ("masked_words = 3\n", (), "masked_words = 3 needs texts to mask words in: give --unlabelled"),
        ("", ("two words", "a text"), "no task can be made of the 2 unlabelled texts"),
    ],
)
def test_masked_words_need_texts(
    order: Order, trunk: Trunk, tmp_path: Path, more: str, unlabelled: tuple[str, ...], said: str
) -> None:
    made = replace(order, settings=settings(tmp_path, more=more), unlabelled=unlabelled)
    with pytest.raises(LearnError, match=said):
        meta_train(made, quiet, trunk=trunk)


def test_a_view_without_tasks_and_a_weight_of_no_task_are_one_line(
    order: Order, trunk: Trunk, tmp_path: Path
) -> None:
    only = write_catalog(tmp_path / "only", ["desk"])
    with pytest.raises(
        LearnError,
        match=r"families sentiment in the catalogue: view 'sentiment' cannot learn; those .* are of: topic$",
    ):
        meta_train(replace(order, catalogs=[only]), quiet, trunk=trunk)
    with pytest.raises(
        UnknownName, match="task to weigh is called 'dsk'; known: desk, mood, orders, weather"
    ):
        meta_train(
            replace(order, settings=settings(tmp_path, more="weights = { dsk = 2 }")), quiet, trunk=trunk
        )
    with pytest.raises(LearnError, match="view 'sentiment' has no task with a weight"):
        meta_train(
            replace(order, settings=settings(tmp_path, more="weights = { mood = 0 }")), quiet, trunk=trunk
        )
    heads = {"mood": 'family = "sentiment"\nrole = "train"\n'}  # may have a weight, though it does not ship
    folder = write_catalog(tmp_path / "licences", list(TASKS), heads)
    weighed = settings(tmp_path, more="weights = { mood = 2 }")
    with pytest.raises(LearnError, match="view 'sentiment' cannot learn"):
        meta_train(replace(order, catalogs=[folder], settings=weighed), quiet, trunk=trunk)


def test_a_weight_that_cannot_count_is_refused_and_one_that_does_not_here_is_named(
    order: Order, trunk: Trunk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    exam = settings(tmp_path, more="weights = { desk = 2, votes = 1.0 }")
    with pytest.raises(LearnError, match="weights names votes, which no training draws from: it is an exam"):
        meta_train(replace(order, settings=exam), quiet, trunk=trunk)
    later = settings(tmp_path, 1, more="weights = { desk = 2, weather = 2 }")
    meta_train(replace(order, settings=later), quiet, trunk=trunk)
    assert "weights of tasks that this training does not draw from: weather" in caplog.text


def test_a_wrong_family_is_told_before_any_text_is_read(order: Order, trunk: Trunk, tmp_path: Path) -> None:
    folder = write_catalog(tmp_path / "catalog", ["desk", "mood"])
    (folder / "desk/train.jsonl").write_text("no rows")
    made = settings(tmp_path).model_copy(update={"views": {"topic": ["topics"], "sentiment": ["sentiment"]}})
    with pytest.raises(LearnError, match=r"no task of the families topics .* are of: sentiment, topic$"):
        meta_train(replace(order, catalogs=[folder], settings=made), quiet, trunk=trunk)


def test_tasks_of_a_family_that_no_view_names_are_left_out_and_named(
    order: Order, trunk: Trunk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    views = {"topic": ["topic"], "sentiment": ["sentiment"]}
    made = settings(tmp_path, 1).model_copy(update={"views": views})
    report = meta_train(replace(order, settings=made), quiet, trunk=trunk)
    assert set(report["tasks"]) == {"desk", "mood"}
    assert report["untrained"] == {"orders": "left out: no view names the family intent"}
    assert "left out, because no view names their family: orders (intent)" in caplog.text


def test_a_disk_that_is_full_is_one_line(order: Order, trunk: Trunk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_views", full)
    with pytest.raises(
        LearnError, match=r"cannot be written to \(.*No space.*\): make room, then go on"
    ) as caught:
        meta_train(order, quiet, trunk=trunk)
    assert "\n" not in str(caught.value)
    assert (order.out / "checkpoint-0000002.safetensors").is_file()
    monkeypatch.undo()
    assert meta_train(replace(order, resume=True), quiet, trunk=trunk)["steps"] == 4


def test_a_training_that_diverges_ends_there_and_keeps_what_was_good(
    order: Order, trunk: Trunk, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Sick(parts.ViewTrainer):
        """Has a weight that is no number from the third step on."""

        def _gradient(self, *given: Any) -> Any:
            if self.done == 2 and self.view == "topic":
                next(iter(self.learned.values())).data.fill_(torch.nan)
            return super()._gradient(*given)

    monkeypatch.setattr(parts, "ViewTrainer", Sick)
    said = r"view 'topic' diverged at step 3 \(the loss is nan\): lower `rate`, which is 0\.01"
    with pytest.raises(LearnError, match=said):
        meta_train(order, quiet, trunk=trunk)
    assert [file.name for file in order.out.glob("checkpoint-*")] == ["checkpoint-0000002.safetensors"]
    assert all(tensor.isfinite().all() for tensor in learned(order.out).values())
    read_views(order.out / "views.safetensors", encoder=trunk.digest)
    assert [row["step"] for row in read_metrics(order.out)] == [1, 2]
    assert "NaN" not in (order.out / "metrics.jsonl").read_text()
    assert not (order.out / "report.json").exists()


def test_weights_that_no_file_can_hold_are_never_written(order: Order, trunk: Trunk, tmp_path: Path) -> None:
    much = settings(tmp_path).model_copy(update={"rate": 1e6})
    with pytest.raises(LearnError, match=r"diverged at step \d \(.*lower `rate`, which is 1e\+06"):
        meta_train(replace(order, settings=much), quiet, trunk=trunk)
    assert list(order.out.glob("*.safetensors")) == []


def test_a_folder_that_cannot_be_made_is_one_line(order: Order, trunk: Trunk, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LearnError, match="cannot be made"):
        meta_train(replace(order, out=tmp_path / "file" / "out"), quiet, trunk=trunk)


def test_figures_of_answers_by_hand() -> None:
    given = {
        "8": [
            (["a", "a", "b", "c"], ["a", "b", "b", "d"]),
            (["a", "a", "b", "c"], ["a", "a", "a", "c"]),
        ]
    }
    assert scores(given)["8"]["accuracy"] == pytest.approx((2 / 4 + 3 / 4) / 2)
    found = by_label(given)["8"]
    assert found["a"] == {"precision": 3 / 4, "recall": 3 / 4, "f1": pytest.approx(6 / 8), "texts": 2}
    assert found["b"] == {"precision": 1 / 2, "recall": 1 / 2, "f1": pytest.approx(2 / 4), "texts": 1}
    assert found["c"]["precision"] == 1
    assert found["c"]["recall"] == 1 / 2
    assert found["d"] == {"precision": 0, "recall": 0, "f1": 0, "texts": 0}


def test_the_processor_has_a_name(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor : 0\nmodel name\t: Some CPU @ 2 GHz\n")
    assert processor(tmp_path / "cpuinfo") == "Some CPU @ 2 GHz"
    assert processor(tmp_path / "nowhere")


def test_spelling_needs_no_training(order: Order, trunk: Trunk, tmp_path: Path) -> None:
    meta_train(order, quiet, trunk=trunk)
    other = settings(tmp_path).model_copy(update={"spelling": {"topic": 0.4}})
    meta_train(replace(order, settings=other, resume=True), quiet, trunk=trunk)
    found = read_views(order.out / "views.safetensors", encoder=trunk.digest)
    assert found.spelling == {view: 0.4 if view == "topic" else 0.0 for view in other.views}
