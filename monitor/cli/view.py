"""The live view of ``monitor run``: documents as they are labelled, counts, alerts.

It reads the database like anybody else, so the daemon knows nothing of it.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
from monitor.cli.drawing import BAR, bars
from monitor.cli.output import shorten
from monitor.pipeline.alerting.following import alert_data
from monitor.pipeline.judging.topics import SENTIMENT
from monitor.store import Store
from monitor.store.documents import History
from monitor.store.stored_alert import StoredAlert
from monitor.types import Prediction, Selection, StoredDocument

log = logging.getLogger(__name__)

LINES_A_ROUND = 12
"""More documents than that in one round are summed up in a line."""
COUNTS_EVERY_S = 20.0
LABEL = 14
"""So many cells of a label are shown beside its count."""
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
        columns: dict[str, Counter[str]] = {}
        pairs: list[tuple[Selection, int]] = []
        for selection, count in self.store.series.totals(since):
            if len(selection) == 1:
                [(task, label)] = selection.items()
                columns.setdefault(task, Counter())[label] = count
            elif len(selection) == 2:
                pairs.append((selection, count))
        if columns:
            tasks = [stored.task for stored in self.store.tasks.active()]
            moods = {task.name: task.labels for task in tasks if not task.multi and task.family == SENTIMENT}
            self.console.print()
            self.console.print(counts_table(columns, pairs, moods, self.console.width))


def counts_table(
    columns: Mapping[str, Mapping[str, int]],
    pairs: Sequence[tuple[Selection, int]],
    moods: Mapping[str, Iterable[str]],
    width: int,
) -> Table:
    """The counts of the last hour, a column a task, with bars that show how the texts of a label sound.

    :param pairs: counts of texts that have two labels. :param moods: by task of sentiment its labels; of several, a
        task's bars are divided by the one that reads most of its texts.
    """
    table = Table(box=None, pad_edge=False, title="the last hour", title_justify="left", title_style="bold")
    room = min(BAR, width // len(columns) - LABEL - 8)  # beside a label, its count and blanks
    cells = []
    for task, counter in columns.items():
        table.add_column(escape(task), vertical="top")
        by_mood: dict[str, Counter[tuple[str, str]]] = {}
        for selection, count in pairs if task not in moods else ():
            for mood in moods.keys() & selection.keys() if task in selection else ():
                by_mood.setdefault(mood, Counter())[selection[task], selection[mood]] += count
        mood = max(by_mood, key=lambda name: by_mood[name].total(), default="")
        lines = Text()
        for label, count in Counter(counter).most_common(9):
            lines.append(f"{set_cell_size(label, LABEL)} {count:>4} ")
            parts = {shade: by_mood[mood][label, shade] for shade in moods[mood]} if mood else {label: count}
            drawn, so_far = "", 0
            for shade, part in parts.items():
                so_far += part
                bar = bars(so_far, counter, room)
                lines.append(bar.removeprefix(drawn), COLOURS.get(shade, "cyan"))
                drawn = bar
            lines.append("\n")
        cells.append(lines)
    table.add_row(*cells)
    return table


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
