"""Signs of life of the daemon's stages, and what it cannot do meanwhile, for ``monitor status``."""

from __future__ import annotations

from datetime import datetime

from monitor.store.room import Room, to_text, to_time

START = "start"
TROUBLE = "trouble: "
RELOAD = "reload"
"""The trouble of a configuration that could not be taken up."""
PART = "part: "
"""With a place of the configuration: the trouble of a part that cannot run because a plugin failed."""
REFRESH = "refresh of "
"""With the name of a notifier: the trouble of one that could not be told what still fires."""
PING = "ping of "
"""With the name of a notifier: the trouble of one that could not say how the monitor is."""


class Heartbeats(Room):
    """The last time each stage did its round, when the daemon began, and the troubles it has.

    A trouble is what goes wrong while all stages go on. It stays until it is mended, another configuration is taken up
    or the daemon starts.
    """

    def begin(self, now: datetime) -> None:
        """Note that the daemon starts: what stages of an earlier one did is no sign of life."""
        with self.store.transaction():
            self.clear()
            self.beat(START, now)

    def began(self) -> datetime | None:
        """When the daemon started; ``None`` if none runs that has said so."""
        at = self.value("select at from heartbeats where stage = ?", [START])
        return None if at is None else to_time(at)

    def beat(self, stage: str, now: datetime, detail: str = "") -> None:
        """Note that ``stage`` is alive."""
        self.write(
            "insert into heartbeats values (?, ?, ?) "
            "on conflict(stage) do update set at = excluded.at, detail = excluded.detail",
            [stage, to_text(now), detail],
        )

    def all(self) -> dict[str, tuple[datetime, str]]:
        """``{stage: (last beat, detail)}``."""
        return {
            row["stage"]: (to_time(row["at"]), row["detail"])
            for row in self.rows("select * from heartbeats where stage != ? order by stage", [START])
            if not row["stage"].startswith(TROUBLE)
        }

    def trouble(self, what: str, why: str, now: datetime) -> None:
        """Note that ``what`` does not work, and why; since when is kept from the first time in a row."""
        self.write(
            "insert into heartbeats values (?, ?, ?) on conflict(stage) do update set detail = excluded.detail",
            [TROUBLE + what, to_text(now), why],
        )

    def mended(self, what: str) -> None:
        """Note that ``what`` works (again)."""
        # most often it did all along, and a write would have to wait its turn
        if self.row("select 1 from heartbeats where stage = ?", [TROUBLE + what]):
            self.write("delete from heartbeats where stage = ?", [TROUBLE + what])

    def all_mended(self) -> None:
        """Forget all troubles: another configuration begins, and what it cannot do is yet to be seen."""
        self.write("delete from heartbeats where stage >= ? and stage < ?", [TROUBLE, TROUBLE + "\U0010ffff"])

    def troubles(self) -> dict[str, tuple[datetime, str]]:
        """``{what: (since when, why)}``."""
        return {
            row["stage"].removeprefix(TROUBLE): (to_time(row["at"]), row["detail"])
            for row in self.rows("select * from heartbeats order by stage")
            if row["stage"].startswith(TROUBLE)
        }

    def clear(self) -> None:
        """Forget all stages: the daemon stopped in good order."""
        self.write("delete from heartbeats")
