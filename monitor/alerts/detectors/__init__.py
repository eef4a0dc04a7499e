"""Detectors: pure functions from the counts of a series to a verdict.

Each kind is a module with a ``Settings`` model, ``judge(history, at, history_from,
settings)`` and ``reach(settings)``; :data:`DETECTORS` knows them by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from monitor.alerts.detectors import surge, threshold
from monitor.alerts.detectors.history import History, Verdict
from monitor.alerts.detectors.surge import SurgeSettings
from monitor.alerts.detectors.threshold import ThresholdSettings
from monitor.interfaces import Settings

__all__ = ["DETECTORS", "Detector", "History", "SurgeSettings", "ThresholdSettings", "Verdict"]


@dataclass(frozen=True)
class Detector:
    """One kind of rule.

    ``judge(history, at, history_from, settings)`` gives a :class:`Verdict`;
    ``reach(settings)`` says how many seconds before ``at`` the history should begin;
    ``needs_history``: verdicts mean nothing while the past is still being read.
    """

    settings: type[Settings]
    judge: Callable[[History, int, int, Any], Verdict]
    reach: Callable[[Any], float]
    needs_history: bool


@dataclass(frozen=True)
class ProfileDetector:
    """One kind of rule that reads the running :class:`~monitor.alerts.detectors.profile.Profile` of a series.

    ``judge(profile, usual, bucket, settings, series=, rest=)`` gives a :class:`Verdict`.
    """

    settings: type[Settings]
    judge: Callable[..., Verdict]
    needs_history: bool = True


DETECTORS: Mapping[str, Detector | ProfileDetector] = {
    "surge": ProfileDetector(SurgeSettings, surge.judge),
    "threshold": Detector(ThresholdSettings, threshold.judge, threshold.reach, needs_history=False),
}
