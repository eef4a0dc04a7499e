"""What benchmarks on folders of tasks share: which tasks, their features, and where results are kept."""

from __future__ import annotations

import json
import platform
import subprocess
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

from monitor.learn.encoder import EMBEDDED_SHA256, TransformerEncoder, open_views
from monitor.learn.support import Support, name_text
from monitor.learn.task_folder import read_rows

RESULTS = Path(__file__).parent / "results"
MOST_TRAIN, MOST_TEST = 2000, 800
ROLES = ("validation", "exam", "unseen")
"""``unseen``: tasks to train on whose licence keeps them from weights that ship, so that those have not seen them."""


def of_role(catalog: Mapping[str, Mapping[str, Any]], role: str) -> list[str]:
    """The names of the tasks of a role (:data:`ROLES`), sorted."""
    wanted = ("train", False) if role == "unseen" else (role, None)
    return sorted(
        name
        for name, entry in catalog.items()
        if entry["role"] == wanted[0] and wanted[1] in (None, entry["ships"])
    )


def on_tasks(command: Callable[..., None]) -> Callable[..., None]:
    """What each of these commands is told: TASKS_DIR, and the options of :func:`folders_of` and :func:`write`."""
    for told in (
        click.option(
            "--results", type=click.Path(path_type=Path), default=RESULTS, help="Folder of the result file."
        ),
        click.option("--cache", type=click.Path(path_type=Path), help="A folder where features are kept."),
        click.option(
            "--views",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help="Views that `monitor meta-train` wrote, such as some that have not seen the tasks.",
        ),
        click.option("--date", required=True, help="Today's date, for the log."),
        click.option("--role", type=click.Choice(ROLES), required=True, help="Which tasks."),
        click.argument("tasks", type=click.Path(path_type=Path, exists=True, file_okay=False)),
    ):
        command = told(command)
    return command


class Folder:
    """A task's labels, names, and features and labels (as numbers) of its training and test texts."""

    def __init__(self, folder: Path, encoder: TransformerEncoder, cache: Path | None) -> None:
        train, test = read_rows(folder / "train.jsonl"), read_rows(folder / "test.jsonl")
        train, test = _some(train, MOST_TRAIN), _some(test, MOST_TEST)
        self.labels = sorted({row.label for row in train})
        place = {label: index for index, label in enumerate(self.labels)}
        test = [row for row in test if row.label in place]
        self.names_of = [row.label for row in train]
        self.truth = np.array([place[row.label] for row in train])
        self.test_truth = np.array([place[row.label] for row in test])
        names = [name_text(label, "") for label in self.labels]
        texts = [*(row.text for row in [*train, *test]), *names]
        said = encoder.prior(names)
        self.view = max(said, key=lambda view: said[view])
        kept = None if cache is None else cache / f"{folder.name}-{encoder.fingerprint[:12]}.npz"
        if kept is not None and kept.exists():
            by_view = dict(np.load(kept, allow_pickle=False))
        else:
            by_view = encoder.encode(texts, list(said))
            if kept is not None:
                kept.parent.mkdir(parents=True, exist_ok=True)
                np.savez(kept, **by_view)
        ends = [len(train), len(train) + len(test)]
        self.train, self.test, self.names = np.split(by_view[self.view], ends)
        self.train_by_view = {view: features[: ends[0]] for view, features in by_view.items()}

    def support(self, seeds: np.ndarray | list[int]) -> Support:
        """What a head is fitted to, of training texts by number."""
        targets = np.eye(len(self.labels), dtype=np.float32)[self.truth[seeds]]
        return Support(self.train[seeds], targets, self.names, self.train[:0])


def write(
    name: str,
    what: str,
    options: str,
    role: str,
    date: str,
    summary: Any,
    tasks: Any,
    results: Path,
) -> None:
    """Keep what a run of ``name.py`` measured, and say where; ``options``: those of its own that it had."""
    git = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    report = {
        "what": what,
        "role": role,
        "command": f"python benchmarks/{name}.py TASKS_DIR --role {role} --date {date} {options}",
        "date": date,
        "commit": commit,
        "machine": platform.processor() or platform.machine(),
        "summary": summary,
        "tasks": tasks,
    }
    results.mkdir(exist_ok=True)
    path = results / f"{name}-{role}-{date}-{commit}.json"
    path.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    click.echo(f"written to {path}")


def folders_of(
    tasks: Path, role: str, cache: Path | None, views: Path | None = None
) -> Iterator[tuple[str, Folder]]:
    """Each task of a role in ``tasks`` by name, read with what the program comes with.

    :param cache: a folder where features are kept.
    :param views: a file of views in place of those that ship.
    """
    catalog = tomllib.loads((tasks / "catalog.toml").read_text("utf-8"))
    opened = None if views is None else open_views(views, encoder=EMBEDDED_SHA256)
    encoder = (
        TransformerEncoder.shipped()
        if opened is None
        else TransformerEncoder.shipped(views=opened, views_sha256=None)
    )
    for name in of_role(catalog, role):
        yield name, Folder(tasks / name, encoder, cache)


def _some(rows: list[Any], most: int) -> list[Any]:
    return [rows[i] for i in sorted(np.random.default_rng(0).permutation(len(rows))[:most])]
