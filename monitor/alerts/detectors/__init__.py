"""Detectors: pure functions from plain data to a verdict.

A kind that reads the counts of a series is a module with settings (:class:`KindSettings`),
``judge(history, at, history_from, settings)`` and ``reach(settings)``; :data:`DETECTORS` knows
them by name. :data:`KINDS` has the settings of these and of the kinds that read something else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.alerts.detectors import drop, ratio, surge, threshold, trend
from monitor.alerts.detectors.conversation import ConversationSettings
from monitor.alerts.detectors.drop import DropSettings
from monitor.alerts.detectors.history import History, Verdict
from monitor.alerts.detectors.kind import KindSettings
from monitor.alerts.detectors.mention import EntitySettings, KeywordSettings
from monitor.alerts.detectors.model import ModelSettings
from monitor.alerts.detectors.new_topic import NewTopicSettings
from monitor.alerts.detectors.ratio import RatioSettings
from monitor.alerts.detectors.silence import SilenceSettings
from monitor.alerts.detectors.surge import SurgeSettings
from monitor.alerts.detectors.threshold import ThresholdSettings
from monitor.alerts.detectors.trend import TrendSettings
from monitor.types import Selection

__all__ = [
    "DETECTORS",
    "KINDS",
    "WATCHED",
    "Detector",
    "DropSettings",
    "History",
    "ProfileDetector",
    "RatioSettings",
    "SurgeSettings",
    "ThresholdSettings",
    "Verdict",
]


@dataclass(frozen=True)
class Detector:
    """One kind of rule that reads the counts of a series.

    ``judge(history, at, history_from, settings)`` gives a :class:`Verdict`;
    ``reach(settings)`` says how many seconds before ``at`` the history should begin;
    ``needs_history``: verdicts mean nothing while the past is still being read.
    ``whole(selection, settings)``: the series that ``history.whole`` should hold, where the
    detector wants one, ``{}``: all texts that could have been in it;
    ``needs_whole(settings)``: without it, verdicts mean nothing.
    ``sees_silence``: a series without documents is judged as well. ``least(settings)``: fewer live documents
    within reach never fire. ``may_fire(history, ends, settings)``: where that can be told of many ends at once, which
    of these could fire.
    """

    settings: type[KindSettings]
    judge: Callable[[History, int, int, Any], Verdict]
    reach: Callable[[Any], float]
    needs_history: bool
    whole: Callable[[Selection, Any], Selection | None] | None = None
    needs_whole: Callable[[Any], bool] = lambda settings: False
    sees_silence: bool = False
    least: Callable[[Any], float] = lambda settings: 0
    may_fire: Callable[[History, np.ndarray, Any], np.ndarray] | None = None


@dataclass(frozen=True)
class ProfileDetector:
    """One kind of rule that reads the running :class:`~monitor.alerts.detectors.profile.Profile` of a series.

    ``judge(profile, usual, bucket, settings, series=, rest=)`` gives a :class:`Verdict`.
    """

    settings: type[KindSettings]
    judge: Callable[..., Verdict]
    needs_history: bool = True
    sees_silence: bool = False


DETECTORS: Mapping[str, Detector | ProfileDetector] = {
    "surge": ProfileDetector(SurgeSettings, surge.judge),
    "threshold": Detector(
        ThresholdSettings, threshold.judge, threshold.reach, needs_history=False, least=threshold.least
    ),
    "ratio": Detector(
        RatioSettings,
        ratio.judge,
        ratio.reach,
        needs_history=False,
        whole=ratio.whole,
        needs_whole=lambda settings: True,
        least=ratio.least,
    ),
    "drop": Detector(
        DropSettings,
        drop.judge,
        drop.reach,
        needs_history=True,
        whole=drop.whole,
        sees_silence=True,
        may_fire=drop.may_fire,
    ),
    "trend": Detector(
        TrendSettings,
        trend.judge,
        trend.reach,
        needs_history=True,
        whole=trend.whole,
        needs_whole=lambda settings: settings.of is not None,
        sees_silence=True,
    ),
}

WATCHED: Mapping[str, type[KindSettings]] = {
    "keyword": KeywordSettings,
    "entity": EntitySettings,
    "conversation": ConversationSettings,
    "silence": SilenceSettings,
    "model": ModelSettings,
    "new_topic": NewTopicSettings,
}
"""The settings of kinds that read something else than counts (:mod:`monitor.pipeline.judging.watching`)."""

KINDS: Mapping[str, type[KindSettings]] = {
    **{n: detector.settings for n, detector in DETECTORS.items()},
    **WATCHED,
}
"""The settings of every kind of rule."""
