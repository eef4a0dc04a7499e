"""Everything a training needs to go on exactly where it was, in one safetensors file."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from monitor.errors import LearnError
from monitor.learn.meta.train import ViewTrainer

log = logging.getLogger(__name__)

FORMAT = 1
KEPT = 2
"""So many checkpoints are kept: should the newest be damaged, the one before it is used."""


def save(folder: Path, trainers: Sequence[ViewTrainer], identity: Mapping[str, Any]) -> Path:
    """Write a checkpoint, whole or not at all, and let go of the oldest.

    :param identity: what a training that goes on must share with this one, JSON-able.
    :raises LearnError: it cannot be written; the ones before it stay.
    """
    tensors: dict[str, torch.Tensor] = {}
    plain: dict[str, Any] = {"format": FORMAT, "identity": identity, "views": {}}
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
    file = folder / f"checkpoint-{trainers[0].done:07d}.safetensors"
    part = file.with_suffix(".part")
    try:
        save_file(tensors, part, metadata={"training": json.dumps(plain)})
        part.replace(file)
    except (OSError, SafetensorError) as error:
        part.unlink(missing_ok=True)
        raise LearnError(
            f"the checkpoint {file} cannot be written ({error}): make room, then go on with --resume"
        ) from error
    for old in _found(folder)[KEPT:]:
        old.unlink()
    return file


def restore(folder: Path, trainers: Sequence[ViewTrainer], identity: Mapping[str, Any]) -> Path:
    """Bring trainers to where the newest readable checkpoint of ``folder`` was; returns its file.

    :raises LearnError: there is none, or it is of a training with other settings or texts.
    """
    files = _found(folder)
    if not files:
        raise LearnError(f"{folder} holds no checkpoint to go on from: start without --resume")
    for file in files:
        try:
            with safe_open(file, "pt") as opened:
                plain = json.loads((opened.metadata() or {})["training"])
                tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, ValueError, KeyError) as error:
            log.warning("%s is damaged (%s): going on from the one before it", file, error)
            continue
        if plain["format"] != FORMAT:
            raise LearnError(f"{file} has format {plain['format']}, this program reads {FORMAT}: start again")
        for key, value in identity.items():
            if plain["identity"].get(key) != json.loads(json.dumps(value)):
                raise LearnError(
                    f"{file} belongs to a training with another {key}: start one in another folder"
                )
        for trainer in trainers:
            _put(trainer, plain["views"][trainer.view], tensors)
        return file
    raise LearnError(f"no checkpoint in {folder} can be read: start without --resume")


def _put(trainer: ViewTrainer, plain: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, parameter in trainer.learned.items():
            start = f"{trainer.view}/{name}/"
            found = {
                key.removeprefix(start): value for key, value in tensors.items() if key.startswith(start)
            }
            parameter.copy_(found["now"])
            trainer.average[name].copy_(found["average"])
            trainer.optimiser.state[parameter] = {
                key.removeprefix("adam."): value if key == "adam.step" else value.to(parameter.device)
                for key, value in found.items()
                if key.startswith("adam.")
            }
    trainer.done = int(plain["done"])
    trainer.generator.bit_generator.state = plain["generator"]


def _found(folder: Path) -> list[Path]:
    """Checkpoints, the newest first."""
    return sorted(folder.glob("checkpoint-*.safetensors"), reverse=True)
