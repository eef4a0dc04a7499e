"""From the outbox to the notifiers."""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from monitor.alerts import late
from monitor.alerts.message import NOTIFICATION_DOCUMENTS, compose, data
from monitor.alerts.redelivery import (
    GIVE_UP_S,
    LONGEST_PAUSE_S,
    PASSES,
    Terms,
    copy_key,
    free_at,
    pause,
    stuck,
)
from monitor.errors import DeliveryError, StoreError, one_line
from monitor.interfaces import Notifier
from monitor.pipeline.alerting.unstored import Unstored
from monitor.pipeline.alerting.wording import as_it_stands, begun, dress
from monitor.store import Store
from monitor.store.outbox_entry import OutboxEntry
from monitor.templating import BUILT_IN, Templates, short
from monitor.types import Notification

log = logging.getLogger(__name__)

LATE_S = 900.0
"""A notification about alerts that is delivered so long after it was written says so."""


def deliver_due(
    store: Store,
    name: str,
    notifier: Notifier,
    now: datetime,
    *,
    templates: Templates = BUILT_IN,
    terms: Terms | None = None,
    dice: random.Random | None = None,
    limit: int = 100,
    unstored: Unstored | None = None,
) -> int:
    """Deliver the notifications to ``notifier`` that are due; returns how many got through.

    No transaction is open while a notifier talks to the other side. What happened is
    committed one by one: only a death between the other side's answer and that commit
    can make a delivery happen twice, with the same key. Where the database cannot take it, the others are
    delivered all the same, once each.

    :param templates: what its owner has it say.
    :param terms: how many it may deliver in a time, and who gets a copy of what it cannot.
    :param dice: spreads the pauses before another attempt; without it they are exact.
    :param limit: so many notifications at most; ``now`` is the time of every attempt.
    :param unstored: what earlier calls could not store.
    :raises StoreError: the database cannot take what happened, which is in ``unstored``.
    """
    terms = terms or Terms()
    unstored = Unstored() if unstored is None else unstored
    done, trouble = 0, _trouble(unstored.settle)
    latest = now + timedelta(seconds=2 * LONGEST_PAUSE_S)
    due = store.outbox.due(now, notifier=name, limit=limit, but=unstored.entries, latest=latest)
    queue = deque((entry, PASSES) for entry in due)
    stuck_ones: set[int] = set()
    while queue:
        entry, passes = queue.popleft()
        if _held_back(store, name, terms, now):
            break
        try:
            dressed = dress(replace(entry.notification, at=now), templates, notifier)
            notifier.send(_dated(store, entry, dressed, now, templates.zone))
        except (Exception, SystemExit) as error:
            if not isinstance(error, DeliveryError):
                where = {"alert": entry.alert_id, "notifier": name}
                log.error("notifier %s raised", name, exc_info=error, extra=where)
            asked = _asked(error)
            jitter = dice.random() if dice else 0.0
            outcome = partial(_failed, store, name, entry, error, terms, now, asked, jitter)
            trouble = _trouble(partial(unstored.store, entry.id, outcome)) or trouble
            if asked:
                break
            if stuck(entry.waits_since, entry.attempts + 1, now):
                stuck_ones.add(entry.id)
                later = store.succession.behind(entry, stuck_ones, now) if passes else None
                # at once: had the other side become well again in between, the older one would have got through
                queue.extendleft([(later, passes - 1)] if later else [])
        else:
            outcome = partial(_delivered, store, entry, frozenset(stuck_ones), terms, now)
            trouble = _trouble(partial(unstored.store, entry.id, outcome)) or trouble
            done += 1
    if trouble is not None:
        raise trouble
    if terms.fallback:
        before = now - timedelta(seconds=terms.fallback_after)
        for entry in store.outbox.late(before, notifier=name, fallback=terms.fallback):
            _copy(store, entry, terms.fallback, entry.last_error or "it was not its turn yet", now)
    return done


def _trouble(write: Callable[[], None]) -> StoreError | None:
    """What the database says against being written, if it does."""
    try:
        write()
    except StoreError as error:
        return error
    return None


def _delivered(
    store: Store, entry: OutboxEntry, stuck_ones: Collection[int], terms: Terms, now: datetime
) -> None:
    """Note that a notification got through, and what follows for those before it that did not."""
    with store.transaction():
        store.outbox.delivered(entry.id, now)
        for older in store.succession.before(entry) if stuck_ones else ():
            if older.id in stuck_ones:
                why = f"passed over by later news: {older.last_error}"
                _give_up(store, older, why, terms, now, tried=False)
        if terms.fallback and store.outbox.copied_before(entry, terms.fallback):
            # who was notified of the beginning is notified of the end
            _copy(store, entry, terms.fallback, "", now)
    where = {"alert": entry.alert_id, "notifier": entry.notifier}
    log.info("delivered to %s: %s", entry.notifier, _briefly(entry.notification), extra=where)


def _briefly(notification: Notification) -> str:
    rule = notification.data.get("rule")
    return f"{notification.event}{f', rule {rule}' if rule else ''}: {short(notification.title, 100)}"


def _dated(store: Store, entry: OutboxEntry, dressed: Notification, now: datetime, zone: str) -> Notification:
    """A notification about alerts as it goes out: where that is long after it was written, it says so."""
    several = entry.notification.data.get("alerts") if "group" in entry.notification.data else None
    if (now - entry.created_at).total_seconds() <= LATE_S or (entry.alert_id is None and not several):
        return dressed
    firing = entry.notification.event == "firing"  # that it is over, the news of the end says anyway
    if several:
        fired = [store.alerts.need(one["id"]).resolved_at for one in several if one["event"] == "firing"]
        over = sum(at is not None for at in fired)
        said = late.of_group(entry.created_at, now, over, len(fired), ZoneInfo(zone))
        ended = bool(fired) and over == len(fired)
    else:
        assert entry.alert_id is not None
        at = store.alerts.need(entry.alert_id).resolved_at if firing else None
        said, ended = late.of_notification(entry.created_at, now, at, ZoneInfo(zone)), at is not None
    dated = begun(dressed, [said])
    return replace(dated, title=late.titled(dated.title, ended)) if firing else dated


def _held_back(store: Store, name: str, terms: Terms, now: datetime) -> bool:
    """Whether the notifier has delivered as much as it may; then what is due waits for its turn."""
    if terms.at_most is None:
        return False
    since = now - timedelta(seconds=terms.at_most.seconds)
    recent = store.outbox.recently_delivered(name, since, now, terms.at_most.number)
    until = free_at(recent, terms.at_most, now)
    if until is None:
        return False
    fresh = store.outbox.hold(name, until, f"held back: at most {terms.at_most}")
    if fresh:
        waiting = store.outbox.counts_by_notifier()[name]["waiting"]
        log.warning(
            "%s has delivered %s, as much as it may; %d notifications wait",
            name,
            terms.at_most,
            waiting,
            extra={"notifier": name},
        )
    return True


def _failed(
    store: Store,
    name: str,
    entry: OutboxEntry,
    error: BaseException,
    terms: Terms,
    now: datetime,
    asked: float,
    jitter: float,
) -> None:
    """Note a failed attempt. ``asked``: the seconds for which the other side wants no more notifications."""
    where = {"alert": entry.alert_id, "notifier": name}
    known = isinstance(error, DeliveryError)
    permanent = isinstance(error, DeliveryError) and error.permanent
    said = one_line(error if known else f"{type(error).__name__}: {error}")
    if permanent or (now - entry.waits_since).total_seconds() > GIVE_UP_S:
        _give_up(store, entry, said, terms, now)
    else:
        wait = pause(entry.attempts + 1, asked=asked, jitter=jitter)
        store.outbox.postpone(entry.id, now, now + timedelta(seconds=wait), said)
        log.warning("%s could not deliver, again in %.0f s: %s", name, wait, said, extra=where)
    if asked:
        store.outbox.pause(name, now + timedelta(seconds=asked), f"held back: {one_line(error)}", now)


def _asked(error: BaseException) -> float:
    """The seconds for which the other side wants no more notifications."""
    if isinstance(error, DeliveryError) and not error.permanent:
        return error.retry_after or 0.0
    return 0.0


def _give_up(
    store: Store, entry: OutboxEntry, why: str, terms: Terms, now: datetime, *, tried: bool = True
) -> None:
    """A notification will not get through: it is dead, and its fallback has it."""
    with store.transaction():
        store.outbox.give_up(entry.id, why, now, tried=tried)
        if terms.fallback:
            _copy(store, entry, terms.fallback, why, now)
    where = {"alert": entry.alert_id, "notifier": entry.notifier}
    log.error("%s cannot deliver %s: %s", entry.notifier, entry.notification.key, why, extra=where)


def _copy(store: Store, entry: OutboxEntry, fallback: str, why: str, now: datetime) -> None:
    """A copy for the fallback, once, unless it is notified of the same event anyway."""
    with store.transaction():
        if store.outbox.notified(entry, fallback):
            return
        first = entry.notification
        note = f"({entry.notifier} could not deliver this: {why})" if why else ""
        notes = [*([note] if note else []), *first.data.get("fallback_notes", ())]
        copy = replace(
            first,
            key=copy_key(first.key, fallback),
            data={**first.data, "fallback_for": entry.notifier, "fallback_notes": notes},
        )
        if store.outbox.add(fallback, copy, entry.alert_id, now, copy_of=entry.id):
            where = {"alert": entry.alert_id, "notifier": fallback}
            log.warning("%s gets a copy of what %s did not deliver", fallback, entry.notifier, extra=where)


def forsake(store: Store, notifiers: Sequence[str], now: datetime) -> None:
    """Give up what waits for a notifier that is not configured (any more): nobody would ever deliver it.

    :param notifiers: those that are.
    """
    for name, number in store.outbox.forsake(notifiers, "the notifier is not configured", now).items():
        few = "a notification" if number == 1 else f"{number} notifications"
        log.warning(
            "%s is not configured: %s to it given up (`monitor alerts resend` when it is back)",
            name,
            few,
            extra={"notifier": name},
        )


def refresh(store: Store, name: str, notifier: Notifier, now: datetime, *, templates: Templates) -> None:
    """Let a notifier go on saying that what it was notified of fires, in the same words, with the figures of now.

    :raises DeliveryError: it could not.
    """
    firing = []
    for alert_id in store.notification_log.standing(name):
        documents = store.documents.many(store.alert_documents.of_alert(alert_id))
        with store.transaction():
            alert = store.alerts.need(alert_id)
            evidence = as_it_stands(store, alert, documents, now, keep=True)
        content = data(asdict(alert), documents, most=NOTIFICATION_DOCUMENTS, evidence=evidence)
        said = compose("firing", content)
        notification = Notification("", "firing", said.title, said.body, content, html=said.html, at=now)
        firing.append(dress(notification, templates, notifier))
    notifier.refresh(now, firing)
