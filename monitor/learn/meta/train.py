"""The training loop: episodes in, a low-rank change for each view out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from monitor.learn.meta.branch import Branch, batches
from monitor.learn.meta.episodes import Episode, Mix, Pool, draw_step
from monitor.learn.meta.objective import away, episode_loss, held_geometry
from monitor.learn.meta.settings import MetaSettings
from monitor.learn.meta.states import States

Learned = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Step:
    """What a step of one view came to: mean loss and accuracy of its episodes, and what held the geometry."""

    loss: float
    accuracy: float
    held: float
    episodes: int


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
        self.view, self.pools, self.states, self.settings, self.device = view, pools, states, settings, device
        # Views differ in what is random, whatever order they come in.
        seed = [settings.seed, *view.encode()]
        self.generator = np.random.default_rng(seed)
        torch_generator = torch.Generator().manual_seed(int(self.generator.integers(2**62)))
        self.branch = Branch(layers, settings.start, settings.rank[view], torch_generator).to(device)
        self.learned = self.branch.learned()
        self.average = {name: parameter.detach().clone() for name, parameter in self.learned.items()}
        self.optimiser = torch.optim.AdamW(
            self.learned.values(), lr=settings.rate, weight_decay=settings.decay, betas=(0.9, 0.99)
        )
        self.mix = Mix(
            settings.weights, settings.names_missing, settings.names_paraphrased, settings.near_labels
        )
        self.done = 0

    def step(self) -> Step:
        """One step: draw episodes, encode their texts together, follow the gradient of the summed loss."""
        settings = self.settings
        for group in self.optimiser.param_groups:
            group["lr"] = settings.rate * rate_at(self.done, settings.steps, settings.warmup)
        episodes = draw_step(self.pools, self.mix, settings.texts, self.generator)
        rows = sorted({int(row) for episode in episodes for row in _texts(episode)})
        place = {row: index for index, row in enumerate(rows)}
        parts = list(batches(self.states, rows, self.device))
        given = [self.states.batch([rows[i] for i in part], self.device) for part in parts]
        order = torch.from_numpy(np.argsort(np.concatenate(parts), kind="stable")).to(self.device)
        self.optimiser.zero_grad()
        if settings.adversarial:
            hidden = [states.requires_grad_() for states, _ in given]
            found, _, _ = self._loss(given, order, rows, place, episodes)
            slopes = torch.autograd.grad(found, hidden, retain_graph=False)
            worse = [
                (away(states.detach(), slope, settings.adversarial), mask)
                for (states, mask), slope in zip(given, slopes, strict=True)
            ]
            loss, _, _ = self._loss(worse, order, rows, place, episodes)
            loss.backward()  # type: ignore[no-untyped-call]
            given = [(states.detach(), mask) for states, mask in given]
        loss, right, held = self._loss(given, order, rows, place, episodes)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.learned.values(), 1.0)
        self.optimiser.step()
        self.done += 1
        # The average forgets its start sooner at first, so that short trainings have one too.
        slow = min(settings.average, self.done / (self.done + 10))
        with torch.no_grad():
            for name, parameter in self.learned.items():
                self.average[name].lerp_(parameter, 1 - slow)
        return Step(loss.item(), right, held.item(), len(episodes))

    def _loss(
        self,
        given: Sequence[tuple[torch.Tensor, torch.Tensor]],
        order: torch.Tensor,
        rows: Sequence[int],
        place: Mapping[int, int],
        episodes: Sequence[Episode],
    ) -> tuple[torch.Tensor, float, torch.Tensor]:
        features = torch.cat([self.branch(hidden, mask) for hidden, mask in given])[order]
        scales = self.branch.scales
        total, right = features.new_zeros(()), 0.0

        def at(numbers: np.ndarray) -> torch.Tensor:
            return features[
                torch.tensor([place[int(n)] for n in numbers], dtype=torch.long, device=self.device)
            ]

        for episode in episodes:
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
            total, right = total + loss / len(episodes), right + float(accuracy) / len(episodes)
        held = features.new_zeros(())
        if strength := self.settings.hold.get(self.view, 0.0):
            base = torch.from_numpy(self.states.base[list(rows)]).to(self.device)
            held = held_geometry(features, base)
            total = total + strength * held
        return total, right, held.detach()


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
