"""Everything a training needs to go on exactly where it was, in one safetensors file."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from monitor.errors import LearnError, one_line

if TYPE_CHECKING:
    import torch

    from monitor.learn.meta.train import ViewTrainer

log = logging.getLogger(__name__)

FORMAT = 1
KEPT = 2
"""So many checkpoints are kept: should the newest be damaged, the one before it is used."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What was read from a file. ``seconds`` is how long the training had taken by then."""

    file: Path
    done: int
    seconds: float
    views: Mapping[str, Mapping[str, Any]]
    tensors: Mapping[str, torch.Tensor]


def save(
    folder: Path, trainers: Sequence[ViewTrainer], identity: Mapping[str, Any], seconds: float = 0.0
) -> Path:
    """Write a checkpoint, whole or not at all, and let go of the oldest.

    :param identity: what a training that goes on must share with this one, JSON-able.
    :raises LearnError: it cannot be written; the ones before it stay.
    """
    import torch
    from safetensors.torch import save_file

    tensors: dict[str, torch.Tensor] = {}
    plain: dict[str, Any] = {"format": FORMAT, "identity": identity, "seconds": seconds, "views": {}}
    for trainer in trainers:
        for name, parameter in trainer.learned.items():
            found = {"now": parameter.detach(), "average": trainer.average[name]}
            for key, value in trainer.optimiser.state[parameter].items():
                found[f"adam.{key}"] = torch.as_tensor(value)
            for key, value in found.items():
                tensors[f"{trainer.view}/{name}/{key}"] = value.cpu().clone().contiguous()
        plain["views"][trainer.view] = {
            "done": trainer.done,
            "generator": trainer.generator.bit_generator.state,
        }
    plain["digest"] = _digest(tensors)
    file = folder / f"checkpoint-{trainers[0].done:07d}.safetensors"
    part = file.with_suffix(".part")
    try:
        save_file(tensors, part, metadata={"training": json.dumps(plain)})
        part.replace(file)
    except (OSError, SafetensorError) as error:
        part.unlink(missing_ok=True)
        raise LearnError(
            f"the checkpoint {file} cannot be written ({one_line(error, 200)}): make room, then go on with --resume"
        ) from error
    for old in _found(folder)[KEPT:]:
        old.unlink()
    return file


def holds_any(folder: Path) -> bool:
    """Whether a training left a checkpoint in a folder."""
    return bool(_found(folder))


def check(folder: Path, *, resume: bool) -> None:
    """Raise :class:`LearnError` where no training can go on in a folder, or, unless ``resume``, where one could."""
    if resume and not holds_any(folder):
        raise LearnError(f"{folder} holds no checkpoint to go on from: start without --resume")
    if not resume and holds_any(folder):
        raise LearnError(f"{folder} holds a training already: go on with --resume, or name another folder")


def read(folder: Path, identity: Mapping[str, Any]) -> Checkpoint:
    """The newest checkpoint of ``folder`` that is whole; a damaged one is passed over with a warning.

    :raises LearnError: there is none, or it is of a training with other settings or texts.
    """
    check(folder, resume=True)
    for file in _found(folder):
        try:
            plain, tensors = _read(file)
        except (SafetensorError, OSError, ValueError, KeyError) as error:
            log.warning("%s is damaged (%s): going on from the one before it", file, one_line(error, 200))
            continue
        if plain["format"] != FORMAT:
            raise LearnError(f"{file} has format {plain['format']}, this program reads {FORMAT}: start again")
        for key, value in identity.items():
            # What earlier programs did not write cannot be compared.
            if key in plain["identity"] and plain["identity"][key] != json.loads(json.dumps(value)):
                raise LearnError(
                    f"{file} belongs to a training with {_difference(key, plain['identity'][key], value)}: "
                    "start this one in another folder"
                )
        done = next(iter(plain["views"].values()))["done"]
        return Checkpoint(file, int(done), float(plain.get("seconds", 0.0)), plain["views"], tensors)
    raise LearnError(f"no checkpoint in {folder} can be read: start again in another folder")


def restore(checkpoint: Checkpoint, trainers: Sequence[ViewTrainer]) -> None:
    """Bring trainers to where those of a checkpoint were."""
    import torch

    for trainer in trainers:
        with torch.no_grad():
            for name, parameter in trainer.learned.items():
                start = f"{trainer.view}/{name}/"
                found = {
                    key.removeprefix(start): value
                    for key, value in checkpoint.tensors.items()
                    if key.startswith(start)
                }
                parameter.copy_(found["now"])
                trainer.average[name].copy_(found["average"])
                trainer.optimiser.state[parameter] = {
                    # A copy: what was read may be the file itself, mapped into memory.
                    key.removeprefix("adam."): value.clone().to(
                        "cpu" if key == "adam.step" else parameter.device
                    )
                    for key, value in found.items()
                    if key.startswith("adam.")
                }
        plain = checkpoint.views[trainer.view]
        trainer.done = int(plain["done"])
        trainer.generator.bit_generator.state = plain["generator"]


def _read(file: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    from safetensors import safe_open

    with safe_open(file, "pt") as opened:
        plain = json.loads((opened.metadata() or {})["training"])
        tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
    if plain.get("digest", found := _digest(tensors)) != found:
        raise ValueError("its numbers are not the ones that were written")
    return plain, tensors


def _digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """Of names and numbers; safetensors itself only notices a wrong length."""
    found = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(tensors.items()):
        found.update(name.encode())
        found.update(tensor.numpy().tobytes())
    return found.hexdigest()


def _difference(key: str, before: Any, now: Any) -> str:
    """What differs, as precisely as it can be said: ``steps = 100, not 200``."""
    if isinstance(before, dict) and isinstance(now, Mapping):
        for name in [*now, *before]:
            if before.get(name) != json.loads(json.dumps(now.get(name))):
                return f"{name} = {json.dumps(before.get(name))}, not {json.dumps(now.get(name))}"
    return f"other {key}" if key.endswith("s") else f"another {key}"


def _found(folder: Path) -> list[Path]:
    """Checkpoints, the newest first."""
    return sorted(folder.glob("checkpoint-*.safetensors"), reverse=True)
