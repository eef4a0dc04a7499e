"""What a surge rule costs: one update of one series, and a round of judging on a store with many."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from surge_series import draw, rates, triples

from monitor.alerts.detectors.counting import advance
from monitor.alerts.detectors.profile import empty
from monitor.alerts.detectors.surge import SurgeSettings, judge, may_fire
from monitor.alerts.detectors.usual import expect
from monitor.alerts.lifecycle import Pace
from monitor.alerts.rules import Rule
from monitor.pipeline.judging.series import judge_due
from monitor.store import Store
from monitor.store.series import selection_text


def an_update(settings: SurgeSettings) -> dict[str, Any]:
    """Of one series: what is usual, the profile carried on, whether to judge. Microseconds of one core."""
    dice = np.random.default_rng(0)
    counts = draw(rates(5.0, 300, 60, dice), dice)
    steps = list(triples(counts, 300, 0))

    def run() -> None:
        profile = empty(0, 300)
        for bucket, count, live in steps:
            usual = expect(profile, bucket)
            profile = advance(profile, bucket, count, live, usual)
            if may_fire(profile, usual, bucket, settings):
                judge(profile, usual, bucket, settings)

    return {"updates": len(steps), "microseconds": _best_of(5, run) / len(steps) * 1e6}


def a_round(number: int, active: int, days: int) -> dict[str, Any]:
    """Of judging ``number`` series with a history of ``days``, ``active`` of which got texts: seconds, bytes written.

    The first round makes the profiles; the later one finds them stored.
    """
    now = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    dice = np.random.default_rng(0)
    settings = SurgeSettings(compare=False)
    pace = Pace(keep_firing_for=settings.calm)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "tick.db")
        chosen = _fill(store, number, active, days, int(now.timestamp()) // 300 * 300, dice)
        rule = Rule("each", "surge", {"a": "*", "b": "*"}, (), settings, pace=pace)
        rounds = []
        for n in range(3):
            moment = now + timedelta(minutes=5 * n)
            bucket = int(moment.timestamp()) // 300 * 300
            with store.transaction() as connection:
                connection.executemany(
                    "insert into counts values (?, ?, 1, 1)", [(one + 1, bucket) for one in chosen.tolist()]
                )
                store.series.put_due([_selection(one) for one in chosen.tolist()], bucket)
            before, start = _written(store), process_time()
            judge_due(store, [rule], moment)
            rounds.append({"seconds": process_time() - start, "bytes_written": _written(store) - before})
        size, stored = store.connection.execute("select sum(length(data)), count(*) from profiles").fetchone()
        store.close()
    return {
        "series": number,
        "active": active,
        "days": days,
        "first_round": rounds[0],
        "later_round": rounds[-1],
        "profiles_stored": stored,
        "bytes_a_profile": size / max(1, stored),
    }


def _fill(
    store: Store, number: int, active: int, days: int, end: int, dice: np.random.Generator
) -> np.ndarray:
    """Series with a few texts a day each; returns which are active."""
    with store.transaction() as connection:
        connection.executemany(
            "insert into series (id, selection) values (?, ?)",
            ((n + 1, _selection(n)) for n in range(number)),
        )
        buckets = end - 300 - dice.integers(0, days * 288, (number, days)) * 300
        rows = ((n + 1, int(b)) for n in range(number) for b in np.unique(buckets[n]))
        connection.executemany("insert into counts values (?, ?, 1, 1)", rows)
    return dice.choice(number, active, replace=False)


def _selection(number: int) -> str:
    return selection_text({"a": f"label {number // 1000}", "b": f"label {number % 1000}"})


def _written(store: Store) -> int:
    """Bytes of the write-ahead log and the file."""
    return sum(path.stat().st_size for path in store.path.parent.glob(f"{store.path.name}*"))


def _best_of(times: int, work: Callable[[], None]) -> float:
    """Seconds of one core, in which others that run do not count."""
    found = []
    for _ in range(times):
        start = process_time()
        work()
        found.append(process_time() - start)
    return min(found)
