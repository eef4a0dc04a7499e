"""Loading a transformer: from a folder onto a device."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.errors import LearnError, UnknownName, one_line
from monitor.learn.model_files import quiet

if TYPE_CHECKING:
    import torch

_BFLOAT16_UNITS = ("amx_bf16", "avx512_bf16")


def placement(device: str, dtype: str) -> tuple[torch.device, torch.dtype]:
    """Where a model runs and in what precision; ``auto`` picks. Raises :class:`LearnError` for what is not there."""
    import torch

    if device == "auto":
        device = (
            "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        )
    try:
        where = torch.device(device)
        torch.empty(1, device=where)
    except (RuntimeError, AssertionError) as error:
        raise LearnError(
            f"device {device!r} cannot be used (try auto or cpu): {one_line(error, 200)}"
        ) from error
    if dtype == "auto":
        return where, fastest(where)
    kinds = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if dtype not in kinds:
        raise UnknownName("precision", dtype, ("auto", *kinds))
    return where, kinds[dtype]


def fastest(device: torch.device) -> torch.dtype:
    """bfloat16 where the hardware multiplies it faster, else float32.

    That is on GPUs since Ampere, and on CPUs with AMX (Intel) or AVX-512's bfloat16 (AMD since Zen 4). An older
    torch cannot tell what a CPU has.
    """
    import torch

    if device.type == "cuda":
        fast = torch.cuda.get_device_capability(device) >= (8, 0)
    else:
        tell = getattr(torch.cpu, "get_capabilities", None)
        there = tell() if device.type == "cpu" and tell is not None else {}
        fast = any(there.get(unit) for unit in _BFLOAT16_UNITS)
    return torch.bfloat16 if fast else torch.float32


def load(folder: Path, device: torch.device, dtype: torch.dtype) -> tuple[Any, Any, int]:
    """Model (in evaluation mode, on its device), bare tokenizer, and padding id."""
    with quiet():
        from transformers import AutoModel, AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, use_fast=True)
            model = AutoModel.from_pretrained(str(folder), local_files_only=True)
        except Exception as error:
            raise LearnError(f"{folder} cannot be loaded as an encoder: {one_line(error, 200)}") from error
    if not tokenizer.is_fast:
        raise LearnError(f"{folder} has no fast tokenizer (tokenizer.json)")
    if model.config.is_encoder_decoder:
        model = model.get_encoder()
    return (
        model.eval().to(device=device, dtype=dtype),
        tokenizer.backend_tokenizer,
        tokenizer.pad_token_id or 0,
    )


def longest(model: Any, folder: Path) -> int:
    """How many tokens the model can read."""
    positions = int(getattr(model.config, "max_position_embeddings", 0) or 0) or 10**6
    try:
        stated = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))["model_max_length"]
    except (OSError, ValueError, KeyError, TypeError):
        return positions
    return int(min(positions, stated))
