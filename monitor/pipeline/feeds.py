"""What feeds an alert: whether its source is heard at all. While it is not, silence is no calm."""

from __future__ import annotations

from monitor.alerts.detectors import silence
from monitor.store import Store
from monitor.store.alerts import StoredAlert

FED_BY = 0.5
"""An alert is fed by a source that gave more than so much of its documents."""


def frozen(store: Store, alert: StoredAlert) -> str | None:
    """Why an alert should stay as it is: the source that feeds it is silent or cannot be read.

    ``None`` where nothing speaks against judging it. A source is silent while a rule of kind
    ``silence`` has an open alert on it. Alerts on sources themselves are never frozen.
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
    silent = any(a.kind == "silence" and a.selection.get("source") == source for a in store.alerts.all_open())
    if not silent and state.failures < silence.FAILURES:
        return None
    said = "is silent" if silent else "cannot be read"
    return f"the source {source} {said}; it gave {number} of its {total} texts"
