"""One meta-training from catalogues to a file of views."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from monitor.errors import LearnError, one_line, plain
from monitor.learn.meta import checkpoint
from monitor.learn.meta.catalog import digest
from monitor.learn.meta.data import check_weights, make_masked, read_data
from monitor.learn.meta.evaluate import Answers, scores
from monitor.learn.meta.parts import Parts, make_parts
from monitor.learn.meta.report import make_report
from monitor.learn.meta.settings import MetaSettings
from monitor.learn.meta.track import Tracker, draw_curves
from monitor.learn.meta.train import Step, train
from monitor.learn.meta.trunk import Trunk
from monitor.learn.views import WEIGHTS, Views, write_views

if TYPE_CHECKING:
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

    ``catalogs`` are folders (:mod:`monitor.learn.meta.catalog`) that together are one catalogue. ``roles`` are
    trained on (``train``, and for a last training ``validation``); the validation tasks that are not trained on
    are looked at on the way. ``ships`` leaves out tasks whose licence does not let weights be given away.
    ``unlabelled`` texts give tasks of masked words.
    """

    catalogs: Sequence[Path]
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

    checkpoint.check(order.out, resume=order.resume)
    tell("reading the catalogue", 0, 1)
    data = read_data(
        order.catalogs,
        settings.views,
        order.roles,
        order.unlabelled,
        ships=order.ships,
        progress=lambda name: tell("reading the catalogue", 0, 1),
    )
    check_weights(order.catalogs, settings, data)
    trunk = trunk or Trunk(order.encoder, order.device)
    masked = make_masked(data, settings, trunk.mask) if settings.masked_words else {}
    every = [*data.tasks, *(task for made in masked.values() for task in made)]
    identity = {
        # Spelling needs no training: its share may differ when a training goes on.
        "settings": settings.model_dump(mode="json", exclude={"spelling"}),
        "texts": digest(every),
        "encoder": trunk.digest,
        "wordlists": trunk.wordlists,
    }
    before = checkpoint.read(order.out, identity) if order.resume else None
    _make(order.out)  # no sooner: what cannot begin leaves nothing behind
    tell("reading the catalogue", 1, 1)
    parts = make_parts(settings, data, masked, trunk, tell)
    training = _Training(order.out, settings, trunk, parts, identity)
    training.run(before, progress, stop)
    report = make_report(
        settings,
        data.tasks,
        {view: len(made) for view, made in masked.items()},
        data.exams,
        data.left_out,
        training.judged,
        untrained=data.untrained,
        seconds=training.seconds,
        device=trunk.device,
    )
    try:
        (order.out / REPORT).write_text(json.dumps(report, indent=1) + "\n", "utf-8")
        draw_curves(order.out, order.out / "curves.png")
    except OSError as error:
        raise _no_room(order.out, error) from error
    return report


class _Training:
    """The steps of a training, and what is kept of it in ``out``.

    ``judged``: what the last look said, by validation task. ``seconds``: how long it took, with the times before.
    """

    def __init__(
        self, out: Path, settings: MetaSettings, trunk: Trunk, parts: Parts, identity: Mapping[str, Any]
    ) -> None:
        self._out, self._settings, self._trunk = out, settings, trunk
        self._parts, self._identity = parts, identity
        self._begin = monotonic()
        self.judged: dict[str, Answers] = {}

    @property
    def seconds(self) -> float:
        """Until now."""
        return monotonic() - self._begin

    def run(self, before: checkpoint.Checkpoint | None, progress: Progress, stop: Callable[[], bool]) -> None:
        """Go on from ``before``, or begin, to the last step."""
        steps, done = self._settings.steps, 0
        if before is not None:
            checkpoint.restore(before, self._parts.trainers)
            log.info("going on from %s", before.file)
            done = before.done
            self._begin -= before.seconds
        tracker = Tracker(self._out, done)

        def after(done: int, found: dict[str, Step]) -> None:
            figures = {
                f"{view}/{name}": getattr(step, name)
                for view, step in found.items()
                for name in ("loss", "accuracy", "held")
            }
            if done % self._settings.check_every == 0 or done == steps:
                self._look()
                figures |= _figures(self.judged)
            tracker.write(done, figures)
            stopping = stop() and done < steps
            if done % self._settings.save_every == 0 or done == steps or stopping:
                checkpoint.save(self._out, self._parts.trainers, self._identity, self.seconds)
                self._write()
            progress(TRAINING, done, steps, figures)
            if stopping:
                raise Stopped(f"stopped after step {done:,} of {steps:,}")

        progress(TRAINING, done, steps, {})
        try:
            train(self._parts.trainers, steps, after)
        finally:
            tracker.close()
        if done == steps:  # nothing was left to do when it went on
            self._look()
            self._write()

    def _look(self) -> None:
        for look, trainer in zip(self._parts.looks, self._parts.trainers, strict=True):
            self.judged.update(look(trainer))

    def _write(self) -> None:
        try:
            _write(self._out / WEIGHTS, self._settings, self._trunk, self._parts)
        except (OSError, SafetensorError) as error:
            raise _no_room(self._out, error) from error


def _figures(judged: Mapping[str, Answers]) -> dict[str, float]:
    return {
        f"validation/{task}/{shots}/{measure}": value
        for task, given in judged.items()
        for shots, found in scores(given).items()
        for measure, value in found.items()
    }


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LearnError(f"{folder} cannot be made: {plain(error)}") from error


def _no_room(folder: Path, error: Exception) -> LearnError:
    return LearnError(
        f"{folder} cannot be written to ({one_line(error, 200)}): make room, then go on with --resume"
    )


def _write(file: Path, settings: MetaSettings, trunk: Trunk, parts: Parts) -> None:
    changes: dict[str, dict[str, tuple[torch.Tensor, torch.Tensor]]] = {}
    for trainer in parts.trainers:
        names = sorted(name.removesuffix(".up") for name in trainer.learned if name.endswith(".up"))
        kept = trainer.kept()
        changes[trainer.view] = {name: (kept[f"{name}.down"], kept[f"{name}.up"]) for name in names}
    families = {view: tuple(found) for view, found in settings.views.items()}
    spelling = {view: settings.spelling.get(view, 0.0) for view in families}
    views = Views(trunk.digest, settings.start, families, changes, parts.router, spelling=spelling)
    try:
        write_views(file, views, {"steps": parts.trainers[0].done, "seed": settings.seed})
    finally:
        file.with_suffix(".part").unlink(missing_ok=True)
