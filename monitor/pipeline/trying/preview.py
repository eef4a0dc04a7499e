"""What an alert of a rule would look like, made of texts that are there; nothing is kept or sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from monitor.alerts.detectors.history import texts
from monitor.alerts.message import Message, compose
from monitor.alerts.picture import picture
from monitor.alerts.rules import Rule, describe, fingerprint
from monitor.alerts.series_in_words import about
from monitor.errors import MonitorError
from monitor.moments import moment
from monitor.pipeline.alerting.following import new_alert
from monitor.pipeline.alerting.wording import note, word
from monitor.pipeline.trying.made_up import agree, made_up
from monitor.pipeline.trying.past_moment import Moment, last_moment
from monitor.store import Store
from monitor.templating import BUILT_IN, Templates

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Preview:
    """A notification that is not sent: its words, what it was made of, and its data."""

    message: Message
    event: str
    made_of: str
    data: Mapping[str, Any]
    picture: bytes


class _Undo(Exception):
    """Takes back what the preview wrote."""


def preview(
    store: Store,
    rule: Rule,
    now: datetime,
    templates: Templates = BUILT_IN,
    *,
    event: str = "firing",
    progress: Progress = lambda done, of: None,
) -> Preview:
    """A notification about ``rule``, as it would have come last; see :func:`example`.

    :raises MonitorError: if a template fails.
    """
    content, made_of = example(store, rule, now, event=event, progress=progress)
    try:
        message = compose(event, content, templates)
    except Exception as error:
        raise MonitorError(f"the template fails: {type(error).__name__}: {error}") from error
    what = about(content["kind"], content["selection"])
    drawn = picture(content["evidence"]["history"], templates.zone, what)
    return Preview(message, event, made_of, content, drawn)


def example(
    store: Store,
    rule: Rule,
    now: datetime,
    *,
    event: str = "firing",
    progress: Progress = lambda done, of: None,
) -> tuple[dict[str, Any], str]:
    """The data of an alert of ``rule``, and what it is made of, in words.

    It is that of the last moment of the past at which the rule would have fired; where there is none, one is made up
    that the rule could raise. The alert is raised in a transaction that is rolled back.
    """
    content: dict[str, Any] = {}
    found = last_moment(store, rule, now, progress, over=event == "resolved")
    made_of = "" if found is None else _made_of(found, event)
    try:
        with store.transaction():
            if found is not None:
                content = _raised(store, rule, found, event)
            else:
                invented, made_of = made_up(store, rule, now)
                content = _raised(store, rule, invented, event)
                content["evidence"] = agree(content["evidence"], rule, invented.found)
            raise _Undo
    except _Undo:
        pass
    return content, made_of


def _made_of(found: Moment, event: str) -> str:
    what = texts(len(found.documents)) if found.documents else "the figures"
    end = "; its end is made up" if event == "resolved" and found.over is None else ""
    return f"{what} of {describe(found.selection)}, as the rule would have fired last, at {moment(found.at)}{end}"


def _raised(store: Store, rule: Rule, made: Moment, event: str) -> dict[str, Any]:
    """The data of an alert on that moment."""
    found, at = made.found, made.at
    mark = fingerprint(rule.name, {**made.selection, "": "preview"})
    for_nobody = replace(rule, notify=[], routed=False)
    alert_id = new_alert(store, for_nobody, made.selection, mark, found, at)
    note(store, store.alerts.need(alert_id), made.documents, at, rule=rule, found=found)
    if event == "resolved":
        at = made.over or at + timedelta(seconds=found.until - found.since)
        store.alerts.resolve(alert_id, "a preview", at)
    return dict(word(store, store.alerts.need(alert_id), event, made.documents, at).data)
