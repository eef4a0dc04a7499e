"""A view's own upper layers while they are trained: the public weights stay, a low-rank change learns."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np

from monitor.errors import LearnError
from monitor.learn.layers import matrices, pool, run
from monitor.learn.meta.objective import Scales

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

_TOKENS_PER_BATCH = {"cpu": 2048, "cuda": 65536}


def add_low_rank(
    linear: Any, rank: int, generator: torch.Generator, dtype: torch.dtype | None = None
) -> None:
    """Let a frozen linear map ``(out, in)`` have a change that learns: ``up @ down`` (Hu et al. 2021).

    It gets the parameters ``down (rank, in)``, random, and ``up (out, rank)``, zero: no change yet.

    :param dtype: what is multiplied in (``None``: the parameters' own). They stay as they are, and so do
        states and gradients between maps (mixed precision, Micikevicius et al. 2018).
    """
    import torch
    from torch.nn.functional import linear as times

    outputs, inputs = linear.weight.shape
    down = torch.randn(rank, inputs, generator=generator) / math.sqrt(inputs)
    linear.down = torch.nn.Parameter(down)
    linear.up = torch.nn.Parameter(torch.zeros(outputs, rank))

    def forward(given: torch.Tensor) -> torch.Tensor:
        weight, bias, down, up = (
            part.to(dtype or part.dtype) for part in (linear.weight, linear.bias, linear.down, linear.up)
        )
        rows = given.to(weight.dtype)
        found: torch.Tensor = times(rows, weight, bias) + times(times(rows, down), up)
        return found.to(given.dtype)

    linear.forward = forward


class Branch:
    """Upper layers with low-rank changes, and the scales of the heads that are trained with them.

    ``dtype`` is what they multiply in, as in :func:`add_low_rank`.
    """

    def __init__(
        self,
        layers: Sequence[Any],
        start: int,
        rank: int,
        generator: torch.Generator,
        device: torch.device,
        dtype: torch.dtype | None = None,
    ) -> None:
        import torch

        upper = torch.nn.ModuleList([deepcopy(layer) for layer in layers[start:]])
        upper.requires_grad_(False)
        for linear in matrices([*layers[:start], *upper], start).values():
            add_low_rank(linear, rank, generator, dtype)
        self.start, self.upper = start, upper.to(device)

        def scale(value: float) -> torch.nn.Parameter:
            return torch.nn.Parameter(torch.tensor(math.log(value), device=device))

        self.scales = Scales(heat=scale(12.0), name=scale(1.0), ridge=scale(0.5))

    def learned(self) -> dict[str, torch.nn.Parameter]:
        """What training changes, by a name that lasts: ``3.attention.self.query.down`` and so on."""
        found: dict[str, Any] = {name: getattr(self.scales, name) for name in ("heat", "name", "ridge")}
        for name, parameter in self.upper.named_parameters():
            if parameter.requires_grad:
                layer, _, rest = name.partition(".")
                found[f"{int(layer) + self.start}.{rest}"] = parameter
        return found

    def __call__(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Hidden states ``(n, t, d)`` to features ``(n, d)``."""
        return pool(run(self.upper, hidden, mask), mask)


class Budget:
    """How many padded tokens are computed at once on a device; halved where a GPU's memory runs out.

    ``halved`` says whether that has happened.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.tokens = _TOKENS_PER_BATCH.get(device.type, 8192)
        self.halved = False

    def batches(self, lengths: np.ndarray) -> list[list[int]]:
        """Places in ``lengths`` ``(n,)`` (tokens of each text) for each batch: texts of like length together."""
        order = sorted(range(len(lengths)), key=lambda place: -int(lengths[place]))
        found, begin = [], 0
        while begin < len(order):
            size = max(1, self.tokens // int(lengths[order[begin]]))
            found.append(order[begin : begin + size])
            begin += size
        return found

    def halve(self, lengths: np.ndarray) -> None:
        """Half as much at once from now on, because memory ran out with texts of ``lengths``.

        :raises LearnError: a batch held a single text already.
        """
        import torch

        tried = self.batches(lengths)
        if max(map(len, tried)) == 1:
            raise LearnError(
                f"out of memory on {self.device} with a single text: make max_tokens or texts smaller in the "
                "settings, free some, or use --device cpu"
            )
        largest = max(len(part) * int(lengths[part[0]]) for part in tried)
        self.tokens, self.halved = max(1, min(self.tokens, largest) // 2), True
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        log.warning("out of memory on %s: going on with %d tokens a batch", self.device, self.tokens)
