"""New lists of aliases read the past again."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

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

    Texts are read outside of any transaction; what was found and the rebuilt series are swapped
    in by one. No alert fires or resolves for it. Returns how many documents mention something,
    ``None`` where nothing had to be done.
    """
    if not outdated(store, entities):
        return None
    wanted = _plain(entities)
    mentions = Mentions(wanted)
    found: list[Mentioning] = []
    after = 0
    while texts := store.mentions.texts(after, CHUNK):
        after = texts[-1][0]
        found += [Mentioning(id_, content, mentions.of(title, text)) for id_, content, title, text in texts]
    store.mentions.swap(wanted, found)
    number = sum(bool(one.entities) for one in found)
    log.info("entities: %d documents read again, %d mention some", len(found), number)
    return number


def _plain(entities: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    return {name: list(aliases) for name, aliases in entities.items()}
