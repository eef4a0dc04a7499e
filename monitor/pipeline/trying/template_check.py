"""Templates of notifiers, filled in once before an alert needs them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from monitor.alerts.detectors.threshold import ThresholdSettings
from monitor.alerts.message import compose
from monitor.alerts.rules import Rule
from monitor.errors import Fault
from monitor.pipeline.trying.preview import example
from monitor.store import Store
from monitor.templating import Templates

EVENTS = ("firing", "resolved")


def template_faults(templates: Mapping[str, Templates], rules: Iterable[Rule], now: datetime) -> list[Fault]:
    """What fails when templates are filled in with a made-up alert, as it begins and when it is over.

    :param templates: by the place of their notifier, such as ``notifiers[1]``.
    :param rules: the alert is of the first of them that counts texts: some kinds have none to show.
    """
    owned = {place: own for place, own in templates.items() if not own.plain}
    if not owned:
        return []
    made_up = Rule("example", "threshold", {}, (), ThresholdSettings(at_least=3))
    rule = next((rule for rule in rules if rule.counted), made_up)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "example.db")
        try:
            made = {event: example(store, rule, now, event=event)[0] for event in EVENTS}
        finally:
            store.close()
    found: dict[str, Fault] = {}
    for place, own in owned.items():
        parts = {"title": own.title, "body": own.body, "html": own.html}
        for part, text in parts.items():
            setting = f"{place}.{part}_template"
            for event, data in made.items() if text is not None else ():
                try:
                    compose(event, data, Templates(**{part: text}, zone=own.zone))
                except Exception as error:
                    alert = f"a made-up alert ({event}) of the rule {rule.name}"
                    said = f"fails on {alert}: {type(error).__name__}: {error}"
                    found.setdefault(setting, Fault(setting, said))
    return list(found.values())
