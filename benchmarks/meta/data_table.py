"""The tasks that a training saw, as the table of a model card.

    python benchmarks/meta/data_table.py OUT/report.json TASKS_DIR [CATALOG_DIR...]

OUT is what ``monitor meta-train --out`` wrote; the folders are those it read. Tasks of the first folder get a row each,
with licence and source; the others, which were written for the project, a row for each family.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import click


def row(*cells: object) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(map(str, cells))} |"


@click.command()
@click.argument("report", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument(
    "catalogs", type=click.Path(path_type=Path, exists=True, file_okay=False), nargs=-1, required=True
)
def main(report: Path, catalogs: tuple[Path, ...]) -> None:
    """Print the tables."""
    seen = json.loads(report.read_text("utf-8"))
    public, *written = (tomllib.loads((folder / "catalog.toml").read_text("utf-8")) for folder in catalogs)

    def counts(names: list[str]) -> tuple[int, str]:
        out = [seen["left_out"].get(name, {"exactly": 0, "nearly": 0}) for name in names]
        texts = sum(seen["tasks"][name]["texts"] for name in names)
        return texts, f"{sum(o['exactly'] for o in out)} + {sum(o['nearly'] for o in out)}"

    def head(*columns: str) -> None:
        click.echo(row(*columns))
        click.echo(row(*("---" for _ in columns)))

    own = sorted(name for name in seen["tasks"] if name in public)
    head("task", "family", "role", "texts", "left out (exactly + nearly)", "licence", "source")
    for name in own:
        entry: dict[str, Any] = public[name]
        click.echo(
            row(
                name,
                entry["family"],
                entry["role"],
                *counts([name]),
                entry["licence"],
                entry["source"].split()[0],
            )
        )
    click.echo(row("all of these", "", "", *counts(own), "", ""))
    for catalog in written:
        click.echo()
        head("written, of family", "tasks", "texts", "left out (exactly + nearly)")
        practised = sorted(name for name in seen["tasks"] if name in catalog)
        for family in sorted({catalog[name]["family"] for name in practised}):
            names = [name for name in practised if catalog[name]["family"] == family]
            click.echo(row(family, len(names), *counts(names)))
        click.echo(row("all of these", len(practised), *counts(practised)))


if __name__ == "__main__":
    main()
