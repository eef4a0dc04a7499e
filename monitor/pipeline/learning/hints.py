"""What is no fault of a task, or of the sources, but worth a look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from shlex import quote

from monitor.config.model import SourceConfig
from monitor.interfaces import Encoder
from monitor.pipeline.learning.languages import names_unread
from monitor.store.tasks import StoredSeed
from monitor.templating import short
from monitor.types import NO_LABEL, Seed, Task, folded

FEW = 4
"""Seeds; while a label has fewer, what its name and description say counts for much."""


def hints(
    task: Task, seeds: Sequence[Seed], stored: Iterable[StoredSeed], encoder: Encoder | None
) -> list[str]:
    """What to tell whoever owns ``task``, a line each.

    :param seeds: that it learns from.
    :param stored: all that the database has of it.
    """
    return [
        *uneven_descriptions(task, [seed.label for seed in seeds]),
        *contradictions(task, seeds),
        *seeds_without_label(task, stored),
        *names_unread(encoder, task, seeds),
    ]


def names_alone(task: Task, seeds: Sequence[object]) -> list[str]:
    """What to expect of a task without any seeds, and how to get more: for whoever has just made it."""
    if seeds:
        return []
    name = quote(task.name)
    return [
        "it knows only what its labels are called: half of its answers may be wrong until it has examples, "
        f"8 or more of each label (`monitor label {name}` asks about texts that came in, "
        f"`monitor seeds import {name} FILE` takes your own)"
    ]


def twins(sources: Sequence[SourceConfig]) -> list[str]:
    """That a source asks for what another one asks for: each text counts twice then."""
    first: list[tuple[str, object, str]] = []
    said = []
    for source in sources:
        # what else is said of a feed changes how it is fetched
        asks = getattr(source.settings, "url", None) if source.plugin == "rss" else source.settings
        before = next(
            (name for plugin, other, name in first if (plugin, other) == (source.plugin, asks)), None
        )
        if before is None:
            first.append((source.plugin, asks, source.name))
        else:
            said.append(f"{source.name}: reads the same as {before}, so that each text counts twice")
    return said


def contradictions(task: Task, seeds: Sequence[Seed]) -> list[str]:
    """That texts are examples of several labels where a text has one, or of a label and of none."""
    labels: dict[str, dict[str, None]] = {}
    for seed in seeds:
        labels.setdefault(folded(seed.text), {})[seed.label] = None
    torn = {
        text: list(own)
        for text, own in labels.items()
        if len(own) > 1 and (NO_LABEL in own or not task.multi)
    }
    if not torn:
        return []
    first = next(seed.text for seed in seeds if folded(seed.text) in torn)
    said = " and ".join(map(repr, torn[folded(first)]))
    are = "a text is an example" if len(torn) == 1 else f"{len(torn):,} texts are examples"
    what = "of labels and of none" if task.multi else "of several labels, of which a text has one"
    return [f"{are} {what}: {short(first, 60)!r} of {said}"]


def seeds_without_label(task: Task, stored: Iterable[StoredSeed]) -> list[str]:
    """That seeds which commands added count no more, for the task has other labels now."""
    lost = Counter(s.seed.label for s in stored if s.origin == "command" and not s.counts_for(task.labels))
    early = lost.pop(NO_LABEL, 0)
    before = [
        f"{early:,} {'text was' if early == 1 else 'texts were'} said to carry none of the labels before there were "
        f"those of now, which {'it' if early == 1 else 'they'} may carry: look at what `monitor seeds list "
        f"{quote(task.name)} --label '{NO_LABEL}'` shows, and give again what still carries none"
    ] * (early > 0)
    return before + [
        f"{count:,} {'seed' if count == 1 else 'seeds'} added by command {'has' if count == 1 else 'have'} "
        f"the label {label!r}, which the task no longer has: `monitor seeds list {quote(task.name)}` shows "
        f"{'it' if count == 1 else 'them'}"
        for label, count in lost.items()
    ]


def uneven_descriptions(task: Task, seeds: Iterable[str]) -> list[str]:
    """That some labels are described and others are not, while that matters.

    A described label draws other texts than one that has a name alone, and more or fewer of them.
    """
    described = sum(bool(description.strip()) for description in task.labels.values())
    counts = Counter(seeds)
    if described in (0, len(task.labels)) or all(counts[label] >= FEW for label in task.labels):
        return []
    have = "has" if described == 1 else "have"
    return [
        f"{described} of {len(task.labels)} labels {have} a description: "
        "describe all or none, for a described label draws too many texts, or too few"
    ]
