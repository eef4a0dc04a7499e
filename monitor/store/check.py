"""The invariants of the database, proved from its contents."""

from __future__ import annotations

import sqlite3

from monitor.store.recount import differences
from monitor.store.store import Store


def check(store: Store) -> list[str]:
    """Everything that is not as it must be, a line each; empty when all is well.

    - SQLite's own integrity and foreign keys; the full-text index matches the documents
    - stored counts are the counts of predictions and mentions
    - every classified document was counted once, every prediction or mention has a counted document
    - a single-label task says one thing of a document
    - a task with heads has one in use, and every head's previous version is there
    - every alert that fired or resolved has its step, and whoever was notified of it has its notifications
    """
    connection = store.connection
    if damage := _damage(connection):
        return damage  # what is asked of damaged pages fails, or is not so
    found = [
        f"foreign key: {row[0]} row {row[1]} refers to a missing row of {row[2]}"
        for row in connection.execute("pragma foreign_key_check")
    ]
    unindexed = connection.execute(
        "select count(*) from documents where id not in (select id from documents_fts_docsize)"
    ).fetchone()[0]
    if unindexed:
        found.append(f"full-text index: {unindexed} documents are missing from it")
    for name, sql in _QUERIES.items():
        rows = connection.execute(sql).fetchall()
        found += [f"{name}: {', '.join(map(str, row))}" for row in rows[:20]]
    return found + differences(store)


def _damage(connection: sqlite3.Connection) -> list[str]:
    try:
        rows = connection.execute("pragma integrity_check").fetchall()
    except sqlite3.DatabaseError as error:
        return [f"integrity: {error}"]
    return [f"integrity: {line}" for row in rows if row[0] != "ok" for line in row[0].splitlines()]


_COUNT = (
    "(select count(*) from outbox_alerts l join outbox o on o.id = l.outbox_id "
    "where l.alert_id = {} and o.notifier = {})"
)
_QUERIES = {
    "classified but not counted, document": "select id from documents where state = 'classified' and counted = 0",
    "prediction of an uncounted document": (
        "select distinct document_id from predictions p join documents d on d.id = p.document_id where counted = 0"
    ),
    "mention in an uncounted document": (
        "select distinct document_id from mentions m join documents d on d.id = m.document_id where counted = 0"
    ),
    "several answers of a single-label task, document and task": (
        # what an earlier head said may be of a time when the task gave several
        "select document_id, p.task from predictions p join tasks t on t.name = p.task "
        "join heads h on h.id = p.head_id where t.multi = 0 and h.active = 1 group by 1, 2 having count(*) > 1"
    ),
    "task with heads but none in use": "select task from heads group by task having sum(active) <> 1",
    "head whose previous version is missing, task and version": (
        "select task, version from heads h where previous is not null and not exists "
        "(select 1 from heads b where b.task = h.task and b.version = h.previous and b.version < h.version)"
    ),
    "alert without its firing step": (
        "select id from alerts a where fired_at is not null and not exists "
        "(select 1 from alert_transitions t where t.alert_id = a.id and t.state = 'firing')"
    ),
    "resolved alert without its resolving step": (
        "select id from alerts a where state = 'resolved' and not exists "
        "(select 1 from alert_transitions t where t.alert_id = a.id and t.state = 'resolved')"
    ),
    "alert that nothing holds back without a notification to a notifier, alert and notifier": (
        "select a.id, n.value from alerts a, json_each(a.notify) n "
        # Alerts of conversations are told of together, after a while.
        "where state = 'firing' and routed = 0 and suppressed = '' and json_extract(selection, '$.thread') is null "
        f"and {_COUNT.format('a.id', 'n.value')} < 1"
    ),
    "notified of an alert without a notification, alert and notifier": (
        f"select alert_id, notifier from notification_log t where {_COUNT.format('t.alert_id', 't.notifier')} < 1"
    ),
    "notified of an alert's end without a notification of its own, alert and notifier": (
        "select alert_id, notifier from notification_log t where resolved_at is not null "
        f"and {_COUNT.format('t.alert_id', 't.notifier')} < 2"
    ),
}
