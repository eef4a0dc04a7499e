"""Fine-tuning: the loop of meta-training, on one task's own seeds.

The seeds are dealt into episodes (some to learn from, some to be asked), with the label names beside them,
and a low-rank change of a view's upper layers follows the loss, as when the views themselves
were learned (:mod:`monitor.learn.meta.train`). Trainings on several parts of the same seeds run
side by side.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError

from monitor.errors import LearnError
from monitor.learn.layers import Change
from monitor.learn.meta.episodes import Pool
from monitor.learn.meta.settings import MetaSettings
from monitor.learn.meta.states import States
from monitor.learn.meta.train import Step, ViewTrainer, train

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

STEPS, TEXTS, RATE, RANK = 30, 64, 5e-4, 16
"""Steps of training, texts a step, highest learning rate, and rank of the change."""
HOLD = 5.0
"""How much the view's similarities are kept: a few seeds must not turn everything over."""
FORMAT = 1


def tune(
    layers: Sequence[Any],
    start: int,
    states: States,
    targets: np.ndarray,
    labels: int,
    parts: Sequence[np.ndarray],
    device: torch.device,
    *,
    steps: int = STEPS,
    progress: Callable[[int], None] | None = None,
) -> list[dict[str, tuple[torch.Tensor, torch.Tensor]]]:
    """A change of ``layers`` from ``start`` up for each part of the seeds.

    :param states: hidden states below ``start`` of ``n`` seeds and then of the ``labels`` names.
    :param targets: the seeds' labels as numbers, ``(n,)``.
    :param parts: masks ``(n,)`` of the seeds that a change is learned from.
    :param progress: called with 1 after every step of all parts.
    :raises LearnError: a part has fewer than two labels with two seeds each, or memory runs out.
    """
    settings = MetaSettings(
        steps=steps,
        views={f"part{number}": ["task"] for number in range(len(parts))},
        rank={f"part{number}": RANK for number in range(len(parts))},
        hold={f"part{number}": HOLD for number in range(len(parts))},
        start=start,
        texts=TEXTS,
        rate=RATE,
        warmup=max(1, steps // 6),
        average=0.9,
        share=1.0,
        adversarial=0.0,
    )
    before = _features(layers, start, states, device)
    held = States(states.values, states.lengths, states.ends, before)
    trainers = []
    for (view, _), part in zip(settings.views.items(), parts, strict=True):
        pool = _pool(targets, labels, part, before)
        trainers.append(ViewTrainer(view, layers, [pool], held, settings, device))

    def after(done: int, found: dict[str, Step]) -> None:
        if progress is not None:
            progress(1)

    train(trainers, steps, after)
    changes = []
    for trainer in trainers:
        kept = trainer.kept()
        names = sorted(name.removesuffix(".up") for name in kept if name.endswith(".up"))
        changes.append({name: (kept[f"{name}.down"], kept[f"{name}.up"]) for name in names})
    return changes


def to_bytes(view: str, change: Change) -> bytes:
    """A change of ``view`` in safetensors format, in half precision."""
    import torch
    from safetensors.torch import save

    tensors = {
        f"{name}.{part}": tensor.detach().to(torch.float16).cpu().contiguous()
        for name, pair in change.items()
        for part, tensor in zip(("down", "up"), pair, strict=True)
    }
    return bytes(save(tensors, metadata={"change": json.dumps({"format": FORMAT, "view": view})}))


def from_bytes(data: bytes) -> tuple[str, dict[str, tuple[torch.Tensor, torch.Tensor]]]:
    """Read what :func:`to_bytes` wrote. Raises :class:`LearnError` for anything else."""
    from safetensors.torch import load

    try:
        tensors = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        plain = json.loads(header["__metadata__"]["change"])
        if plain["format"] != FORMAT:
            raise LearnError(
                f"the change has format {plain['format']}, this program reads {FORMAT}: adapt again"
            )
        names = [name.removesuffix(".up") for name in tensors if name.endswith(".up")]
        change = {name: (tensors[f"{name}.down"], tensors[f"{name}.up"]) for name in names}
        return str(plain["view"]), change
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise LearnError("the bytes of a fine-tuned view are damaged: adapt the task again") from error


def view_name(view: str, data: bytes) -> str:
    """What ``view`` is called with a change: ``topic+1f3a...``, the same for the same bytes."""
    return f"{view}+{hashlib.blake2b(data, digest_size=8).hexdigest()}"


def _features(layers: Sequence[Any], start: int, states: States, device: torch.device) -> np.ndarray:
    """Features ``(n, d)`` of the layers as they are; of half the texts at once where memory runs out."""
    import torch

    rows = np.empty((len(states.lengths), states.values.shape[1]), np.float32)
    order = np.argsort(-states.lengths, kind="stable")
    waiting = [order[begin : begin + TEXTS] for begin in range(0, len(order), TEXTS)][::-1]
    while waiting:
        part = waiting.pop()
        # The error keeps what fills the memory: let go of it before going on.
        with suppress(torch.cuda.OutOfMemoryError):
            rows[part] = _forward(layers[start:], states, part, device)
            continue
        if len(part) == 1:
            raise LearnError(f"out of memory on {device} with a single text: free some, or set device to cpu")
        half = len(part) // 2
        log.warning("out of memory on %s: fine-tuning looks at %d texts at once instead", device, half)
        waiting += [part[half:], part[:half]]
        if device.type == "cuda":
            torch.cuda.empty_cache()
    return rows


def _forward(layers: Sequence[Any], states: States, part: np.ndarray, device: torch.device) -> np.ndarray:
    import torch

    from monitor.learn.layers import pool, run

    with torch.inference_mode():
        hidden, mask = states.batch(part.tolist(), device)
        found: np.ndarray = pool(run(layers, hidden, mask), mask).cpu().numpy()
    return found


def _pool(targets: np.ndarray, labels: int, part: np.ndarray, features: np.ndarray) -> Pool:
    """What episodes are drawn from: labels with two seeds in ``part``; names come after the seeds."""
    rows = [np.flatnonzero(part & (targets == label)) for label in range(labels)]
    chosen = [label for label in range(labels) if len(rows[label]) >= 2]
    if len(chosen) < 2:
        raise LearnError("fine-tuning needs two labels with two seeds each")
    means = np.stack([features[rows[label]].mean(axis=0) for label in chosen])
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    return Pool(
        "task",
        tuple(rows[label] for label in chosen),
        tuple(np.array([len(targets) + label]) for label in chosen),
        means @ means.T,
    )
