"""A transformer in two parts: a lower trunk that runs once, and upper layers, of which there may be several sets.

Every view of an encoder shares the trunk and has upper layers of its own: the public model's
(``base``), or those with a low-rank change (LoRA, Hu et al. 2021) that meta-training learned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np

from monitor.errors import LearnError

if TYPE_CHECKING:
    import torch

Change = Mapping[str, "tuple[torch.Tensor, torch.Tensor]"]
"""By matrix (``3.attention.self.query``): ``down (r, in)`` and ``up (out, r)``; the weight gains ``up @ down``."""


def stack(model: Any) -> Any:
    """The layers of a BERT-like model, in order. Raises :class:`LearnError` for other models."""
    layers = getattr(getattr(model, "encoder", None), "layer", None)
    if layers is None or not hasattr(model, "embeddings"):
        raise LearnError(f"{type(model).__name__} is not built like BERT: it has no views but base")
    return layers


def matrices(layers: Sequence[Any], start: int) -> dict[str, Any]:
    """The linear maps from layer ``start`` up, by name."""
    import torch

    return {
        f"{start + index}.{name}": module
        for index, layer in enumerate(layers[start:])
        for name, module in layer.named_modules()
        if isinstance(module, torch.nn.Linear)
    }


def changed(layers: Sequence[Any], start: int, change: Change) -> Any:
    """A copy of the layers from ``start`` up with the change added to their weights.

    Raises :class:`LearnError` where the change is not made for such layers.
    """
    import torch

    upper = torch.nn.ModuleList([deepcopy(layer) for layer in layers[start:]])
    known = matrices([*layers[:start], *upper], start)
    for name, (down, up) in change.items():
        module = known.get(name)
        if module is None or (up.shape[0], down.shape[1]) != tuple(module.weight.shape):
            raise LearnError(
                f"the learned change {name} does not fit this model: it was made for another one"
            )
        with torch.no_grad():
            weight = module.weight
            weight += (up.float() @ down.float()).to(device=weight.device, dtype=weight.dtype)
    return upper


def padded(batch: Sequence[Sequence[int]], pad: int) -> tuple[np.ndarray, np.ndarray]:
    """Token ids of several texts as one table: ids ``(n, t)`` int64, and which of them are tokens ``(n, t)``."""
    lengths = np.fromiter(map(len, batch), np.int64, len(batch))
    width = max(1, int(lengths.max()))
    ids = np.full((len(batch), width), pad, np.int64)
    mask = np.arange(width) < lengths[:, None]
    ids[mask] = np.concatenate([np.asarray(row, np.int64) for row in batch])
    return ids, mask


def embed(model: Any, ids: torch.Tensor) -> torch.Tensor:
    """Token ids ``(n, t)`` to the first layer's input ``(n, t, d)``."""
    found: torch.Tensor = model.embeddings(input_ids=ids)
    return found


def run(layers: Iterable[Any], hidden: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Hidden states ``(n, t, d)`` through layers. ``mask`` ``(n, t)`` says what is a token; ``None``: all are."""
    seen = None if mask is None else mask[:, None, None, :]  # attention is faster without a mask
    for layer in layers:
        out = layer(hidden, seen)
        hidden = out[0] if isinstance(out, tuple) else out
    return hidden


def pool(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over each text's tokens, scaled to length 1: ``(n, t, d)`` to ``(n, d)`` float32."""
    import torch

    weight = mask.unsqueeze(-1).to(torch.float32)
    mean = (hidden.float() * weight).sum(1) / weight.sum(1).clamp(min=1)
    return torch.nn.functional.normalize(mean, dim=1)
