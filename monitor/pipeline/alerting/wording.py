"""What is said of an alert: its evidence put in words when it is raised, and dressed when it goes out."""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.alerts.detectors import Verdict
from monitor.alerts.grouping import group_message
from monitor.alerts.message import NOTIFICATION_DOCUMENTS, compose, data
from monitor.alerts.picture import pictures
from monitor.alerts.rules import Rule
from monitor.alerts.series_in_words import about
from monitor.interfaces import Notifier
from monitor.moments import moment
from monitor.pipeline.alerting.evidence import gather
from monitor.store import Store
from monitor.store.notification_log import Notified
from monitor.store.stored_alert import StoredAlert
from monitor.templating import BUILT_IN, Templates
from monitor.types import PICTURE, Notification, StoredDocument

RENEWED = timedelta(minutes=10)
"""Evidence of an alert that goes on is read anew where it is shown so long after it was read."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wording:
    """The words of an event, in the built-in wording, and the data behind them."""

    title: str
    body: str
    html: str
    data: Mapping[str, Any]


def note(
    store: Store,
    alert: StoredAlert,
    documents: Sequence[StoredDocument],
    now: datetime,
    *,
    rule: Rule | None = None,
    found: Verdict | None = None,
) -> dict[str, Any]:
    """Gather the evidence for an alert and keep it; joins the caller's transaction.

    Called where the verdict is at hand. What is not given is taken from what was kept before.

    :param documents: those behind the alert, newest first.
    """
    kept = store.evidence.of(alert.id)
    evidence = gather(store, alert, documents, now, rule=rule, found=found, kept=kept)
    evidence["at"] = moment(now)
    store.evidence.put(alert.id, evidence)
    return evidence


def look_at(store: Store, alert_id: int, found: Verdict) -> None:
    """The figures of an alert got worse: what is said later is of their window. Joins the caller's transaction.

    The rest of the evidence is of another moment from now on, so it loses its time: whoever shows it reads it anew.
    """
    if evidence := store.evidence.of(alert_id):
        figures = {k: getattr(found, k) for k in ("observed", "expected", "low", "high")}
        since, until = (moment(datetime.fromtimestamp(at, UTC)) for at in (found.since, found.until))
        seconds = found.until - found.since
        evidence.pop("at", None)
        store.evidence.put(
            alert_id, {**evidence, **figures, "since": since, "until": until, "seconds": seconds}
        )


def as_it_stands(
    store: Store,
    alert: StoredAlert,
    documents: Sequence[StoredDocument],
    now: datetime | None = None,
    *,
    keep: bool = False,
) -> dict[str, Any]:
    """The evidence for an alert, of one moment: gathered anew where its figures went on since, or time did.

    :param documents: those behind the alert, newest first.
    :param now: where it is not given, evidence that fits the figures is used however old it is.
    :param keep: keep what is gathered; joins the caller's transaction.
    """
    kept = store.evidence.of(alert.id)
    at = datetime.fromisoformat(kept["at"]) if "at" in kept else None
    over = alert.state == "resolved"
    if not kept or (at is not None and (over or now is None or now - at < RENEWED)):
        return kept
    last = alert.last_firing_at if over or now is None else max(now, alert.last_firing_at)
    if keep:
        return note(store, alert, documents, last)
    return {**gather(store, alert, documents, last, kept=kept), "at": moment(last)}


def word(
    store: Store,
    alert: StoredAlert,
    event: str,
    documents: Sequence[StoredDocument],
    now: datetime,
    *,
    times: int = 1,
    was: Notified | None = None,
    most: int = NOTIFICATION_DOCUMENTS,
    grouped: bool = False,
) -> Wording:
    """What is said of one event of an alert; joins the caller's transaction.

    Evidence of this very moment is used as it is kept; later news has it gathered anew.

    :param times: how often it was said, this time included.
    :param was: where it is said again because it is worse, what was said last.
    :param most: the data hold at most so many of the documents.
    :param grouped: for a notification of a group.
    """
    evidence = store.evidence.of(alert.id)
    if evidence.get("at") != moment(now):
        evidence = note(store, alert, documents, now)
    content = data(asdict(alert), documents, most=most, evidence=evidence)
    if times > 1:
        content["times"] = times
        if was is not None:
            content |= {"was": was.observed, "was_seconds": was.seconds, "was_at": moment(was.last_at)}
    elif event == "firing":
        content["held_back"] = _held_back(store, alert, now, grouped)
    if event == "resolved":
        content["ended"] = store.transitions.ended(alert.id)
    return Wording(**asdict(compose(event, content)), data=content)


def _held_back(store: Store, alert: StoredAlert, now: datetime, grouped: bool) -> dict[str, str] | None:
    """Why the first notification about an alert comes late, if it does."""
    found = store.transitions.held_back(alert.id)
    if grouped:  # it writes once nothing holds an alert back: what still does is the mute of another route
        found = [one for one in found if one[1] is not None]
    if not found:
        return None
    why, until = found[-1]
    return {"why": why, "until": moment(until or now)}


def dress(notification: Notification, templates: Templates, notifier: Notifier) -> Notification:
    """A notification as one notifier gets it: in its owner's words, and with a picture where it shows one.

    Made when it goes out, so that nothing an owner's template does can touch the alert itself. A
    template that raises is logged, and the notification goes out in the built-in words.
    """
    return _explained(_pictured(_worded(notification, templates), templates, notifier))


def _worded(notification: Notification, templates: Templates) -> Notification:
    """In the owner's words, or at least by the owner's clock."""
    several = "alerts" in notification.data and "group" in notification.data
    if several and templates.zone != BUILT_IN.zone:
        said = group_message(notification.data, templates.zone)
        return replace(notification, body=said.body, html=said.html)
    # a test and a digest have words of their own
    if "selection" in notification.data and not templates.plain:
        try:
            said = compose(notification.event, notification.data, templates)
        except Exception as error:
            log.error(
                "a template of the notifier failed (%s: %s); the built-in words are sent",
                type(error).__name__,
                error,
                extra={"alert": notification.data.get("id")},
            )
        else:
            return replace(notification, title=said.title, body=said.body, html=said.html)
    return notification


def _pictured(notification: Notification, templates: Templates, notifier: Notifier) -> Notification:
    """With the history drawn, where there is one and the notifier shows it."""
    if not notifier.pictures or notification.picture:
        return notification
    panels = [
        (about(alert["kind"], alert["selection"]), history)
        for alert in notification.data.get("alerts") or [notification.data]
        if (history := (alert.get("evidence") or {}).get("history"))
    ]
    try:
        return replace(notification, picture=pictures(panels, notification.data.get("zone", templates.zone)))
    except Exception:
        log.exception("the picture could not be drawn; the notification goes without")
        without = re.sub(f"<img[^>]*{PICTURE}[^>]*>", "", notification.html)
        return replace(notification, html=without)


def _explained(notification: Notification) -> Notification:
    """With a word on why it comes, if it is a copy of what another notifier could not deliver."""
    return begun(notification, notification.data.get("fallback_notes") or [])


def begun(notification: Notification, notes: Sequence[str]) -> Notification:
    """A notification that begins with these sentences."""
    if not notes:
        return notification
    shown = "".join(f"<p>{html.escape(note)}</p>" for note in notes) if notification.html else ""
    return replace(
        notification,
        body="\n".join([*notes, notification.body]),
        html=re.sub(
            r"(?i)\A(.*?<body[^>]*>)?", lambda m: m[0] + shown, notification.html, count=1, flags=re.S
        ),
    )
