"""The texts of windows of the past, read once, so that many rules can ask what was known of them at each moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from monitor.durations import HOUR
from monitor.store import Store
from monitor.store.room import BUCKET_S, to_text
from monitor.store.stories import Text, grouped
from monitor.types import Selection

KEPT = 14 * 24
"""Hours whose texts are kept at a time."""

Carried = frozenset[tuple[str, str]]


@dataclass
class Windows:
    """Live texts by the bucket that they count in; an hour is read when it is first asked for.

    It says what :class:`~monitor.store.stories.Stories` says, without a query for every question.

    :param as_live: backfill came live, at its own time.
    """

    store: Store
    as_live: bool = False
    _hours: dict[int, dict[int, dict[Carried, list[Text]]]] = field(default_factory=dict)

    def stories(self, selection: Selection, since: int, until: int, now: datetime) -> int:
        """How many distinct stories the texts of a selection in ``[since, until)`` tell that were there at ``now``.

        :param since: epoch second, as ``until``; both are taken to the start of their bucket.
        """
        tellings = [text.telling for text in self._texts(_carried(selection), since, until, now)]
        return len(set(grouped(tellings)))

    def beside(self, selection: Selection, whole: Selection, since: int, until: int, now: datetime) -> int:
        """How many other texts of ``whole`` are in the conversations of a selection's. Parameters as above."""
        own = _carried(selection)
        if not own:
            return 0
        threads = {
            (text.source, text.telling.thread)
            for text in self._texts(own, since, until, now)
            if text.telling.thread
        }
        if not threads:
            return 0
        return sum(
            (text.source, text.telling.thread) in threads and not own <= text.carried
            for text in self._texts(_carried(whole), since, until, now)
        )

    def _texts(self, carried: Carried, since: int, until: int, now: datetime) -> Iterator[Text]:
        there = to_text(now)
        for bucket in range(since // BUCKET_S * BUCKET_S, until // BUCKET_S * BUCKET_S, BUCKET_S):
            found = self._bucket(bucket)
            if carried not in found:
                found[carried] = [text for text in found[frozenset()] if carried <= text.carried]
            yield from (text for text in found[carried] if text.came <= there)

    def _bucket(self, bucket: int) -> dict[Carried, list[Text]]:
        """The texts of a bucket by what they carry; under nothing, all of them."""
        hour = int(bucket // HOUR * HOUR)
        if hour not in self._hours:
            while len(self._hours) >= KEPT:
                self._hours.pop(next(iter(self._hours)))
            read = self._hours[hour] = {
                start: {frozenset(): []} for start in range(hour, int(hour + HOUR), BUCKET_S)
            }
            for text in self.store.stories.texts(hour, int(hour + HOUR), as_live=self.as_live):
                read[text.telling.at][frozenset()].append(text)
        return self._hours[hour][bucket]


def _carried(selection: Selection) -> Carried:
    return frozenset(selection.items())
