"""A picture of accuracy against seeds a label. matplotlib is imported where it is drawn with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monitor.errors import LearnError
from monitor.learn.depths import BASELINE

FORMATS = (".pdf", ".png", ".svg")
ACROSS = 3  # panels a line


def check_picture(picture: Path) -> None:
    """Raise :class:`LearnError` where nothing can be drawn there: told before hours of measuring."""
    if picture.suffix.lower() not in FORMATS:
        raise LearnError(
            f"{picture} is no picture that can be drawn: its name must end in {', '.join(FORMATS)}"
        )
    if not picture.resolve().parent.is_dir():
        raise LearnError(f"the folder of {picture} does not exist: make it first")
    place, before = picture.resolve(), picture.exists()
    try:
        # Only trying tells, for roles and mounts count as well; what is there stays as it is.
        with place.open("ab"):
            pass
        if not before:
            place.unlink()
    except OSError as error:
        raise LearnError(f"{picture} cannot be written: {error.strerror or error}") from error


def curves(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, list[tuple[int, float, float]]]:
    """By depth, what a folder's rows come to: ``(seeds a label, mean accuracy, sd)``, by rising seeds.

    Where more were asked for than there are, it is those that there are.
    """
    found: dict[str, dict[int, tuple[int, float, float]]] = {}
    for row in rows.values():
        if row["shots"] is not None:
            seeds = min(row["shots"], row["most_seeds"])
            point = (seeds, row["accuracy"]["mean"], row["accuracy"]["sd"])
            found.setdefault(row["depth"], {})[seeds] = point
    return {depth: [points[k] for k in sorted(points)] for depth, points in found.items()}


def draw_learning_curves(found: Mapping[str, Mapping[str, Mapping[str, Any]]], picture: Path) -> None:
    """Draw a panel for each folder of what :func:`monitor.learn.evaluate.evaluate_folders` found.

    Lines are means over the draws, bands one standard deviation to each side.

    :raises LearnError: see :func:`check_picture`; or the picture cannot be written.
    """
    check_picture(picture)
    from matplotlib.figure import Figure

    across = min(ACROSS, len(found))
    down = -(-len(found) // across)
    figure = Figure(figsize=(4.6 * across, 3.6 * down), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).flat
    for panel, (name, rows) in zip(panels, found.items(), strict=False):
        drawn = curves(rows)
        for depth, points in drawn.items():
            shots, means, spreads = zip(*points, strict=True)
            plain = depth == BASELINE
            (line,) = panel.plot(
                shots,
                [100 * mean for mean in means],
                marker="o",
                markersize=4,
                linestyle="--" if plain else "-",
                color="0.45" if plain else None,
                label="logistic regression" if plain else depth,
            )
            low, high = (
                [100 * (m + sign * s) for m, s in zip(means, spreads, strict=True)] for sign in (-1, 1)
            )
            panel.fill_between(shots, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
        panel.set(title=name, xlabel="seeds a label", ylabel="accuracy, %")
        panel.set_xticks(sorted({seeds for points in drawn.values() for seeds, _, _ in points}))
        panel.grid(alpha=0.3)
        panel.legend(fontsize=8, loc="lower right")
    for panel in panels:  # what is left of the last line
        panel.axis("off")
    try:
        figure.savefig(picture, dpi=150)
    except OSError as error:
        raise LearnError(f"{picture} cannot be written: {error.strerror or error}") from error
