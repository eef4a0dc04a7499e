"""Signs of life of the daemon's stages, for ``monitor status``."""

from __future__ import annotations

from datetime import datetime

from monitor.store.room import Room, to_text, to_time

START = "start"


class Heartbeats(Room):
    """The last time each stage did its round, and when the daemon began."""

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
        }

    def clear(self) -> None:
        """Forget all stages: the daemon stopped in good order."""
        self.write("delete from heartbeats")
