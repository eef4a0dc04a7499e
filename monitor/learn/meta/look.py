"""Looking at validation tasks on the way: what would be kept, were training to end here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from monitor.learn.meta.catalog import MetaTask
from monitor.learn.meta.evaluate import Answers, answers, texts_of
from monitor.learn.meta.states import States
from monitor.learn.ngrams import beside
from monitor.learn.support import name_text

if TYPE_CHECKING:
    from monitor.learn.meta.train import ViewTrainer


class Look:
    """Judges a view on the validation tasks of its families.

    :param states: gives the states of texts, and ``spelling`` how they are spelt (as
        :func:`monitor.learn.tokens.spelling` does).
    :param share: of spelling in the view that is judged.
    """

    def __init__(
        self,
        families: Sequence[str],
        checks: Sequence[MetaTask],
        states: Callable[[Sequence[str]], States],
        spelling: Callable[[Sequence[str]], tuple[np.ndarray, np.ndarray]],
        share: float,
    ) -> None:
        self.tasks = [task for task in checks if task.family in families]
        texts = {text for task in self.tasks for text in texts_of(task)}
        texts |= {name_text(*label) for task in self.tasks for label in task.labels.items()}
        ordered = sorted(texts)
        self.place = {text: row for row, text in enumerate(ordered)}
        self.states = states(ordered) if ordered else None
        self.spelling = spelling(ordered) if share else None
        self.share = share

    def __call__(self, trainer: ViewTrainer) -> Mapping[str, Answers]:
        """The answers of the weights that would be kept, by task. The weights in training stay as they are."""
        if self.states is None:
            return {}
        with _averaged(trainer):
            features = _features(trainer, self.states)
        if self.spelling is not None:
            spelt, unread = self.spelling
            features = beside(features, spelt, self.share, unread)
        return {
            task.name: answers(task, lambda texts: features[[self.place[text] for text in texts]])
            for task in self.tasks
        }


@contextmanager
def _averaged(trainer: ViewTrainer) -> Iterator[None]:
    import torch

    with torch.no_grad():
        kept = {name: parameter.detach().clone() for name, parameter in trainer.learned.items()}
        try:
            for name, value in trainer.kept().items():
                trainer.learned[name].copy_(value)
            yield
        finally:
            for name, parameter in trainer.learned.items():
                parameter.copy_(kept[name])


def _features(trainer: ViewTrainer, states: States) -> np.ndarray:
    """Features ``(n, d)`` float32 of all texts of ``states``, in smaller batches where memory runs out."""
    import torch

    features = np.empty((len(states.lengths), states.base.shape[1]), np.float32)
    while True:
        try:
            for part in trainer.budget.batches(states.lengths):
                features[part] = trainer.branch(*states.batch(part, trainer.device)).cpu().numpy()
            return features
        except torch.cuda.OutOfMemoryError:
            pass  # the error keeps what fills the memory: let go of it before going on
        trainer.budget.halve(states.lengths)
