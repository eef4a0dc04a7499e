"""Texts to features: a transformer whose lower layers run once for all views, mean pooling, spelling, unit rows.

``torch`` and ``transformers`` are imported where a model is loaded or run, never with this module.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np

from monitor.errors import LearnError
from monitor.learn.glosses import read_glossary
from monitor.learn.layers import embed, padded, pool, run, stack
from monitor.learn.meta.states import compute_states
from monitor.learn.model import load, longest, placement
from monitor.learn.model_files import (
    EMBEDDED_SHA256,
    embedded_folder,
    features_fingerprint,
    model_folder,
    sha256_of,
    weights_digest,
    wordlists_for,
)
from monitor.learn.ngrams import beside
from monitor.learn.tokens import Cut, Reading, cut, spelling, unknown_id
from monitor.learn.tune import to_bytes, tune
from monitor.learn.upper import UpperLayers
from monitor.learn.views import (
    BASE,
    SHIPPED_VIEWS,
    SHIPPED_VIEWS_SHA256,
    ViewsFile,
    open_views,
    read_views,
    view_names,
)
from monitor.learn.word_files import read_wordlists
from monitor.types import legible

__all__ = [
    "EMBEDDED_SHA256",
    "MAX_TOKENS",
    "SHIPPED_VIEWS",
    "SHIPPED_VIEWS_SHA256",
    "Reading",
    "TransformerEncoder",
    "ViewsFile",
    "embedded_folder",
    "features_fingerprint",
    "open_views",
    "read_wordlists",
    "sha256_of",
    "view_names",
    "weights_digest",
    "wordlists_for",
]

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
    :param views: a file of views that meta-training wrote for this model, opened or not; without it there is
        only ``base``.
    :param views_sha256: the digest that this file must have, if it is not opened yet.
    :param device: ``auto`` (cuda, then mps, then cpu) or what torch understands.
    :param max_tokens: a text is cut there, or at what the model can read if that is less.
    :param tokens_per_batch: padded tokens a batch may hold; ``None`` picks by device.
    :param dtype: ``auto`` (:func:`monitor.learn.model.fastest`), ``float32``, ``bfloat16`` or ``float16``.
    :param wordlists: folders of lists by which texts in other languages are read word by word in English
        (:mod:`monitor.learn.glosses`); ``None``: those that come with the program, if it is the embedded model.
    :raises LearnError: the model cannot be loaded, or is not the one it should be.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        name: str = "",
        sha256: str | None = None,
        views: Path | ViewsFile | None = None,
        views_sha256: str | None = None,
        device: str = "auto",
        max_tokens: int = MAX_TOKENS,
        tokens_per_batch: int | None = None,
        dtype: str = "auto",
        wordlists: Sequence[Path] | None = None,
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
        learned = None if views is None else read_views(views, encoder=digest, sha256=views_sha256)
        lists = wordlists_for(digest) if wordlists is None else wordlists
        self.fingerprint = features_fingerprint(
            place, digest, max_tokens, learned.digest if learned else "", lists
        )
        self._glossary = read_glossary(*lists) if lists else None
        self._device, self._dtype = placement(device, dtype)
        self._model, self._tokenizer, self._pad = load(place, self._device, self._dtype)
        self._learned = learned
        self._upper = UpperLayers(self._model, learned)
        self.views = self._upper.views
        self._limit = min(max_tokens, longest(self._model, place))
        self._tokenizer.enable_truncation(self._limit)
        self._tokenizer.no_padding()
        self._unknown = unknown_id(self._tokenizer)
        self._longest_text = max_tokens * _CHARACTERS_PER_TOKEN
        self._budget = tokens_per_batch or _TOKENS_PER_BATCH.get(self._device.type, 8192)
        self.dimension = int(self._model.config.hidden_size)
        # On a CPU, threads that each run a batch of their own beat threads that share every
        # multiplication: they never wait for each other.
        self._threads = torch.get_num_threads()
        several = self._device.type == "cpu" and self._threads > 1
        self._workers = ThreadPoolExecutor(self._threads, "encoder") if several else None

    @classmethod
    def shipped(cls, **options: Any) -> TransformerEncoder:
        """The model and the views that come with the program; ``options`` are those of the constructor.

        :raises LearnError: a file is not the one that came.
        """
        given = {"name": "minilm", "sha256": EMBEDDED_SHA256}
        views = {"views": SHIPPED_VIEWS, "views_sha256": SHIPPED_VIEWS_SHA256}
        return cls(embedded_folder(), **{**given, **views, **options})

    @property
    def device(self) -> str:
        """Where the model runs, such as ``cuda:0``."""
        return str(self._device)

    def prior(self, labels: Sequence[str]) -> dict[str, float]:
        """What label names (with descriptions) say about the view that suits a task: log-odds by view."""
        if self._learned is None or not labels:
            return {}
        return self._learned.prior(self.encode(labels)[BASE])

    def encode(
        self,
        texts: Sequence[str],
        views: Sequence[str] = ("base",),
        *,
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, np.ndarray]:
        """Features by view, each float32, rows of length 1.

        ``base`` is ``(len(texts), dimension)``; views that were learned have the text's spelling beside
        (:mod:`monitor.learn.ngrams`), as far as their file says so. Identical texts are encoded once. ``progress``
        is called with the number of texts done since the last call. Raises :class:`UnknownName` for a view that
        does not exist.
        """
        self._upper.check(views)
        distinct = list(dict.fromkeys(texts))
        rows = {view: np.empty((len(distinct), self.dimension), np.float32) for view in views}
        place = {text: row for row, text in enumerate(distinct)}
        inverse = np.fromiter((place[text] for text in texts), np.intp, len(texts))
        copies = np.bincount(inverse, minlength=len(distinct))
        pieces = self._pieces(distinct)
        for batch, found in self._run(
            [one.ids for one in pieces], {view: self._upper[view] for view in views}
        ):
            for view, pooled in found.items():
                rows[view][batch] = pooled
            if progress is not None:
                progress(int(copies[batch].sum()))
        shares = {view: share for view in views if (share := self._upper.spelling(view))}
        if shares:
            spelt, beyond = spelling(pieces)
            rows |= {view: beside(rows[view], spelt, share, beyond) for view, share in shares.items()}
        return {view: found[inverse] for view, found in rows.items()}

    def reads(self, text: str) -> int:
        """See :meth:`monitor.interfaces.Encoder.reads`."""
        (piece,) = self._pieces([text])
        # What is shorter was read to its end, be it that the tokenizer lets the last of it fall.
        cut_off = len(piece.ids) >= self._limit or len(text) > self._longest_text
        return len(piece.text) if cut_off and legible(text[len(piece.text) :]) else len(text)

    def as_read(self, text: str) -> str:
        """See :meth:`monitor.interfaces.Encoder.as_read`."""
        return text if self._glossary is None else self._glossary.english(text).text

    def fine_tune(
        self,
        view: str,
        texts: Sequence[str],
        targets: np.ndarray,
        names: Sequence[str],
        parts: Sequence[np.ndarray],
        *,
        progress: Callable[[int], None] | None = None,
    ) -> list[bytes]:
        """See :meth:`monitor.interfaces.Encoder.fine_tune`. The model must be built like BERT."""
        self._upper.cut()
        start, every = self._upper.start, [*texts, *names]
        pieces = dict(zip(every, self._pieces(every), strict=True))
        states = compute_states(
            self._model, lambda text: pieces[text].ids, self._pad, every, start, self._device
        )
        layers = [layer.float() for layer in deepcopy(self._upper.whole(view))]
        changes = tune(layers, start, states, targets, len(names), parts, self._device, progress=progress)
        return [to_bytes(view, change) for change in changes]

    def offer(self, change: bytes) -> str:
        """See :meth:`monitor.interfaces.Encoder.offer`."""
        return self._upper.offer(change)

    def _pieces(self, texts: Sequence[str]) -> list[Cut]:
        # One by one: the tokenizer's own threads would fight torch's for the cores, and each keeps
        # what it once allocated.
        limit, unknown, glossary = self._longest_text, self._unknown, self._glossary
        return [cut(self._tokenizer, text[:limit], unknown, glossary) for text in texts]

    def _run(
        self, tokens: list[list[int]], layers: Mapping[str, Any]
    ) -> Iterator[tuple[list[int], dict[str, np.ndarray]]]:
        """Batches of rows with their features by view, as they are done; ``layers`` are those of the views."""
        import torch

        batches = self._batches(tokens)
        if self._workers is None:
            yield from ((batch, self._features(tokens, batch, layers)) for batch in batches)
            return
        torch.set_num_threads(1)
        running: list[Future[tuple[list[int], dict[str, np.ndarray]]]] = []
        try:
            running += [
                self._workers.submit(lambda batch: (batch, self._features(tokens, batch, layers)), batch)
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

    def _features(
        self, tokens: list[list[int]], batch: list[int], layers: Mapping[str, Any]
    ) -> dict[str, np.ndarray]:
        """Features of one batch; in two halves, and smaller batches from then on, where memory runs out."""
        import torch

        try:
            return self._forward([tokens[row] for row in batch], layers)
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
        parts = [self._features(tokens, part, layers) for part in (batch[:half], batch[half:])]
        return {view: np.vstack([part[view] for part in parts]) for view in layers}

    def _forward(self, batch: Sequence[Sequence[int]], layers: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Token ids to features by view, each ``(len(batch), d)`` float32: the trunk runs once."""
        import torch

        ids, mask = padded(batch, self._pad)
        with torch.inference_mode():
            given, kept = torch.from_numpy(ids).to(self._device), torch.from_numpy(mask).to(self._device)
            seen = None if mask.all() else kept  # attention is faster without a mask
            if None in layers.values():
                attention = {} if seen is None else {"attention_mask": seen.long()}
                hidden = self._model(input_ids=given, **attention).last_hidden_state
                return dict.fromkeys(layers, pool(hidden, kept).cpu().numpy())
            low = run(stack(self._model)[: self._upper.start], embed(self._model, given), seen)
            return {view: pool(run(own, low, seen), kept).cpu().numpy() for view, own in layers.items()}
