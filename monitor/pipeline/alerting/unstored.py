"""Outcomes of deliveries that the database cannot take yet."""

from __future__ import annotations

from collections.abc import Callable, Collection

from monitor.errors import StoreError


class Unstored:
    """What became of the attempts of one notifier, until it is stored.

    On a full disk nobody can note that a receiver has taken a notification. What is kept here is not
    attempted again: the receiver would hear it every second until somebody frees space.
    """

    def __init__(self) -> None:
        self._outcomes: dict[int, Callable[[], None]] = {}

    @property
    def entries(self) -> Collection[int]:
        """Ids of the outbox's entries that are not to be attempted until it is stored what became of them."""
        return self._outcomes.keys()

    def store(self, entry_id: int, outcome: Callable[[], None]) -> None:
        """Store an outcome by calling it, or keep it.

        :raises StoreError: it is kept, for the database cannot take it now.
        """
        self._outcomes[entry_id] = outcome
        self.settle()

    def settle(self) -> None:
        """Store what is kept, in its order.

        :raises StoreError: the database still cannot take it.
        """
        for entry_id, outcome in list(self._outcomes.items()):
            try:
                outcome()
            except StoreError:
                raise
            except BaseException:  # no matter of space: it would be the same every time
                del self._outcomes[entry_id]
                raise
            del self._outcomes[entry_id]
