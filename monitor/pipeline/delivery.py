"""From the outbox to the notifiers."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from monitor.alerts.lifecycle import retry_after
from monitor.errors import DeliveryError
from monitor.interfaces import Notifier
from monitor.pipeline.wording import dress
from monitor.store import Store
from monitor.templating import BUILT_IN, Templates

log = logging.getLogger(__name__)

GIVE_UP_S = 7 * 86400.0
"""A letter that could not be delivered for so long is dead; it is kept and shown."""


def deliver_due(
    store: Store, name: str, notifier: Notifier, now: datetime, templates: Templates = BUILT_IN
) -> int:
    """Deliver the letters to ``notifier`` that are due; returns how many got through.

    No transaction is open while a notifier talks to the other side. What happened is
    committed letter by letter: only a death between the other side's answer and that commit
    can make a delivery happen twice, with the same key.
    """
    done = 0
    for letter in store.outbox.due(now, notifier=name):
        where = {"alert": letter.alert_id, "notifier": name}
        try:
            notifier.send(dress(letter.notification, templates, notifier))
        except DeliveryError as error:
            if error.permanent or (now - letter.created_at).total_seconds() > GIVE_UP_S:
                store.outbox.give_up(letter.id, str(error))
                log.error("%s cannot deliver %s: %s", name, letter.notification.key, error, extra=where)
            else:
                wait = max(retry_after(letter.attempts + 1), error.retry_after or 0.0)
                store.outbox.postpone(letter.id, now + timedelta(seconds=wait), str(error))
                log.warning("%s could not deliver, again in %.0f s: %s", name, wait, error, extra=where)
        except Exception as error:
            wait = retry_after(letter.attempts + 1)
            store.outbox.postpone(
                letter.id, now + timedelta(seconds=wait), f"{type(error).__name__}: {error}"
            )
            log.exception("notifier %s raised", name, extra=where)
        else:
            store.outbox.delivered(letter.id, now)
            done += 1
    return done
