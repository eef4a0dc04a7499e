"""The training loop: episodes in, a low-rank change for each view out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from monitor.errors import LearnError
from monitor.learn.meta.branch import Branch, Budget
from monitor.learn.meta.episodes import Episode, Mix, Pool, draw_step
from monitor.learn.meta.objective import away, episode_loss, held_geometry
from monitor.learn.meta.settings import MetaSettings
from monitor.learn.meta.states import States
from monitor.learn.model import placement

if TYPE_CHECKING:
    import torch

    Given = Sequence[tuple[torch.Tensor, torch.Tensor]]


MOST = 65504.0
"""No number that is learned may be larger: views are written in 16 bits."""


@dataclass(frozen=True)
class Step:
    """What a step of one view came to: mean loss and accuracy of its episodes, and what held the geometry."""

    loss: float
    accuracy: float
    held: float
    episodes: int


@dataclass(frozen=True, eq=False)
class Work:
    """The texts of a step: ``rows`` are their numbers; ``order`` brings batches back into the order of ``rows``."""

    episodes: Sequence[Episode]
    rows: Sequence[int]
    order: torch.Tensor


class ViewTrainer:
    """Trains one view: its branch, the optimiser, the average that is kept, and the sampler's generator."""

    def __init__(
        self,
        view: str,
        layers: Sequence[Any],
        pools: Sequence[Pool],
        states: States,
        settings: MetaSettings,
        device: torch.device,
    ) -> None:
        import torch

        self.view, self.pools, self.states, self.settings, self.device = view, pools, states, settings, device
        self.budget = Budget(device)
        # Views differ in what is random, whatever order they come in.
        seed = [settings.seed, *view.encode()]
        self.generator = np.random.default_rng(seed)
        torch_generator = torch.Generator().manual_seed(int(self.generator.integers(2**62)))
        _, dtype = placement(str(device), settings.precision)
        self.branch = Branch(layers, settings.start, settings.rank[view], torch_generator, device, dtype)
        self.learned = self.branch.learned()
        self.average = {name: parameter.detach().clone() for name, parameter in self.learned.items()}
        self.optimiser = torch.optim.AdamW(
            self.learned.values(), lr=settings.rate, weight_decay=settings.decay, betas=(0.9, 0.99)
        )
        self.mix = Mix(
            settings.weights, settings.names_missing, settings.names_paraphrased, settings.near_labels
        )
        self.done = 0

    def kept(self) -> dict[str, torch.Tensor]:
        """What becomes of the training: the average, its change drawn back to the public model.

        Between the two lies what is best on tasks that were not practised (Wortsman et al. 2022).
        """
        share = self.settings.share
        return {
            name: value * share if name.endswith(".up") else value.clone()
            for name, value in self.average.items()
        }

    def step(self) -> Step:
        """One step: draw episodes, encode their texts together, follow the gradient of the summed loss.

        :raises LearnError: memory runs out even with one text at a time, or the training has diverged. What
            is in memory is of no use then.
        """
        import torch

        settings = self.settings
        for group in self.optimiser.param_groups:
            group["lr"] = settings.rate * rate_at(self.done, settings.steps, settings.warmup)
        episodes = draw_step(self.pools, self.mix, settings.texts, self.generator)
        rows = sorted({int(row) for episode in episodes for row in _texts(episode)})
        found = None
        while found is None:
            self.optimiser.zero_grad()
            # The error keeps what fills the memory: let go of it before going on.
            with suppress(torch.cuda.OutOfMemoryError):
                found = self._gradient(episodes, rows)
            if found is None:
                self.budget.halve(self.states.lengths[rows])
        self._check(self.done + 1, math.isfinite(found.loss), f"the loss is {found.loss}")
        torch.nn.utils.clip_grad_norm_(self.learned.values(), 1.0)
        self.optimiser.step()
        self.done += 1
        # The average forgets its start sooner at first, so that short trainings have one too.
        slow = min(settings.average, self.done / (self.done + 10))
        with torch.no_grad():
            for name, parameter in self.learned.items():
                self.average[name].lerp_(parameter, 1 - slow)
            # The largest of numbers of which one is nan is nan, and that is not below anything.
            largest = torch.stack([value.abs().max() for value in self.average.values()]).max().item()
        self._check(self.done, largest < MOST, "its weights are no longer numbers that a file can hold")
        return found

    def _check(self, step: int, sound: bool, what: str) -> None:
        if not sound:
            raise LearnError(
                f"the training of view {self.view!r} diverged at step {step:,} ({what}): lower `rate`, which is "
                f"{self.settings.rate:g}, and start in another folder"
            )

    def _gradient(self, episodes: Sequence[Episode], rows: Sequence[int]) -> Step:
        """Leave the gradient of the episodes' loss with the parameters."""
        import torch

        parts = self.budget.batches(self.states.lengths[list(rows)])
        given = [self.states.batch([rows[i] for i in part], self.device) for part in parts]
        order = torch.from_numpy(np.argsort(np.concatenate(parts), kind="stable")).to(self.device)
        work = Work(episodes, rows, order)
        # With one graph for all batches, or, where memory is short, batch by batch.
        follow = self._follow_by_batch if self.budget.halved else self._follow
        if size := self.settings.adversarial:
            slopes = follow([(states.requires_grad_(), mask) for states, mask in given], work, hidden=True)[1]
            worse = [
                (away(states.detach(), slope, size), mask)
                for (states, mask), slope in zip(given, slopes, strict=True)
            ]
            follow(worse, work, hidden=False)
            given = [(states.detach(), mask) for states, mask in given]
        return follow(given, work, hidden=False)[0]

    def _follow(self, given: Given, work: Work, *, hidden: bool) -> tuple[Step, Sequence[torch.Tensor]]:
        """Add the loss's gradient to that of the parameters, or return that of the hidden states."""
        import torch

        features = torch.cat([self.branch(states, mask) for states, mask in given])[work.order]
        loss, step = self._loss(features, work)
        if hidden:
            return step, torch.autograd.grad(loss, [states for states, _ in given])
        loss.backward()  # type: ignore[no-untyped-call]
        return step, ()

    def _follow_by_batch(
        self, given: Given, work: Work, *, hidden: bool
    ) -> tuple[Step, Sequence[torch.Tensor]]:
        """The same gradient, with one batch's graph in memory at a time.

        First the loss's gradient at the features, then every batch again for its share of it
        (Gao et al. 2021, "Scaling Deep Contrastive Learning Batch Size under Memory Limited
        Peak Memory Setup").
        """
        import torch

        with torch.no_grad():
            features = torch.cat([self.branch(states, mask) for states, mask in given])
        features.requires_grad_()
        loss, step = self._loss(features[work.order], work)
        if hidden:
            (slope,) = torch.autograd.grad(loss, features)
        else:
            loss.backward()  # type: ignore[no-untyped-call]
            assert features.grad is not None
            slope = features.grad
        slopes: list[torch.Tensor] = []
        shares: Sequence[torch.Tensor] = torch.split(slope, [len(mask) for _, mask in given])
        for (states, mask), share in zip(given, shares, strict=True):
            again = self.branch(states, mask)
            if hidden:
                slopes += torch.autograd.grad(again, states, share)
            else:
                again.backward(share)  # type: ignore[no-untyped-call]
        return step, slopes

    def _loss(self, features: torch.Tensor, work: Work) -> tuple[torch.Tensor, Step]:
        """The loss of features in the order of ``work.rows``, ``(n, d)``."""
        import torch

        place = {row: index for index, row in enumerate(work.rows)}
        scales = self.branch.scales
        total, right = features.new_zeros(()), 0.0

        def at(numbers: np.ndarray) -> torch.Tensor:
            return features[
                torch.tensor([place[int(n)] for n in numbers], dtype=torch.long, device=self.device)
            ]

        for episode in work.episodes:
            loss, accuracy = episode_loss(
                self.settings.head,
                at(episode.query),
                torch.from_numpy(episode.query_targets).to(self.device),
                at(episode.support),
                torch.from_numpy(episode.support_targets).to(self.device),
                at(episode.names) if episode.names[0] >= 0 else None,
                scales,
                self.settings.names_alone,
            )
            total, right = (
                total + loss / len(work.episodes),
                right + float(accuracy) / len(work.episodes),
            )
        held = features.new_zeros(())
        if strength := self.settings.hold.get(self.view, 0.0):
            base = torch.from_numpy(self.states.base[list(work.rows)]).to(self.device)
            held = held_geometry(features, base)
            total = total + strength * held
        return total, Step(total.item(), right, held.item(), len(work.episodes))


def rate_at(step: int, steps: int, warmup: int) -> float:
    """The learning rate's share of its highest: up in a line, then down half a cosine (Loshchilov and Hutter 2017)."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, steps - warmup))))


def train(
    trainers: Sequence[ViewTrainer],
    steps: int,
    after: Callable[[int, dict[str, Step]], None],
) -> None:
    """Let every view take steps until it has taken ``steps``.

    On a CPU each view has a thread of its own, because they share nothing. ``after`` is called
    with the number of steps done and what they came to.
    """
    import torch

    several = len(trainers) > 1 and all(trainer.device.type == "cpu" for trainer in trainers)
    threads = torch.get_num_threads()
    if several:
        torch.set_num_threads(max(1, threads // len(trainers)))
    try:
        with ThreadPoolExecutor(len(trainers) if several else 1, "view") as workers:
            while (done := trainers[0].done) < steps:
                found = list(workers.map(ViewTrainer.step, trainers))
                after(done + 1, {t.view: step for t, step in zip(trainers, found, strict=True)})
    finally:
        torch.set_num_threads(threads)


def _texts(episode: Episode) -> np.ndarray:
    return np.concatenate([episode.support, episode.query, episode.names[episode.names >= 0]])
