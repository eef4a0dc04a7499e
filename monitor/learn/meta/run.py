"""One meta-training from a catalogue to a file of views."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from monitor.errors import LearnError
from monitor.learn.layers import stack
from monitor.learn.meta import checkpoint
from monitor.learn.meta.branch import batches
from monitor.learn.meta.catalog import MetaTask, digest, read_catalog
from monitor.learn.meta.evaluate import judge, texts_of
from monitor.learn.meta.overlap import without_shared
from monitor.learn.meta.pools import Texts, gather, make_pools, read_paraphrases
from monitor.learn.meta.route import fit_router
from monitor.learn.meta.settings import MetaSettings
from monitor.learn.meta.states import States, compute_states
from monitor.learn.meta.track import Tracker, draw_curves
from monitor.learn.meta.train import Step, ViewTrainer, train
from monitor.learn.model import load, placement
from monitor.learn.model_files import weights_digest
from monitor.learn.views import WEIGHTS, Views, write_views

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""
REPORT = "report.json"


@dataclass(frozen=True)
class Order:
    """What is to be trained, on what, where to.

    ``roles`` are trained on (``train``, and for a last training ``validation``); the validation
    tasks that are not trained on are looked at on the way. ``ships`` leaves out tasks whose
    licence does not let weights be given away.
    """

    catalog: Path
    out: Path
    encoder: Path
    settings: MetaSettings
    roles: tuple[str, ...] = ("train",)
    ships: bool = True
    resume: bool = False
    device: str = "auto"


def meta_train(order: Order, progress: Progress) -> dict[str, Any]:
    """Train the views, and write weights, metrics, a report and a picture into ``order.out``.

    :return: the report: what was trained on, what was left out, how validation tasks went.
    :raises LearnError: something cannot be used; the checkpoints so far stay.
    """
    settings = order.settings
    if missing := [view for view in settings.views if view not in settings.rank]:
        raise LearnError(f"the settings give view {missing[0]!r} no rank")
    progress("reading the catalogue", 0, 1)
    tasks, left_out = _tasks(order)
    checks = read_catalog(order.catalog, ["validation"]) if "validation" not in order.roles else []
    _folder(order)
    device, _ = placement(order.device, "float32")
    model, tokenizer, pad = load(order.encoder, device, torch.float32)
    model.requires_grad_(False)
    tokenizer.no_padding()
    tokenizer.enable_truncation(settings.max_tokens)

    def states(texts: Sequence[str], what: str) -> States:
        done = 0

        def tell(count: int) -> None:
            nonlocal done
            done += count
            progress(what, done, len(texts))

        return compute_states(
            model, lambda text: list(tokenizer.encode(text).ids), pad, texts, settings.start, device, tell
        )

    gathered = gather(tasks, read_paraphrases())
    shared = states(gathered.texts, "reading texts")
    pools = {pool.task: pool for pool in make_pools(gathered, shared.base)}
    trainers = []
    for view, families in settings.views.items():
        own = [pools[task.name] for task in tasks if task.family in families and task.name in pools]
        if not own:
            raise LearnError(
                f"no task of the families {', '.join(families)} in the catalogue: view {view!r} cannot learn"
            )
        trainers.append(ViewTrainer(view, stack(model), own, shared, settings, device))
    router = _router(settings, tasks, gathered, shared)
    identity = {"settings": settings.model_dump(mode="json"), "texts": digest(tasks)}
    if order.resume:
        log.info("going on from %s", checkpoint.restore(order.out, trainers, identity))
    looks = (
        [_Look(view, families, checks, states) for view, families in settings.views.items()] if checks else []
    )
    tracker = Tracker(order.out, trainers[0].done)
    validation: dict[str, Any] = {}

    def after(done: int, found: dict[str, Step]) -> None:
        figures = {
            f"{view}/{name}": getattr(step, name)
            for view, step in found.items()
            for name in ("loss", "accuracy", "held")
        }
        if done % settings.check_every == 0 or done == settings.steps:
            for look, trainer in zip(looks, trainers, strict=bool(looks)):
                validation.update(look(trainer, device))
            figures |= {
                f"validation/{task}/{shots}/{measure}": value
                for task, by_shots in validation.items()
                for shots, scores in by_shots.items()
                for measure, value in scores.items()
            }
        tracker.write(done, figures)
        if done % settings.save_every == 0 or done == settings.steps:
            checkpoint.save(order.out, trainers, identity)
            _write(order, trainers, router)
        progress("training", done, settings.steps)

    try:
        train(trainers, settings.steps, after)
    finally:
        tracker.close()
    report = {
        "settings": settings.model_dump(mode="json"),
        "tasks": {task.name: {"licence": task.licence, "texts": len(task.all())} for task in tasks},
        "left_out": {name: {"exactly": a, "nearly": b} for name, (a, b) in left_out.items() if a or b},
        "validation": validation,
    }
    (order.out / REPORT).write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    if find_spec("matplotlib") is not None:
        draw_curves(order.out, order.out / "curves.png")
    return report


class _Look:
    """Judges a view on the validation tasks of its families."""

    def __init__(
        self,
        view: str,
        families: Sequence[str],
        checks: Sequence[MetaTask],
        states: Callable[[Sequence[str], str], States],
    ) -> None:
        self.tasks = [task for task in checks if task.family in families]
        from monitor.learn.adapt import name_text

        texts = {text for task in self.tasks for text in texts_of(task)}
        texts |= {name_text(*label) for task in self.tasks for label in task.labels.items()}
        ordered = sorted(texts)
        self.place = {text: row for row, text in enumerate(ordered)}
        self.states = states(ordered, "reading validation texts") if ordered else None

    def __call__(self, trainer: ViewTrainer, device: torch.device) -> dict[str, Any]:
        """Scores of the averaged weights by task."""
        if self.states is None:
            return {}
        with torch.no_grad():
            kept = {name: parameter.detach().clone() for name, parameter in trainer.learned.items()}
            for name, parameter in trainer.learned.items():
                parameter.copy_(trainer.average[name])
            features = np.empty((len(self.place), self.states.base.shape[1]), np.float32)
            for part in batches(self.states, range(len(self.place)), device):
                features[part] = trainer.branch(*self.states.batch(part, device)).cpu().numpy()
            for name, parameter in trainer.learned.items():
                parameter.copy_(kept[name])
        return {
            task.name: judge(task, lambda texts: features[[self.place[text] for text in texts]])
            for task in self.tasks
        }


def _tasks(order: Order) -> tuple[list[MetaTask], dict[str, tuple[int, int]]]:
    tasks = read_catalog(order.catalog, order.roles, ships=order.ships)
    try:
        exams = read_catalog(order.catalog, ["exam"])
    except LearnError as error:
        if "holds no task" not in str(error):
            raise
        exams = []
    return without_shared(tasks, exams)


def _router(
    settings: MetaSettings, tasks: Sequence[MetaTask], gathered: Texts, shared: States
) -> tuple[np.ndarray, np.ndarray]:
    """What tells from label names which view suits a task."""
    view_of = {
        task.name: view
        for view, families in settings.views.items()
        for task in tasks
        if task.family in families and task.name in gathered.names
    }
    names = {task: [shared.base[said] for said in gathered.names[task]] for task in view_of}
    return fit_router(names, view_of, list(settings.views), np.random.default_rng(settings.seed))


def _folder(order: Order) -> None:
    try:
        order.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LearnError(f"{order.out} cannot be made: {error}") from error
    if not order.resume and any(order.out.glob("checkpoint-*.safetensors")):
        raise LearnError(f"{order.out} holds a training already: go on with --resume, or name another folder")


def _write(order: Order, trainers: Sequence[ViewTrainer], router: tuple[np.ndarray, np.ndarray]) -> None:
    changes = {}
    for trainer in trainers:
        names = sorted(name.removesuffix(".up") for name in trainer.learned if name.endswith(".up"))
        average = trainer.average
        changes[trainer.view] = {name: (average[f"{name}.down"], average[f"{name}.up"]) for name in names}
    families = {view: tuple(found) for view, found in order.settings.views.items()}
    views = Views(weights_digest(order.encoder), order.settings.start, families, changes, router)
    write_views(order.out / WEIGHTS, views, {"steps": trainers[0].done, "seed": order.settings.seed})
