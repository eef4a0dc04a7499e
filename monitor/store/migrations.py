"""The core's schema, as numbered migrations: append only, one transaction each. They go on next door.

Times are text in UTC, ``2026-01-31T09:30:00.000000Z``, so that they sort as they stand;
buckets are integers, the epoch second at which they start.
"""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

core = Migrations("monitor")


def run(db: Database, script: str) -> None:
    """Run statements that end in ``;;``, within the transaction of a migration."""
    # executescript would commit the migration's transaction first
    for statement in script.split(";;"):
        if statement.strip():
            db.conn.execute(statement)


@core()
def m0001_sources_and_documents(db: Database) -> None:
    run(
        db,
        """
        create table sources (
            name text primary key,
            plugin text not null,
            every real not null,
            active integer not null default 1,
            cursor text not null default '{}',
            first_success_at text,
            last_attempt_at text,
            last_success_at text,
            next_at text,
            failures integer not null default 0,
            last_error text,
            bad_total integer not null default 0
        );;
        create table bad_records (
            id integer primary key,
            source text not null references sources(name),
            at text not null,
            place text not null,
            reason text not null,
            raw text not null
        );;
        create index bad_records_source on bad_records(source, id);;
        create table documents (
            id integer primary key,
            source text not null references sources(name),
            external_id text not null,
            thread text not null default '',
            role text not null default 'publisher',
            title text not null default '',
            text text not null default '',
            url text not null default '',
            published_at text,
            fetched_at text not null,
            event_at text not null,
            bucket integer not null,
            live integer not null,
            story text not null,
            content_hash text not null,
            edits integer not null default 0,
            state text not null default 'pending' check (state in ('pending', 'classified', 'failed')),
            counted integer not null default 0,
            error text,
            unique (source, external_id)
        );;
        create index documents_pending on documents(live desc, id) where state = 'pending';;
        create index documents_bucket on documents(bucket, live);;
        create index documents_event on documents(event_at);;
        create index documents_thread on documents(thread) where thread <> ''
        """,
    )
    db.table("documents").enable_fts(["title", "text"], create_triggers=True, tokenize="unicode61")


@core()
def m0002_tasks_seeds_heads(db: Database) -> None:
    run(
        db,
        """
        create table tasks (
            name text primary key,
            adapter text not null,
            family text not null default '',
            multi integer not null,
            threshold real,
            labels text not null,
            settings text not null default '{}',
            origin text not null check (origin in ('config', 'command')),
            active integer not null default 1,
            created_at text not null
        );;
        create table seeds (
            id integer primary key,
            task text not null references tasks(name),
            label text not null,
            text text not null,
            origin text not null check (origin in ('adapter', 'file', 'command')),
            document_id integer references documents(id),
            created_at text not null,
            unique (task, label, text)
        );;
        create table revisions (name text primary key, value integer not null);;
        insert into revisions values ('learning', 0);;
        create trigger seeds_inserted after insert on seeds begin
            update revisions set value = value + 1 where name = 'learning'; end;;
        create trigger seeds_deleted after delete on seeds begin
            update revisions set value = value + 1 where name = 'learning'; end;;
        create trigger tasks_inserted after insert on tasks begin
            update revisions set value = value + 1 where name = 'learning'; end;;
        create trigger tasks_updated after update on tasks begin
            update revisions set value = value + 1 where name = 'learning'; end;;
        create table heads (
            id integer primary key,
            task text not null references tasks(name),
            version integer not null,
            inputs text not null,
            encoder text not null,
            seeds integer not null,
            data blob not null,
            active integer not null,
            relabelled integer not null default 0,
            created_at text not null,
            unique (task, version)
        );;
        create unique index heads_active on heads(task) where active = 1;;
        create table features (
            text_hash blob not null,
            view text not null,
            encoder text not null,
            vector blob not null,
            used_at text not null,
            primary key (text_hash, view, encoder)
        ) without rowid;;
        create index features_used on features(used_at)
        """,
    )


@core()
def m0003_predictions_and_series(db: Database) -> None:
    run(
        db,
        """
        create table predictions (
            document_id integer not null references documents(id),
            task text not null references tasks(name),
            label text not null,
            probability real not null,
            abstained integer not null,
            head_id integer not null references heads(id),
            primary key (document_id, task, label)
        ) without rowid;;
        create index predictions_label on predictions(task, label, document_id) where abstained = 0;;
        create index predictions_head on predictions(task, head_id);;
        create table series (
            id integer primary key,
            selection text not null unique
        );;
        create table counts (
            series_id integer not null references series(id),
            bucket integer not null,
            total integer not null,
            live integer not null,
            primary key (series_id, bucket)
        ) without rowid;;
        create index counts_bucket on counts(bucket);;
        create table due_judgements (
            selection text not null,
            bucket integer not null,
            primary key (selection, bucket)
        ) without rowid
        """,
    )


@core()
def m0004_alerts_and_outbox(db: Database) -> None:
    run(
        db,
        """
        create table alerts (
            id integer primary key,
            rule text not null,
            kind text not null,
            fingerprint text not null,
            selection text not null,
            state text not null check (state in ('pending', 'firing', 'resolved')),
            since text not null,
            fired_at text,
            resolved_at text,
            last_firing_at text not null,
            observed real not null,
            expected real not null,
            low real not null,
            high real not null,
            reason text not null,
            notify text not null,
            acked_at text,
            acked_by text,
            ack_note text
        );;
        create unique index alerts_open on alerts(fingerprint) where state <> 'resolved';;
        create index alerts_rule on alerts(rule, id);;
        create table alert_documents (
            alert_id integer not null references alerts(id),
            document_id integer not null references documents(id),
            primary key (alert_id, document_id)
        ) without rowid;;
        create table alert_transitions (
            id integer primary key,
            alert_id integer not null references alerts(id),
            at text not null,
            state text not null,
            reason text not null
        );;
        create index alert_transitions_alert on alert_transitions(alert_id, id);;
        create table outbox (
            id integer primary key,
            key text not null unique,
            alert_id integer references alerts(id),
            event text not null,
            notifier text not null,
            notification text not null,
            state text not null default 'waiting' check (state in ('waiting', 'delivered', 'dead')),
            created_at text not null,
            attempts integer not null default 0,
            next_at text not null,
            delivered_at text,
            last_error text
        );;
        create index outbox_waiting on outbox(next_at) where state = 'waiting';;
        create table heartbeats (
            stage text primary key,
            at text not null,
            detail text not null default ''
        )
        """,
    )


@core()
def m0005_histories_of_heads(db: Database) -> None:
    run(
        db,
        """
        alter table heads add column depth text not null default 'seeds';;
        alter table heads add column view text not null default 'base';;
        alter table heads add column log_loss real;;
        alter table heads add column accuracy real;;
        alter table heads add column reason text not null default '';;
        alter table heads add column previous integer;;
        alter table heads add column kept_for text;;
        update heads set
            depth = case seeds when 0 then 'names' else 'seeds' end,
            reason = case seeds when 0 then 'names alone' when 1 then '1 seed' else seeds || ' seeds' end,
            previous = (select max(b.version) from heads b where b.task = heads.task and b.version < heads.version);;
        create trigger heads_used_again after update of active on heads
        when new.active = 1 and old.active = 0 begin
            update revisions set value = value + 1 where name = 'learning'; end
        """,
    )
