"""An entry of the outbox: one notification for one notifier, and how far it got."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from monitor.store.room import to_time, to_time_or_none
from monitor.types import Notification

OutboxState = Literal["waiting", "delivered", "dead"]


@dataclass(frozen=True)
class OutboxEntry:
    """One notification for one notifier.

    ``waits_since``: when it was put in, or taken up again. ``copy_of``: the entry that another
    notifier could not deliver.
    """

    id: int
    notifier: str
    alert_id: int | None
    notification: Notification
    state: OutboxState
    created_at: datetime
    waits_since: datetime
    copy_of: int | None
    attempts: int
    next_at: datetime
    delivered_at: datetime | None
    last_error: str | None


def entry_of(row: Any) -> OutboxEntry:
    """From a row of the outbox."""
    return OutboxEntry(
        id=row["id"],
        notifier=row["notifier"],
        alert_id=row["alert_id"],
        notification=Notification(**json.loads(row["notification"]), picture=row["picture"] or b""),
        state=row["state"],
        created_at=to_time(row["created_at"]),
        waits_since=to_time(row["waits_since"]),
        copy_of=row["copy_of"],
        attempts=row["attempts"],
        next_at=to_time(row["next_at"]),
        delivered_at=to_time_or_none(row["delivered_at"]),
        last_error=row["last_error"],
    )
