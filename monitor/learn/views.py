"""What meta-training learned, as a file: for each view a low-rank change of the encoder's upper layers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, deserialize

from monitor.errors import LearnError

if TYPE_CHECKING:
    import torch

FORMAT = 1
BASE = "base"
"""The view that every encoder has: the public model as it is."""
WEIGHTS = "views.safetensors"
_ROUTER = "router"
SHIPPED_VIEWS = Path(__file__).parent / "weights" / WEIGHTS
SHIPPED_VIEWS_SHA256 = "424c93a02b7701e77676e780231434b1c6085889b421a6d4b61e90e2e1d92a4a"
"""Of the file above; weights/MODEL_CARD.md says how it was made."""


@dataclass(frozen=True, eq=False)
class Views:
    """Changes by view and matrix, and what they belong to.

    ``spelling`` is the share that spelling has in a view's features (:mod:`monitor.learn.ngrams`; none where
    a view is left out). ``encoder`` is the sha256 of the weights they were learned over, ``start`` the first layer
    they change, ``families`` what each view practised on. ``router`` tells from a task's label
    names which view suits it: a weight ``(V, d)`` over ``base`` features and a bias ``(V,)``.
    ``digest`` identifies the file.
    """

    encoder: str
    start: int
    families: Mapping[str, tuple[str, ...]]
    changes: Mapping[str, Mapping[str, tuple[torch.Tensor, torch.Tensor]]]
    router: tuple[np.ndarray, np.ndarray]
    digest: str = ""
    spelling: Mapping[str, float] = field(default_factory=dict)

    def prior(self, names: np.ndarray) -> dict[str, float]:
        """Log-odds of each view for a task whose label names have the ``base`` features ``(L, d)``."""
        weight, bias = self.router
        scores = weight @ task_direction(names) + bias
        return {view: float(score) for view, score in zip(self.families, scores, strict=True)}


def task_direction(names: np.ndarray) -> np.ndarray:
    """What a router reads of a task: the mean of its labels' ``base`` features ``(L, d)``, length 1: ``(d,)``."""
    mean = names.mean(axis=0)
    found: np.ndarray = mean / max(float(np.linalg.norm(mean)), 1e-9)
    return found


@dataclass(frozen=True, eq=False)
class ViewsFile:
    """A file of views as it was when it was opened; what replaces it on disk later changes nothing here.

    ``digest`` is its sha256, ``plain`` what it says of itself.
    """

    place: Path
    data: bytes
    digest: str
    plain: Mapping[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """The views that an encoder with this file offers."""
        return (BASE, *self.plain["families"])


def open_views(file: Path, *, encoder: str | None = None, sha256: str | None = None) -> ViewsFile:
    """Read a file of views whole and check it, without loading what it takes to use it.

    :param encoder: sha256 of the weights of the encoder that they will be added to, where it is known.
    :param sha256: the digest that the file must have.
    :raises LearnError: it is missing, damaged, no such file, of another version, or made for another encoder.
    """
    try:
        data = file.read_bytes()
    except FileNotFoundError as error:
        raise LearnError(
            f"{file} does not exist: `views` names a file that `monitor meta-train` wrote"
        ) from error
    except OSError as error:
        raise LearnError(f"{file} cannot be read: {error.strerror}") from error
    digest = hashlib.sha256(data).hexdigest()
    if sha256 is not None and digest != sha256:
        raise LearnError(
            f"{file} is not what it should be (sha256 {digest[:12]}..., expected {sha256[:12]}...): "
            "install the monitor again"
        )
    try:
        names = {name for name, _ in deserialize(data)}  # type: ignore[no-untyped-call]
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        said = header.get("__metadata__", {}).get("views")
        if said is None:
            raise LearnError(
                f"{file} is not a file of views: name the {WEIGHTS} that `monitor meta-train` wrote"
            )
        plain = json.loads(said)
        if plain["format"] != FORMAT:
            raise LearnError(
                f"{file} has format {plain['format']}, this program reads {FORMAT}: train it again"
            )
        if encoder is not None and plain["encoder"] != encoder:
            raise LearnError(
                f"{file} was learned over another encoder ({plain['encoder'][:12]}..., this one is "
                f"{encoder[:12]}...): train it again for this one"
            )
        whole = {f"{_ROUTER}/weight", f"{_ROUTER}/bias"} | {
            name.removesuffix(".down") + ".up" for name in names if name.endswith(".down")
        }
        if not whole <= names or not isinstance(plain["families"], dict):
            raise ValueError("parts of it are missing")
        strange = {name.partition("/")[0] for name in names} - {_ROUTER, *plain["families"]}
        if strange:
            raise ValueError(f"it speaks of no view {sorted(strange)[0]!r}")
        _spelling(plain)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LearnError(f"{file} is damaged, or not a file of views: {error}") from error
    return ViewsFile(file, data, digest, plain)


def _spelling(plain: Mapping[str, Any]) -> dict[str, float]:
    """The share of spelling in each view; files of before there was any say nothing of it."""
    given = plain.get("spelling", {})
    if not isinstance(given, dict) or not all(
        isinstance(share, int | float) and 0 <= share < 1 for share in given.values()
    ):
        raise ValueError("spelling has a share that is none")
    return {view: float(given.get(view, 0.0)) for view in plain["families"]}


def view_names(file: Path) -> tuple[str, ...]:
    """The views that an encoder with this file offers, without loading it.

    Raises :class:`LearnError` where the file is none.
    """
    return open_views(file).names


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
    for part, array in zip(("weight", "bias"), views.router, strict=True):
        tensors[f"{_ROUTER}/{part}"] = torch.from_numpy(array.astype(np.float32))
    plain = {
        "format": FORMAT,
        "encoder": views.encoder,
        "start": views.start,
        "families": views.families,
        "spelling": views.spelling,
        "notes": notes,
    }
    unfinished = file.with_suffix(".part")
    save_file(tensors, unfinished, metadata={"views": json.dumps(plain)})
    unfinished.replace(file)


def read_views(file: Path | ViewsFile, *, encoder: str, sha256: str | None = None) -> Views:
    """Read what :func:`write_views` wrote.

    :param file: where it is, or the file as it was opened; then only its encoder is checked.
    :param encoder: sha256 of the weights of the encoder that they will be added to.
    :param sha256: the digest that the file must have.
    :raises LearnError: it is damaged, of another version, or made for another encoder.
    """
    import torch
    from safetensors.torch import load

    opened = open_views(file, encoder=encoder, sha256=sha256) if isinstance(file, Path) else file
    plain = opened.plain
    try:
        if plain["encoder"] != encoder:
            raise LearnError(f"{opened.place} was learned over another encoder: train it again for this one")
        tensors = load(opened.data)
        changes: dict[str, dict[str, tuple[torch.Tensor, torch.Tensor]]] = {v: {} for v in plain["families"]}
        for key, down in tensors.items():
            if key.endswith(".down"):
                view, _, name = key.removesuffix(".down").partition("/")
                changes[view][name] = (down, tensors[f"{view}/{name}.up"])
        families = {view: tuple(found) for view, found in plain["families"].items()}
        weight, bias = (tensors[f"{_ROUTER}/{part}"].numpy() for part in ("weight", "bias"))
        if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
            raise ValueError("it holds what are no numbers")
        spelling = _spelling(plain)
        place = (plain["encoder"], int(plain["start"]))
        return Views(*place, families, changes, (weight, bias), opened.digest, spelling)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise LearnError(f"{opened.place} is damaged: {error}") from error
