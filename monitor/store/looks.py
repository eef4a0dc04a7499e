"""When rules that look now and then did so last."""

from __future__ import annotations

from monitor.store.room import Room


class Looks(Room):
    """Buckets (epoch seconds) by rule."""

    def at(self, rule: str) -> int | None:
        """The bucket in which a rule looked last, if it ever did."""
        found = self.value("select bucket from looks where rule = ?", [rule])
        return None if found is None else int(found)

    def note(self, rule: str, bucket: int) -> None:
        """A rule looked in ``bucket``."""
        self.write(
            "insert into looks values (?, ?) on conflict (rule) do update set bucket = excluded.bucket",
            [rule, bucket],
        )
