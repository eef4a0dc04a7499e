"""What a training reads before it begins: tasks, without the texts of exams, and masked words."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monitor.errors import LearnError, UnknownName
from monitor.learn.meta.catalog import MetaTask, Rows, families_of, read_catalog
from monitor.learn.meta.masked import masked_tasks
from monitor.learn.meta.overlap import without_shared
from monitor.learn.meta.settings import MetaSettings

log = logging.getLogger(__name__)

UNLABELLED = "unlabelled"
"""What the report calls unlabelled texts."""


@dataclass(frozen=True, eq=False)
class Data:
    """Tasks to train on (clean), to look at, and those that measure; ``left_out`` as in ``without_shared``.

    ``untrained``: by task its family, where no view names that.
    """

    tasks: Sequence[MetaTask]
    checks: Sequence[MetaTask]
    exams: Sequence[MetaTask]
    unlabelled: Sequence[str]
    left_out: Mapping[str, tuple[int, int]]
    untrained: Mapping[str, str]


def read_data(
    catalogs: Sequence[Path],
    views: Mapping[str, Sequence[str]],
    roles: Sequence[str],
    unlabelled: Sequence[str] = (),
    *,
    ships: bool,
    progress: Callable[[str], None] | None = None,
) -> Data:
    """Read catalogues, and leave out what their exam tasks hold, of ``unlabelled`` texts too.

    :param views: the families that train each; tasks of other families are left out, with a warning.
    :param roles: of the tasks to train on; ``validation`` tasks are looked at where they are not.
    :param ships: train only on what may be trained on for weights that are given away.
    :param progress: called with the name of each task before it is compared with the exams.
    :raises LearnError: a catalogue or a task cannot be used, or there is nothing to train on.
    """
    family_of = families_of(*catalogs, roles=roles, ships=ships)
    wanted = {family for families in views.values() for family in families}
    untrained = {name: family for name, family in family_of.items() if family not in wanted}
    if family_of:
        _check_families(views, set(family_of.values()))
    if untrained:
        named = ", ".join(f"{name} ({family})" for name, family in untrained.items())
        log.warning("left out, because no view names their family: %s", named)
    tasks = read_catalog(*catalogs, roles=roles, ships=ships, families=wanted)
    exams = read_catalog(*catalogs, roles=["exam"], needed=False)
    looked = [] if "validation" in roles else ["validation"]
    checks = read_catalog(*catalogs, roles=looked, needed=False)
    none = Rows((), np.empty(0, np.int64))
    texts = Rows(tuple(unlabelled), np.zeros(len(unlabelled), np.int64))
    raw = MetaTask(UNLABELLED, "", "train", True, "", {}, texts, none)
    clean, left_out = without_shared([*tasks, raw] if unlabelled else tasks, exams, progress)
    kept = clean.pop().train.texts if unlabelled else ()
    return Data(clean, checks, exams, kept, left_out, untrained)


def _check_families(views: Mapping[str, Sequence[str]], known: set[str]) -> None:
    for view, families in views.items():
        if not known & set(families):
            raise LearnError(
                f"no task of the families {', '.join(families)} in the catalogue: view {view!r} cannot learn; "
                f"those to train on are of: {', '.join(sorted(known))}"
            )


def make_masked(data: Data, settings: MetaSettings, mask: str) -> dict[str, list[MetaTask]]:
    """For each view its tasks made of the unlabelled texts; empty where none are wanted.

    They belong to a family of their own, ``masked:VIEW``.

    :raises LearnError: texts are missing, or no task can be made of them.
    """
    if not settings.masked_words:
        return {}
    if not data.unlabelled:
        raise LearnError(
            f"masked_words = {settings.masked_words} needs texts to mask words in: give --unlabelled"
        )
    found = {}
    for view in settings.views:
        generator = np.random.default_rng([settings.seed, *b"masked", *view.encode()])
        made = masked_tasks(
            data.unlabelled, f"masked:{view}", settings.masked_words, mask, generator, f"masked_{view}"
        )
        if not made:
            raise LearnError(
                f"no task can be made of the {len(data.unlabelled):,} unlabelled texts: too few words stand in "
                "several of them; give more texts"
            )
        if len(made) < settings.masked_words:
            log.warning("the unlabelled texts give view %s only %d masked tasks", view, len(made))
        found[view] = made
    return found


def check_weights(catalogs: Sequence[Path], settings: MetaSettings, data: Data) -> None:
    """Say which weights count for nothing here: tasks that only other trainings of these catalogues draw.

    Those may be in one file of settings: tasks left out for their licence, or looked at, or of another family.

    :raises UnknownName: nobody knows the task.
    :raises LearnError: no training ever draws it.
    """
    weighed = set(settings.weights)
    if exams := sorted(weighed & {task.name for task in data.exams}):
        raise LearnError(
            f"weights names {', '.join(exams)}, which no training draws from: "
            f"{'they are exams' if len(exams) > 1 else 'it is an exam'}"
        )
    others = weighed - {task.name for task in data.tasks}
    known = set(families_of(*catalogs, roles=["train", "validation"])) if others else set()
    for name in settings.weights:
        if name in others - known:
            raise UnknownName("task to weigh", name, known)
    if others:
        log.warning("weights of tasks that this training does not draw from: %s", ", ".join(sorted(others)))


def own_tasks(
    view: str, families: Sequence[str], data: Data, masked: Mapping[str, Sequence[MetaTask]]
) -> list[MetaTask]:
    """The tasks that train a view."""
    return [*(task for task in data.tasks if task.family in families), *masked.get(view, ())]
