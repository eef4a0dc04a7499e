"""``monitor label``: the monitor asks, a person answers with one key each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from monitor.cli.app import App, json_option, pass_app
from monitor.cli.label_keys import BY_NAME, DONE, NONE, QUIT, SKIP, UNDO, has_terminal, keys_for, matching
from monitor.cli.label_shown import nothing, print_batch, show_question
from monitor.cli.output import number, shorten
from monitor.cli.parameters import DURATION
from monitor.cli.seeds import contradiction, said_of
from monitor.errors import MonitorError
from monitor.pipeline.learning.corrections import Correction, correct, take_back
from monitor.store import Store
from monitor.types import NO_LABEL, Seed, Task

if TYPE_CHECKING:
    from monitor.pipeline.learning.questions import Question

ROUND = 10
"""So many questions are chosen at once; then the answers count for the choice of the next."""


@click.command("label")
@click.argument("task")
@click.option(
    "--since",
    type=DURATION,
    default="90d",
    show_default=True,
    metavar="DURATION",
    help="Only documents that are no older than this.",
)
@click.option(
    "--batch", type=click.IntRange(min=1), metavar="N", help="Print N documents to ask about, and exit."
)
@json_option
@pass_app
def label_command(app: App, task: str, since: float, batch: int | None, as_json: bool) -> None:
    """Label the documents that TASK would learn most from, with one key each.

    The documents it is least sure of come first, no two of them alike; those that are seeds already are
    left out. Every answer becomes a seed at once, which a running monitor takes up. After ten answers the
    next documents are chosen with what was learned. Keys: s skips, n means that no label fits (the task learns
    to abstain on such texts; it counts until the task has another label), u undoes the last answer, q quits. If
    a text may carry several labels, their keys mark them and Enter stores them.

    With --batch nothing is asked, and no terminal is needed; `monitor seeds add TASK LABEL --document ID`
    stores an answer, with "(none)" for LABEL where none fits. With --json as well: one array of objects with
    id, source, role, event_at, text, guess, probability, abstained, why and previous: the message before it in
    its conversation (id, role, event_at and text), or null.
    """
    if as_json and batch is None:
        raise click.UsageError("--json goes with --batch N: without it, a person is asked")
    if batch is None and not has_terminal():
        raise NoTerminal
    desk = _open(app, task, lambda now: now - timedelta(seconds=since))
    if batch is not None:
        print_batch(desk.choose(batch), as_json, since)
        return
    asked = desk.choose(ROUND)
    if not asked:
        click.echo(nothing(since))
        return
    session = Session(desk.task, desk.store, app.now, click.getchar, click.prompt)
    while asked and session.ask(asked):
        asked = desk.choose(ROUND, leave_out=session.seen)
    if not session.ended:
        click.echo("no more documents to ask about")
    stored = sum(len(answer.corrections) for answer in session.answers)
    click.echo(f"{number(stored, 'seed')} stored" + (f"; {app.taken_up()}" if stored else ""))


class NoTerminal(MonitorError):
    """Nobody can be asked."""

    def __init__(self) -> None:
        super().__init__("there is no terminal to ask at; `--batch N` prints what would be asked")


@dataclass
class Desk:
    """Where the questions come from."""

    task: Task
    store: Store
    choose: Callable[..., list[Question]]


def _open(app: App, name: str, since: Callable[[datetime], datetime]) -> Desk:
    from monitor.pipeline.learning.explaining import ready_reader, renew
    from monitor.pipeline.learning.featurizer import Featurizer
    from monitor.pipeline.learning.questions import questions
    from monitor.shared_encoder import make_encoder

    store, adapts = app.synchronised_store, app.daemon() is None
    featurizer = Featurizer(store, make_encoder(app.config))
    reader = ready_reader(store, featurizer, app.plugins, app.config.base, name, app.now(), adapt=adapts)

    def choose(count: int, leave_out: Sequence[str] = ()) -> list[Question]:
        now = app.now()
        renew(store, featurizer, reader, now, adapt=adapts)
        return questions(store, featurizer, reader, now, since=since(now), count=count, leave_out=leave_out)

    return Desk(reader.task, store, choose)


@dataclass
class Answer:
    """What was answered to a question; no corrections: it was skipped."""

    question: Question
    corrections: list[Correction] = field(default_factory=list)


@dataclass
class Session:
    """Asks, and stores what is answered.

    ``read_key`` gives what was pressed; ``read_name`` asks for a line of text.
    """

    task: Task
    store: Store
    now: Callable[[], datetime]
    read_key: Callable[[], str]
    read_name: Callable[..., Any]
    answers: list[Answer] = field(default_factory=list)
    ended: bool = False

    @property
    def seen(self) -> list[str]:
        """The texts that were asked about."""
        return [answer.question.text for answer in self.answers]

    def ask(self, questions: Sequence[Question]) -> bool:
        """Ask them all; ``False`` when the person has had enough."""
        waiting = list(questions)[::-1]
        while waiting and not self.ended:
            question = waiting.pop()
            show_question(self.task, question, self._so_far())
            labels = self._answer(question)
            if labels is None:
                waiting.append(question)
                if not self.ended:
                    self._undo(waiting)
            elif labels:
                self._store(question, labels)
            else:
                self.answers.append(Answer(question))
        return not self.ended

    def _answer(self, question: Question) -> list[str] | None:
        """Labels, or that none fits; nothing to skip; ``None`` to undo or (having set :attr:`ended`) to quit."""
        keys, marked = keys_for(self.task, question), list[str]()
        while True:
            key = self._key()
            if marked and key in (SKIP, NONE):
                click.echo(f"  marked: {', '.join(marked)}; Enter stores that, {UNDO} takes it back")
                continue
            if marked and key == UNDO:
                marked = []
                click.echo("  marked: none")
                continue
            if marked and key == QUIT:
                click.echo(f"  not stored: {', '.join(marked)}")
            if key == QUIT:
                self.ended = True
            if key in (QUIT, UNDO):
                return None
            if key == SKIP:
                return []
            if key == NONE:
                return [NO_LABEL]
            label = self._by_name() if key == BY_NAME else keys.get(key)
            if label is not None and not self.task.multi:
                return [label]
            if label is not None:
                marked = [name for name in marked if name != label] + [label] * (label not in marked)
                click.echo(f"  marked: {', '.join(marked) or 'none'}")
            elif marked and key in DONE:
                return marked

    def _key(self) -> str:
        try:
            pressed = self.read_key()
        except (EOFError, KeyboardInterrupt):
            return QUIT
        except OSError:
            raise NoTerminal from None
        if not pressed:
            return QUIT
        return "" if pressed.startswith("\x1b") else pressed[0]  # arrow keys and the like say nothing

    def _by_name(self) -> str | None:
        typed = str(self.read_name("  label, or its beginning", default="", show_default=False)).strip()
        found = matching(typed, self.task.labels)
        if len(found) == 1:
            return found[0]
        if typed:
            click.echo(f"  {shorten(', '.join(found), 200) or 'no label begins like that'}")
        return None

    def _store(self, question: Question, labels: Sequence[str]) -> None:
        answer = Answer(question)
        with self.store.transaction():
            for label in labels:
                seed = Seed(question.text, label)
                answer.corrections.append(
                    correct(
                        self.store,
                        self.task.name,
                        seed,
                        self.now(),
                        document_id=question.document.id,
                        among=self.task.labels,
                    )
                )
        self.answers.append(answer)
        click.echo(f"  {'; '.join(map(said_of, answer.corrections))}")
        for standing in dict.fromkeys(s for done in answer.corrections for s in done.standing):
            click.echo(f"  {contradiction(standing)}", err=True)

    def _undo(self, waiting: list[Question]) -> None:
        if not self.answers:
            click.echo("  there is nothing to take back")
            return
        answer = self.answers.pop()
        with self.store.transaction():
            for correction in reversed(answer.corrections):
                take_back(self.store, correction, self.now())
        waiting.append(answer.question)
        click.echo("  taken back" if answer.corrections else "  back to what was skipped")

    def _so_far(self) -> str:
        """What was answered, and which question this is, in one line."""
        given = Counter(c.seed.label for answer in self.answers for c in answer.corrections)
        skipped = sum(not answer.corrections for answer in self.answers)
        done = ", ".join(f"{count} {label}" for label, count in given.most_common()) or "none"
        return f"{len(self.answers) + 1}  (labelled: {done}; skipped: {skipped})"
