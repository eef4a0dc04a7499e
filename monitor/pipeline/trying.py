"""Rules tried on the past: on the store's counts, or on a file of counts."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from monitor.alerts.detectors import Detector, History, ProfileDetector, Verdict
from monitor.alerts.detectors.profile import DAY, HOUR
from monitor.alerts.replay import Course, course, surge_verdicts
from monitor.alerts.rules import Rule, fingerprint
from monitor.alerts.trial import Raised, trial
from monitor.errors import MonitorError
from monitor.pipeline.profiles import known_since
from monitor.store import Store
from monitor.store.room import BUCKET_S, bucket_of
from monitor.types import Selection

Counts = Sequence[tuple[int, int]]
"""``(bucket, count)`` by time, empty ones left out."""


@dataclass(frozen=True)
class Tried:
    """What a rule would have done on one series between ``since`` and ``until``."""

    selection: Selection
    since: datetime
    until: datetime
    counts: Counts
    alerts: list[Raised]


@dataclass
class Report:
    """What a rule would have done on all of its series.

    ``judged``: of its live alerts that people judged, by alert id: whether it was real, and whether
    the rule as it is tried would have raised one at that time too.
    """

    rule: Rule
    tried: list[Tried] = field(default_factory=list)
    judged: dict[int, tuple[bool, bool]] = field(default_factory=dict)

    @property
    def alerts(self) -> list[tuple[Tried, Raised]]:
        """All alerts, by time."""
        found = [(one, raised) for one in self.tried for raised in one.alerts]
        return sorted(found, key=lambda pair: pair[1].fired_at)

    @property
    def a_month(self) -> float:
        """Alerts in thirty days."""
        days = max(((one.until - one.since).total_seconds() / DAY for one in self.tried), default=0.0)
        return 30 * len(self.alerts) / days if days else 0.0

    @property
    def precision(self) -> float | None:
        """Of the judged alerts that it would have raised again, the share that was real."""
        again = [real for real, raised in self.judged.values() if raised]
        return sum(again) / len(again) if again else None


def try_on_store(
    store: Store,
    rule: Rule,
    since: datetime,
    now: datetime,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Report:
    """What a rule would have done since ``since``, on the counts that are stored.

    Every text counts as if it had come live. What lies before ``since`` is learned from.

    :param progress: told how many series are done, and of how many.
    :raises MonitorError: the rule reads something else than counts.
    """
    if not rule.counted:
        raise MonitorError(
            f"rules of kind {rule.kind} read texts, not counts; they cannot be tried on history"
        )
    known, watched = known_since(store, now), rule.watched(store.series.all())
    found, whole = Report(rule), None
    if rule.kind == "surge" and rule.settings.compare:
        every = store.series.counts({})
        whole = course(((c.bucket, c.total, c.total) for c in every), step=BUCKET_S, history_from=known)
    for done, selection in enumerate(watched):
        progress(done, len(watched))
        counts = [(count.bucket, count.total) for count in store.series.counts(selection)]
        verdicts = _verdicts(
            store, rule, selection, counts, known, len(watched), whole if selection else None, now
        )
        begun = int(since.timestamp())
        seen = ((second, verdict) for second, verdict in verdicts if second >= begun)
        alerts = list(trial(seen, rule.pace, rule.settings))
        shown = [(bucket, count) for bucket, count in counts if bucket >= begun]
        found.tried.append(Tried(selection, since, now, shown, alerts))
    progress(len(watched), len(watched))
    _judged(store, found)
    return found


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
    if isinstance(rule.detector, ProfileDetector):
        triples = ((bucket, count, count) for bucket, count in pairs)
        verdicts = surge_verdicts(triples, step=step, history_from=buckets[0], settings=rule.settings)
    elif rule.of_histories.needs_whole:
        raise MonitorError(
            f"a rule of kind {rule.kind} needs the whole as well as the part; a file has one series"
        )
    else:
        verdicts = _of_histories(rule, pairs, step, buckets[0], buckets[-1] + step)

    def scored() -> Iterator[tuple[int, Verdict]]:
        for second, verdict in verdicts:
            if second - step in place:
                scores[place[second - step]] = (1 - verdict.probability) / 2
            yield second, verdict

    alerts = list(trial(scored(), rule.pace, rule.settings))
    for raised in alerts:
        if (bucket := int(raised.fired_at.timestamp()) - step) in place:
            scores[place[bucket]] = 1.0
    since, until = (datetime.fromtimestamp(second, UTC) for second in (buckets[0], buckets[-1] + step))
    return Report(rule, [Tried({}, since, until, pairs, alerts)]), stamps, scores


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
                counts.append(round(float(count)))
                if len(seconds) > 1 and seconds[-1] <= seconds[-2]:
                    raise ValueError("is not after the line before")
                if counts[-1] < 0:
                    raise ValueError("has a count below zero")
    except OSError as error:
        raise MonitorError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise MonitorError(f"{path}, line {len(stamps) + 1}: {error}") from None
    if len(seconds) < 2:
        raise MonitorError(f"{path} has fewer than two rows")
    return stamps, seconds, counts


def _second(stamp: str) -> int:
    try:
        return int(float(stamp))
    except ValueError:
        time = datetime.fromisoformat(stamp)
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())


def _step(path: Path, seconds: Sequence[int]) -> int:
    step = int(np.median(np.diff(seconds)))
    if not step or HOUR % step:
        raise MonitorError(
            f"{path}: rows must be an hour apart, or an even part of one; they are {step} seconds apart"
        )
    if len({second // step for second in seconds}) < len(seconds):
        raise MonitorError(f"{path}: several rows lie in one span of {step} seconds")
    return step


def _verdicts(
    store: Store,
    rule: Rule,
    selection: Selection,
    counts: Counts,
    known: int,
    series: int,
    whole: Course | None,
    now: datetime,
) -> Iterator[tuple[int, Verdict]]:
    if isinstance(rule.detector, ProfileDetector):
        triples = ((bucket, count, count) for bucket, count in counts)
        return surge_verdicts(
            triples, step=BUCKET_S, history_from=known, settings=rule.settings, series=series, whole=whole
        )
    part = rule.of_histories.whole and rule.of_histories.whole(selection, rule.settings)
    of = None if part is None else [(count.bucket, count.total) for count in store.series.counts(part)]
    return _of_histories(rule, counts, BUCKET_S, known, bucket_of(now) + BUCKET_S, of)


def _of_histories(
    rule: Rule, counts: Counts, step: int, known: int, until: int, whole: Counts | None = None
) -> Iterator[tuple[int, Verdict]]:
    """Verdicts of a kind that reads histories, at the end of each bucket that could change one."""
    detector: Detector = rule.of_histories
    reach = int(detector.reach(rule.settings)) // step * step
    past, past_whole = _dense(counts, known, until, step), None
    if whole is not None:
        past_whole = _dense(whole, known, until, step)
    window = int(getattr(rule.settings, "window", HOUR))
    ends: Iterable[int]
    if detector.sees_silence:
        ends = range(known + HOUR, until + 1, HOUR)
    else:
        after = {end for bucket, _ in counts for end in range(bucket, bucket + 2 * window + step, step)}
        ends = sorted(end + step for end in after if end < until)
    for end in ends:
        first, last = max(0, (end - reach - known) // step), (end - known) // step
        history = _history(past, known, first, last, step)
        if past_whole is not None:
            history = History(
                history.start,
                step,
                history.total,
                history.live,
                _history(past_whole, known, first, last, step),
            )
        yield end, detector.judge(history, end, known, rule.settings)


def _dense(counts: Counts, known: int, until: int, step: int) -> np.ndarray:
    found = np.zeros(max(1, (until - known) // step), dtype=np.int64)
    for bucket, count in counts:
        if 0 <= (place := (bucket - known) // step) < len(found):
            found[place] += count
    return found


def _history(counts: np.ndarray, known: int, first: int, last: int, step: int) -> History:
    part = counts[first:last]
    return History(known + first * step, step, part, part)


def _judged(store: Store, report: Report) -> None:
    """Hold judged alerts of the rule against what was raised now."""
    for judgement in store.judgements.of_rule(report.rule.name):
        alert = store.alerts.need(judgement.alert_id)
        begun, over = alert.fired_at or alert.last_firing_at, alert.resolved_at or alert.last_firing_at
        again = any(
            raised.fired_at <= over + timedelta(hours=1)
            and (raised.resolved_at or one.until) >= begun - timedelta(hours=1)
            for one in report.tried
            if fingerprint(report.rule.name, one.selection) == alert.fingerprint
            for raised in one.alerts
        )
        report.judged[alert.id] = (judgement.real, again)
