"""What feeds an alert: whether its source is heard at all. While it is not, silence is no calm."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from monitor.alerts.detectors import Verdict, silence
from monitor.store import Store
from monitor.store.stored_alert import StoredAlert

FED_BY = 0.5
"""An alert is fed by a source that gave more than so much of its documents."""


def silent_sources(store: Store) -> set[str]:
    """The sources that are silent now: a rule of kind ``silence`` has an open alert on them, and it is not quiet."""
    opened = store.alerts.all_open("silence")
    return {alert.selection["source"] for alert in opened if alert.quiet_since is None}


def heard(store: Store, alert: StoredAlert | None, found: Verdict, silent: Collection[str]) -> Verdict:
    """A verdict that does not fire, of the series of an alert: nothing is known while what feeds it is not heard."""
    why = None if alert is None else frozen(store, alert, silent)
    return found if why is None else replace(found, unknown=True, reason=why)


def frozen(store: Store, alert: StoredAlert, silent: Collection[str]) -> str | None:
    """Why an alert should stay as it is: the source that feeds it is silent or cannot be read.

    ``None`` where nothing speaks against judging it. Alerts on sources themselves are never frozen.

    :param silent: the :func:`silent_sources`, asked for once in a round and not for each alert.
    """
    if "source" in alert.selection and alert.kind == "silence":
        return None
    given = store.alert_documents.by_source(alert.id)
    if not given:
        return None
    (source, number), total = next(iter(given.items())), sum(given.values())
    if number <= FED_BY * total:
        return None
    state = store.sources.get(source)
    if state is None or not state.active:
        return None
    if source not in silent and state.failures < silence.FAILURES:
        return None
    said = "is silent" if source in silent else "cannot be read"
    return f"the source {source} {said}; it gave {number} of its {total} texts"
