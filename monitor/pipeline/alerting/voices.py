"""What the texts behind an alert say, whom they name, and where they come from. Every read is bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from monitor.alerts.representative import representative
from monitor.alerts.risen_names import Named, risen
from monitor.alerts.words import as_written, pieces_of, rising, terms
from monitor.moments import moment, moment_or_none
from monitor.store import Store
from monitor.store.background import EXCERPT, Excerpt
from monitor.types import Selection, StoredDocument

READ = 100
"""At most so many texts of an alert are read for its words and stories, the newest."""
EARLIER = 150
"""At most so many earlier texts of its series, and as many of all texts, say what is usual."""
TELLING = 40
"""Fewer earlier stories of a series do not tell what its words usually are."""
SHOWN = 5
SHOWN_TURNS = 8
SHOWN_CHARACTERS = 600
SOURCES = 8


def said(
    store: Store,
    documents: Sequence[StoredDocument],
    selection: Selection,
    talk: Sequence[StoredDocument],
    name: str,
) -> dict[str, Any]:
    """What the documents say, whom they name, and where they come from.

    :param documents: newest first; :param selection: the series whose earlier texts say what is usual.
    :param talk: the conversation that the alert is about, newest first, where it is about one.
    :param name: the name that it is about, or ``""``: that is no news.
    """
    background = store.background
    ids = [document.id for document in documents]
    stories = background.stories(ids)
    words = {d.id: words_of(d) for d in documents}
    first = min(ids, default=0)
    # an alert's own stories, told before it began, are no measure of what is usual
    own = set(stories.values())
    earlier = distinct(background.before(first, selection, EARLIER), own)
    # people write otherwise in a chat than in the news
    places = sorted({d.source for d in documents})
    others = distinct(background.of_sources(first, places, EARLIER), own)
    # where the series itself has hardly a past, what all texts say stands in for it
    usual = earlier if len(earlier) >= TELLING else earlier + others
    groups = [voice(d, stories) for d in documents]
    sizes = Counter(groups)
    names = named(store, documents, groups, usual, name)
    name_words = terms(". ".join(one.name for one in names))
    earlier_words = [terms(one.text) for one in earlier]
    other_words = [terms(one.text) for one in others]
    rose = rising(
        _by_group(groups, [words[i] for i in ids]),
        earlier_words if usual is earlier else earlier_words + other_words,
        other_words,
        known=terms(name) | name_words,
    )
    new = pieces_of(rose) | name_words
    quotable = of_people(documents)
    chosen = [
        quotable[place]
        for place in representative(
            [words[documents[i].id] for i in quotable],
            [groups[i] for i in quotable],
            earlier_words + other_words,
            SHOWN,
            new,
        )
    ]
    written = [excerpt(d) for d in documents]
    sources = Counter(d.source for d in documents)
    told = {(d.source, stories[d.id]) for d in documents}
    return {
        "read": len(documents),
        "limited": len(documents) == READ,
        "stories": len(set(stories.values())),
        "conversations": len({(d.source, d.thread) for d in documents if d.thread}),
        "in_conversations": sum(bool(d.thread) for d in documents),
        "last_at": moment_or_none(max((d.event_at for d in documents), default=None)),
        "sources": [
            {"name": name, "texts": count, "stories": sum(source == name for source, _ in told)}
            for name, count in sources.most_common(SOURCES)
        ],
        "sources_in_all": len(sources),
        "words": [
            {**asdict(rise), "term": as_written(rise.term, written), "usual": round(rise.usual, 4)}
            for rise in rose
        ],
        "names": [asdict(one) for one in names],
        "texts": [shown(documents[i], sizes[groups[i]]) for i in chosen]
        if not talk
        else [shown(document, 1) for document in reversed(talk)],
    }


def excerpt(document: StoredDocument) -> str:
    """The beginning of a document, as it is written."""
    return f"{document.title}\n{document.text[:EXCERPT]}"


def words_of(document: StoredDocument) -> set[str]:
    """The words of its beginning."""
    return terms(excerpt(document))


def voice(document: StoredDocument, stories: Mapping[int, str]) -> str:
    """Whose voice a document is: a conversation says one thing in many turns, elsewhere each story is its own."""
    return f"{document.source} {document.thread}" if document.thread else stories[document.id]


def of_people(documents: Sequence[StoredDocument]) -> list[int]:
    """Places of those to quote: what customers and publishers wrote; agents' texts where there is nothing else.

    Agents answer what happens, in words that are always the same.
    """
    return [n for n, d in enumerate(documents) if d.role != "agent"] or list(range(len(documents)))


def talk(store: Store, selection: Selection, at: datetime | None = None) -> list[StoredDocument]:
    """The last turns of the conversation that an alert is about: what came before says what it is about.

    :param at: where it is given, turns that came after it are left out.
    """
    source, thread = selection.get("source"), selection.get("thread")
    if source is None or thread is None:
        return []
    until = None if at is None else at + timedelta(seconds=1)
    return store.documents.find(source=source, thread=thread, until=until, limit=SHOWN_TURNS)


def shown(document: StoredDocument, alike: int) -> dict[str, Any]:
    """A document as it is shown: as stored, the beginning of a long one."""
    return {
        "id": document.id,
        "source": document.source,
        "role": document.role,
        "thread": document.thread,
        "title": document.title[:SHOWN_CHARACTERS],
        "text": document.text[:SHOWN_CHARACTERS],
        "cut": len(document.text) > SHOWN_CHARACTERS,
        "url": document.url,
        "event_at": moment(document.event_at),
        "alike": alike,
    }


def named(
    store: Store,
    documents: Sequence[StoredDocument],
    groups: Sequence[str],
    earlier: Sequence[Excerpt],
    own: str,
) -> list[Named]:
    """The names that the texts mention more than usual; not the one that the series is about anyway."""
    mentioned = store.mentions.of([*(d.id for d in documents), *(one.id for one in earlier)])
    if not mentioned:
        return []

    def of(document_id: int) -> set[str]:
        return set(mentioned.get(document_id, ())) - {own}

    return risen(_by_group(groups, [of(d.id) for d in documents]), [of(one.id) for one in earlier])


def _by_group(groups: Sequence[str], found: Sequence[Collection[str]]) -> list[set[str]]:
    """What the texts of each group hold together."""
    together: dict[str, set[str]] = {}
    for group, items in zip(groups, found, strict=True):
        together.setdefault(group, set()).update(items)
    return list(together.values())


def distinct(excerpts: Sequence[Excerpt], without: Collection[str]) -> list[Excerpt]:
    """One of each story, but for the stories ``without``."""
    return list({e.story: e for e in excerpts if e.story not in without}.values())
