"""Whether the monitor does its work: what ``monitor status`` and heartbeats go by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from monitor.durations import format_duration
from monitor.moments import moment
from monitor.store import Store
from monitor.store.heartbeats import PART, PING, REFRESH, RELOAD
from monitor.store.source_state import SourceState
from monitor.types import Health

STALE_S = {"fetch": 60.0, "learn": 300.0, "classify": 300.0, "judge": 60.0, "deliver": 120.0}
"""Seconds after which a stage of a running monitor is late; a round can take that long."""

OVERDUE_S = 600.0
"""A source that should have been fetched so long ago hangs."""

STUCK_S = 900.0
"""A notification that did not get through for so long means that delivery does not progress."""

START_S = 300.0
"""So long after its start a stage may not have done a round yet: the first classification waits for learning."""

UNTOLD_S = 150.0
"""What a notifier could not do for so long, to say what still fires or that the monitor is well, failed twice at least:
one time is no problem."""

DEAD_S = 7 * 86400.0
"""So long is a notification that was given up a problem; it is kept longer."""


def health(store: Store, now: datetime, notifiers: Sequence[str], *, patience: float = 0.0) -> Health:
    """How a running monitor is, read from its database.

    :param notifiers: those that are configured; notifications to others do not count.
    :param patience: seconds from its start in which a stage need not have shown any sign of life.
    """
    beats = {stage: at for stage, (at, _) in store.heartbeats.all().items()}
    sources = [s for s in store.sources.all() if s.active]
    problems = [
        *_silent(store, beats, now, patience),
        *(f"the {stage} stage is late" for stage in late_stages(beats, now)),
        *hanging(sources, now),
        # one source that fails is no reason to doubt the monitor, as long as another one works
        *(["no source can be read"] if sources and all(s.failures for s in sources) else []),
        *stuck(store, now, notifiers),
    ]
    return Health(not problems, tuple(problems))


def problems(store: Store, now: datetime, process: int | None, notifiers: Collection[str]) -> list[str]:
    """All that somebody should look after, a line each: what :func:`health` says and what does not stop the monitor.

    :param process: the one that runs, if one does.
    :param notifiers: those that are configured; what others did not get, nobody waits for.
    """
    if process is None:
        found = ["the monitor does not run (`monitor run` starts it)"]
    else:
        named = list(store.outbox.counts_by_notifier())
        found = [
            *health(store, now, named, patience=START_S).problems,
            *_not_taken_up(store),
            *_left_out(store),
            *untold(store, now, notifiers).values(),
        ]
    found += [
        f"source {s.name} fails: {s.last_error}" for s in store.sources.all() if s.active and s.failures
    ]
    if dead := undelivered(store, now, notifiers):
        number = sum(dead.values())
        few = "a notification" if number == 1 else f"{number} notifications"
        whom = ", ".join(f"{count} to {name}" for name, count in dead.items())
        found.append(f"{few} could not be delivered in the last 7 days: {whom} (`monitor alerts resend`)")
    if failed := store.documents.count("failed"):
        found.append(f"{failed:,} document{'s' * (failed != 1)} could not be classified")
    return found


def late_stages(beats: Mapping[str, datetime], now: datetime) -> list[str]:
    """The stages whose last round is too long ago."""
    return [stage for stage, at in beats.items() if (now - at).total_seconds() > STALE_S.get(stage, 300.0)]


def hanging(sources: Collection[SourceState], now: datetime) -> list[str]:
    """Sources that should have been fetched long ago, a line each."""
    return [
        f"source {s.name} should have been fetched {format_duration((now - s.next_at).total_seconds())} ago"
        for s in sources
        if s.next_at is not None and (now - s.next_at).total_seconds() > OVERDUE_S
    ]


def stuck(store: Store, now: datetime, notifiers: Sequence[str]) -> list[str]:
    """Notifiers to which notifications do not get through, a line each."""
    return [
        f"notifications to {name} do not get through for {format_duration(STUCK_S)} or longer ({number} wait)"
        for name, number in store.outbox.stuck(now - timedelta(seconds=STUCK_S), notifiers)
    ]


def undelivered(store: Store, now: datetime, notifiers: Collection[str]) -> dict[str, int]:
    """How many notifications were given up lately that are a problem still: ``{notifier: number}``, by name."""
    given_up = store.outbox.lately_dead(now - timedelta(seconds=DEAD_S))
    return dict(sorted(Counter(e.notifier for e in given_up if e.notifier in notifiers).items()))


def untold(store: Store, now: datetime, notifiers: Collection[str]) -> dict[str, str]:
    """Notifiers that cannot be told what still fires, so that alerts end there, or cannot say how the monitor is.

    ``{name: a line}``.
    """
    troubles = store.heartbeats.troubles()
    found = {}
    for name in notifiers:
        for of, what in ((REFRESH, "be told what still fires"), (PING, "say how the monitor is")):
            since, why = troubles.get(of + name, (now, ""))
            if (now - since).total_seconds() >= UNTOLD_S:
                found[name] = f"{name} cannot {what}, since {moment(since)}: {why}"
    return found


def _not_taken_up(store: Store) -> list[str]:
    trouble = store.heartbeats.troubles().get(RELOAD)
    if trouble is None:
        return []
    at, why = trouble
    return [
        f"the configuration could not be read again, so the earlier one goes on since {moment(at)}: {why}"
    ]


def _left_out(store: Store) -> list[str]:
    troubles = store.heartbeats.troubles()
    return [
        f"{what.removeprefix(PART)} of the configuration is left out: {why}"
        for what, (_, why) in troubles.items()
        if what.startswith(PART)
    ]


def _silent(store: Store, beats: Mapping[str, datetime], now: datetime, patience: float) -> list[str]:
    began = store.heartbeats.began()
    if began is not None and (now - began).total_seconds() < patience:
        return []
    missing = [stage for stage in ("fetch", "classify", "judge", "deliver") if stage not in beats]
    return [f"no sign of life yet from: {', '.join(missing)}"] if missing else []
