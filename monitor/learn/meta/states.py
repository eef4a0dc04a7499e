"""Hidden states at the top of the trunk, computed once: training never touches what lies below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from monitor.learn.layers import embed, padded, pool, run, stack

if TYPE_CHECKING:
    import torch

_BATCH = 64


@dataclass(frozen=True, eq=False)
class States:
    """For each text its hidden states ``(t, d)``, one after the other in ``values``, float16.

    Text ``i`` has the rows from ``ends[i] - lengths[i]`` to ``ends[i]``. ``base`` ``(n, d)`` are the
    public model's features.
    """

    values: np.ndarray
    lengths: np.ndarray
    ends: np.ndarray
    base: np.ndarray

    def batch(self, rows: Sequence[int], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """Hidden states ``(n, t, d)`` float32, padded with zeros, and which of them are tokens ``(n, t)``."""
        import torch

        lengths = self.lengths[list(rows)]
        mask = np.arange(int(lengths.max())) < lengths[:, None]
        hidden = np.zeros((*mask.shape, self.values.shape[1]), np.float16)
        hidden[mask] = np.concatenate(
            [self.values[self.ends[row] - self.lengths[row] : self.ends[row]] for row in rows]
        )
        return torch.from_numpy(hidden).to(device).float(), torch.from_numpy(mask).to(device)


def compute_states(
    model: Any,
    tokenise: Callable[[str], list[int]],
    pad: int,
    texts: Sequence[str],
    start: int,
    device: torch.device,
    progress: Callable[[int], None] | None = None,
) -> States:
    """States of ``texts`` after the first ``start`` layers of ``model``.

    Batches are the same whenever the texts are, so that the states are, too.
    """
    import torch

    layers = stack(model)
    tokens = [tokenise(text) for text in texts]
    lengths = np.fromiter(map(len, tokens), np.int64, len(tokens))
    ends = lengths.cumsum()
    width = int(model.config.hidden_size)
    values = np.empty((int(ends[-1]), width), np.float16)
    base = np.empty((len(texts), width), np.float32)
    order = np.argsort(-lengths, kind="stable")
    for begin in range(0, len(order), _BATCH):
        rows = order[begin : begin + _BATCH]
        ids, mask = padded([tokens[row] for row in rows], pad)
        with torch.inference_mode():
            kept = torch.from_numpy(mask).to(device)
            hidden = run(layers[:start], embed(model, torch.from_numpy(ids).to(device)), kept)
            base[rows] = pool(run(layers[start:], hidden, kept), kept).cpu().numpy()
            found = hidden.to(torch.float16).cpu().numpy()
        for place, row in enumerate(rows):
            values[ends[row] - lengths[row] : ends[row]] = found[place, : lengths[row]]
        if progress is not None:
            progress(len(rows))
    return States(values, lengths, ends, base)
