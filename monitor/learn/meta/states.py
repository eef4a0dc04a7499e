"""Hidden states at the top of the trunk, computed once: training never touches what lies below."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from monitor.errors import LearnError
from monitor.learn.layers import embed, padded, pool, run, stack

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

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

    Batches are the same whenever the texts are, so that the states are, too (save on a GPU whose
    memory runs out: there a batch is halved).

    :raises LearnError: memory runs out with a single text, or the model is not built like BERT.
    """
    import torch

    layers = stack(model)
    width = int(model.config.hidden_size)
    if not texts:
        return nothing(width)
    # A lone surrogate is no character; the tokenizer would refuse it.
    tokens = [tokenise(text.encode("utf-8", "replace").decode("utf-8")) for text in texts]
    lengths = np.fromiter(map(len, tokens), np.int64, len(tokens))
    ends = lengths.cumsum()
    values = np.empty((int(ends[-1]), width), np.float16)
    base = np.empty((len(texts), width), np.float32)
    order = np.argsort(-lengths, kind="stable")

    def compute(rows: np.ndarray) -> None:
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

    waiting = [order[begin : begin + _BATCH] for begin in range(0, len(order), _BATCH)][::-1]
    while waiting:
        rows = waiting.pop()
        try:
            compute(rows)
            continue
        except torch.cuda.OutOfMemoryError:
            if len(rows) == 1:
                raise LearnError(
                    f"out of memory on {device} with a single text: make max_tokens smaller in the settings, "
                    "free some, or use --device cpu"
                ) from None
        half = len(rows) // 2
        log.warning("out of memory on %s: reading %d texts at once instead", device, half)
        waiting += [rows[half:], rows[:half]]
        if device.type == "cuda":
            torch.cuda.empty_cache()
    return States(values, lengths, ends, base)


def nothing(width: int) -> States:
    """The states of no text."""
    none = np.empty(0, np.int64)
    return States(np.empty((0, width), np.float16), none, none, np.empty((0, width), np.float32))


def joined(first: States, second: States) -> States:
    """The states of the texts of both, those of ``first`` before those of ``second``."""
    if not len(second.lengths):
        return first
    lengths = np.concatenate([first.lengths, second.lengths])
    return States(
        np.concatenate([first.values, second.values]),
        lengths,
        lengths.cumsum(),
        np.concatenate([first.base, second.base]),
    )
