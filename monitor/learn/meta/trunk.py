"""The frozen encoder below every training, and the states it gave: several trainings may share one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from monitor.errors import LearnError
from monitor.learn.glosses import read_glossary
from monitor.learn.layers import stack
from monitor.learn.meta.states import States, compute_states
from monitor.learn.model import load, longest, placement
from monitor.learn.model_files import weights_digest, wordlists_for
from monitor.learn.tokens import Cut, cut, spelling, unknown_id
from monitor.learn.word_files import wordlists_digest


class Trunk:
    """A model whose lower layers give trainings the states they start from.

    :param encoder: the model's folder.
    :param device: ``auto``, or what torch understands.
    :param keep: remember states, for trainings that come after on the same texts.
    :raises LearnError: the model or the device cannot be used.
    """

    def __init__(self, encoder: Path, device: str = "auto", *, keep: bool = False) -> None:
        import torch

        self.folder, self.digest = encoder, weights_digest(encoder)
        self.device, _ = placement(device, "float32")
        model, self._tokenizer, self._pad = load(encoder, self.device, torch.float32)
        self._model = model.requires_grad_(False)
        self._tokenizer.no_padding()
        self._longest = longest(model, encoder)
        self._unknown = unknown_id(self._tokenizer)
        lists = wordlists_for(self.digest)
        self._glossary = read_glossary(*lists) if lists else None
        self.wordlists = wordlists_digest(*lists)
        self.layers = stack(model)
        self._kept: dict[str, States] | None = {} if keep else None

    @property
    def mask(self) -> str:
        """What the tokenizer reads as a word that is missing. Raises :class:`LearnError` where it has none."""
        for token in ("[MASK]", "<mask>"):
            if self._tokenizer.token_to_id(token) is not None:
                return token
        raise LearnError(f"the tokenizer of {self.folder} has no mask token: train without --unlabelled")

    def spelling(self, texts: Sequence[str], max_tokens: int) -> tuple[np.ndarray, np.ndarray]:
        """See :func:`monitor.learn.tokens.spelling`; of ``texts`` cut at ``max_tokens``."""
        self._tokenizer.enable_truncation(min(max_tokens, self._longest))
        return spelling([self._cut(text) for text in texts])

    def states(
        self,
        texts: Sequence[str],
        start: int,
        max_tokens: int,
        progress: Callable[[int], None] | None = None,
    ) -> States:
        """States of ``texts``, cut at ``max_tokens``, below layer ``start``; ``progress`` as each batch is done.

        :raises LearnError: the model has no layer ``start``.
        """
        if start >= len(self.layers):
            raise LearnError(
                f"start = {start}, but the encoder has {len(self.layers)} layers: "
                f"views need some for themselves, so make it {len(self.layers) - 1} or less"
            )
        key = hashlib.sha256(json.dumps([start, max_tokens, list(texts)]).encode()).hexdigest()
        if self._kept is not None and key in self._kept:
            return self._kept[key]
        self._tokenizer.enable_truncation(min(max_tokens, self._longest))
        found = compute_states(
            self._model,
            lambda text: self._cut(text).ids,
            self._pad,
            texts,
            start,
            self.device,
            progress,
        )
        if self._kept is not None:
            self._kept[key] = found
        return found

    def _cut(self, text: str) -> Cut:
        return cut(self._tokenizer, text, self._unknown, self._glossary)
