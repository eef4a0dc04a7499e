"""Which alerts inhibit which: while one fires, nobody is notified of the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from heapq import merge

from monitor.matching import Matchers, all_match
from monitor.routes import Inhibit
from monitor.store.stored_alert import StoredAlert


class Side:
    """Alerts on one side of an ``[[inhibit]]``, by what those on both sides have to have alike.

    :param own: what they fulfil, and ``other`` what those that they face do.
    """

    def __init__(
        self, own: Matchers, other: Matchers, equal: Sequence[str], alerts: Sequence[StoredAlert]
    ) -> None:
        self._own, self._other, self._equal = own, other, equal
        self._all = defaultdict[tuple[str, ...], list[StoredAlert]](list)
        self._alone = defaultdict[tuple[str, ...], list[StoredAlert]](list)
        for alert in alerts:
            if all_match(own, labels := alert.labels):
                values = tuple(labels.get(label, "") for label in equal)
                self._all[values].append(alert)
                if not all_match(other, labels):
                    self._alone[values].append(alert)

    def facing(self, alert: StoredAlert) -> Sequence[StoredAlert]:
        """Those that an alert on the other side faces, in the order in which they were given.

        Two that are both on both sides do not face each other: each would silence the other.
        """
        labels = alert.labels
        if not all_match(self._other, labels):
            return ()
        values = tuple(labels.get(label, "") for label in self._equal)
        return (self._alone if all_match(self._own, labels) else self._all).get(values, ())


class Inhibition:
    """What a policy makes of the alerts that fire, oldest first."""

    def __init__(self, inhibits: Sequence[Inhibit], firing: Sequence[StoredAlert]) -> None:
        self._sources = [Side(one.source, one.target, one.equal, firing) for one in inhibits]
        self._targets = [Side(one.target, one.source, one.equal, firing) for one in inhibits]

    def of(self, alert: StoredAlert) -> StoredAlert | None:
        """The oldest alert that inhibits this one. Of a circle, the first alert is inhibited by none of the others."""
        inhibited: set[int] | None = None
        for other in merge(*(side.facing(alert) for side in self._sources), key=lambda one: one.id):
            if other.id < alert.id:
                return other
            if inhibited is None:
                inhibited = set(self._inhibited_by(alert))
            if other.id not in inhibited:
                return other
        return None

    def _inhibited_by(self, alert: StoredAlert) -> Iterator[int]:
        """Ids of what an alert inhibits, of what that does, and so on."""
        met, todo, known = {alert.id}, [alert], set[int]()
        while todo:
            one = todo.pop()
            for found in (side.facing(one) for side in self._targets):
                if id(found) in known:
                    continue
                known.add(id(found))
                new = [other for other in found if other.id not in met]
                met |= {other.id for other in new}
                todo += new
                yield from (other.id for other in new)
