"""Rules tried on a file of counts."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from monitor.alerts.detectors import ProfileDetector, Verdict
from monitor.alerts.replay import history_verdicts, surge_verdicts
from monitor.alerts.rules import Rule
from monitor.alerts.trial import trial
from monitor.durations import HOUR
from monitor.errors import MonitorError
from monitor.pipeline.trying.rules import Report
from monitor.pipeline.trying.time import of_file, watched
from monitor.pipeline.trying.watchers import Tried
from monitor.templating import short


def try_on_file(rule: Rule, path: Path) -> tuple[Report, list[str], list[float]]:
    """What a rule would have done on a file of counts: the report, the file's time stamps, and a score for each.

    A score is 1 where an alert fires, otherwise at most a half: the less likely the count, the higher.

    :raises MonitorError: the file cannot be read, or the rule needs more than counts.
    """
    stamps, seconds, counts = read_counts(path)
    step = _step(path, seconds)
    buckets = [second // step * step for second in seconds]
    scores, place = [0.0] * len(buckets), {bucket: n for n, bucket in enumerate(buckets)}
    pairs = [(bucket, count) for bucket, count in zip(buckets, counts, strict=True) if count]
    triples = [(bucket, count, count) for bucket, count in pairs]
    if not rule.counted:
        raise MonitorError(
            f"a rule of kind {rule.kind} reads something else than counts; a file has nothing else"
        )
    if isinstance(rule.detector, ProfileDetector):
        verdicts = surge_verdicts(triples, step=step, history_from=buckets[0], settings=rule.settings)
    elif rule.of_histories.needs_whole(rule.settings):
        raise MonitorError(
            f"a rule of kind {rule.kind} needs the whole as well as the part; a file has one series"
        )
    else:
        verdicts = history_verdicts(
            rule.of_histories,
            rule.settings,
            triples,
            step=step,
            history_from=buckets[0],
            until=buckets[-1] + step,
        )

    def scored() -> Iterator[tuple[int, Verdict]]:
        for second, verdict in verdicts:
            if second - step in place:
                scores[place[second - step]] = (1 - verdict.probability) / 2
            yield second, verdict

    alerts = trial(scored(), rule.pace, rule.settings, buckets[-1] + step)
    for raised in alerts:
        if (bucket := int(raised.fired_at.timestamp()) - step) in place:
            scores[place[bucket]] = 1.0
    since, until = (datetime.fromtimestamp(second, UTC) for second in (buckets[0], buckets[-1] + step))
    could = watched(rule, of_file(buckets[0]), since, until, step=step)
    return Report(rule, could, [Tried({}, since, until, pairs, alerts)]), stamps, scores


def read_counts(path: Path) -> tuple[list[str], list[int], list[int]]:
    """Time stamps as they stand, as epoch seconds, and counts, of a CSV file with ``timestamp,count``.

    :raises MonitorError: naming the line that cannot be used.
    """
    stamps, seconds, counts = [], [], []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            names = reader.fieldnames or []
            column = next((name for name in ("count", "value") if name in names), None)
            if "timestamp" not in names or column is None:
                raise MonitorError(
                    f"{path} must have the columns timestamp,count; it has {', '.join(names) or 'none'}"
                )
            for row in reader:
                stamp, count = row["timestamp"] or "", row[column] or ""
                stamps.append(stamp)
                seconds.append(_second(stamp))
                counts.append(_count(count))
                if len(seconds) > 1 and seconds[-1] <= seconds[-2]:
                    raise ValueError("is not after the line before")
                if counts[-1] < 0:
                    raise ValueError("has a count below zero")
    except OSError as error:
        raise MonitorError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, OverflowError, csv.Error) as error:
        raise MonitorError(f"{path}, line {len(stamps) + 1}: {error}") from None
    if len(seconds) < 2:
        raise MonitorError(f"{path} has fewer than two rows")
    return stamps, seconds, counts


def _second(stamp: str) -> int:
    try:
        return int(float(stamp))
    except (ValueError, OverflowError):
        pass
    try:
        time = datetime.fromisoformat(stamp)
    except ValueError:
        raise ValueError(
            f'the timestamp "{short(stamp, 40)}" must be a time such as 2026-03-04T02:00:00Z (without a zone it is '
            "in UTC), or epoch seconds"
        ) from None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())


def _count(text: str) -> int:
    try:
        return round(float(text))
    except (ValueError, OverflowError):
        raise ValueError(f'the count "{short(text, 40)}" must be a number') from None


def _step(path: Path, seconds: Sequence[int]) -> int:
    step = int(np.median(np.diff(seconds)))
    if not step or HOUR % step:
        raise MonitorError(
            f"{path}: rows must be an hour apart, or an even part of one; they are {step} seconds apart"
        )
    if len({second // step for second in seconds}) < len(seconds):
        raise MonitorError(f"{path}: several rows lie in one span of {step} seconds")
    return step
