"""The table of the README, from result files of ``fewshot.py`` and ``published.toml``; and the log of exams."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, median, pstdev
from typing import Any

import click

RESULTS = Path(__file__).parent / "results"
PUBLISHED = Path(__file__).parent / "published.toml"
BEGIN, END = "<!-- fewshot -->", "<!-- /fewshot -->"
COLUMNS = {
    "lr": "logistic regression",
    "setfit": "SetFit",
    "fastfit": "FastFit",
}
"""Headings of the peers; ours are called by their depth."""

Cell = Mapping[str, Any]


def read_report(path: Path) -> dict[str, Any]:
    """A result file."""
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def readme_reports(results: Path = RESULTS) -> list[Path]:
    """The result files that the README's table is made of: those marked so, by name."""
    return [path for path in sorted(results.glob("fewshot-*.json")) if read_report(path).get("readme")]


def count_exams(results: Path = RESULTS) -> int:
    """How often the exam was run: each state of the code (commit) in each result file with that role."""
    total = 0
    for path in sorted(results.glob("*.json")):
        report = read_report(path)
        if report.get("role") == "exam":
            runs = report.get("runs", [{"commit": report.get("commit")}])
            total += len({run["commit"] for run in runs if run.get("cells", 1)})
    return total


def table(reports: Sequence[Mapping[str, Any]], published: Mapping[str, Any]) -> str:
    """Markdown: a row for each task and number of seeds, a column for each way to learn, notes below.

    What several reports measured is taken from the last of them.
    """
    last = {
        (cell["task"], cell["split"], cell["method"], cell["draw"]): cell
        for report in reports
        for cell in report["cells"]
    }
    cells: dict[tuple[str, str], dict[str, list[Cell]]] = {}
    for (task, split, method, _), cell in last.items():
        cells.setdefault((task, split), {}).setdefault(method, []).append(cell)
    names = {task: found for (task, split), found in cells.items() if split == "names"}
    measured = sorted((key for key in cells if key[1] != "names"), key=lambda key: (key[0], _shots(key[1])))
    rows = {key: {**names.get(key[0], {}), **cells[key]} for key in measured}
    methods = _in_order({method for found in rows.values() for method in found})
    lines = [
        _row(["task", "seeds a label", *(COLUMNS.get(method, method) for method in methods), "published"]),
        _row(["---", "--:", *("--:" for _ in methods), "---"]),
    ]
    for (task, split), found in rows.items():
        shown = [_accuracy(found.get(method, [])) for method in methods]
        lines.append(_row([task, _seeds(split), *shown, _published(published, task, split)]))
    lines += _means(rows, methods)
    return "\n".join([*lines, "", *_notes(reports, rows, published)])


def write_table(page: Path, text: str) -> None:
    """Put the table between the two comments of a page. Raises ``click.ClickException`` where they are missing."""
    old = page.read_text("utf-8")
    if old.count(BEGIN) != 1 or old.count(END) != 1 or old.index(BEGIN) > old.index(END):
        raise click.ClickException(
            f"{page} needs the lines {BEGIN} and {END}, once each: put them where the table is to stand"
        )
    before, rest = old.split(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}", "utf-8")


def table_of(page: str) -> str | None:
    """What stands between the two comments of a page; ``None`` where they are missing."""
    found = re.search(f"{re.escape(BEGIN)}\n(.*)\n{re.escape(END)}", page, re.DOTALL)
    return found.group(1) if found else None


def mark(paths: Sequence[Path], results: Path = RESULTS) -> None:
    """Mark these result files, and no others, as those that the README shows."""
    shown = {path.resolve() for path in paths}
    for path in sorted({*shown, *(path.resolve() for path in results.glob("fewshot-*.json"))}):
        report = read_report(path)
        if report.get("readme", False) != (path in shown):
            path.write_text(json.dumps({**report, "readme": path in shown}, indent=1) + "\n", "utf-8")


def read_published(path: Path = PUBLISHED) -> dict[str, Any]:
    """The figures of others."""
    return tomllib.loads(path.read_text("utf-8"))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _in_order(methods: set[str]) -> list[str]:
    """Ours first, the lightest first, then the peers."""
    order = ["names", "seeds", "stream", "deep", *COLUMNS]
    return sorted(methods, key=lambda method: (order.index(method) if method in order else 4.5, method))


def _shots(split: str) -> int:
    return int(split.rpartition("_")[2])


def _seeds(split: str) -> str:
    return f"{_shots(split)}, published split" if split.startswith("published") else split


def _accuracy(found: Sequence[Cell]) -> str:
    if not found:
        return "–"
    values = [100 * cell["accuracy"] for cell in found]
    sign = "*" if any(cell.get("settings") for cell in found) else ""
    return f"{mean(values):.1f}{f' ± {pstdev(values):.1f}' if len(values) > 1 else ''}{sign}"


def _published(published: Mapping[str, Any], task: str, split: str) -> str:
    shown = []
    for figure in published["figure"]:
        own = figure["accuracy"].get(task, {})
        shown += [f"{figure['method']} {own[key]:.1f}" for key in (str(_shots(split)), "all") if key in own]
    return ", ".join(shown)


def _means(rows: Mapping[tuple[str, str], Mapping[str, list[Cell]]], methods: Sequence[str]) -> list[str]:
    """Means over all rows of the methods that have them all; then, for each method that has some, over those.

    What has one row only has no means.
    """
    of = {method: tuple(key for key, found in rows.items() if method in found) for method in methods}
    lines: list[str] = []
    told: set[tuple[tuple[str, str], ...]] = set()
    for method in sorted(methods, key=lambda method: -len(of[method])):
        if len(of[method]) < 2 or of[method] in told:
            continue
        told.add(of[method])
        own = [rows[key] for key in of[method]]
        beside = [other for other in methods if all(other in found for found in own)]
        whose = "" if len(own) == len(rows) else f" that {COLUMNS.get(method, method)} has"
        lines += _mean_rows(own, beside, methods, f"{len(own)} rows{whose}")
    return lines


def _mean_rows(
    rows: Sequence[Mapping[str, list[Cell]]], own: Sequence[str], methods: Sequence[str], many: str
) -> list[str]:
    """The measures of the methods ``own`` over ``rows``; a dash for the other methods."""

    def over(measure: str, show: Any) -> list[str]:
        shown = []
        for method in methods:
            cells = [found[method] for found in rows] if method in own else []
            known = bool(cells) and all(measure in cell for group in cells for cell in group)
            shown.append(show([mean(cell[measure] for cell in group) for group in cells]) if known else "–")
        return shown

    lines = [
        _row([f"mean accuracy, {many}", "", *over("accuracy", lambda v: f"{100 * mean(v):.1f}"), ""]),
        _row([f"mean macro-F1, {many}", "", *over("macro_f1", lambda v: f"{100 * mean(v):.1f}"), ""]),
        _row(
            ["calibration error, mean", "", *over("calibration_error", lambda v: f"{100 * mean(v):.1f}"), ""]
        ),
    ]
    chance = over("calibration_noise", lambda v: f"{100 * mean(v):.1f}")
    if set(chance) != {"–"}:  # older results do not have it
        lines.append(_row(["true probabilities would show", "", *chance, ""]))
    return [
        *lines,
        _row(["log-loss, mean", "", *over("log_loss", lambda v: f"{mean(v):.2f}"), ""]),
        _row(["seconds to adapt, median (most)", "", *over("adapt_seconds", _median_and_most), ""]),
    ]


def _median_and_most(values: Sequence[float]) -> str:
    return f"{_figures(median(values))} ({_figures(max(values))})"


def _figures(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def _notes(
    reports: Sequence[Mapping[str, Any]],
    rows: Mapping[tuple[str, str], Mapping[str, list[Cell]]],
    published: Mapping[str, Any],
) -> list[str]:
    settings = sorted(
        {
            f"{COLUMNS.get(method, method)} with {cell['settings']}"
            for found in rows.values()
            for method, cells in found.items()
            for cell in cells
            if cell.get("settings")
        }
    )
    machines = sorted({_machine(report["machine"]) for report in reports})
    seen = {cell["commit"] for found in rows.values() for cells in found.values() for cell in cells}
    runs = [run for report in reports for run in report["runs"] if run["commit"] in seen]
    commits, dates = (list(dict.fromkeys(run[name] for run in runs)) for name in ("commit", "date"))
    draws = sorted({report["draws"] for report in reports})
    tasks = {task for task, _ in rows}
    used = [f for f in published["figure"] if tasks & set(f["accuracy"])]
    own = "; ".join(f"{figure['method']}: {figure['model']} ({figure['source']})" for figure in used)
    return [
        f"Accuracy in %, mean ± standard deviation over {' or '.join(map(str, draws))} draws; one draw for published "
        f"splits. Measured {', '.join(dates)} at {', '.join(commits)} on {'; '.join(machines)}."
        + (f" \\* {'; '.join(settings)}." if settings else ""),
        *(["", f"*Published*, by others, with other encoders and draws: {own}."] if used else []),
    ]


def _machine(machine: Mapping[str, Any]) -> str:
    threads = machine["threads"]
    return f"{machine['cpu']}, {threads} thread{'s' if threads > 1 else ''}"
