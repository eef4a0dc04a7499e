"""Counts over time, drawn; the options that it refuses."""

from __future__ import annotations

import pytest


def test_the_largest_series_are_drawn(fetched):
    fetched("run", "--once", "--no-view")
    assert len(fetched("trends", "--json", "--limit", "1").json["series"]) == 1
    assert len(fetched("trends", "--json", "--since", "36500d").json["series"]) >= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--since", "99999999w"], "'99999999w' is too long; the longest duration is 36500d"),
        (["--step", "99999999w"], "is too long"),
        (["--since", "36500d", "--step", "5m"], "use --step 88h, or a shorter --since"),
        (["--limit", "-1"], "-1 is not in the range x>=1"),
        (["--limit", "0"], "0 is not in the range x>=1"),
        (["--by", "mood"], "--by needs --task"),
    ],
)
def test_options_that_cannot_be_used(fetched, arguments, message):
    assert message in fetched("trends", *arguments, code=2).err
