"""Few seeds, one run: ours at every depth beside logistic regression, SetFit and FastFit.

    python benchmarks/fewshot.py TASKS_DIR --role validation --date 2026-01-31
    python benchmarks/fewshot.py TASKS_DIR --role validation --date 2026-01-31 --peers lr,setfit --setfit-python PATH
    python benchmarks/fewshot.py --table benchmarks/results/fewshot-2026-01-31-1.json
    python benchmarks/fewshot.py --write README.md benchmarks/results/fewshot-2026-01-31-1.json

TASKS_DIR holds a ``catalog.toml`` (a table for each task, with its ``role``) and a folder for each
task with ``train.jsonl`` and ``test.jsonl``; files ``published_5.jsonl`` and the like are the
draws of their task. Everybody gets the same draws, the same encoder and the same machine.
Every adaptation is a cell of the result file, written when it is measured; the same command
again measures what is missing. SetFit and FastFit need versions of their own: give the Python
of an environment that has them (``pip install setfit==1.2.0``; ``pip install fast-fit==1.2.1 "datasets<3"
"transformers<4.45" "numpy<2"``). ``lr`` needs scikit-learn.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
from fewshot_bench import Bench, Key
from fewshot_peers import PEERS
from fewshot_table import RESULTS, mark, read_published, read_report, table, write_table

from monitor.errors import UnknownName
from monitor.learn.depths import DEPTHS
from monitor.learn.encoder import EMBEDDED_SHA256, TransformerEncoder, embedded_folder

ROOT = Path(__file__).resolve().parent.parent


def chosen(catalog: Mapping[str, Mapping[str, Any]], role: str, names: str) -> list[str]:
    """The tasks of a role, or those of ``names`` (with commas), which must have it."""
    known = sorted(name for name, entry in catalog.items() if entry["role"] == role)
    wanted = [name.strip() for name in names.split(",")] if names else known
    for name in wanted:
        if name not in known:
            raise UnknownName(f"{role} task", name, known)
    return wanted


def machine() -> dict[str, Any]:
    """What this runs on."""
    import torch

    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {
        "cpu": cpu or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.system(),
    }


def commit() -> str:
    """The commit that runs; a plus says that the product differs from it."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "monitor") else "")


def save(path: Path, report: Mapping[str, Any]) -> None:
    """Write the report, whole or not at all."""
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    unfinished.replace(path)


def fill(
    path: Path,
    head: Mapping[str, Any],
    run: Mapping[str, Any],
    todo: Sequence[tuple[Bench, Key]],
    features: str,
    pythons: Mapping[str, str],
    iterations: int,
) -> dict[str, Any]:
    """Measure every cell that the file at ``path`` lacks; returns what it then holds.

    :param features: the fingerprint of the encoder with its views, which our cells depend on.
    """
    report: dict[str, Any] = read_report(path) if path.is_file() else {**head, "runs": [], "cells": []}
    for name in ("role", "draws", "encoder", "machine"):
        if report[name] != head[name]:
            raise click.ClickException(
                f"{path.name} has another {name}: {report[name]}. Give another --number"
            )
    asked = {key.method for _, key in todo}
    for cell in report["cells"]:
        if cell["method"] in asked and cell.get("features", features) != features:
            raise click.ClickException(
                f"{path.name} holds {cell['method']} of other weights. Give another --number"
            )
    done = {Key(*(cell[name] for name in Key.__dataclass_fields__)) for cell in report["cells"]}
    own = {**run, "cells": 0}
    for bench, key in todo:
        if key in done:
            continue
        cell = {**vars(key), **bench.measure(key, pythons, iterations), "commit": run["commit"]}
        if not own["cells"]:
            report["runs"].append(own)
        own["cells"] += 1
        report["cells"].append(cell)
        save(path, report)
        click.echo(
            f"{key.task:32} {key.split:12} {key.method:8} draw {key.draw}  {100 * cell['accuracy']:5.1f}  "
            f"{cell['adapt_seconds']:8.2f} s"
        )
    return report


@click.command()
@click.argument("places", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--role", type=click.Choice(["validation", "exam"]), help="Which tasks. Exams are counted.")
@click.option("--date", help="Today's date, for the log.")
@click.option("--tasks", "names", default="", metavar="A,B", help="Only these tasks of the role.")
@click.option("--shots", default="8", show_default=True, metavar="N,N", help="Seeds a label.")
@click.option("--splits", default="", metavar="A,B", help="Only these published splits, such as published_5.")
@click.option("--draws", default=5, show_default=True, help="Draws each.")
@click.option("--depths", default=",".join(DEPTHS), show_default=True, metavar="A,B", help="Ours; or none.")
@click.option(
    "--peers", default="lr", show_default=True, metavar="A,B", help=f"Of {', '.join(PEERS)}; or none."
)
@click.option(
    "--number", default=1, show_default=True, help="Which run of the day; the same again goes on with it."
)
@click.option("--setfit-python", metavar="PATH", help="The Python of an environment with setfit.")
@click.option("--fastfit-python", metavar="PATH", help="The Python of an environment with fast-fit.")
@click.option(
    "--setfit-iterations",
    default=20,
    show_default=True,
    help="num_iterations of SetFit beyond 100 seeds in all.",
)
@click.option(
    "--results", type=click.Path(path_type=Path), default=RESULTS, help="Folder of the result files."
)
@click.option("--table", "show", is_flag=True, help="PLACES are result files: print their table.")
@click.option("--write", type=click.Path(path_type=Path, exists=True), help="Put their table into this page.")
def main(
    places: tuple[Path, ...],
    role: str | None,
    date: str | None,
    names: str,
    shots: str,
    splits: str,
    draws: int,
    depths: str,
    peers: str,
    number: int,
    setfit_python: str | None,
    fastfit_python: str | None,
    setfit_iterations: int,
    results: Path,
    show: bool,
    write: Path | None,
) -> None:
    """Measure what is missing of a run on the tasks of a folder, or show result files as a table."""
    if show or write:
        text = table([read_report(path) for path in places], read_published())
        if write:
            write_table(write, text)
            mark(places, results)
        click.echo(text)
        return
    if len(places) != 1 or role is None or date is None:
        raise click.UsageError("measuring needs one TASKS_DIR, --role and --date")
    ours, others = ([n.strip() for n in said.split(",") if n.strip() != "none"] for said in (depths, peers))
    for kind, given, known in (("depth", ours, DEPTHS), ("peer", others, PEERS)):
        for name in given:
            if name not in known:
                raise click.UsageError(str(UnknownName(kind, name, known)))
    catalog = tomllib.loads((places[0] / "catalog.toml").read_text("utf-8"))
    try:
        tasks = chosen(catalog, role, names)
    except UnknownName as error:
        raise click.UsageError(str(error)) from error
    encoder, public = TransformerEncoder.shipped(), TransformerEncoder(embedded_folder(), wordlists=())
    counts = [int(k) for k in shots.split(",")]
    benches = [Bench(places[0] / name, encoder, public, counts, draws) for name in tasks]
    pythons = {name: path for name, path in (("setfit", setfit_python), ("fastfit", fastfit_python)) if path}
    hidden = {str(places[0]): "TASKS_DIR", str(setfit_python): "PATH", str(fastfit_python): "PATH"}
    run = {
        "date": date,
        "commit": commit(),
        "command": "python benchmarks/fewshot.py "
        + " ".join(hidden.get(word, word) for word in sys.argv[1:]),
        "load_before": os.getloadavg()[0],
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "transformers", "numpy", "scipy", "scikit-learn")},
        },
    }
    head = {
        "what": "few seeds: ours by depth beside other ways to learn; same draws, same encoder, same machine",
        "role": role,
        "date": date,
        "readme": False,
        "draws": draws,
        "encoder": f"all-MiniLM-L6-v2 {EMBEDDED_SHA256[:12]}",
        "machine": machine(),
    }
    results.mkdir(exist_ok=True)
    path = results / f"fewshot-{date}-{number}.json"
    # By way of learning, so that what is slow comes last.
    order = {name: place for place, name in enumerate([*ours, *others])}
    todo = sorted(
        (
            (bench, key)
            for bench in benches
            for key in bench.keys(ours, others)
            if not splits or key.split in splits.split(",")
        ),
        key=lambda pair: order[pair[1].method],
    )
    report = fill(path, head, run, todo, encoder.fingerprint, pythons, setfit_iterations)
    click.echo(table([report], read_published()))
    click.echo(f"{path} holds {len(report['cells'])} cells")


if __name__ == "__main__":
    main()
