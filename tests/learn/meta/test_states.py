"""What is computed once and what is trained on top of it, against the plain model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from monitor.errors import LearnError
from monitor.learn.layers import changed
from monitor.learn.meta.branch import Branch, Budget, add_low_rank
from monitor.learn.meta.states import States, joined, nothing
from monitor.learn.meta.trunk import Trunk
from monitor.learn.model import load

CPU = torch.device("cpu")
TEXTS = [
    "the judge hears a lawsuit",
    "i love the room",
    "rain",
    "a striker scores in the final and fans cheer for the team, the match and the cup",
    "",
    "please stop it all",
]
START = 2


@pytest.fixture(scope="module")
def states(trunk: Trunk) -> States:
    return trunk.states(TEXTS, START, 12)


def plain(folder: Path, text: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Hidden states below layer ``START`` and the feature, as ``transformers`` has them."""
    model, tokenizer, _ = load(folder, CPU, torch.float32)
    tokenizer.enable_truncation(12)
    ids = torch.tensor([tokenizer.encode(text).ids])
    with torch.no_grad():
        found = model(input_ids=ids, output_hidden_states=True)
    mean = found.last_hidden_state[0].mean(0)
    return found.hidden_states[START][0], mean / mean.norm()


def test_states_are_the_plain_models(states: States, model_folder: Path) -> None:
    assert states.values.dtype == np.float16
    for row, text in enumerate(TEXTS):
        hidden, feature = plain(model_folder, text)
        own = states.values[states.ends[row] - states.lengths[row] : states.ends[row]]
        np.testing.assert_allclose(own, hidden.numpy(), rtol=2e-3, atol=2e-3)
        np.testing.assert_allclose(states.base[row], feature.numpy(), atol=1e-5)
    assert states.lengths.max() == 12  # cut


def test_a_batch_is_padded_and_in_the_order_asked_for(states: States) -> None:
    hidden, mask = states.batch([3, 2], CPU)
    assert mask.sum(1).tolist() == [12, 3]
    assert hidden.shape[:2] == (2, 12)
    assert (hidden[1, 3:] == 0).all()
    np.testing.assert_array_equal(
        hidden[1, :3].numpy(), states.values[states.ends[2] - 3 : states.ends[2]].astype(np.float32)
    )


def test_parts_that_are_joined_are_the_whole(trunk: Trunk, states: States) -> None:
    whole = joined(trunk.states(TEXTS[:4], START, 12), trunk.states(TEXTS[4:], START, 12))
    np.testing.assert_array_equal(whole.lengths, states.lengths)
    np.testing.assert_array_equal(whole.ends, states.ends)
    np.testing.assert_allclose(whole.values, states.values, atol=2e-3)
    np.testing.assert_allclose(whole.base, states.base, atol=1e-5)
    assert joined(states, nothing(32)) is states
    assert len(trunk.states([], START, 12).lengths) == 0


def test_what_is_no_text_is_read_all_the_same(trunk: Trunk) -> None:
    assert len(trunk.states(["broken \ud83d character"], START, 12).base) == 1


def test_a_trunk_remembers_what_it_read(trunk: Trunk, states: States, model_folder: Path) -> None:
    told: list[int] = []
    assert trunk.states(TEXTS, START, 12, told.append) is states
    assert told == []
    assert trunk.states(TEXTS, START, 11) is not states
    forgetful = Trunk(model_folder, "cpu")
    assert forgetful.states(TEXTS[:1], START, 12) is not forgetful.states(TEXTS[:1], START, 12)


def test_progress_counts_every_text(model_folder: Path) -> None:
    told: list[int] = []
    Trunk(model_folder, "cpu").states(
        [f"{text} {n}" for n in range(30) for text in TEXTS], 1, 12, told.append
    )
    assert sum(told) == 180
    assert len(told) > 1


def test_views_need_layers(trunk: Trunk) -> None:
    with pytest.raises(LearnError, match=r"start = 4, but the encoder has 4 layers.*make it 3 or less"):
        trunk.states(TEXTS, 4, 12)


def test_reading_in_halves_where_memory_runs_out(
    states: States, model_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from monitor.learn.meta import states as module

    plain_embed, sizes = module.embed, list[int]()

    def embed(model: Any, ids: torch.Tensor) -> torch.Tensor:
        sizes.append(len(ids))
        if len(ids) > 2:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return plain_embed(model, ids)

    monkeypatch.setattr(module, "embed", embed)
    found = Trunk(model_folder, "cpu").states(TEXTS, START, 12)
    np.testing.assert_allclose(found.base, states.base, atol=1e-5)
    np.testing.assert_allclose(found.values, states.values, atol=2e-3)
    assert sizes[0] == 6
    assert "out of memory on cpu: reading 3 texts at once instead" in caplog.text
    monkeypatch.setattr(module, "embed", lambda model, ids: embed(model, ids.repeat(3, 1)))
    with pytest.raises(LearnError, match="with a single text"):
        Trunk(model_folder, "cpu").states(TEXTS, START, 12)


def make_branch(trunk: Trunk, rank: int = 4) -> Branch:
    return Branch(trunk.layers, START, rank, torch.Generator().manual_seed(1), CPU)


def test_a_branch_starts_as_the_public_model(trunk: Trunk, states: States) -> None:
    with torch.no_grad():
        found = make_branch(trunk)(*states.batch(range(len(TEXTS)), CPU))
    np.testing.assert_allclose(found.numpy(), states.base, atol=2e-3)


def test_only_the_change_and_the_scales_learn_and_the_trunk_is_left_alone(
    trunk: Trunk, states: States
) -> None:
    before = [parameter.clone() for layer in trunk.layers for parameter in layer.parameters()]
    branch = make_branch(trunk)
    learned = branch.learned()
    assert list(learned)[:3] == ["heat", "name", "ridge"]
    assert {name.partition(".")[0] for name in learned} == {"heat", "name", "ridge", "2", "3"}
    assert learned["2.attention.self.query.down"].shape == (4, 32)
    assert learned["3.intermediate.dense.up"].shape == (64, 4)
    optimiser = torch.optim.SGD(learned.values(), lr=1.0)
    for _ in range(2):  # down only learns once up is not zero
        optimiser.zero_grad()
        branch(*states.batch([0, 1, 2], CPU))[:, 0].sum().backward()
        optimiser.step()
    moved = branch.learned()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for name, p in moved.items() if "." in name)
    after = [parameter for layer in trunk.layers for parameter in layer.parameters()]
    assert len(before) == len(after)  # no down and up in the trunk
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_branch_is_what_the_encoder_will_make_of_its_change(trunk: Trunk, states: States) -> None:
    from monitor.learn.layers import pool, run

    branch = make_branch(trunk)
    with torch.no_grad():
        for name, parameter in branch.learned().items():
            if name.endswith(".up"):
                parameter.normal_(std=0.2, generator=torch.Generator().manual_seed(2))
        learned = branch.learned()
        names = [name.removesuffix(".up") for name in learned if name.endswith(".up")]
        change = {name: (learned[f"{name}.down"], learned[f"{name}.up"]) for name in names}
        hidden, mask = states.batch(range(len(TEXTS)), CPU)
        merged = pool(run(changed(trunk.layers, START, change), hidden, mask), mask)
        found = branch(hidden, mask)
    np.testing.assert_allclose(found.numpy(), merged.numpy(), atol=1e-5)
    assert np.abs(found.numpy() - states.base).max() > 0.05


def test_low_rank_by_hand() -> None:
    linear = torch.nn.Linear(5, 3)
    add_low_rank(linear, 2, torch.Generator().manual_seed(0))
    x = torch.arange(10.0).reshape(2, 5)
    with torch.no_grad():
        assert torch.equal(linear(x), x @ linear.weight.T + linear.bias)
        linear.up.copy_(torch.tensor([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]]))
        expected = x @ (linear.weight + linear.up @ linear.down).T + linear.bias
        torch.testing.assert_close(linear(x), expected)
    again = torch.nn.Linear(5, 3)
    add_low_rank(again, 2, torch.Generator().manual_seed(0))
    assert torch.equal(again.down, linear.down)


def test_low_rank_in_half_precision() -> None:
    linear, half = torch.nn.Linear(64, 48), torch.nn.Linear(64, 48)
    half.load_state_dict(linear.state_dict())
    for one, dtype in ((linear, None), (half, torch.bfloat16)):
        add_low_rank(one, 4, torch.Generator().manual_seed(0), dtype)
        one.up.data.normal_(generator=torch.Generator().manual_seed(1))
    x = torch.randn(9, 64, generator=torch.Generator().manual_seed(2))
    expected, found = linear(x), half(x)
    assert found.dtype == half.up.dtype == torch.float32
    # Eight bits each: of the inputs, the weights, what they give and the sum.
    assert 0 < (found - expected).norm() / expected.norm() < 4 * 2**-8


def test_batches_hold_every_text_once_within_the_budget() -> None:
    budget = Budget(CPU)
    lengths = np.random.default_rng(0).integers(1, 90, 200)
    parts = budget.batches(lengths)
    assert sorted(place for part in parts for place in part) == list(range(200))
    assert all(len(part) * lengths[part].max() <= budget.tokens for part in parts)
    budget.tokens = 10
    assert max(map(len, budget.batches(np.array([50, 60, 3, 3, 3, 3])))) == 3


def test_a_budget_is_halved_down_to_single_texts(caplog: pytest.LogCaptureFixture) -> None:
    budget = Budget(CPU)
    lengths = np.full(8, 10)
    for expected in (40, 20, 10):
        budget.halve(lengths)
        assert budget.tokens == expected
        assert f"going on with {expected} tokens a batch" in caplog.text
    assert budget.halved
    with pytest.raises(LearnError, match="out of memory on cpu with a single text"):
        budget.halve(lengths)
