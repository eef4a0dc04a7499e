"""A series carried along as documents come, in time and late."""

from __future__ import annotations

import random

from monitor.pipeline.trying.as_it_came import _Series
from monitor.store.room import BUCKET_S

DAY = 86400
BEGUN = 20_000 * DAY


def test_what_comes_late_is_counted_as_if_it_had_come_in_time() -> None:
    dice = random.Random(3)
    carried = _Series()
    came: list[int] = []
    choices = 0
    for hour in range(20 * 24):
        now = BEGUN + hour * 3600
        late = dice.choice([0] * 150 + [3600, 3 * DAY, 5 * DAY, 20 * DAY])
        came += [now, (now - late) // BUCKET_S * BUCKET_S]
        for bucket in came[-2:]:
            carried.add(bucket, live=True)
        found = carried.carry(BEGUN, now)
        choices = max(choices, len(carried.starts))
    anew = _Series()
    for bucket in sorted(came):
        anew.add(bucket, live=True)
    expected = anew.carry(BEGUN, now)
    assert (found.start, list(found.steps)) == (expected.start, list(expected.steps))
    assert choices > 1, "there was a choice where to carry on from"
