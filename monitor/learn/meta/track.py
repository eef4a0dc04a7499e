"""What a training came to, step by step: JSON lines, TensorBoard files where that is installed, and a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from monitor.errors import LearnError

METRICS = "metrics.jsonl"


class Tracker:
    """Writes figures by step. What a training that was stopped wrote after its checkpoint is dropped.

    :raises LearnError: the folder cannot be written to; so does :meth:`write`.
    """

    def __init__(self, folder: Path, done: int) -> None:
        self.file = folder / METRICS
        kept = [row for row in read_metrics(folder) if row["step"] <= done] if done else []
        self._board: Any = None
        try:
            self.file.write_text("".join(json.dumps(row) + "\n" for row in kept), "utf-8")
            if find_spec("tensorboard") is not None:
                from torch.utils.tensorboard import SummaryWriter

                self._board = SummaryWriter(
                    str(folder / "tensorboard"), purge_step=done + 1 if done else None
                )
        except OSError as error:
            raise self._full(error) from error

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Note figures such as ``topic/loss`` at a step."""
        try:
            with self.file.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": step, **figures}) + "\n")
            if self._board is not None:
                for name, value in figures.items():
                    self._board.add_scalar(name, value, step)
        except OSError as error:
            raise self._full(error) from error

    def close(self) -> None:
        """Write what is still in memory, as far as there is room for it."""
        if self._board is not None:
            with suppress(OSError):
                self._board.close()

    def _full(self, error: OSError) -> LearnError:
        return LearnError(
            f"{self.file.parent} cannot be written to ({error.strerror or error}): make room, "
            "then go on with --resume"
        )


def read_metrics(folder: Path) -> list[dict[str, float]]:
    """What a tracker wrote into a folder, in order; nothing where it wrote nothing. A line cut short is left out."""
    file = folder / METRICS
    rows = []
    for line in file.read_text("utf-8").splitlines() if file.is_file() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and "step" in row:
            rows.append(row)
    return rows


def draw_curves(folder: Path, picture: Path) -> None:
    """A picture of the curves in a folder."""
    from matplotlib.figure import Figure

    rows = read_metrics(folder)
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    names = sorted({name for row in rows for name in row if name != "step"})
    for axes, ending, title in (
        (left, "/loss", "training loss of episodes"),
        (right, "/accuracy", "validation accuracy, by task and seeds a label"),
    ):
        for name in names:
            if name.endswith(ending) and (ending == "/loss" or name.startswith("validation/")):
                points = [(row["step"], row[name]) for row in rows if name in row]
                axes.plot(*zip(*points, strict=True), label=name.removesuffix(ending), linewidth=1)
        axes.set(title=title, xlabel="step")
        if axes.lines:
            axes.legend(fontsize=6)
    figure.savefig(picture, dpi=120)


__all__ = ["METRICS", "Tracker", "draw_curves", "read_metrics"]
