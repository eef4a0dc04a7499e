"""Sources: where each stopped, how it fares, and the records it could not use."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor.store.room import Room, to_text, to_text_or_none, to_time, to_time_or_none
from monitor.store.source_state import SourceState, sooner, state_of
from monitor.types import BadRecord

KEPT_BAD_RECORDS = 1000
RAW_CHARACTERS = 500


@dataclass(frozen=True)
class KeptRecord:
    """A bad record, kept aside."""

    at: datetime
    place: str
    reason: str
    raw: str


class Sources(Room):
    """States of sources by name."""

    def sync(self, sources: Sequence[tuple[str, str, float]]) -> None:
        """Make the table follow the configuration: ``(name, plugin, every)`` each.

        A source that is no longer there keeps its documents. One that changed its plugin
        starts anew, since a cursor belongs to the plugin that wrote it: the next fetch is its first,
        all of it backfill, and due at once. One that is to be read more often does not wait for the time
        that its old interval said.
        """
        with self.store.transaction() as connection:
            connection.execute("update sources set active = 0")
            connection.executemany(
                "update sources set cursor = '{}', first_success_at = null, last_attempt_at = null, "
                "last_success_at = null, next_at = null, failures = 0, last_error = null, "
                "begun = 0, live_since = null, asked_until = null, again = 0 where name = ? and plugin <> ?",
                [(name, plugin) for name, plugin, _ in sources],
            )
            before = {state.name: state for state in self.all()}
            for name, plugin, every in sources:
                state = before.get(name)
                if state and every < state.every and (due := sooner(state, every, state.asked_with)):
                    connection.execute("update sources set next_at = ? where name = ?", [to_text(due), name])
                connection.execute(
                    "insert into sources (name, plugin, every) values (?, ?, ?) "
                    "on conflict(name) do update set active = 1, every = excluded.every, plugin = excluded.plugin",
                    [name, plugin, every],
                )

    def ensure(self, name: str, plugin: str, like: str | None = None) -> None:
        """A source that documents are imported under, outside the configuration.

        :param like: the source whose settings it is read with, so that a document has one id in both.
        """
        self.write(
            "insert into sources (name, plugin, every, active, read_like) values (?, ?, 0, 0, ?) "
            "on conflict(name) do update set read_like = coalesce(excluded.read_like, read_like)",
            [name, plugin, like],
        )

    def imports_like(self, name: str) -> list[str]:
        """The imports that were read with the settings of a source."""
        rows = self.rows(
            "select name from sources where read_like = ?1 and active = 0 "
            "and plugin = (select plugin from sources where name = ?1) order by name",
            [name],
        )
        return [row["name"] for row in rows]

    def get(self, name: str) -> SourceState | None:
        """The state of one source."""
        row = self.row("select * from sources where name = ?", [name])
        return None if row is None else state_of(row)

    def all(self) -> list[SourceState]:
        """Every source, also former ones and imports (``active`` false)."""
        return [state_of(row) for row in self.rows("select * from sources order by name")]

    def set_cursor(self, name: str, cursor: Mapping[str, Any], *, plugin: str | None = None) -> None:
        """Remember where the source stopped. Belongs into the transaction of its documents.

        :param plugin: whose cursor it is; not kept if the source has another one by now.
        """
        self.write(
            "update sources set cursor = ?1 where name = ?2 and (?3 is null or plugin = ?3)",
            [json.dumps(cursor), name, plugin],
        )

    def begin(self, name: str) -> None:
        """Note that what the source reads has something to give. Belongs into the transaction of its documents."""
        self.write("update sources set begun = 1 where name = ? and begun = 0", [name])

    def turn(self, name: str) -> None:
        """Note that the source reads something else from now on. Belongs into the transaction of its first batch."""
        self.write(
            "update sources set begun = 0, live_since = null, last_success_at = null where name = ?", [name]
        )

    def keep_bad(self, name: str, records: Sequence[BadRecord], now: datetime) -> None:
        """Count records that could not be used, and keep the newest of them."""
        with self.store.transaction() as connection:
            connection.executemany(
                "insert into bad_records (source, at, place, reason, raw) values (?, ?, ?, ?, ?)",
                [(name, to_text(now), r.place, r.reason, r.raw[:RAW_CHARACTERS]) for r in records],
            )
            connection.execute(
                "update sources set bad_total = bad_total + ? where name = ?", [len(records), name]
            )
            connection.execute(
                "delete from bad_records where source = ? and id <= "
                "(select id from bad_records where source = ? order by id desc limit 1 offset ?)",
                [name, name, KEPT_BAD_RECORDS],
            )

    def bad(self, name: str, limit: int = 20) -> list[KeptRecord]:
        """The newest bad records of a source."""
        rows = self.rows("select * from bad_records where source = ? order by id desc limit ?", [name, limit])
        return [KeptRecord(to_time(r["at"]), r["place"], r["reason"], r["raw"]) for r in rows]

    def succeeded(self, name: str, now: datetime, next_at: datetime) -> None:
        """A fetch went through to its end."""
        self.write(
            "update sources set first_success_at = coalesce(first_success_at, ?), last_attempt_at = ?, "
            "last_success_at = ?, next_at = ?, failures = 0, last_error = null, asked_until = null, "
            "live_since = coalesce(live_since, case begun when 1 then ? end) where name = ?",
            [to_text(now), to_text(now), to_text(now), to_text(next_at), to_text(now), name],
        )

    def first_success(self) -> datetime | None:
        """When a source was read with success for the first time."""
        return to_time_or_none(self.value("select min(first_success_at) from sources"))

    def failed(
        self,
        name: str,
        now: datetime,
        next_at: datetime,
        error: str,
        *,
        asked_until: datetime | None = None,
        asked_with: str | None = None,
    ) -> None:
        """A fetch failed; it is due again at ``next_at``.

        :param asked_until: up to when the other side asked to be left alone.
        :param asked_with: the digest of the settings with which it was asked.
        """
        self.write(
            "update sources set last_attempt_at = ?, next_at = ?, failures = failures + 1, last_error = ?, "
            "asked_until = ?, asked_with = ? where name = ?",
            [to_text(now), to_text(next_at), error, to_text_or_none(asked_until), asked_with, name],
        )

    def newest(self, name: str) -> datetime | None:
        """The event time of the newest document of a source."""
        found = self.value(
            "select event_at from documents where source = ? order by bucket desc, event_at desc limit 1",
            [name],
        )
        return to_time_or_none(found)

    def came_before(self, name: str, time: datetime) -> datetime | None:
        """When the newest text of a source came, of those that came before a time."""
        found = self.value(
            "select fetched_at from documents where source = ? and fetched_at < ? "
            "order by bucket desc, event_at desc limit 1",
            [name, to_text(time)],
        )
        return to_time_or_none(found)

    def buckets(self, name: str, since: int) -> list[int]:
        """The buckets (epoch seconds) from ``since`` on in which a source had something new to tell, by time.

        The turns of a conversation come where it began: one conversation is one arrival.
        """
        rows = self.rows(
            "select distinct bucket from (select bucket from documents where source = ?1 and bucket >= ?2 "
            "and thread = '' union all select min(bucket) from documents where source = ?1 and bucket >= ?2 "
            "and thread <> '' group by thread) order by bucket",
            [name, since],
        )
        return [row[0] for row in rows]

    def arrivals(self, name: str) -> list[tuple[datetime, datetime, int, str]]:
        """``(fetched, event time, bucket, thread)`` of each document of a source, as they came."""
        rows = self.rows(
            "select fetched_at, event_at, bucket, thread from documents where source = ? order by fetched_at, id",
            [name],
        )
        return [(to_time(row[0]), to_time(row[1]), row[2], row[3]) for row in rows]

    def newest_arrivals(
        self, name: str, since: datetime, limit: int
    ) -> list[tuple[datetime | None, datetime, bool]]:
        """``(published, fetched, live)`` of the documents of a source that came last, of those after a time."""
        rows = self.rows(
            "select published_at, fetched_at, live from documents where source = ? and fetched_at > ? "
            "order by id desc limit ?",
            [name, to_text(since), limit],
        )
        return [(to_time_or_none(row[0]), to_time(row[1]), bool(row[2])) for row in rows]

    def await_first(self, now: datetime) -> None:
        """Count from ``now`` on how long sources that were never read are due: one may hang at its first fetch."""
        self.write(
            "update sources set next_at = ? where active = 1 and last_attempt_at is null", [to_text(now)]
        )

    def try_again(
        self, now: datetime, settings: Mapping[str, str] | None = None, mended: Collection[str] | None = None
    ) -> None:
        """Have failing sources read sooner than their pauses say, which have grown: what was wrong may be mended.

        One whose settings changed is read at once, the others of a monitor that starts one interval after their last
        attempt. A pause that the other side asked for is kept to, where the settings are as they were.

        :param settings: digests of them, by source; they do not tell one secret from another.
        :param mended: where the configuration of a running monitor is read anew, the sources whose settings changed;
            nothing is known of the others that their pauses would not do for.
        """
        for state in self.all():
            same = (settings or {}).get(state.name)
            changed = same != state.asked_with if mended is None else state.name in mended
            if not state.active or not state.failures or not (changed or mended is None):
                continue
            if due := sooner(state, state.every, "" if changed else same):
                at = min(due, now) if changed else due
                self.write("update sources set next_at = ? where name = ?", [to_text(at), state.name])

    def due_now(self, name: str, now: datetime) -> None:
        """Ask for a fetch at once; a running daemon notices."""
        self.write("update sources set next_at = ? where name = ?", [to_text(now), name])

    def ask_again(self, name: str, now: datetime) -> None:
        """Ask for all that a source gave to be read again, at once; the next fetch does it."""
        self.write("update sources set again = 1, next_at = ? where name = ?", [to_text(now), name])

    def begin_again(self, name: str) -> None:
        """Forget the bad records of a source: it is read again. Belongs into the transaction of its first batch."""
        with self.store.transaction() as connection:
            connection.execute("delete from bad_records where source = ?", [name])
            connection.execute("update sources set bad_total = 0 where name = ?", [name])

    def end_again(self, name: str) -> None:
        """All that a source gave was read again. Belongs into the transaction of its cursor."""
        self.write("update sources set again = 0 where name = ?", [name])
