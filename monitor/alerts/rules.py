"""Rules: what to watch, as the alerts' rooms see them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitor.alerts.detectors import DETECTORS, Detector, ProfileDetector
from monitor.alerts.lifecycle import USUAL_PACE, Pace
from monitor.routes import NOTIFY_AT_ONCE, Policy
from monitor.types import ALL, Selection


@dataclass(frozen=True)
class Rule:
    """Watch the series that ``where`` selects; ``*`` stands for each label of its task.

    ``notify``: who is notified. ``routed``: the policy's routes come first, ``notify`` where none
    matches. ``pace``: how its alerts begin and end. ``labels``: of its alerts, beside those of what they watch.
    """

    name: str
    kind: str
    where: Mapping[str, str]
    notify: Sequence[str]
    settings: Any
    owner: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    pace: Pace = USUAL_PACE
    routed: bool = False
    policy: Policy = NOTIFY_AT_ONCE

    @property
    def detector(self) -> Detector | ProfileDetector:
        """The functions behind ``kind``."""
        return DETECTORS[self.kind]

    @property
    def of_histories(self) -> Detector:
        """The functions behind a ``kind`` that reads histories of counts."""
        found = self.detector
        assert isinstance(found, Detector), f"{self.kind} reads profiles"
        return found

    @property
    def counted(self) -> bool:
        """Whether it reads the counts of series (else texts, conversations, sources, ...)."""
        return self.kind in DETECTORS

    @property
    def on_documents(self) -> bool:
        """Whether series are judged as documents come into them."""
        return self.counted and not self.detector.sees_silence

    def watches(self, selection: Selection) -> bool:
        """Whether a series is one of the rule's."""
        return selection.keys() == self.where.keys() and all(
            wanted in (ALL, selection[task]) for task, wanted in self.where.items()
        )

    def watched(self, selections: Iterable[Selection]) -> list[Selection]:
        """The rule's series among ``selections``."""
        return [selection for selection in selections if self.watches(selection)]


def fingerprint(rule: str, selection: Selection) -> str:
    """The same for every alert of one rule on one series: 16 hexadecimal digits."""
    text = json.dumps([rule, dict(selection)], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def subject(kind: str, selection: Selection) -> str:
    """What an alert of a kind is about, in words."""
    if kind == "keyword":
        return f"certain words, {describe(selection)}" if selection else "certain words"
    return describe(selection)


def describe(selection: Selection) -> str:
    """A series in words: ``topic litigation, sentiment negative``."""
    return ", ".join(f"{task} {label}" for task, label in selection.items()) or "all documents"
