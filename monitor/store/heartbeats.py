"""Signs of life of the daemon's stages, for ``monitor status``."""

from __future__ import annotations

from datetime import datetime

from monitor.store.room import Room, to_text, to_time


class Heartbeats(Room):
    """The last time each stage did its round."""

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
            for row in self.rows("select * from heartbeats order by stage")
        }

    def clear(self) -> None:
        """Forget all stages: the daemon stopped in good order."""
        self.write("delete from heartbeats")
