"""Texts to features: a frozen transformer, mean pooling, unit rows.

``torch`` and ``transformers`` are imported where a model is loaded or run, never with this module.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from monitor.errors import LearnError, UnknownName
from monitor.learn.model_files import (
    EMBEDDED_SHA256,
    embedded_folder,
    features_fingerprint,
    model_folder,
    one_line,
    quiet,
    weights_digest,
)

if TYPE_CHECKING:
    import torch

__all__ = ["EMBEDDED_SHA256", "MAX_TOKENS", "TransformerEncoder", "embedded_folder", "features_fingerprint"]

log = logging.getLogger(__name__)

MAX_TOKENS = 256
_CHARACTERS_PER_TOKEN = 32  # what lies beyond max_tokens times this is cut before it is tokenised
_LEAST_SHARE = 256  # tokens; smaller batches are not worth a thread
_TOKENS_PER_BATCH = {"cpu": 1024, "mps": 16384, "cuda": 131072}


class TransformerEncoder:
    """Encodes texts with any model that ``transformers`` can load.

    :param folder: a folder with weights, configuration and a fast tokenizer, or a model id
        (which ``transformers`` may download; a folder never causes a request).
    :param name: what messages call the encoder.
    :param sha256: the digest that ``model.safetensors`` must have.
    :param device: ``auto`` (cuda, then mps, then cpu) or what torch understands.
    :param max_tokens: a text is cut there, or at what the model can read if that is less.
    :param tokens_per_batch: padded tokens a batch may hold; ``None`` picks by device.
    :param dtype: ``auto`` (bfloat16 on GPUs that compute in it, else float32), ``float32``,
        ``bfloat16`` or ``float16``.
    :raises LearnError: the model cannot be loaded, or is not the one it should be.
    """

    views = ("base",)

    def __init__(
        self,
        folder: Path | str,
        *,
        name: str = "",
        sha256: str | None = None,
        device: str = "auto",
        max_tokens: int = MAX_TOKENS,
        tokens_per_batch: int | None = None,
        dtype: str = "auto",
    ) -> None:
        import torch

        self.name = name or Path(str(folder)).name
        if max_tokens < 3:
            raise LearnError(f"max_tokens is {max_tokens}, but an encoder needs at least 3")
        place = model_folder(folder)
        digest = weights_digest(place)
        if sha256 is not None and digest != sha256:
            raise LearnError(
                f"{place / 'model.safetensors'} is not the model it should be (sha256 {digest[:12]}..., "
                f"expected {sha256[:12]}...): install it again"
            )
        self.fingerprint = features_fingerprint(place, digest, max_tokens)
        self._device, self._dtype = _placement(device, dtype)
        self._model, self._tokenizer, self._pad = _load(place, self._device, self._dtype)
        self._tokenizer.enable_truncation(min(max_tokens, _longest(self._model, place)))
        self._tokenizer.no_padding()
        self._max_tokens = max_tokens
        self._budget = tokens_per_batch or _TOKENS_PER_BATCH.get(self._device.type, 8192)
        self.dimension = int(self._model.config.hidden_size)
        # On a CPU, threads that each run a batch of their own beat threads that share every
        # multiplication: they never wait for each other.
        self._threads = torch.get_num_threads()
        several = self._device.type == "cpu" and self._threads > 1
        self._workers = ThreadPoolExecutor(self._threads, "encoder") if several else None

    @property
    def device(self) -> str:
        """Where the model runs, such as ``cuda:0``."""
        return str(self._device)

    def encode(
        self,
        texts: Sequence[str],
        views: Sequence[str] = ("base",),
        *,
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, np.ndarray]:
        """Features by view, each ``(len(texts), dimension)``, float32, rows of length 1.

        Identical texts are encoded once. ``progress`` is called with the number of texts done
        since the last call. Raises :class:`UnknownName` for a view that does not exist.
        """
        for view in views:
            if view not in self.views:
                raise UnknownName("view of the encoder", view, self.views)
        distinct = list(dict.fromkeys(texts))
        rows = np.empty((len(distinct), self.dimension), np.float32)
        place = {text: row for row, text in enumerate(distinct)}
        inverse = np.fromiter((place[text] for text in texts), np.intp, len(texts))
        copies = np.bincount(inverse, minlength=len(distinct))
        tokens = self._tokenise(distinct)
        for batch, pooled in self._run(tokens):
            rows[batch] = pooled
            if progress is not None:
                progress(int(copies[batch].sum()))
        features = rows[inverse]
        return dict.fromkeys(views, features)

    def _tokenise(self, texts: Sequence[str]) -> list[list[int]]:
        limit = self._max_tokens * _CHARACTERS_PER_TOKEN
        # A lone surrogate is no character; the tokenizer would refuse it.
        clean = [text[:limit].encode("utf-8", "replace").decode("utf-8") for text in texts]
        # One by one: the tokenizer's own threads would fight torch's for the cores, and each keeps
        # what it once allocated.
        return [self._tokenizer.encode(text).ids for text in clean]

    def _run(self, tokens: list[list[int]]) -> Iterator[tuple[list[int], np.ndarray]]:
        """Batches of rows with their features, as they are done."""
        import torch

        batches = self._batches(tokens)
        if self._workers is None:
            yield from ((batch, self._features(tokens, batch)) for batch in batches)
            return
        torch.set_num_threads(1)
        running: list[Future[tuple[list[int], np.ndarray]]] = []
        try:
            running += [
                self._workers.submit(lambda batch: (batch, self._features(tokens, batch)), batch)
                for batch in batches
            ]
            for future in running:
                yield future.result()
        finally:
            for future in running:
                future.cancel()
            torch.set_num_threads(self._threads)

    def _batches(self, tokens: list[list[int]]) -> Iterator[list[int]]:
        """Rows for each batch, longest first: what does not fit in memory shows at once."""
        order = sorted(range(len(tokens)), key=lambda row: -len(tokens[row]))
        share = sum(map(len, tokens)) // self._threads if self._workers is not None else self._budget
        start = 0
        while start < len(order):
            longest = max(1, len(tokens[order[start]]))
            size = max(1, min(self._budget, max(share, _LEAST_SHARE)) // longest)
            yield order[start : start + size]
            start += size

    def _features(self, tokens: list[list[int]], batch: list[int]) -> np.ndarray:
        """Features of one batch; in two halves, and smaller batches from then on, where memory runs out."""
        import torch

        try:
            return _pool(self._model, [tokens[row] for row in batch], self._pad, self._device)
        except torch.cuda.OutOfMemoryError as error:
            if len(batch) == 1:
                raise LearnError(
                    f"encoder {self.name}: out of memory on {self._device} with a single text; "
                    "free some, or set device to cpu"
                ) from error
        tried = len(batch) * len(tokens[batch[0]])
        self._budget = max(1, min(self._budget, tried // 2))
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        log.warning("encoder %s: out of memory, going on with %d tokens a batch", self.name, self._budget)
        half = len(batch) // 2
        return np.vstack([self._features(tokens, batch[:half]), self._features(tokens, batch[half:])])


def _pool(model: Any, batch: Sequence[Sequence[int]], pad: int, device: torch.device) -> np.ndarray:
    """Mean of the last hidden states over each text's tokens, normalised: ``(len(batch), d)`` float32."""
    import torch

    lengths = np.fromiter(map(len, batch), np.int64, len(batch))
    width = max(1, int(lengths.max()))
    ids = np.full((len(batch), width), pad, np.int64)
    mask = np.arange(width) < lengths[:, None]
    ids[mask] = np.concatenate([np.asarray(row, np.int64) for row in batch])
    with torch.inference_mode():
        given = {"input_ids": torch.from_numpy(ids).to(device)}
        kept = torch.from_numpy(mask).to(device)
        if not mask.all():  # attention is faster without a mask
            given["attention_mask"] = kept.long()
        hidden = model(**given).last_hidden_state.float()
        weight = kept.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * weight).sum(1) / weight.sum(1).clamp(min=1)
        return np.asarray(torch.nn.functional.normalize(mean, dim=1).cpu().numpy())


def _placement(device: str, dtype: str) -> tuple[torch.device, torch.dtype]:
    import torch

    if device == "auto":
        device = (
            "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        )
    try:
        where = torch.device(device)
        torch.empty(1, device=where)
    except (RuntimeError, AssertionError) as error:
        raise LearnError(f"device {device!r} cannot be used (try auto or cpu): {one_line(error)}") from error
    if dtype == "auto":
        fast = where.type == "cuda" and torch.cuda.get_device_capability(where) >= (8, 0)
        return where, torch.bfloat16 if fast else torch.float32
    kinds = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if dtype not in kinds:
        raise UnknownName("precision", dtype, ("auto", *kinds))
    return where, kinds[dtype]


def _load(folder: Path, device: torch.device, dtype: torch.dtype) -> tuple[Any, Any, int]:
    """Model (in evaluation mode, on its device), bare tokenizer, and padding id."""
    with quiet():
        from transformers import AutoModel, AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, use_fast=True)
            model = AutoModel.from_pretrained(str(folder), local_files_only=True)
        except Exception as error:
            raise LearnError(f"{folder} cannot be loaded as an encoder: {one_line(error)}") from error
    if not tokenizer.is_fast:
        raise LearnError(f"{folder} has no fast tokenizer (tokenizer.json)")
    if model.config.is_encoder_decoder:
        model = model.get_encoder()
    return (
        model.eval().to(device=device, dtype=dtype),
        tokenizer.backend_tokenizer,
        tokenizer.pad_token_id or 0,
    )


def _longest(model: Any, folder: Path) -> int:
    """How many tokens the model can read."""
    longest = int(getattr(model.config, "max_position_embeddings", 0) or 0) or 10**6
    try:
        stated = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))["model_max_length"]
    except (OSError, ValueError, KeyError, TypeError):
        return longest
    return int(min(longest, stated))
