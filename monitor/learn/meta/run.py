"""One meta-training from a catalogue to a file of views."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from monitor.errors import LearnError
from monitor.learn.meta import checkpoint
from monitor.learn.meta.catalog import digest
from monitor.learn.meta.data import check_weights, make_masked, own_tasks, read_data
from monitor.learn.meta.evaluate import Answers, scores
from monitor.learn.meta.look import Look
from monitor.learn.meta.pools import gather, make_pools, read_paraphrases
from monitor.learn.meta.report import make_report
from monitor.learn.meta.route import router_of
from monitor.learn.meta.settings import MetaSettings
from monitor.learn.meta.states import States, joined
from monitor.learn.meta.track import Tracker, draw_curves
from monitor.learn.meta.train import Step, ViewTrainer, train
from monitor.learn.meta.trunk import Trunk
from monitor.learn.model_files import one_line
from monitor.learn.views import WEIGHTS, Views, write_views

if TYPE_CHECKING:
    import numpy as np
    import torch

log = logging.getLogger(__name__)

REPORT = "report.json"
MASKED_WORDS = 20
"""Tasks a view of unlabelled texts where the settings ask for none."""
TRAINING = "training"
"""What progress calls the training itself."""

Progress = Callable[[str, int, int, Mapping[str, float]], None]
"""Called with what is being done, how much of it is done, how much there is, and figures of a step."""


class Stopped(LearnError):
    """The training was asked to stop. What it had done is in a checkpoint, if it had begun."""


@dataclass(frozen=True)
class Order:
    """What is to be trained, on what, where to.

    ``roles`` are trained on (``train``, and for a last training ``validation``); the validation
    tasks that are not trained on are looked at on the way. ``ships`` leaves out tasks whose
    licence does not let weights be given away. ``unlabelled`` texts give tasks of masked words.
    """

    catalog: Path
    out: Path
    encoder: Path
    settings: MetaSettings
    roles: tuple[str, ...] = ("train",)
    ships: bool = True
    resume: bool = False
    device: str = "auto"
    unlabelled: Sequence[str] = ()


def meta_train(
    order: Order,
    progress: Progress,
    stop: Callable[[], bool] = lambda: False,
    trunk: Trunk | None = None,
) -> dict[str, Any]:
    """Train the views, and write weights, metrics, a report and a picture into ``order.out``.

    :param stop: asked after every step; where it says so, a checkpoint is written and the training ends.
    :param trunk: of ``order.encoder``; one that keeps states spares trainings after the first from
        reading the same texts again.
    :return: the report: what was trained on, what was left out, how validation tasks went.
    :raises LearnError: something cannot be used; the checkpoints so far stay.
    :raises Stopped: ``stop`` said so.
    """
    settings = order.settings
    if order.unlabelled and not settings.masked_words:
        settings = settings.model_copy(update={"masked_words": MASKED_WORDS})

    def tell(what: str, done: int, total: int) -> None:
        if stop():
            raise Stopped("stopped before the training began")
        progress(what, done, total, {})

    _folder(order)
    tell("reading the catalogue", 0, 1)
    data = read_data(
        order.catalog,
        settings.views,
        order.roles,
        order.unlabelled,
        ships=order.ships,
        progress=lambda name: tell("reading the catalogue", 0, 1),
    )
    check_weights(order.catalog, settings, data)
    trunk = trunk or Trunk(order.encoder, order.device)
    masked = make_masked(data, settings, trunk.mask) if settings.masked_words else {}
    every = [*data.tasks, *(task for made in masked.values() for task in made)]
    identity = {
        "settings": settings.model_dump(mode="json"),
        "texts": digest(every),
        "encoder": trunk.digest,
    }
    before = checkpoint.read(order.out, identity) if order.resume else None
    tell("reading the catalogue", 1, 1)

    def states(texts: Sequence[str], what: str) -> States:
        done = 0

        def count(more: int) -> None:
            nonlocal done
            done += more
            tell(what, done, len(texts))

        return trunk.states(texts, settings.start, settings.max_tokens, count)

    paraphrases = read_paraphrases()
    gathered = gather(every, paraphrases)
    # What the catalogue says comes first and is read by itself, so that it can be kept.
    own = len(gather(data.tasks, paraphrases).texts) if masked else len(gathered.texts)
    shared = joined(
        states(gathered.texts[:own], "reading texts"), states(gathered.texts[own:], "reading masked texts")
    )
    pools = {pool.task: pool for pool in make_pools(gathered, shared.base)}
    trainers = []
    for view, families in settings.views.items():
        names = [task.name for task in own_tasks(view, families, data, masked)]
        drawn = [pools[name] for name in names if name in pools]
        if not any(settings.weights.get(pool.task, 1.0) for pool in drawn):
            raise LearnError(f"view {view!r} has no task with a weight, and two texts for two labels each")
        trainers.append(ViewTrainer(view, trunk.layers, drawn, shared, settings, trunk.device))
    router = router_of(settings.views, data.tasks, gathered.names, shared.base, settings.seed)
    looks = [
        Look(
            families,
            data.checks,
            lambda texts: states(texts, "reading validation texts"),
            trunk.spelling,
            settings.spelling.get(view, 0.0),
        )
        for view, families in settings.views.items()
    ]
    if before is not None:
        checkpoint.restore(before, trainers)
        log.info("going on from %s", before.file)
    done, spent = (before.done, before.seconds) if before else (0, 0.0)
    begin = monotonic() - spent
    judged: dict[str, Answers] = {}
    tracker = Tracker(order.out, done)

    def write() -> None:
        try:
            _write(order.out / WEIGHTS, settings, trunk, trainers, router)
        except (OSError, SafetensorError) as error:
            raise _no_room(order.out, error) from error

    def look() -> None:
        for one, trainer in zip(looks, trainers, strict=True):
            judged.update(one(trainer))

    def after(done: int, found: dict[str, Step]) -> None:
        figures = {
            f"{view}/{name}": getattr(step, name)
            for view, step in found.items()
            for name in ("loss", "accuracy", "held")
        }
        if done % settings.check_every == 0 or done == settings.steps:
            look()
            figures |= _figures(judged)
        tracker.write(done, figures)
        stopping = stop() and done < settings.steps
        if done % settings.save_every == 0 or done == settings.steps or stopping:
            checkpoint.save(order.out, trainers, identity, monotonic() - begin)
            write()
        progress(TRAINING, done, settings.steps, figures)
        if stopping:
            raise Stopped(f"stopped after step {done:,} of {settings.steps:,}")

    progress(TRAINING, done, settings.steps, {})
    try:
        train(trainers, settings.steps, after)
    finally:
        tracker.close()
    if done == settings.steps:  # nothing was left to do when it went on
        begin = monotonic() - spent
        look()
        write()
    report = make_report(
        settings,
        data.tasks,
        {view: len(made) for view, made in masked.items()},
        data.exams,
        data.left_out,
        judged,
        untrained=data.untrained,
        seconds=monotonic() - begin,
        device=trunk.device,
    )
    try:
        (order.out / REPORT).write_text(json.dumps(report, indent=1) + "\n", "utf-8")
        draw_curves(order.out, order.out / "curves.png")
    except OSError as error:
        raise _no_room(order.out, error) from error
    return report


def _figures(judged: Mapping[str, Answers]) -> dict[str, float]:
    return {
        f"validation/{task}/{shots}/{measure}": value
        for task, given in judged.items()
        for shots, found in scores(given).items()
        for measure, value in found.items()
    }


def _folder(order: Order) -> None:
    try:
        order.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LearnError(f"{order.out} cannot be made: {error}") from error
    if not order.resume and checkpoint.holds_any(order.out):
        raise LearnError(f"{order.out} holds a training already: go on with --resume, or name another folder")


def _no_room(folder: Path, error: Exception) -> LearnError:
    return LearnError(
        f"{folder} cannot be written to ({one_line(error)}): make room, then go on with --resume"
    )


def _write(
    file: Path,
    settings: MetaSettings,
    trunk: Trunk,
    trainers: Sequence[ViewTrainer],
    router: tuple[np.ndarray, np.ndarray],
) -> None:
    changes: dict[str, dict[str, tuple[torch.Tensor, torch.Tensor]]] = {}
    for trainer in trainers:
        names = sorted(name.removesuffix(".up") for name in trainer.learned if name.endswith(".up"))
        kept = trainer.kept()
        changes[trainer.view] = {name: (kept[f"{name}.down"], kept[f"{name}.up"]) for name in names}
    families = {view: tuple(found) for view, found in settings.views.items()}
    spelling = {view: settings.spelling.get(view, 0.0) for view in families}
    views = Views(trunk.digest, settings.start, families, changes, router, spelling=spelling)
    try:
        write_views(file, views, {"steps": trainers[0].done, "seed": settings.seed})
    finally:
        file.with_suffix(".part").unlink(missing_ok=True)
