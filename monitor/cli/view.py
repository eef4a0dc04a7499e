"""The live view of ``monitor run``: documents as they are labelled, counts, alerts.

It reads the database like anybody else, so the daemon knows nothing of it.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.cells import set_cell_size
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from monitor.alerts.message import context
from monitor.alerts.series_in_words import about
from monitor.cli.drawing import bars
from monitor.cli.output import shorten
from monitor.pipeline.alerting.following import alert_data
from monitor.store import Store
from monitor.store.alerts import StoredAlert
from monitor.store.documents import History
from monitor.types import Prediction, StoredDocument

log = logging.getLogger(__name__)

LINES_A_ROUND = 12
"""More documents than that in one round are summed up in a line."""
COUNTS_EVERY_S = 20.0
COLOURS = {"negative": "red", "positive": "green", "neutral": "bright_black"}


class View:
    """Prints what is new since it began: documents as they are labelled, alerts as they fire and end."""

    def __init__(self, database: Path, console: Console) -> None:
        self.database, self.console = database, console
        self._store: Store | None = None
        self._document = self._step = self._counted = 0
        self._history = History(0, None, None, 0)
        self._counts_at: datetime | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="view", daemon=True)

    @property
    def store(self) -> Store:
        """The view's own way into the database, opened when it is first needed."""
        if self._store is None:
            self._store = Store(self.database, create=False)
        return self._store

    def begin(self) -> None:
        """What is in the database by now is not new."""
        self._document = self.store.documents.newest(live=True)
        self._step = self.store.transitions.newest()
        self._history = self.store.documents.history()
        self._counted = self._document + self._history.count

    def start(self) -> None:
        """Print in the background until the program ends, what is new from now on."""
        if not self._thread.is_alive():
            self.begin()
            self._thread.start()

    def stop(self) -> None:
        """Print nothing any more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        complained = ""
        while not self._stop.wait(1.0):
            try:
                self.show_new()
            except Exception as error:  # the monitor does its work whether anybody sees it or not
                if str(error) != complained:
                    log.exception("the view left something out, and goes on")
                complained = str(error)
            else:
                complained = ""

    def show_new(self) -> None:
        """Print the documents and alerts that came, and the counts now and then."""
        self._show_history()
        documents = self.store.documents.after(self._document, 5000, live=True)
        if documents:
            self._document = documents[-1].id
            self._show_documents(documents)
        self._show_alerts()
        now = datetime.now(UTC)
        due = self._counts_at is None or (now - self._counts_at).total_seconds() >= COUNTS_EVERY_S
        seen = self._document + self._history.count
        if due and seen > self._counted:
            self._counts_at, self._counted = now, seen
            self._show_counts(now)

    def _show_documents(self, documents: list[StoredDocument]) -> None:
        said = self.store.predictions.shown([document.id for document in documents])
        for document in documents[-LINES_A_ROUND:]:
            self.console.print(_line(document, said.get(document.id, {})), overflow="ellipsis", no_wrap=True)
        if len(documents) > LINES_A_ROUND:
            self.console.print(f"[dim]... and {len(documents) - LINES_A_ROUND} more before these[/dim]")

    def _show_history(self) -> None:
        before, came = self._history, self.store.documents.history(self._history.until)
        times = [at for part in (before, came) for at in (part.first, part.last) if at is not None]
        count = before.count + came.count
        self._history = History(count, min(times, default=None), max(times, default=None), came.until)
        if not came.count:
            return
        if came.count <= LINES_A_ROUND:
            self._show_documents(self.store.documents.after(before.until, came.count, live=False))
        else:
            self.console.print(
                f"[dim]history: {count:,} documents labelled, {min(times):%d %b} to {max(times):%d %b %Y}[/dim]"
            )

    def _show_alerts(self) -> None:
        for step_id, alert_id, state in self.store.transitions.after(self._step, ("firing", "resolved"), 100):
            self._step = step_id
            alert = self.store.alerts.need(alert_id)
            if state == "firing":
                self.console.print(self._alert_panel(alert))
            elif alert.fired_at is not None:
                self.console.print(
                    f"[green]alert {alert.id} resolved[/green]: {escape(alert.rule)}, "
                    f"{escape(about(alert.kind, alert.selection))}"
                )

    def _alert_panel(self, alert: StoredAlert) -> Panel:
        said = context("firing", alert_data(self.store, alert))
        text = Text("\n".join(said["facts"]) + "\n")
        for shown in said["texts"]:
            at = datetime.fromisoformat(shown["event_at"]).astimezone()
            text.append(f"\n{at:%H:%M:%S} ", "dim")
            text.append(shorten(shown["title"] or shown["text"], 96))
        text.append(f"\nall of it: monitor alerts show {alert.id}", "dim")
        return Panel(
            text,
            title=f"[bold]ALERT {alert.id}: {escape(alert.rule)} - {escape(said['what'])}[/bold]",
            border_style="red",
            title_align="left",
        )

    def _show_counts(self, now: datetime) -> None:
        since = int((now - timedelta(hours=1)).timestamp())
        tasks = self.store.tasks.active()
        columns: dict[str, Counter[str]] = {}
        pairs: Counter[tuple[str, str]] = Counter()
        shaded = next((t.task for t in tasks if not t.task.multi and t.task.family == "sentiment"), None)
        for selection, count in self.store.series.totals(since):
            if len(selection) == 1:
                task, label = next(iter(selection.items()))
                columns.setdefault(task, Counter())[label] = count
            elif shaded is not None and shaded.name in selection:
                other = next(task for task in selection if task != shaded.name)
                pairs[f"{other}={selection[other]}", selection[shaded.name]] = count
        if not columns:
            return
        table = Table(
            box=None, pad_edge=False, title="the last hour", title_justify="left", title_style="bold"
        )
        for task in columns:
            table.add_column(escape(task), vertical="top")
        cells = []
        for task, counter in columns.items():
            lines = Text()
            for label, count in counter.most_common(9):
                lines.append(f"{set_cell_size(label, 14)} {count:>4} ")
                shades = shaded.labels if shaded is not None and task != shaded.name else ()
                if shades:
                    for shade in shades:
                        lines.append(
                            bars(pairs[f"{task}={label}", shade], counter), COLOURS.get(shade, "cyan")
                        )
                else:
                    lines.append(bars(count, counter), COLOURS.get(label, "cyan"))
                lines.append("\n")
            cells.append(lines)
        table.add_row(*cells)
        self.console.print()
        self.console.print(table)


def _line(document: StoredDocument, said: dict[str, list[Prediction]]) -> Text:
    text = Text(f"{document.event_at.astimezone():%H:%M:%S} ", "dim")
    text.append(
        f"{set_cell_size(document.source, 8)} ", "blue" if document.role == "publisher" else "magenta"
    )
    marks = Text()
    for task, predictions in said.items():
        for prediction in predictions:
            if not prediction.abstained:
                marks.append(f"{prediction.label} ", COLOURS.get(prediction.label, "cyan" if task else ""))
    marks.truncate(34, pad=True)
    text.append_text(marks)
    text.append(" " + shorten(document.title or document.text, 100))
    return text
