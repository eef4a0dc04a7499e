"""What meta-training learned, as a file: for each view a low-rank change of the encoder's upper layers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from monitor.errors import LearnError
from monitor.learn.model_files import sha256_of

if TYPE_CHECKING:
    import torch

FORMAT = 1
WEIGHTS = "views.safetensors"
SHIPPED = Path(__file__).parent / "weights" / WEIGHTS
SHIPPED_SHA256 = ""


@dataclass(frozen=True, eq=False)
class Views:
    """Changes by view and matrix, and what they belong to.

    ``encoder`` is the sha256 of the weights they were learned over, ``start`` the first layer
    they change, ``families`` what each view practised on, ``digest`` identifies the file.
    """

    encoder: str
    start: int
    families: Mapping[str, tuple[str, ...]]
    changes: Mapping[str, Mapping[str, tuple[torch.Tensor, torch.Tensor]]]
    digest: str = ""


def write_views(file: Path, views: Views, notes: Mapping[str, Any]) -> None:
    """Write views in half precision; ``notes`` (JSON-able) travel with them. The file appears whole or not at all."""
    import torch
    from safetensors.torch import save_file

    tensors = {
        f"{view}/{name}.{part}": tensor.to(torch.float16).cpu().contiguous()
        for view, change in views.changes.items()
        for name, pair in change.items()
        for part, tensor in zip(("down", "up"), pair, strict=True)
    }
    plain = {
        "format": FORMAT,
        "encoder": views.encoder,
        "start": views.start,
        "families": views.families,
        "notes": notes,
    }
    part = file.with_suffix(".part")
    save_file(tensors, part, metadata={"views": json.dumps(plain)})
    part.replace(file)


def read_views(file: Path, *, encoder: str, sha256: str | None = None) -> Views:
    """Read what :func:`write_views` wrote.

    :param encoder: sha256 of the weights of the encoder that they will be added to.
    :param sha256: the digest that the file must have.
    :raises LearnError: it is damaged, of another version, or made for another encoder.
    """
    from safetensors import safe_open

    try:
        digest = sha256_of(file)
        if sha256 is not None and digest != sha256:
            raise LearnError(
                f"{file} is not what it should be (sha256 {digest[:12]}..., expected {sha256[:12]}...): "
                "install the monitor again"
            )
        with safe_open(file, "pt") as opened:
            plain = json.loads((opened.metadata() or {})["views"])
            if plain["format"] != FORMAT:
                raise LearnError(
                    f"{file} has format {plain['format']}, this program reads {FORMAT}: train it again"
                )
            if plain["encoder"] != encoder:
                raise LearnError(
                    f"{file} was learned over another encoder ({plain['encoder'][:12]}..., this one is "
                    f"{encoder[:12]}...): train it again for this one"
                )
            changes: dict[str, dict[str, tuple[torch.Tensor, torch.Tensor]]] = {
                v: {} for v in plain["families"]
            }
            for key in opened.keys():  # noqa: SIM118  (not a dictionary)
                if key.endswith(".down"):
                    view, _, name = key.removesuffix(".down").partition("/")
                    up = opened.get_tensor(f"{view}/{name}.up")
                    changes[view][name] = (opened.get_tensor(key), up)
            families = {view: tuple(found) for view, found in plain["families"].items()}
            return Views(plain["encoder"], int(plain["start"]), families, changes, digest)
    except FileNotFoundError as error:
        raise LearnError(f"{file} does not exist") from error
    except (SafetensorError, ValueError, KeyError, TypeError, OSError) as error:
        raise LearnError(f"{file} is damaged: {error}") from error
