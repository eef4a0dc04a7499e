"""Counts held against what documents are said to carry, and made anew where they differ.

Series are looked at by the keys of their selections, one family at a time, so that a large database asks for
the memory of one family only; the write lock is taken for families that are wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import combinations

from monitor.store.room import marks
from monitor.store.series import selection_text
from monitor.store.store import Store
from monitor.types import ENTITY, READ_BY

Family = tuple[str, ...]
"""The keys of selections, sorted: at most two."""
Counts = dict[tuple[str, int], tuple[int, int]]
"""``{(selection text, bucket): (total, live)}``."""

TOLD = 20
"""Of each family so many differences are told one by one."""
PART = 500

_JOINED = "join documents d on d.id = p.document_id where counted = 1"
_OF_ALL = "select '', '', bucket, count(*), sum(live) from documents where counted = 1 group by bucket"
_OF_READERS = (
    "select task, '', bucket, count(*), sum(live) from (select distinct task, document_id from predictions) p "
    f"{_JOINED} group by task, bucket"
)
_OF_TASK = (
    f"select label, '', bucket, count(*), sum(live) from predictions p {_JOINED} and abstained = 0 and task = ?1 "
    "group by label, bucket"
)
_OF_TASKS = (
    "select p.label, q.label, bucket, count(*), sum(live) from predictions p join predictions q "
    f"on q.document_id = p.document_id and q.task = ?2 and q.abstained = 0 {_JOINED} and p.abstained = 0 "
    "and p.task = ?1 group by p.label, q.label, bucket"
)
_OF_ENTITY = (
    f"select entity, '', bucket, count(*), sum(live) from mentions p {_JOINED} group by entity, bucket"
)
_OF_ENTITY_AND_TASK = (
    "select entity, q.label, bucket, count(*), sum(live) from mentions p join predictions q "
    f"on q.document_id = p.document_id and q.task = ?1 and q.abstained = 0 {_JOINED} "
    "group by entity, q.label, bucket"
)


def differences(store: Store) -> list[str]:
    """Where stored counts and predictions disagree, a line each; empty when all is well."""
    found = []
    for family in _families(store):
        wrong = [
            f"series {'of all documents' if text == '{}' else text} at {datetime.fromtimestamp(bucket, UTC):%F %H:%M} "
            f"UTC: stored {stored or 'none'}, counted {true or 'none'} (texts, and those that came live)"
            for (text, bucket), stored, true in sorted(_wrong(store, family))
        ]
        left = len(wrong) - TOLD
        found += [*wrong[:TOLD], *([f"{left:,} more counts of series like the last"] if left > 0 else [])]
    return found


def recount(store: Store) -> int:
    """Make counts anew from predictions and mentions where they differ; returns how many did.

    A transaction for each family that a look without one found wrong. Nothing becomes due to be judged.
    """
    mended = 0
    for family in _families(store):
        if not any(_wrong(store, family)):
            continue
        with store.transaction() as connection:
            for (text, bucket), _, true in list(_wrong(store, family)):
                store.series.put(text, bucket, *(true or (0, 0)))
                mended += 1
            connection.execute("delete from counts where total = 0")
    return mended


def _families(store: Store) -> list[Family]:
    tasks = [row[0] for row in store.connection.execute("select name from tasks order by name")]
    names = sorted([*tasks, ENTITY])
    known = [(), (READ_BY,), *((name,) for name in names), *combinations(names, 2)]
    texts = store.connection.execute("select selection from series")
    return list(dict.fromkeys([*known, *(tuple(sorted(json.loads(text))) for (text,) in texts)]))


def _wrong(
    store: Store, family: Family
) -> Iterator[tuple[tuple[str, int], tuple[int, int] | None, tuple[int, int] | None]]:
    """``((selection text, bucket), stored, true)`` of the counts of a family that differ."""
    stored, true = _stored(store, family), _true(store, family)
    for key in stored.keys() | true.keys():
        if stored.get(key) != true.get(key):
            yield key, stored.get(key), true.get(key)


def _stored(store: Store, family: Family) -> Counts:
    texts = {
        id_: text
        for id_, text in store.connection.execute("select id, selection from series")
        if tuple(sorted(json.loads(text))) == family
    }
    found: Counts = {}
    for start in range(0, len(texts), PART):
        part = list(texts)[start : start + PART]
        for id_, bucket, total, live in store.connection.execute(
            f"select * from counts where series_id in ({marks(part)})", part
        ):
            found[texts[id_], bucket] = (total, live)
    return found


def _true(store: Store, family: Family) -> Counts:
    sql, given, keys = _query(family)
    texts: dict[tuple[str, str], str] = {}
    found: Counts = {}
    for one, other, bucket, total, live in store.connection.execute(sql, given) if sql else ():
        if (one, other) not in texts:
            texts[one, other] = selection_text(dict(zip(keys, (one, other), strict=False)))
        found[texts[one, other], bucket] = (total, live)
    return found


def _query(family: Family) -> tuple[str, Family, Family]:
    """SQL for the labels, bucket and counts of a family, what it asks for, and the keys of the labels."""
    if family == ():
        return _OF_ALL, (), ()
    if READ_BY in family:
        return (_OF_READERS, (), family) if len(family) == 1 else ("", (), family)
    tasks = tuple(key for key in family if key != ENTITY)
    if ENTITY not in family:
        return (_OF_TASK if len(family) == 1 else _OF_TASKS), family, family
    return (_OF_ENTITY_AND_TASK if tasks else _OF_ENTITY), tasks, (ENTITY, *tasks)
