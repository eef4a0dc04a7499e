"""The core's schema, from the sixth migration on: what watching and notifying remember."""

from __future__ import annotations

import json

from sqlite_utils import Database

from monitor.store.migrations import core, run
from monitor.types import in_one_line

__all__ = ["core"]


@core()
def m0006_profiles_and_waves(db: Database) -> None:
    run(
        db,
        """
        create table profiles (
            series_id integer primary key references series(id),
            version integer not null,
            upto integer not null,
            data text not null
        );;
        create trigger counts_inserted after insert on counts begin
            delete from profiles where series_id = new.series_id and upto >= new.bucket; end;;
        create trigger counts_updated after update on counts begin
            delete from profiles where series_id = new.series_id and upto >= new.bucket; end;;
        create trigger counts_deleted after delete on counts begin
            delete from profiles where series_id = old.series_id and upto >= old.bucket; end;;
        create table waves (
            fingerprint text primary key,
            peak real not null,
            at real not null
        ) without rowid
        """,
    )


@core()
def m0007_life_cycle_and_telling(db: Database) -> None:
    run(
        db,
        """
        alter table alerts add column number integer not null default 1;;
        alter table alerts add column state_since text;;
        alter table alerts add column quiet_since text;;
        alter table alerts add column frozen_at text;;
        alter table alerts add column flapping integer not null default 0;;
        alter table alerts add column owner text not null default '';;
        alter table alerts add column routed integer not null default 0;;
        alter table alerts add column snoozed_until text;;
        alter table alerts add column snoozed_by text;;
        alter table alerts add column suppressed text not null default '';;
        update alerts set number = (
            select count(*) from alerts b where b.fingerprint = alerts.fingerprint and b.id <= alerts.id
        );;
        create index alerts_fingerprint on alerts(fingerprint, id);;
        create table alert_tellings (
            alert_id integer not null references alerts(id),
            notifier text not null,
            route text not null default '',
            told_at text not null,
            times integer not null default 1,
            last_at text not null,
            resolved_at text,
            primary key (alert_id, notifier)
        ) without rowid;;
        create index alert_tellings_owed on alert_tellings(alert_id) where resolved_at is null;;
        insert into alert_tellings (alert_id, notifier, told_at, last_at, resolved_at)
            select o.alert_id, o.notifier, min(o.created_at), min(o.created_at), (
                select min(r.created_at) from outbox r
                where r.alert_id = o.alert_id and r.notifier = o.notifier and r.event = 'resolved'
            ) from outbox o where o.event = 'firing' and o.alert_id is not null group by 1, 2;;
        create table letter_alerts (
            letter_id integer not null references outbox(id),
            alert_id integer not null references alerts(id),
            primary key (letter_id, alert_id)
        ) without rowid;;
        create index letter_alerts_alert on letter_alerts(alert_id);;
        insert into letter_alerts select id, alert_id from outbox where alert_id is not null;;
        create table alert_groups (
            id integer primary key autoincrement,
            route text not null,
            labels text not null,
            opened_at text not null,
            last_at text,
            letters integer not null default 0,
            unique (route, labels)
        );;
        create table silences (
            id integer primary key,
            matchers text not null,
            author text not null,
            comment text not null,
            created_at text not null,
            starts_at text not null,
            ends_at text not null
        );;
        create table judgements (
            alert_id integer primary key references alerts(id),
            real integer not null,
            author text not null,
            note text not null default '',
            at text not null
        )
        """,
    )


@core()
def m0008_letters_that_are_copied_held_and_sent_again(db: Database) -> None:
    run(
        db,
        """
        alter table outbox add column picture blob;;
        alter table outbox add column waits_since text;;
        alter table outbox add column copy_of integer references outbox(id);;
        update outbox set waits_since = created_at;;
        create unique index outbox_copies on outbox(copy_of) where copy_of is not null;;
        create index outbox_turn on outbox(notifier, id) where state = 'waiting';;
        create index outbox_delivered on outbox(notifier, delivered_at) where state = 'delivered';;
        create index outbox_alert on outbox(alert_id, notifier)
        """,
    )


@core()
def m0009_mentions_and_looks(db: Database) -> None:
    run(
        db,
        """
        create table mentions (
            document_id integer not null references documents(id),
            entity text not null,
            primary key (document_id, entity)
        ) without rowid;;
        create index mentions_entity on mentions(entity, document_id);;
        create table entities (
            name text primary key,
            aliases text not null
        );;
        create index documents_source on documents(source, bucket, event_at);;
        create table looks (
            rule text primary key,
            bucket integer not null
        ) without rowid
        """,
    )


@core()
def m0010_evidence_and_digests(db: Database) -> None:
    run(
        db,
        """
        create table alert_evidence (
            alert_id integer primary key references alerts(id),
            evidence text not null
        );;
        create table digests (
            name text primary key,
            until text not null
        )
        """,
    )


@core()
def m0011_labels_of_rules(db: Database) -> None:
    run(db, "alter table alerts add column rule_labels text not null default '{}'")


@core()
def m0012_texts_of_no_label(db: Database) -> None:
    run(
        db,
        """
        create table unfit_texts (
            task text not null references tasks(name),
            text text not null,
            labels text not null,
            primary key (task, text)
        ) without rowid
        """,
    )


@core()
def m0013_dates_that_nobody_meant(db: Database) -> None:
    # years below 1000 were written without zeros, so that no text from there could be read, and none was classified
    run(
        db,
        """
        update documents set
            published_at = null,
            event_at = fetched_at,
            bucket = cast(strftime('%s', substr(fetched_at, 1, 19)) as integer) / 300 * 300
        where length(event_at) < length('2026-01-31T09:30:00.000000Z') and counted = 0
        """,
    )


@core()
def m0014_pauses_of_notifiers(db: Database) -> None:
    run(
        db,
        """
        create table pauses (
            notifier text primary key,
            since text not null,
            until text not null
        ) without rowid
        """,
    )


@core()
def m0015_what_each_task_read(db: Database) -> None:
    for (task,) in db.execute("select distinct task from predictions").fetchall():
        selection = json.dumps({"read by": task}, ensure_ascii=False)
        db.execute("insert or ignore into series (selection) values (?)", [selection])
        db.execute(
            "insert or replace into counts (series_id, bucket, total, live) "
            "select (select id from series where selection = ?), bucket, count(*), sum(live) from documents "
            "where counted = 1 and id in (select document_id from predictions where task = ?) group by bucket",
            [selection, task],
        )


@core()
def m0016_what_a_source_is_read_for_the_first_time(db: Database) -> None:
    # a source that was read and gave something goes on as it is; one that never gave anything was not read yet
    run(
        db,
        """
        alter table sources add column begun integer not null default 0;;
        alter table sources add column live_since text;;
        alter table sources add column asked_until text;;
        alter table sources add column asked_with text;;
        update sources set begun = 1, live_since = first_success_at
            where name in (select source from documents)
        """,
    )


@core()
def m0017_how_bad_it_was_when_told(db: Database) -> None:
    run(db, "alter table alert_tellings add column observed real")


@core()
def m0018_in_which_window_it_was_when_told(db: Database) -> None:
    run(db, "alter table alert_tellings add column seconds real")


@core()
def m0019_texts_that_are_read_again(db: Database) -> None:
    # what is read again is no news: it waits behind what is
    run(
        db,
        """
        alter table documents add column reread integer not null default 0;;
        alter table sources add column again integer not null default 0;;
        drop index documents_pending;;
        create index documents_pending on documents(reread, live desc, id) where state = 'pending'
        """,
    )


@core()
def m0020_failed_documents_are_found_at_once(db: Database) -> None:
    run(db, "create index documents_failed on documents(id) where state = 'failed'")


@core()
def m0021_notifications_by_their_name(db: Database) -> None:
    # references of other tables and indexes follow what is renamed; an index keeps its own name, so it is made anew
    run(
        db,
        """
        alter table alert_tellings rename to notification_log;;
        alter table notification_log rename column told_at to notified_at;;
        drop index alert_tellings_owed;;
        create index notification_log_owed on notification_log(alert_id) where resolved_at is null;;
        alter table letter_alerts rename to outbox_alerts;;
        alter table outbox_alerts rename column letter_id to outbox_id;;
        drop index letter_alerts_alert;;
        create index outbox_alerts_alert on outbox_alerts(alert_id);;
        alter table alert_groups rename column letters to notifications
        """,
    )


@core()
def m0022_texts_of_no_label_are_seeds(db: Database) -> None:
    # a task learns from them; one that is a seed of a label of the task's already stays that
    run(db, "alter table seeds add column among text")
    labels = {name: json.loads(said) for name, said in db.execute("select name, labels from tasks")}
    there = {
        (task, in_one_line(text))
        for task, label, text in db.execute("select task, label, text from seeds")
        if label in labels.get(task, ())
    }
    for task, text, among in db.execute("select task, text, labels from unfit_texts").fetchall():
        if (task, in_one_line(text)) not in there:
            db.conn.execute(
                "insert into seeds (task, label, text, origin, created_at, among) "
                "values (?, '(none)', ?, 'command', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), ?)",
                [task, text, among],
            )
    run(db, "drop table unfit_texts")


@core()
def m0023_how_many_seeds_judged_a_head(db: Database) -> None:
    run(db, "alter table heads add column judged integer")
