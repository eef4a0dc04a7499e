"""Steps, checkpoints, and going on from them: exactly."""

from __future__ import annotations

import json
import math
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from monitor.errors import LearnError
from monitor.learn.meta import checkpoint
from monitor.learn.meta import train as module
from monitor.learn.meta.catalog import read_catalog
from monitor.learn.meta.pools import gather, make_pools, read_paraphrases
from monitor.learn.meta.settings import MetaSettings, read_settings
from monitor.learn.meta.train import ViewTrainer, rate_at, train
from monitor.learn.meta.trunk import Trunk
from tests.learn.meta.tiny import write_settings

IDENTITY = {"settings": {"steps": 6}, "texts": "these"}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def make(trunk: Trunk, catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Makes fresh trainers, one for each view."""
    file = write_settings(tmp_path_factory.mktemp("settings") / "meta.toml", steps=6)
    tasks = read_catalog(catalog, roles=["train"])
    gathered = gather(tasks, read_paraphrases())
    shared = trunk.states(gathered.texts, 2, 64)
    pools = {pool.task: pool for pool in make_pools(gathered, shared.base)}

    def made(**changes: Any) -> list[ViewTrainer]:
        settings: MetaSettings = read_settings(file).model_copy(update=changes)
        return [
            ViewTrainer(
                view,
                trunk.layers,
                [pools[t.name] for t in tasks if t.family in families],
                shared,
                settings,
                trunk.device,
            )
            for view, families in settings.views.items()
        ]

    return made


def run(trainers: list[ViewTrainer], steps: int) -> list[float]:
    losses: list[float] = []
    train(trainers, steps, lambda done, found: losses.extend(step.loss for step in found.values()))
    return losses


def numbers(trainers: list[ViewTrainer]) -> dict[str, torch.Tensor]:
    found = {}
    for trainer in trainers:
        for name, parameter in trainer.learned.items():
            found[f"{trainer.view}/{name}"] = parameter.detach()
            found[f"{trainer.view}/{name}/average"] = trainer.average[name]
            for key, value in trainer.optimiser.state[parameter].items():
                found[f"{trainer.view}/{name}/{key}"] = value
    return found


def assert_equal(one: list[ViewTrainer], other: list[ViewTrainer]) -> None:
    a, b = numbers(one), numbers(other)
    assert a.keys() == b.keys()
    assert len(a) > 100
    assert all(torch.equal(a[name], b[name]) for name in a)
    for left, right in zip(one, other, strict=True):
        assert left.done == right.done
        assert left.generator.bit_generator.state == right.generator.bit_generator.state


def test_going_on_is_as_if_it_had_never_stopped(make: Any, tmp_path: Path) -> None:
    whole, first, second = make(), make(), make()
    expected = run(whole, 6)
    losses = run(first, 3)
    checkpoint.save(tmp_path, first, IDENTITY, 12.5)
    found = checkpoint.read(tmp_path, IDENTITY)
    assert (found.done, found.seconds) == (3, 12.5)
    checkpoint.restore(found, second)
    assert_equal(first, second)
    losses += run(second, 6)
    assert losses == expected
    assert_equal(whole, second)


def test_the_seed_decides_and_views_do_not_disturb_each_other(make: Any) -> None:
    together, other = make(), make(seed=1)
    run(together, 1)
    run(other, 1)
    (alone,) = [trainer for trainer in make() if trainer.view == "sentiment"]
    run([alone], 1)
    assert_equal([trainer for trainer in together if trainer.view == "sentiment"], [alone])
    assert not torch.equal(together[0].learned["2.output.dense.up"], other[0].learned["2.output.dense.up"])


def test_a_short_training_learns(make: Any) -> None:
    (trainer,) = [trainer for trainer in make(warmup=0) if trainer.view == "topic"]
    before = trainer.generator.bit_generator.state
    losses = []
    for _ in range(5):  # the same episodes again and again
        trainer.generator.bit_generator.state = before
        losses.append(trainer.step().loss)
    assert losses[-1] < losses[0] - 0.1


@pytest.mark.parametrize("adversarial", [0.0, 0.05])
def test_out_of_memory_halves_the_batch_and_the_step_is_the_same(
    make: Any, adversarial: float, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Half precision rounds sums of other batches another way.
    usual, short = (make(adversarial=adversarial, precision="float32")[0] for _ in range(2))
    expected = usual.step()
    raised = 0
    plain = type(short.branch).__call__

    def fails_once(self: Any, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        nonlocal raised
        if not raised:
            raised += 1
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return plain(self, hidden, mask)

    monkeypatch.setattr(type(short.branch), "__call__", fails_once)
    found = short.step()
    assert raised == 1
    assert "out of memory on cpu: going on with" in caplog.text
    assert short.budget.halved
    assert short.budget.tokens < usual.budget.tokens
    assert short.generator.bit_generator.state == usual.generator.bit_generator.state  # the same episodes
    assert found.loss == pytest.approx(expected.loss, rel=1e-4)
    assert (found.accuracy, found.episodes) == (pytest.approx(expected.accuracy), expected.episodes)
    compared = 0
    for name, parameter in usual.learned.items():
        grad = short.learned[name].grad
        if parameter.grad is None:  # the scale of another head
            assert grad is None
            continue
        assert grad is not None
        torch.testing.assert_close(grad, parameter.grad, rtol=2e-3, atol=2e-5)
        compared += 1
    assert compared > 20


def test_half_precision_follows_the_same_slope(make: Any) -> None:
    whole, half = (make(precision=kind)[0] for kind in ("float32", "bfloat16"))
    expected, found = whole.step(), half.step()
    assert found.loss == pytest.approx(expected.loss, rel=0.02)
    slopes = [
        torch.cat([p.grad.flatten() for p in one.learned.values() if p.grad is not None])
        for one in (whole, half)
    ]
    assert torch.cosine_similarity(*slopes, dim=0) > 0.98
    assert not torch.equal(*slopes)
    assert {p.dtype for p in half.learned.values()} == {torch.float32}


def test_out_of_memory_for_good_is_one_line(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make()[0]

    def fails(self: Any, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(type(trainer.branch), "__call__", fails)
    with pytest.raises(LearnError, match="with a single text: make max_tokens or texts smaller"):
        trainer.step()


def test_every_head_takes_steps(make: Any) -> None:
    for head in ("ridge", "gradient"):
        trainer = make(head=head)[1]
        assert math.isfinite(trainer.step().loss)
        assert torch.isfinite(trainer.learned["3.output.dense.up"]).all()


def test_the_learning_rate_by_hand(make: Any) -> None:
    assert [rate_at(step, 10, 4) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert rate_at(4, 10, 4) == 1
    assert rate_at(7, 10, 4) == pytest.approx(0.5)
    assert rate_at(9, 10, 4) == pytest.approx(0.5 * (1 + math.cos(math.pi * 5 / 6)))
    assert rate_at(10, 10, 4) == pytest.approx(0)
    assert rate_at(99, 10, 4) == pytest.approx(0)
    assert rate_at(0, 1, 0) == 1
    assert rate_at(5, 5, 5) == 1  # warming up for all of it
    trainer = make()[0]
    for expected in (0.005, 0.01, 0.01):
        trainer.step()
        assert trainer.optimiser.param_groups[0]["lr"] == pytest.approx(expected)


def test_the_average_follows_by_hand(make: Any) -> None:
    trainer = make(average=0.1)[0]
    start = trainer.average["heat"].clone()
    trainer.step()
    slow = 1 / 11  # less than 0.1 at the first step
    torch.testing.assert_close(
        trainer.average["heat"], slow * start + (1 - slow) * trainer.learned["heat"].detach()
    )
    before = trainer.average["heat"].clone()
    trainer.step()
    torch.testing.assert_close(trainer.average["heat"], 0.1 * before + 0.9 * trainer.learned["heat"].detach())


# -- checkpoints ---------------------------------------------------------------------------


@pytest.fixture
def saved(make: Any, tmp_path: Path) -> Path:
    """Checkpoints after one step and after two."""
    trainers = make()
    for steps in (1, 2):
        run(trainers, steps)
        checkpoint.save(tmp_path, trainers, IDENTITY)
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_two_checkpoints_are_kept(make: Any, tmp_path: Path) -> None:
    trainer, other = make()
    trainer.step()
    for steps in (1, 2, 1_000_000):
        trainer.done = steps
        checkpoint.save(tmp_path, [trainer], IDENTITY)
    assert names(tmp_path) == ["checkpoint-0000002.safetensors", "checkpoint-1000000.safetensors"]
    assert checkpoint.read(tmp_path, IDENTITY).done == 1_000_000
    assert other.done == 0


@pytest.mark.parametrize("damage", ["cut", "empty", "numbers", "header"])
def test_a_damaged_checkpoint_is_passed_over(
    saved: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    newest = saved / "checkpoint-0000002.safetensors"
    content = bytearray(newest.read_bytes())
    if damage == "cut":
        del content[len(content) // 2 :]
    elif damage == "empty":
        content.clear()
    elif damage == "numbers":  # which safetensors itself does not notice
        content[-5] ^= 0xFF
    else:
        content[20] ^= 0xFF
    newest.write_bytes(content)
    assert checkpoint.read(saved, IDENTITY).done == 1
    assert "checkpoint-0000002.safetensors is damaged" in caplog.text
    (saved / "checkpoint-0000001.safetensors").write_bytes(b"")
    with pytest.raises(LearnError, match=r"no checkpoint in .* can be read"):
        checkpoint.read(saved, IDENTITY)


@pytest.mark.parametrize(
    ("identity", "said"),
    [
        ({"settings": {"steps": 7}, "texts": "these"}, r"with steps = 6, not 7: start this one in another"),
        ({"settings": {"steps": 6, "rate": 1}, "texts": "these"}, "with rate = null, not 1"),
        ({"settings": {"steps": 6}, "texts": "those"}, "with other texts"),
    ],
)
def test_another_training_is_refused(saved: Path, identity: dict[str, Any], said: str) -> None:
    with pytest.raises(LearnError, match=said) as caught:
        checkpoint.read(saved, identity)
    assert "\n" not in str(caught.value)


def test_what_an_older_program_did_not_write_is_not_compared(saved: Path) -> None:
    assert checkpoint.read(saved, {**IDENTITY, "encoder": "this"}).done == 2


def test_another_format_and_an_empty_folder_are_refused(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LearnError, match="holds no checkpoint to go on from: start without --resume"):
        checkpoint.read(tmp_path, IDENTITY)
    assert not checkpoint.holds_any(tmp_path)
    monkeypatch.setattr(checkpoint, "FORMAT", 99)
    trainers = make()[:1]
    run(trainers, 1)
    checkpoint.save(tmp_path, trainers, IDENTITY)
    monkeypatch.undo()
    with pytest.raises(LearnError, match="format 99, this program reads 1"):
        checkpoint.read(tmp_path, IDENTITY)


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk with little room, a real one where that can be had."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1100k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        _refuse_second(monkeypatch)
    yield place
    if not mounted.returncode:
        # Lazily: a checkpoint that was read may still be mapped.
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def _refuse_second(monkeypatch: pytest.MonkeyPatch) -> None:
    import safetensors.torch

    plain, calls = safetensors.torch.save_file, list[Any]()

    def save_file(tensors: Any, file: Path, metadata: Any) -> None:
        calls.append(file)
        if len(calls) > 1:
            Path(file).write_bytes(b"half")
            raise OSError(28, "No space left on device")
        plain(tensors, file, metadata=metadata)

    monkeypatch.setattr(safetensors.torch, "save_file", save_file)


def test_a_full_disk_leaves_the_last_good_checkpoint(make: Any, small_disk: Path) -> None:
    trainers = make()
    run(trainers, 1)
    checkpoint.save(small_disk, trainers, IDENTITY)
    free = os.statvfs(small_disk)
    (small_disk / "filler").write_bytes(b"x" * max(0, min(2**20, free.f_bavail * free.f_bsize) - 20_000))
    run(trainers, 2)
    with pytest.raises(
        LearnError, match=r"0000002.* cannot be written .*: make room, then go on with --resume"
    ) as caught:
        checkpoint.save(small_disk, trainers, IDENTITY)
    assert "\n" not in str(caught.value)
    assert names(small_disk) == ["checkpoint-0000001.safetensors", "filler"]
    assert checkpoint.read(small_disk, IDENTITY).done == 1
    again = make()
    checkpoint.restore(checkpoint.read(small_disk, IDENTITY), again)
    assert run(again, 2)
    assert_equal(again, trainers)


# -- settings ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("step = 3", "step: is not known here; known: adversarial, average, check_every, "),
        ("steps = 0", "steps: Input should be greater"),
        ("rate = inf", "rate: Input should be a finite number"),
        ("hold = { topic = nan }", "hold.topic: Input should be a finite number"),
        ("weights = { a = -1 }", "weights.a: Input should be greater"),
        ("rank = { topc = 4 }", "rank names view 'topc'; known: topic, sentiment"),
        ("hold = { x = 4 }", "hold names view 'x'"),
        ('views = { all = ["topic"] }', "view 'all' needs a rank"),
        ('views = { topic = [], sentiment = ["x"] }', "view 'topic' needs a family"),
        ('views = { base = ["topic"] }\nrank = { base = 3 }', "a view cannot be called 'base'"),
        ("steps =", "cannot be read"),
        ('head = "svm"', "head: Input should be 'prototype', 'ridge' or 'gradient'"),
    ],
)
def test_a_fault_of_the_settings_is_one_line(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "meta.toml"
    file.write_text(content)
    with pytest.raises(LearnError) as caught:
        read_settings(file)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings_that_say_nothing_are_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "meta.toml").write_text("")
    assert read_settings(tmp_path / "meta.toml") == read_settings(None) == MetaSettings()
    assert json.loads(json.dumps(read_settings(None).model_dump(mode="json")))["masked_words"] == 0
    shipped = Path(__file__).parents[3] / "benchmarks" / "meta" / "shipped.toml"
    assert read_settings(shipped).steps == 500


def test_pools_say_which_labels_are_alike(catalog: Path) -> None:
    (task,) = [task for task in read_catalog(catalog) if task.name == "desk"]
    gathered = gather([task], read_paraphrases())
    every = task.all()
    base = np.eye(len(gathered.texts), dtype=np.float32)
    (pool,) = make_pools(gathered, base)
    for label, own in enumerate(pool.rows):
        assert {gathered.texts[row] for row in own} == {
            text for text, target in zip(every.texts, every.targets, strict=True) if target == label
        }
    assert [gathered.texts[own[0]] for own in pool.names] == ["court", "money", "sport"]
    assert "a text about court" in [gathered.texts[row] for row in pool.names[0]]
    np.testing.assert_allclose(pool.near, np.eye(3), atol=1e-6)
    # a label with one text cannot be both learned and asked
    first = int(np.flatnonzero(task.train.targets == 2)[0])
    kept = (task.train.targets < 2) | (np.arange(len(task.train)) == first)
    lonely = replace(task, train=task.train.keep(kept), test=task.test.keep(task.test.targets < 2))
    assert len(gather([lonely], read_paraphrases()).rows["desk"]) == 2


def test_views_take_their_steps_side_by_side_and_errors_come_through(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainers = make()
    threads = torch.get_num_threads()

    def fails(self: ViewTrainer) -> Any:
        raise LearnError(self.view)

    monkeypatch.setattr(module.ViewTrainer, "step", fails)
    with pytest.raises(LearnError, match="topic"):
        train(trainers, 1, lambda done, found: None)
    assert torch.get_num_threads() == threads
