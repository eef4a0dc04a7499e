"""``monitor explain``: why does a task say that of a text?"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from rich.text import Text

from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.cli.output import console, printable, shorten
from monitor.errors import LearnError, MonitorError
from monitor.types import folded, legible

if TYPE_CHECKING:
    from monitor.learn.explain import Explanation, Word

TOP = 5
READ_AS = 500
"""So many characters of a text are shown in the words in which it is read."""
WORTH_SAYING = 0.1
"""Words with less than this share of the largest effect are not named, nor is that no label fits below this."""


@click.command("explain")
@click.argument("what", metavar="DOCUMENT|TEXT")
@click.option(
    "--task", "name", metavar="NAME", help="Explain this task's answer; not needed if there is only one."
)
@click.option("--label", metavar="LABEL", help="Explain this label instead of the task's answer.")
@json_option
@pass_app
def explain_command(app: App, what: str, name: str | None, label: str | None, as_json: bool) -> None:
    """Explain a task's answer for a document (its ID) or a TEXT, without storing anything.

    Shows the label, the runner-up, the nearest seeds with their cosine similarity, and the words that
    carried the label: each is left out in turn (in a long text, several together), and its effect is how
    much the label's log-odds then drop. Words with a negative effect spoke against the label. If a text may
    carry several labels, all it got are listed first and then explained one by one.
    If TEXT is -, it is read from standard input. A task reads every TEXT; where it does not read a document,
    because of its author's role, say, one line says why.

    Only the beginning of a long text is read, 256 tokens unless the encoder is set otherwise; a line says
    how far. A text in another language that is read word by word in English is shown in those words, too.

    A text that is itself an example has its example's label; then what the head would make of it is explained.

    With --json: one object with document_id, task, read (characters, from the start), read_as, example_of
    (its labels as an example, or null), text, label, probability, threshold, abstained, runner_up,
    runner_up_probability, margin, none (the probability that it carries no label), nearest (label, text,
    similarity, is_name), words (text, start, end, effect), said (all of the head's answers: label,
    probability, abstained) and others (objects from label to words, one for each further label given).
    """
    from monitor.pipeline.learning.corrections import text_in
    from monitor.pipeline.learning.explaining import explain_text, ready_reader
    from monitor.pipeline.learning.featurizer import Featurizer
    from monitor.pipeline.learning.languages import unprepared
    from monitor.shared_encoder import make_encoder

    store = app.synchronised_store
    name = name or _only_task([stored.task.name for stored in store.tasks.active()])
    store.tasks.need(name)
    featurizer = Featurizer(store, make_encoder(app.config))
    adapts = app.daemon() is None
    with console(stderr=True).status(f"learning {name} from its examples"):
        reader = ready_reader(store, featurizer, app.plugins, app.config.base, name, adapt=adapts)
    app.note_what_is_not_kept([reader])
    document_id = int(what) if what.isascii() and what.isdigit() else None
    if document_id is not None:
        text = text_in(store, reader, document_id)
    else:
        text = sys.stdin.buffer.read().decode("utf-8", "replace") if what == "-" else what
        text = text.encode("utf-8", "replace").decode().strip()
        if not legible(text):
            raise MonitorError("there is no text to explain")
    found = explain_text(store, featurizer, reader, text, label=label)
    read, read_as = featurizer.encoder.reads(text), featurizer.encoder.as_read(text)
    own = reader.examples.get(folded(text))
    if as_json:
        first, *others = map(asdict, found)
        also = [{key: value for key, value in one.items() if key not in ("text", "said")} for one in others]
        known = {
            "document_id": document_id,
            "task": name,
            "read": read,
            "read_as": read_as,
            "example_of": own,
        }
        print_json({**known, **first, "others": also})
    else:
        seeds = [stored.seed for stored in store.tasks.seeds(name)]
        if note := unprepared(featurizer.encoder, [text], [(reader.task, seeds)]):
            click.echo(f"note: {note}", err=True)
        if own is not None:
            click.echo(f"an example of {' and '.join(own)}, which is what the task says; the head by itself:")
        _print(found, read, read_as, several=reader.task.multi)


def _only_task(names: list[str]) -> str:
    if not names:
        raise LearnError("there are no tasks yet; add some to the configuration or with `monitor tasks add`")
    if len(names) > 1:
        raise click.UsageError(f"say which task with --task; known: {', '.join(names)}")
    return names[0]


def _print(found: Sequence[Explanation], read: int, read_as: str, *, several: bool) -> None:
    screen, text = console(), found[0].text
    screen.print(_marked(found))
    if read_as != text:
        screen.print(Text(f"(read as: {shorten(read_as, READ_AS)})", style="dim"))
    if read < len(text):
        screen.print(Text(f"(only the first {read:,} of {len(text):,} characters are read)", style="dim"))
    said = [f"{one.label} {one.probability:.0%}" for one in found[0].said if not one.abstained]
    if several:
        screen.print()
        screen.print(Text("said: " + (", ".join(said) or "none of the labels"), "bold"))
    for one in found:
        screen.print()
        _print_one(one)


def _print_one(found: Explanation) -> None:
    screen = console()
    line = Text(f"{found.label} {found.probability:.0%}", "bold")
    if found.abstained:
        line.append(f" (below {found.threshold:.0%}: the task does not say it)", "not bold")
    screen.print(line)
    # where several labels are said, another of them is no runner-up
    rivals = {one.label for one in found.said if len(found.said) > 1}
    if found.runner_up is not None and found.runner_up not in rivals:
        screen.print(
            Text(
                f"next: {found.runner_up} {found.runner_up_probability:.0%}, a margin of {found.margin:+.0%}"
            )
        )
    if found.none >= WORTH_SAYING:
        screen.print(Text(f"none of the labels: {found.none:.0%}"))
    for title, words in (("for it:", _carried(found)), ("against it:", _carried(found, against=True))):
        if words:
            said = ", ".join(f"{shorten(w.text, 40)} {w.effect:+.2f}" for w in words)
            screen.print(Text(f"{title:12}{said}"))
    screen.print()
    for near in found.nearest:
        what = "name" if near.is_name else "seed"
        screen.print(
            Text(f"{near.similarity:5.2f}  {near.label} {what}: {printable(shorten(near.text, 100))}"),
            overflow="ellipsis",
            no_wrap=True,
        )


def _carried(found: Explanation, *, against: bool = False) -> list[Word]:
    """The words to name: those that carried the label, or spoke against it, by more than next to nothing."""
    largest = max((abs(word.effect) for word in found.words), default=0.0)
    return [w for w in found.top(TOP, against=against) if abs(w.effect) >= WORTH_SAYING * largest]


def _marked(found: Sequence[Explanation]) -> Text:
    """The text with its words coloured; cut after the last line that fits a screen.

    A word that carried one of the labels and spoke against another has the colour of the first.
    """
    shown = Text(printable(found[0].text))
    carried = {(word.start, word.end) for one in found for word in _carried(one)}
    against = {(word.start, word.end) for one in found for word in _carried(one, against=True)}
    for places, style in ((carried, "bold green"), (against - carried, "red")):
        for start, end in sorted(places):
            shown.stylize(style, start, end)
    shown.truncate(2000, overflow="ellipsis")
    return shown
