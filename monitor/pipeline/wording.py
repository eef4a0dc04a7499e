"""What is said of an alert: its evidence put in words when it is raised, and dressed when it goes out."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from monitor.alerts.detectors import Verdict
from monitor.alerts.message import LETTER_DOCUMENTS, PICTURE, compose, data
from monitor.alerts.picture import picture
from monitor.alerts.rules import Rule
from monitor.interfaces import Notifier
from monitor.pipeline.evidence import gather
from monitor.store import Store
from monitor.store.alerts import StoredAlert
from monitor.store.background import Evidence
from monitor.templating import Templates
from monitor.types import Notification, StoredDocument

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Told:
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
    kept = Evidence(store)
    evidence = gather(store, alert, documents, now, rule=rule, found=found, kept=kept.of(alert.id))
    evidence["at"] = now.isoformat()
    kept.put(alert.id, evidence)
    return evidence


def word(
    store: Store,
    alert: StoredAlert,
    event: str,
    documents: Sequence[StoredDocument],
    now: datetime,
    *,
    times: int = 1,
) -> Told:
    """What is said of one event of an alert; joins the caller's transaction.

    Evidence of this very moment is used as it is kept; later news has it gathered anew.

    :param times: how often it was said, this time included.
    """
    evidence = Evidence(store).of(alert.id)
    if evidence.get("at") != now.isoformat():
        evidence = note(store, alert, documents, now)
    letter = data(asdict(alert), documents, most=LETTER_DOCUMENTS, evidence=evidence)
    if times > 1:
        letter["times"] = times
    return Told(**asdict(compose(event, letter)), data=letter)


def dress(notification: Notification, templates: Templates, notifier: Notifier) -> Notification:
    """A letter as one notifier gets it: in its owner's words, and with a picture where it shows one.

    Made when it goes out, so that nothing an owner's template does can touch the alert itself. A
    template that raises is logged, and the letter goes out in the built-in words.
    """
    if "selection" not in notification.data:
        return notification  # a test, a digest, several alerts at once
    if not templates.plain:
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
            notification = replace(notification, title=said.title, body=said.body, html=said.html)
    if notifier.pictures and not notification.picture:
        try:
            history = (notification.data.get("evidence") or {}).get("history")
            notification = replace(notification, picture=picture(history, templates.zone))
        except Exception:
            log.exception("the picture could not be drawn; the letter goes without")
            notification = replace(notification, html=notification.html.replace(PICTURE, ""))
    return notification
