"""Since when the monitor knows the world: one text of long ago is no history."""

from __future__ import annotations

from collections.abc import Callable

GAP = 3 * 86400
"""Seconds without a text that are no end of a history, however short it is: a week-end and its nights."""


def history_since(last: int, read: int | None, oldest: Callable[[int], int]) -> int:
    """The bucket from which on texts came regularly.

    What came since somebody reads is known. Older texts belong to it as long as no gap before them is longer than
    what is known after them, or than :data:`GAP`.

    :param last: the newest bucket with texts; :param read: the one in which a source was first read, if any was.
    :param oldest: gives the oldest bucket with texts from a bucket on.
    """
    since = oldest(last if read is None else min(last, read))
    while (older := oldest(since - max(GAP, last - since))) < since:
        since = older
    return since
