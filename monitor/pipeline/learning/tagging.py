"""New lists of aliases read the past again."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence

from monitor.mentions import Mentions
from monitor.store import Store
from monitor.store.mentions import Mentioning

log = logging.getLogger(__name__)

CHUNK = 2000


def outdated(store: Store, entities: Mapping[str, Sequence[str]]) -> bool:
    """Whether the lists changed since documents were searched for ``entities``."""
    return store.mentions.lists() != _plain(entities)


def retag(store: Store, entities: Mapping[str, Sequence[str]]) -> int | None:
    """Find ``entities`` (aliases by name) in every counted document, if the lists changed.

    Texts are read outside of any transaction, what was found is swapped in by one. No alert fires or
    resolves for it. Returns how many documents mention something, ``None`` where nothing had to be done.
    """
    if not outdated(store, entities):
        return None
    wanted, read = _plain(entities), 0
    mentions = Mentions(wanted)

    def found() -> Iterator[Mentioning]:
        nonlocal read
        after = 0
        while texts := store.mentions.texts(after, CHUNK):
            after = texts[-1][0]
            read += len(texts)
            for id_, content, title, text in texts:
                yield Mentioning(id_, content, mentions.of(title, text))

    number = store.mentions.swap(wanted, found())
    log.info("entities: %d documents read again, %d mention some", read, number)
    return number


def _plain(entities: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    return {name: list(aliases) for name, aliases in entities.items()}
