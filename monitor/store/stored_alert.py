"""An alert as the store holds it: what fired, why, and where it stands in its life."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from monitor.store.room import to_time, to_time_or_none

State = Literal["pending", "firing", "resolved"]


@dataclass(frozen=True)
class StoredAlert:
    """An alert: ``observed`` documents where ``expected`` (``low`` to ``high``) are usual.

    ``number``: which of the alerts of its fingerprint, from 1. ``state_since``, ``quiet_since``,
    ``frozen_at``, ``flapping``: its clocks, see :mod:`monitor.alerts.lifecycle`. ``routed``: routes
    decide who is notified, ``notify`` where none matches. ``suppressed``: why nobody is notified, or ``""``.
    ``rule_labels``: what its rule says of its alerts.
    """

    id: int
    rule: str
    kind: str
    fingerprint: str
    selection: Mapping[str, str]
    state: State
    since: datetime
    fired_at: datetime | None
    resolved_at: datetime | None
    last_firing_at: datetime
    observed: float
    expected: float
    low: float
    high: float
    reason: str
    notify: Sequence[str]
    acked_at: datetime | None
    acked_by: str | None
    ack_note: str | None
    number: int
    state_since: datetime | None
    quiet_since: datetime | None
    frozen_at: datetime | None
    flapping: bool
    owner: str
    routed: bool
    snoozed_until: datetime | None
    snoozed_by: str | None
    suppressed: str
    rule_labels: Mapping[str, str]

    @property
    def labels(self) -> dict[str, str]:
        """What matchers look at: the labels of its rule, its selection, and its rule, kind and owner."""
        common = {"rule": self.rule, "kind": self.kind, "owner": self.owner}
        return {**self.rule_labels, **self.selection, **common}


def alert_of(row: Any) -> StoredAlert:
    """From a row of alerts."""
    return StoredAlert(
        id=row["id"],
        rule=row["rule"],
        kind=row["kind"],
        fingerprint=row["fingerprint"],
        selection=json.loads(row["selection"]),
        state=row["state"],
        since=to_time(row["since"]),
        fired_at=to_time_or_none(row["fired_at"]),
        resolved_at=to_time_or_none(row["resolved_at"]),
        last_firing_at=to_time(row["last_firing_at"]),
        observed=row["observed"],
        expected=row["expected"],
        low=row["low"],
        high=row["high"],
        reason=row["reason"],
        notify=json.loads(row["notify"]),
        acked_at=to_time_or_none(row["acked_at"]),
        acked_by=row["acked_by"],
        ack_note=row["ack_note"],
        number=row["number"],
        state_since=to_time_or_none(row["state_since"]),
        quiet_since=to_time_or_none(row["quiet_since"]),
        frozen_at=to_time_or_none(row["frozen_at"]),
        flapping=bool(row["flapping"]),
        owner=row["owner"],
        routed=bool(row["routed"]),
        snoozed_until=to_time_or_none(row["snoozed_until"]),
        snoozed_by=row["snoozed_by"],
        suppressed=row["suppressed"],
        rule_labels=json.loads(row["rule_labels"]),
    )
