"""What a notification says that is delivered long after it was written."""

from __future__ import annotations

import pytest

from monitor.alerts.late import titled


@pytest.mark.parametrize(
    ("title", "over"),
    [
        ("5 texts on court in 1 h, limit 3 [x]", "5 texts on court in 1 h, limit 3 [x]"),
        (
            "Still firing: at its height 5 texts; now 0; raised 2 h ago [x]",
            "At its height 5 texts; now 0; raised 2 h ago [x]",
        ),
        ("Still open, quiet for 2 h: 5 texts [x]", "5 texts [x]"),
        ("Flapping: still firing: 5 texts [x]", "5 texts [x]"),
        ("Grown: 24 texts; told before: 4 in 1 h [x]", "Grown: 24 texts; told before: 4 in 1 h [x]"),
        ("3 firing (1 new): 9 texts; and 2 more", "3 fired (1 new): 9 texts; and 2 more"),
        ("3 still firing: 9 texts; and 2 more", "3 fired: 9 texts; and 2 more"),
        ("a title of the owner's", "a title of the owner's"),
    ],
)
def test_what_is_over_does_not_still_fire(title: str, over: str) -> None:
    assert titled(title, True) == f"Over by now: {over}"
    assert titled(title, False) == f"Late: {title}"
