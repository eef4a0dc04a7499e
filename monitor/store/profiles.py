"""Running profiles of series, and the last waves: what detectors remember between two looks.

Both can be lost without harm: profiles are made again from counts, and a wave that is forgotten may at
worst be told twice.
"""

from __future__ import annotations

import json
from typing import Any

from monitor.store.room import Room
from monitor.store.series import selection_text
from monitor.types import Selection


class Profiles(Room):
    """A profile for each series: JSON, the version of its meaning, and the bucket up to which it counted.

    A count that changes at or before that bucket takes the profile away, in the same transaction (a
    trigger does), so that a stored profile is always that of the stored counts.
    """

    def get(self, selection: Selection, version: int) -> list[Any] | None:
        """The stored profile, if there is one of this version."""
        row = self.row(
            "select data from profiles where version = ? and series_id = (select id from series where selection = ?)",
            [version, selection_text(selection)],
        )
        return None if row is None else list(json.loads(row["data"]))

    def put(self, selection: Selection, version: int, upto: int, data: list[Any]) -> None:
        """Store a profile that counted the buckets up to and with ``upto`` (epoch second)."""
        self.write(
            "insert into profiles select id, ?, ?, ? from series where selection = ? "
            "on conflict (series_id) do update set version = excluded.version, upto = excluded.upto, "
            "data = excluded.data",
            [version, upto, json.dumps(data, separators=(",", ":")), selection_text(selection)],
        )

    def clear(self) -> None:
        """Forget all profiles; they are made again from the counts."""
        self.write("delete from profiles")


class Waves(Room):
    """By fingerprint: the peak of the last wave that raised an alert, and when (epoch second)."""

    def get(self, fingerprint: str) -> tuple[float, float] | None:
        """``(peak, at)`` of the last one."""
        row = self.row("select peak, at from waves where fingerprint = ?", [fingerprint])
        return None if row is None else (float(row["peak"]), float(row["at"]))

    def put(self, fingerprint: str, peak: float, at: float) -> None:
        """A new last one."""
        self.write(
            "insert into waves values (?, ?, ?) on conflict (fingerprint) do update set "
            "peak = excluded.peak, at = excluded.at",
            [fingerprint, peak, at],
        )
