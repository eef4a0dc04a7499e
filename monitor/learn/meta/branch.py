"""A view's own upper layers while they are trained: the public weights stay, a low-rank change learns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import torch

from monitor.learn.layers import matrices, pool, run
from monitor.learn.meta.objective import Scales

if TYPE_CHECKING:
    from monitor.learn.meta.states import States

_TOKENS_PER_BATCH = {"cpu": 2048, "cuda": 65536}


class LowRank(torch.nn.Module):
    """A frozen linear map plus ``up @ down`` (Hu et al. 2021). ``up`` starts at zero: no change."""

    def __init__(self, linear: Any, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        self.linear = linear
        outputs, inputs = linear.weight.shape
        down = torch.randn(rank, inputs, generator=generator) / math.sqrt(inputs)
        self.down = torch.nn.Parameter(down)
        self.up = torch.nn.Parameter(torch.zeros(outputs, rank))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.linear(x) + (x @ self.down.T) @ self.up.T
        return found


class Branch(torch.nn.Module):
    """Upper layers with low-rank changes, and the scales of the heads that are trained with them."""

    def __init__(self, layers: Sequence[Any], start: int, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        self.start = start
        self.upper = torch.nn.ModuleList([deepcopy(layer) for layer in layers[start:]])
        self.upper.requires_grad_(False)
        for name in matrices([*layers[:start], *self.upper], start):
            layer, _, path = name.partition(".")
            parent_path, _, leaf = path.rpartition(".")
            parent = self.upper[int(layer) - start].get_submodule(parent_path)
            setattr(parent, leaf, LowRank(getattr(parent, leaf), rank, generator))
        self.heat = torch.nn.Parameter(torch.tensor(math.log(12.0)))
        self.name = torch.nn.Parameter(torch.tensor(math.log(1.0)))
        self.ridge = torch.nn.Parameter(torch.tensor(math.log(0.5)))

    @property
    def scales(self) -> Scales:
        return Scales(self.heat, self.name, self.ridge)

    def learned(self) -> dict[str, torch.nn.Parameter]:
        """What training changes, by a name that lasts: ``3.attention.self.query.down`` and so on."""
        found = {}
        for name, parameter in self.named_parameters():
            if parameter.requires_grad:
                layer, _, rest = name.removeprefix("upper.").partition(".")
                found[f"{int(layer) + self.start}.{rest}" if rest else name] = parameter
        return found

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Hidden states ``(n, t, d)`` to features ``(n, d)``."""
        return pool(run(self.upper, hidden, mask), mask)


def batches(states: States, rows: Sequence[int], device: torch.device) -> Iterator[list[int]]:
    """Places in ``rows`` for each batch: texts of like length together, by a budget of padded tokens."""
    budget = _TOKENS_PER_BATCH.get(device.type, 8192)
    order = sorted(range(len(rows)), key=lambda place: -int(states.lengths[rows[place]]))
    begin = 0
    while begin < len(order):
        size = max(1, budget // int(states.lengths[rows[order[begin]]]))
        yield order[begin : begin + size]
        begin += size
